//===- Winograd.cpp - convolutions of 3x3 by fewer products
//----------------===//
//
// A convolution of 3x3 windows, stride 1, with constant weights is rewritten
// after Lavin and Gray, "Fast algorithms for convolutional neural networks"
// (2015), F(4x4, 3x3): for each tile of 4x4 results
//
//   y = At [(G g Gt) * (Bt d B)] A
//
// where d are the 6x6 inputs of the tile and * is, for each of 36 points, a
// product of matrices over the channels. That takes a quarter of the products.
// All of it is contractions: two with B, 36 in one with the weights, which are
// transformed here, two with A. Tiles beyond the border read zeros.
//
// Sums of other numbers in another order are rounded otherwise, so a
// convolution is left as it is where a trial with its own weights errs too
// much.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Fuse/Fuse.h"
#include "nacre/Lazy/Build.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"
#include <random>

using namespace mlir;
namespace nacre::fuse {
using namespace nacre::lazy;
namespace {

constexpr int window = 3, made = 4, read = window + made - 1;

constexpr double inputs[read][read] = {
    {4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
    {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
constexpr double kernels[read][window] = {{1. / 4, 0, 0},
                                          {-1. / 6, -1. / 6, -1. / 6},
                                          {-1. / 6, 1. / 6, -1. / 6},
                                          {1. / 24, 1. / 12, 1. / 6},
                                          {1. / 24, -1. / 12, 1. / 6},
                                          {0, 0, 1}};
constexpr double results[made][read] = {{1, 1, 1, 1, 1, 0},
                                        {0, 1, -1, 2, -2, 0},
                                        {0, 1, 1, 4, 4, 0},
                                        {0, 1, -1, 8, -8, 1}};

/// Below these the transforms, or reading the weights, which are four times as
/// many, cost more than is saved.
constexpr int64_t fewestChannels = 32, fewestTiles = 32;
/// The largest error of a trial, of its largest result.
constexpr double largestError = 3e-5;

/// A convolution: its dimensions and the axes that they walk.
struct Conv {
  ContractOp op;
  unsigned x, w;                ///< operand numbers
  unsigned n, c, o, h, v, i, j; ///< dimensions; window row i of row h, ..
  int64_t batch, channels, columns, height, width;
};

/// d_a + d_b, in either order.
std::optional<std::pair<unsigned, unsigned>> sumOfTwo(AffineExpr e) {
  auto sum = dyn_cast<AffineBinaryOpExpr>(e);
  if (!sum || sum.getKind() != AffineExprKind::Add)
    return std::nullopt;
  auto l = dyn_cast<AffineDimExpr>(sum.getLHS()),
       r = dyn_cast<AffineDimExpr>(sum.getRHS());
  if (!l || !r)
    return std::nullopt;
  return std::pair(l.getPosition(), r.getPosition());
}

/// The convolution that `op` is, or nothing.
std::optional<Conv> convOf(ContractOp op, unsigned x) {
  Conv conv;
  conv.op = op;
  conv.x = x;
  conv.w = 1 - x;
  if (!op.getType().getElementType().isF32() ||
      !op->getOperand(conv.w).getDefiningOp<WeightOp>() ||
      !op.getType().hasStaticShape() || op->hasAttr(openDims) ||
      !tensorType(op->getOperand(x)).hasStaticShape() ||
      op.map(x).getNumResults() != 4 || op.map(conv.w).getNumResults() != 4 ||
      op.map(2).getNumResults() != 4)
    return std::nullopt;
  SmallVector<int64_t> extents = op.extents();
  auto inWeights = [&](unsigned d) {
    return op.map(conv.w).isFunctionOfDim(d);
  };
  auto inResult = [&](unsigned d) { return op.map(2).isFunctionOfDim(d); };
  SmallVector<std::pair<unsigned, unsigned>> spatial; // position, window
  SmallVector<unsigned> plain;
  for (AffineExpr e : op.map(x).getResults()) {
    if (auto d = dyn_cast<AffineDimExpr>(e)) {
      plain.push_back(d.getPosition());
    } else if (auto pair = sumOfTwo(e)) {
      if (inWeights(pair->first))
        std::swap(pair->first, pair->second);
      spatial.push_back(*pair);
    } else {
      return std::nullopt;
    }
  }
  if (spatial.size() != 2 || plain.size() != 2)
    return std::nullopt;
  for (auto [position, in] : spatial)
    if (!inResult(position) || inWeights(position) || inResult(in) ||
        !inWeights(in) || extents[in] != window)
      return std::nullopt;
  if (inWeights(plain[0]))
    std::swap(plain[0], plain[1]);
  conv.n = plain[0];
  conv.c = plain[1];
  if (!inResult(conv.n) || inWeights(conv.n) || inResult(conv.c) ||
      !inWeights(conv.c))
    return std::nullopt;
  std::tie(conv.h, conv.i) = spatial[0];
  std::tie(conv.v, conv.j) = spatial[1];
  bool found = false;
  for (AffineExpr e : op.map(conv.w).getResults()) {
    auto d = dyn_cast<AffineDimExpr>(e);
    if (!d)
      return std::nullopt;
    if (inResult(d.getPosition())) {
      conv.o = d.getPosition();
      found = true;
    }
  }
  if (!found || extents.size() != 7)
    return std::nullopt;
  conv.batch = extents[conv.n];
  conv.channels = extents[conv.c];
  conv.columns = extents[conv.o];
  conv.height = extents[conv.h];
  conv.width = extents[conv.v];
  int64_t tiles = conv.batch * llvm::divideCeil(conv.height, made) *
                  llvm::divideCeil(conv.width, made);
  if (conv.channels < fewestChannels || conv.columns < fewestChannels ||
      tiles < fewestTiles)
    return std::nullopt;
  return conv;
}

/// Weights as [channels][columns][3][3].
std::vector<float> weightsOf(Conv conv, const Tensor &tensor) {
  AffineMap map = conv.op.map(conv.w);
  SmallVector<int64_t> strides(4), order(4);
  int64_t stride = 1;
  for (unsigned axis = 4; axis-- > 0;) {
    unsigned d = cast<AffineDimExpr>(map.getResult(axis)).getPosition();
    unsigned at = d == conv.c ? 0 : d == conv.o ? 1 : d == conv.i ? 2 : 3;
    strides[at] = stride;
    stride *= tensor.shape[axis];
  }
  std::vector<float> weights;
  weights.reserve(tensor.count());
  const float *data = tensor.data<float>();
  for (int64_t c = 0; c < conv.channels; ++c)
    for (int64_t o = 0; o < conv.columns; ++o)
      for (int i = 0; i < window; ++i)
        for (int j = 0; j < window; ++j)
          weights.push_back(data[c * strides[0] + o * strides[1] +
                                 i * strides[2] + j * strides[3]]);
  return weights;
}

/// left * m * transpose(left): m is [n][n], the result [m][m].
template <int rows, int columns, typename T>
void transformed(const double (&left)[rows][columns], const T *m, T *to) {
  T half[rows][columns];
  for (int a = 0; a < rows; ++a)
    for (int b = 0; b < columns; ++b) {
      T sum = 0;
      for (int k = 0; k < columns; ++k)
        sum += T(left[a][k]) * m[k * columns + b];
      half[a][b] = sum;
    }
  for (int a = 0; a < rows; ++a)
    for (int b = 0; b < rows; ++b) {
      T sum = 0;
      for (int k = 0; k < columns; ++k)
        sum += half[a][k] * T(left[b][k]);
      to[a * rows + b] = sum;
    }
}

/// Weights as the products want them: [6][6][channels][columns].
Tensor transformedWeights(const Conv &conv, ArrayRef<float> weights) {
  int64_t pairs = conv.channels * conv.columns;
  Tensor t =
      Tensor::zeros(DType::F32, {read, read, conv.channels, conv.columns});
  for (int64_t at = 0; at < pairs; ++at) {
    double g[window * window], u[read * read];
    for (int k = 0; k < window * window; ++k)
      g[k] = weights[at * window * window + k];
    transformed(kernels, g, u);
    for (int k = 0; k < read * read; ++k)
      t.data<float>()[k * pairs + at] = float(u[k]);
  }
  return t;
}

/// The error of one tile, inputs from -1 to 1, against exact sums, relative to
/// the largest result; not a number where the results are not finite.
double trialError(const Conv &conv, ArrayRef<float> weights, const Tensor &u) {
  std::mt19937 rng(1);
  int64_t pairs = conv.channels * conv.columns;
  std::vector<std::array<float, read * read>> d(conv.channels), v(d);
  for (int64_t c = 0; c < conv.channels; ++c) {
    for (float &x : d[c])
      x = float(int32_t(rng() >> 8) - (1 << 23)) / float(1 << 23);
    transformed(inputs, d[c].data(), v[c].data());
  }
  double error = 0, largest = 0;
  for (int64_t o = 0; o < conv.columns; ++o) {
    float m[read * read] = {}, y[made * made];
    double exact[made * made] = {};
    for (int64_t c = 0; c < conv.channels; ++c) {
      const float *g = &weights[(c * conv.columns + o) * window * window];
      for (int p = 0; p < read * read; ++p)
        m[p] += v[c][p] * u.data<float>()[p * pairs + c * conv.columns + o];
      for (int a = 0; a < made * made; ++a)
        for (int b = 0; b < window * window; ++b)
          exact[a] += double(d[c][(a / made + b / window) * read + a % made +
                                  b % window]) *
                      g[b];
    }
    transformed(results, m, y);
    for (int a = 0; a < made * made; ++a) {
      if (!std::isfinite(y[a]))
        return std::numeric_limits<double>::quiet_NaN();
      error = std::max(error, std::abs(y[a] - exact[a]));
      largest = std::max(largest, std::abs(exact[a]));
    }
  }
  return largest > 0 ? error / largest : 0;
}

class Rewriter {
public:
  Rewriter(Conv conv, Program &program)
      : conv(conv), program(program), b(conv.op), build{b, conv.op.getLoc()} {}

  Value rewrite(Tensor u) {
    constexpr int64_t wide = made; // a tile begins every four rows
    int64_t down = llvm::divideCeil(conv.height, made),
            across = llvm::divideCeil(conv.width, made);
    Value x = padded(down, across), bt = constant("inputs", inputs),
          at = constant("results", results);
    Value weights = weight("weights", std::move(u));
    int64_t columns = across * made + window - 1;
    // In the order of memory; the last axis is the lanes'.
    Value rows = contract( // [xi, n, ty, column, c], i
        bt, x, {0, 5}, inOrder({d(1), d(4), d(2) * wide + d(5), d(3)}),
        {0, 1, 2, 3, 4}, {read, conv.batch, down, columns, conv.channels}, 6);
    Value tiles = contract( // [nu, xi, n, ty, tx, c], j
        bt, rows, {0, 6}, {d(1), d(2), d(3), d(4) * wide + d(6), d(5)},
        {0, 1, 2, 3, 4, 5},
        {read, read, conv.batch, down, across, conv.channels}, 7);
    Value products = contract( // [nu, xi, n, ty, tx, o], c
        tiles, weights, {0, 1, 2, 3, 4, 6}, {d(1), d(0), d(6), d(5)},
        {0, 1, 2, 3, 4, 5},
        {read, read, conv.batch, down, across, conv.columns}, 7);
    Value half = contract( // [nu, n, ty, p, tx, o], xi
        at, products, {3, 6}, {d(0), d(6), d(1), d(2), d(4), d(5)},
        {0, 1, 2, 3, 4, 5},
        {read, conv.batch, down, made, across, conv.columns}, 7);
    Value y = contract( // [n, ty, p, tx, q, o], nu
        at, half, {4, 6}, {d(6), d(0), d(1), d(2), d(3), d(5)},
        {0, 1, 2, 3, 4, 5},
        {conv.batch, down, made, across, made, conv.columns}, 7);
    y = build.reshape(y,
                      {conv.batch, down * made, across * made, conv.columns});
    y = build.slice(y, {0, 0, 0, 0},
                    {conv.batch, conv.height, conv.width, conv.columns});
    SmallVector<int64_t> perm;
    for (AffineExpr e : conv.op.map(2).getResults()) {
      unsigned dim = cast<AffineDimExpr>(e).getPosition();
      perm.push_back(dim == conv.n   ? 0
                     : dim == conv.h ? 1
                     : dim == conv.v ? 2
                                     : 3);
    }
    return build.permute(y, perm);
  }

private:
  AffineExpr d(unsigned i) { return b.getAffineDimExpr(i); }

  /// The input with all that the tiles read, zeros beyond it.
  Value padded(int64_t down, int64_t across) {
    Value x = conv.op->getOperand(conv.x);
    SmallVector<int64_t> low(4, 0), high(4, 0);
    for (auto [axis, e] : llvm::enumerate(conv.op.map(conv.x).getResults())) {
      if (isa<AffineDimExpr>(e))
        continue;
      int64_t tiles = e.isFunctionOfDim(conv.h) ? down : across;
      high[axis] = tiles * made + window - 1 - tensorType(x).getDimSize(axis);
    }
    auto pad = x.getDefiningOp<PadOp>();
    auto fill = pad ? dyn_cast<FloatAttr>(pad.fillValue()) : FloatAttr();
    if (fill && fill.getValue().isPosZero()) {
      for (unsigned axis = 0; axis < 4; ++axis) {
        low[axis] += pad.getLow()[axis];
        high[axis] += pad.getHigh()[axis];
      }
      x = pad.getX();
    }
    return build.pad(x, low, high, 0);
  }

  /// Expressions for (n, c, row, column) in the order of the input's axes.
  SmallVector<AffineExpr> inOrder(ArrayRef<AffineExpr> ncrc) {
    SmallVector<AffineExpr> list;
    for (AffineExpr e : conv.op.map(conv.x).getResults())
      list.push_back(e.isFunctionOfDim(conv.n)   ? ncrc[0]
                     : e.isFunctionOfDim(conv.c) ? ncrc[1]
                     : e.isFunctionOfDim(conv.h) ? ncrc[2]
                                                 : ncrc[3]);
    return list;
  }

  SmallVector<AffineExpr> dims(ArrayRef<unsigned> list) {
    return llvm::map_to_vector(list, [&](unsigned i) { return d(i); });
  }

  Value contract(Value a, Value c, ArrayRef<unsigned> aDims,
                 ArrayRef<AffineExpr> cMap, ArrayRef<unsigned> yDims,
                 ArrayRef<int64_t> shape, unsigned count) {
    auto map = [&](ArrayRef<AffineExpr> e) {
      return AffineMap::get(count, 0, e, b.getContext());
    };
    return ContractOp::create(
        b, conv.op.getLoc(), RankedTensorType::get(shape, b.getF32Type()), a, c,
        b.getAffineMapArrayAttr(
            {map(dims(aDims)), map(cMap), map(dims(yDims))}));
  }

  Value weight(StringRef what, Tensor tensor) {
    auto type = RankedTensorType::get(tensor.shape, b.getF32Type());
    std::string name =
        program.weights->add(("winograd." + what).str(), std::move(tensor));
    return build.weight(name, type);
  }

  template <int rows, int columns>
  Value constant(StringRef what, const double (&matrix)[rows][columns]) {
    std::vector<float> values;
    for (auto &row : matrix)
      values.insert(values.end(), std::begin(row), std::end(row));
    return weight(what, Tensor::of<float>(DType::F32, {rows, columns}, values));
  }

  Conv conv;
  Program &program;
  OpBuilder b;
  Build build;
};

} // namespace

void winograd(Program &program) {
  for (func::FuncOp function : functionsOf(*program.module))
    for (ContractOp op : llvm::make_early_inc_range(
             function.getBody().front().getOps<ContractOp>())) {
      std::optional<Conv> conv = convOf(op, 0);
      if (!conv)
        conv = convOf(op, 1);
      if (!conv)
        continue;
      const Tensor *tensor = program.weights->find(
          op->getOperand(conv->w).getDefiningOp<WeightOp>().getName());
      if (!tensor)
        continue;
      std::vector<float> weights = weightsOf(*conv, *tensor);
      Tensor u = transformedWeights(*conv, weights);
      if (!(trialError(*conv, weights, u) <= largestError))
        continue;
      op.replaceAllUsesWith(Rewriter(*conv, program).rewrite(std::move(u)));
      op.erase();
    }
}

} // namespace nacre::fuse
