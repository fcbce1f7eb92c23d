//===- Operations.cpp - elementwise, views and reductions to ONNX ---------===//

#include "Export.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using llvm::StringRef;

namespace nacre::onnx_frontend {

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// ONNX ops of the same meaning, by the operation's name after "lazy.".
static StringRef opOf(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Case("neg", "Neg")
      .Case("abs", "Abs")
      .Case("exp", "Exp")
      .Case("log", "Log")
      .Case("sqrt", "Sqrt")
      .Case("sin", "Sin")
      .Case("cos", "Cos")
      .Case("tanh", "Tanh")
      .Case("erf", "Erf")
      .Case("floor", "Floor")
      .Case("ceil", "Ceil")
      .Case("round", "Round")
      .Case("add", "Add")
      .Case("sub", "Sub")
      .Case("mul", "Mul")
      .Case("div", "Div")
      .Case("pow", "Pow")
      .Case("max", "Max")
      .Case("min", "Min")
      .Case("where", "Where")
      .Default("");
}

/// Those on truth values; on integers they came with opset 18.
static StringRef logicOf(StringRef name) {
  return llvm::StringSwitch<StringRef>(name)
      .Case("not", "Not")
      .Case("and", "And")
      .Case("or", "Or")
      .Case("xor", "Xor")
      .Default("");
}

std::string Exporter::elementwise(Operation &op) {
  StringRef name = op.getName().getStringRef();
  name.consume_front("lazy.");
  auto element = lazy::tensorType(op.getOperand(0)).getElementType();
  std::vector<std::string> inputs;
  for (Value operand : op.getOperands())
    inputs.push_back(of(operand));
  // The condition is of training; the value goes on.
  if (isa<lazy::RequireOp>(op))
    return inputs[0];
  if (auto cast = dyn_cast<lazy::CastOp>(op))
    return node("Cast", inputs,
                {{"to", int64_t(onnxType(cast.getType().getElementType()))}});
  if (auto cmp = dyn_cast<lazy::CmpOp>(op)) {
    switch (cmp.getKind()) {
    case lazy::CmpKind::eq:
      return node("Equal", inputs);
    case lazy::CmpKind::ne:
      return node("Not", {node("Equal", inputs)});
    case lazy::CmpKind::lt:
      return node("Less", inputs);
    case lazy::CmpKind::le:
      return node("LessOrEqual", inputs);
    case lazy::CmpKind::gt:
      return node("Greater", inputs);
    case lazy::CmpKind::ge:
      return node("GreaterOrEqual", inputs);
    }
  }
  if (isa<lazy::RemOp>(op))
    return node("Mod", inputs, {{"fmod", int64_t(1)}});
  if (StringRef logic = logicOf(name); !logic.empty()) {
    if (!element.isInteger(1))
      block("opset 17 has no bitwise operations");
    return node(logic, inputs);
  }
  if (isa<lazy::ShlOp, lazy::ShrOp>(op)) {
    if (!element.isUnsignedInteger())
      block("ONNX shifts unsigned integers only");
    return node(
        "BitShift", inputs,
        {{"direction", std::string(isa<lazy::ShlOp>(op) ? "LEFT" : "RIGHT")}});
  }
  StringRef same = opOf(name);
  if (same.empty())
    block("ONNX has no such operation");
  if (element.isInteger(1) && !isa<lazy::WhereOp>(op))
    block("ONNX has no arithmetic of truth values");
  return node(same, inputs);
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

std::string Exporter::view(Operation &op) {
  Value source = op.getOperand(0);
  RankedTensorType from = lazy::tensorType(source),
                   to = lazy::tensorType(op.getResult(0));
  std::string x = of(source);
  if (isa<lazy::ReshapeOp>(op))
    return reshape(x, from.getShape(), to.getShape());
  if (auto permute = dyn_cast<lazy::PermuteOp>(op))
    return transpose(x, permute.getPerm());
  if (isa<lazy::ExpandOp>(op))
    return node("Expand", {x, shapeVector(to)});
  Shape axes;
  for (int64_t axis = 0; axis < from.getRank(); ++axis)
    axes.push_back(axis);
  if (auto pad = dyn_cast<lazy::PadOp>(op)) {
    if (!from.getElementType().isFloat() &&
        !from.getElementType().isSignlessInteger())
      block("opset 17 pads no unsigned integers");
    Shape pads(pad.getLow());
    llvm::append_range(pads, pad.getHigh());
    return node("Pad", {x, integers(pads), constantOf(pad.getValue())});
  }
  if (auto cut = dyn_cast<lazy::SliceOp>(op)) {
    Shape starts, ends, steps, changed;
    for (int64_t axis : axes) {
      int64_t start = cut.getStarts()[axis], step = cut.getSteps()[axis];
      if (to.isDynamicDim(axis))
        continue;
      changed.push_back(axis);
      starts.push_back(start);
      ends.push_back(start + (to.getDimSize(axis) - 1) * step + 1);
      steps.push_back(step);
    }
    return slice(x, starts, ends, changed, steps);
  }
  if (auto flip = dyn_cast<lazy::FlipOp>(op)) {
    size_t count = flip.getAxes().size();
    return slice(x, Shape(count, -1),
                 Shape(count, std::numeric_limits<int64_t>::min()),
                 flip.getAxes(), Shape(count, -1));
  }
  if (auto window = dyn_cast<lazy::WindowOp>(op))
    return windows(window);
  block("ONNX has no such operation");
}

/// Each axis is picked apart into (position, place in the window) by Gather;
/// then the places go to the end.
std::string Exporter::windows(lazy::WindowOp op) {
  RankedTensorType from = lazy::tensorType(op.getX()), to = op.getType();
  const int64_t rank = from.getRank(), count = op.getAxes().size();
  // Where the axes of the source and the places stand by now.
  Shape position(rank), place(count);
  for (int64_t axis = 0; axis < rank; ++axis)
    position[axis] = axis;
  std::string x = of(op.getX());
  for (int64_t k = 0; k < count; ++k) {
    const int64_t axis = op.getAxes()[k];
    const int64_t extent = to.getDimSize(axis), size = op.getSizes()[k];
    if (ShapedType::isDynamic(extent))
      block("windows along an open dim");
    std::vector<int64_t> index;
    for (int64_t p = 0; p < extent; ++p)
      for (int64_t w = 0; w < size; ++w)
        index.push_back(p * op.getStrides()[k] + w * op.getDilations()[k]);
    std::string picked = tensor(
        "windows", Tensor::of<int64_t>(DType::I64, {extent, size}, index));
    x = node("Gather", {x, picked}, {{"axis", position[axis]}});
    place[k] = position[axis] + 1;
    for (int64_t other = 0; other < rank; ++other)
      position[other] += position[other] >= place[k];
    for (int64_t other = 0; other < k; ++other)
      place[other] += place[other] >= place[k];
  }
  Shape perm(position);
  llvm::append_range(perm, place);
  return transpose(x, perm);
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// MaxPool or AveragePool of a reduction over whole windows of spatial axes,
/// or an empty string.
std::string Exporter::pool(lazy::ReduceOp op) {
  auto window = op.getX().getDefiningOp<lazy::WindowOp>();
  bool isMax = op.getKind() == lazy::ReduceKind::max;
  if (!window || (!isMax && op.getKind() != lazy::ReduceKind::add) ||
      !op.getType().getElementType().isF32())
    return "";
  RankedTensorType from = lazy::tensorType(window.getX());
  const int64_t rank = from.getRank(), count = window.getAxes().size();
  if (rank < 3 || int64_t(op.getAxes().size()) != count)
    return "";
  for (auto [k, axis] : llvm::enumerate(op.getAxes()))
    if (axis != rank + int64_t(k))
      return "";
  std::vector<int64_t> sizes(rank - 2, 1), strides(rank - 2, 1),
      dilations(rank - 2, 1);
  int64_t elements = 1;
  for (int64_t k = 0; k < count; ++k) {
    int64_t axis = window.getAxes()[k];
    // AveragePool knows dilations since opset 19.
    if (axis < 2 || (!isMax && window.getDilations()[k] != 1))
      return "";
    sizes[axis - 2] = window.getSizes()[k];
    strides[axis - 2] = window.getStrides()[k];
    dilations[axis - 2] = window.getDilations()[k];
    elements *= window.getSizes()[k];
  }
  if (isMax)
    return node("MaxPool", {of(window.getX())},
                {{"kernel_shape", sizes},
                 {"strides", strides},
                 {"dilations", dilations}});
  std::string mean = node("AveragePool", {of(window.getX())},
                          {{"kernel_shape", sizes}, {"strides", strides}});
  return node("Mul",
              {mean, tensor("constant", Tensor::of<float>(DType::F32, {},
                                                          {float(elements)}))});
}

std::string Exporter::reduction(lazy::ReduceOp op) {
  if (std::string pooled = pool(op); !pooled.empty())
    return pooled;
  std::string x = of(op.getX());
  std::vector<int64_t> axes = op.getAxes().vec();
  if (op.getKind() == lazy::ReduceKind::add)
    return node("ReduceSum", {x, integers(axes)}, {{"keepdims", int64_t(0)}});
  StringRef name = op.getKind() == lazy::ReduceKind::mul   ? "ReduceProd"
                   : op.getKind() == lazy::ReduceKind::max ? "ReduceMax"
                                                           : "ReduceMin";
  return node(name, {x}, {{"axes", axes}, {"keepdims", int64_t(0)}});
}

} // namespace nacre::onnx_frontend
