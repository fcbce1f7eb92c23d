//===- DotProducts.cpp - sums of four products of bytes
//--------------------===//
//
// A contraction of bytes (Lower/ContractKernel.cpp) says
//
//   sums + multi_reduction(ext(a) * ext(b)) over the last axis of [lanes, 4]
//
// where one of a, b is unsigned and the other signed. Processors have one
// instruction for that; on others each of the four products is one of words.
//
//===----------------------------------------------------------------------===//
#include "Cpu.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/MC/MCSubtargetInfo.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

constexpr int64_t steps = 4; ///< bytes of a word

/// The instruction for so many lanes, or nothing.
StringRef instructionFor(const llvm::TargetMachine &machine, int64_t lanes) {
  auto has = [&](StringRef features) {
    return machine.getMCSubtargetInfo()->checkFeatures(features.str());
  };
  const llvm::Triple &triple = machine.getTargetTriple();
  if (triple.isX86()) {
    bool vnni = has("+avx512vnni") && has("+avx512vl");
    if (lanes == 16 && vnni)
      return "llvm.x86.avx512.vpdpbusd.512";
    if (lanes == 8 && (vnni || has("+avxvnni")))
      return "llvm.x86.avx512.vpdpbusd.256";
    if (lanes == 4 && (vnni || has("+avxvnni")))
      return "llvm.x86.avx512.vpdpbusd.128";
  } else if (triple.isAArch64() && lanes == 4 && has("+i8mm")) {
    return "llvm.aarch64.neon.usdot.v4i32.v16i8";
  }
  return {};
}

/// One factor: bytes [lanes, 4], and whether they are signed.
struct Factor {
  Value bytes;
  bool isSigned = false;
};

std::optional<Factor> factorOf(Value v) {
  if (auto ext = v.getDefiningOp<arith::ExtSIOp>())
    return Factor{ext.getIn(), true};
  if (auto ext = v.getDefiningOp<arith::ExtUIOp>())
    return Factor{ext.getIn(), false};
  return std::nullopt;
}

class DotProduct {
public:
  DotProduct(vector::MultiDimReductionOp op, OpBuilder &b)
      : op(op), b(b), loc(op.getLoc()), words(cast<VectorType>(op.getType())) {}

  Value byInstruction(StringRef name, const Factor &plain,
                      const Factor &other) {
    auto bytes =
        VectorType::get({words.getNumElements() * steps}, b.getI8Type());
    auto asBytes = [&](const Factor &f) -> Value {
      return vector::BitCastOp::create(b, loc, bytes, wordsOf(f.bytes));
    };
    return LLVM::CallIntrinsicOp::create(
               b, loc, op.getType(), b.getStringAttr(name),
               ValueRange{op.getAcc(), asBytes(plain), asBytes(other)})
        .getResult(0);
  }

  Value byWords(const Factor &x, const Factor &y) {
    Value sum = op.getAcc(), xs = wordsOf(x.bytes), ys = wordsOf(y.bytes);
    for (int64_t i = 0; i < steps; ++i)
      sum = arith::AddIOp::create(
          b, loc, sum,
          arith::MulIOp::create(b, loc, byteOf(xs, i, x.isSigned),
                                byteOf(ys, i, y.isSigned)));
    return sum;
  }

private:
  /// [lanes, 4] bytes as [lanes] words, the first byte lowest. A group of four
  /// that all lanes have is one word.
  Value wordsOf(Value bytes) {
    if (auto all = bytes.getDefiningOp<vector::BroadcastOp>())
      if (auto type = dyn_cast<VectorType>(all.getSourceType());
          type && type.getRank() == 1) {
        Value one = vector::BitCastOp::create(
            b, loc, VectorType::get({1}, b.getI32Type()), all.getSource());
        return vector::BroadcastOp::create(
            b, loc, words, vector::ExtractOp::create(b, loc, one, 0));
      }
    auto flat =
        VectorType::get({words.getNumElements() * steps}, b.getI8Type());
    return vector::BitCastOp::create(
        b, loc, words, vector::ShapeCastOp::create(b, loc, flat, bytes));
  }

  Value byteOf(Value v, int64_t i, bool isSigned) {
    auto by = [&](int64_t bits) -> Value {
      return arith::ConstantOp::create(
          b, loc, DenseElementsAttr::get(words, b.getI32IntegerAttr(bits)));
    };
    Value high = arith::ShLIOp::create(b, loc, v, by(24 - 8 * i));
    return isSigned ? Value(arith::ShRSIOp::create(b, loc, high, by(24)))
                    : Value(arith::ShRUIOp::create(b, loc, high, by(24)));
  }

  vector::MultiDimReductionOp op;
  OpBuilder &b;
  Location loc;
  VectorType words;
};

struct LowerDotProducts : PassWrapper<LowerDotProducts, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LowerDotProducts)
  explicit LowerDotProducts(const llvm::TargetMachine &machine)
      : machine(machine) {}
  StringRef getArgument() const final { return "nacre-dot-products"; }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<LLVM::LLVMDialect>();
  }
  void runOnOperation() override {
    getOperation()->walk([&](vector::MultiDimReductionOp op) {
      auto product = op.getSource().getDefiningOp<arith::MulIOp>();
      auto words = dyn_cast<VectorType>(op.getType());
      if (!product || !words || words.getRank() != 1 ||
          op.getKind() != vector::CombiningKind::ADD ||
          op.getSourceVectorType().getShape() !=
              ArrayRef<int64_t>{words.getNumElements(), steps})
        return;
      auto x = factorOf(product.getLhs()), y = factorOf(product.getRhs());
      if (!x || !y)
        return;
      OpBuilder b(op);
      DotProduct dot(op, b);
      StringRef name = x->isSigned == y->isSigned
                           ? StringRef()
                           : instructionFor(machine, words.getNumElements());
      if (!name.empty() && x->isSigned)
        std::swap(x, y);
      Value sum =
          name.empty() ? dot.byWords(*x, *y) : dot.byInstruction(name, *x, *y);
      op.replaceAllUsesWith(sum);
      op.erase();
    });
  }

  const llvm::TargetMachine &machine;
};

} // namespace

bool hasDotProducts(const llvm::TargetMachine &machine) {
  return llvm::any_of(ArrayRef<int64_t>{4, 8, 16}, [&](int64_t lanes) {
    return !instructionFor(machine, lanes).empty();
  });
}

std::unique_ptr<Pass> lowerDotProducts(const llvm::TargetMachine &machine) {
  return std::make_unique<LowerDotProducts>(machine);
}

} // namespace nacre::codegen
