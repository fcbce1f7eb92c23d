//===- main.cpp - the command line ----------------------------------------===//
//
// Only the flags live here; what they do is in lib/Driver, one file a verb.
//
//===----------------------------------------------------------------------===//

#include "nacre/Codegen/Target.h"
#include "nacre/Driver/Commands.h"
#include <CLI/CLI.hpp>
#include <functional>

using namespace nacre;
using namespace nacre::driver;

static const char *description =
    "Compiles neural networks (ONNX, the graph language or textual lazy IR) to "
    "code.\n"
    "Exit codes: 0 ok, 2 usage, 3 model invalid or unsupported,\n"
    "4 numbers differ, 5 a limit is exceeded, 70 a bug,\n"
    "130 and 143 training that SIGINT or SIGTERM stopped.";

/// "cpu (machine code, by LLVM), ..."
static std::string targetList() {
  std::string list;
  for (const Target *target : targets())
    list += (list.empty() ? "" : ", ") + target->name().str() + " (" +
            target->description().str() + ")";
  return list;
}

/// "llvm or asm of cpu, ..."
static std::string textPhaseList() {
  std::string list;
  for (const Target *target : targets())
    list += ", " + enumeration(target->textPhases()) + " of " +
            target->name().str();
  return list;
}

/// A flag that may be given several times, one value each: what follows the
/// value is the model's name or another flag.
static void repeatable(CLI::Option *option, const char *type) {
  option->type_name(type)
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all()
      ->default_str("");
}

/// Flags that every verb has.
static void addModelFlags(CLI::App *verb, ModelOptions &options) {
  verb->set_help_flag("--help,-h", "Print this and exit");
  verb->add_option("MODEL", options.model, "Model file")->required();
  verb->add_option("--params", options.parameters,
                   "Values of the parameters of an .ngl model, as training "
                   "saves them (default: the initial ones, with seed 0)")
      ->type_name("FILE.safetensors");
  options.target = targets().front()->name().str();
  verb->add_option("--target", options.target,
                   "What to make code for: " + targetList())
      ->type_name("NAME");
  verb->add_option("--triple", options.triple,
                   "LLVM target triple (default: this machine's)")
      ->type_name("TRIPLE");
  verb->add_option("--cpu", options.cpu,
                   "host or an LLVM CPU name (default: host)")
      ->type_name("NAME");
  verb->add_option("--features", options.features,
                   "LLVM features, as +avx2,-fma")
      ->type_name("LIST");
  verb->add_option("-O", options.optLevel, "Optimization level")
      ->check(CLI::Range(0, 3).description(""))
      ->type_name("0..3");
  repeatable(
      verb->add_option("--dim", options.dims,
                       "Extent of an open dim; NAME=LEAST..MOST keeps it open"),
      "NAME=N");
  repeatable(verb->add_option("--fix", options.fix,
                              "Compile for one value of an input: a number, "
                              "or the file (.npy or .pb) of a tensor"),
             "INPUT=VALUE");
  repeatable(verb->add_option("--state", options.states,
                              "An output is the next run's value of an input: "
                              "both become a state, changed in its place"),
             "OUTPUT=INPUT");
  verb->add_option("--threads", options.threads,
                   "Threads to run on, 0 for one per processor")
      ->type_name("N");
  verb->add_option("--memory-budget", options.memoryBudget,
                   "Compute values twice where a run would need more memory "
                   "between kernels; bytes, or with K, M or G")
      ->type_name("SIZE");
  verb->add_flag("--strict-fp", options.strictFp,
                 "Sum no other products than the model's (no Winograd) and "
                 "divide by no reciprocals");
  verb->add_flag("!--no-groups", options.groups,
                 "Run each kernel for itself, none in groups slice by slice");
  verb->add_option("--from", options.from,
                   "Phase that made the text: import, fuse or schedule")
      ->type_name("PHASE");
  verb->add_flag("--allow-hardlinks", options.allowHardlinks,
                 "Read external data that has other names too");
  verb->add_option("--max-nodes", options.maxNodes,
                   "Most nodes of a model, its functions inlined")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N");
  verb->add_option("--max-fold-bytes", options.maxFoldBytes,
                   "Largest constant that importing may compute")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N");
  verb->add_flag("--json", options.json, "Report as JSON on stdout");
}

/// For verbs that compile a model; after addModelFlags.
static void addScheduleFlags(CLI::App *verb, ModelOptions &options) {
  verb->add_option("--schedules", options.schedules,
                   "Schedules of kernels that --tune-log wrote, in place of "
                   "the cost model's")
      ->type_name("FILE");
  verb->add_option("--tune", options.tune,
                   "Look for faster schedules by measuring on this machine, "
                   "for so long")
      ->type_name("SECONDS");
  verb->add_option("--tune-log", options.tuneLog,
                   "Write what --tune found, for --schedules")
      ->type_name("FILE");
}

/// For verbs that run a model; after addModelFlags.
static void addInterpret(CLI::App *verb, ModelOptions &options) {
  verb->add_flag("--interpret", options.interpret,
                 "Run the reference interpreter, compile nothing")
      ->excludes("--target")
      ->excludes("--memory-budget");
}

static void addSeed(CLI::App *verb, uint64_t &seed) {
  verb->add_option("--seed", seed, "Seed of random inputs")->type_name("N");
}

/// What a training is made of beside the model.
static void addTrainingModelFlags(CLI::App *verb,
                                  TrainingModelOptions &options) {
  verb->add_option("--batch", options.batch,
                   "Examples of a batch, where the model leaves it open")
      ->type_name("N");
  verb->add_option("--optimizer", options.optimizer,
                   "As in the graph language: \"adamw(lr = 1e-3)\"")
      ->type_name("TEXT");
  verb->add_option("--loss", options.loss,
                   "Loss of an ONNX model: cross_entropy")
      ->type_name("NAME");
  repeatable(verb->add_option("--learn", options.learn,
                              "Parameters that learn; all others do not"),
             "PATTERN");
  repeatable(verb->add_option("--freeze", options.freeze,
                              "Parameters that do not learn"),
             "PATTERN");
  verb->add_option("--lora", options.lora,
                   "Learn adapters of this rank beside frozen matrices")
      ->type_name("RANK");
  verb->add_option("--micro-batches", options.microBatches,
                   "Batches whose gradients make a step (default: the "
                   "model's, or 1)")
      ->type_name("N");
}

static void addTrainFlags(CLI::App *verb, TrainOptions &options) {
  addModelFlags(verb, options);
  verb->add_option("--data", options.data,
                   "Examples to learn from: .npz or .safetensors with an array "
                   "for each data input")
      ->required()
      ->type_name("FILE");
  addTrainingModelFlags(verb, options);
  verb->add_option("--valid", options.valid, "Examples to evaluate on")
      ->type_name("FILE");
  verb->add_option("--steps", options.steps, "Train to this step")
      ->type_name("N");
  verb->add_option("--epochs", options.epochs,
                   "Train until every example was seen this many times")
      ->type_name("N");
  verb->add_option("--seed", options.seed,
                   "Seed of the weights, the order and of dropout (default: "
                   "the model's, or 0)")
      ->type_name("S");
  verb->add_option("--ranks", options.ranks,
                   "Train as one of several processes that talk through mpi, "
                   "or through a plug-in of this path")
      ->type_name("HOW");
  verb->add_flag("--shard-optimizer", options.shardOptimizer,
                 "Divide the optimizer's states among the ranks");
  verb->add_flag("--fast-sums", options.fastSums,
                 "Add gradients of ranks in any order, while others are "
                 "computed");
  verb->add_option("--checkpoint", options.checkpoint,
                   "Keep the state of training in this .safetensors file")
      ->type_name("FILE");
  verb->add_option("--checkpoint-every", options.checkpointEvery,
                   "Steps between checkpoints, 0 for once an epoch")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  verb->add_flag("--resume", options.resume,
                 "Go on from the checkpoint, if there is one");
  verb->add_option("--log", options.log, "Write each step to .csv or .jsonl")
      ->type_name("FILE");
  verb->add_option("--curve", options.curve, "Draw the loss to a .svg")
      ->type_name("FILE");
  verb->add_option("--eval-every", options.evalEvery,
                   "Steps between evaluations, 0 for once an epoch")
      ->check(CLI::NonNegativeNumber.description(""))
      ->type_name("N");
  verb->add_option("-o,--output", options.output,
                   "Write the trained model: .safetensors or .onnx")
      ->type_name("FILE");
}

/// A wrong command line as an error: unknown words with what may be meant.
static llvm::Error usageError(const CLI::App &app,
                              const CLI::ParseError &error) {
  std::vector<std::string> verbs, flags;
  for (const CLI::App *verb :
       app.get_subcommands([](const CLI::App *) { return true; }))
    verbs.push_back(verb->get_name());
  auto say = [](const std::string &what, const std::string &word,
                const std::vector<std::string> &known) {
    std::string meant = suggestion(word, known);
    return fail(ExitUsage,
                what + " '" + word + "'" +
                    (meant.empty() ? "" : ", did you mean '" + meant + "'?"));
  };
  std::vector<CLI::App *> used = app.get_subcommands();
  const CLI::App &current = used.empty() ? app : *used.front();
  for (const CLI::Option *option : current.get_options())
    for (const std::string &name : option->get_lnames())
      flags.push_back("--" + name);
  for (std::string word : current.remaining())
    if (word.size() > 1 && word[0] == '-')
      return say("unknown option", word.substr(0, word.find('=')), flags);
  if (used.empty()) {
    for (const std::string &word : app.remaining())
      return say("unknown command", word, verbs);
    return fail(ExitUsage, "no command is given, see nacre --help");
  }
  for (const std::string &word : current.remaining())
    return fail(ExitUsage, "unexpected argument '" + word + "'");
  return fail(ExitUsage, std::string(error.what()));
}

static int dispatch(int argc, char **argv) {
  CLI::App app(description, "nacre");
  app.set_help_flag("--help,-h", "Print this and exit");
  app.set_version_flag("--version", "nacre " NACRE_VERSION);
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  std::function<llvm::Error()> action;

  CompileOptions compileOptions;
  CLI::App *verb =
      app.add_subcommand("compile", "Make an object or a folder of files");
  addModelFlags(verb, compileOptions);
  addScheduleFlags(verb, compileOptions);
  verb->add_option("-o,--output", compileOptions.output,
                   "Folder, or file .o or .so; with --emit a text file, - or "
                   "nothing for stdout")
      ->type_name("PATH");
  verb->add_option("--name", compileOptions.name,
                   "C name of the model (default: from the file name)")
      ->type_name("NAME");
  verb->add_option("--weights", compileOptions.weights,
                   "embed in the object (default), or file beside it")
      ->type_name("WHERE");
  verb->add_option("--emit", compileOptions.emit,
                   "Print instead: import, fuse, schedule, onnx" +
                       textPhaseList())
      ->type_name("PHASE");
  verb->add_option("--depfile", compileOptions.depfile,
                   "Write a make rule with what the object depends on")
      ->type_name("FILE");
  verb->add_flag("--train", compileOptions.train,
                 "A training object: init, step, eval and checkpoints; the "
                 "options below say more");
  verb->add_option("--steps", compileOptions.steps,
                   "Where the schedule of the learning rate ends, unless the "
                   "model says")
      ->type_name("N");
  addTrainingModelFlags(verb, compileOptions);
  verb->callback([&] { action = [&] { return compile(compileOptions); }; });

  BuildOptions buildOptions;
  verb = app.add_subcommand("build", "Make a standalone executable");
  addModelFlags(verb, buildOptions);
  addScheduleFlags(verb, buildOptions);
  verb->add_option("-o,--output", buildOptions.output, "Executable")
      ->required()
      ->type_name("FILE");
  verb->add_option("--name", buildOptions.name, "C name of the model")
      ->type_name("NAME");
  verb->add_option("--runtime", buildOptions.runtime,
                   "Folder of libnacre_rt.a (default: beside this program)")
      ->type_name("DIR");
  verb->callback([&] { action = [&] { return build(buildOptions); }; });

  RunOptions runOptions;
  verb = app.add_subcommand("run", "Compile, run once, show or write outputs");
  addModelFlags(verb, runOptions);
  addScheduleFlags(verb, runOptions);
  addInterpret(verb, runOptions);
  addSeed(verb, runOptions.seed);
  repeatable(verb->add_option("--input", runOptions.inputs,
                              "Value of an input: FILE.npy, FILE.pb or random"),
             "NAME=FILE");
  verb->add_option("--data", runOptions.data,
                   "Folder with input_N.npy or input_N.pb in model order")
      ->type_name("DIR");
  verb->add_option("--output-dir", runOptions.outputDir,
                   "Write output_N.npy and outputs.json there")
      ->type_name("DIR");
  verb->add_option("--generate", runOptions.generate,
                   "Tokens that a language model with a cache goes on with; "
                   "--input is the prompt")
      ->excludes("--interpret")
      ->check(CLI::Range(1, 1 << 20).description(""))
      ->type_name("N");
  verb->add_option("--temperature", runOptions.temperature,
                   "Of chance among tokens; 0 takes the likeliest (default: 0)")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->type_name("T");
  verb->add_option("--top-k", runOptions.topK,
                   "Choose among the K likeliest tokens (default: all)")
      ->check(CLI::Range(1, 1 << 30).description(""))
      ->type_name("K");
  verb->add_option("--end-token", runOptions.endToken,
                   "The token that ends a text")
      ->type_name("ID");
  verb->callback([&] { action = [&] { return run(runOptions); }; });

  VerifyOptions verifyOptions;
  verb = app.add_subcommand("verify", "Compare with known outputs, or with the "
                                      "reference interpreter");
  addModelFlags(verb, verifyOptions);
  addScheduleFlags(verb, verifyOptions);
  addInterpret(verb, verifyOptions);
  addSeed(verb, verifyOptions.seed);
  repeatable(verb->add_option("--data", verifyOptions.data,
                              "Folder with input_N and output_N; may be "
                              "repeated"),
             "DIR");
  verb->add_option("--rtol", verifyOptions.rtol, "Relative tolerance")
      ->type_name("R");
  verb->add_option("--atol", verifyOptions.atol,
                   "Absolute tolerance, times the output's largest magnitude")
      ->type_name("A");
  verb->add_option("--outliers", verifyOptions.outliers,
                   "Elements of an output that may lie outside the tolerance")
      ->type_name("N");
  verb->add_flag("--reference", verifyOptions.reference,
                 "Compare with the reference interpreter too");
  verb->callback([&] { action = [&] { return verify(verifyOptions); }; });

  BenchOptions benchOptions;
  verb = app.add_subcommand("bench", "Measure the time of a run");
  addModelFlags(verb, benchOptions);
  addScheduleFlags(verb, benchOptions);
  addSeed(verb, benchOptions.seed);
  verb->add_option("--data", benchOptions.data, "Folder with input_N files")
      ->type_name("DIR");
  verb->add_option("--min-time", benchOptions.minTime, "Seconds to measure")
      ->type_name("S");
  verb->add_option("--html", benchOptions.html, "Write a page too")
      ->type_name("FILE");
  verb->callback([&] { action = [&] { return bench(benchOptions); }; });

  InspectOptions inspectOptions;
  verb = app.add_subcommand("inspect", "Describe a model, object or weights");
  addModelFlags(verb, inspectOptions);
  verb->get_option("MODEL")->required(false); // not for --coverage
  CLI::Option *html =
      verb->add_option("--html", inspectOptions.html, "Write a page instead")
          ->type_name("FILE");
  verb->add_flag("--coverage", inspectOptions.coverage,
                 "Each op of an ONNX model: whether it is read and what blocks "
                 "it; without MODEL all ops that are read")
      ->excludes(html);
  verb->callback([&] { action = [&] { return inspect(inspectOptions); }; });

  TrainOptions trainOptions;
  verb = app.add_subcommand("train", "Train a model on data");
  addTrainFlags(verb, trainOptions);
  verb->callback([&] { action = [&] { return train(trainOptions); }; });
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &wish) { // --help, --version
    return app.exit(wish);
  } catch (const CLI::ParseError &error) {
    return report(usageError(app, error));
  }
  return report(action());
}

int main(int argc, char **argv) {
  installCrashReport(argc, argv);
  try {
    return dispatch(argc, argv);
  } catch (const std::bad_alloc &) {
    return report(fail(ExitLimit, "out of memory"));
  }
}
