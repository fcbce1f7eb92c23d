//===- Decompose.cpp - the stages in order --------------------------------===//
#include "Decompose.h"
#include "Helpers.h"
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
LogicalResult simplify(ModuleOp module) {
  static const FrozenRewritePatternSet patterns = [&] {
    MLIRContext *context = module.getContext();
    RewritePatternSet set(context);
    set.add<TruncateWrapped, MaskWrapped, MaskOfLoad>(context);
    for (StringRef name : {"arith", "math", "memref", "scf"})
      context->getLoadedDialect(name)->getCanonicalizationPatterns(set);
    for (RegisteredOperationName op : context->getRegisteredOperations())
      if (llvm::is_contained({"arith", "math", "memref", "scf"},
                             op.getDialectNamespace()))
        op.getCanonicalizationPatterns(set, context);
    SmallVector<std::string> narrowing;
    for (StringRef name :
         {"AndOfExtSI", "AndOfExtUI", "OrOfExtSI", "OrOfExtUI", "XOrIOfExtSI",
          "XOrIOfExtUI", "CmpIExtSI", "CmpIExtUI", "IndexCastOfExtSI",
          "IndexCastUIOfExtUI", "TruncIExtSIToExtSI", "TruncIExtUIToExtUI"})
      narrowing.push_back(("(anonymous namespace)::" + name).str());
    return FrozenRewritePatternSet(std::move(set), narrowing);
  }();
  GreedyRewriteConfig config;
  config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
  for (auto function : module.getOps<func::FuncOp>())
    (void)applyPatternsGreedily(function, patterns, config);
  return success();
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

/// What folding made of i8 and i16 for a store is a truncated i32 again:
/// constants, truncations of i64, choices.
void narrowForStores(ModuleOp module) {
  std::function<Value(OpBuilder &, Value)> asWord = [&](OpBuilder &b,
                                                        Value v) -> Value {
    Location loc = v.getLoc();
    Type i32 = b.getI32Type();
    if (auto cut = v.getDefiningOp<arith::TruncIOp>()) {
      if (cut.getIn().getType().isInteger(32))
        return cut.getIn();
      return arith::TruncIOp::create(b, loc, i32, cut.getIn());
    }
    APInt number;
    if (matchPattern(v, m_ConstantInt(&number)))
      return arith::ConstantOp::create(
          b, loc, b.getI32IntegerAttr(number.getSExtValue()));
    if (auto choice = v.getDefiningOp<arith::SelectOp>())
      return arith::SelectOp::create(b, loc, choice.getCondition(),
                                     asWord(b, choice.getTrueValue()),
                                     asWord(b, choice.getFalseValue()));
    return arith::ExtSIOp::create(b, loc, i32, v);
  };
  module.walk([&](memref::StoreOp store) {
    Value v = store.getValue();
    Type type = v.getType();
    auto cut = v.getDefiningOp<arith::TruncIOp>();
    if ((!type.isInteger(8) && !type.isInteger(16)) ||
        (cut && cut.getIn().getType().isInteger(32)))
      return;
    OpBuilder b(store);
    store.setOperand(
        0, arith::TruncIOp::create(b, store.getLoc(), type, asWord(b, v)));
  });
  // What was read by stores only is read by nothing now.
  SmallVector<Operation *> sources;
  module.walk([&](Operation *op) {
    if (isa<arith::ConstantOp, arith::TruncIOp, arith::SelectOp>(op))
      sources.push_back(op);
  });
  for (Operation *op : llvm::reverse(sources))
    if (op->use_empty())
      op->erase();
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
  if (failed(simplify(module)))
    return failure();
  helpers.prune();
  // Nothing may fold from here on.
  narrowForStores(module);
  widenLoads(module);
  hideSpecials(module);
  removeDuplicates(module);
  return verifyDecomposed(module, lacks);
}

} // namespace nacre::codegen
