//===- GridContract.cpp - contractions for work-groups --------------------===//
#include "GridContract.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "nacre/Lazy/IndexMap.h"

namespace nacre::codegen {

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
    operand->element = tensorType(leaf->leaf).getElementType();
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
  return body.widenTo(memref::LoadOp::create(b, loc, o.buffer, at), o.element,
                      accumulator);
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

/// Multiplies the tasks by the batches; returns the extent of a symbolic one,
/// which the run multiplies, or null.
Value GridContraction::countBatches(GridTasks &tasks) {
  Value symbol;
  for (int64_t d : batch) {
    if (symbolOf[d])
      symbol = symbolOf[d];
    else
      tasks.tasks *= extents[d];
  }
  return symbol;
}

/// Sets the batch's loops from what is left of the group's number.
void GridContraction::place(Value rest) {
  body.setLoops(batch, extents, rest);
  for (Operand *o : {&scalar, &lanes})
    o->base = add(contribution(*o, batch), body.index(o->constant));
}

/// The kernel's tail on each sum, and the stores. rowOf and columnOf give the
/// row and column of sum (i, j). With `line` the rows of the tile follow it
/// along the innermost row dimension; the outer ones are set.
void GridContraction::epilogue(ValueRange sums,
                               function_ref<Value(Value)> rowOf,
                               function_ref<Value(Value)> columnOf,
                               bool rowTail, bool columnTail, Value line) {
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
      if (line)
        body.ivs[rows.back()] = add(line, i);
      else
        body.setLoops(rows, extents, row);
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

GridTasks GridContraction::run() { return blockK ? staged() : direct(); }

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
