//===- Node.cpp - one ONNX node while it is imported ----------------------===//
#include "Node.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::ShapedType;

int64_t onnx_frontend::addChecked(int64_t a, int64_t b) {
  int64_t sum;
  if (__builtin_add_overflow(a, b, &sum))
    block("E_OVERFLOW: an extent exceeds 64 bits");
  return sum;
}

int64_t onnx_frontend::mulChecked(int64_t a, int64_t b) {
  int64_t product;
  if (__builtin_mul_overflow(a, b, &product))
    block("E_OVERFLOW: an extent exceeds 64 bits");
  return product;
}

//===----------------------------------------------------------------------===//
// Inputs and attributes
//===----------------------------------------------------------------------===//

Datum Node::datum(int i) {
  if (!has(i))
    block("input " + Twine(i) + " is missing");
  std::optional<Datum> found = scope.find(proto.input(i));
  if (!found || !*found)
    block("input " + Twine(i) + " has no value");
  return *found;
}

Value Node::in(int i) {
  Datum found = datum(i);
  if (!found.isTensor())
    block("input " + Twine(i) + " is " + found.what() +
          (found.isStrings() || found.isCoded() ? ", not of numbers"
                                                : ", not a tensor"));
  return found.value();
}

Value Node::codes(int i) {
  Datum found = datum(i);
  return found.isCoded() ? found.value() : codesOf(strings(i));
}

const StringTensor &Node::strings(int i) {
  Datum found = datum(i);
  if (found.isCoded())
    block("input " + Twine(i) +
          " is a tensor of strings of the run; only what moves strings or "
          "compares them for equality works on those, give constant ones with "
          "--fix");
  if (!found.isStrings())
    block(
        "input " + Twine(i) + " is " + found.what() +
        (found.isTensor() ? ", not of strings" : ", not a tensor of strings"));
  return found.text();
}

Tensor Node::constant(int i, llvm::StringRef what) {
  std::optional<Tensor> value = importer.constantValue(in(i));
  if (!value)
    block("needs a constant '" + what + "' input; it depends on run-time data");
  return *value;
}

Ints Node::constantInts(int i, llvm::StringRef what) {
  Tensor tensor = constant(i, what);
  if (tensor.shape.size() > 1)
    block("'" + what + "' must be a vector, its shape is " +
          shapeText(tensor.shape));
  if (tensor.count() > 4096)
    block("E_LIMIT: '" + what + "' has " + Twine(tensor.count()) + " values");
  Ints values;
  for (int64_t k = 0, n = tensor.count(); k < n; ++k)
    values.push_back(tensor.integerAt(k));
  return values;
}

Extents Node::extentInts(int i, llvm::StringRef what) {
  if (importer.dims.active())
    if (std::optional<Extents> known = importer.dims.elements(in(i)))
      return *known;
  Ints values = constantInts(i, what);
  return Extents(values.begin(), values.end());
}

const onnx::AttributeProto *Node::attribute(llvm::StringRef wanted) {
  const onnx::NodeProto *at = &proto;
  const Scope *from = &scope;
  std::string key = wanted.str();
  for (int depth = 0; at && depth <= kMaxNesting; ++depth) {
    const onnx::AttributeProto *found = nullptr;
    for (const onnx::AttributeProto &attribute : at->attribute())
      if (attribute.name() == key)
        found = &attribute;
    if (!found || found->ref_attr_name().empty())
      return found;
    key = found->ref_attr_name();
    at = from ? from->call : nullptr;
    from = from ? from->callScope : nullptr;
  }
  return nullptr;
}

static void needType(const onnx::AttributeProto *attribute,
                     onnx::AttributeProto::AttributeType type,
                     const char *wanted) {
  // Files of the first versions leave the type out.
  if (attribute->has_type() && attribute->type() != type &&
      attribute->type() != onnx::AttributeProto::UNDEFINED)
    block("E_ATTR: " + quoted(attribute->name()) + " is not " + wanted);
}

int64_t Node::intAttr(llvm::StringRef name, int64_t otherwise) {
  const onnx::AttributeProto *a = attribute(name);
  if (!a)
    return otherwise;
  needType(a, onnx::AttributeProto::INT, "an integer");
  return a->i();
}

double Node::floatAttr(llvm::StringRef name, double otherwise) {
  const onnx::AttributeProto *a = attribute(name);
  if (!a)
    return otherwise;
  needType(a, onnx::AttributeProto::FLOAT, "a float");
  return a->f();
}

std::string Node::stringAttr(llvm::StringRef name, llvm::StringRef otherwise) {
  const onnx::AttributeProto *a = attribute(name);
  if (!a)
    return otherwise.str();
  needType(a, onnx::AttributeProto::STRING, "a string");
  return a->s();
}

std::optional<Ints> Node::intsAttr(llvm::StringRef name) {
  const onnx::AttributeProto *a = attribute(name);
  if (!a)
    return std::nullopt;
  needType(a, onnx::AttributeProto::INTS, "a list of integers");
  if (a->ints_size() > 4096)
    block("E_LIMIT: '" + name + "' has " + Twine(a->ints_size()) + " values");
  return Ints(a->ints().begin(), a->ints().end());
}

std::optional<llvm::SmallVector<double>>
Node::floatsAttr(llvm::StringRef name) {
  const onnx::AttributeProto *a = attribute(name);
  if (!a)
    return std::nullopt;
  needType(a, onnx::AttributeProto::FLOATS, "a list of floats");
  return llvm::SmallVector<double>(a->floats().begin(), a->floats().end());
}

std::optional<Ints> Node::intsAttrOrInput(llvm::StringRef name, int input,
                                          int64_t sinceOpset) {
  if (opset < sinceOpset)
    return intsAttr(name);
  if (!has(input))
    return std::nullopt;
  return constantInts(input, name);
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void Node::setDatum(int i, Datum datum) {
  if (wants(i))
    scope.values[proto.output(i)] = std::move(datum);
}

void Node::onlyOutputs(int first) {
  for (int i = first; i < proto.output_size(); ++i)
    if (wants(i))
      block("output " + Twine(i) + " (" + quoted(proto.output(i)) +
            ") is not supported");
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

int64_t Node::axis(int64_t given, int64_t rank, llvm::StringRef what) {
  if (given < -rank || given >= rank)
    block("E_ATTR: " + what + " " + Twine(given) + " is outside [" +
          Twine(-rank) + "," + Twine(rank) + ")");
  return given < 0 ? given + rank : given;
}

Ints Node::axes(llvm::ArrayRef<int64_t> given, int64_t rank) {
  Ints result;
  for (int64_t a : given) {
    result.push_back(axis(a, rank));
    if (llvm::count(result, result.back()) > 1)
      block("E_ATTR: axis " + Twine(result.back()) + " is given twice");
  }
  return result;
}

void Node::needFloat(Value v) {
  if (!isFloat(v))
    block("is not supported on " + Twine(dtypeName(dtype(v))));
}

void Node::needRank(Value v, int64_t atLeast) {
  if (rank(v) < atLeast)
    block("input of shape " + shapeText(shape(v)) + " has rank " +
          Twine(rank(v)) + ", needs at least " + Twine(atLeast));
}

void Node::needSameElement(Value a, Value b) {
  if (element(a) != element(b))
    block("inputs have element types " + Twine(dtypeName(dtype(a))) + " and " +
          dtypeName(dtype(b)));
}

void Node::needStatic(Value v) {
  if (!importer.dims.isStatic(v))
    for (int64_t a = 0; a < rank(v); ++a)
      needStatic(v, a);
  if (!lazy::tensorType(v).hasStaticShape())
    block("does not support the symbolic extents of shape " +
          shapeText(shape(v)));
}

void Node::needStatic(Value v, int64_t axis) {
  if (Extent e = extent(v, axis); !e.isConstant())
    block("E_DIM: does not support the symbolic extent " +
          importer.dims.table.text(e) + " on axis " + Twine(axis));
  if (ShapedType::isDynamic(shape(v)[axis]))
    block("does not support a symbolic extent on axis " + Twine(axis));
}

int64_t Node::countAlong(Value v, llvm::ArrayRef<int64_t> axes) {
  int64_t count = 1;
  for (int64_t a : axes) {
    needStatic(v, a);
    count = mulChecked(count, shape(v)[a]);
  }
  return count;
}

void Node::needShape(llvm::ArrayRef<int64_t> shape) {
  if (int64_t(shape.size()) > kMaxRank)
    block("E_RANK: rank " + Twine(shape.size()) + " is above " +
          Twine(kMaxRank));
  Ints known;
  for (int64_t extent : shape)
    if (!ShapedType::isDynamic(extent))
      known.push_back(extent);
  if (!elementCount(known))
    block("E_OVERFLOW: shape " + shapeText(shape) +
          " has a negative extent or too many elements");
}

Tensor Node::newTensor(DType dtype, llvm::ArrayRef<int64_t> shape) {
  needShape(shape);
  std::optional<int64_t> bytes = byteSize(shape, dtype);
  if (!bytes || *bytes > importer.options.maxFoldBytes)
    block("E_LIMIT: a constant of shape " + shapeText(shape) +
          " would take more than " + Twine(importer.options.maxFoldBytes) +
          " bytes (--max-fold-bytes)");
  return Tensor::zeros(dtype, shape);
}

void Node::checkBroadcast(Value a, Value b) {
  needSameElement(a, b);
  if (!lazy::broadcastShapes(shape(a), shape(b)))
    block("E_SHAPE: shapes " + shapeText(shape(a)) + " and " +
          shapeText(shape(b)) + " do not broadcast");
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Value Node::spread(Value v, Value like) {
  auto splat = v.getDefiningOp<lazy::SplatOp>();
  mlir::RankedTensorType from = lazy::tensorType(v),
                         to = lazy::tensorType(like);
  if (!splat || from.getRank() > to.getRank() || from.getNumElements() != 1)
    return v;
  return lazy::SplatOp::create(build.b, build.loc,
                               lazy::withElement(to, from.getElementType()),
                               splat.getValue());
}

Value Node::where(Value condition, Value a, Value b) {
  if (dtype(condition) != DType::Bool)
    block("condition has element type " + Twine(dtypeName(dtype(condition))) +
          ", not bool");
  checkBroadcast(a, b);
  auto both = lazy::broadcastShapes(shape(a), shape(b));
  if (!lazy::broadcastShapes(shape(condition), *both))
    block("E_SHAPE: condition " + shapeText(shape(condition)) +
          " does not broadcast with " + shapeText(*both));
  return build.where(condition, spread(a, condition), spread(b, condition));
}

Value Node::reshape(Value x, llvm::ArrayRef<int64_t> to) {
  needShape(to);
  llvm::ArrayRef<int64_t> from = shape(x);
  auto leads = [](llvm::ArrayRef<int64_t> s) {
    return !s.empty() && ShapedType::isDynamic(s[0]);
  };
  bool symbolic = !lazy::tensorType(x).hasStaticShape();
  bool fits = symbolic == leads(to) && symbolic == leads(from);
  for (auto s : {from, to})
    for (int64_t extent : s.drop_front(symbolic && !s.empty() ? 1 : 0))
      fits &= !ShapedType::isDynamic(extent);
  if (!fits)
    block("symbolic extent of shape " + shapeText(from) +
          " must stay the leading one");
  if (elementCount(from.drop_front(symbolic)) !=
      elementCount(to.drop_front(symbolic)))
    block("E_SHAPE: shape " + shapeText(from) + " cannot become " +
          shapeText(to));
  return build.reshape(x, to);
}

Value Node::scalarOf(Value v, llvm::StringRef what) {
  auto type = lazy::tensorType(v);
  if (!type.hasStaticShape() || type.getNumElements() != 1)
    block("E_SHAPE: " + what + " has shape " + shapeText(type.getShape()) +
          ", not one element");
  return reshape(v, {});
}

Value Node::pad(Value x, llvm::ArrayRef<int64_t> low,
                llvm::ArrayRef<int64_t> high, double value) {
  Ints shape;
  for (int64_t i = 0; i < rank(x); ++i) {
    if ((low[i] || high[i]) && Node::extent(x, i).isConstant())
      needStatic(x, i);
    int64_t extent = Node::shape(x)[i];
    shape.push_back(ShapedType::isDynamic(extent)
                        ? extent
                        : addChecked(addChecked(extent, low[i]), high[i]));
  }
  needShape(shape);
  return build.pad(x, low, high, value);
}

Value Node::sliceAxis(Value x, int64_t axis, int64_t start, int64_t size,
                      int64_t step) {
  Ints starts(rank(x), 0), sizes(shape(x)), steps(rank(x), 1);
  starts[axis] = start;
  sizes[axis] = size;
  steps[axis] = step;
  return build.slice(x, starts, sizes, steps);
}

Value Node::concat(llvm::ArrayRef<Value> xs, int64_t axis) {
  if (xs.empty())
    block("has no inputs");
  int64_t extent = 0;
  for (Value x : xs) {
    needSameElement(xs[0], x);
    bool fits = rank(x) == rank(xs[0]);
    for (int64_t i = 0; fits && i < rank(x); ++i)
      fits = i == axis || shape(x)[i] == shape(xs[0])[i];
    if (!fits)
      block("E_SHAPE: shapes " + shapeText(shape(xs[0])) + " and " +
            shapeText(shape(x)) + " differ outside axis " + Twine(axis));
    if (Node::extent(x, axis).isConstant())
      needStatic(x, axis);
    extent = addChecked(extent, shape(x)[axis]);
  }
  return build.concat(xs, axis);
}

Value Node::channels(Value v, int64_t rank, int64_t axis) {
  Ints to(rank, 1);
  to[axis] = shape(v)[0];
  return reshape(v, to);
}

Value Node::ints(llvm::ArrayRef<int64_t> values) {
  return constantOf(
      Tensor::of<int64_t>(DType::I64, {int64_t(values.size())}, values));
}

Value Node::mean(Value x, llvm::ArrayRef<int64_t> axes) {
  Value sum = build.reduce(lazy::ReduceKind::add, x, axes, /*keepDims=*/true);
  return overCount(sum, x, axes);
}

Value Node::overCount(Value sum, Value x, llvm::ArrayRef<int64_t> axes) {
  Extent count(1);
  for (int64_t a : axes)
    count = count * extent(x, a);
  if (count.isConstant())
    return binary<lazy::DivOp>(sum, double(countAlong(x, axes)));
  return binary<lazy::DivOp>(sum, build.cast(scalar(count), element(sum)));
}
