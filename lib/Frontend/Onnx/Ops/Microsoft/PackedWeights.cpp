//===- PackedWeights.cpp - com.microsoft: weights of 8, 4 and 2 bits ------===//
//
// Several numbers share a byte, and each block along an axis has a scale and a
// zero point. The bytes stay as they are in the weights, marked as packed;
// numbers are taken out of them where they are read.
//
// A row of a matrix is stored block after block, within a block with number i
// of each part beside one another: part p of byte i of a block of `count` bytes
// is number p * count + i. A part is then a piece of the row, and what
// multiplies it is contiguous.
//
//===----------------------------------------------------------------------===//
#include "../../Node.h"
#include "../../OpTable.h"
#include "../MatMul.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// From so many rows on, the matrix is unpacked once for all of them.
constexpr int64_t manyRows = 16;

bool isPowerOfTwo(int64_t v) { return v > 0 && (v & (v - 1)) == 0; }

int64_t bitsAttr(Node &n) {
  int64_t bits = n.intAttr("bits", 4);
  if (bits != 2 && bits != 4 && bits != 8)
    block("E_ATTR: bits is " + Twine(bits) + ", must be 2, 4 or 8");
  return bits;
}

int64_t blockAttr(Node &n, int64_t otherwise = 0) {
  int64_t size = n.intAttr("block_size", otherwise);
  if (size < 16 || !isPowerOfTwo(size))
    block("E_ATTR: block_size is " + Twine(size) +
          ", must be a power of two and at least 16");
  return size;
}

void needShapeOf(Value v, llvm::ArrayRef<int64_t> wanted,
                 llvm::StringRef what) {
  if (Node::shape(v) != wanted)
    block("E_SHAPE: " + what + " has shape " + shapeText(Node::shape(v)) +
          ", not " + shapeText(wanted));
}

/// A weight that what unpacks it does not make larger; other values as they
/// are.
Value keepPacked(Node &n, Value v) {
  auto weight = v.getDefiningOp<lazy::WeightOp>();
  return weight ? n.build.weight(weight.getName(), lazy::tensorType(v), true)
                : v;
}

Value packedWeight(Node &n, Tensor t) {
  return keepPacked(n, n.constantOf(std::move(t)));
}

/// Number `part` of each byte, as a byte.
Value partOf(Node &n, Value bytes, int64_t part, int64_t bits) {
  if (bits == 8)
    return bytes;
  if (part > 0)
    bytes = n.binary<lazy::ShrOp>(bytes, double(part * bits));
  bool last = (part + 1) * bits == 8;
  return last ? bytes : n.binary<lazy::AndOp>(bytes, double((1 << bits) - 1));
}

/// Numbers along the last axis, `bits` each, low bits first, as bytes.
Value unpackLast(Node &n, Value bytes, int64_t bits) {
  if (bits == 8)
    return bytes;
  Ints shape(Node::shape(bytes)), apart(shape);
  apart.push_back(1);
  Value single = n.reshape(bytes, apart);
  Value part = n.build.iota(
      mlir::RankedTensorType::get({8 / bits}, Node::element(bytes)), 0);
  Value y =
      n.binary<lazy::ShrOp>(single, n.binary<lazy::MulOp>(part, double(bits)));
  y = n.binary<lazy::AndOp>(y, double((1 << bits) - 1));
  shape.back() = mulChecked(shape.back(), 8 / bits);
  return n.reshape(y, shape);
}

/// The bytes of blocks [rows, blocks, count] with the numbers in the order of
/// this file.
Tensor inParts(const Tensor &given, int64_t bits) {
  int64_t count = given.shape.back(), each = 8 / bits, mask = (1 << bits) - 1;
  Tensor t = Tensor::zeros(DType::U8, given.shape);
  for (int64_t first = 0, end = given.count(); first < end; first += count) {
    const uint8_t *from = given.bytes + first;
    uint8_t *to = t.data<uint8_t>() + first;
    for (int64_t number = 0; number < count * each; ++number) {
      int value = from[number / each] >> (number % each * bits) & mask;
      to[number % count] |= value << (number / count * bits);
    }
  }
  return t;
}

/// A matrix [rows, K] of quantized numbers. Blocks are along K.
struct QuantizedMatrix {
  Value bytes;  ///< u8 [rows, blocks, count]
  Value scales; ///< [rows, blocks]
  Value zeros;  ///< u8 or of the scales' type, [rows, blocks]; null: `zero`
  double zero = 0;
  int64_t rows = 0, blocks = 0, size = 0, bits = 0;
  bool inParts = false; ///< in the order of this file, else of ONNX Runtime's
  int64_t parts() const { return 8 / bits; }
  int64_t count() const { return size / parts(); }
};

QuantizedMatrix readMatrix(Node &n, int64_t k) {
  QuantizedMatrix m;
  m.bits = bitsAttr(n);
  m.size = blockAttr(n);
  m.rows = n.intAttr("N", 0);
  if (m.rows < 1)
    block("E_ATTR: N is " + Twine(m.rows) + ", must be > 0");
  m.blocks = (k - 1) / m.size + 1;
  m.bytes = n.in(1);
  if (Node::dtype(m.bytes) != DType::U8)
    block("B has element type " + Twine(dtypeName(Node::dtype(m.bytes))) +
          ", not u8");
  Ints shape{m.rows, m.blocks, m.count()};
  if (Node::rank(m.bytes) == 2) // as older exporters have it
    m.bytes = n.reshape(m.bytes, shape);
  needShapeOf(m.bytes, shape, "B");
  if (auto weight = n.in(1).getDefiningOp<lazy::WeightOp>();
      weight && m.bits < 8) {
    Tensor t = *n.importer.program.weights->find(weight.getName());
    t.shape.assign(shape.begin(), shape.end());
    m.bytes = packedWeight(n, inParts(t, m.bits));
    m.inParts = true;
  } else {
    m.bytes = keepPacked(n, m.bytes);
  }
  Ints perBlock{m.rows, m.blocks};
  m.scales = n.reshape(n.in(2), perBlock);
  n.needFloat(m.scales);
  m.zero = double(1 << (m.bits - 1));
  if (!n.has(3))
    return m;
  m.zeros = n.in(3);
  if (Node::isFloat(m.zeros)) {
    n.needSameElement(m.zeros, m.scales);
    m.zeros = n.reshape(m.zeros, perBlock);
    return m;
  }
  if (Node::dtype(m.zeros) != DType::U8)
    block("zero_points have element type " +
          Twine(dtypeName(Node::dtype(m.zeros))) + ", not u8 or that of A");
  int64_t bytes = (m.blocks + m.parts() - 1) / m.parts();
  m.zeros = unpackLast(n, n.reshape(m.zeros, {m.rows, bytes}), m.bits);
  m.zeros = n.sliceAxis(m.zeros, 1, 0, m.blocks);
  return m;
}

/// A value of each block that is small in the weights: known now, or as it is.
Value perBlock(Node &n, Value v) {
  if (std::optional<Tensor> known = n.importer.constantValue(v))
    return packedWeight(n, *known);
  return v;
}

/// (byte - zero) * scale in f32, all of the shape of `bytes`; null `zeros`:
/// m's.
Value dequantized(Node &n, const QuantizedMatrix &m, Value bytes, Value scales,
                  Value zeros) {
  mlir::Type f32 = n.type(DType::F32);
  Value y = n.build.cast(bytes, f32);
  y = zeros ? n.binary<lazy::SubOp>(y, n.build.cast(zeros, f32))
            : n.binary<lazy::SubOp>(y, m.zero);
  return n.binary<lazy::MulOp>(y, n.build.cast(scales, f32));
}

/// x [.., K] times the transpose of the matrix, the sums over a block's parts
/// written out: [.., rows].
Value productUnpacked(Node &n, Value x, const QuantizedMatrix &m) {
  int64_t rank = Node::rank(x);
  Ints batch(Node::shape(x).drop_back()), whole(batch), split(batch);
  whole.append({m.rows, m.blocks, m.count()});
  split.append({1, m.blocks});
  split.append(m.inParts ? Ints{m.parts(), m.count()}
                         : Ints{m.count(), m.parts()});
  Ints one(batch);
  one.append({1, m.blocks, m.count()});
  Value parts = n.reshape(x, split), sum;
  llvm::SmallVector<Value> pieces;
  for (int64_t p = 0; p < m.parts(); ++p) {
    Value piece = n.sliceAxis(parts, rank + (m.inParts ? 1 : 2), p, 1);
    pieces.push_back(n.build.expand(n.reshape(piece, one), whole));
  }
  // What is read is repeated and not what is computed, which need not be stored
  // then.
  auto spread = [&](Value v) {
    return n.build.expandLike(n.reshape(v, {m.rows, m.blocks, 1}), pieces[0]);
  };
  Value scales = spread(m.scales), zeros = m.zeros ? spread(m.zeros) : Value();
  Value bytes = n.build.expandLike(m.bytes, pieces[0]);
  for (auto [p, piece] : llvm::enumerate(pieces)) {
    Value term = n.binary<lazy::MulOp>(
        piece, dequantized(n, m, partOf(n, bytes, p, m.bits), scales, zeros));
    sum = sum ? n.binary<lazy::AddOp>(sum, term) : term;
  }
  return n.build.reduce(lazy::ReduceKind::add, sum, {rank, rank + 1});
}

/// Axes turned so that rows are last; a packed weight stays one.
Value rowsLast(Node &n, Value v) {
  Ints order;
  for (int64_t a = 1; a < Node::rank(v); ++a)
    order.push_back(a);
  order.push_back(0);
  Value turned = n.build.permute(v, order);
  std::optional<Tensor> known = n.importer.constantValue(turned);
  return known ? packedWeight(n, *known) : turned;
}

/// The transpose of the matrix in f32, [blocks * size, rows], without scales
/// and zeros unless `finished`.
Value unpackedColumns(Node &n, const QuantizedMatrix &m, bool finished) {
  Value bytes = rowsLast(n, m.bytes); // [blocks, count, rows]
  Ints shape(Node::shape(bytes)), apart(shape);
  int axis = m.inParts ? 1 : 2;
  apart.insert(apart.begin() + axis, 1);
  auto spread = [&](Value v) {
    return n.build.expand(n.reshape(rowsLast(n, v), {m.blocks, 1, m.rows}),
                          shape);
  };
  Value scales = finished ? spread(m.scales) : Value();
  Value zeros = finished && m.zeros ? spread(m.zeros) : Value();
  llvm::SmallVector<Value> parts;
  for (int64_t p = 0; p < m.parts(); ++p) {
    Value y = partOf(n, bytes, p, m.bits);
    y = finished ? dequantized(n, m, y, scales, zeros)
                 : n.build.cast(y, n.type(DType::F32));
    parts.push_back(n.reshape(y, apart));
  }
  return n.reshape(n.concat(parts, axis), {m.blocks * m.size, m.rows});
}

/// Whether g_idx, known now, gives some number another block than the one it
/// stands in.
bool isRegrouped(Node &n, const QuantizedMatrix &m, int64_t k) {
  DType dtype = Node::dtype(n.in(4));
  if (dtype != DType::I32 && dtype != DType::I64)
    block("g_idx has element type " + Twine(dtypeName(dtype)));
  if (Node::rank(n.in(4)) != 1 || Node::shape(n.in(4))[0] < k)
    block("E_SHAPE: g_idx of shape " + shapeText(Node::shape(n.in(4))) +
          " for K = " + Twine(k));
  Tensor groups = n.constant(4, "g_idx");
  bool plain = true;
  for (int64_t i = 0; i < k; ++i) {
    int64_t group = groups.integerAt(i);
    if (group < 0 || group >= m.blocks)
      block("E_INDEX: g_idx[" + Twine(i) + "] is " + Twine(group) +
            ", outside [0," + Twine(m.blocks) + ")");
    plain &= group == i / m.size;
  }
  return !plain;
}

/// x [.., k] times the transpose of the matrix, whose scales and zeros g_idx
/// gives to numbers.
Value productRegrouped(Node &n, Value x, const QuantizedMatrix &m, int64_t k) {
  Value groups = n.sliceAxis(n.in(4), 0, 0, k);
  auto picked = [&](Value v) {
    return n.build.permute(n.build.gather(v, groups, 1), {1, 0});
  };
  Value w = n.sliceAxis(unpackedColumns(n, m, false), 0, 0, k);
  w = dequantized(n, m, w, picked(m.scales),
                  m.zeros ? picked(m.zeros) : Value());
  return matrixProduct(n, x, w);
}

/// x [.., k] times the transpose of the matrix. It is unpacked as a whole where
/// x is known to have many rows.
Value productInBlocks(Node &n, Value x, QuantizedMatrix m, int64_t k) {
  m.scales = perBlock(n, m.scales);
  if (m.zeros)
    m.zeros = perBlock(n, m.zeros);
  int64_t last = Node::rank(x) - 1, over = m.blocks * m.size - k, rows = 1;
  bool open = false;
  for (int64_t a = 0; a < last; ++a) {
    bool known = !mlir::ShapedType::isDynamic(Node::shape(x)[a]) &&
                 n.extent(x, a).isConstant();
    rows = known ? mulChecked(rows, Node::shape(x)[a]) : rows;
    open |= !known;
  }
  if (over > 0) {
    Ints low(last + 1, 0), high(low);
    high[last] = over;
    x = n.pad(x, low, high, 0);
  }
  return rows >= manyRows && !open
             ? matrixProduct(n, x, unpackedColumns(n, m, true))
             : productUnpacked(n, x, m);
}

/// A times the transpose of B [N, K], which is quantized.
void matMulNBits(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  if (Node::dtype(x) == DType::F64)
    block("is not supported on f64");
  n.needRank(x, 1);
  n.needStatic(x, Node::rank(x) - 1);
  int64_t k = n.intAttr("K", 0);
  if (n.intAttr("weight_prepacked", 0) != 0)
    block("weight_prepacked is not supported");
  if (k < 1 || Node::shape(x).back() != k)
    block("E_SHAPE: A of shape " + shapeText(Node::shape(x)) +
          " does not end in K = " + Twine(k));
  QuantizedMatrix m = readMatrix(n, k);
  n.needSameElement(x, m.scales);
  mlir::Type given = Node::element(x);
  x = n.build.cast(x, n.type(DType::F32));
  Value y = n.has(4) && isRegrouped(n, m, k) ? productRegrouped(n, x, m, k)
                                             : productInBlocks(n, x, m, k);
  if (n.has(5)) {
    needShapeOf(n.in(5), {m.rows}, "bias");
    y = n.binary<lazy::AddOp>(y, n.build.cast(n.in(5), n.type(DType::F32)));
  }
  n.set(0, n.build.cast(y, given));
}

/// Slices along an axis of quantized numbers, dequantized. An index out of
/// range gives zeros.
void gatherBlockQuantized(Node &n) {
  Value data = n.in(0), index = n.in(1), scales = n.in(2);
  int64_t rank = Node::rank(data), size = blockAttr(n, 128);
  int64_t picked = n.axis(n.intAttr("gather_axis", 0), rank, "gather_axis");
  int64_t axis = n.axis(n.intAttr("quantize_axis", 1), rank, "quantize_axis");
  DType dtype = Node::dtype(data);
  bool bytes = dtype == DType::U8;
  if (!bytes && dtype != DType::I4 && dtype != DType::U4)
    block("is not supported on " + Twine(dtypeName(dtype)));
  int64_t bits = bytes ? bitsAttr(n) : 8, each = 8 / bits;
  if (bytes && picked != 0)
    block("E_ATTR: gather_axis is " + Twine(picked) + ", must be 0 for u8");
  if (picked == axis)
    block("gather_axis and quantize_axis that are one are not supported");
  n.needFloat(scales);
  Ints wanted(Node::shape(data));
  wanted[rank - 1] = mulChecked(wanted[rank - 1], each);
  int64_t extent = wanted[axis], blocks = (extent + size - 1) / size;
  wanted[axis] = blocks;
  needShapeOf(scales, wanted, "scales");
  if (n.has(3)) {
    n.needSameElement(data, n.in(3));
    wanted[rank - 1] = (wanted[rank - 1] + each - 1) / each;
    needShapeOf(n.in(3), wanted, "zero_points");
  }
  DType of = Node::dtype(index);
  if (of != DType::I32 && of != DType::I64)
    block("indices have element type " + Twine(dtypeName(of)));
  mlir::Type i64 = n.type(DType::I64), f32 = n.type(DType::F32);
  int64_t count = Node::shape(data)[picked];
  index = n.build.cast(index, i64);
  index = n.where(n.cmp(lazy::CmpKind::lt, index, n.build.splat(i64, 0)),
                  n.binary<lazy::AddOp>(index, double(count)), index);
  Value known = n.build.binary<lazy::AndOp>(
      n.cmp(lazy::CmpKind::ge, index, n.build.splat(i64, 0)),
      n.cmp(lazy::CmpKind::lt, index, n.build.splat(i64, double(count))));
  index = n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(index, 0.0),
                                double(std::max<int64_t>(count - 1, 0)));
  int64_t more = Node::rank(index) - 1;
  int64_t at = axis < picked ? axis : axis + more;
  auto pick = [&](Value v) {
    return n.build.gather(keepPacked(n, v), index, picked);
  };
  // A number for each block, repeated along it.
  auto along = [&](Value v) {
    Ints apart(Node::shape(v)), grown, joined(apart);
    apart.insert(apart.begin() + at + 1, 1);
    grown = apart;
    grown[at + 1] = size;
    joined[at] = mulChecked(blocks, size);
    v = n.reshape(n.build.expand(n.reshape(v, apart), grown), joined);
    return n.sliceAxis(v, at, 0, extent);
  };
  Value y = n.build.cast(unpackLast(n, pick(data), bits), f32);
  if (n.has(3)) {
    Value zeros = unpackLast(n, pick(n.in(3)), bits);
    int64_t last = Node::rank(zeros) - 1;
    int64_t used = at == last ? blocks : Node::shape(y)[last];
    zeros = n.sliceAxis(zeros, last, 0, used);
    y = n.binary<lazy::SubOp>(y, n.build.cast(along(zeros), f32));
  } else if (bytes) {
    y = n.binary<lazy::SubOp>(y, double(1 << (bits - 1)));
  }
  y = n.binary<lazy::MulOp>(y, n.build.cast(along(pick(scales)), f32));
  Ints ones(Node::rank(y), 1);
  for (int64_t a = 0; a <= more; ++a)
    ones[picked + a] = Node::shape(index)[a];
  y = n.where(n.reshape(known, ones), y, n.build.splat(f32, 0));
  n.set(0, n.build.cast(y, Node::element(scales)));
}

} // namespace

void onnx_frontend::addMicrosoftPackedWeightOps(OpTable &t) {
  t["MatMulNBits"] = bounded(matMulNBits);
  t["GatherBlockQuantized"] = gatherBlockQuantized;
}
