//===- differential_random.cpp - random programs, op by op ----------------===//

#include "RandomProgram.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

void RandomProgram::run(uint64_t seed) {
  int64_t leaves = 2 + below(2);
  for (int64_t i = 0; i < leaves; ++i)
    leaf(randomShape(), below(5) ? DType::F32 : anyType());
  int64_t steps = 6 + below(26);
  for (int64_t i = 0; i < steps; ++i)
    step();
  // Unused values first, and now and then one that is used as well.
  for (size_t i = items.size(); i-- > 0 && net.outputs() < 8;)
    if (!items[i].used || below(12) == 0)
      net.output(items[i].v, "value " + std::to_string(i),
                 {0, items[i].exact() ? 0 : 4 * items[i].error});
  check(net, {{2, unsigned(seed % 4)}, {1, 2}, nullptr});
}

Shape RandomProgram::randomShape() {
  static const int64_t extents[] = {1, 1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33};
  Shape shape;
  for (int64_t rank = below(5); rank > 0; --rank)
    shape.push_back(extents[below(std::size(extents))]);
  while (*elementCount(shape) > 4096)
    shape.erase(shape.begin() + below(shape.size()));
  return shape;
}

size_t RandomProgram::add(Item item) {
  // Exact as long as the bits fit; else the rounding counts.
  if (isFloat(item.type)) {
    if (item.size > 1e5)
      return SIZE_MAX;
    if (item.error == 0 && item.fraction + std::log2(item.size + 1) > 23)
      item.error = item.size * 0x1p-23;
    if (item.error > 1e-2 * std::max(1.0, item.size))
      return SIZE_MAX;
  }
  items.push_back(item);
  return items.size() - 1;
}

Item RandomProgram::partner(const Item &x) {
  if (below(2))
    for (int tries = 0; tries < 8; ++tries) {
      Item &y = items[below(items.size())];
      auto shape = broadcastShapes(x.shape(), y.shape());
      if (y.type == x.type && shape && *elementCount(*shape) <= 8192) {
        y.used = true;
        return y;
      }
    }
  if (below(3) == 0) {
    double v = double(below(9)) -
               (x.type == DType::U8 || x.type == DType::Bool ? 0 : 4);
    if (x.type == DType::Bool)
      v = v > 2;
    return {net.build.splat(element(x.type), v), x.type, 5, 0, 0};
  }
  Shape shape = x.shape();
  for (int64_t &extent : shape)
    if (below(3) == 0)
      extent = 1;
  shape.erase(shape.begin(), shape.begin() + below(shape.size() + 1));
  return items[leaf(shape, x.type)];
}

void RandomProgram::step() {
  Item &source = pick();
  Item x = source;
  size_t before = items.size(), at = &source - items.data();
  switch (below(18)) {
  case 0:
  case 1:
    if (x.type == DType::F32)
      function(x);
    break;
  case 2:
  case 3:
  case 4:
  case 5:
    binary(x);
    break;
  case 6:
    exactUnary(x);
    break;
  case 7:
    convert(x);
    break;
  case 8:
    choose(x);
    break;
  case 9:
  case 10:
  case 11:
    view(x);
    break;
  case 12:
    if (x.type != DType::Bool)
      reduceSome(x);
    break;
  case 13:
    contraction(x);
    break;
  case 14:
    rowKernel(x);
    break;
  case 15:
    scatterSome(x);
    break;
  case 16:
    demand(x);
    break;
  default:
    gatherSome(x);
    break;
  }
  if (items.size() > before)
    items[at].used = true;
}

void addRandom(std::vector<Case> &cases, uint64_t first, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint64_t seed = first + i;
    cases.push_back({"random/" + std::to_string(seed),
                     [seed] { RandomProgram(seed).run(seed); }});
  }
}

} // namespace nacre::test
