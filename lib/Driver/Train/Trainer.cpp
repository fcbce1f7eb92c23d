//===- Trainer.cpp - programs that run on states --------------------------===//

#include "Trainer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Lazy.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::driver {

/// Whether a run gets the same bytes as the input and the output of a state.
/// Off, a second copy of what changes is written, and the two change places.
static constexpr bool sharedStateBuffers = true;

//===----------------------------------------------------------------------===//
// States
//===----------------------------------------------------------------------===//

llvm::Error States::add(const std::vector<autodiff::State> &states) {
  for (const autodiff::State &state : states) {
    DType dtype = dtypeOf(state.type.getElementType());
    if (Entry *entry = find(state.name)) {
      if (entry->state.type != state.type)
        return fail(ExitBug, "state '" + Twine(state.name) +
                                 "' has different types in two programs");
      if (!sharedStateBuffers && state.argument >= 0 && state.result >= 0 &&
          !entry->next.bytes)
        entry->next = Tensor::zeros(dtype, state.type.getShape());
      continue;
    }
    index[state.name] = list.size();
    Entry entry{state, Tensor::zeros(dtype, state.type.getShape()), {}};
    if (!sharedStateBuffers && state.argument >= 0 && state.result >= 0)
      entry.next = Tensor::zeros(dtype, state.type.getShape());
    list.push_back(std::move(entry));
  }
  return llvm::Error::success();
}

States::Entry *States::find(StringRef name) {
  auto at = index.find(name);
  return at == index.end() ? nullptr : &list[at->second];
}

int64_t States::step() {
  Entry *entry = find("nacre.step");
  return entry ? entry->value.integerAt(0) : 0;
}

uint64_t States::seed() {
  Entry *entry = find("nacre.seed");
  return entry ? entry->value.integerAt(0) : 0;
}

void States::setCounter(StringRef name, int64_t value) {
  if (Entry *entry = find(name))
    entry->value.setInteger(0, value);
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

static mlir::func::FuncOp mainOf(const Program &program) {
  mlir::ModuleOp module = program.module.get();
  return module.lookupSymbol<mlir::func::FuncOp>("main");
}

std::vector<TensorInfo> dataInputs(const Program &program) {
  std::vector<TensorInfo> inputs;
  mlir::func::FuncOp main = mainOf(program);
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (main.getArgAttr(i, "lazy.state"))
      continue;
    auto type = mlir::cast<mlir::RankedTensorType>(main.getArgumentTypes()[i]);
    auto name = main.getArgAttrOfType<mlir::StringAttr>(i, "lazy.name");
    TensorInfo info;
    info.name = name ? name.str() : "arg" + std::to_string(i);
    info.dtype = dtypeOf(type.getElementType());
    info.shape.assign(type.getShape().begin(), type.getShape().end());
    info.dimNames.resize(info.shape.size());
    inputs.push_back(std::move(info));
  }
  return inputs;
}

llvm::Expected<StateProgram> StateProgram::compile(Program program,
                                                   const Toolchain &tools) {
  StateProgram result;
  mlir::func::FuncOp main = mainOf(program);
  result.stateList = autodiff::statesOf(program);
  result.dataInputs = driver::dataInputs(program);
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (!main.getArgAttr(i, "lazy.state"))
      result.dataArguments.push_back(i);
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto type = mlir::cast<mlir::RankedTensorType>(main.getResultTypes()[i]);
    if (!main.getResultAttr(i, "lazy.state") && type.getRank() == 0)
      result.scalarResults.push_back(i);
  }
  llvm::Expected<Compiled> compiled =
      compileProgram(std::move(program), Phase::Import, tools);
  if (!compiled)
    return compiled.takeError();
  auto model = tools.target->load(compiled->code, tools.options, tools.threads);
  if (!model)
    return model.takeError();
  result.model = std::move(*model);
  result.arena = compiled->code.arenaBytes;
  result.call.inputs.resize(result.model->inputs.size());
  for (const TensorInfo &output : result.model->outputs)
    result.call.outputs.push_back(Tensor::zeros(output.dtype, output.shape));
  // States have places of their own.
  for (const autodiff::State &state : result.stateList)
    if (state.result >= 0)
      result.call.outputs[state.result] = {};
  return result;
}

llvm::Expected<Scalars> StateProgram::run(States &states,
                                          llvm::ArrayRef<Tensor> data) {
  for (auto [argument, tensor] : llvm::zip_equal(dataArguments, data))
    call.inputs[argument] = tensor;
  auto isUpdate = [](const autodiff::State &state) {
    return !sharedStateBuffers && state.argument >= 0 && state.result >= 0;
  };
  for (const autodiff::State &state : stateList) {
    States::Entry *entry = states.find(state.name);
    if (state.argument >= 0)
      call.inputs[state.argument] = entry->value;
    if (state.result >= 0)
      call.outputs[state.result] = isUpdate(state) ? entry->next : entry->value;
  }
  if (llvm::Error error = model->run(call))
    return error;
  for (const autodiff::State &state : stateList)
    if (isUpdate(state)) {
      States::Entry *entry = states.find(state.name);
      std::swap(entry->value, entry->next);
    }
  Scalars scalars;
  for (unsigned result : scalarResults)
    scalars.emplace_back(model->outputs[result].name,
                         call.outputs[result].numberAt(0));
  return scalars;
}

} // namespace nacre::driver
