//===- GridDirect.cpp - contractions without local tiles ------------------===//
#include "GridContract.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace nacre::codegen {

GridTasks GridContraction::direct() {
  int64_t perGroup = body.group / kSplit;
  int64_t columnTiles = llvm::divideCeil(N, tileN),
          rowTiles = llvm::divideCeil(M, tileM);
  GridTasks result;
  result.perGroup = perGroup;
  result.tasks = columnTiles * rowTiles;
  Value symbol = countBatches(result);
  if (result.tasks == 0)
    return result;
  Value item = body.itemId, slice;
  if (kSplit > 1) {
    slice = arith::DivUIOp::create(b, loc, item, body.index(perGroup));
    item = arith::RemUIOp::create(b, loc, item, body.index(perGroup));
  }
  Value task = add(mul(body.groupId, perGroup), item);
  Value all = body.index(result.tasks);
  if (symbol)
    all = arith::MulIOp::create(b, loc, all, symbol);
  Value inside =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, task, all);
  OpBuilder::InsertionGuard guard(b);
  Value rest = task;
  if (kSplit == 1) {
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, inside, false);
    b.setInsertionPoint(branch.thenYield());
  } else // all items must reach the barrier: idle ones repeat the last tile
    rest = arith::SelectOp::create(
        b, loc, inside, task,
        arith::MaxSIOp::create(
            b, loc, arith::SubIOp::create(b, loc, all, body.index(1)),
            body.index(int64_t(0))));
  Value column = mul(body.takeDigit(rest, columnTiles), tileN);
  Value row = mul(body.takeDigit(rest, rowTiles), tileM);
  place(rest);

  // A tile that never leaves its line of the innermost row dimension has rows
  // that lie at constant distances.
  bool inLine = !rows.empty() && extents[rows.back()] % tileM == 0;
  SmallVector<Value> rowPart;
  for (int64_t i = 0; i < (inLine ? 1 : tileM); ++i) {
    Value r = i ? add(row, body.index(i)) : row;
    if (M % tileM)
      r = clamp(r, M - 1);
    rowPart.push_back(add(scalar.base, contribution(scalar, rows, r)));
  }
  Value line = inLine ? body.ivs[rows.back()] : Value();
  bool varies = lane >= 0 && scalar.coefficient[lane] != 0;
  // A short window is unrolled where rows of the tile share what they read.
  int64_t unrolled = -1;
  if (varies && inLine && tileM > 1 && kSplit == 1 && !kLoops.empty() &&
      extents[kLoops.back()] <= 5)
    unrolled = kLoops.back();
  // The reduction; with k_split the longest loop is dealt out to the slices.
  int64_t dealt = -1;
  for (int64_t d : kLoops)
    if (kSplit > 1 && (dealt < 0 || extents[d] > extents[dealt]))
      dealt = d;
  SmallVector<Value> sums(tileM * fragments, fragmentZero());
  SmallVector<scf::ForOp> loops;
  {
    OpBuilder::InsertionGuard inner(b);
    for (int64_t d : kLoops) {
      if (d == unrolled) {
        body.ivs[d] = body.index(int64_t(0));
        continue;
      }
      Value from = d == dealt ? slice : body.index(int64_t(0));
      auto loop = scf::ForOp::create(b, loc, from, body.index(extents[d]),
                                     body.index(d == dealt ? kSplit : 1), sums);
      loops.push_back(loop);
      b.setInsertionPointToStart(loop.getBody());
      body.ivs[d] = loop.getInductionVar();
      sums.assign(loop.getRegionIterArgs().begin(),
                  loop.getRegionIterArgs().end());
    }
    Value lanesAt = add(lanes.base, contribution(lanes, kLoops));
    Value scalarAt = contribution(scalar, kLoops);
    SmallVector<Value> next(sums);
    auto columnOf = [&](int64_t f) {
      Value n = f ? add(column, body.index(f)) : column;
      return f && N % tileN ? clamp(n, N - 1) : n;
    };
    // What the rows' operand has at a distance, once for all who want it.
    llvm::DenseMap<std::pair<int64_t, int64_t>, Value> read;
    auto rowsAt = [&](int64_t i, int64_t u, int64_t f) {
      int64_t offset = u * (unrolled >= 0 ? scalar.coefficient[unrolled] : 0);
      if (inLine)
        offset += i * scalar.coefficient[rows.back()];
      std::pair<int64_t, int64_t> key(inLine ? offset : i, varies ? f : 0);
      Value &value = read[key];
      if (value)
        return value;
      Value at = add(rowPart[inLine ? 0 : i], scalarAt);
      if (offset)
        at = add(at, body.index(offset));
      value = varies ? loadColumns(scalar, at, columnOf(f))
                     : broadcast(loadOne(scalar, at));
      return value;
    };
    for (int64_t u = 0; u < (unrolled >= 0 ? extents[unrolled] : 1); ++u) {
      SmallVector<Value> columns;
      Value at = lanesAt;
      if (u && lanes.coefficient[unrolled])
        at = add(at, body.index(u * lanes.coefficient[unrolled]));
      for (int64_t f = 0; f < fragments; ++f)
        columns.push_back(loadColumns(lanes, at, columnOf(f)));
      for (int64_t i = 0; i < tileM; ++i)
        for (int64_t f = 0; f < fragments; ++f) {
          Value &sum = next[i * fragments + f];
          sum = body.multiplyAdd(rowsAt(i, u, f), columns[f], sum);
        }
    }
    for (scf::ForOp loop : llvm::reverse(loops)) {
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, loc, next);
      next.assign(loop.getResults().begin(), loop.getResults().end());
    }
    sums.assign(next.begin(), next.end());
  }
  auto finish = [&] {
    epilogue(
        sums, [&](Value i) { return add(row, i); },
        [&](Value j) { return add(column, j); }, M % tileM != 0, N % tileN != 0,
        line);
  };
  if (kSplit == 1) {
    finish();
    return result;
  }
  // Slice s leaves its sums at [s][fragment][item]; slice 0 adds them up.
  int64_t width = vectors ? wide : 1, each = tileM * fragments;
  Value scratch = body.allocate(body.group * each * width, accumulator, true);
  auto address = [&](Value s, int64_t k) {
    Value at = add(mul(s, each * perGroup), body.index(k * perGroup));
    return mul(add(at, item), width);
  };
  auto type = fragmentZero().getType();
  for (int64_t k = 0; k < each; ++k) {
    if (vectors)
      vector::StoreOp::create(b, loc, sums[k], scratch, address(slice, k));
    else
      memref::StoreOp::create(b, loc, sums[k], scratch, address(slice, k));
  }
  gpu::BarrierOp::create(b, loc);
  Value first = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, slice,
                                      body.index(int64_t(0)));
  auto branch = scf::IfOp::create(
      b, loc, TypeRange{}, arith::AndIOp::create(b, loc, first, inside), false);
  b.setInsertionPoint(branch.thenYield());
  auto loop = scf::ForOp::create(b, loc, body.index(1), body.index(kSplit),
                                 body.index(1), sums);
  {
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next;
    for (int64_t k = 0; k < each; ++k) {
      Value at = address(loop.getInductionVar(), k);
      Value other =
          vectors ? Value(vector::LoadOp::create(b, loc, cast<VectorType>(type),
                                                 scratch, at, false,
                                                 llvm::MaybeAlign(wide * 4)))
                  : Value(memref::LoadOp::create(b, loc, scratch, at));
      Value sum = loop.getRegionIterArgs()[k];
      next.push_back(isa<FloatType>(getElementTypeOrSelf(type))
                         ? Value(arith::AddFOp::create(b, loc, sum, other))
                         : Value(arith::AddIOp::create(b, loc, sum, other)));
    }
    scf::YieldOp::create(b, loc, next);
  }
  sums.assign(loop.getResults().begin(), loop.getResults().end());
  finish();
  return result;
}

} // namespace nacre::codegen
