//===- Verify.cpp - what may remain after decomposing ---------------------===//
#include "Decompose.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

class Verifier {
public:
  explicit Verifier(const Lacks &lacks) : lacks(lacks) {}
  LogicalResult check(Operation *op) const;

private:
  bool isValue(Type type) const {
    if (type.isInteger(1) || type.isInteger(32) || type.isF32() ||
        isa<IndexType>(type))
      return true;
    if (type.isInteger(64))
      return !lacks.i64;
    if (type.isF64())
      return !lacks.f64;
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.getElementType().isF32();
    return false;
  }
  bool isBuffer(Type type) const {
    auto buffer = dyn_cast<MemRefType>(type);
    if (!buffer)
      return false;
    Type element = buffer.getElementType();
    return element.isInteger(8) || element.isInteger(16) ||
           (isValue(element) && !element.isInteger(1));
  }
  bool mayStay(Operation *op) const;
  LogicalResult narrow(Value v) const;

  const Lacks &lacks;
};

/// An i8 or i16 lives between memory and i32 only.
LogicalResult Verifier::narrow(Value v) const {
  Operation *op = v.getDefiningOp();
  bool fine = false;
  if (isa_and_nonnull<memref::LoadOp>(op))
    fine = llvm::all_of(v.getUsers(), [](Operation *user) {
      return isa<arith::ExtSIOp, arith::ExtUIOp>(user) &&
             user->getResult(0).getType().isInteger(32);
    });
  else if (isa_and_nonnull<arith::TruncIOp>(op))
    fine = op->getOperand(0).getType().isInteger(32) &&
           llvm::all_of(v.getUsers(), [](Operation *user) {
             return isa<memref::StoreOp>(user);
           });
  if (fine)
    return success();
  return emitError(v.getLoc(), "a value of ")
         << v.getType() << " away from memory was not decomposed";
}

bool Verifier::mayStay(Operation *op) const {
  if (isa_and_nonnull<arith::ArithDialect>(op->getDialect())) {
    bool logic = op->getNumOperands() && op->getNumResults() &&
                 op->getOperand(0).getType().isInteger(1);
    if (logic) {
      auto compared = dyn_cast<arith::CmpIOp>(op);
      return isa<arith::AndIOp, arith::OrIOp, arith::XOrIOp, arith::SelectOp,
                 arith::ExtSIOp, arith::ExtUIOp>(op) ||
             (compared &&
              (compared.getPredicate() == arith::CmpIPredicate::eq ||
               compared.getPredicate() == arith::CmpIPredicate::ne));
    }
    if (auto compared = dyn_cast<arith::CmpFOp>(op)) {
      using P = arith::CmpFPredicate;
      return llvm::is_contained(
          {P::OEQ, P::UNE, P::OLT, P::OLE, P::OGT, P::OGE},
          compared.getPredicate());
    }
    if (isa<arith::TruncIOp>(op) && op->getResult(0).getType().isInteger(1))
      return false;
    if (auto number = dyn_cast<arith::ConstantOp>(op)) {
      auto value = dyn_cast<FloatAttr>(number.getValue());
      return !value || value.getValue().isFinite();
    }
    return isa<arith::AddIOp, arith::SubIOp, arith::MulIOp, arith::AndIOp,
               arith::OrIOp, arith::XOrIOp, arith::ShLIOp, arith::ShRSIOp,
               arith::ShRUIOp, arith::CmpIOp, arith::SelectOp, arith::DivSIOp,
               arith::DivUIOp, arith::RemSIOp, arith::RemUIOp, arith::MaxSIOp,
               arith::MaxUIOp, arith::MinSIOp, arith::MinUIOp, arith::ExtSIOp,
               arith::ExtUIOp, arith::TruncIOp, arith::IndexCastOp,
               arith::IndexCastUIOp, arith::AddFOp, arith::SubFOp,
               arith::MulFOp, arith::DivFOp, arith::NegFOp, arith::RemFOp,
               arith::SIToFPOp, arith::UIToFPOp, arith::FPToSIOp,
               arith::FPToUIOp, arith::ExtFOp, arith::TruncFOp,
               arith::BitcastOp>(op);
  }
  if (isa_and_nonnull<math::MathDialect>(op->getDialect()))
    return isa<math::FloorOp, math::CeilOp, math::TruncOp, math::RoundEvenOp,
               math::FmaOp, math::SqrtOp, math::AbsFOp, math::ExpOp,
               math::Exp2Op, math::LogOp, math::Log2Op, math::SinOp,
               math::CosOp, math::TanhOp, math::ErfOp, math::PowFOp>(op);
  if (isa_and_nonnull<scf::SCFDialect>(op->getDialect()))
    return isa<scf::ForOp, scf::IfOp, scf::WhileOp, scf::YieldOp,
               scf::ConditionOp>(op);
  return true; // functions, memory, gpu and vectors
}

LogicalResult Verifier::check(Operation *op) const {
  if (isa<ModuleOp>(op))
    return success();
  SmallVector<Value> defined(op->getResults());
  for (Region &region : op->getRegions())
    for (Block &block : region)
      llvm::append_range(defined, block.getArguments());
  for (Value v : defined) {
    Type type = v.getType();
    if (type.isInteger(8) || type.isInteger(16)) {
      if (failed(narrow(v)))
        return failure();
    } else if (isa<MemRefType>(type)
                   ? !isBuffer(type)
                   : isa<IntegerType, FloatType, VectorType>(type) &&
                         !isValue(type)) {
      return emitError(v.getLoc(), "a value of ")
             << type << " was not decomposed";
    }
  }
  StringRef name = op->getName().getStringRef();
  bool onFloat = op->getNumResults() && op->getResult(0).getType().isF32();
  if (!mayStay(op) || (onFloat && lacks.op(name)))
    return op->emitOpError("was not decomposed");
  return success();
}

} // namespace

LogicalResult verifyDecomposed(ModuleOp module, const Lacks &lacks) {
  Verifier verifier(lacks);
  bool ok = true;
  module.walk([&](Operation *op) { ok &= succeeded(verifier.check(op)); });
  return success(ok);
}

} // namespace nacre::codegen
