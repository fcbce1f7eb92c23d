//===- ControlFlow.cpp - loops and branches -------------------------------===//
#include "nacre/Lazy/ControlFlow.h"

using namespace mlir;
namespace nacre::lazy {

//===----------------------------------------------------------------------===//
// Verifying
//===----------------------------------------------------------------------===//

/// The function of that name if it is private and has a body of one block;
/// else a diagnostic.
static func::FuncOp findCallee(Operation *op, FlatSymbolRefAttr name,
                               SymbolTableCollection &table) {
  auto function = table.lookupNearestSymbolFrom<func::FuncOp>(op, name);
  if (!function || function.isExternal() || !function.isPrivate() ||
      !function.getBody().hasOneBlock()) {
    op->emitOpError("needs a private function ")
        << name << " with a body of one block";
    return {};
  }
  return function;
}

static LogicalResult checkTypes(Operation *op, FlatSymbolRefAttr name,
                                StringRef what, TypeRange has,
                                ArrayRef<Type> expected) {
  if (has.size() != expected.size())
    return op->emitOpError() << name << " has " << has.size() << " " << what
                             << ", expected " << expected.size();
  for (auto [i, types] : llvm::enumerate(llvm::zip(has, expected)))
    if (std::get<0>(types) != std::get<1>(types))
      return op->emitOpError()
             << what << " " << i << " of " << name << " is "
             << std::get<0>(types) << ", expected " << std::get<1>(types);
  return success();
}

/// A slice of a tensor along its leading axis.
static RankedTensorType sliceType(RankedTensorType type) {
  return RankedTensorType::get(type.getShape().drop_front(),
                               type.getElementType());
}

LogicalResult LoopOp::verifySymbolUses(SymbolTableCollection &table) {
  func::FuncOp function = findCallee(*this, getBodyAttr(), table);
  if (!function)
    return failure();
  Builder b(getContext());
  auto scalar = [&](Type element) {
    return RankedTensorType::get({}, element);
  };
  if (getBound() < 0)
    return emitOpError("has the bound ") << int64_t(getBound());
  if (getTrips() && getTrips().getType() != scalar(b.getI64Type()))
    return emitOpError("trips is ")
           << getTrips().getType() << ", expected a scalar of i64";
  if (getNumResults() < getCarried().size())
    return emitOpError("has fewer results than carried values");
  bool slices = !getScanned().empty() || collected() > 0;
  if (slices && (getTrips() || getConditional()))
    return emitOpError("scans or collects without a known number of times");
  if (getBackward().size() != getScanned().size() + collected())
    return emitOpError("has ")
           << getBackward().size() << " directions for "
           << getScanned().size() + collected() << " slices";

  SmallVector<Type> arguments{scalar(b.getI64Type())}, results;
  llvm::append_range(arguments, getCarried().getTypes());
  for (Value v : getScanned()) {
    auto type = tensorType(v);
    if (type.getRank() == 0 || type.getDimSize(0) != int64_t(getBound()) ||
        !type.hasStaticShape())
      return emitOpError("scans ") << type << " " << getBound() << " times";
    arguments.push_back(sliceType(type));
  }
  llvm::append_range(arguments, getCaptured().getTypes());
  if (getConditional())
    results.push_back(scalar(b.getI1Type()));
  llvm::append_range(results, getCarried().getTypes());
  for (Value v : getResults().drop_front(getCarried().size())) {
    auto type = tensorType(v);
    if (type.getRank() == 0 || type.getDimSize(0) != int64_t(getBound()) ||
        !type.hasStaticShape())
      return emitOpError("collects ") << type << " " << getBound() << " times";
    results.push_back(sliceType(type));
  }
  for (auto [i, v] : llvm::enumerate(getCarried()))
    if (getResult(i).getType() != v.getType())
      return emitOpError("result ") << i << " is " << getResult(i).getType()
                                    << ", carried is " << v.getType();
  if (failed(checkTypes(*this, getBodyAttr(), "arguments",
                        function.getArgumentTypes(), arguments)))
    return failure();
  return checkTypes(*this, getBodyAttr(), "results", function.getResultTypes(),
                    results);
}

LogicalResult IfOp::verifySymbolUses(SymbolTableCollection &table) {
  if (tensorType(getCondition()).getRank() != 0)
    return emitOpError("the condition is not a scalar");
  SmallVector<Type> arguments(getCaptured().getTypes()),
      results(getResultTypes());
  for (FlatSymbolRefAttr name : {getThenAttr(), getOtherwiseAttr()}) {
    func::FuncOp function = findCallee(*this, name, table);
    if (!function ||
        failed(checkTypes(*this, name, "arguments", function.getArgumentTypes(),
                          arguments)) ||
        failed(checkTypes(*this, name, "results", function.getResultTypes(),
                          results)))
      return failure();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// The functions of a program
//===----------------------------------------------------------------------===//

bool isCall(Operation *op) { return isa_and_nonnull<LoopOp, IfOp>(op); }

func::FuncOp functionOf(Operation *op) {
  return op->getParentOfType<func::FuncOp>();
}

SmallVector<func::FuncOp> calleesOf(Operation *op) {
  SmallVector<func::FuncOp> found;
  auto add = [&](FlatSymbolRefAttr name) {
    if (auto function =
            SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(op, name))
      found.push_back(function);
  };
  if (auto loop = dyn_cast<LoopOp>(op))
    add(loop.getBodyAttr());
  if (auto branch = dyn_cast<IfOp>(op)) {
    add(branch.getThenAttr());
    add(branch.getOtherwiseAttr());
  }
  return found;
}

static void addWithCallees(func::FuncOp function,
                           SmallVectorImpl<func::FuncOp> &order) {
  for (Operation &op : function.getBody().front())
    for (func::FuncOp callee : calleesOf(&op))
      addWithCallees(callee, order);
  order.push_back(function);
}

SmallVector<func::FuncOp> functionsOf(ModuleOp module) {
  SmallVector<func::FuncOp> order;
  addWithCallees(module.lookupSymbol<func::FuncOp>("main"), order);
  return order;
}

LogicalResult verifyCalls(ModuleOp module) {
  llvm::DenseMap<func::FuncOp, Operation *> caller;
  LogicalResult status = success();
  module.walk([&](Operation *op) {
    for (func::FuncOp callee : calleesOf(op)) {
      if (!caller.try_emplace(callee, op).second) {
        op->emitOpError("runs ")
            << callee.getSymNameAttr() << ", which is run already elsewhere";
        status = failure();
      }
    }
  });
  if (failed(status))
    return status;
  // With one caller each, whoever is not reached from main is in a circle or
  // run by nobody.
  llvm::DenseSet<func::FuncOp> reached;
  SmallVector<func::FuncOp> work{module.lookupSymbol<func::FuncOp>("main")};
  while (!work.empty()) {
    func::FuncOp function = work.pop_back_val();
    reached.insert(function);
    for (Operation &op : function.getBody().front())
      llvm::append_range(work, calleesOf(&op));
  }
  for (auto function : module.getOps<func::FuncOp>())
    if (!reached.contains(function))
      return function.emitOpError("is not run by main");
  return success();
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

func::FuncOp makeCallee(ModuleOp module, StringRef name, TypeRange arguments,
                        Location loc) {
  std::string unique = name.str();
  for (unsigned n = 1; module.lookupSymbol(unique); ++n)
    unique = (name + "_" + Twine(n)).str();
  OpBuilder b(module.getContext());
  auto function = func::FuncOp::create(
      loc, unique, b.getFunctionType(arguments, TypeRange()));
  function.setPrivate();
  function.addEntryBlock();
  // Before main, so that a reader meets a function before its use.
  module.insert(module.getBody()->begin(), function);
  return function;
}

void endCallee(func::FuncOp function, ValueRange results) {
  OpBuilder b = OpBuilder::atBlockEnd(&function.getBody().front());
  func::ReturnOp::create(b, function.getLoc(), results);
  function.setType(b.getFunctionType(
      function.getBody().front().getArgumentTypes(), results.getTypes()));
}

LoopOp makeLoop(Build &build, func::FuncOp body, int64_t bound, Value trips,
                bool conditional, ValueRange carried, ValueRange scanned,
                ValueRange captured, ArrayRef<bool> backward) {
  SmallVector<Type> types(carried.getTypes());
  for (Type type :
       body.getResultTypes().drop_front(carried.size() + conditional)) {
    auto slice = cast<RankedTensorType>(type);
    SmallVector<int64_t> shape(slice.getShape());
    shape.insert(shape.begin(), bound);
    types.push_back(RankedTensorType::get(shape, slice.getElementType()));
  }
  return LoopOp::create(build.b, build.loc, types, body.getSymName(), bound,
                        conditional, build.b.getDenseBoolArrayAttr(backward),
                        trips, carried, scanned, captured, ArrayAttr(),
                        ArrayAttr(), ArrayAttr());
}

} // namespace nacre::lazy
