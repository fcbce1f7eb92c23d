//===- Sequence.cpp - sequences and optionals -----------------------------===//
//
// Their lengths are known here, so these ops only name tensors.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "../Subgraph.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

llvm::ArrayRef<Datum> listAt(Node &n, int i) {
  Datum datum = n.datum(i);
  if (!datum.isList())
    block("input " + Twine(i) + " is " + datum.what() + ", not a sequence");
  return datum.elements();
}

std::string typeName(const Datum &datum) {
  return datum.isTensor() ? dtypeName(Node::dtype(datum.value()))
                          : datum.what();
}

/// A sequence has elements of one type.
Datum newList(std::vector<Datum> elements) {
  if (int64_t(elements.size()) > kMaxListLength)
    block("E_LIMIT: the sequence gets longer than " + Twine(kMaxListLength));
  for (const Datum &element : elements)
    if (typeName(element) != typeName(elements[0]))
      block("E_DTYPE: the sequence has elements of " + typeName(elements[0]) +
            " and " + typeName(element));
  return Datum::list(std::move(elements));
}

/// Input i as a place in a list of `size` elements, or, at the end, behind.
int64_t position(Node &n, int i, int64_t size, bool behind = false) {
  Tensor given = n.constant(i, "position");
  if (given.count() != 1)
    block("E_SHAPE: position has shape " + shapeText(given.shape) +
          ", not one element");
  int64_t at = given.integerAt(0);
  if (at < -size || at >= size + behind)
    block("E_INDEX: position " + Twine(at) + " is outside [" + Twine(-size) +
          "," + Twine(size) + (behind ? "]" : ")"));
  return at < 0 ? at + size : at;
}

void sequenceConstruct(Node &n) {
  std::vector<Datum> elements;
  for (int i = 0; i < n.inputCount(); ++i)
    elements.push_back(n.datum(i));
  n.setDatum(0, newList(std::move(elements)));
}

void sequenceEmpty(Node &n) { n.setDatum(0, Datum::list({})); }

void sequenceInsert(Node &n) {
  std::vector<Datum> elements = listAt(n, 0);
  int64_t size = elements.size();
  int64_t at = n.has(2) ? position(n, 2, size, /*behind=*/true) : size;
  elements.insert(elements.begin() + at, n.datum(1));
  n.setDatum(0, newList(std::move(elements)));
}

void sequenceErase(Node &n) {
  std::vector<Datum> elements = listAt(n, 0);
  int64_t size = elements.size();
  if (size == 0)
    block("E_INDEX: the sequence is empty");
  elements.erase(elements.begin() +
                 (n.has(1) ? position(n, 1, size) : size - 1));
  n.setDatum(0, Datum::list(std::move(elements)));
}

void sequenceAt(Node &n) {
  llvm::ArrayRef<Datum> elements = listAt(n, 0);
  n.setDatum(0, elements[position(n, 1, elements.size())]);
}

void sequenceLength(Node &n) {
  n.set(0, n.build.splat(n.type(DType::I64), double(listAt(n, 0).size())));
}

void splitToSequence(Node &n) {
  Value x = n.in(0);
  n.needRank(x, 1);
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(x));
  n.needStatic(x, axis);
  int64_t extent = Node::shape(x)[axis];
  Ints sizes;
  bool keep = n.has(1) || n.intAttr("keepdims", 1) != 0;
  if (!n.has(1)) {
    sizes.assign(std::min(extent, kMaxListLength + 1), 1);
  } else if (Tensor given = n.constant(1, "split"); given.shape.empty()) {
    int64_t each = given.integerAt(0);
    if (each < 1)
      block("E_ATTR: split is " + Twine(each) + ", must be > 0");
    for (int64_t at = 0; at < extent && int64_t(sizes.size()) <= kMaxListLength;
         at += each)
      sizes.push_back(std::min(each, extent - at));
  } else {
    sizes = n.constantInts(1, "split");
    int64_t sum = 0;
    for (int64_t size : sizes) {
      if (size < 0)
        block("E_ATTR: split " + shapeText(sizes) + " has a negative size");
      sum = addChecked(sum, size);
    }
    if (sum != extent)
      block("E_SHAPE: split " + shapeText(sizes) + " does not add up to the " +
            Twine(extent) + " elements of axis " + Twine(axis));
  }
  std::vector<Datum> parts;
  int64_t start = 0;
  for (int64_t size : sizes) {
    Value part = n.sliceAxis(x, axis, start, size);
    start += size;
    if (!keep) {
      Ints shape(Node::shape(part));
      shape.erase(shape.begin() + axis);
      part = n.reshape(part, shape);
    }
    parts.push_back(part);
  }
  n.setDatum(0, newList(std::move(parts)));
}

void concatFromSequence(Node &n) {
  llvm::SmallVector<Value> parts;
  for (const Datum &element : listAt(n, 0)) {
    if (!element.isTensor())
      block("an element is " + element.what() + ", not a tensor of numbers");
    parts.push_back(element.value());
  }
  if (parts.empty())
    block("E_SHAPE: the sequence is empty");
  bool fresh = n.intAttr("new_axis", 0) != 0;
  if (!n.attribute("axis"))
    block("E_ATTR: no axis");
  int64_t axis = n.axis(n.intAttr("axis", 0), Node::rank(parts[0]) + fresh);
  for (Value &part : parts)
    if (fresh) {
      Ints shape(Node::shape(part));
      if (axis > int64_t(shape.size()))
        block("E_SHAPE: elements of rank " + Twine(Node::rank(parts[0])) +
              " and " + Twine(shape.size()));
      shape.insert(shape.begin() + axis, 1);
      part = n.reshape(part, shape);
    }
  n.set(0, n.concat(parts, axis));
}

/// The body for each element; inputs that are tensors are the same each time.
void sequenceMap(Node &n) {
  const onnx::GraphProto &body = subgraph(n, "body");
  if (body.input_size() != n.inputCount() ||
      body.output_size() < n.proto.output_size())
    block("E_ATTR: body has " + Twine(body.input_size()) + " inputs and " +
          Twine(body.output_size()) + " outputs, which do not fit the node's");
  size_t length = listAt(n, 0).size();
  std::vector<std::vector<Datum>> results(n.proto.output_size());
  for (size_t at = 0; at < length; ++at) {
    llvm::SmallVector<Datum> inputs;
    for (int i = 0; i < n.inputCount(); ++i) {
      Datum given = n.datum(i);
      if (given.isList() && given.elements().size() != length)
        block("E_SHAPE: sequences of " + Twine(length) + " and " +
              Twine(given.elements().size()) + " elements");
      inputs.push_back(given.isList() ? given.elements()[at] : given);
    }
    llvm::SmallVector<Datum> outputs = importInPlace(n, body, inputs);
    for (auto [i, result] : llvm::enumerate(results)) {
      if (!outputs[i])
        return;
      result.push_back(outputs[i]);
    }
  }
  for (auto [i, result] : llvm::enumerate(results))
    n.setDatum(i, newList(std::move(result)));
}

//===----------------------------------------------------------------------===//
// Optionals
//===----------------------------------------------------------------------===//

void optional(Node &n) {
  n.setDatum(0, n.has(0) ? n.datum(0) : Datum::absent());
}

void optionalGetElement(Node &n) {
  Datum datum = n.datum(0);
  if (datum.isAbsent())
    block("the optional is absent and has no element");
  n.setDatum(0, datum);
}

void optionalHasElement(Node &n) {
  bool there = n.has(0) && !n.datum(0).isAbsent();
  n.set(0, n.build.splat(n.type(DType::Bool), there));
}

} // namespace

void onnx_frontend::addSequenceOps(OpTable &t) {
  t["SequenceConstruct"] = bounded(sequenceConstruct);
  t["SequenceEmpty"] = bounded(sequenceEmpty);
  t["SequenceInsert"] = bounded(sequenceInsert);
  t["SequenceErase"] = bounded(sequenceErase);
  t["SequenceAt"] = bounded(sequenceAt);
  t["SequenceLength"] = bounded(sequenceLength);
  t["SequenceMap"] = bounded(sequenceMap);
  t["SplitToSequence"] = splitToSequence;
  t["ConcatFromSequence"] = bounded(concatFromSequence);
  t["Optional"] = bounded(optional);
  t["OptionalGetElement"] = bounded(optionalGetElement);
  t["OptionalHasElement"] = bounded(optionalHasElement);
}
