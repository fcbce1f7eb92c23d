//===- SplitRepeats.cpp - contractions that read what is repeated once ----===//
//
// Grouped queries: every head of keys and values serves several heads of
// queries, and models repeat it for each, expand and reshape. A contraction
// over the merged axis would read a copy. With a dimension for the head and one
// for its repetitions it reads the head itself.
//
//===----------------------------------------------------------------------===//
#include "SplitRepeats.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

/// An axis of a contraction's operand that holds repetitions.
struct Repeat {
  unsigned operand;
  unsigned dim;         ///< of the contraction
  int64_t outer, inner; ///< the extents that were merged
  Value unmerged;       ///< the operand before, behind a mask if there is one
};

/// The number of the expression `d` among the results; nullopt when there is
/// none, or a use of `d` in any other way.
std::optional<unsigned> aloneAt(AffineMap map, unsigned d) {
  std::optional<unsigned> found;
  for (auto [i, e] : llvm::enumerate(map.getResults()))
    if (e.isFunctionOfDim(d)) {
      if (found || !isa<AffineDimExpr>(e))
        return std::nullopt;
      found = i;
    }
  return found;
}

/// Axis of `to` that merges this axis of `from` and the next, or -1.
int64_t mergedAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  if (from.size() != to.size() + 1)
    return -1;
  for (size_t i = 0; i < to.size(); ++i)
    if (from[i] > 1 && from[i + 1] > 1 && from[i] * from[i + 1] == to[i] &&
        from.take_front(i) == to.take_front(i) &&
        from.drop_front(i + 2) == to.drop_front(i + 1))
      return i;
  return -1;
}

std::optional<Repeat> findRepeat(ContractOp op, unsigned k) {
  Value v = op->getOperand(k);
  if (Value bare = withoutMask(op, k))
    v = bare;
  auto merge = v.getDefiningOp<ReshapeOp>();
  auto repeat = merge ? merge.getX().getDefiningOp<ExpandOp>() : ExpandOp();
  if (!repeat || !repeat.getType().hasStaticShape())
    return std::nullopt;
  auto from = repeat.getType().getShape(),
       once = tensorType(repeat.getX()).getShape();
  int64_t axis = mergedAxis(from, merge.getType().getShape());
  if (axis < 0 || (once[axis] != 1 && once[axis + 1] != 1))
    return std::nullopt;
  auto e = dyn_cast<AffineDimExpr>(op.map(k).getResult(axis));
  if (!e)
    return std::nullopt;
  unsigned d = e.getPosition();
  for (unsigned m = 0; m < 3; ++m)
    if (op.map(m).isFunctionOfDim(d) && !aloneAt(op.map(m), d))
      return std::nullopt;
  if (auto names = op->getAttrOfType<ArrayAttr>(openDims))
    if (d >= names.size() || names[d] != StringAttr::get(op.getContext(), ""))
      return std::nullopt;
  return Repeat{k, d, from[axis], from[axis + 1], repeat.getResult()};
}

/// Splits one dimension of a contraction in two.
class Splitter {
public:
  Splitter(ContractOp op, Repeat repeat)
      : op(op), repeat(repeat), b(op), build{b, op.getLoc()} {}
  ContractOp run();

private:
  SmallVector<int64_t> shape(ArrayRef<int64_t> from, unsigned axis) {
    SmallVector<int64_t> to(from);
    to[axis] = repeat.outer;
    to.insert(to.begin() + axis + 1, repeat.inner);
    return to;
  }
  /// Names of extents with none for the two axes in place of one.
  Attribute names(Attribute list, unsigned axis) {
    SmallVector<Attribute> all(cast<ArrayAttr>(list).getValue());
    if (axis < all.size())
      all.insert(all.begin() + axis, b.getStringAttr(""));
    return b.getArrayAttr(all);
  }
  void carry(Operation *from, Operation *to, StringRef name, unsigned axis) {
    if (Attribute list = from ? from->getAttr(name) : Attribute())
      to->setAttr(name, names(list, axis));
  }
  AffineMap map(unsigned m);
  Value operand(unsigned k);

  ContractOp op;
  Repeat repeat;
  OpBuilder b;
  Build build;
};

AffineMap Splitter::map(unsigned m) {
  AffineMap old = op.map(m);
  unsigned d = repeat.dim;
  SmallVector<AffineExpr> dims;
  for (unsigned i = 0; i < old.getNumDims(); ++i)
    dims.push_back(b.getAffineDimExpr(i > d ? i + 1 : i));
  SmallVector<AffineExpr> results;
  for (AffineExpr e : old.getResults()) {
    results.push_back(e.replaceDims(dims));
    if (e.isFunctionOfDim(d))
      results.push_back(b.getAffineDimExpr(d + 1));
  }
  return AffineMap::get(old.getNumDims() + 1, 0, results, b.getContext());
}

Value Splitter::operand(unsigned k) {
  Value v = op->getOperand(k);
  std::optional<unsigned> axis = aloneAt(op.map(k), repeat.dim);
  if (!axis)
    return v;
  auto wide = shape(tensorType(v).getShape(), *axis);
  if (k != repeat.operand) {
    Value split = build.reshape(v, wide);
    carry(v.getDefiningOp(), split.getDefiningOp(), openExtents, *axis);
    return split;
  }
  auto mask = v.getDefiningOp<WhereOp>();
  if (!mask)
    return repeat.unmerged;
  Value y = build.where(build.reshape(mask.getCondition(), wide),
                        repeat.unmerged, build.reshape(mask.getB(), wide));
  carry(mask, y.getDefiningOp(), openExtents, *axis);
  carry(mask, y.getDefiningOp(), openBeyond, *axis);
  return y;
}

ContractOp Splitter::run() {
  auto type = op.getType();
  unsigned axis = *aloneAt(op.map(2), repeat.dim);
  auto made =
      ContractOp::create(b, op.getLoc(),
                         RankedTensorType::get(shape(type.getShape(), axis),
                                               type.getElementType()),
                         operand(0), operand(1),
                         b.getAffineMapArrayAttr({map(0), map(1), map(2)}));
  carry(op, made, openDims, repeat.dim);
  carry(op, made, openExtents, axis);
  auto merged = ReshapeOp::create(b, op.getLoc(), type, made.getResult());
  if (Attribute list = op->getAttr(openExtents))
    merged->setAttr(openExtents, list);
  op.getResult().replaceAllUsesWith(merged.getResult());
  op.erase();
  return made;
}

} // namespace

ContractOp splitRepeats(ContractOp op) {
  for (unsigned k = 0; k < 2; ++k)
    if (auto repeat = findRepeat(op, k);
        repeat && aloneAt(op.map(2), repeat->dim))
      return splitRepeats(Splitter(op, *repeat).run());
  return op;
}

} // namespace nacre::fuse
