//===- differential_scatter.cpp - sums by index, and conditions -----------===//
#include "Differential.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/model.h"

using namespace mlir;
namespace nacre::test {
using namespace nacre::lazy;

static std::string name(DType t) { return dtypeName(t); }

static int64_t below(Net &net, int64_t n) { return int64_t(net.rng() % n); }

static Tensor rows(Net &net, DType type, Shape of, int64_t extent) {
  Tensor index = Tensor::zeros(type, of);
  for (int64_t i = 0; i < index.count(); ++i)
    index.setInteger(i, below(net, 2 * extent) - extent);
  return index;
}

/// The shape of what is scattered into `shape`.
static Shape slices(Shape shape, Shape of, int64_t axis) {
  Shape result(shape.begin(), shape.begin() + axis);
  result.append(of.begin(), of.end());
  result.append(shape.begin() + axis + 1, shape.end());
  return result;
}

/// Numbers whose sums are rounded: their order shows.
static Tensor unround(Net &net, Shape shape) {
  Tensor t = Tensor::zeros(DType::F32, shape);
  for (int64_t i = 0; i < t.count(); ++i)
    t.setNumber(i, float(net.rng() >> 40) / float(1 << 24));
  return t;
}

static void scatters(DType type, DType indexType) {
  Net net;
  for (Shape shape :
       {Shape{9}, Shape{7, 5}, Shape{3, 6, 33}, Shape{2, 1, 4, 8}})
    for (int64_t axis = 0; axis < int64_t(shape.size()); ++axis)
      for (Shape of : {Shape{}, Shape{4}, Shape{2, 17}}) {
        Value index = net.input(rows(net, indexType, of, shape[axis]));
        Value x = net.input(random(type, slices(shape, of, axis), net.rng));
        net.output(net.build.scatter(x, index, axis, shape[axis]),
                   "scatter axis " + std::to_string(axis));
      }
  check(net, everyLevel);
}

/// Not sums: factors of few bits, any values for max and min.
static void kinds(DType type) {
  Net net;
  for (auto kind : {ReduceKind::mul, ReduceKind::max, ReduceKind::min}) {
    Values values = kind == ReduceKind::mul ? Values::Small : Values::Wild;
    auto add = [&](Shape shape, Shape of, int64_t axis) {
      Value index = net.input(rows(net, DType::I64, of, shape[axis]));
      Value x =
          net.input(random(type, slices(shape, of, axis), net.rng, values));
      net.output(net.build.scatter(x, index, axis, shape[axis], kind),
                 "scatter " + stringifyReduceKind(kind).str());
    };
    add({9}, {6}, 0);
    add({3, 6, 33}, {2, 3}, 1);
  }
  check(net, everyLevel);
}

/// Many updates of few rows, in tasks of rows, of columns, and of both.
static void ordered(Shape shape, int64_t axis, Shape of) {
  Net net;
  Value x = net.input(unround(net, slices(shape, of, axis)));
  Value index = net.input(rows(net, DType::I64, of, shape[axis]));
  net.output(net.build.scatter(x, index, axis, shape[axis]), "sums");
  check(net, {{0, 2}, {1, 2, 3}, nullptr});
}

static void fusedScatters() {
  Net net;
  Build &b = net.build;
  Tensor table = random(DType::F32, {11, 32}, net.rng);
  Value x = net.input(random(DType::F32, {5, 13, 32}, net.rng));
  Value i = net.input(rows(net, DType::I64, {5, 13}, 11));
  Value sums = b.scatter(b.unary<NegOp>(b.binary<AddOp>(x, x)), i, 0, 11);
  net.output(b.binary<AddOp>(sums, net.weight(table)), "around a sum");
  net.output(b.reduce(ReduceKind::max, sums, {1}), "reduced");
  net.output(b.permute(sums, {1, 0}), "permuted");
  net.output(b.pad(sums, {1, 2}, {0, 3}, 4), "padded");
  net.output(b.concat({net.weight(table), b.scatter(x, i, 0, 11)}, 0),
             "joined");
  // The updates are a view, a gather, a constant; the index is computed.
  Value turned = net.input(random(DType::F32, {32, 13, 5}, net.rng));
  net.output(b.scatter(b.permute(turned, {2, 1, 0}), i, 0, 11), "of a view");
  Value picked = b.gather(net.weight(table), i, 0);
  net.output(b.scatter(picked, i, 0, 11), "of a gather");
  net.output(b.scatter(b.splat(element(DType::F32), 1, {5, 13}), i, 0, 11),
             "a count");
  Value mod = b.binary<RemOp>(b.unary<AbsOp>(i),
                              b.splat(element(DType::I64), 4, {5, 13}));
  net.output(b.scatter(x, mod, 0, 4), "by a computed index");
  net.output(b.scatter(b.pad(x, {0, 1, 0}, {0, 1, 3}, 2),
                       net.weight(rows(net, DType::I32, {5, 15}, 11)), 0, 11),
             "of a pad");
  net.output(b.gather(sums, net.input(rows(net, DType::I32, {6}, 11)), 0),
             "gathered again");
  check(net, everyLevel);
}

static void emptyScatters() {
  Net net;
  Build &b = net.build;
  auto make = [&](Shape shape, Shape of, int64_t axis) {
    Value x = net.input(random(DType::F32, slices(shape, of, axis), net.rng));
    net.output(b.scatter(x, net.input(Tensor::zeros(DType::I64, of)), axis,
                         shape[axis]),
               "scatter");
  };
  make({4, 3}, {0}, 0);
  make({4, 3}, {2, 0}, 1);
  make({0, 3}, {0}, 0);
  make({4, 0}, {3}, 0);
  make({0, 3}, {5}, 1);
  check(net, everyLevel);
}

static void symbolicScatters() {
  Net net;
  auto dims = DimsAttr::get(context(), net.builder.getStrArrayAttr({"N"}),
                            net.builder.getDenseI64ArrayAttr({9}));
  auto open = [&](Shape tail, DType t, int64_t limit) {
    Shape shape{ShapedType::kDynamic};
    shape.append(tail.begin(), tail.end());
    std::vector<Tensor> data;
    for (int64_t n : {1, 9, 4, 0, 7}) {
      shape[0] = n;
      data.push_back(t == DType::F32 ? random(t, shape, net.rng)
                                     : rows(net, t, shape, limit));
    }
    shape[0] = ShapedType::kDynamic;
    return net.input(RankedTensorType::get(shape, element(t), dims), data);
  };
  net.output(net.build.scatter(open({16}, DType::F32, 0),
                               open({}, DType::I64, 6), 0, 6),
             "over the batch");
  net.output(net.build.scatter(open({3, 16}, DType::F32, 0),
                               open({3}, DType::I32, 6), 0, 6),
             "over the batch and a sequence");
  Value index = net.input(rows(net, DType::I64, {5}, 6));
  net.output(net.build.scatter(open({5, 16}, DType::F32, 0), index, 1, 6),
             "in each of the batch");
  check(net, everyLevel);
}

static void scatterOutOfRange(int64_t bad, DType indexType, int64_t extent) {
  Net net;
  Tensor index = Tensor::zeros(indexType, {33});
  index.setInteger(20, bad);
  Value x = net.input(random(DType::F32, {33, 5}, net.rng));
  net.output(net.build.scatter(x, net.input(index), 0, extent), "scatter");
  checkStatus(net, NACRE_E_INDEX);
}

static void requires_(DType type) {
  Net net;
  for (Shape shape : {Shape{}, Shape{33}, Shape{3, 6, 7}}) {
    Value x = net.input(random(type, shape, net.rng));
    Tensor yes = Tensor::zeros(DType::Bool, shape);
    for (int64_t i = 0; i < yes.count(); ++i)
      yes.setInteger(i, 1);
    net.output(net.build.require(x, net.input(yes), NACRE_E_ARITH, "no"),
               "require");
  }
  check(net, everyLevel);
}

/// One of many conditions fails, with a tail of lanes that are not there.
static void requireFails(Shape shape, int64_t which, int32_t status,
                         int place) {
  Net net;
  Build &b = net.build;
  Tensor ok = Tensor::zeros(DType::Bool, shape);
  for (int64_t i = 0; i < ok.count(); ++i)
    ok.setInteger(i, i != which);
  Value x = net.input(random(DType::F32, shape, net.rng));
  Value y = b.require(x, net.input(ok), status, "no");
  if (place == 1) // in the middle of a map
    y = b.binary<AddOp>(b.unary<NegOp>(y), x);
  if (place == 2) // under a reduction
    y = b.reduce(ReduceKind::add, y, {int64_t(shape.size()) - 1});
  if (place == 3) { // behind a reduction, by a constant
    Value sum = b.reduce(ReduceKind::add, x, {0}), zero = b.splatLike(sum, 0);
    y = b.require(sum, b.cmp(CmpKind::ne, zero, zero), status, "no");
  }
  net.output(y, "required");
  checkStatus(net, status);
}

/// What holds must not be reported, tails of vectors and tiles included.
static void requireHolds() {
  Net net;
  Build &b = net.build;
  for (int64_t n : {1, 5, 31, 70}) {
    Value x = net.input(random(DType::F32, {3, n}, net.rng));
    Value w = net.weight(random(DType::F32, {n, 13}, net.rng));
    auto finite = [&](Value v) {
      return b.require(
          v, b.cmp(CmpKind::lt, b.unary<AbsOp>(v), b.splatLike(v, 1e30)),
          NACRE_E_ARITH, "not finite");
    };
    net.output(finite(x), "each");
    net.output(b.reduce(ReduceKind::max, finite(x), {1}), "under a reduction");
    auto d = [](unsigned i) { return getAffineDimExpr(i, context()); };
    auto map = [&](ArrayRef<AffineExpr> e) {
      return AffineMap::get(3, 0, e, context());
    };
    net.output(finite(b.contract(x, w, map({d(0), d(2)}), map({d(2), d(1)}),
                                 map({d(0), d(1)}))),
               "behind a contraction", roundings(DType::F32, 8, 1e-6));
    net.output(b.pad(finite(x), {1, 1}, {0, 2}, 3), "under a pad");
  }
  check(net, everyLevel);
}

void addScatters(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::function<void()> body) {
    cases.push_back({std::move(name), std::move(body)});
  };
  for (DType type : allTypes)
    add("scatter/" + name(type), [=] { scatters(type, DType::I64); });
  for (DType type : allTypes)
    add("scatter/" + name(type) + "/kinds", [=] { kinds(type); });
  add("scatter/f32/by-i32", [] { scatters(DType::F32, DType::I32); });
  add("scatter/order/rows", [] { ordered({512, 65}, 0, {700}); });
  add("scatter/order/columns", [] { ordered({2, 5000}, 0, {64}); });
  add("scatter/order/few", [] { ordered({3}, 0, {40, 50}); });
  add("scatter/order/inner", [] { ordered({70, 40, 3}, 1, {90}); });
  add("scatter/fused", fusedScatters);
  add("scatter/empty", emptyScatters);
  add("symbolic/scatter", symbolicScatters);
  for (DType index : {DType::I32, DType::I64})
    for (int64_t bad :
         {int64_t(7), int64_t(-8), int64_t(INT32_MAX), int64_t(INT32_MIN)})
      add("scatter/" + name(index) + "/out-of-range/" + std::to_string(bad),
          [=] { scatterOutOfRange(bad, index, 7); });
  for (int64_t bad : {INT64_MAX, INT64_MIN, int64_t(1) << 32})
    add("scatter/i64/out-of-range/" + std::to_string(bad),
        [=] { scatterOutOfRange(bad, DType::I64, 7); });
  add("scatter/i64/out-of-range/no-rows",
      [] { scatterOutOfRange(0, DType::I64, 0); });
  for (DType type : allTypes)
    add("require/" + name(type), [=] { requires_(type); });
  add("require/holds", requireHolds);
  for (int place : {0, 1, 2, 3})
    add("require/fails/place-" + std::to_string(place),
        [=] { requireFails({5, 37}, 5 * 37 - 1, NACRE_E_ARITH, place); });
  add("require/fails/first", [] { requireFails({400}, 0, NACRE_E_ARITH, 0); });
  for (int32_t status = 1; status <= NACRE_E_DEVICE; ++status)
    add("require/fails/status-" + std::to_string(status),
        [=] { requireFails({9}, 4, status, 0); });
}

} // namespace nacre::test
