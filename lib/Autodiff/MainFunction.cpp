//===- MainFunction.cpp - main while arguments and results are added ------===//
#include "MainFunction.h"

using namespace mlir;
namespace nacre::autodiff {

SmallVector<int64_t> allAxes(Value value) {
  return llvm::to_vector(
      llvm::seq<int64_t>(0, lazy::tensorType(value).getRank()));
}

MainFunction::MainFunction(ModuleOp module)
    : function(module.lookupSymbol<func::FuncOp>("main")),
      builder(module.getContext()) {
  assert(function && "the program has no function 'main'");
}

OwningOpRef<ModuleOp> MainFunction::create(MLIRContext *context) {
  OpBuilder b(context);
  Location loc = b.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  auto function =
      func::FuncOp::create(b, loc, "main", b.getFunctionType({}, {}));
  b.setInsertionPointToStart(function.addEntryBlock());
  func::ReturnOp::create(b, loc);
  return module;
}

lazy::Build MainFunction::build(StringRef what) {
  builder.setInsertionPoint(function.front().getTerminator());
  return {builder, NameLoc::get(builder.getStringAttr(what))};
}

Value MainFunction::argument(StringRef name) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    for (StringRef attribute : {"lazy.state", "lazy.name"})
      if (auto given = function.getArgAttrOfType<StringAttr>(i, attribute);
          given && given == name)
        return function.getArgument(i);
  return {};
}

static DictionaryAttr attributesOf(OpBuilder &b, StringRef name,
                                   std::optional<StateKind> kind) {
  NamedAttrList attributes;
  attributes.set("lazy.name", b.getStringAttr(name));
  if (kind) {
    attributes.set("lazy.state", b.getStringAttr(name));
    attributes.set("lazy.state_kind", b.getStringAttr(stateKindName(*kind)));
  }
  return attributes.getDictionary(b.getContext());
}

Value MainFunction::addArgument(StringRef name, RankedTensorType type,
                                std::optional<StateKind> kind) {
  unsigned at = function.getNumArguments();
  LogicalResult done = function.insertArgument(
      at, type, attributesOf(builder, name, kind), function.getLoc());
  assert(succeeded(done));
  (void)done;
  return function.getArgument(at);
}

Value MainFunction::addState(const autodiff::State &state) {
  return addArgument(state.name, state.type, state.kind);
}
Value MainFunction::addInput(StringRef name, RankedTensorType type) {
  return addArgument(name, type, std::nullopt);
}

void MainFunction::dropUnused(
    llvm::function_ref<bool(const autodiff::State &)> may) {
  llvm::BitVector unused(function.getNumArguments());
  for (const autodiff::State &state : statesOf(function))
    if (state.argument >= 0 &&
        function.getArgument(state.argument).use_empty() && may(state))
      unused.set(state.argument);
  LogicalResult done = function.eraseArguments(unused);
  assert(succeeded(done));
  (void)done;
}

std::vector<NamedResult> MainFunction::results() {
  std::vector<NamedResult> results;
  for (auto [i, value] :
       llvm::enumerate(function.front().getTerminator()->getOperands())) {
    auto name = function.getResultAttrOfType<StringAttr>(i, "lazy.name");
    results.push_back({name ? name.str() : "", value, std::nullopt});
  }
  for (const autodiff::State &state : statesOf(function))
    if (state.result >= 0) {
      results[state.result].name = state.name;
      results[state.result].kind = state.kind;
    }
  return results;
}

void MainFunction::setResults(ArrayRef<NamedResult> results) {
  SmallVector<Value> values;
  SmallVector<Type> types;
  SmallVector<Attribute> attributes;
  for (const NamedResult &result : results) {
    values.push_back(result.value);
    types.push_back(result.value.getType());
    attributes.push_back(attributesOf(builder, result.name, result.kind));
  }
  function.front().getTerminator()->setOperands(values);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), types));
  function.setResAttrsAttr(builder.getArrayAttr(attributes));
}

} // namespace nacre::autodiff
