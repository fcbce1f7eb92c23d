//===- build.cpp - inferred types and broadcasting ------------------------===//

#include "nacre/Lazy/Build.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include <catch2/catch.hpp>

using namespace mlir;
using namespace nacre::lazy;

namespace {

/// A module to build into. Every operation made is verified at the end.
struct Fixture {
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  OpBuilder b{&context};
  Build build{b, UnknownLoc::get(&context)};

  Fixture() {
    context.loadDialect<LazyDialect, func::FuncDialect>();
    module = ModuleOp::create(build.loc);
    b.setInsertionPointToEnd(module->getBody());
  }
  ~Fixture() { CHECK(succeeded(verify(*module))); }
  Value value(StringRef type) {
    return build.weight("w", cast<RankedTensorType>(parseType(type, &context)));
  }
  size_t operations() {
    return llvm::range_size(module->getBody()->getOperations());
  }
};

std::string typeOf(Value v) {
  std::string out;
  llvm::raw_string_ostream(out) << v.getType();
  return out;
}

} // namespace

TEST_CASE("broadcastShapes") {
  using Shape = SmallVector<int64_t>;
  constexpr int64_t open = ShapedType::kDynamic;
  auto of = [](Shape a, Shape b) { return broadcastShapes(a, b); };
  CHECK(of({2, 3}, {3}) == Shape{2, 3});
  CHECK(of({2, 1}, {1, 3}) == Shape{2, 3});
  CHECK(of({}, {4}) == Shape{4});
  CHECK(of({}, {}) == Shape{});
  CHECK(of({0}, {1}) == Shape{0});
  CHECK(of({open, 3}, {3}) == Shape{open, 3});
  CHECK(of({1}, {open}) == Shape{open});
  CHECK(of({open}, {open}) == Shape{open});
  CHECK(of({2}, {3}) == std::nullopt);
  CHECK(of({2, 3}, {2}) == std::nullopt);
  CHECK(of({0}, {2}) == std::nullopt);
  CHECK(of({open}, {4}) == std::nullopt);
}

TEST_CASE_METHOD(Fixture, "binary operations broadcast both sides") {
  CHECK(typeOf(build.binary<AddOp>(value("tensor<2x3xf32>"),
                                   value("tensor<3xf32>"))) ==
        "tensor<2x3xf32>");
  CHECK(typeOf(build.binary<AddOp>(value("tensor<2x1xi8>"),
                                   value("tensor<1x3xi8>"))) ==
        "tensor<2x3xi8>");
  CHECK(typeOf(build.binary<AddOp>(value("tensor<f64>"),
                                   value("tensor<2xf64>"))) == "tensor<2xf64>");
  CHECK(typeOf(build.cmp(CmpKind::lt, value("tensor<2xf16>"),
                         value("tensor<f16>"))) == "tensor<2xi1>");
  CHECK(typeOf(build.where(value("tensor<2x1x1xi1>"), value("tensor<3x1xf32>"),
                           value("tensor<5xf32>"))) == "tensor<2x3x5xf32>");
}

TEST_CASE_METHOD(Fixture, "symbols survive broadcasting") {
  std::string open = "tensor<?x3xf32, #lazy.dims<[\"N\"], [8]>>";
  CHECK(typeOf(build.binary<AddOp>(value(open), value("tensor<3xf32>"))) ==
        open);
  CHECK(typeOf(build.binary<AddOp>(value("tensor<f32>"), value(open))) == open);
  CHECK(typeOf(build.reduce(ReduceKind::add, value(open), {1})) ==
        "tensor<?xf32, #lazy.dims<[\"N\"], [8]>>");
  CHECK(typeOf(build.reduce(ReduceKind::add, value(open), {1}, true)) ==
        "tensor<?x1xf32, #lazy.dims<[\"N\"], [8]>>");
  CHECK(typeOf(build.reduce(ReduceKind::add, value(open), {0})) ==
        "tensor<3xf32>");
  CHECK(typeOf(build.cast(value(open), b.getI1Type())) ==
        "tensor<?x3xi1, #lazy.dims<[\"N\"], [8]>>");
  CHECK(typeOf(build.permute(value(open), {1, 0})) ==
        "tensor<3x?xf32, #lazy.dims<[\"N\"], [8]>>");
}

TEST_CASE_METHOD(Fixture, "what changes nothing is not made") {
  Value x = value("tensor<2x3xf32>");
  size_t before = operations();
  CHECK(build.reshape(x, {2, 3}) == x);
  CHECK(build.permute(x, {0, 1}) == x);
  CHECK(build.expand(x, {2, 3}) == x);
  CHECK(build.pad(x, {0, 0}, {0, 0}, 1) == x);
  CHECK(build.slice(x, {0, 0}, {2, 3}) == x);
  CHECK(build.flip(x, {}) == x);
  CHECK(build.cast(x, b.getF32Type()) == x);
  CHECK(build.concat({x}, 1) == x);
  CHECK(build.reduce(ReduceKind::max, x, {}) == x);
  CHECK(build.expandLike(x, x) == x);
  CHECK(operations() == before);
}

TEST_CASE_METHOD(Fixture, "types of views, joins and reductions") {
  Value x = value("tensor<2x6xf32>");
  CHECK(typeOf(build.reshape(x, {3, 4})) == "tensor<3x4xf32>");
  CHECK(typeOf(build.permute(x, {1, 0})) == "tensor<6x2xf32>");
  CHECK(typeOf(build.expand(x, {5, 2, 6})) == "tensor<5x2x6xf32>");
  CHECK(typeOf(build.pad(x, {1, 0}, {0, 2}, 0)) == "tensor<3x8xf32>");
  CHECK(typeOf(build.slice(x, {0, 1}, {2, 3}, {1, 2})) == "tensor<2x3xf32>");
  CHECK(typeOf(build.flip(x, {0, 1})) == "tensor<2x6xf32>");
  CHECK(typeOf(build.window(x, {1}, {2}, {3}, {2})) == "tensor<2x2x2xf32>");
  CHECK(typeOf(build.concat({x, x, x}, 0)) == "tensor<6x6xf32>");
  CHECK(typeOf(build.gather(x, value("tensor<4x5xi64>"), 1)) ==
        "tensor<2x4x5xf32>");
  CHECK(typeOf(build.gather(x, value("tensor<i32>"), 0)) == "tensor<6xf32>");
  CHECK(typeOf(build.scatter(value("tensor<2x4x5x7xf32>"),
                             value("tensor<4x5xi64>"), 1, 9)) ==
        "tensor<2x9x7xf32>");
  CHECK(typeOf(build.scatter(x, value("tensor<i32>"), 1, 3)) ==
        "tensor<2x3x6xf32>");
  CHECK(typeOf(build.require(x, value("tensor<2x6xi1>"), 9, "no")) ==
        "tensor<2x6xf32>");
  CHECK(typeOf(build.reduce(ReduceKind::add, x, {1, 0})) == "tensor<f32>");
  CHECK(typeOf(build.argReduce(ReduceKind::max, x, 1, false, true)) ==
        "tensor<2x1xi64>");
  CHECK(typeOf(build.argReduce(ReduceKind::min, x, 0, true, false)) ==
        "tensor<6xi64>");
}

TEST_CASE_METHOD(Fixture, "contractions find their extents") {
  auto d = [&](unsigned i) { return getAffineDimExpr(i, &context); };
  auto map = [&](unsigned n, ArrayRef<AffineExpr> e) {
    return AffineMap::get(n, 0, e, &context);
  };
  CHECK(typeOf(build.contract(value("tensor<2x3xf32>"),
                              value("tensor<3x5xf32>"), map(3, {d(0), d(2)}),
                              map(3, {d(2), d(1)}), map(3, {d(0), d(1)}))) ==
        "tensor<2x5xf32>");
  // A convolution: position * 2 + place * 3 over 17 with 4 places gives 4.
  CHECK(typeOf(build.contract(value("tensor<17xf32>"), value("tensor<4xf32>"),
                              map(2, {d(0) * 2 + d(1) * 3}), map(2, {d(1)}),
                              map(2, {d(0)}))) == "tensor<4xf32>");
}

TEST_CASE_METHOD(Fixture, "constants saturate") {
  auto shown = [&](StringRef element, double v) {
    Value s = build.splat(parseType(element, &context), v);
    std::string out;
    llvm::raw_string_ostream(out) << s.getDefiningOp<SplatOp>().getValue();
    return out;
  };
  CHECK(shown("i8", 300) == "127 : i8");
  CHECK(shown("i8", -300) == "-128 : i8");
  CHECK(shown("ui8", 300) == "255 : ui8");
  CHECK(shown("ui8", -1) == "0 : ui8");
  CHECK(shown("i64", 1e30) == "9223372036854775807 : i64");
  CHECK(shown("i64", -1e30) == "-9223372036854775808 : i64");
  CHECK(shown("i1", 1) == "true");
  CHECK(shown("f32", 0.5) == "5.000000e-01 : f32");
}
