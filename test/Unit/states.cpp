//===- states.cpp - states updated in their own buffer
//---------------------===//
//
// Each program runs three times: by the interpreter, compiled with separate
// buffers, and compiled with one buffer for a state's input and output.
//
//===----------------------------------------------------------------------===//
#include "../../lib/Driver/Session.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Reference/Interpreter.h"
#include <catch2/catch.hpp>

using namespace nacre;

namespace {

/// State s has the values 1, 2, 3, ... times its number among the arguments.
Tensor start(const TensorInfo &info, size_t number) {
  Tensor t = Tensor::zeros(info.dtype, info.shape);
  for (int64_t i = 0; i < t.count(); ++i)
    t.setNumber(i, double(i + 1) * double(number + 1));
  return t;
}

std::string show(const Tensor &t) {
  std::string out;
  for (int64_t i = 0; i < t.count(); ++i)
    out += (i ? " " : "") + std::to_string(t.numberAt(i));
  return out;
}

struct Fixture {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  CompiledCode code;

  /// Checks `text` and returns the number of kernels.
  size_t check(llvm::StringRef text, unsigned level = 2) {
    auto parse = [&] {
      Program program;
      program.name = "states";
      program.module =
          mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
      REQUIRE(program.module);
      return program;
    };
    driver::Toolchain tools;
    tools.target = *findTarget("cpu");
    tools.options.optLevel = level;
    tools.options.embedWeights = false;
    auto machine = tools.target->describe(tools.options);
    REQUIRE(bool(machine));
    tools.machine = *machine;
    auto compiled = driver::compileProgram(parse(), Phase::Import, tools);
    REQUIRE(bool(compiled));
    code = compiled->code;
    std::vector<Tensor> inputs;
    for (auto [i, info] : llvm::enumerate(code.inputs))
      inputs.push_back(start(info, i));
    auto expected = reference::run(parse(), inputs);
    REQUIRE(bool(expected));
    for (bool shared : {false, true}) {
      INFO((shared ? "one buffer" : "two buffers"));
      auto model = tools.target->load(code, tools.options, 2);
      REQUIRE(bool(model));
      std::vector<Tensor> fresh;
      for (auto [i, info] : llvm::enumerate(code.inputs))
        fresh.push_back(start(info, i));
      auto call = (*model)->prepare(fresh);
      REQUIRE(bool(call));
      for (auto [i, out] : llvm::enumerate(code.outputs))
        for (auto [k, in] : llvm::enumerate(code.inputs))
          if (shared && !out.state.empty() && in.state == out.state)
            call->outputs[i] = call->inputs[k];
      REQUIRE(!(*model)->run(*call));
      for (auto [got, want] : llvm::zip(call->outputs, *expected))
        CHECK(show(got) == show(want));
    }
    return code.kernels.size();
  }
};

} // namespace

#define W "{lazy.state = \"w\"}"
#define V "{lazy.state = \"v\"}"

TEST_CASE_METHOD(Fixture, "an elementwise update happens in place") {
  CHECK(check("func.func @main(%w: tensor<100xf32> " W
              ") -> (tensor<100xf32> " W ") {\n"
              "  %0 = lazy.add %w, %w : tensor<100xf32>\n"
              "  return %0 : tensor<100xf32>\n}") == 1);
  CHECK(code.arenaBytes == 0);
}

TEST_CASE_METHOD(Fixture, "what reads the old value later keeps it") {
  // The sum of the old values, forced behind the update by its use.
  check("func.func @main(%w: tensor<4x8xf32> " W ") -> (tensor<4x8xf32> " W
        ", tensor<8xf32>) {\n"
        "  %0 = lazy.add %w, %w : tensor<4x8xf32>\n"
        "  %1 = lazy.reduce add, %0, [0] : tensor<4x8xf32> -> tensor<8xf32>\n"
        "  %2 = lazy.reduce mul, %w, [0] : tensor<4x8xf32> -> tensor<8xf32>\n"
        "  %3 = lazy.add %1, %2 : tensor<8xf32>\n"
        "  return %0, %3 : tensor<4x8xf32>, tensor<8xf32>\n}");
}

TEST_CASE_METHOD(Fixture, "a transposed, flipped or shifted state") {
  check("func.func @main(%w: tensor<9x9xf32> " W ") -> (tensor<9x9xf32> " W
        ") {\n"
        "  %0 = lazy.permute %w, [1, 0] : tensor<9x9xf32> -> tensor<9x9xf32>\n"
        "  return %0 : tensor<9x9xf32>\n}");
  check("func.func @main(%w: tensor<9x9xf32> " W ") -> (tensor<9x9xf32> " W
        ") {\n"
        "  %0 = lazy.flip %w, [0] : tensor<9x9xf32> -> tensor<9x9xf32>\n"
        "  %1 = lazy.add %0, %w : tensor<9x9xf32>\n"
        "  return %1 : tensor<9x9xf32>\n}");
  // A cache that drops its oldest row.
  check("func.func @main(%x: tensor<1x8xf32>, %w: tensor<6x8xf32> " W
        ") -> (tensor<6x8xf32> " W ") {\n"
        "  %0 = lazy.slice %w, [1, 0], [1, 1] : tensor<6x8xf32> -> "
        "tensor<5x8xf32>\n"
        "  %1 = lazy.concat %0, %x axis 0 : (tensor<5x8xf32>, "
        "tensor<1x8xf32>) -> tensor<6x8xf32>\n"
        "  return %1 : tensor<6x8xf32>\n}");
}

TEST_CASE_METHOD(Fixture, "states that swap") {
  for (unsigned level : {0u, 2u})
    check("func.func @main(%w: tensor<5xf32> " W ", %v: tensor<5xf32> " V
          ") -> (tensor<5xf32> " W ", tensor<5xf32> " V ") {\n"
          "  return %v, %w : tensor<5xf32>, tensor<5xf32>\n}",
          level);
  check("func.func @main(%w: tensor<4x4xf32> " W ", %v: tensor<4x4xf32> " V
        ") -> (tensor<4x4xf32> " W ", tensor<4x4xf32> " V ") {\n"
        "  %0 = lazy.permute %v, [1, 0] : tensor<4x4xf32> -> tensor<4x4xf32>\n"
        "  %1 = lazy.add %w, %v : tensor<4x4xf32>\n"
        "  return %0, %1 : tensor<4x4xf32>, tensor<4x4xf32>\n}");
}

TEST_CASE_METHOD(Fixture, "rows of a state normalised in place") {
  check("func.func @main(%w: tensor<4x40xf32> " W ") -> (tensor<4x40xf32> " W
        ") {\n"
        "  %0 = lazy.reduce add, %w, [1] : tensor<4x40xf32> -> tensor<4xf32>\n"
        "  %1 = lazy.reshape %0 : tensor<4xf32> -> tensor<4x1xf32>\n"
        "  %2 = lazy.expand %1 : tensor<4x1xf32> -> tensor<4x40xf32>\n"
        "  %3 = lazy.div %w, %2 : tensor<4x40xf32>\n"
        "  return %3 : tensor<4x40xf32>\n}");
}

TEST_CASE_METHOD(Fixture, "a step of momentum over a matrix product") {
  check("#a = affine_map<(m, n, k) -> (k, m)>\n"
        "#b = affine_map<(m, n, k) -> (k, n)>\n"
        "#c = affine_map<(m, n, k) -> (m, n)>\n"
        "func.func @main(%x: tensor<3x5xf32>, %g: tensor<3x7xf32>, "
        "%w: tensor<5x7xf32> " W ", %v: tensor<5x7xf32> " V
        ") -> (tensor<5x7xf32> " W ", tensor<5x7xf32> " V ") {\n"
        "  %0 = lazy.contract %x, %g, [#a, #b, #c] : tensor<3x5xf32>, "
        "tensor<3x7xf32> -> tensor<5x7xf32>\n"
        "  %1 = lazy.add %v, %0 : tensor<5x7xf32>\n"
        "  %2 = lazy.sub %w, %1 : tensor<5x7xf32>\n"
        "  return %2, %1 : tensor<5x7xf32>, tensor<5x7xf32>\n}");
}

// A write touches nothing but its rows: the state stays in its buffer, and a
// second buffer begins as its copy.
TEST_CASE_METHOD(Fixture, "rows written into a state") {
  for (unsigned level : {0u, 2u}) {
    CHECK(check("func.func @main(%r: tensor<2x3xf32>, %w: tensor<8x3xf32> " W
                ") -> (tensor<8x3xf32> " W ") {\n"
                "  %p = lazy.splat 5 : i64 : tensor<i64>\n"
                "  %n = lazy.splat 2 : i64 : tensor<i64>\n"
                "  %0 = lazy.write %w, %r, %p, %n, 0 : tensor<8x3xf32>, "
                "tensor<2x3xf32>\n"
                "  return %0 : tensor<8x3xf32>\n}",
                level) == 1);
    CHECK(code.outputs[0].kept);
  }
  CHECK(code.arenaBytes == 0);
}

TEST_CASE_METHOD(Fixture, "a state whose old value is read after a write") {
  check("func.func @main(%r: tensor<2x3xf32>, %w: tensor<8x3xf32> " W
        ") -> (tensor<8x3xf32> " W ", tensor<8x3xf32>) {\n"
        "  %p = lazy.splat 5 : i64 : tensor<i64>\n"
        "  %n = lazy.splat 2 : i64 : tensor<i64>\n"
        "  %0 = lazy.write %w, %r, %p, %n, 0 : tensor<8x3xf32>, "
        "tensor<2x3xf32>\n"
        "  %1 = lazy.add %0, %w : tensor<8x3xf32>\n"
        "  return %0, %1 : tensor<8x3xf32>, tensor<8x3xf32>\n}");
  CHECK(!code.outputs[0].kept);
}

TEST_CASE_METHOD(Fixture, "parts of a state, and parts that change places") {
  auto joined = [](const char *first, const char *second) {
    return std::string("func.func @main(%r: tensor<1x2x3xf32>, %w: "
                       "tensor<2x8x3xf32> " W ") -> (tensor<2x8x3xf32> " W
                       ") {\n"
                       "  %p = lazy.splat 5 : i64 : tensor<i64>\n"
                       "  %n = lazy.splat 2 : i64 : tensor<i64>\n"
                       "  %a = lazy.slice %w, [0, 0, 0], [1, 1, 1] : "
                       "tensor<2x8x3xf32> -> tensor<1x8x3xf32>\n"
                       "  %b = lazy.slice %w, [1, 0, 0], [1, 1, 1] : "
                       "tensor<2x8x3xf32> -> tensor<1x8x3xf32>\n"
                       "  %c = lazy.write %a, %r, %p, %n, 1 : "
                       "tensor<1x8x3xf32>, tensor<1x2x3xf32>\n"
                       "  %d = lazy.write %b, %r, %n, %n, 1 : "
                       "tensor<1x8x3xf32>, tensor<1x2x3xf32>\n"
                       "  %0 = lazy.concat ") +
           first + ", " + second +
           " axis 0 : (tensor<1x8x3xf32>, tensor<1x8x3xf32>) -> "
           "tensor<2x8x3xf32>\n"
           "  return %0 : tensor<2x8x3xf32>\n}";
  };
  CHECK(check(joined("%c", "%d")) == 2);
  CHECK(code.outputs[0].kept);
  check(joined("%d", "%c"));
  CHECK(!code.outputs[0].kept);
}

TEST_CASE_METHOD(Fixture, "states that do not fit are refused") {
  auto error = [&](llvm::StringRef text) {
    std::string said;
    mlir::ScopedDiagnosticHandler handler(
        context.get(), [&](mlir::Diagnostic &d) { said = d.str(); });
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, context.get());
    REQUIRE(module);
    CHECK(mlir::failed(lazy::verifyProgram(*module)));
    return said;
  };
  CHECK(error("func.func @main(%w: tensor<5xf32> " W ", %v: tensor<5xf32> " W
              ") { return }") ==
        "'func.func' op has the state \"w\" twice among its arguments");
  CHECK(error("func.func @main(%w: tensor<5xf32> " W ", %v: tensor<4xf32>)"
              " -> (tensor<4xf32> " W ") { return %v : tensor<4xf32> }") ==
        "'func.func' op takes the state \"w\" as 'tensor<5xf32>' and gives it "
        "as 'tensor<4xf32>'");
}
