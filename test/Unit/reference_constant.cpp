// constantValue: what folds, what does not, and at what cost.

#include "InterpretText.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Reference/Interpreter.h"
#include <catch2/catch.hpp>

using namespace nacre;
using namespace nacre::test;

namespace {
/// A program and the value its main returns.
struct Returned {
  Program program;
  mlir::Value value;
  llvm::DenseMap<mlir::Value, Tensor> memo;

  explicit Returned(llvm::StringRef text) : program(parse(text)) {
    program.module->walk([&](mlir::Operation *op) {
      if (op->getName().getStringRef() == "func.return")
        value = op->getOperand(0);
    });
  }
  std::string constant(int64_t maxBytes = 1 << 20) {
    auto found =
        reference::constantValue(value, *program.weights, memo, maxBytes);
    return found ? show(*found) : "none";
  }
};
} // namespace

TEST_CASE("weights, splats and iotas fold") {
  Returned r(R"(func.func @main() -> tensor<3xf32> {
    %0 = lazy.weight "w" : tensor<3xf32>
    %1 = lazy.iota 0 : tensor<3xf32>
    %2 = lazy.splat 10.0 : f32 : tensor<3xf32>
    %3 = lazy.mul %1, %2 : tensor<3xf32>
    %4 = lazy.add %0, %3 : tensor<3xf32>
    return %4 : tensor<3xf32>
  })");
  CHECK(r.constant() == "none");
  r.program.weights->add("w", tensor("3xf32", "1 2 3"));
  CHECK(r.constant() == "1 12 23");
  CHECK(r.constant() == "1 12 23");
  CHECK(r.memo.contains(r.value));
}

TEST_CASE("what depends on an input, a symbol or a bad index does not fold") {
  CHECK(Returned(R"(func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
    %0 = lazy.splat 1.0 : f32 : tensor<1xf32>
    %1 = lazy.add %0, %x : tensor<1xf32>
    return %1 : tensor<1xf32>
  })")
            .constant() == "none");
  CHECK(Returned(R"(func.func @main(%x: tensor<1xf32>) -> tensor<1xf32> {
    return %x : tensor<1xf32>
  })")
            .constant() == "none");
  CHECK(Returned(R"(
    !open = tensor<?xf32, #lazy.dims<["N"], [8]>>
    func.func @main() -> !open {
      %0 = lazy.splat 1.0 : f32 : !open
      return %0 : !open
    })")
            .constant() == "none");
  CHECK(Returned(R"(func.func @main() -> tensor<1xf32> {
    %0 = lazy.splat 1.0 : f32 : tensor<2xf32>
    %1 = lazy.splat 2 : i64 : tensor<1xi64>
    %2 = lazy.gather %0, %1, 0 : tensor<2xf32>, tensor<1xi64> -> tensor<1xf32>
    return %2 : tensor<1xf32>
  })")
            .constant() == "none");
}

TEST_CASE("a tensor above the limit does not fold, wherever it stands") {
  Returned r(R"(func.func @main() -> tensor<f32> {
    %0 = lazy.splat 1.0 : f32 : tensor<1024xf32>
    %1 = lazy.reduce add, %0, [0] : tensor<1024xf32> -> tensor<f32>
    return %1 : tensor<f32>
  })");
  CHECK(r.constant(4095) == "none");
  CHECK(r.memo.empty());
  CHECK(r.constant(4096) == "1024");
}

TEST_CASE("a missing input is seen before anything is computed") {
  // The left side would need more memory and time than there is.
  Returned r(R"(func.func @main(%x: tensor<65536x65536xf32>)
      -> tensor<65536x65536xf32> {
    %0 = lazy.splat 1.0 : f32 : tensor<65536x65536xf32>
    %1 = lazy.exp %0 : tensor<65536x65536xf32>
    %2 = lazy.add %1, %x : tensor<65536x65536xf32>
    return %2 : tensor<65536x65536xf32>
  })");
  CHECK(r.constant(int64_t(1) << 40) == "none");
}

/// `length` operations, each the sum of the one before with itself: visiting
/// every path would never end.
static std::string chain(int64_t length, const char *type, const char *start) {
  std::string text = "func.func @main(%x: tensor<" + std::string(type) +
                     ">) -> tensor<" + type + "> {\n  %0 = " + start + "\n";
  for (int64_t i = 0; i < length; ++i)
    text += "  %" + std::to_string(i + 1) + " = lazy.add %" +
            std::to_string(i) + ", %" + std::to_string(i) + " : tensor<" +
            type + ">\n";
  return text + "  return %" + std::to_string(length) + " : tensor<" + type +
         ">\n}";
}

TEST_CASE("chains of 100,000 operations need no deep stack") {
  Returned positive(chain(100'000, "ui8", "lazy.splat 1 : ui8 : tensor<ui8>"));
  CHECK(positive.constant() == "0");
  CHECK(positive.memo.size() == 1);
  Returned negative(chain(100'000, "ui8", "lazy.neg %x : tensor<ui8>"));
  CHECK(negative.constant() == "none");
}

TEST_CASE("intermediate values used elsewhere stay in the memo") {
  Returned r(R"(func.func @main() -> (tensor<f32>, tensor<f32>) {
    %0 = lazy.splat 2.0 : f32 : tensor<f32>
    %1 = lazy.mul %0, %0 : tensor<f32>
    %2 = lazy.neg %1 : tensor<f32>
    %3 = lazy.exp %1 : tensor<f32>
    return %2, %3 : tensor<f32>, tensor<f32>
  })");
  CHECK(r.constant() == "-4");
  mlir::Value shared = r.value.getDefiningOp()->getOperand(0);
  CHECK(r.memo.contains(shared));
  CHECK_FALSE(r.memo.contains(shared.getDefiningOp()->getOperand(0)));
}
