//===- Determinant.cpp - determinants by elimination ----------------------===//
//
// Gauss' elimination with the largest pivot of each column, written out: the
// extent is known. Rows are exchanged by a sum over a one-hot column, since
// every matrix of a batch has a pivot of its own.
//
//===----------------------------------------------------------------------===//
#include "../Node.h"
#include "../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using lazy::ReduceKind;

namespace {

constexpr int64_t kMaxExtent = 64;

void determinant(Node &n) {
  Value x = n.in(0);
  n.needFloat(x);
  n.needStatic(x);
  n.needRank(x, 2);
  Ints given(Node::shape(x));
  int64_t size = given.back(), rows = 1;
  if (given[given.size() - 2] != size)
    block("E_SHAPE: matrices of shape " + shapeText(given) + " are not square");
  if (size > kMaxExtent)
    block("E_LIMIT: matrices of " + Twine(size) + " rows; at most " +
          Twine(kMaxExtent) + " are supported");
  Ints batch(llvm::ArrayRef(given).drop_back(2));
  for (int64_t extent : batch)
    rows = mulChecked(rows, extent);
  mlir::Type type = Node::element(x);
  mlir::Type wide = type.isF64() ? type : n.type(DType::F32);
  Value m = n.reshape(n.build.cast(x, wide), {rows, size, size});
  Value product = n.build.splat(wide, 1, {rows});
  Value zero = n.build.splat(wide, 0);
  for (int64_t left = size; left > 0; --left) {
    Value column = n.reshape(n.sliceAxis(m, 2, 0, 1), {rows, left});
    Value first = n.sliceAxis(m, 1, 0, 1); // [rows,1,left]
    Value pivots = first;
    if (left > 1) {
      Value at = n.build.argReduce(ReduceKind::max,
                                   n.build.unary<lazy::AbsOp>(column), 1,
                                   /*last=*/false, /*keepDims=*/true);
      Value place = n.build.iota(
          mlir::RankedTensorType::get({left}, n.type(DType::I64)), 0);
      Value hit =
          n.reshape(n.cmp(lazy::CmpKind::eq, place, at), {rows, left, 1});
      pivots = n.build.reduce(ReduceKind::add, n.where(hit, m, zero), {1},
                              /*keepDims=*/true);
      m = n.where(hit, first, m); // the first row goes where the pivot was
      Value moved = n.cmp(lazy::CmpKind::ne, n.reshape(at, {rows}),
                          n.build.splat(n.type(DType::I64), 0));
      product = n.where(moved, n.build.unary<lazy::NegOp>(product), product);
    }
    Value pivot = n.sliceAxis(pivots, 2, 0, 1); // [rows,1,1]
    product = n.binary<lazy::MulOp>(product, n.reshape(pivot, {rows}));
    if (left == 1)
      break;
    auto below = [&](Value v, int64_t from, int64_t count) {
      return n.sliceAxis(n.sliceAxis(v, 1, 1, left - 1), 2, from, count);
    };
    // A column of zeros: the product is 0 whatever follows.
    Value none = n.cmp(lazy::CmpKind::eq, pivot, zero);
    Value safe = n.where(none, n.build.splat(wide, 1), pivot);
    Value share = n.binary<lazy::DivOp>(below(m, 0, 1), safe);
    Value rest = n.sliceAxis(pivots, 2, 1, left - 1);
    m = n.binary<lazy::SubOp>(below(m, 1, left - 1),
                              n.binary<lazy::MulOp>(share, rest));
  }
  n.set(0, n.build.cast(n.reshape(product, batch), type));
}

} // namespace

void onnx_frontend::addDeterminantOps(OpTable &t) { t["Det"] = determinant; }
