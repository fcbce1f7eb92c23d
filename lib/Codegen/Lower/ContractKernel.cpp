//===- ContractKernel.cpp - register-tiled contractions -------------------===//
//
// The nest, from the outside in:
//
//   tasks    free loops, chunks of rows, chunks of the tile loop, lane blocks
//   row      rows of the chunk
//   tile     tile_m points at a time (a shorter tile for the rest)
//   reduce   the reduction loops, carrying tile_m x tile_n accumulators
//            for each step: tile_n vectors of the lanes operand, then point by
//            point one scalar of the other operand, broadcast, tile_n FMAs;
//            with `dot` products of bytes, four steps at a time
//   epilogue the elementwise tail of the kernel on each accumulator, then store
//
// The tail's operands and the results of one tile are short pieces of many rows
// that no cache foresees. With `ahead` the outermost reduction loop runs in as
// many pieces as the tile has points, and before each piece memory is asked for
// the lines of one point, so that they have arrived when the epilogue comes.
//
// A packed operand that no cache holds until the next run is asked for too. The
// tiles of a task read the same block of it, of which only the first would wait
// for memory; so each asks for its part of the next task's block. A task of one
// tile asks some way ahead of where it reads, as a processor's own prefetching
// stops at the ends of pages.
//
// The lane blocks are innermost among the tasks, so a chunk of the scalar
// operand stays in cache while the packed lanes operand streams past.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
using namespace nacre::schedule;
namespace {

/// A packed operand above this is asked for ahead; where a task has one tile,
/// as far ahead as it reads while memory answers.
constexpr int64_t cacheBytes = 1 << 18, aheadBytes = 4096, lineBytes = 64;

class TiledContraction {
public:
  TiledContraction(Body &body, const ScheduleReader &s,
                   ArrayRef<Value> symbolOf, ContractNest nest)
      : body(body), b(body.b), loc(body.loc), symbolOf(symbolOf), nest(nest),
        loops(s.list("loops")), kLoops(s.list("k_loops")),
        extents(s.list("extents")), lane(s.number("lane")),
        tile(s.number("tile")), row(s.number("row")),
        lanes(s.number("lanes", 1)), tileM(s.number("tile_m", 1)),
        tileN(s.number("tile_n", 1)), schedule(s),
        staged(s.number("staged", 0)), ahead(s.number("ahead", 0)),
        dot(s.number("dot", 1)), packing(packingOf(body.kernel)) {}
  LogicalResult prepare();
  int64_t run(Value begin, Value end);

private:
  void chunk(Value tChunk, Value rChunk, int64_t tileExtent, int64_t rowExtent,
             int64_t tChunks);
  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t c) {
    return arith::MulIOp::create(b, loc, x, body.index(c));
  }
  void points(int64_t m, Value pass);
  void askForLanes(int64_t n, AffineExpr share, Value address);
  SmallVector<Value> reduce(int64_t m);
  SmallVector<Value> step(int64_t m, ValueRange sums);
  SmallVector<Value> dotStep(int64_t m, int64_t count, ValueRange sums);
  Value scalarGroup(int64_t count);
  void findTail();
  void askFor(int64_t m, Value piece, int64_t pieces);
  void epilogue(int64_t m, ValueRange sums);
  void finish(Value accumulator, Value tileIv, int64_t n);
  Value lanesVector(int64_t n);
  Value limitOf(int64_t d) { return body.limitOf(d, extents, nest.extents); }

  Body &body;
  OpBuilder &b;
  Location loc;
  ArrayRef<Value> symbolOf;
  ContractNest nest;
  SmallVector<int64_t> loops, kLoops, extents;
  int64_t lane, tile, row, lanes, tileM, tileN;
  ScheduleReader schedule;
  int64_t chunkT = 1, chunkR = 1; ///< points and rows of a task
  bool staged, ahead;
  int64_t dot; ///< steps of the innermost reduction loop taken at once
  std::optional<Packing> packing;
  int64_t passes = 1; ///< most tiles of a task
  Value nextPart;     ///< of the next task's block, what this tile asks for
  /// What the epilogue reads and writes at each point of a tile.
  struct Line {
    Value buffer;
    AffineExpr address;
    bool write;
    bool operator==(const Line &) const = default;
  };
  SmallVector<Line> tail;

  AffineExpr scalarAddress, lanesAddress; // over contraction dimensions
  Value scalarBuffer, lanesBuffer;
  Type element, scalarElement, lanesElement, accumulator;
  AffineMap resultMap;
  Value tileBase, laneBase, laneBlock;
  Value stage; // tile_m * block accumulators on the stack
};

LogicalResult TiledContraction::prepare() {
  KernelOp kernel = body.kernel;
  unsigned dims = nest.extents.size();
  if (extents.size() != dims)
    return kernel.emitOpError("kernel ")
           << kernel.getName()
           << ": the schedule does not fit the contraction's " << dims
           << " dimensions";
  body.extents.assign(nest.extents.begin(), nest.extents.end()); // see MapLoops
  body.lane = lanes > 1 ? lane : -1;
  body.lanes = lanes;
  auto scalar = contractLeaf(nest, 1 - nest.lanesOperand);
  auto lanesLeaf = contractLeaf(nest, nest.lanesOperand);
  if (!scalar || !lanesLeaf)
    return kernel.emitOpError("kernel ")
           << kernel.getName() << ": operands are not in memory";
  auto address = [&](const Access &a) {
    auto place =
        cast<PlaceAttr>((*kernel.getOperandPlaces())[a.leaf.getArgNumber()]);
    return linearAddress(a.map, place.getStrides().asArrayRef(), nest.extents);
  };
  scalarAddress = address(*scalar);
  lanesAddress = address(*lanesLeaf);
  scalarBuffer = body.operands[scalar->leaf.getArgNumber()];
  lanesBuffer = body.operands[lanesLeaf->leaf.getArgNumber()];
  scalarElement = tensorType(scalar->leaf).getElementType();
  lanesElement = tensorType(lanesLeaf->leaf).getElementType();
  if (dot > 1) {
    auto walked = kLoops.empty() ? std::nullopt
                                 : splitLinear(scalarAddress, kLoops.back());
    if (!packing || lane < 0 || dependsOn(scalarAddress, lane) || !walked ||
        walked->first != 1 || limitOf(kLoops.back()))
      return kernel.emitOpError("kernel ")
             << kernel.getName()
             << ": no dot products along the innermost of its k_loops";
  }
  element = nest.op.getType().getElementType();
  accumulator =
      body.laneType(element.isF16() || element.isBF16() ? b.getF32Type()
                                                        : storageType(element));
  SmallVector<AffineExpr> results;
  for (AffineExpr e : nest.op.map(2).getResults())
    results.push_back(e);
  resultMap = simplify(AffineMap::get(maxLoopDims, 0, results, b.getContext()),
                       body.extents);
  for (unsigned d = 0; d < dims; ++d)
    body.ivs[d] = body.index(int64_t(0));
  if (staged) {
    auto type = MemRefType::get({tileM * tileN * lanes},
                                getElementTypeOrSelf(accumulator));
    stage = memref::AllocaOp::create(b, loc, type, b.getI64IntegerAttr(64));
  }
  if (ahead && tile >= 0)
    findTail();
  return success();
}

void TiledContraction::findTail() {
  KernelOp kernel = body.kernel;
  auto note = [&](Value buffer, Attribute place, AffineMap map, bool write) {
    auto strides = cast<PlaceAttr>(place).getStrides().asArrayRef();
    Line line{buffer, linearAddress(map, strides, body.extents), write};
    if (dependsOn(line.address, tile) && !llvm::is_contained(tail, line))
      tail.push_back(line);
  };
  for (Value yield : yieldedAll(kernel))
    walkAccesses(
        yield, resultMap, body.extents,
        [&](const Access &a) {
          unsigned n = a.leaf.getArgNumber();
          if (!a.guarded && !a.indirect)
            note(body.operands[n], (*kernel.getOperandPlaces())[n], a.map,
                 false);
        },
        nest.op);
  for (auto [buffer, place] :
       llvm::zip(body.results, *kernel.getResultPlaces()))
    note(buffer, place, resultMap, true);
}

/// Asks memory for the points of the tile that belong to this piece.
void TiledContraction::askFor(int64_t m, Value piece, int64_t pieces) {
  int64_t each = llvm::divideCeil(m, pieces);
  for (int64_t j = 0; j < each; ++j) {
    Value point = add(mul(piece, each), body.index(j));
    if (each * pieces > m)
      point = arith::MinSIOp::create(b, loc, point, body.index(m - 1));
    body.ivs[tile] = add(tileBase, point);
    for (const Line &line : tail)
      for (int64_t n = 0; n < tileN; ++n) {
        if (lane >= 0)
          body.ivs[lane] = n ? add(laneBase, body.index(n * lanes)) : laneBase;
        memref::PrefetchOp::create(
            b, loc, line.buffer, body.index(line.address), line.write, 3, true);
      }
  }
}

/// Vector n of the lanes operand at the current reduction step.
Value TiledContraction::lanesVector(int64_t n) {
  if (!packing)
    return body.load(lanesBuffer, lanesElement, lanesAddress);
  // Where the block of the free dimensions begins, and where in it.
  AffineExpr from = getAffineConstantExpr(0, b.getContext()), at = from;
  for (unsigned d = 0; d < extents.size(); ++d)
    if (int64_t stride = packing->strideOf(d); stride && extents[d] != 1) {
      AffineExpr &part = llvm::is_contained(kLoops, d) ? at : from;
      part = part + getAffineDimExpr(d, b.getContext()) * stride;
    }
  Value address = body.index(from + at);
  if (packing->laneSourceStride == 0) // the same for every lane
    return memref::LoadOp::create(b, loc, lanesBuffer, address);
  address = add(address, mul(laneBlock, packing->blockStride));
  address = add(address, body.index(n * lanes * dot));
  askForLanes(n, from + at.floorDiv(passes), address);
  if (lanes * dot == 1)
    return memref::LoadOp::create(b, loc, lanesBuffer, address);
  auto type = VectorType::get(
      {lanes * dot}, cast<MemRefType>(lanesBuffer.getType()).getElementType());
  return vector::LoadOp::create(b, loc, type, lanesBuffer, address);
}

/// Asks for a line of the packed operand where vector n of it is read, from
/// `address`; `share` is how far this tile has come with its part of the next
/// block.
void TiledContraction::askForLanes(int64_t n, AffineExpr share, Value address) {
  int64_t bytes = elementBytes(lanesElement);
  if (packing->elements * bytes <= cacheBytes)
    return;
  auto ask = [&](Value place, unsigned locality) {
    memref::PrefetchOp::create(b, loc, lanesBuffer, place, /*isWrite=*/false,
                               locality, /*isDataCache=*/true);
  };
  ask(add(address, body.index(aheadBytes / bytes)), 3);
  if (passes == 1)
    return;
  int64_t stepBytes = packing->block * dot * bytes;
  if (n * passes * lineBytes < stepBytes)
    ask(add(add(nextPart, body.index(share)),
            body.index(n * lineBytes / bytes)),
        2);
}

SmallVector<Value> TiledContraction::step(int64_t m, ValueRange sums) {
  SmallVector<Value> next(sums);
  SmallVector<Value> vectors;
  Value outerMask = body.mask;
  auto setLane = [&](int64_t n) {
    if (lane >= 0)
      body.ivs[lane] = n ? add(laneBase, body.index(n * lanes)) : laneBase;
  };
  auto partial = [&]() -> Value {
    // Only reads that are not padded need a mask in the last block.
    if (lane < 0 || lanes == 1)
      return {};
    Value limit = limitOf(lane);
    if (!limit && extents[lane] % (lanes * tileN) == 0)
      return {};
    Value left = arith::SubIOp::create(
        b, loc, limit ? limit : body.index(extents[lane]), body.ivs[lane]);
    return vector::CreateMaskOp::create(
        b, loc, VectorType::get({lanes}, b.getI1Type()), left);
  };
  bool scalarVaries = lane >= 0 && dependsOn(scalarAddress, lane);
  for (int64_t n = 0; n < tileN; ++n) {
    setLane(n);
    if (!packing)
      body.mask = partial();
    vectors.push_back(body.widenTo(lanesVector(n), lanesElement, accumulator));
    body.mask = outerMask;
  }
  for (int64_t i = 0; i < m; ++i) {
    if (tile >= 0)
      body.ivs[tile] = i ? add(tileBase, body.index(i)) : tileBase;
    Value scalar;
    for (int64_t n = 0; n < tileN; ++n) {
      setLane(n);
      if (scalarVaries || n == 0) {
        if (scalarVaries)
          body.mask = partial();
        scalar =
            body.widenTo(body.load(scalarBuffer, scalarElement, scalarAddress),
                         scalarElement, accumulator);
        if (lanes > 1)
          scalar = body.splatTo(scalar);
        body.mask = outerMask;
      }
      next[i * tileN + n] =
          body.multiplyAdd(scalar, vectors[n], sums[i * tileN + n]);
    }
  }
  return next;
}

/// The next `count` elements of the scalar operand, with zeros behind. Nothing
/// beyond them is read.
Value TiledContraction::scalarGroup(int64_t count) {
  auto group = VectorType::get({dot}, b.getI8Type());
  Value at = body.index(scalarAddress);
  if (count == dot)
    return vector::LoadOp::create(b, loc, group, scalarBuffer, at);
  Value bytes = body.zero(group);
  for (int64_t i = 0; i < count; ++i)
    bytes = vector::InsertOp::create(
        b, loc,
        memref::LoadOp::create(b, loc, scalarBuffer, add(at, body.index(i))),
        bytes, i);
  return bytes;
}

/// One step of dot products, the last `count` elements of the loop at least.
SmallVector<Value> TiledContraction::dotStep(int64_t m, int64_t count,
                                             ValueRange sums) {
  SmallVector<Value> next(sums), vectors;
  auto groups = VectorType::get({lanes, dot}, b.getI8Type());
  auto wide = groups.clone(b.getI32Type());
  auto widened = [&](Value v, Type from) {
    return body.widenTo(v, from, wide);
  };
  for (int64_t n = 0; n < tileN; ++n)
    vectors.push_back(
        widened(vector::ShapeCastOp::create(b, loc, groups, lanesVector(n)),
                lanesElement));
  for (int64_t i = 0; i < m; ++i) {
    if (tile >= 0)
      body.ivs[tile] = i ? add(tileBase, body.index(i)) : tileBase;
    Value scalars =
        widened(vector::BroadcastOp::create(b, loc, groups, scalarGroup(count)),
                scalarElement);
    for (int64_t n = 0; n < tileN; ++n)
      next[i * tileN + n] = vector::MultiDimReductionOp::create(
          b, loc, arith::MulIOp::create(b, loc, scalars, vectors[n]),
          sums[i * tileN + n], ArrayRef<bool>{false, true},
          vector::CombiningKind::ADD);
  }
  return next;
}

SmallVector<Value> TiledContraction::reduce(int64_t m) {
  SmallVector<Value> sums(m * tileN, body.zero(accumulator));
  SmallVector<scf::ForOp> nestLoops;
  OpBuilder::InsertionGuard guard(b);
  auto open = [&](Value from, Value to) {
    auto loop = scf::ForOp::create(b, loc, from, to, body.index(1), sums);
    nestLoops.push_back(loop);
    b.setInsertionPointToStart(loop.getBody());
    sums.assign(loop.getRegionIterArgs().begin(),
                loop.getRegionIterArgs().end());
    return loop.getInductionVar();
  };
  Value zero = body.index(int64_t(0));
  for (int64_t d : kLoops) {
    int64_t extent = d == kLoops.back() ? extents[d] / dot : extents[d];
    Value limit = limitOf(d), from = zero,
          to = limit ? limit : body.index(extent);
    if (d == kLoops.front() && !tail.empty()) {
      int64_t pieces = std::max<int64_t>(std::min(m, extent), 1);
      Value piece = open(zero, body.index(pieces));
      askFor(m, piece, pieces);
      int64_t steps = llvm::divideCeil(extent, pieces);
      from = mul(piece, steps);
      to = arith::MinSIOp::create(b, loc, add(from, body.index(steps)), to);
      from = arith::MinSIOp::create(b, loc, from, to);
    }
    body.ivs[d] = open(from, to);
  }
  int64_t inner = kLoops.empty() ? -1 : kLoops.back();
  if (dot > 1)
    body.ivs[inner] = mul(body.ivs[inner], dot);
  SmallVector<Value> next = dot > 1 ? dotStep(m, dot, sums) : step(m, sums);
  for (scf::ForOp loop : llvm::reverse(nestLoops)) {
    b.setInsertionPointToEnd(loop.getBody());
    scf::YieldOp::create(b, loc, next);
    next.assign(loop.getResults().begin(), loop.getResults().end());
    // Once: behind the pieces of the loop, where it has them.
    scf::ForOp whole =
        kLoops.size() == 1 ? nestLoops.front() : nestLoops.back();
    if (int64_t rest = inner >= 0 ? extents[inner] % dot : 0;
        rest && loop == whole) {
      b.setInsertionPointAfter(loop);
      body.ivs[inner] = body.index(extents[inner] - rest);
      next = dotStep(m, rest, next);
    }
  }
  return next;
}

/// The kernel's tail on one accumulator vector, and the stores.
void TiledContraction::finish(Value sum, Value tileIv, int64_t n) {
  if (tile >= 0)
    body.ivs[tile] = tileIv;
  if (lane >= 0)
    body.ivs[lane] = n ? add(laneBase, body.index(n * lanes)) : laneBase;
  body.scoped([&] {
    body.cache[{nest.op.getResult(), resultMap}] = body.narrowTo(sum, element);
    Operation *yield = body.kernel.getBody().front().getTerminator();
    SmallVector<Value> values;
    for (Value v : yield->getOperands())
      values.push_back(body.pull(v, resultMap));
    for (auto [i, v] : llvm::enumerate(values))
      body.store(i, v, resultMap);
  });
}

void TiledContraction::epilogue(int64_t m, ValueRange sums) {
  bool partial = lane >= 0 && lanes > 1 && extents[lane] % lanes != 0;
  bool oddBlock = lane >= 0 && extents[lane] % (lanes * tileN) != 0;
  auto emit = [&](bool masked) {
    for (int64_t n = 0; n < tileN; ++n) {
      // Vectors of the last block that lie wholly outside are not stored.
      OpBuilder::InsertionGuard guard(b);
      if (masked) {
        Value first = add(laneBase, body.index(n * lanes));
        Value left =
            arith::SubIOp::create(b, loc, body.index(extents[lane]), first);
        Value some = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sgt,
                                           left, body.index(int64_t(0)));
        auto branch = scf::IfOp::create(b, loc, TypeRange{}, some, false);
        b.setInsertionPoint(branch.thenYield());
        if (partial)
          body.limitLanes(
              arith::MinSIOp::create(b, loc, left, body.index(lanes)));
      }
      if (!staged) {
        for (int64_t i = 0; i < m; ++i) {
          Value at = tile >= 0 ? (i ? add(tileBase, body.index(i)) : tileBase)
                               : Value();
          finish(sums[i * tileN + n], at, n);
        }
      } else {
        auto loop = scf::ForOp::create(b, loc, body.index(int64_t(0)),
                                       body.index(m), body.index(1));
        OpBuilder::InsertionGuard inner(b);
        b.setInsertionPointToStart(loop.getBody());
        Value i = loop.getInductionVar();
        Value at = add(mul(i, tileN * lanes), body.index(n * lanes));
        Value sum = lanes > 1
                        ? Value(vector::LoadOp::create(
                              b, loc, cast<VectorType>(accumulator), stage, at))
                        : Value(memref::LoadOp::create(b, loc, stage, at));
        finish(sum, tile >= 0 ? add(tileBase, i) : Value(), n);
      }
      body.allLanes();
    }
  };
  if (staged)
    for (int64_t k = 0; k < m * tileN; ++k) {
      Value at = body.index(k * lanes);
      if (lanes > 1)
        vector::StoreOp::create(b, loc, sums[k], stage, at);
      else
        memref::StoreOp::create(b, loc, sums[k], stage, at);
    }
  if (!oddBlock) {
    emit(false);
    return;
  }
  if (extents[lane] < lanes * tileN) { // the only block is odd
    emit(true);
    return;
  }
  Value left =
      arith::SubIOp::create(b, loc, body.index(extents[lane]), laneBase);
  Value whole = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::sge, left,
                                      body.index(lanes * tileN));
  auto branch = scf::IfOp::create(b, loc, TypeRange{}, whole, true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(branch.thenYield());
  emit(false);
  b.setInsertionPoint(branch.elseYield());
  emit(true);
}

/// One tile of `m` points, the task's tile number `pass`.
void TiledContraction::points(int64_t m, Value pass) {
  if (packing && passes > 1) {
    Value part = arith::DivUIOp::create(b, loc, mul(pass, packing->blockStride),
                                        body.index(passes));
    nextPart =
        add(mul(add(laneBlock, body.index(1)), packing->blockStride), part);
  }
  SmallVector<Value> sums = reduce(m);
  epilogue(m, sums);
}

int64_t TiledContraction::run(Value begin, Value end) {
  if (llvm::any_of(loops, [&](int64_t d) { return extents[d] == 0; }))
    return 0;
  int64_t tileExtent = tile >= 0 ? extents[tile] : 1;
  int64_t rowExtent = row >= 0 ? extents[row] : 1;
  int64_t laneExtent = lane >= 0 ? extents[lane] : 1;
  chunkT = schedule.chunk("chunk_t", tileExtent, tileM);
  chunkR = schedule.chunk("chunk_r", rowExtent);
  int64_t laneBlocks = llvm::divideCeil(laneExtent, lanes * tileN);
  int64_t tChunks = llvm::divideCeil(tileExtent, chunkT);
  int64_t rChunks = llvm::divideCeil(rowExtent, chunkR);
  passes = chunkR * llvm::divideCeil(chunkT, tileM);

  auto loop = scf::ForOp::create(b, loc, begin, end, body.index(1));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value rest = loop.getInductionVar();
  int64_t tasks = 1;
  auto take = [&](int64_t count) {
    tasks *= count;
    return body.takeDigit(rest, count);
  };
  laneBlock = take(laneBlocks);
  laneBase = mul(laneBlock, lanes * tileN);
  Value tChunk = take(tChunks), rChunk = take(rChunks);
  for (int64_t d : llvm::reverse(loops)) {
    if (symbolOf[d]) // the outermost: what is left is its index
      body.ivs[d] = rest;
    else
      body.ivs[d] = take(extents[d]);
  }
  SmallVector<int64_t> taken(loops);
  if (lane >= 0) {
    // A block of lanes is wanted when its first one is.
    body.ivs[lane] = laneBase;
    taken.push_back(lane);
  }
  body.whereOpen(taken, extents, nest.extents, [&] {
    chunk(tChunk, rChunk, tileExtent, rowExtent, tChunks);
  });
  return tasks;
}

/// The rows and tiles of a task.
void TiledContraction::chunk(Value tChunk, Value rChunk, int64_t tileExtent,
                             int64_t rowExtent, int64_t tChunks) {
  OpBuilder::InsertionGuard guard(b);
  Value rowBegin = mul(rChunk, chunkR);
  Value rowEnd = arith::MinSIOp::create(
      b, loc, add(rowBegin, body.index(chunkR)), body.index(rowExtent));
  if (Value limit = limitOf(row))
    rowEnd = arith::MinSIOp::create(b, loc, rowEnd, limit);
  auto rows = scf::ForOp::create(b, loc, rowBegin, rowEnd, body.index(1));
  b.setInsertionPointToStart(rows.getBody());
  if (row >= 0)
    body.ivs[row] = rows.getInductionVar();

  Value from = mul(tChunk, chunkT);
  Value passesBefore =
      mul(arith::SubIOp::create(b, loc, rows.getInductionVar(), rowBegin),
          llvm::divideCeil(chunkT, tileM));
  auto pass = [&] {
    Value into = arith::SubIOp::create(b, loc, tileBase, from);
    return add(passesBefore,
               arith::DivUIOp::create(b, loc, into, body.index(tileM)));
  };
  if (Value limit = limitOf(tile)) {
    // Whole tiles up to the limit, then point by point: beyond it nothing has
    // been written, and arithmetic on what lies there may be slow.
    Value end =
        arith::MinSIOp::create(b, loc, add(from, body.index(chunkT)), limit);
    end = arith::MaxSIOp::create(b, loc, from, end);
    Value whole =
        add(from, mul(arith::DivUIOp::create(
                          b, loc, arith::SubIOp::create(b, loc, end, from),
                          body.index(tileM)),
                      tileM));
    auto each = [&](Value first, Value last, int64_t m) {
      auto tiles = scf::ForOp::create(b, loc, first, last, body.index(m));
      OpBuilder::InsertionGuard inner(b);
      b.setInsertionPointToStart(tiles.getBody());
      tileBase = tiles.getInductionVar();
      points(m, pass());
    };
    each(from, whole, tileM);
    if (tileM > 1)
      each(whole, end, 1);
    return;
  }
  int64_t rest0 = tileExtent % tileM;
  if (tileExtent >= tileM) {
    Value to = arith::MinSIOp::create(b, loc, add(from, body.index(chunkT)),
                                      body.index(tileExtent - rest0));
    auto tiles = scf::ForOp::create(b, loc, from, to, body.index(tileM));
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPointToStart(tiles.getBody());
    tileBase = tiles.getInductionVar();
    points(tileM, pass());
  }
  if (rest0) {
    Value last = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, tChunk,
                                       body.index(tChunks - 1));
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, last, false);
    OpBuilder::InsertionGuard inner(b);
    b.setInsertionPoint(branch.thenYield());
    tileBase = body.index(tileExtent - rest0);
    points(rest0, pass());
  }
}

} // namespace

FailureOr<int64_t> lowerContractKernel(Body &body,
                                       const ScheduleReader &schedule,
                                       ArrayRef<Value> symbolOf, Value begin,
                                       Value end) {
  ContractOp contract = contractionOf(body.kernel);
  if (!contract)
    return body.kernel.emitOpError("kernel ")
           << body.kernel.getName()
           << ": a contract schedule on a kernel without contraction";
  ContractNest nest = analyseContraction(body.kernel, contract);
  nest.lanesOperand = schedule.number("lanes_operand", 1);
  TiledContraction tiled(body, schedule, symbolOf, nest);
  if (failed(tiled.prepare()))
    return failure();
  return tiled.run(begin, end);
}

} // namespace nacre::codegen
