//===- Assemble.cpp - from an evaluated text to programs ------------------===//
#include "Assemble.h"

using llvm::StringRef;
using namespace mlir;

namespace nacre::graph_frontend {

static RankedTensorType counterType(MLIRContext &context) {
  return RankedTensorType::get({}, IntegerType::get(&context, 64));
}

void beginInit(Evaluator &evaluator) {
  Emission &init = evaluator.init;
  Location loc = UnknownLoc::get(&evaluator.context);
  init.seed = init.body->addArgument(counterType(evaluator.context), loc);
  // No step of training is -1: its numbers differ from those of init.
  lazy::Build build{init.builder, loc};
  init.step = build.splat(init.builder.getI64Type(), -1);
}

void beginCounters(Evaluator &evaluator) {
  Location loc = UnknownLoc::get(&evaluator.context);
  for (Value *counter : {&evaluator.main.seed, &evaluator.main.step})
    *counter =
        evaluator.main.body->addArgument(counterType(evaluator.context), loc);
}

void beginConstantCounters(Evaluator &evaluator) {
  Emission &main = evaluator.main;
  lazy::Build build{main.builder, UnknownLoc::get(&evaluator.context)};
  main.seed = main.step = build.splat(main.builder.getI64Type(), 0);
}

static void setState(func::FuncOp main, unsigned i, bool isResult,
                     StringRef name, autodiff::StateKind kind) {
  Builder b(main.getContext());
  for (auto [key, value] : {std::pair<StringRef, StringRef>("lazy.name", name),
                            {"lazy.state", name},
                            {"lazy.state_kind", autodiff::stateKindName(kind)}})
    if (isResult)
      main.setResultAttr(i, key, b.getStringAttr(value));
    else
      main.setArgAttr(i, key, b.getStringAttr(value));
}

/// Return, function type, names of results; dead operations and weights gone.
static void finish(Emission &emission, ArrayRef<Output> outputs) {
  OpBuilder &builder = emission.builder;
  SmallVector<Value> results;
  for (const Output &output : outputs)
    results.push_back(output.value);
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  emission.main.setFunctionType(builder.getFunctionType(
      emission.body->getArgumentTypes(), ValueRange(results).getTypes()));
  for (auto [i, output] : llvm::enumerate(outputs))
    if (output.state)
      setState(emission.main, i, true, output.name, output.state->kind);
    else
      emission.main.setResultAttr(i, "lazy.name",
                                  builder.getStringAttr(output.name));
  for (Operation *op = emission.body->getTerminator()->getPrevNode(); op;) {
    Operation *previous = op->getPrevNode();
    if (op->use_empty())
      op->erase();
    op = previous;
  }
  llvm::StringSet<> used;
  emission.body->walk([&](lazy::WeightOp op) { used.insert(op.getName()); });
  auto kept = std::make_shared<WeightStore>();
  for (const auto &[name, tensor] : emission.program.weights->entries())
    if (used.contains(name))
      kept->add(name, tensor);
  emission.program.weights = kept;
}

static void nameInputs(Emission &emission, ArrayRef<DataInput> data) {
  for (auto [i, input] : llvm::enumerate(data))
    emission.main.setArgAttr(i, "lazy.name",
                             emission.builder.getStringAttr(input.name));
}

Program finishInit(Evaluator &evaluator) {
  std::vector<Output> outputs;
  for (const auto &state : evaluator.states)
    outputs.push_back({state->name, state->initial, state.get()});
  finish(evaluator.init, outputs);
  evaluator.init.main.setArgAttr(
      0, "lazy.name", evaluator.init.builder.getStringAttr("nacre.seed"));
  return std::move(evaluator.init.program);
}

Program finishTraining(Evaluator &evaluator, ArrayRef<DataInput> data,
                       std::vector<Output> outputs, bool keepUpdates) {
  Emission &main = evaluator.main;
  if (keepUpdates)
    for (const auto &state : evaluator.states)
      if (state->updated)
        outputs.push_back({state->name, state->now, state.get()});
  // The counters were needed before the states were known; they stand behind.
  SmallVector<Value> counters;
  for (Value *counter : {&main.seed, &main.step}) {
    Value moved = main.body->addArgument(counter->getType(), counter->getLoc());
    counter->replaceAllUsesWith(moved);
    for (Output &output : outputs)
      if (output.value == *counter)
        output.value = moved;
    main.body->eraseArgument(cast<BlockArgument>(*counter).getArgNumber());
    *counter = moved;
  }
  finish(main, outputs);
  nameInputs(main, data);
  unsigned at = data.size();
  for (const auto &state : evaluator.states)
    setState(main.main, at++, false, state->name, state->kind);
  setState(main.main, at++, false, "nacre.seed", autodiff::StateKind::Counter);
  setState(main.main, at++, false, "nacre.step", autodiff::StateKind::Counter);
  return std::move(main.program);
}

Inference finishInference(Evaluator &evaluator, ArrayRef<DataInput> data,
                          std::vector<Output> outputs) {
  Emission &main = evaluator.main;
  Inference made;
  OpBuilder atStart(main.body, main.body->begin());
  for (auto [i, state] : llvm::enumerate(evaluator.states)) {
    if (state->updated)
      continue;
    lazy::Build build{atStart, state->argument.getLoc()};
    std::string name = main.program.weights->add(state->name, Tensor());
    Value weight = build.weight(name, state->type);
    state->argument.replaceAllUsesWith(weight);
    for (Output &output : outputs)
      if (output.value == state->argument)
        output.value = weight;
    for (const auto &other : evaluator.states)
      if (other->now == state->argument)
        other->now = weight;
    main.body->eraseArgument(
        cast<BlockArgument>(state->argument).getArgNumber());
    made.weights.emplace_back(i, name);
  }
  for (const auto &state : evaluator.states)
    if (state->updated)
      outputs.push_back({state->name, state->now, state.get()});
  finish(main, outputs);
  nameInputs(main, data);
  unsigned at = data.size();
  for (const auto &state : evaluator.states)
    if (state->updated)
      setState(main.main, at++, false, state->name, state->kind);
  // finish() has dropped the weights that nothing reads.
  llvm::erase_if(made.weights, [&](const auto &entry) {
    return !main.program.weights->find(entry.second);
  });
  made.program = std::move(main.program);
  return made;
}

} // namespace nacre::graph_frontend
