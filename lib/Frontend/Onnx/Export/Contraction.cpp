//===- Contraction.cpp - sums of products to ONNX -------------------------===//
//
// A contraction is told by where its dimensions occur. Where one operand's map
// is of the kind stride * o + dilation * k and the other's is plain, it is a
// convolution; where both are plain, MatMul or Einsum. Any other operand is
// first picked apart by Gather, so that its map becomes plain.
//
//===----------------------------------------------------------------------===//

#include "Export.h"
#include "nacre/Lazy/IndexMap.h"
#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using llvm::SmallBitVector;

namespace nacre::onnx_frontend {

/// Indices that a Gather may be given.
static constexpr int64_t largestIndex = int64_t(1) << 24;

static int64_t valueAt(AffineExpr expr, llvm::ArrayRef<int64_t> point) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return point[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  auto binary = cast<AffineBinaryOpExpr>(expr);
  int64_t a = valueAt(binary.getLHS(), point),
          b = valueAt(binary.getRHS(), point);
  switch (expr.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(a, b);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(a, b);
  default:
    return llvm::mod(a, b);
  }
}

std::vector<int64_t> flatIndices(AffineMap map, llvm::ArrayRef<int64_t> from,
                                 llvm::ArrayRef<int64_t> extents) {
  int64_t count = 1;
  for (int64_t extent : extents) {
    if (ShapedType::isDynamic(extent))
      block("an open dim inside an index that is not plain");
    count *= extent;
    if (count > largestIndex)
      block("an index of more than 2^24 elements would be needed");
  }
  llvm::SmallVector<int64_t> strides = lazy::rowMajorStrides(from);
  std::vector<int64_t> indices;
  Shape point(extents.size(), 0);
  for (int64_t n = 0; n < count; ++n) {
    int64_t index = 0;
    for (auto [axis, expr] : llvm::enumerate(map.getResults()))
      index += valueAt(expr, point) * strides[axis];
    indices.push_back(index);
    for (size_t axis = extents.size(); axis-- > 0;) {
      if (++point[axis] < extents[axis])
        break;
      point[axis] = 0;
    }
  }
  return indices;
}

namespace {

/// An operand: its value, and for each axis the dimension, or an expression.
struct Operand {
  std::string value;
  Shape shape;
  AffineMap map;

  SmallBitVector dims() const {
    SmallBitVector used(map.getNumDims());
    for (unsigned d = 0; d < map.getNumDims(); ++d)
      used[d] = map.isFunctionOfDim(d);
    return used;
  }
  /// Distinct dimensions, one an axis.
  bool isPlain() const {
    SmallBitVector seen(map.getNumDims());
    for (AffineExpr expr : map.getResults()) {
      auto dim = dyn_cast<AffineDimExpr>(expr);
      if (!dim || seen[dim.getPosition()])
        return false;
      seen.set(dim.getPosition());
    }
    return true;
  }
};

/// The axis of a plain map that is dimension `d`.
int64_t axisOf(AffineMap map, unsigned d) {
  for (auto [axis, expr] : llvm::enumerate(map.getResults()))
    if (expr == getAffineDimExpr(d, map.getContext()))
      return axis;
  llvm_unreachable("not a dimension of the map");
}

/// What convolution does along one axis of its input.
struct Spatial {
  int64_t axis;
  std::optional<unsigned> out, kernel; ///< dimensions
  int64_t stride = 1, dilation = 1, start = 0;
};

class Contraction {
public:
  Contraction(Exporter &exporter, lazy::ContractOp op, const std::string &a,
              const std::string &b)
      : e(exporter), extents(op.extents()), yMap(op.map(2)),
        operands{Operand{a, Shape(lazy::tensorType(op.getA()).getShape()),
                         op.map(0)},
                 Operand{b, Shape(lazy::tensorType(op.getB()).getShape()),
                         op.map(1)}},
        isFloat(isa<FloatType>(op.getType().getElementType())),
        inY(extents.size()) {
    for (AffineExpr expr : yMap.getResults())
      inY.set(cast<AffineDimExpr>(expr).getPosition());
  }

  std::string run() {
    for (Operand &operand : operands)
      dropConstants(operand);
    splitAxes(operands[0], operands[1].dims());
    splitAxes(operands[1], operands[0].dims());
    for (int input : {0, 1})
      if (!operands[input].isPlain() && operands[1 - input].isPlain())
        if (std::optional<std::string> y =
                convolution(operands[input], operands[1 - input]))
          return *y;
    for (Operand &operand : operands)
      if (!operand.isPlain())
        pickApart(operand);
    return product(operands[0], operands[1]);
  }

private:
  void dropConstants(Operand &operand);
  void splitAxes(Operand &operand, const SmallBitVector &inOther);
  std::optional<std::string> convolution(Operand &x, Operand &w);
  bool readSpatial(AffineExpr expr, const SmallBitVector &inW,
                   Spatial &spatial);
  void pickApart(Operand &operand);
  std::string product(Operand &a, Operand &b);
  /// The product of extents; open when one is.
  int64_t product(llvm::ArrayRef<unsigned> dims) {
    int64_t result = 1;
    for (unsigned d : dims) {
      if (ShapedType::isDynamic(extents[d]))
        return ShapedType::kDynamic;
      result *= extents[d];
    }
    return result;
  }
  Shape extentsOf(llvm::ArrayRef<unsigned> dims) {
    Shape shape;
    for (unsigned d : dims)
      shape.push_back(extents[d]);
    return shape;
  }
  /// `x`, whose axes are `dims`, with its axes in the result's order.
  std::string toResult(const std::string &x, llvm::ArrayRef<unsigned> dims) {
    Shape perm;
    for (AffineExpr expr : yMap.getResults())
      perm.push_back(llvm::find(dims, cast<AffineDimExpr>(expr).getPosition()) -
                     dims.begin());
    return e.transpose(x, perm);
  }

  Exporter &e;
  const llvm::SmallVector<int64_t> extents;
  const AffineMap yMap;
  Operand operands[2];
  const bool isFloat;
  SmallBitVector inY; ///< dimensions of the result
};

} // namespace

/// Axes that are always read at one place go away.
void Contraction::dropConstants(Operand &operand) {
  Shape starts, ends, axes, shape;
  llvm::SmallVector<AffineExpr> results;
  for (auto [axis, expr] : llvm::enumerate(operand.map.getResults())) {
    auto constant = dyn_cast<AffineConstantExpr>(expr);
    if (!constant) {
      shape.push_back(operand.shape[axis]);
      results.push_back(expr);
    } else if (operand.shape[axis] != 1) {
      starts.push_back(constant.getValue());
      ends.push_back(constant.getValue() + 1);
      axes.push_back(axis);
    }
  }
  if (!axes.empty())
    operand.value =
        e.slice(operand.value, starts, ends, axes, Shape(axes.size(), 1));
  operand.value = e.reshape(operand.value, operand.shape, shape);
  operand.shape = shape;
  operand.map = AffineMap::get(operand.map.getNumDims(), 0, results,
                               operand.map.getContext());
}

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

/// start + stride * o + dilation * k, either term missing.
bool Contraction::readSpatial(AffineExpr expr, const SmallBitVector &inW,
                              Spatial &spatial) {
  for (unsigned d = 0; d < extents.size(); ++d) {
    if (!lazy::dependsOn(expr, d))
      continue;
    auto split = lazy::splitLinear(expr, d);
    if (!split || split->first < 1 || inW[d] == inY[d] ||
        ShapedType::isDynamic(extents[d]))
      return false;
    std::optional<unsigned> &dim = inW[d] ? spatial.kernel : spatial.out;
    if (dim)
      return false;
    dim = d;
    (inW[d] ? spatial.dilation : spatial.stride) = split->first;
    expr = split->second;
  }
  auto start = dyn_cast<AffineConstantExpr>(expr);
  spatial.start = start ? start.getValue() : -1;
  return spatial.start >= 0;
}

/// An axis a * size + b with b < size, such as the channels of a grouped
/// convolution, becomes two. One of a position and a place in a window stays:
/// that is a convolution's own.
void Contraction::splitAxes(Operand &operand, const SmallBitVector &inOther) {
  MLIRContext *context = operand.map.getContext();
  Shape shape;
  llvm::SmallVector<AffineExpr> results;
  for (auto [axis, expr] : llvm::enumerate(operand.map.getResults())) {
    llvm::SmallVector<unsigned> dims;
    for (unsigned d = 0; d < extents.size(); ++d)
      if (lazy::dependsOn(expr, d))
        dims.push_back(d);
    shape.push_back(operand.shape[axis]);
    results.push_back(expr);
    if (dims.size() != 2)
      continue;
    for (auto [outer, inner] :
         {std::pair(dims[0], dims[1]), std::pair(dims[1], dims[0])}) {
      bool isSpatial =
          inOther[outer] != inOther[inner] && inY[outer] != inY[inner];
      AffineExpr a = getAffineDimExpr(outer, context),
                 b = getAffineDimExpr(inner, context);
      if (isSpatial || ShapedType::isDynamic(extents[outer]) ||
          ShapedType::isDynamic(extents[inner]) ||
          expr != a * extents[inner] + b ||
          extents[outer] * extents[inner] != operand.shape[axis])
        continue;
      shape.back() = extents[outer];
      shape.push_back(extents[inner]);
      results.back() = a;
      results.push_back(b);
      break;
    }
  }
  operand.value = e.reshape(operand.value, operand.shape, shape);
  operand.shape = shape;
  operand.map = AffineMap::get(extents.size(), 0, results, context);
}

std::optional<std::string> Contraction::convolution(Operand &x, Operand &w) {
  if (!isFloat)
    return std::nullopt;
  SmallBitVector inX = x.dims(), inW = w.dims();
  llvm::SmallVector<unsigned> images, groups, channels, filters;
  llvm::SmallVector<Spatial> spatials;
  SmallBitVector seen(extents.size());
  for (auto [axis, expr] : llvm::enumerate(x.map.getResults())) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      unsigned d = dim.getPosition();
      if (seen[d] || (!inW[d] && !inY[d]))
        return std::nullopt;
      seen.set(d);
      (!inW[d] ? images : inY[d] ? groups : channels).push_back(d);
      continue;
    }
    Spatial spatial{int64_t(axis), std::nullopt, std::nullopt};
    if (!readSpatial(expr, inW, spatial))
      return std::nullopt;
    for (std::optional<unsigned> d : {spatial.out, spatial.kernel})
      if (d && seen[*d])
        return std::nullopt;
      else if (d)
        seen.set(*d);
    spatials.push_back(spatial);
  }
  for (unsigned d = 0; d < extents.size(); ++d)
    if (!inX[d]) {
      if (!inW[d] || !inY[d])
        return std::nullopt;
      filters.push_back(d);
    }
  if (spatials.size() > 3)
    return std::nullopt;

  // Input: images, groups and channels, spatial axes.
  Shape order, shape{product(images)}, starts, ends, axes;
  for (const auto &list : {images, groups, channels})
    for (unsigned d : list)
      order.push_back(axisOf(x.map, d));
  int64_t groupCount = product(groups);
  shape.push_back(groupCount * product(channels));
  std::vector<int64_t> strides, dilations;
  for (const Spatial &spatial : spatials) {
    order.push_back(spatial.axis);
    int64_t out = spatial.out ? extents[*spatial.out] : 1,
            kernel = spatial.kernel ? extents[*spatial.kernel] : 1;
    int64_t used =
        (out - 1) * spatial.stride + (kernel - 1) * spatial.dilation + 1;
    shape.push_back(used);
    if (used != x.shape[spatial.axis]) {
      axes.push_back(spatial.axis);
      starts.push_back(spatial.start);
      ends.push_back(spatial.start + used);
    }
    strides.push_back(spatial.stride);
    dilations.push_back(spatial.dilation);
  }
  std::string input = x.value;
  Shape cut(x.shape);
  if (!axes.empty())
    input = e.slice(input, starts, ends, axes, Shape(axes.size(), 1));
  for (auto [axis, start, end] : llvm::zip(axes, starts, ends))
    cut[axis] = end - start;
  input = e.transpose(input, order);
  Shape ordered;
  for (int64_t axis : order)
    ordered.push_back(cut[axis]);
  input = e.reshape(input, ordered, shape);

  // Weight: groups and filters, channels, places in the window.
  Shape weightOrder,
      weightShape{groupCount * product(filters), product(channels)};
  for (const auto &list : {groups, filters, channels})
    for (unsigned d : list)
      weightOrder.push_back(axisOf(w.map, d));
  for (const Spatial &spatial : spatials) {
    if (spatial.kernel)
      weightOrder.push_back(axisOf(w.map, *spatial.kernel));
    weightShape.push_back(spatial.kernel ? extents[*spatial.kernel] : 1);
  }
  std::string weight = e.transpose(w.value, weightOrder);
  Shape weightFrom;
  for (int64_t axis : weightOrder)
    weightFrom.push_back(w.shape[axis]);
  weight = e.reshape(weight, weightFrom, weightShape);
  std::string y =
      e.node("Conv", {input, weight},
             {{"group", groupCount},
              {"strides", strides},
              {"dilations", dilations},
              {"kernel_shape", std::vector<int64_t>(weightShape.begin() + 2,
                                                    weightShape.end())}});

  llvm::SmallVector<unsigned> result;
  for (const auto &list : {images, groups, filters})
    llvm::append_range(result, list);
  Shape made{product(images), groupCount * product(filters)};
  for (const Spatial &spatial : spatials) {
    made.push_back(spatial.out ? extents[*spatial.out] : 1);
    if (spatial.out)
      result.push_back(*spatial.out);
  }
  return toResult(e.reshape(y, made, extentsOf(result)), result);
}

//===----------------------------------------------------------------------===//
// Plain products
//===----------------------------------------------------------------------===//

/// Gathers the operand over the dimensions of its map.
void Contraction::pickApart(Operand &operand) {
  SmallBitVector used = operand.dims();
  llvm::SmallVector<AffineExpr> replacements, results;
  MLIRContext *context = operand.map.getContext();
  Shape box;
  for (unsigned d = 0; d < extents.size(); ++d) {
    replacements.push_back(getAffineDimExpr(box.size(), context));
    if (!used[d])
      continue;
    box.push_back(extents[d]);
    results.push_back(getAffineDimExpr(d, context));
  }
  for (int64_t extent : operand.shape)
    if (ShapedType::isDynamic(extent))
      block("an open dim inside an index that is not plain");
  AffineMap own =
      operand.map.replaceDimsAndSymbols(replacements, {}, box.size(), 0);
  std::vector<int64_t> indices = flatIndices(own, operand.shape, box);
  int64_t elements = 1;
  for (int64_t extent : operand.shape)
    elements *= extent;
  std::string flat = e.reshape(operand.value, operand.shape, {elements});
  operand.value = e.node(
      "Gather",
      {flat, e.tensor("places", Tensor::of<int64_t>(DType::I64, box, indices))},
      {{"axis", int64_t(0)}});
  operand.shape = box;
  operand.map = AffineMap::get(extents.size(), 0, results, context);
}

std::string Contraction::product(Operand &a, Operand &b) {
  SmallBitVector inA = a.dims(), inB = b.dims();
  // MatMul: (batch, m, k) times (batch, k, n), or the second transposed.
  llvm::ArrayRef<AffineExpr> aDims = a.map.getResults(),
                             bDims = b.map.getResults(),
                             yDims = yMap.getResults();
  size_t rank = aDims.size();
  if (rank >= 2 && bDims.size() == rank && yDims.size() == rank &&
      aDims.drop_back(2) == bDims.drop_back(2) &&
      aDims.drop_back(2) == yDims.drop_back(2) &&
      aDims[rank - 2] == yDims[rank - 2]) {
    AffineExpr k = aDims[rank - 1], n = yDims[rank - 1];
    bool straight = bDims[rank - 2] == k && bDims[rank - 1] == n,
         swapped = bDims[rank - 1] == k && bDims[rank - 2] == n;
    if (k != n && (straight || swapped)) {
      Shape perm;
      for (size_t axis = 0; axis < rank; ++axis)
        perm.push_back(axis);
      if (swapped)
        std::swap(perm[rank - 1], perm[rank - 2]);
      return e.node("MatMul", {a.value, e.transpose(b.value, perm)});
    }
  }
  if (extents.size() > 52)
    block("a product over more than 52 dimensions");
  auto letters = [](llvm::ArrayRef<AffineExpr> dims) {
    std::string text;
    for (AffineExpr expr : dims) {
      unsigned d = cast<AffineDimExpr>(expr).getPosition();
      text += char(d < 26 ? 'a' + d : 'A' + d - 26);
    }
    return text;
  };
  for (AffineExpr expr : yDims) {
    unsigned d = cast<AffineDimExpr>(expr).getPosition();
    if (!inA[d] && !inB[d])
      block("a dimension of the result is in no operand");
  }
  return e.node("Einsum", {a.value, b.value},
                {{"equation", letters(aDims) + "," + letters(bDims) + "->" +
                                  letters(yDims)}});
}

std::string exportContract(Exporter &exporter, lazy::ContractOp op,
                           const std::string &a, const std::string &b) {
  return Contraction(exporter, op, a, b).run();
}

} // namespace nacre::onnx_frontend
