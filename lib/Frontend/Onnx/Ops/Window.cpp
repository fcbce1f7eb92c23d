//===- Window.cpp - kernels, strides and pads of conv and pooling ---------===//
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

Ints onnx_frontend::positiveAttr(Node &n, llvm::StringRef name, size_t count) {
  std::optional<Ints> given = n.intsAttr(name);
  if (!given || given->empty())
    return Ints(count, 1);
  if (given->size() != count)
    block("E_ATTR: " + name + " has " + Twine(given->size()) + " values for " +
          Twine(count) + " spatial axes");
  for (auto [i, value] : llvm::enumerate(*given))
    if (value <= 0)
      block("E_ATTR: " + name + "[" + Twine(i) + "] is " + Twine(value) +
            ", must be > 0");
  return *given;
}

std::pair<Ints, Ints> onnx_frontend::padsAttr(Node &n, size_t count) {
  std::optional<Ints> pads = n.intsAttr("pads");
  if (!pads || pads->empty())
    return {Ints(count, 0), Ints(count, 0)};
  if (pads->size() != 2 * count)
    block("E_ATTR: pads has " + Twine(pads->size()) + " values for " +
          Twine(count) + " spatial axes");
  for (auto [i, value] : llvm::enumerate(*pads))
    if (value < 0)
      block("E_ATTR: pads[" + Twine(i) + "] is " + Twine(value) +
            ", must be >= 0");
  return {Ints(pads->begin(), pads->begin() + count),
          Ints(pads->begin() + count, pads->end())};
}

WindowShape onnx_frontend::readWindow(Node &n, Value x,
                                      llvm::ArrayRef<int64_t> kernel,
                                      bool ceil) {
  size_t count = kernel.size();
  if (Node::rank(x) != int64_t(count) + 2)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) + " has " +
          Twine(Node::rank(x) - 2) + " spatial axes, the kernel " +
          Twine(count));
  WindowShape w;
  w.kernel = Ints(kernel);
  w.strides = positiveAttr(n, "strides", count);
  w.dilations = positiveAttr(n, "dilations", count);
  std::tie(w.low, w.high) = padsAttr(n, count);
  std::string mode = n.stringAttr("auto_pad", "NOTSET");
  bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && mode != "NOTSET" && mode != "VALID" && !mode.empty())
    block("E_ATTR: unknown auto_pad " + quoted(mode));
  for (size_t i = 0; i < count; ++i) {
    int64_t extent = Node::shape(x)[i + 2], stride = w.strides[i];
    // Pads that depend on the extent, and windows that hang over its end.
    if (n.extent(x, i + 2).isConstant() || (same && stride != 1) || ceil)
      n.needStatic(x, i + 2);
    int64_t reach = addChecked(mulChecked(kernel[i] - 1, w.dilations[i]), 1);
    if (mode == "VALID")
      w.low[i] = w.high[i] = 0;
    if (same) {
      int64_t out = extent == 0 ? 0 : (extent - 1) / stride + 1;
      int64_t total = std::max<int64_t>(
          addChecked(mulChecked(std::max<int64_t>(out - 1, 0), stride), reach) -
              extent,
          0);
      w.low[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.high[i] = total - w.low[i];
    }
    w.highDeclared.push_back(w.high[i]);
    int64_t padded = addChecked(addChecked(extent, w.low[i]), w.high[i]);
    int64_t free = padded - reach;
    if (kernel[i] < 1 || free < 0)
      block("E_SHAPE: the window of " + Twine(reach) +
            " is larger than the padded extent " + Twine(padded) +
            " on spatial axis " + Twine(i));
    int64_t out = free / stride + 1;
    if (ceil && !same && free % stride != 0 &&
        // A window that starts in the padding at the end is dropped.
        mulChecked(out, stride) < extent + w.low[i]) {
      ++out;
      w.high[i] = addChecked(
          w.high[i], addChecked(mulChecked(out - 1, stride), reach) - padded);
    }
    w.output.push_back(out);
  }
  return w;
}

Value onnx_frontend::padSpatial(Node &n, Value x, llvm::ArrayRef<int64_t> low,
                                llvm::ArrayRef<int64_t> high, double fill) {
  Ints before(2, 0), after(2, 0);
  before.append(low.begin(), low.end());
  after.append(high.begin(), high.end());
  return n.pad(x, before, after, fill);
}

Value onnx_frontend::contractConv(Node &n, Value x, Value w, int64_t groups,
                                  llvm::ArrayRef<int64_t> strides,
                                  llvm::ArrayRef<int64_t> dilations) {
  mlir::MLIRContext *context = n.importer.builder.getContext();
  size_t spatial = strides.size();
  Ints xShape(Node::shape(x)), wShape(Node::shape(w));
  int64_t outputs = wShape[0] / groups, inputs = wShape[1];
  bool depthwise = groups > 1 && outputs == 1 && inputs == 1;
  bool grouped = groups > 1 && !depthwise;
  if (grouped) {
    Ints split{xShape[0], groups, inputs};
    split.append(xShape.begin() + 2, xShape.end());
    x = n.reshape(x, split);
    split = {groups, outputs, inputs};
    split.append(wShape.begin() + 2, wShape.end());
    w = n.reshape(w, split);
  } else if (depthwise) {
    Ints dropped{groups};
    dropped.append(wShape.begin() + 2, wShape.end());
    w = n.reshape(w, dropped);
  }
  // Dimensions: batch, [group], output channel, positions, [input channel],
  // places within the window.
  unsigned next = 0;
  auto dim = [&] { return mlir::getAffineDimExpr(next++, context); };
  llvm::SmallVector<mlir::AffineExpr> xs, ws, ys;
  mlir::AffineExpr batch = dim();
  xs.push_back(batch);
  ys.push_back(batch);
  if (grouped || depthwise) {
    mlir::AffineExpr group = dim();
    for (auto *map : {&xs, &ws, &ys})
      map->push_back(group);
  }
  if (!depthwise) {
    mlir::AffineExpr output = dim();
    ws.push_back(output);
    ys.push_back(output);
  }
  llvm::SmallVector<mlir::AffineExpr> positions;
  for (size_t i = 0; i < spatial; ++i)
    positions.push_back(dim());
  ys.append(positions);
  if (!depthwise) {
    mlir::AffineExpr input = dim();
    xs.push_back(input);
    ws.push_back(input);
  }
  for (size_t i = 0; i < spatial; ++i) {
    mlir::AffineExpr place = dim();
    ws.push_back(place);
    xs.push_back(positions[i] * strides[i] + place * dilations[i]);
  }
  auto map = [&](llvm::ArrayRef<mlir::AffineExpr> exprs) {
    return mlir::AffineMap::get(next, 0, exprs, context);
  };
  Value y = n.build.contract(x, w, map(xs), map(ws), map(ys));
  if (grouped) {
    Ints merged{xShape[0], wShape[0]};
    llvm::append_range(merged, Node::shape(y).drop_front(3));
    y = n.reshape(y, merged);
  }
  return y;
}
