//===- random_shapes.cpp - views and indexing in random programs ----------===//

#include "RandomProgram.h"

using namespace mlir;
using namespace nacre::lazy;

namespace nacre::test {

void RandomProgram::view(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  int64_t rank = s.size(), count = x.count();
  Item y = x;
  y.used = false;
  switch (below(8)) {
  case 0: {
    Shape to;
    int64_t rest = count;
    for (int64_t f : {2, 3, 5, 7, 2, 13, 2, 11, 17})
      if (rest % f == 0 && below(2)) {
        to.push_back(f);
        rest /= f;
      }
    to.insert(to.begin() + below(to.size() + 1), rest);
    y.v = b.reshape(x.v, to);
    break;
  }
  case 1: {
    Shape perm(rank);
    std::iota(perm.begin(), perm.end(), 0);
    std::shuffle(perm.begin(), perm.end(), net.rng);
    y.v = b.permute(x.v, perm);
    break;
  }
  case 2:
    for (int64_t &extent : s)
      if (extent == 1 && count < 2000)
        extent = 1 + below(5);
    y.v = b.expand(x.v, s);
    break;
  case 3: {
    if (count > 3000)
      return;
    Shape low, high;
    for (int64_t i = 0; i < rank; ++i) {
      low.push_back(below(3));
      high.push_back(below(3));
    }
    y.v = b.pad(x.v, low, high, x.type == DType::Bool ? below(2) : below(4));
    y.size = std::max(y.size, 3.0);
    break;
  }
  case 4: {
    Shape starts, sizes, steps;
    for (int64_t extent : s) {
      steps.push_back(1 + below(3));
      starts.push_back(below(std::max<int64_t>(1, extent)));
      sizes.push_back(
          extent == 0
              ? 0
              : 1 + below((extent - starts.back() - 1) / steps.back() + 1));
    }
    y.v = b.slice(x.v, starts, sizes, steps);
    break;
  }
  case 5: {
    Shape axes;
    for (int64_t i = 0; i < rank; ++i)
      if (below(2))
        axes.push_back(i);
    y.v = b.flip(x.v, axes);
    break;
  }
  case 6: {
    if (!rank || count > 1000 || rank > 4)
      return;
    int64_t axis = below(rank);
    int64_t size = 1 + below(std::min<int64_t>(s[axis], 3));
    int64_t dilation = size > 1 ? 1 + below((s[axis] - 1) / (size - 1)) : 1;
    y.v = b.window(x.v, {axis}, {size}, {1 + below(3)}, {dilation});
    break;
  }
  default: { // join with something of the same shape beside the axis
    if (!rank || count > 3000)
      return;
    int64_t axis = below(rank);
    Shape other(s);
    other[axis] = 1 + below(4);
    if (*elementCount(other) > 4096)
      return;
    Item z = items[leaf(other, x.type)];
    if (below(2))
      z.v = b.unary<AbsOp>(z.v);
    y.v =
        below(2) ? b.concat({x.v, z.v}, axis) : b.concat({z.v, x.v, z.v}, axis);
    y.size = std::max(x.size, z.size);
    y.fraction = std::max(x.fraction, z.fraction);
  }
  }
  add(y);
}

/// Sums where numbers in range say.
void RandomProgram::scatterSome(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  if (s.empty() || x.count() > 4096)
    return;
  int64_t axis = below(s.size()), extent = 1 + below(9);
  Shape of(s.begin() + axis, s.begin() + axis + 1 + below(s.size() - axis));
  Tensor index = Tensor::zeros(below(2) ? DType::I32 : DType::I64, of);
  for (int64_t i = 0; i < index.count(); ++i)
    index.setInteger(i, below(2 * extent) - extent);
  double terms = std::max<double>(index.count(), 1);
  Item y = x;
  y.used = false;
  if (isFloat(x.type)) {
    y.error = sumError(x, terms);
    y.size = x.size * terms;
  }
  y.v = b.scatter(x.v, below(2) ? net.input(index) : net.weight(index), axis,
                  extent);
  if (y.count() <= 8192)
    add(y);
}

/// Picks by numbers in range, given or computed.
void RandomProgram::gatherSome(Item x) {
  auto &b = net.build;
  Shape s = x.shape();
  if (s.empty() || x.count() > 2000)
    return;
  int64_t axis = below(s.size());
  if (s[axis] == 0)
    return;
  DType indexType = below(2) ? DType::I32 : DType::I64;
  Shape of = below(2) ? Shape{1 + below(6)} : Shape{2, 1 + below(3)};
  Tensor index = Tensor::zeros(indexType, of);
  for (int64_t i = 0; i < index.count(); ++i)
    index.setInteger(i, below(2 * s[axis]) - s[axis]);
  Value i = below(2) ? net.input(index) : net.weight(index);
  if (below(2)) // computed where it is used
    i = b.binary<RemOp>(b.unary<AbsOp>(i),
                        constant(indexType, double(s[axis])));
  Item y = x;
  y.used = false;
  y.v = b.gather(x.v, i, axis);
  if (y.count() <= 8192)
    add(y);
}

} // namespace nacre::test
