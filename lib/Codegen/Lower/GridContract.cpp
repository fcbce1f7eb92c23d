//===- GridContract.cpp - contractions for work-groups --------------------===//
//
// A contraction seen as batches of M x N x K: the rows M are the free
// dimensions of one operand, the columns N the dimension along which the result
// is contiguous, everything else that is free is a batch. Each work-item keeps
// tile_m x tile_n sums in registers. There are two ways to feed them:
//
//   direct   every item reads its operands from global memory. With k_split
//            items of a group share a tile, each with a part of K; the parts
//            meet in local memory.
//   staged   a group works on block_m x block_n sums. block_k steps at a time
//            go through local memory, the rows' operand transposed; while a
//            block is multiplied the next one is already on its way into
//            registers.
//
// Addresses are linear in every dimension, so an address is a sum of what the
// batch, the row, the column and the reduction contribute.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
using namespace nacre::schedule;
namespace {

/// Floats in a vector of the text targets.
constexpr int64_t wide = 4;

class GridContraction {
public:
  GridContraction(Body &body, const ScheduleReader &s, ArrayRef<Value> symbolOf,
                  ContractNest nest)
      : body(body), b(body.b), loc(body.loc), symbolOf(symbolOf), nest(nest),
        batch(s.list("loops")), rows(s.list("rows")), kLoops(s.list("k_loops")),
        extents(s.list("extents")), lane(s.number("lane")),
        tileM(s.number("tile_m", 1)), tileN(s.number("tile_n", 1)),
        blockM(s.number("block_m", 0)), blockN(s.number("block_n", 0)),
        blockK(s.number("block_k", 0)), kSplit(s.number("k_split", 1)),
        packing(packingOf(body.kernel)) {}
  LogicalResult prepare();
  GridTasks run();

private:
  /// One of the operands as its kernel reads it.
  struct Operand {
    Value buffer;
    SmallVector<int64_t> coefficient; ///< per contraction dimension
    int64_t constant = 0;
    bool aligned = false; ///< the buffer starts at 16 bytes
    Value base;           ///< what the batch contributes
  };

  Value add(Value x, Value y) { return arith::AddIOp::create(b, loc, x, y); }
  Value mul(Value x, int64_t c) {
    return c == 1 ? x : arith::MulIOp::create(b, loc, x, body.index(c));
  }
  Value less(Value x, int64_t bound) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, x,
                                 body.index(bound));
  }
  Value clamp(Value x, int64_t last) {
    return arith::MinSIOp::create(b, loc, x, body.index(last));
  }
  int64_t count(ArrayRef<int64_t> dims) {
    int64_t n = 1;
    for (int64_t d : dims)
      n *= extents[d];
    return n;
  }
  Value take(Value &rest, int64_t count);
  void split(Value flat, ArrayRef<int64_t> dims);
  Value contribution(const Operand &o, ArrayRef<int64_t> dims);
  Value contribution(const Operand &o, ArrayRef<int64_t> dims, Value flat) {
    split(flat, dims);
    return contribution(o, dims);
  }
  bool wideAlong(const Operand &o, int64_t dim);
  Value loadOne(const Operand &o, Value at);
  Value loadWide(const Operand &o, Value at);
  Value loadColumns(const Operand &o, Value at, Value column);
  Value broadcast(Value v);
  Value fragmentZero();
  void place(Value &rest);
  void epilogue(ValueRange sums, function_ref<Value(Value)> rowOf,
                function_ref<Value(Value)> columnOf, bool rowTail,
                bool columnTail);
  GridTasks direct();
  GridTasks staged();

  struct Stage;

  Body &body;
  OpBuilder &b;
  Location loc;
  ArrayRef<Value> symbolOf;
  ContractNest nest;
  SmallVector<int64_t> batch, rows, kLoops, extents;
  int64_t lane, tileM, tileN, blockM, blockN, blockK, kSplit;
  std::optional<Packing> packing;

  Operand scalar, lanes; ///< of the rows, of the columns
  Type element, accumulator;
  bool vectors = false;  ///< sums are vectors of four columns
  int64_t fragments = 1; ///< per row of the tile
  int64_t M = 1, N = 1, K = 1;
  AffineMap resultMap;
};

LogicalResult GridContraction::prepare() {
  KernelOp kernel = body.kernel;
  unsigned dims = nest.extents.size();
  if (extents.size() != dims)
    return kernel.emitOpError("kernel ")
           << kernel.getName()
           << ": the schedule does not fit the contraction's " << dims
           << " dimensions";
  body.extents.assign(nest.extents.begin(), nest.extents.end());
  for (auto [operand, k] : {std::pair(&scalar, 1 - nest.lanesOperand),
                            std::pair(&lanes, unsigned(nest.lanesOperand))}) {
    auto leaf = contractLeaf(nest, k);
    if (!leaf)
      return kernel.emitOpError("kernel ")
             << kernel.getName() << ": operands are not in memory";
    unsigned n = leaf->leaf.getArgNumber();
    auto at = cast<PlaceAttr>((*kernel.getOperandPlaces())[n]);
    operand->buffer = body.operands[n];
    operand->aligned = body.alignment(n) >= 16;
    operand->coefficient.assign(dims, 0);
    if (operand == &lanes && packing) {
      for (unsigned d = 0; d < dims; ++d)
        operand->coefficient[d] = packing->strideOf(d);
      if (lane >= 0)
        operand->coefficient[lane] = packing->laneSourceStride ? 1 : 0;
      continue;
    }
    AffineExpr address =
        linearAddress(leaf->map, at.getStrides().asArrayRef(), nest.extents);
    for (unsigned d = 0; d < dims; ++d) {
      auto parts = splitLinear(address, d);
      if (!parts)
        return kernel.emitOpError("kernel ")
               << kernel.getName() << ": an operand's address is not linear";
      operand->coefficient[d] = parts->first;
      address = parts->second;
    }
    operand->constant = cast<AffineConstantExpr>(address).getValue();
  }
  element = nest.op.getType().getElementType();
  accumulator = isNarrowFloat(element) ? b.getF32Type() : storageType(element);
  vectors = accumulator.isF32() && tileN % wide == 0;
  fragments = vectors ? tileN / wide : tileN;
  SmallVector<AffineExpr> results;
  for (AffineExpr e : nest.op.map(2).getResults())
    results.push_back(e);
  resultMap = simplify(AffineMap::get(maxLoopDims, 0, results, b.getContext()),
                       body.extents);
  for (unsigned d = 0; d < dims; ++d)
    body.ivs[d] = body.index(int64_t(0));
  M = count(rows);
  N = lane >= 0 ? extents[lane] : 1;
  K = count(kLoops);
  if (blockK && (!vectors || blockM <= 0 || blockN <= 0 || blockM % tileM ||
                 blockN % tileN || tileM % wide || blockK % wide || lane < 0 ||
                 scalar.coefficient[lane] != 0 ||
                 (blockM / tileM) * (blockN / tileN) != body.group ||
                 blockM * blockK % (wide * body.group) ||
                 blockN * blockK % (wide * body.group)))
    return kernel.emitOpError("kernel ")
           << kernel.getName()
           << ": block_m, block_n and block_k do not fit the group of "
           << body.group << " items";
  if (!blockK && vectors && tileN != wide)
    return kernel.emitOpError("kernel ")
           << kernel.getName() << ": tile_n is " << tileN
           << ", expected 1 or 4 where nothing is staged";
  if (kSplit < 1 || body.group % kSplit || (blockK && kSplit != 1))
    return kernel.emitOpError("kernel ")
           << kernel.getName() << ": k_split does not divide the group of "
           << body.group << " items";
  return success();
}

/// The next digit of a mixed-radix number, innermost first.
Value GridContraction::take(Value &rest, int64_t count) {
  if (count == 1)
    return body.index(int64_t(0));
  Value radix = body.index(count);
  Value at = arith::RemUIOp::create(b, loc, rest, radix);
  rest = arith::DivUIOp::create(b, loc, rest, radix);
  return at;
}

/// Sets the loops of `dims` (outermost first) from their linear index.
void GridContraction::split(Value flat, ArrayRef<int64_t> dims) {
  for (auto [i, d] : llvm::enumerate(llvm::reverse(dims)))
    body.ivs[d] = i + 1 == dims.size() ? flat : take(flat, extents[d]);
}

Value GridContraction::contribution(const Operand &o, ArrayRef<int64_t> dims) {
  Value sum;
  for (int64_t d : dims) {
    if (o.coefficient[d] == 0)
      continue;
    Value term = mul(body.ivs[d], o.coefficient[d]);
    sum = sum ? add(sum, term) : term;
  }
  return sum ? sum : body.index(int64_t(0));
}

/// Whether four neighbours along `dim` (of `dims`, if a list) are one aligned
/// vector wherever a multiple of four is asked for.
bool GridContraction::wideAlong(const Operand &o, int64_t dim) {
  auto stored = cast<MemRefType>(o.buffer.getType()).getElementType();
  if (!o.aligned || !stored.isF32() || o.coefficient[dim] != 1 ||
      o.constant % wide)
    return false;
  for (unsigned d = 0; d < extents.size(); ++d)
    if (int64_t(d) != dim && extents[d] != 1 && o.coefficient[d] % wide)
      return false;
  bool padded = packing && &o == &lanes && dim == lane;
  return padded || extents[dim] % wide == 0;
}

Value GridContraction::loadOne(const Operand &o, Value at) {
  return body.widen(memref::LoadOp::create(b, loc, o.buffer, at));
}

Value GridContraction::loadWide(const Operand &o, Value at) {
  auto type = VectorType::get({wide}, b.getF32Type());
  return vector::LoadOp::create(b, loc, type, o.buffer, at,
                                /*nontemporal=*/false,
                                llvm::MaybeAlign(wide * 4));
}

/// The operand at four columns from `column` on, or at one.
Value GridContraction::loadColumns(const Operand &o, Value at, Value column) {
  int64_t c = lane >= 0 ? o.coefficient[lane] : 0;
  if (c == 0)
    return broadcast(loadOne(o, at));
  if (!vectors)
    return loadOne(o, add(at, mul(column, c)));
  if (wideAlong(o, lane))
    return loadWide(o, add(at, column));
  bool tail = !(packing && &o == &lanes) && N % wide != 0;
  SmallVector<Value> parts;
  for (int64_t j = 0; j < wide; ++j) {
    Value n = j ? add(column, body.index(j)) : column;
    if (tail && j)
      n = clamp(n, N - 1);
    parts.push_back(loadOne(o, add(at, mul(n, c))));
  }
  return vector::FromElementsOp::create(
      b, loc, VectorType::get({wide}, b.getF32Type()), parts);
}

Value GridContraction::broadcast(Value v) {
  if (!vectors)
    return v;
  return vector::BroadcastOp::create(
      b, loc, VectorType::get({wide}, b.getF32Type()), v);
}

Value GridContraction::fragmentZero() {
  return body.zero(vectors ? Type(VectorType::get({wide}, b.getF32Type()))
                           : accumulator);
}

/// Sets the batch's loops from what is left of the group's number.
void GridContraction::place(Value &rest) {
  for (int64_t d : llvm::reverse(batch))
    body.ivs[d] = d == batch.front() ? rest : take(rest, extents[d]);
  for (Operand *o : {&scalar, &lanes})
    o->base = add(contribution(*o, batch), body.index(o->constant));
}

/// The kernel's tail on each sum, and the stores. rowOf and columnOf give the
/// row and column of sum (i, j).
void GridContraction::epilogue(ValueRange sums,
                               function_ref<Value(Value)> rowOf,
                               function_ref<Value(Value)> columnOf,
                               bool rowTail, bool columnTail) {
  auto finish = [&](Value sum) {
    body.scoped([&] {
      body.cache[{nest.op.getResult(), resultMap}] =
          body.narrowTo(sum, element);
      Operation *yield = body.kernel.getBody().front().getTerminator();
      SmallVector<Value> values;
      for (Value v : yield->getOperands())
        values.push_back(body.pull(v, resultMap));
      for (auto [i, v] : llvm::enumerate(values))
        body.store(i, v, resultMap);
    });
  };
  auto guarded = [&](Value condition, function_ref<void()> emit) {
    if (!condition)
      return emit();
    auto branch = scf::IfOp::create(b, loc, TypeRange{}, condition, false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(branch.thenYield());
    emit();
  };
  Value stage;
  int64_t count = tileM * tileN;
  if (count > 1) {
    stage = body.allocate(count, accumulator, false);
    for (auto [k, sum] : llvm::enumerate(sums)) {
      Value at = body.index(int64_t(k) * (vectors ? wide : 1));
      if (vectors)
        vector::StoreOp::create(b, loc, sum, stage, at);
      else
        memref::StoreOp::create(b, loc, sum, stage, at);
    }
  }
  auto loop = [&](int64_t extent, function_ref<void(Value)> emit) {
    if (extent == 1)
      return emit(body.index(int64_t(0)));
    auto op = scf::ForOp::create(b, loc, body.index(int64_t(0)),
                                 body.index(extent), body.index(1));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    emit(op.getInductionVar());
  };
  loop(tileM, [&](Value i) {
    Value row = rowOf(i);
    guarded(rowTail ? less(row, M) : Value(), [&] {
      split(row, rows);
      loop(tileN, [&](Value j) {
        Value column = columnOf(j);
        guarded(columnTail ? less(column, N) : Value(), [&] {
          if (lane >= 0)
            body.ivs[lane] = column;
          if (count == 1)
            return finish(sums[0]);
          Value at = add(mul(i, tileN), j);
          finish(memref::LoadOp::create(b, loc, stage, at));
        });
      });
    });
  });
}

//===-- direct ------------------------------------------------------------===//

GridTasks GridContraction::direct() {
  int64_t perGroup = body.group / kSplit;
  int64_t columnTiles = llvm::divideCeil(N, tileN),
          rowTiles = llvm::divideCeil(M, tileM);
  GridTasks result;
  result.perGroup = perGroup;
  result.tasks = columnTiles * rowTiles;
  Value symbol;
  for (int64_t d : batch) {
    if (symbolOf[d])
      symbol = symbolOf[d];
    else
      result.tasks *= extents[d];
  }
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
  Value column = mul(take(rest, columnTiles), tileN);
  Value row = mul(take(rest, rowTiles), tileM);
  place(rest);

  SmallVector<Value> rowPart;
  for (int64_t i = 0; i < tileM; ++i) {
    Value r = i ? add(row, body.index(i)) : row;
    if (M % tileM)
      r = clamp(r, M - 1);
    rowPart.push_back(add(scalar.base, contribution(scalar, rows, r)));
  }
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
    bool varies = lane >= 0 && scalar.coefficient[lane] != 0;
    SmallVector<Value> next(sums), columns;
    auto columnOf = [&](int64_t f) {
      Value n = f ? add(column, body.index(f)) : column;
      return f && N % tileN ? clamp(n, N - 1) : n;
    };
    for (int64_t f = 0; f < fragments; ++f)
      columns.push_back(loadColumns(lanes, lanesAt, columnOf(f)));
    for (int64_t i = 0; i < tileM; ++i) {
      Value at = add(rowPart[i], scalarAt);
      Value one = varies ? Value() : broadcast(loadOne(scalar, at));
      for (int64_t f = 0; f < fragments; ++f) {
        Value x = one;
        if (varies)
          x = loadColumns(scalar, at, columnOf(f));
        Value &sum = next[i * fragments + f];
        sum = body.multiplyAdd(x, columns[f], sum);
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
        [&](Value j) { return add(column, j); }, M % tileM != 0,
        N % tileN != 0);
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

//===-- staged ------------------------------------------------------------===//

/// How one operand's block gets into local memory: slots of four elements (or
/// four slots of one), dealt out to the items.
struct GridContraction::Stage {
  const Operand *operand;
  int64_t width;  ///< block_m or block_n
  int64_t pitch;  ///< floats between steps of k in local memory
  bool alongK;    ///< neighbouring items walk k rather than width
  int64_t vector; ///< elements a load brings
  int64_t slots;  ///< loads an item does
  Value local;
  SmallVector<Value> fixed;  ///< per slot: address without k
  SmallVector<Value> k;      ///< per slot: step inside the block
  SmallVector<Value> target; ///< per slot: where it goes in local memory
};

GridTasks GridContraction::staged() {
  int64_t itemsN = blockN / tileN;
  int64_t columnBlocks = llvm::divideCeil(N, blockN),
          rowBlocks = llvm::divideCeil(M, blockM);
  GridTasks result;
  result.perGroup = 1;
  result.tasks = columnBlocks * rowBlocks;
  Value symbol;
  for (int64_t d : batch) {
    if (symbolOf[d])
      symbol = symbolOf[d];
    else
      result.tasks *= extents[d];
  }
  if (result.tasks == 0)
    return result;
  OpBuilder::InsertionGuard guard(b);
  if (symbol) {
    Value all = arith::MulIOp::create(b, loc, body.index(result.tasks), symbol);
    auto branch = scf::IfOp::create(
        b, loc, TypeRange{},
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, body.groupId,
                              all),
        false);
    b.setInsertionPoint(branch.thenYield());
  }
  Value rest = body.groupId;
  Value column0 = mul(take(rest, columnBlocks), blockN);
  Value row0 = mul(take(rest, rowBlocks), blockM);
  place(rest);
  Value itemRest = body.itemId;
  Value itemColumn = mul(take(itemRest, itemsN), wide),
        itemRow = mul(itemRest, wide);

  int64_t inner = kLoops.empty() ? -1 : kLoops.back();
  // Steps of a block never leave the innermost reduction loop: what the outer
  // ones contribute is the same for the whole block.
  bool uniform = inner >= 0 && extents[inner] % blockK == 0;
  Stage stages[2];
  for (Stage &s : stages) {
    bool isRows = &s == &stages[0];
    s.operand = isRows ? &scalar : &lanes;
    s.width = isRows ? blockM : blockN;
    int64_t free = isRows ? (rows.empty() ? -1 : rows.back()) : lane;
    bool freeWide = free >= 0 && wideAlong(*s.operand, free) &&
                    (isRows ? extents[free] % wide == 0 : true);
    bool kWide = inner >= 0 && wideAlong(*s.operand, inner);
    s.alongK = !freeWide &&
               (kWide || (inner >= 0 && s.operand->coefficient[inner] == 1));
    s.vector = freeWide || kWide ? wide : 1;
    s.slots = s.width * blockK / s.vector / body.group;
    // Transposing stores of neighbouring items would meet in one bank.
    s.pitch = s.width + (s.alongK ? wide : 0);
    s.local = body.allocate(s.pitch * blockK, b.getF32Type(), true);
    int64_t perStep = s.alongK ? blockK / s.vector : s.width / s.vector;
    for (int64_t slot = 0; slot < s.slots; ++slot) {
      Value n =
          slot ? add(body.itemId, body.index(slot * body.group)) : body.itemId;
      Value radix = body.index(perStep);
      Value fast = mul(arith::RemUIOp::create(b, loc, n, radix), s.vector);
      Value slow = arith::DivUIOp::create(b, loc, n, radix);
      Value step = s.alongK ? fast : slow, at = s.alongK ? slow : fast;
      Value index = add(isRows ? row0 : column0, at);
      int64_t extent = isRows ? M : N;
      if (extent % s.width) {
        // Padded columns may be read, columns and rows past the end not.
        int64_t last = extent - 1;
        if (freeWide)
          last = llvm::alignTo(extent, wide) - wide;
        index = clamp(index, last);
      }
      Value address = isRows
                          ? contribution(scalar, rows, index)
                          : mul(index, lane >= 0 ? lanes.coefficient[lane] : 0);
      s.fixed.push_back(add(s.operand->base, address));
      s.k.push_back(step);
      s.target.push_back(add(mul(step, s.pitch), at));
    }
  }
  int64_t blocks = llvm::divideCeil(K, blockK);

  // Loads the block that starts at step `from`.
  auto fetch = [&](const Stage &s, Value from) {
    SmallVector<Value> loaded;
    Value common;
    if (uniform)
      common = contribution(*s.operand, kLoops, from);
    for (int64_t slot = 0; slot < s.slots; ++slot) {
      Value at, valid;
      if (uniform) {
        int64_t c = s.operand->coefficient[inner];
        at = add(common, mul(s.k[slot], c));
      } else {
        Value k = add(from, s.k[slot]);
        if (K % blockK) {
          valid = less(k, K);
          k = clamp(k, s.alongK && s.vector > 1 ? K - wide : K - 1);
        }
        at = contribution(*s.operand, kLoops, k);
      }
      at = add(s.fixed[slot], at);
      Value v =
          s.vector == wide ? loadWide(*s.operand, at) : loadOne(*s.operand, at);
      if (valid)
        v = arith::SelectOp::create(b, loc, valid, v, body.zero(v.getType()));
      loaded.push_back(v);
    }
    return loaded;
  };
  auto put = [&](const Stage &s, ValueRange values) {
    for (int64_t slot = 0; slot < s.slots; ++slot) {
      if (s.vector == 1) {
        memref::StoreOp::create(b, loc, values[slot], s.local, s.target[slot]);
        continue;
      }
      if (!s.alongK) {
        vector::StoreOp::create(b, loc, values[slot], s.local, s.target[slot],
                                false, llvm::MaybeAlign(wide * 4));
        continue;
      }
      for (int64_t j = 0; j < wide; ++j) {
        Value at =
            j ? add(s.target[slot], body.index(j * s.pitch)) : s.target[slot];
        Value v = vector::ExtractOp::create(b, loc, values[slot],
                                            ArrayRef<int64_t>{j});
        memref::StoreOp::create(b, loc, v, s.local, at);
      }
    }
  };

  SmallVector<Value> carried(tileM * fragments, fragmentZero());
  Value zero = body.index(int64_t(0));
  for (const Stage &s : stages)
    llvm::append_range(carried, fetch(s, zero));
  auto loop = scf::ForOp::create(b, loc, zero, body.index(blocks),
                                 body.index(1), carried);
  {
    OpBuilder::InsertionGuard outer(b);
    b.setInsertionPointToStart(loop.getBody());
    ValueRange all = loop.getRegionIterArgs();
    ValueRange sums = all.take_front(tileM * fragments);
    ValueRange regs = all.drop_front(tileM * fragments);
    put(stages[0], regs.take_front(stages[0].slots));
    put(stages[1], regs.drop_front(stages[0].slots));
    gpu::BarrierOp::create(b, loc);
    // The block after the last one is the last one again.
    Value next = clamp(add(loop.getInductionVar(), body.index(1)), blocks - 1);
    SmallVector<Value> ahead;
    for (const Stage &s : stages)
      llvm::append_range(ahead, fetch(s, mul(next, blockK)));
    auto steps = scf::ForOp::create(b, loc, zero, body.index(blockK),
                                    body.index(1), sums);
    {
      OpBuilder::InsertionGuard innermost(b);
      b.setInsertionPointToStart(steps.getBody());
      Value k = steps.getInductionVar();
      auto read = [&](const Stage &s, Value first, int64_t f, int64_t spread) {
        Value at = add(mul(k, s.pitch), first);
        if (f)
          at = add(at, body.index(f * spread));
        return Value(vector::LoadOp::create(
            b, loc, VectorType::get({wide}, b.getF32Type()), s.local, at, false,
            llvm::MaybeAlign(wide * 4)));
      };
      // Fragments of an item lie spread over the block, so that neighbouring
      // items read neighbouring fragments.
      SmallVector<Value> columns, products;
      for (int64_t f = 0; f < fragments; ++f)
        columns.push_back(read(stages[1], itemColumn, f, itemsN * wide));
      int64_t itemsM = blockM / tileM;
      for (int64_t g = 0; g < tileM / wide; ++g) {
        Value four = read(stages[0], itemRow, g, itemsM * wide);
        for (int64_t i = 0; i < wide; ++i) {
          Value x = broadcast(
              vector::ExtractOp::create(b, loc, four, ArrayRef<int64_t>{i}));
          for (int64_t f = 0; f < fragments; ++f)
            products.push_back(body.multiplyAdd(
                x, columns[f],
                steps.getRegionIterArgs()[(g * wide + i) * fragments + f]));
        }
      }
      scf::YieldOp::create(b, loc, products);
    }
    gpu::BarrierOp::create(b, loc);
    SmallVector<Value> yielded(steps.getResults());
    llvm::append_range(yielded, ahead);
    scf::YieldOp::create(b, loc, yielded);
  }
  auto spread = [&](Value base, Value item, int64_t items) {
    return [this, base, item, items](Value i) {
      Value four = body.index(wide);
      Value group = arith::DivUIOp::create(b, loc, i, four);
      Value inside = arith::RemUIOp::create(b, loc, i, four);
      return add(add(base, item), add(mul(group, items * wide), inside));
    };
  };
  epilogue(ValueRange(loop.getResults()).take_front(tileM * fragments),
           spread(row0, itemRow, blockM / tileM),
           spread(column0, itemColumn, itemsN), M % blockM != 0,
           N % blockN != 0);
  return result;
}

GridTasks GridContraction::run() { return blockK ? staged() : direct(); }

} // namespace

FailureOr<GridTasks> lowerGridContract(Body &body,
                                       const ScheduleReader &schedule,
                                       ArrayRef<Value> symbolOf) {
  ContractOp contract = contractionOf(body.kernel);
  if (!contract)
    return body.kernel.emitOpError("kernel ")
           << body.kernel.getName()
           << ": a contract schedule on a kernel without contraction";
  ContractNest nest = analyseContraction(body.kernel, contract);
  nest.lanesOperand = schedule.number("lanes_operand", 1);
  GridContraction grid(body, schedule, symbolOf, nest);
  if (failed(grid.prepare()))
    return failure();
  return grid.run();
}

} // namespace nacre::codegen
