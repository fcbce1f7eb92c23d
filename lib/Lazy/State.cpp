//===- State.cpp - tensors of a function that outlive a run ---------------===//
#include "nacre/Lazy/State.h"

using namespace mlir;
namespace nacre::lazy {

std::optional<BlockArgument> stateBefore(func::FuncOp function,
                                         unsigned result) {
  auto name = function.getResultAttrOfType<StringAttr>(result, "lazy.state");
  if (!name)
    return std::nullopt;
  for (BlockArgument argument : function.getArguments())
    if (function.getArgAttr(argument.getArgNumber(), "lazy.state") == name)
      return argument;
  return std::nullopt;
}

LogicalResult verifyStates(func::FuncOp function) {
  llvm::DenseSet<Attribute> before, after;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto name = function.getArgAttrOfType<StringAttr>(i, "lazy.state"))
      if (!before.insert(name).second)
        return function.emitOpError("has the state ")
               << name << " twice among its arguments";
  for (unsigned i = 0; i < function.getNumResults(); ++i) {
    auto name = function.getResultAttrOfType<StringAttr>(i, "lazy.state");
    if (!name)
      continue;
    if (!after.insert(name).second)
      return function.emitOpError("has the state ")
             << name << " twice among its results";
    auto argument = stateBefore(function, i);
    if (argument && argument->getType() != function.getResultTypes()[i])
      return function.emitOpError("takes the state ")
             << name << " as " << argument->getType() << " and gives it as "
             << function.getResultTypes()[i];
  }
  return success();
}

} // namespace nacre::lazy
