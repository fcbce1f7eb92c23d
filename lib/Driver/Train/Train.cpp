//===- Train.cpp - nacre train --------------------------------------------===//

#include "../Data.h"
#include "Curve.h"
#include "Loop.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <unistd.h>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

namespace nacre::driver {

/// What is wrong with the command line, before anything is read.
static llvm::Error checkOptions(const TrainOptions &options) {
  auto extension = [](StringRef path) {
    return llvm::sys::path::extension(path);
  };
  if (options.steps.has_value() == options.epochs.has_value())
    return fail(ExitUsage, options.steps
                               ? "--steps and --epochs exclude each other"
                               : "how long to train is not given, use --steps "
                                 "N or --epochs N");
  for (auto [flag, value] : {std::pair("--steps", options.steps),
                             std::pair("--epochs", options.epochs)})
    if (value && (*value < 1 || *value > int64_t(1) << 40))
      return fail(ExitUsage,
                  Twine(flag) + ": " + Twine(*value) + " is not in 1..2^40");
  if (options.checkpoint.empty() && (options.resume || options.checkpointEvery))
    return fail(ExitUsage,
                Twine(options.resume ? "--resume" : "--checkpoint-every") +
                    ": --checkpoint says no file");
  if (!options.checkpoint.empty() &&
      extension(options.checkpoint) != ".safetensors")
    return fail(ExitUsage, Twine("--checkpoint: '") + options.checkpoint +
                               "' is not .safetensors");
  if (!options.curve.empty() && extension(options.curve) != ".svg")
    return fail(ExitUsage,
                Twine("--curve: '") + options.curve + "' is not .svg");
  if (!options.output.empty() && extension(options.output) != ".safetensors" &&
      extension(options.output) != ".onnx")
    return fail(ExitUsage, Twine("-o: '") + options.output +
                               "' is neither .safetensors nor .onnx");
  if (extension(options.output) == ".onnx" && options.lora)
    return fail(ExitUsage, "-o: adapters are written to .safetensors only");
  if (extension(options.output) == ".onnx" &&
      extension(options.model) == ".mlir")
    return fail(ExitUsage, "-o: programs in textual IR have no model of their "
                           "own to write, only .safetensors");
  if (!options.output.empty() && options.output == options.checkpoint)
    return fail(ExitUsage, "-o and --checkpoint are the same file");
  if (options.evalEvery && options.valid.empty())
    return fail(ExitUsage, "--eval-every: --valid says no file");
  if (options.microBatches && *options.microBatches < 1)
    return fail(ExitUsage, "--micro-batches: " + Twine(*options.microBatches) +
                               " is not above 0");
  if (options.fastSums && options.ranks.empty())
    return fail(ExitUsage, "--fast-sums: there are no ranks, use --ranks mpi");
  if (options.shardOptimizer && options.ranks.empty())
    return fail(ExitUsage,
                "--shard-optimizer: there are no ranks, use --ranks mpi");
  if (!options.from.empty())
    return fail(ExitUsage, "--from: training begins at import");
  return llvm::Error::success();
}

/// Whether the ranks can share the micro-batches of a step.
static llvm::Error checkRanks(const Training &training) {
  const int64_t ranks = training.ranks->count(), all = training.accumulate;
  if (all % ranks)
    return fail(ExitUsage,
                "--ranks: " + Twine(ranks) +
                    " ranks share the micro-batches of a step, and " +
                    Twine(all) + (all == 1 ? " is" : " are") +
                    " no multiple of " + Twine(ranks) +
                    "; use --micro-batches N");
  if (ranks > 1 && !training.fastSums &&
      !(llvm::isPowerOf2_64(ranks) && llvm::isPowerOf2_64(all / ranks)))
    return fail(ExitUsage,
                "--ranks: sums that do not depend on the number of ranks need "
                "powers of two, not " +
                    Twine(ranks) + " ranks and " + Twine(all / ranks) +
                    (all / ranks == 1 ? " micro-batch" : " micro-batches") +
                    " to each; --fast-sums takes any numbers");
  return llvm::Error::success();
}

/// The examples of a batch, which all data inputs must have as their leading
/// extent.
static llvm::Expected<int64_t> batchOf(StringRef model,
                                       llvm::ArrayRef<TensorInfo> inputs) {
  if (inputs.empty())
    return fail(ExitModel, model + ": training has no data inputs");
  std::vector<std::string> errors;
  for (const TensorInfo &input : inputs)
    if (input.shape.empty())
      errors.push_back(
          (model + ": data '" + input.name + "' has no axis of examples")
              .str());
    else if (!inputs[0].shape.empty() && input.shape[0] != inputs[0].shape[0])
      errors.push_back((model + ": data '" + input.name + "' has " +
                        Twine(input.shape[0]) + " examples a batch, '" +
                        inputs[0].name + "' has " + Twine(inputs[0].shape[0]))
                           .str());
    else if (input.shape[0] == 0)
      errors.push_back(
          (model + ": data '" + input.name + "' has batches of no examples")
              .str());
  if (!errors.empty())
    return fail(ExitModel, errors);
  return inputs[0].shape[0];
}

/// Fills the states as the seed says: `init` gives parameters and buffers, the
/// rest are zeros.
static llvm::Error initialize(Training &training, StateProgram &init) {
  training.states.setCounter("nacre.seed", int64_t(training.seed));
  std::vector<Tensor> data;
  for (const TensorInfo &input : init.data()) {
    if (!input.shape.empty() || input.dtype != DType::I64)
      return fail(ExitModel, "init: input '" + input.name +
                                 "' is not a seed, a scalar i64");
    data.push_back(
        Tensor::of<int64_t>(DType::I64, {}, {int64_t(training.seed)}));
  }
  llvm::Expected<Scalars> done = init.run(training.states, data);
  return done.takeError();
}

static llvm::Error addStates(States &states,
                             const std::optional<StateProgram> &program) {
  return program ? states.add(program->states()) : llvm::Error::success();
}

/// Compiles the programs and makes room for their states.
static llvm::Error compileAll(Training &training, const Toolchain &tools,
                              mlir::MLIRContext &context,
                              const TrainingSource &source,
                              autodiff::TrainingPrograms programs,
                              std::optional<Examples> valid,
                              StateProgram &init) {
  for (auto [program, into] :
       {std::pair(&programs.step, &training.step),
        std::pair(&programs.gradient, &training.gradient),
        std::pair(&programs.apply, &training.apply)}) {
    if (!*program)
      continue;
    llvm::Expected<StateProgram> compiled =
        StateProgram::compile(std::move(**program), tools);
    if (!compiled)
      return compiled.takeError();
    *into = std::move(*compiled);
    if (llvm::Error error = addStates(training.states, *into))
      return error;
  }
  // The budget is that of a step.
  Toolchain others = tools;
  others.options.memoryBudget = 0;
  std::vector<autodiff::State> evalStates = autodiff::statesOf(programs.eval);
  if (valid) {
    llvm::Expected<Evaluation> evaluation = Evaluation::create(
        context, source, others, std::move(programs.eval), std::move(*valid));
    if (!evaluation)
      return evaluation.takeError();
    training.evaluation = std::move(*evaluation);
    if (llvm::Error error = training.states.add(evalStates))
      return error;
  }
  llvm::Expected<StateProgram> compiled =
      StateProgram::compile(std::move(programs.init), others);
  if (!compiled)
    return compiled.takeError();
  init = std::move(*compiled);
  return training.states.add(init.states());
}

/// Either the checkpoint's states or new ones.
static llvm::Error setStates(Training &training, StateProgram &init,
                             const TrainOptions &options) {
  for (const std::string *file :
       {&options.checkpoint, &options.log, &options.curve, &options.output})
    if (!file->empty() && training.speaks())
      removeUnfinished(*file);
  if (!options.resume || !llvm::sys::fs::exists(options.checkpoint)) {
    if (options.resume)
      llvm::errs() << "nacre: " << printable(options.checkpoint)
                   << " is not there yet, training begins at step 0\n";
    if (llvm::Error error = initialize(training, init))
      return error;
    if (options.parameters.empty())
      return llvm::Error::success();
    llvm::Expected<int64_t> missing =
        readParameters(options.parameters, training.states);
    if (!missing)
      return missing.takeError();
    if (*missing)
      llvm::errs() << "nacre: " << printable(options.parameters) << " has not "
                   << *missing << (*missing == 1 ? " tensor" : " tensors")
                   << " of the model, which keep their initial values\n";
    return llvm::Error::success();
  }
  TrainingFacts wanted = training.facts();
  wanted.erase(Training::scheduleEndKey);
  if (!options.seed)
    wanted.erase("seed");
  llvm::Expected<TrainingFacts> found = readCheckpoint(
      options.checkpoint, training.states, wanted, training.shares);
  if (!found)
    return found.takeError();
  if (StringRef((*found)["step"]).getAsInteger(10, training.firstStep) ||
      StringRef((*found)["seed"]).getAsInteger(10, training.seed) ||
      training.firstStep < 0)
    return fail(ExitModel,
                Twine(options.checkpoint) + ": does not say its step and seed");
  auto end = found->find(Training::scheduleEndKey);
  if (training.scheduleFollowsSteps && end != found->end() &&
      end->second != std::to_string(training.steps))
    return fail(ExitUsage,
                Twine(options.checkpoint) +
                    ": was made with a learning rate whose schedule ends at "
                    "step " +
                    end->second + ", now it would end at step " +
                    Twine(training.steps) + "; total = " + end->second +
                    " in the schedule keeps it");
  if (training.firstStep > training.steps)
    return fail(ExitUsage, Twine(options.checkpoint) + " is of step " +
                               Twine(training.firstStep) +
                               ", training ends at step " +
                               Twine(training.steps));
  llvm::errs() << "nacre: " << printable(options.checkpoint)
               << ", going on from step " << training.firstStep << "\n";
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// The end
//===----------------------------------------------------------------------===//

static Json scalarsJson(const Scalars &scalars) {
  Json json = Json::object();
  for (const auto &[name, value] : scalars)
    json[name] = value;
  return json;
}

/// The middle one, in milliseconds.
static double medianMs(std::vector<double> seconds) {
  auto middle = seconds.begin() + seconds.size() / 2;
  std::nth_element(seconds.begin(), middle, seconds.end());
  return *middle * 1e3;
}

static llvm::Error reportEnd(const Training &training,
                             const TrainOptions &options, double seconds) {
  const Record *last = nullptr, *valid = nullptr;
  for (const Record &record : training.history)
    (record.valid ? valid : last) = &record;
  if (options.json) {
    Json json = {{"model", training.name},
                 {"steps", training.steps},
                 {"first_step", training.firstStep},
                 {"seed", training.seed},
                 {"batch", training.batch},
                 {"micro_batches", training.accumulate},
                 {"examples", training.examples.count}};
    if (training.ranks)
      json["ranks"] = training.ranks->count();
    if (last)
      json["train"] = scalarsJson(last->values);
    if (valid)
      json["valid"] = scalarsJson(valid->values);
    json["seconds"] = seconds;
    if (!training.stepSeconds.empty())
      json["step_ms"] = medianMs(training.stepSeconds);
    for (auto [name, program] : {std::pair("step", &training.step),
                                 std::pair("gradient", &training.gradient),
                                 std::pair("apply", &training.apply)})
      if (*program)
        json["arena_bytes"][name] = (*program)->arenaBytes();
    if (!training.evaluationSeconds.empty())
      json["evaluation_ms"] = medianMs(training.evaluationSeconds);
    for (auto [name, path] :
         {std::pair("checkpoint", &options.checkpoint),
          std::pair("log", &options.log), std::pair("curve", &options.curve),
          std::pair("output", &options.output)})
      if (!path->empty())
        json[name] = *path;
    printJson(json);
    return finishOutput();
  }
  if (::isatty(STDOUT_FILENO)) {
    winsize size = {};
    int width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
                    ? size.ws_col
                    : 80;
    llvm::outs() << textCurve(training.history, std::min(width - 1, 100),
                              /*blocks=*/true);
  }
  llvm::outs() << printable(training.name) << ": " << training.steps
               << (training.steps == 1 ? " step" : " steps");
  for (const Record *record : {last, valid})
    if (record)
      for (const auto &[name, value] : record->values)
        if (record->valid || name == "loss")
          llvm::outs() << ", " << (record->valid ? "evaluation " : "")
                       << printable(name) << " " << numberText(value, 4);
  llvm::outs() << ", " << llvm::format("%.1f", seconds) << " s\n";
  return finishOutput();
}

/// What a training needs besides itself, and what of it the ranks must share.
struct Prepared {
  std::unique_ptr<mlir::MLIRContext> context;
  Training training;
  TrainingFacts shared;
};

/// All that comes before the first step.
static llvm::Error prepare(const TrainOptions &options, Prepared &prepared) {
  auto &[context, training, shared] = prepared;
  if (llvm::Error error = checkOptions(options))
    return error;
  llvm::Expected<Toolchain> tools = chooseToolchain(options);
  if (!tools)
    return tools.takeError();
  tools->options.embedWeights = false;
  llvm::Expected<TrainingSource> source = TrainingSource::open(options);
  if (!source)
    return source.takeError();
  context = makeContext();
  llvm::Expected<ImportedTraining> imported =
      source->import(*context, source->batch());
  if (!imported)
    return imported.takeError();

  training.name = imported->name;
  training.accumulate = imported->accumulate;
  training.seed = options.seed.value_or(imported->seed);
  training.checkpoint = options.checkpoint;
  if (training.ranks)
    if (llvm::Error error = checkRanks(training))
      return error;
  const std::vector<TensorInfo> inputs = dataInputs(imported->training());
  llvm::Expected<int64_t> batch = batchOf(options.model, inputs);
  if (!batch)
    return batch.takeError();
  training.batch = *batch;
  llvm::Expected<Examples> examples = readExamples(options.data, inputs);
  if (!examples)
    return examples.takeError();
  training.examples = std::move(*examples);
  const int64_t perStep = training.batch * training.accumulate;
  if (training.examples.count < perStep)
    return fail(ExitModel, Twine(options.data) + ": has " +
                               Twine(training.examples.count) +
                               " examples, a step needs " + Twine(perStep));
  const int64_t perEpoch = training.examples.count / perStep;
  training.steps = options.steps ? *options.steps : *options.epochs * perEpoch;
  training.evalEvery = options.evalEvery ? options.evalEvery : perEpoch;
  training.checkpointEvery =
      options.checkpointEvery ? options.checkpointEvery : perEpoch;
  std::optional<Examples> valid;
  if (!options.valid.empty() && training.speaks()) {
    llvm::Expected<Examples> read =
        readExamples(options.valid, dataInputs(imported->evaluation()));
    if (!read)
      return read.takeError();
    if (read->count < (source->batchIsOpen() ? 1 : training.batch))
      return fail(ExitModel,
                  Twine(options.valid) + ": has " + Twine(read->count) +
                      " examples, an evaluation needs " +
                      Twine(source->batchIsOpen() ? 1 : training.batch));
    valid = std::move(*read);
  }

  training.scheduleFollowsSteps = imported->scheduleFollowsSteps();
  llvm::Expected<autodiff::TrainingPrograms> programs =
      training.ranks && options.shardOptimizer
          ? programsOf(*context, std::move(*imported), training.steps,
                       training.ranks->count(), training.ranks->rank())
          : programsOf(*context, std::move(*imported), training.steps);
  if (!programs)
    return withCode(ExitModel, programs.takeError());
  training.shares = std::move(programs->shares);
  if (training.ranks) {
    shared = training.facts();
    shared["--shard-optimizer"] = options.shardOptimizer ? "on" : "off";
    shared["processor"] = tools->machine.name;
    shared["optimization level"] = std::to_string(tools->options.optLevel);
    shared["steps"] = std::to_string(training.steps);
    shared["steps between evaluations"] = std::to_string(training.evalEvery);
    shared["steps between checkpoints"] =
        std::to_string(training.checkpointEvery);
    shared["hash of the gradient program"] = digestOf(*programs->gradient);
    // Each of several shards has an update of its own.
    if (training.shares.empty())
      shared["hash of the update program"] = digestOf(*programs->apply);
    shared["hash of the data"] = digestOf(training.examples.arrays);
  }
  StateProgram init;
  if (llvm::Error error =
          compileAll(training, *tools, *context, *source, std::move(*programs),
                     std::move(valid), init))
    return error;
  llvm::errs() << "nacre: " << training.examples.count << " examples, "
               << perEpoch << (perEpoch == 1 ? " step" : " steps")
               << " an epoch of " << perStep;
  if (int64_t left = training.examples.count % perStep)
    llvm::errs() << ", " << left << " left out in each";
  llvm::errs() << "\n";
  if (training.evaluation && training.evaluation->leftOut())
    llvm::errs() << "nacre: the batch is fixed, the last "
                 << training.evaluation->leftOut()
                 << " examples are not evaluated\n";
  if (llvm::Error error = setStates(training, init, options))
    return error;
  if (training.ranks) {
    shared["first step"] = std::to_string(training.firstStep);
    shared["hash of the states"] =
        digestOf(training.states, training.shares.empty());
  }
  if (!options.log.empty() && training.speaks()) {
    llvm::Expected<std::unique_ptr<LogFile>> log =
        LogFile::open(options.log, options.resume ? training.firstStep : -1,
                      training.history);
    if (!log)
      return log.takeError();
    training.log = std::move(*log);
  }
  return llvm::Error::success();
}

/// The files and the report at the end, given how training ended.
static llvm::Error finish(const TrainOptions &options, Prepared &prepared,
                          llvm::Error failed, double seconds) {
  const Training &training = prepared.training;
  // A curve that ends in a failure is the one to look at.
  if (!options.curve.empty())
    if (llvm::Error error = withCode(
            ExitUsage,
            artifact::writeFile(options.curve, [&](llvm::raw_ostream &os) {
              os << svgCurve(training.history, "Training of " + training.name);
            })))
      failed = llvm::joinErrors(std::move(failed), std::move(error));
  if (failed)
    return failed;
  if (!options.output.empty())
    if (llvm::Error error = saveModel(*prepared.context, training, options))
      return error;
  return reportEnd(training, options, seconds);
}

llvm::Error train(const TrainOptions &options) {
  Prepared prepared;
  Training &training = prepared.training;
  if (!options.ranks.empty()) {
    llvm::Expected<Ranks *> ranks = Ranks::open(options.ranks);
    if (!ranks)
      return ranks.takeError();
    training.ranks = *ranks;
    training.fastSums = options.fastSums;
  }
  // From here to the end all ranks go on, or all stop with one message.
  auto agreed = [&](llvm::Error error) {
    return training.ranks ? training.ranks->agree(std::move(error))
                          : std::move(error);
  };
  if (llvm::Error error = agreed(prepare(options, prepared)))
    return error;
  if (training.ranks)
    if (llvm::Error error = training.ranks->compare(prepared.shared))
      return error;
  Clock::time_point start = Clock::now();
  llvm::Error failed = runSteps(training);
  double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (training.speaks())
    failed = finish(options, prepared, std::move(failed), seconds);
  return agreed(std::move(failed));
}

} // namespace nacre::driver
