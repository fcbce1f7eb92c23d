//===- GridStaged.cpp - contractions through local memory -----------------===//
#include "GridContract.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace nacre::codegen {

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
  Value symbol = countBatches(result);
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
  Value column0 = mul(body.takeDigit(rest, columnBlocks), blockN);
  Value row0 = mul(body.takeDigit(rest, rowBlocks), blockM);
  place(rest);
  Value itemRest = body.itemId;
  Value itemColumn = mul(body.takeDigit(itemRest, itemsN), wide),
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

} // namespace nacre::codegen
