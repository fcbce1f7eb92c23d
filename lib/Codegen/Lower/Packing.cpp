//===- Packing.cpp - constant contraction operands, packed ahead of time --===//
//
// The kernel reads its lanes operand as one sequential stream: for each block
// of lanes, all reduction steps, each a full row of the block. The tail block
// is filled with zeros, so the inner loop never needs a mask. A kernel of dot
// products reads several steps at once (`dot`): one lane of the row holds them.
//
//===----------------------------------------------------------------------===//
#include "Body.h"
#include "nacre/Lazy/IndexMap.h"

using namespace mlir;
namespace nacre::codegen {
using namespace nacre::lazy;
using namespace nacre::schedule;

std::optional<Packing> packingOf(KernelOp kernel) {
  ContractOp contract = contractionOf(kernel);
  ScheduleReader schedule{*kernel.getSchedule()};
  if (!contract || schedule.number("packed", 0) == 0)
    return std::nullopt;
  ContractNest nest = analyseContraction(kernel, contract);
  nest.lanesOperand = schedule.number("lanes_operand", 1);
  auto leaf = contractLeaf(nest, nest.lanesOperand);
  if (!leaf)
    return std::nullopt;
  auto place =
      cast<PlaceAttr>((*kernel.getOperandPlaces())[leaf->leaf.getArgNumber()]);
  AffineExpr address =
      linearAddress(leaf->map, place.getStrides().asArrayRef(), nest.extents);

  Packing p;
  p.operand = leaf->leaf.getArgNumber();
  p.lane = schedule.number("lane");
  SmallVector<int64_t> coefficient(nest.extents.size(), 0);
  for (unsigned d = 0; d < nest.extents.size(); ++d) {
    auto split = splitLinear(address, d);
    if (!split)
      return std::nullopt;
    coefficient[d] = split->first;
    address = split->second;
  }
  p.sourceOffset = cast<AffineConstantExpr>(address).getValue();
  if (p.lane >= 0) {
    p.laneSourceStride = coefficient[p.lane];
    p.laneExtent = nest.extents[p.lane];
    p.block = schedule.number("pack_block", schedule.number("lanes", 1) *
                                                schedule.number("tile_n", 1));
    if (p.laneSourceStride == 0) { // the lane is not walked: nothing to block
      p.laneExtent = 1;
      p.block = 1;
    }
  }
  p.dot = schedule.number("dot", 1);
  // Innermost first: the block, the reduction loops, lane blocks, free dims.
  // Steps that lie together are those of one loop, which may run over several
  // dimensions; they are filled up to whole groups.
  int64_t stride = p.block;
  auto add = [&](int64_t d) {
    p.dims.push_back(d);
    p.extents.push_back(nest.extents[d]);
    p.sourceStrides.push_back(coefficient[d]);
    p.packedStrides.push_back(stride);
    stride *= nest.extents[d];
  };
  SmallVector<int64_t> reductionOrder = schedule.list("k_order"),
                       fused = schedule.list("extents");
  for (int64_t d : llvm::reverse(reductionOrder)) {
    if (coefficient[d])
      add(d);
    if (p.dot > 1 && stride == p.block * fused[reductionOrder.back()])
      stride = p.block * llvm::alignTo(fused[reductionOrder.back()], p.dot);
  }
  p.blockStride = stride;
  stride *= llvm::divideCeil(p.laneExtent, p.block);
  for (int64_t d = nest.extents.size(); d-- > 0;)
    if (!nest.reduced[d] && d != p.lane && coefficient[d])
      add(d);
  p.elements = stride;
  return p;
}

int64_t Packing::strideOf(int64_t dim) const {
  for (auto [d, stride] : llvm::zip(dims, packedStrides))
    if (d == dim)
      return stride;
  return 0;
}

int64_t Packing::place(int64_t at) const {
  int64_t step = at / block;
  return (step / dot * block + at % block) * dot + step % dot;
}

void Packing::write(const uint8_t *source, uint8_t *destination,
                    int64_t size) const {
  std::memset(destination, 0, elements * size);
  // Odometer over the walked dimensions, rows of the lane inside.
  SmallVector<int64_t> at(dims.size(), 0);
  int64_t from = sourceOffset, to = 0;
  while (true) {
    for (int64_t lane0 = 0, base = 0; lane0 < laneExtent;
         lane0 += block, base += blockStride) {
      int64_t count = std::min(block, laneExtent - lane0);
      const uint8_t *s = source + (from + lane0 * laneSourceStride) * size;
      for (int64_t i = 0; i < count; ++i)
        std::memcpy(destination + place(to + base + i) * size,
                    s + i * laneSourceStride * size, size);
    }
    size_t k = 0;
    for (; k < dims.size(); ++k) {
      from += sourceStrides[k];
      to += packedStrides[k];
      if (++at[k] < extents[k])
        break;
      from -= sourceStrides[k] * extents[k];
      to -= packedStrides[k] * extents[k];
      at[k] = 0;
    }
    if (k == dims.size())
      return;
  }
}

int64_t Packing::lowestSource() const {
  int64_t lowest =
      sourceOffset + std::min<int64_t>(0, (laneExtent - 1) * laneSourceStride);
  for (auto [extent, stride] : llvm::zip(extents, sourceStrides))
    lowest += std::min<int64_t>(0, (extent - 1) * stride);
  return lowest;
}

std::vector<Packing> Packing::parts(int64_t most) const {
  // The outermost packed dimension is a free one, else the blocks of lanes.
  int64_t blocks = llvm::divideCeil(laneExtent, block);
  bool byBlocks = dims.empty() || packedStrides.back() < blockStride;
  int64_t units = byBlocks ? blocks : extents.back();
  int64_t unit = byBlocks ? blockStride : packedStrides.back();
  int64_t step = std::max<int64_t>(1, most / std::max<int64_t>(1, unit));
  std::vector<Packing> list;
  for (int64_t from = 0; from < units; from += step) {
    int64_t count = std::min(step, units - from);
    Packing &part = list.emplace_back(*this);
    part.elements = count * unit;
    if (byBlocks) {
      part.laneExtent = std::min(count * block, laneExtent - from * block);
      part.sourceOffset += from * block * laneSourceStride;
    } else {
      part.extents.back() = count;
      part.sourceOffset += from * sourceStrides.back();
    }
  }
  return list;
}

} // namespace nacre::codegen
