//===- ConvTranspose.cpp - transposed convolutions ------------------------===//
//
// Where windows do not overlap and tile the output exactly (stride = kernel),
// each input element makes its own block: one contraction and a reshape. In
// general zeros are put between the input elements, the border is padded, and
// an ordinary convolution with the flipped kernel follows.
//
//===----------------------------------------------------------------------===//
#include "../OpTable.h"
#include "Window.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

struct Geometry {
  Ints kernel, strides, dilations, low, high, outputPadding;
};

Geometry readGeometry(Node &n, Value x, llvm::ArrayRef<int64_t> kernel) {
  size_t count = kernel.size();
  Geometry g;
  g.kernel = Ints(kernel);
  g.strides = positiveAttr(n, "strides", count);
  g.dilations = positiveAttr(n, "dilations", count);
  std::tie(g.low, g.high) = padsAttr(n, count);
  g.outputPadding = n.intsAttr("output_padding").value_or(Ints(count, 0));
  if (g.outputPadding.empty())
    g.outputPadding.assign(count, 0);
  std::optional<Ints> outputShape = n.intsAttr("output_shape");
  if (outputShape && outputShape->empty())
    outputShape.reset();
  // Some exporters give batch and channels too.
  if (outputShape && outputShape->size() == count + 2)
    outputShape->erase(outputShape->begin(), outputShape->begin() + 2);
  if (g.outputPadding.size() != count ||
      (outputShape && outputShape->size() != count))
    block("E_ATTR: output_padding or output_shape does not have " +
          Twine(count) + " values");
  std::string mode = n.stringAttr("auto_pad", "NOTSET");
  bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && mode != "NOTSET" && mode != "VALID" && !mode.empty())
    block("E_ATTR: unknown auto_pad " + quoted(mode));
  for (size_t i = 0; i < count; ++i) {
    n.needStatic(x, i + 2);
    int64_t extent = Node::shape(x)[i + 2];
    if (g.kernel[i] < 1 || extent < 1)
      block("E_SHAPE: empty kernel or input on spatial axis " + Twine(i));
    if (g.outputPadding[i] < 0 || (g.outputPadding[i] >= g.strides[i] &&
                                   g.outputPadding[i] >= g.dilations[i]))
      block("E_ATTR: output_padding[" + Twine(i) + "] is " +
            Twine(g.outputPadding[i]) + ", must be below stride or dilation");
    if (mode == "VALID")
      g.low[i] = g.high[i] = 0;
    int64_t reach = addChecked(mulChecked(kernel[i] - 1, g.dilations[i]), 1);
    int64_t full =
        addChecked(addChecked(mulChecked(extent - 1, g.strides[i]), reach),
                   g.outputPadding[i]);
    if (outputShape || same) {
      int64_t wanted =
          outputShape ? (*outputShape)[i] : mulChecked(extent, g.strides[i]);
      if (wanted < 1)
        block("E_ATTR: output_shape[" + Twine(i) + "] is " + Twine(wanted) +
              ", must be > 0");
      // A larger output than the windows reach gets zeros at the end.
      int64_t total = full - wanted;
      if (total < 0) {
        g.low[i] = 0;
        g.high[i] = total;
      } else {
        g.low[i] = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
        g.high[i] = total - g.low[i];
      }
    }
    if (full - g.low[i] <= g.high[i])
      block("E_SHAPE: pads leave no output on spatial axis " + Twine(i));
  }
  return g;
}

/// [n,c,i..] with w [c,m/g,k..] where stride = kernel: blocks side by side.
Value contractBlocks(Node &n, Value x, Value w, int64_t groups,
                     const Geometry &g) {
  mlir::MLIRContext *context = n.importer.builder.getContext();
  Ints xShape(Node::shape(x)), wShape(Node::shape(w));
  int64_t inputs = xShape[1] / groups, outputs = wShape[1];
  if (groups > 1) {
    Ints split{xShape[0], groups, inputs};
    split.append(xShape.begin() + 2, xShape.end());
    x = n.reshape(x, split);
    split = {groups, inputs};
    split.append(wShape.begin() + 1, wShape.end());
    w = n.reshape(w, split);
  }
  unsigned next = 0;
  auto dim = [&] { return mlir::getAffineDimExpr(next++, context); };
  llvm::SmallVector<mlir::AffineExpr> xs, ws, ys;
  xs.push_back(dim());
  ys.push_back(xs[0]);
  if (groups > 1) {
    mlir::AffineExpr group = dim();
    for (auto *map : {&xs, &ws, &ys})
      map->push_back(group);
  }
  mlir::AffineExpr output = dim(), input = dim();
  xs.push_back(input);
  ws.append({input, output});
  ys.push_back(output);
  Ints merged{xShape[0], groups * outputs};
  for (size_t i = 0; i < g.kernel.size(); ++i) {
    mlir::AffineExpr position = dim(), place = dim();
    xs.push_back(position);
    ws.push_back(place);
    ys.append({position, place});
    merged.push_back(mulChecked(xShape[i + 2], g.kernel[i]));
  }
  auto map = [&](llvm::ArrayRef<mlir::AffineExpr> exprs) {
    return mlir::AffineMap::get(next, 0, exprs, context);
  };
  return n.reshape(n.build.contract(x, w, map(xs), map(ws), map(ys)), merged);
}

/// stride - 1 zeros after each element of the spatial axes.
Value insertZeros(Node &n, Value x, llvm::ArrayRef<int64_t> strides) {
  if (llvm::all_of(strides, [](int64_t s) { return s == 1; }))
    return x;
  Ints apart(Node::shape(x).take_front(2)), low(2, 0), high(2, 0),
      joined(apart);
  for (size_t i = 0; i < strides.size(); ++i) {
    int64_t extent = Node::shape(x)[i + 2];
    apart.append({extent, 1});
    low.append({0, 0});
    high.append({0, strides[i] - 1});
    joined.push_back(mulChecked(extent, strides[i]));
  }
  return n.reshape(n.pad(n.reshape(x, apart), low, high, 0), joined);
}

/// Adds to (or, where negative, takes from) the ends of the spatial axes.
Value growSpatial(Node &n, Value x, llvm::ArrayRef<int64_t> low,
                  llvm::ArrayRef<int64_t> high) {
  Ints before, after;
  for (size_t i = 0; i < low.size(); ++i) {
    int64_t cutLow = std::max<int64_t>(-low[i], 0);
    int64_t cutHigh = std::max<int64_t>(-high[i], 0);
    if (cutLow > Node::shape(x)[i + 2] - cutHigh)
      block("E_SHAPE: pads are larger than the input on spatial axis " +
            Twine(i));
    if (cutLow || cutHigh)
      x = n.sliceAxis(x, i + 2, cutLow,
                      Node::shape(x)[i + 2] - cutLow - cutHigh);
    before.push_back(std::max<int64_t>(low[i], 0));
    after.push_back(std::max<int64_t>(high[i], 0));
  }
  return padSpatial(n, x, before, after, 0);
}

/// The weight [c,m/g,k..] of a transposed convolution as that of the ordinary
/// one [m,c/g,k..] with its kernel reversed.
Value transposedWeight(Node &n, Value w, int64_t groups) {
  Ints shape(Node::shape(w)), axes, split{groups, shape[0] / groups},
      perm{0, 2, 1};
  for (size_t i = 2; i < shape.size(); ++i) {
    axes.push_back(i);
    perm.push_back(i + 1);
  }
  split.append(shape.begin() + 1, shape.end());
  w = n.build.permute(n.reshape(n.build.flip(w, axes), split), perm);
  Ints merged{groups * shape[1], shape[0] / groups};
  merged.append(shape.begin() + 2, shape.end());
  return n.reshape(w, merged);
}

void convTranspose(Node &n) {
  Value x = n.in(0), w = n.in(1);
  n.needRank(x, 3);
  n.needSameElement(x, w);
  n.needStatic(w);
  llvm::ArrayRef<int64_t> xs = Node::shape(x), ws = Node::shape(w);
  int64_t groups = n.intAttr("group", 1);
  if (groups <= 0)
    block("E_ATTR: group is " + Twine(groups) + ", must be > 0");
  n.needStatic(x, 1);
  if (ws.size() != xs.size() || ws[0] != xs[1] || xs[1] % groups != 0)
    block("E_SHAPE: weight of shape " + shapeText(ws) +
          " does not fit an input of shape " + shapeText(xs) + " in " +
          Twine(groups) + " groups");
  if (std::optional<Ints> kernel = n.intsAttr("kernel_shape");
      kernel && llvm::ArrayRef<int64_t>(*kernel) != ws.drop_front(2))
    block("E_ATTR: kernel_shape " + shapeText(*kernel) +
          " differs from the weight's " + shapeText(ws.drop_front(2)));
  int64_t channels = mulChecked(ws[1], groups);
  Geometry g = readGeometry(n, x, ws.drop_front(2));
  auto ones = [](int64_t v) { return v == 1; };
  Value y;
  if (g.strides == g.kernel && llvm::all_of(g.dilations, ones)) {
    // Pads cut the blocks' border off; output padding adds zeros.
    Ints low, high;
    for (size_t i = 0; i < g.low.size(); ++i) {
      low.push_back(-g.low[i]);
      high.push_back(g.outputPadding[i] - g.high[i]);
    }
    y = growSpatial(n, contractBlocks(n, x, w, groups, g), low, high);
  } else {
    Ints low, high;
    for (size_t i = 0; i < g.low.size(); ++i) {
      int64_t around = mulChecked(g.kernel[i] - 1, g.dilations[i]);
      low.push_back(around - g.low[i]);
      // insertZeros leaves stride - 1 zeros at the end already.
      high.push_back(around - g.high[i] + g.outputPadding[i] -
                     (g.strides[i] - 1));
    }
    Value spread = growSpatial(n, insertZeros(n, x, g.strides), low, high);
    y = contractConv(n, spread, transposedWeight(n, w, groups), groups,
                     Ints(g.strides.size(), 1), g.dilations);
  }
  if (n.has(2)) {
    Value bias = n.in(2);
    if (Node::shape(bias) != llvm::ArrayRef<int64_t>(channels))
      block("E_SHAPE: bias of shape " + shapeText(Node::shape(bias)) + " for " +
            Twine(channels) + " output channels");
    y = n.binary<lazy::AddOp>(y, n.channels(bias, Node::rank(y)));
  }
  n.set(0, y);
}

} // namespace

void onnx_frontend::addConvTransposeOps(OpTable &t) {
  t["ConvTranspose"] = convTranspose;
}
