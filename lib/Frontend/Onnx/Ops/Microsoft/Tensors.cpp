//===- Tensors.cpp - com.microsoft: ops on tensors ------------------------===//
//
// Most came before ONNX had an op of the same meaning, and are imported as that
// one.
//
//===----------------------------------------------------------------------===//
#include "../../OpTable.h"
#include "../Sample.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

/// The bits of x as another type of the same width.
Value bitsAs(Node &n, Value x, mlir::Type element) {
  if (Node::element(x) == element)
    return x;
  return lazy::BitcastOp::create(
      n.build.b, n.build.loc, lazy::withElement(lazy::tensorType(x), element),
      x);
}

/// Imports the node as an op of the default domain.
void importAs(Node &n, const onnx::NodeProto &proto, int64_t opset) {
  Node other(n.importer, n.scope, proto, opset, n.build.loc, n.name);
  opTable("").lookup(proto.op_type()).import(other);
}

void addInt(onnx::NodeProto &proto, const char *name, int64_t value) {
  onnx::AttributeProto *attribute = proto.add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

/// An op of the default domain that takes the same.
template <const char *op, int64_t opset> void same(Node &n) {
  onnx::NodeProto proto = n.proto;
  proto.set_op_type(op);
  importAs(n, proto, opset);
}
constexpr char gatherND[] = "GatherND", gridSample[] = "GridSample",
               trilu[] = "Trilu";

/// The value may be a vector of one element.
void pad(Node &n) {
  onnx::NodeProto proto = n.proto;
  std::string value = "(value of " + n.name + ")";
  if (n.has(2)) {
    if (lazy::tensorType(n.in(2)).getNumElements() != 1)
      block("E_SHAPE: value of shape " + shapeText(Node::shape(n.in(2))) +
            " must be a scalar");
    n.scope.values[value] = n.reshape(n.in(2), {});
    proto.set_input(2, value);
  }
  importAs(n, proto, 13);
}

/// delta may be left out; each may be a vector of one element.
void range(Node &n) {
  onnx::NodeProto proto = n.proto;
  while (proto.input_size() < 3)
    proto.add_input("");
  for (int i = 0; i < 3; ++i) {
    Value v =
        n.has(i) || i < 2 ? n.in(i) : n.build.splat(Node::element(n.in(0)), 1);
    if (lazy::tensorType(v).getNumElements() != 1)
      block("E_SHAPE: input of shape " + shapeText(Node::shape(v)) +
            " must be a scalar");
    std::string name = "(input " + std::to_string(i) + " of " + n.name + ")";
    n.scope.values[name] = n.reshape(v, {});
    proto.set_input(i, name);
  }
  importAs(n, proto, 11);
}

void expandDims(Node &n) {
  Ints axis = n.constantInts(1, "axis");
  if (axis.size() != 1)
    block("E_SHAPE: axis has " + Twine(axis.size()) + " values, not 1");
  onnx::NodeProto proto = n.proto;
  proto.set_op_type("Unsqueeze");
  proto.mutable_input()->DeleteSubrange(1, 1);
  onnx::AttributeProto *axes = proto.add_attribute();
  axes->set_name("axes");
  axes->set_type(onnx::AttributeProto::INTS);
  axes->add_ints(axis[0]);
  importAs(n, proto, 11);
}

/// In the order in which they come, without the places of the first ones.
void unique(Node &n) {
  onnx::NodeProto proto = n.proto;
  while (proto.output_size() < 3)
    proto.add_output("");
  std::string places = proto.output(1), counts = proto.output(2);
  proto.set_output(1, "");
  proto.set_output(2, places);
  proto.add_output(counts);
  addInt(proto, "sorted", 0);
  importAs(n, proto, 11);
}

/// The Fourier transform of x [.., size, 1 or 2] along its last axis but one,
/// as DFT makes it.
Value transformed(Node &n, Value x, std::optional<int64_t> length) {
  if (n.intAttr("signal_ndim", 1) != 1 || n.intAttr("normalized", 0) != 0 ||
      n.intAttr("onesided", 1) != 1)
    block("signal_ndim other than 1, normalized and onesided=0 are not "
          "supported");
  std::string in = "(input of " + n.name + ")",
              out = "(result of " + n.name + ")",
              size = "(length of " + n.name + ")";
  onnx::NodeProto proto;
  proto.set_op_type("DFT");
  proto.add_input(in);
  proto.add_output(out);
  n.scope.values[in] = x;
  if (length) {
    proto.add_input(size);
    n.scope.values[size] = n.build.splat(n.type(DType::I64), double(*length));
    addInt(proto, "inverse", 1);
  }
  addInt(proto, "onesided", 1);
  addInt(proto, "axis", Node::rank(x) - 2);
  importAs(n, proto, 17);
  return n.scope.find(out)->value();
}

void rfft(Node &n) {
  n.needFloat(n.in(0));
  n.needStatic(n.in(0));
  n.needRank(n.in(0), 1);
  Ints shape(Node::shape(n.in(0)));
  shape.insert(shape.begin(), Node::rank(n.in(0)) == 1 ? 1 : 0, 1);
  Ints single(shape);
  single.push_back(1);
  Value y = transformed(n, n.reshape(n.in(0), single), std::nullopt);
  Ints result(Node::shape(y));
  if (Node::rank(n.in(0)) == 1)
    result.erase(result.begin());
  n.set(0, n.reshape(y, result));
}

/// To an even number of reals.
void irfft(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needStatic(x);
  n.needRank(x, 2);
  Ints shape(Node::shape(x));
  int64_t half = shape[shape.size() - 2];
  if (shape.back() != 2 || half < 2)
    block("E_SHAPE: input of shape " + shapeText(shape) +
          " is not complex, of at least 2 frequencies");
  Ints result(llvm::ArrayRef(shape).drop_back());
  result.back() = 2 * (half - 1);
  if (shape.size() == 2)
    shape.insert(shape.begin(), 1);
  n.set(0,
        n.reshape(transformed(n, n.reshape(x, shape), result.back()), result));
}

/// The 32-bit hash of each element's bytes, by the definition of MurmurHash3.
void murmurHash3(Node &n) {
  Value x = n.in(0);
  mlir::Type u32 = n.type(DType::U32);
  auto number = [&](uint32_t v) { return n.build.splat(u32, double(v)); };
  auto rotated = [&](Value v, int by) {
    return n.binary<lazy::OrOp>(n.binary<lazy::ShlOp>(v, double(by)),
                                n.binary<lazy::ShrOp>(v, double(32 - by)));
  };
  auto scrambled = [&](Value v, int by, uint32_t factor) {
    return n.binary<lazy::MulOp>(
        n.binary<lazy::XorOp>(v, n.binary<lazy::ShrOp>(v, double(by))),
        number(factor));
  };
  llvm::SmallVector<Value> words;
  switch (Node::dtype(x)) {
  case DType::F32:
  case DType::I32:
  case DType::U32:
    words.push_back(bitsAs(n, x, u32));
    break;
  case DType::F64:
  case DType::I64:
  case DType::U64: {
    Value bits = bitsAs(n, x, n.type(DType::U64));
    words.push_back(
        n.build.cast(n.binary<lazy::AndOp>(bits, double(0xffffffffu)), u32));
    words.push_back(n.build.cast(n.binary<lazy::ShrOp>(bits, 32.0), u32));
    break;
  }
  default:
    block("is not supported on " + Twine(dtypeName(Node::dtype(x))));
  }
  Value h = n.build.splatLike(words[0], double(uint32_t(n.intAttr("seed", 0))));
  for (Value k : words) {
    k = rotated(n.binary<lazy::MulOp>(k, number(0xcc9e2d51)), 15);
    k = n.binary<lazy::MulOp>(k, number(0x1b873593));
    h = rotated(n.binary<lazy::XorOp>(h, k), 13);
    h = n.binary<lazy::AddOp>(n.binary<lazy::MulOp>(h, number(5)),
                              number(0xe6546b64));
  }
  h = n.binary<lazy::XorOp>(h, number(4 * words.size()));
  h = scrambled(scrambled(h, 16, 0x85ebca6b), 13, 0xc2b2ae35);
  h = n.binary<lazy::XorOp>(h, n.binary<lazy::ShrOp>(h, 16.0));
  n.set(0,
        n.intAttr("positive", 1) != 0 ? h : bitsAs(n, h, n.type(DType::I32)));
}

/// Distances of the rows of A from those of B.
void cDist(Node &n) {
  Value a = n.in(0), b = n.in(1);
  n.needFloat(a);
  std::string metric = n.stringAttr("metric", "sqeuclidean");
  if (metric != "euclidean" && metric != "sqeuclidean")
    block("E_ATTR: unknown metric " + quoted(metric));
  if (Node::rank(a) != 2 || Node::rank(b) != 2 ||
      Node::shape(a)[1] != Node::shape(b)[1])
    block("E_SHAPE: shapes " + shapeText(Node::shape(a)) + " and " +
          shapeText(Node::shape(b)) + " are not matrices of equal rows");
  int64_t size = Node::shape(a)[1];
  Value apart =
      n.binary<lazy::SubOp>(n.reshape(a, {Node::shape(a)[0], 1, size}),
                            n.reshape(b, {1, Node::shape(b)[0], size}));
  Value y =
      n.build.reduce(ReduceKind::add, n.binary<lazy::MulOp>(apart, apart), {2});
  n.set(0, metric == "euclidean" ? n.unary<lazy::SqrtOp>(y) : y);
}

/// Whether no element of any input is infinite or NaN.
void isAllFinite(Node &n) {
  bool nan = n.intAttr("isinf_only", 0) == 0,
       infinite = n.intAttr("isnan_only", 0) == 0;
  if (!nan && !infinite)
    block("E_ATTR: both isinf_only and isnan_only are set");
  mlir::Type i32 = n.type(DType::I32);
  Value bad;
  for (int i = 0; i < n.inputCount(); ++i) {
    Value x = n.in(i);
    n.needFloat(x);
    n.needStatic(x);
    Value found;
    if (nan)
      found = n.cmp(lazy::CmpKind::ne, x, x);
    if (infinite) {
      Value large =
          n.cmp(lazy::CmpKind::eq, n.build.unary<lazy::AbsOp>(x),
                n.build.splatLike(x, std::numeric_limits<double>::infinity()));
      found = found ? n.binary<lazy::OrOp>(found, large) : large;
    }
    Ints all;
    for (int64_t a = 0; a < Node::rank(x); ++a)
      all.push_back(a);
    Value any = n.build.cast(found, i32);
    any = n.binary<lazy::MaxOp>(n.build.reduce(ReduceKind::max, any, all), 0.0);
    bad = bad ? n.binary<lazy::MaxOp>(bad, any) : any;
  }
  if (!bad)
    block("has no inputs");
  n.set(0, n.cmp(lazy::CmpKind::eq, bad, n.build.splat(i32, 0)));
}

/// Bytes summed in 32 bits.
void reduceSumInteger(Node &n) {
  Value x = n.in(0);
  DType dtype = Node::dtype(x);
  if (dtype != DType::I8 && dtype != DType::U8)
    block("is not supported on " + Twine(dtypeName(dtype)));
  std::optional<Ints> axes = n.intsAttr("axes");
  if (!axes)
    block("E_ATTR: no axes");
  x = n.build.cast(x, n.type(dtype == DType::I8 ? DType::I32 : DType::U32));
  n.set(0, n.build.reduce(ReduceKind::add, x, n.axes(*axes, Node::rank(x)),
                          n.intAttr("keepdims", 1) != 0));
}

/// The inverse of each matrix by Gauss' and Jordan's elimination with the
/// largest pivot of each column, written out.
void inverse(Node &n) {
  constexpr int64_t maxExtent = 32;
  Value x = n.in(0);
  n.needFloat(x);
  n.needStatic(x);
  n.needRank(x, 2);
  Ints given(Node::shape(x));
  int64_t size = given.back(), count = 1;
  if (given[given.size() - 2] != size)
    block("E_SHAPE: matrices of shape " + shapeText(given) + " are not square");
  if (size > maxExtent)
    block("E_LIMIT: matrices of " + Twine(size) + " rows; at most " +
          Twine(maxExtent) + " are supported");
  for (int64_t extent : llvm::ArrayRef(given).drop_back(2))
    count = mulChecked(count, extent);
  mlir::Type type = Node::element(x);
  mlir::Type wide = type.isF64() ? type : n.type(DType::F32);
  mlir::Type i64 = n.type(DType::I64);
  auto place = [&](Ints shape, int64_t axis) {
    return n.build.iota(mlir::RankedTensorType::get(shape, i64), axis);
  };
  Value rows = place({1, size, 1}, 1), zero = n.build.splat(wide, 0);
  Value one = n.build.cast(n.cmp(lazy::CmpKind::eq, place({1, size, size}, 1),
                                 place({1, size, size}, 2)),
                           wide);
  // Beside the matrix stands what becomes its inverse.
  Value m = n.concat({n.reshape(n.build.cast(x, wide), {count, size, size}),
                      n.build.expand(one, {count, size, size})},
                     2);
  for (int64_t k = 0; k < size; ++k) {
    // Of the rows from k on, the one with the largest element in column k.
    Value column = n.build.unary<lazy::AbsOp>(n.sliceAxis(m, 2, k, 1));
    Value free = n.cmp(lazy::CmpKind::ge, rows, n.build.splat(i64, double(k)));
    column = n.where(free, column, n.build.splat(wide, -1));
    Value at = n.build.argReduce(ReduceKind::max, column, 1, /*last=*/false,
                                 /*keepDims=*/true); // [count,1,1]
    Value hit = n.cmp(lazy::CmpKind::eq, rows, at);
    Value pivots = n.build.reduce(ReduceKind::add, n.where(hit, m, zero), {1},
                                  /*keepDims=*/true);
    m = n.where(hit, n.sliceAxis(m, 1, k, 1), m); // row k goes there
    Value pivot = n.sliceAxis(pivots, 2, k, 1);
    Value own = n.binary<lazy::DivOp>(pivots, pivot);
    Value others = n.binary<lazy::SubOp>(
        m, n.binary<lazy::MulOp>(n.sliceAxis(m, 2, k, 1), own));
    Value isOwn = n.cmp(lazy::CmpKind::eq, rows, n.build.splat(i64, double(k)));
    m = n.where(isOwn, own, others);
  }
  n.set(0, n.build.cast(n.reshape(n.sliceAxis(m, 2, size, size), given), type));
}

/// Boxes of images, each resized to one size. A box is [y1,x1,y2,x2] in shares
/// of the image's extents; outside the image is extrapolation_value.
void cropAndResize(Node &n) {
  Value x = n.in(0), boxes = n.in(1), images = n.in(2);
  n.needFloat(x);
  n.needStatic(x);
  n.needStatic(boxes);
  std::string mode = n.stringAttr("mode", "bilinear");
  if (mode != "bilinear" && mode != "nearest")
    block("E_ATTR: unknown mode " + quoted(mode));
  Ints size = n.constantInts(3, "crop_size");
  if (Node::rank(x) != 4 || Node::rank(boxes) != 2 ||
      Node::shape(boxes)[1] != 4 || size.size() != 2 || size[0] < 1 ||
      size[1] < 1 ||
      Node::shape(images) != llvm::ArrayRef<int64_t>(Node::shape(boxes)[0]))
    block("E_SHAPE: input " + shapeText(Node::shape(x)) + ", rois " +
          shapeText(Node::shape(boxes)) + ", batch_indices " +
          shapeText(Node::shape(images)) + " and crop_size " + shapeText(size) +
          " do not fit each other");
  int64_t count = Node::shape(boxes)[0];
  mlir::Type element = Node::element(x);
  llvm::SmallVector<Value> places;
  Value inside;
  for (int axis : {0, 1}) {
    int64_t extent = Node::shape(x)[axis + 2];
    auto edge = [&](int column) {
      Value v = n.reshape(n.sliceAxis(boxes, 1, column, 1), {count, 1, 1});
      return n.binary<lazy::MulOp>(v, double(extent - 1));
    };
    Value low = edge(axis), high = edge(axis + 2), at;
    if (size[axis] == 1) {
      at = n.binary<lazy::MulOp>(n.binary<lazy::AddOp>(low, high), 0.5);
    } else {
      Ints shape{1, 1, 1};
      shape[axis + 1] = size[axis];
      Value step = n.binary<lazy::DivOp>(n.binary<lazy::SubOp>(high, low),
                                         double(size[axis] - 1));
      Value index =
          n.build.iota(mlir::RankedTensorType::get(shape, element), axis + 1);
      at = n.binary<lazy::AddOp>(low, n.binary<lazy::MulOp>(index, step));
    }
    Value within = n.build.binary<lazy::AndOp>(
        n.cmp(lazy::CmpKind::ge, at, n.build.splatLike(at, 0)),
        n.cmp(lazy::CmpKind::le, at,
              n.build.splatLike(at, double(extent - 1))));
    inside = inside ? n.build.binary<lazy::AndOp>(inside, within) : within;
    if (mode == "nearest") // halves go up
      at = n.unary<lazy::FloorOp>(n.binary<lazy::AddOp>(at, 0.5));
    places.push_back(at);
  }
  Value image =
      n.reshape(n.build.cast(images, n.type(DType::I64)), {count, 1, 1});
  Value y =
      sample(n, x, places, image,
             mode == "nearest" ? Interpolation::Nearest : Interpolation::Linear,
             Border::Clamp);
  inside = n.build.expand(inside, {count, size[0], size[1]});
  n.set(0,
        n.where(n.reshape(inside, {count, 1, size[0], size[1]}), y,
                n.build.splat(element, n.floatAttr("extrapolation_value", 0))));
}

} // namespace

void onnx_frontend::addMicrosoftTensorOps(OpTable &t) {
  t["GatherND"] = same<gatherND, 12>;
  t["GridSample"] = same<gridSample, 16>;
  t["Trilu"] = same<trilu, 14>;
  t["Pad"] = pad;
  t["Range"] = range;
  t["ExpandDims"] = expandDims;
  t["Unique"] = unique;
  t["CDist"] = cDist;
  t["IsAllFinite"] = isAllFinite;
  t["ReduceSumInteger"] = bounded(reduceSumInteger);
  t["Inverse"] = inverse;
  t["Rfft"] = rfft;
  t["Irfft"] = irfft;
  t["MurmurHash3"] = murmurHash3;
  t["CropAndResize"] = cropAndResize;
}
