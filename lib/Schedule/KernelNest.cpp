//===- KernelNest.cpp - the loops a kernel consists of --------------------===//
#include "nacre/Schedule/KernelNest.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;
namespace nacre::schedule {
using namespace nacre::lazy;

WriteOp writeOf(KernelOp kernel) {
  Value v = kernel.getBody().front().getTerminator()->getOperand(0);
  return v.getDefiningOp<WriteOp>();
}

unsigned writtenOperand(WriteOp write) {
  return cast<BlockArgument>(write.getX()).getArgNumber();
}

OperandRange yieldedAll(KernelOp kernel) {
  if (WriteOp write = writeOf(kernel))
    return write->getOperands().slice(1, 1);
  return kernel.getBody().front().getTerminator()->getOperands();
}

Value yielded(KernelOp kernel) { return yieldedAll(kernel).front(); }

ContractOp contractionOf(KernelOp kernel) {
  for (Operation &op : kernel.getBody().front())
    if (auto contract = dyn_cast<ContractOp>(op))
      return contract;
  return {};
}

ViewOpInterface soleView(KernelOp kernel) {
  auto view = yielded(kernel).getDefiningOp<ViewOpInterface>();
  if (view && !writeOf(kernel) && isa<BlockArgument>(view.source()) &&
      kernel.getNumResults() == 1)
    return view;
  return {};
}

SmallVector<StringAttr> openNames(Operation *op, StringRef attribute,
                                  size_t count) {
  auto names = op ? op->getAttrOfType<ArrayAttr>(attribute) : ArrayAttr();
  if (!names || names.size() != count)
    return {};
  SmallVector<StringAttr> list;
  for (Attribute attr : names) {
    auto name = dyn_cast<StringAttr>(attr);
    list.push_back(name && !name.empty() ? name : StringAttr());
  }
  return list;
}

SmallVector<StringAttr> openExtents(KernelOp kernel) {
  size_t rank = tensorType(yielded(kernel)).getRank();
  SmallVector<StringAttr> all(rank);
  for (auto [i, v] : llvm::enumerate(yieldedAll(kernel))) {
    auto names = openNames(v.getDefiningOp(), lazy::openExtents, rank);
    if (names.empty())
      return SmallVector<StringAttr>(rank);
    for (auto [to, from] : llvm::zip_equal(all, names))
      to = i == 0 || to == from ? from : StringAttr();
  }
  return all;
}

bool isWeight(KernelOp kernel, BlockArgument leaf) {
  return kernel.getOperands()[leaf.getArgNumber()].getDefiningOp<WeightOp>() !=
         nullptr;
}

static int64_t countOf(RankedTensorType type) {
  int64_t n = 1;
  for (int64_t extent : boundedShape(type))
    n *= extent;
  return n;
}

KernelWork workOf(KernelOp kernel) {
  KernelWork work;
  for (Operation &op : kernel.getBody().front()) {
    if (isa<YieldOp, SplatOp>(op))
      continue;
    if (auto contract = dyn_cast<ContractOp>(op)) {
      int64_t points = 2;
      for (int64_t extent : analyseContraction(kernel, contract).extents)
        points *= extent;
      work.flops += points;
    } else if (isa<ReduceOp, ArgReduceOp, ScatterOp>(op)) {
      work.flops += countOf(tensorType(op.getOperand(0)));
    } else if (isa<ElementwiseOpInterface>(op)) {
      work.flops += countOf(tensorType(op.getResult(0)));
    }
  }
  auto bytesOf = [](Value v) {
    return countOf(tensorType(v)) *
           elementBytes(tensorType(v).getElementType());
  };
  WriteOp write = writeOf(kernel);
  for (auto [i, v] : llvm::enumerate(kernel->getOperands()))
    if (!write || i != writtenOperand(write))
      work.bytes += bytesOf(v);
  for (Value v : kernel->getResults())
    work.bytes += bytesOf(write ? write.getRows() : v);
  // The border alone is written; the interior lies there already.
  if (kernel->hasAttr("lazy.border"))
    work.bytes = bytesOf(kernel.getResult(0)) - bytesOf(kernel.getOperand(0));
  return work;
}

std::optional<Access> contractLeaf(const ContractNest &nest, unsigned k) {
  ContractOp op = nest.op;
  SmallVector<AffineExpr> loops;
  for (unsigned d = 0; d < nest.extents.size(); ++d)
    loops.push_back(getAffineDimExpr(d, op.getContext()));
  AffineMap map = openContraction(op, k, loops);
  Value v = op->getOperand(k);
  if (Value bare = withoutMask(op, k); bare && !isa<BlockArgument>(v))
    v = bare;
  bool guarded = false;
  while (!isa<BlockArgument>(v)) {
    auto view = v.getDefiningOp<ViewOpInterface>();
    if (!view)
      return std::nullopt;
    guarded |= bool(view.fillValue());
    map = composeView(view, map, nest.extents);
    v = view.source();
  }
  return Access{cast<BlockArgument>(v), map, guarded, false, false};
}

ContractNest analyseContraction(KernelOp kernel, ContractOp op) {
  ContractNest nest;
  nest.op = op;
  unsigned dims = op.map(0).getNumDims();
  nest.extents.assign(dims, -1);
  nest.resultAxis.assign(dims, -1);
  nest.reduced.assign(dims, true);
  RankedTensorType types[3] = {tensorType(op.getA()), tensorType(op.getB()),
                               op.getType()};
  for (unsigned k = 0; k < 3; ++k) {
    auto shape = boundedShape(types[k]);
    for (auto [axis, e] : llvm::enumerate(op.map(k).getResults()))
      if (auto d = dyn_cast<AffineDimExpr>(e))
        nest.extents[d.getPosition()] = shape[axis];
  }
  for (auto [axis, e] : llvm::enumerate(op.map(2).getResults())) {
    unsigned d = cast<AffineDimExpr>(e).getPosition();
    nest.resultAxis[d] = axis;
    nest.reduced[d] = false;
  }
  auto leafIsWeight = [&](unsigned k) {
    auto leaf = contractLeaf(nest, k);
    return leaf && isWeight(kernel, leaf->leaf);
  };
  auto freeExtent = [&](unsigned k) {
    int64_t product = 1;
    for (unsigned d = 0; d < dims; ++d)
      if (!nest.reduced[d] && op.map(k).isFunctionOfDim(d) &&
          !op.map(1 - k).isFunctionOfDim(d))
        product *= nest.extents[d];
    return product;
  };
  auto longestFree = [&](unsigned k) {
    int64_t longest = 1;
    for (unsigned d = 0; d < dims; ++d)
      if (!nest.reduced[d] && op.map(k).isFunctionOfDim(d) &&
          !op.map(1 - k).isFunctionOfDim(d))
        longest = std::max(longest, nest.extents[d]);
    return longest;
  };
  // A constant is the lanes' unless it is a small matrix, as of a transform;
  // what has channels in common with the other operand is none.
  bool weights[2] = {leafIsWeight(0), leafIsWeight(1)};
  bool shares = false;
  for (unsigned d = 0; d < dims; ++d)
    shares |= !nest.reduced[d] && nest.extents[d] > 1 &&
              op.map(0).isFunctionOfDim(d) && op.map(1).isFunctionOfDim(d);
  auto fillsLanes = [&](unsigned k) {
    return shares || longestFree(k) >= 8 || longestFree(1 - k) < 16;
  };
  if (unsigned constant = weights[0] ? 0 : 1; weights[0] != weights[1])
    nest.lanesOperand = fillsLanes(constant) ? constant : 1 - constant;
  else if (freeExtent(1) < 8 && freeExtent(0) > freeExtent(1))
    nest.lanesOperand = 0;
  else if (longestFree(1) < 4 && longestFree(0) >= 16)
    nest.lanesOperand = 0; // three channels of a picture fill no vector
  for (unsigned d = 0; d < dims; ++d) {
    nest.inScalar.push_back(op.map(1 - nest.lanesOperand).isFunctionOfDim(d));
    nest.inLanes.push_back(op.map(nest.lanesOperand).isFunctionOfDim(d));
  }
  return nest;
}

} // namespace nacre::schedule
