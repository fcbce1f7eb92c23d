// Trained weights into an ONNX file.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Frontend/Onnx.h"
#include "nacre/Frontend/OnnxExport.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/Support/FileSystem.h"
#include <catch2/catch.hpp>
#include <fstream>

using namespace nacre;

static std::vector<float> biasOf(llvm::StringRef path) {
  mlir::MLIRContext context;
  context.loadDialect<lazy::LazyDialect, mlir::func::FuncDialect>();
  onnx_frontend::ImportOptions options;
  options.dims["N"] = 1;
  std::vector<std::string> errors;
  auto program = onnx_frontend::import(context, path, options, errors);
  REQUIRE(errors.empty());
  REQUIRE(mlir::succeeded(program));
  const Tensor *bias = program->weights->find("classify.bias");
  REQUIRE(bias);
  return std::vector<float>(bias->data<float>(), bias->data<float>() + 10);
}

TEST_CASE("initializers are replaced and all else stays", "[train]") {
  std::vector<float> values = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  WeightStore store;
  store.add("classify.bias", Tensor::of<float>(DType::F32, {10}, values));
  std::vector<std::string> errors;
  auto bytes = onnx_frontend::replaceInitializers(NACRE_DIGITS, store, errors);
  REQUIRE(errors.empty());
  REQUIRE(mlir::succeeded(bytes));
  llvm::SmallString<64> path;
  REQUIRE(!llvm::sys::fs::createTemporaryFile("nacre", "onnx", path));
  std::ofstream(path.c_str(), std::ios::binary) << *bytes;
  CHECK(biasOf(NACRE_DIGITS) != values);
  CHECK(biasOf(path) == values);
  // The same values again: the same file.
  auto again = onnx_frontend::replaceInitializers(path, store, errors);
  REQUIRE(mlir::succeeded(again));
  CHECK(*again == *bytes);
  llvm::sys::fs::remove(path);
}

TEST_CASE("values that do not fit an ONNX file are named", "[train]") {
  WeightStore store;
  store.add("classify.bias", Tensor::zeros(DType::F32, {9}));
  store.add("no such weight", Tensor::zeros(DType::F32, {1}));
  std::vector<std::string> errors;
  CHECK(mlir::failed(
      onnx_frontend::replaceInitializers(NACRE_DIGITS, store, errors)));
  std::string file = NACRE_DIGITS;
  CHECK(errors == std::vector<std::string>{
                      file + ": initializer 'classify.bias' is [10], the "
                             "trained value is f32 [9]",
                      file + ": there is no initializer 'no such weight' for "
                             "the trained value"});
}
