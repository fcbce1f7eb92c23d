//===- Decompose.cpp - the stages in order --------------------------------===//
#include "Decompose.h"
#include "HelperFunctions.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
namespace nacre::codegen {

Lacks Lacks::everything() {
  Lacks lacks;
  lacks.f64 = lacks.i64 = true;
  lacks.reliableNaN = false;
  lacks.ops.insert(expandableOps().begin(), expandableOps().end());
  return lacks;
}

namespace {

void removeDuplicates(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  for (auto function : module.getOps<func::FuncOp>()) {
    DominanceInfo dominance(function);
    eliminateCommonSubExpressions(rewriter, dominance, function);
  }
}

/// What a shift up and down again by `unused` bits, or a mask, leaves as it is
/// in the lower `width` bits.
static Value underWrap(Value v, unsigned width) {
  Operation *op = v.getDefiningOp();
  APInt amount, back;
  if (isa_and_nonnull<arith::ShRSIOp, arith::ShRUIOp>(op)) {
    auto up = op->getOperand(0).getDefiningOp<arith::ShLIOp>();
    if (up && matchPattern(op->getOperand(1), m_ConstantInt(&amount)) &&
        matchPattern(up.getRhs(), m_ConstantInt(&back)) && amount == back &&
        amount.ule(amount.getBitWidth() - width))
      return up.getLhs();
  } else if (auto mask = dyn_cast_or_null<arith::AndIOp>(op)) {
    if (matchPattern(mask.getRhs(), m_ConstantInt(&amount)) &&
        amount.countr_one() >= width)
      return mask.getLhs();
  }
  return {};
}

/// A wrap or a mask under a truncation that drops the same bits.
struct TruncateWrapped : OpRewritePattern<arith::TruncIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncIOp op,
                                PatternRewriter &rewriter) const override {
    unsigned width = op.getType().getIntOrFloatBitWidth();
    Value source = underWrap(op.getIn(), width);
    if (!source)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getInMutable().assign(source); });
    return success();
  }
};

/// The same under a mask.
struct MaskWrapped : OpRewritePattern<arith::AndIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AndIOp op,
                                PatternRewriter &rewriter) const override {
    APInt mask;
    if (!op.getType().isInteger(32) ||
        !matchPattern(op.getRhs(), m_ConstantInt(&mask)) || !mask.isMask())
      return failure();
    Value source = underWrap(op.getLhs(), mask.countr_one());
    if (!source)
      return failure();
    rewriter.modifyOpInPlace(op, [&] { op.getLhsMutable().assign(source); });
    return success();
  }
};

/// The mask of a narrow load: extui.
struct MaskOfLoad : OpRewritePattern<arith::AndIOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::AndIOp op,
                                PatternRewriter &rewriter) const override {
    auto extended = op.getLhs().getDefiningOp<arith::ExtSIOp>();
    APInt mask;
    if (!extended || !matchPattern(op.getRhs(), m_ConstantInt(&mask)) ||
        !mask.isMask(extended.getIn().getType().getIntOrFloatBitWidth()) ||
        extended.getIn().getType().isInteger(1))
      return failure();
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(extended);
    rewriter.replaceOpWithNewOp<arith::ExtUIOp>(op, op.getType(),
                                                extended.getIn());
    return success();
  }
};

/// Upstream's canonical forms, but for those that compute in i8 and i16.
void simplify(ModuleOp module) {
  MLIRContext *context = module.getContext();
  auto isOurs = [](StringRef dialect) {
    return llvm::is_contained({"arith", "math", "memref", "scf"}, dialect);
  };
  RewritePatternSet set(context);
  set.add<TruncateWrapped, MaskWrapped, MaskOfLoad>(context);
  for (Dialect *dialect : context->getLoadedDialects())
    if (isOurs(dialect->getNamespace()))
      dialect->getCanonicalizationPatterns(set);
  for (RegisteredOperationName op : context->getRegisteredOperations())
    if (isOurs(op.getDialectNamespace()))
      op.getCanonicalizationPatterns(set, context);
  SmallVector<std::string> narrowing;
  for (StringRef name :
       {"AndOfExtSI", "AndOfExtUI", "OrOfExtSI", "OrOfExtUI", "XOrIOfExtSI",
        "XOrIOfExtUI", "CmpIExtSI", "CmpIExtUI", "IndexCastOfExtSI",
        "IndexCastUIOfExtUI", "TruncIExtSIToExtSI", "TruncIExtUIToExtUI"})
    narrowing.push_back(("(anonymous namespace)::" + name).str());
  FrozenRewritePatternSet patterns(std::move(set), narrowing);
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  for (auto function : module.getOps<func::FuncOp>())
    (void)applyPatternsGreedily(function, patterns, config);
}

/// Arrays of a kernel's own have elements of 32 bits at least: no language
/// promises more of local memory, and nobody else sees them.
void widenLocals(ModuleOp module) {
  module.walk([](memref::AllocaOp array) {
    MemRefType type = array.getType();
    Type element = type.getElementType();
    unsigned width = element.getIntOrFloatBitWidth();
    if (width >= 32)
      return;
    OpBuilder b(array);
    Type i32 = b.getI32Type(), bits = b.getIntegerType(width);
    auto made = memref::AllocaOp::create(
        b, array.getLoc(),
        MemRefType(MemRefType::Builder(type).setElementType(i32)),
        array.getAlignmentAttr());
    for (Operation *user : llvm::make_early_inc_range(array->getUsers())) {
      b.setInsertionPoint(user);
      Location loc = user->getLoc();
      if (auto store = dyn_cast<memref::StoreOp>(user)) {
        Value v = store.getValue();
        if (isa<FloatType>(element))
          v = arith::BitcastOp::create(b, loc, bits, v);
        v = width == 1 ? Value(arith::ExtUIOp::create(b, loc, i32, v))
                       : Value(arith::ExtSIOp::create(b, loc, i32, v));
        memref::StoreOp::create(b, loc, v, made, store.getIndices());
        store.erase();
      } else if (auto load = dyn_cast<memref::LoadOp>(user)) {
        Value v = memref::LoadOp::create(b, loc, made, load.getIndices());
        v = arith::TruncIOp::create(b, loc, bits, v);
        if (isa<FloatType>(element))
          v = arith::BitcastOp::create(b, loc, element, v);
        load.replaceAllUsesWith(v);
        load.erase();
      }
    }
    if (array.use_empty())
      array.erase();
  });
}

/// What folding took to compute with a narrow element takes it from i32 again:
/// copies, truncations and extensions to other widths.
void widenLoads(ModuleOp module) {
  module.walk([](memref::LoadOp load) {
    Type type = load.getType();
    if (!type.isInteger(8) && !type.isInteger(16))
      return;
    Value extended[2];
    for (OpOperand &use : llvm::make_early_inc_range(load->getUses())) {
      Operation *user = use.getOwner();
      bool extends = isa<arith::ExtSIOp, arith::ExtUIOp>(user);
      if (extends && user->getResult(0).getType().isInteger(32))
        continue;
      bool isUnsigned = isa<arith::ExtUIOp, arith::UIToFPOp>(user);
      Value &wide = extended[isUnsigned];
      OpBuilder b(load->getContext());
      Location loc = user->getLoc();
      if (!wide) {
        b.setInsertionPointAfter(load);
        if (isUnsigned)
          wide = arith::ExtUIOp::create(b, loc, b.getI32Type(), load);
        else
          wide = arith::ExtSIOp::create(b, loc, b.getI32Type(), load);
      }
      b.setInsertionPoint(user);
      use.set(isa<memref::StoreOp>(user)
                  ? Value(arith::TruncIOp::create(b, loc, type, wide))
                  : wide);
    }
  });
}

/// The same for what is stored: constants and truncations of i64.
void widenStores(ModuleOp module) {
  module.walk([](arith::TruncIOp op) {
    if (!op.getIn().getType().isInteger(64) || op.getType().isInteger(32))
      return;
    OpBuilder b(op);
    op.getInMutable().assign(
        arith::TruncIOp::create(b, op.getLoc(), b.getI32Type(), op.getIn()));
  });
  module.walk([](memref::StoreOp store) {
    Type type = store.getValueToStore().getType();
    auto number = store.getValueToStore().getDefiningOp<arith::ConstantOp>();
    if (!number || !(type.isInteger(8) || type.isInteger(16)))
      return;
    OpBuilder b(store);
    int64_t value = cast<IntegerAttr>(number.getValue()).getInt();
    Value wide = arith::ConstantOp::create(b, store.getLoc(),
                                           b.getI32IntegerAttr(value));
    store.getValueMutable().assign(
        arith::TruncIOp::create(b, store.getLoc(), type, wide));
    if (number->use_empty())
      number->erase();
  });
}

/// NaN and infinities as bits.
void hideSpecials(ModuleOp module) {
  module.walk([](arith::ConstantOp op) {
    auto number = dyn_cast<FloatAttr>(op.getValue());
    if (!number || number.getValue().isFinite())
      return;
    OpBuilder b(op);
    APInt bits = number.getValue().bitcastToAPInt();
    Value v = arith::ConstantOp::create(
        b, op.getLoc(),
        b.getIntegerAttr(b.getIntegerType(bits.getBitWidth()), bits));
    op.replaceAllUsesWith(
        arith::BitcastOp::create(b, op.getLoc(), op.getType(), v).getResult());
    op.erase();
  });
}

} // namespace

LogicalResult decompose(ModuleOp module, const Lacks &lacks) {
  for (StringRef name : lacks.ops.keys())
    if (!llvm::is_contained(expandableOps(), name))
      return module.emitError("'") << name << "' cannot be expanded";
  Helpers helpers(module, lacks);
  widenLocals(module);
  // Conversions that are alike are made once.
  removeDuplicates(module);
  // From here on values are i1, i32, index, f32 and what else the target has.
  if (failed(translateTypes(helpers)))
    return failure();
  // From here on operations are the target's, and NaN is seen to by bits.
  expandOperations(helpers);
  simplify(module);
  helpers.prune();
  // Nothing may fold from here on.
  widenLoads(module);
  widenStores(module);
  hideSpecials(module);
  removeDuplicates(module);
  return verifyDecomposed(module, lacks);
}

} // namespace nacre::codegen
