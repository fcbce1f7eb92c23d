// Whole programs: weights, symbolic extents, kernels, and what is refused.

#include "InterpretText.h"
#include "nacre/Reference/Interpreter.h"
#include <catch2/catch.hpp>
#include <sys/resource.h>

using namespace nacre;
using namespace nacre::test;

TEST_CASE("a program with several inputs and results") {
  CHECK(interpret(R"(func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>)
      -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>) {
    %0 = lazy.add %x, %y : tensor<2xf32>
    %1 = lazy.mul %0, %0 : tensor<2xf32>
    %2 = lazy.neg %1 : tensor<2xf32>
    return %1, %1, %x : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
  })",
                  {tensor("2xf32", "1 2"), tensor("2xf32", "3 4")}) ==
        "16 36 | 16 36 | 1 2");
}

TEST_CASE("weights come from the store") {
  WeightStore weights;
  weights.add("w", tensor("2xf32", "1 2"));
  std::string use = "lazy.weight \"w\" : tensor<2xf32>";
  CHECK(apply(use, {}, weights) == "1 2");
  CHECK(apply(use, {}) == "error: lazy.weight: the weight store has no 'w'");
  CHECK(apply("lazy.weight \"w\" : tensor<3xf32>", {}, weights) ==
        "error: lazy.weight: 'w' is 2xf32 in the weight store, expected 3xf32");
  CHECK(apply("lazy.weight \"w\" : tensor<2xi32>", {}, weights) ==
        "error: lazy.weight: 'w' is 2xf32 in the weight store, expected 2xi32");
}

TEST_CASE("a kernel means its body") {
  CHECK(interpret(R"(func.func @main(%x: tensor<2xf32>, %y: tensor<2xf32>)
      -> (tensor<2xf32>, tensor<f32>) {
    %0:2 = lazy.kernel "k" (%a = %x : tensor<2xf32>, %b = %y : tensor<2xf32>)
        -> (tensor<2xf32>, tensor<f32>) {
      %1 = lazy.add %a, %b : tensor<2xf32>
      %2 = lazy.reduce add, %1, [0] : tensor<2xf32> -> tensor<f32>
      lazy.yield %1, %2 : tensor<2xf32>, tensor<f32>
    }
    return %0#0, %0#1 : tensor<2xf32>, tensor<f32>
  })",
                  {tensor("2xf32", "1 2"), tensor("2xf32", "3 4")}) ==
        "4 6 | 10");
}

static const char *symbolic = R"(
  !batch = tensor<?x2xf32, #lazy.dims<["N"], [4]>>
  !rows = tensor<?xf32, #lazy.dims<["N"], [4]>>
  func.func @main(%x: !batch {lazy.name = "x"}, %y: !rows {lazy.name = "y"})
      -> (!batch, !rows) {
    %0 = lazy.splat 1.0 : f32 : !batch
    %1 = lazy.add %x, %0 : !batch
    %2 = lazy.reduce add, %1, [1] : !batch -> !rows
    %3 = lazy.mul %2, %y : !rows
    return %1, %3 : !batch, !rows
  })";

TEST_CASE("symbolic extents take the values of the inputs") {
  CHECK(interpret(symbolic, {tensor("1x2xf32", "1 2"),
                             tensor("1xf32", "10")}) == "2 3 | 50");
  CHECK(interpret(symbolic, {tensor("3x2xf32", "1 2 3 4 5 6"),
                             tensor("3xf32", "1 1 2")}) ==
        "2 3 4 5 6 7 | 5 9 26");
  CHECK(interpret(symbolic, {tensor("0x2xf32", ""), tensor("0xf32", "")}) ==
        " | ");
}

TEST_CASE("symbolic extents in views and iota") {
  CHECK(interpret(R"(
    !batch = tensor<?x2xi32, #lazy.dims<["N"], [8]>>
    !flipped = tensor<2x?xi32, #lazy.dims<["N"], [8]>>
    !square = tensor<?x2x1xi32, #lazy.dims<["N"], [8]>>
    func.func @main(%x: !batch) -> (!flipped, !square, !batch) {
      %0 = lazy.permute %x, [1, 0] : !batch -> !flipped
      %1 = lazy.reshape %x : !batch -> !square
      %2 = lazy.iota 0 : !batch
      return %0, %1, %2 : !flipped, !square, !batch
    })",
                  {tensor("3x2xi32", "1 2 3 4 5 6")}) ==
        "1 3 5 2 4 6 | 1 2 3 4 5 6 | 0 0 1 1 2 2");
}

TEST_CASE("inputs that do not fit are refused") {
  Tensor x = tensor("1x2xf32", "1 2"), y = tensor("1xf32", "10");
  CHECK(interpret(symbolic, {x}) == "error: expected 2 inputs, got 1");
  CHECK(interpret(symbolic, {tensor("1x2xf64", "1 2"), y}) ==
        "error: input 0 'x': expected f32, got f64");
  CHECK(interpret(symbolic, {tensor("2xf32", "1 2"), y}) ==
        "error: input 0 'x': expected rank 2, got 1");
  CHECK(interpret(symbolic, {tensor("1x3xf32", "1 2 3"), y}) ==
        "error: input 0 'x': axis 1 is 3, expected 2");
  CHECK(interpret(symbolic, {x, tensor("2xf32", "1 2")}) ==
        "error: input 1 'y': axis 0 is 2, but dimension 'N' is 1 elsewhere");
  CHECK(interpret(symbolic, {x, tensor("5xf32", "1 2 3 4 5")}) ==
        "error: input 1 'y': axis 0 is 5, but dimension 'N' is at most 4");
}

TEST_CASE("what cannot be evaluated is an error, never a crash") {
  CHECK(interpret("module {}", {}) ==
        "error: the program has no function 'main'");
  CHECK(interpret(R"(
    !open = tensor<?xf32, #lazy.dims<["N"], [8]>>
    func.func @main() -> !open {
      %0 = lazy.splat 1.0 : f32 : !open
      return %0 : !open
    })",
                  {}) == "error: dimension 'N' has no value");
  CHECK(apply("lazy.splat 1.0 : f64 : tensor<1099511627776x1024xf64>", {}) ==
        "error: a tensor of 1099511627776x1024xf64 does not fit in memory");
  // Two symbols that verify alike but differ in value.
  CHECK(interpret(R"(
    !m = tensor<?xf32, #lazy.dims<["M"], [8]>>
    !n = tensor<?xf32, #lazy.dims<["N"], [8]>>
    func.func @main(%x: !m, %y: !n) -> !n {
      %0 = lazy.reshape %x : !m -> !n
      return %0 : !n
    })",
                  {tensor("2xf32", "1 2"), tensor("3xf32", "1 2 3")}) ==
        "error: lazy.reshape: the number of elements changes");
}

TEST_CASE("evaluate checks the values it is given") {
  Program program = parse(R"(func.func @main(%x: tensor<2xf32>)
      -> tensor<2xf32> {
    %0 = lazy.neg %x : tensor<2xf32>
    return %0 : tensor<2xf32>
  })");
  mlir::Operation *negate = nullptr;
  program.module->walk([&](mlir::Operation *op) {
    if (op->getName().getStringRef() == "lazy.neg")
      negate = op;
  });
  auto evaluated = [&](llvm::ArrayRef<Tensor> operands) {
    auto results = reference::evaluate(negate, operands, *program.weights);
    return results ? show(results->front())
                   : llvm::toString(results.takeError());
  };
  CHECK(evaluated({tensor("2xf32", "1 2")}) == "-1 -2");
  CHECK(evaluated({}) == "lazy.neg: expected 1 operands, got 0");
  CHECK(evaluated({tensor("3xf32", "1 2 3")}) ==
        "lazy.neg: operand 0 is 3xf32, expected 2xf32");
  CHECK(evaluated({tensor("2xf64", "1 2")}) ==
        "lazy.neg: operand 0 is 2xf64, expected 2xf32");
}

TEST_CASE("values are freed after their last use") {
  // 400 values of 4 MiB each: 1.6 GiB if they were all kept.
  std::string text = "func.func @main() -> tensor<1048576xf32> {\n"
                     "  %0 = lazy.splat 1.0 : f32 : tensor<1048576xf32>\n";
  int64_t length = 400;
  for (int64_t i = 0; i < length; ++i)
    text += "  %" + std::to_string(i + 1) + " = lazy.neg %" +
            std::to_string(i) + " : tensor<1048576xf32>\n";
  text += "  return %" + std::to_string(length) + " : tensor<1048576xf32>\n}";
  Program program = parse(text);
  auto peak = [] { // KiB
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  long before = peak();
  auto results = reference::run(program, {});
  REQUIRE(static_cast<bool>(results));
  CHECK(peak() - before < 600 * 1024);
  CHECK(results->front().numberAt(1048575) == 1);
}
