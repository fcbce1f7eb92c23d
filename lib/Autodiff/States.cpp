//===- States.cpp - the tensors of a program that outlive a run -----------===//
#include "MainFunction.h"

using namespace mlir;
namespace nacre::autodiff {

static constexpr StringLiteral kindNames[] = {
    "parameter", "frozen", "buffer", "optimizer", "gradient", "counter"};

StringRef stateKindName(StateKind kind) { return kindNames[size_t(kind)]; }

std::vector<State> statesOf(const Program &program) {
  ModuleOp module = program.module.get();
  return statesOf(module.lookupSymbol<func::FuncOp>("main"));
}

std::vector<State> statesOf(func::FuncOp main) {
  auto kindOf = [](StringAttr name) {
    const auto *at = llvm::find(kindNames, name ? name.getValue() : "buffer");
    assert(at != std::end(kindNames) && "unknown lazy.state_kind");
    return StateKind(at - kindNames);
  };
  std::vector<State> states;
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (auto name = main.getArgAttrOfType<StringAttr>(i, "lazy.state"))
      states.push_back(
          {name.str(),
           kindOf(main.getArgAttrOfType<StringAttr>(i, "lazy.state_kind")),
           cast<RankedTensorType>(main.getArgumentTypes()[i]), i, -1});
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    auto name = main.getResultAttrOfType<StringAttr>(i, "lazy.state");
    if (!name)
      continue;
    auto at = llvm::find_if(states, [&](const autodiff::State &s) {
      return s.name == name.getValue();
    });
    if (at != states.end()) {
      at->result = i;
      continue;
    }
    states.push_back(
        {name.str(),
         kindOf(main.getResultAttrOfType<StringAttr>(i, "lazy.state_kind")),
         cast<RankedTensorType>(main.getResultTypes()[i]), -1, i});
  }
  return states;
}

} // namespace nacre::autodiff
