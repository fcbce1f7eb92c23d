//===- differential_writes.cpp - slices written into a tensor -------------===//
#include "Differential.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/model.h"

using namespace mlir;
namespace nacre::test {
using namespace nacre::lazy;

static Value number(Net &net, int64_t n) {
  return net.input(Tensor::of<int64_t>(DType::I64, {}, {n}));
}

/// `count` of `given` slices at `first` of a tensor of this shape.
static void writes(DType type) {
  Net net;
  for (Shape shape :
       {Shape{9}, Shape{7, 5}, Shape{3, 6, 33}, Shape{2, 1, 4, 8}})
    for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis)
      for (int64_t given : {int64_t(1), (shape[axis] + 1) / 2, shape[axis]}) {
        int64_t count = int64_t(net.rng() % uint64_t(given + 1)),
                first = int64_t(net.rng() % uint64_t(shape[axis] - count + 1));
        Shape slices(shape);
        slices[axis] = given;
        Value x = net.input(random(type, shape, net.rng)),
              rows = net.input(random(type, slices, net.rng));
        net.output(net.build.write(x, rows, number(net, first),
                                   number(net, count), axis),
                   "write along axis " + std::to_string(axis));
      }
  check(net, everyLevel);
}

static void fusedWrites() {
  Net net;
  Build &b = net.build;
  Value x = net.input(random(DType::F32, {4, 11, 32}, net.rng)),
        rows = net.input(random(DType::F32, {3, 4, 32}, net.rng)),
        first = number(net, 5), count = number(net, 3);
  Value turned = b.permute(rows, {1, 0, 2});
  Value y = b.write(x, b.unary<NegOp>(turned), first, count, 1);
  net.output(y, "computed rows");
  net.output(b.binary<AddOp>(x, y), "what was there is read again");
  net.output(b.reduce(ReduceKind::max, y, {1}), "reduced");
  net.output(
      b.write(y, turned, number(net, 0), b.binary<SubOp>(count, count), 1),
      "no slices");
  Value sums = b.reduce(ReduceKind::max, rows, {2}, /*keepDims=*/true);
  net.output(b.write(x, b.expand(b.permute(sums, {1, 0, 2}), {4, 3, 32}), first,
                     count, 1),
             "reduced rows");
  Value part = b.slice(x, {1, 0, 0}, {1, 11, 32});
  Value into =
      b.write(part, b.slice(turned, {0, 0, 0}, {1, 3, 32}), first, count, 1);
  net.output(b.concat({into, part}, 0), "joined with what was there");
  net.output(b.write(net.weight(random(DType::F32, {9, 8}, net.rng)),
                     net.weight(random(DType::F32, {2, 8}, net.rng)),
                     number(net, 7), number(net, 2), 0),
             "into a weight");
  net.output(b.write(b.splat(element(DType::F32), 2, {6, 3}),
                     b.splat(element(DType::F32), 1, {1, 3}), number(net, 2),
                     number(net, 1), 0),
             "into a constant");
  check(net, everyLevel);
}

static void emptyWrites() {
  Net net;
  auto make = [&](Shape shape, Shape slices, int64_t axis) {
    net.output(net.build.write(net.input(random(DType::F32, shape, net.rng)),
                               net.input(random(DType::F32, slices, net.rng)),
                               number(net, 0), number(net, 0), axis),
               "write");
  };
  make({4, 3}, {0, 3}, 0);
  make({0, 3}, {0, 3}, 0);
  make({4, 0}, {2, 0}, 0);
  check(net, everyLevel);
}

static void writeOutside(int64_t first, int64_t count) {
  Net net;
  net.output(net.build.write(net.input(random(DType::F32, {7, 5}, net.rng)),
                             net.input(random(DType::F32, {3, 5}, net.rng)),
                             number(net, first), number(net, count), 0),
             "write");
  checkStatus(net, NACRE_E_INDEX);
}

void addWrites(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({std::move(name), std::move(body)});
  };
  for (DType type : allTypes)
    add("write/" + std::string(dtypeName(type)), [=] { writes(type); });
  add("write/fused", fusedWrites);
  add("write/empty", emptyWrites);
  for (auto [first, count] :
       {std::pair(int64_t(5), int64_t(3)), {8, 0}, {0, 4}, {-1, 1}, {3, -1}})
    add("write/outside/" + std::to_string(first) + "-" + std::to_string(count),
        [first = first, count = count] { writeOutside(first, count); });
  for (int64_t far : {INT64_MAX, INT64_MIN, int64_t(1) << 32})
    add("write/outside/" + std::to_string(far), [=] { writeOutside(far, 1); });
}

} // namespace nacre::test
