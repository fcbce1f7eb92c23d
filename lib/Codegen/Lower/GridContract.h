//===- GridContract.h - contractions for work-groups ------------*- C++ -*-===//
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
#ifndef NACRE_CODEGEN_LOWER_GRIDCONTRACT_H
#define NACRE_CODEGEN_LOWER_GRIDCONTRACT_H

#include "Body.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

namespace nacre::codegen {
using namespace mlir;
using namespace nacre::lazy;
using namespace nacre::schedule;

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
    Type element;
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
  Value contribution(const Operand &o, ArrayRef<int64_t> dims);
  Value contribution(const Operand &o, ArrayRef<int64_t> dims, Value flat) {
    body.setLoops(dims, extents, flat);
    return contribution(o, dims);
  }
  bool wideAlong(const Operand &o, int64_t dim);
  Value loadOne(const Operand &o, Value at);
  Value loadWide(const Operand &o, Value at);
  Value loadColumns(const Operand &o, Value at, Value column);
  Value broadcast(Value v);
  Value fragmentZero();
  Value countBatches(GridTasks &tasks);
  void place(Value rest);
  void epilogue(ValueRange sums, function_ref<Value(Value)> rowOf,
                function_ref<Value(Value)> columnOf, bool rowTail,
                bool columnTail, Value line = {});
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

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_LOWER_GRIDCONTRACT_H
