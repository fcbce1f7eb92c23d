//===- graph_layers.cpp - layers and losses against PyTorch's figures -----===//

#include "GraphText.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>
#include <cmath>

using namespace mlir;
using namespace nacre;
using namespace nacre::test;

namespace {

std::vector<std::pair<std::string, std::string>> cases() {
  auto buffer = llvm::MemoryBuffer::getFile(GRAPH_DATA "/layers.ngl");
  REQUIRE(buffer);
  SmallVector<StringRef> parts;
  (*buffer)->getBuffer().split(parts, "### ");
  std::vector<std::pair<std::string, std::string>> made;
  for (StringRef part : ArrayRef<StringRef>(parts).drop_front()) {
    auto [name, text] = part.split('\n');
    made.emplace_back(name, text);
  }
  return made;
}

const WeightStore &data() {
  static WeightStore store = [] {
    WeightStore made;
    std::string error;
    REQUIRE(succeeded(made.load(GRAPH_DATA "/layers.safetensors", error)));
    return made;
  }();
  return store;
}

/// Parameters of a case as a checkpoint of its own.
std::string checkpoint(const std::string &name) {
  WeightStore part;
  for (const auto &[key, tensor] : data().entries()) {
    StringRef rest = key;
    if (rest.consume_front(name + "/") && !rest.starts_with("in.") &&
        !rest.starts_with("out."))
      part.add(rest, tensor);
  }
  SmallString<128> path;
  REQUIRE(!llvm::sys::fs::createTemporaryFile("case", "safetensors", path));
  std::string error;
  REQUIRE(succeeded(part.save(path, error)));
  return path.str().str();
}

void compare(const Tensor &got, const Tensor &expected) {
  REQUIRE(got.shape == expected.shape);
  REQUIRE(got.dtype == expected.dtype);
  for (int64_t i = 0; i < got.count(); ++i) {
    double want = expected.numberAt(i);
    INFO("element " << i);
    CHECK(std::fabs(got.numberAt(i) - want) <= 2e-6 + 4e-6 * std::fabs(want));
  }
}

/// Runs a program on what the data has for its arguments and compares all
/// results.
void runCase(const std::string &name, const Program &program) {
  ModuleOp module = program.module.get();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  SmallVector<Tensor> inputs;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    std::string argument =
        main.getArgAttrOfType<StringAttr>(i, "lazy.name").str();
    const Tensor *value = data().find(name + "/in." + argument);
    if (!value)
      value = data().find(name + "/" + argument);
    INFO(argument);
    if (StringRef(argument).starts_with("nacre.")) {
      inputs.push_back(Tensor::of<int64_t>(DType::I64, {}, {1}));
      continue;
    }
    REQUIRE(value);
    inputs.push_back(*value);
  }
  auto results = reference::run(program, inputs);
  if (!results)
    FAIL(llvm::toString(results.takeError()));
  for (auto [i, result] : llvm::enumerate(*results)) {
    std::string output =
        main.getResultAttrOfType<StringAttr>(i, "lazy.name").str();
    const Tensor *expected = data().find(name + "/out." + output);
    INFO(output);
    REQUIRE(expected);
    compare(result, *expected);
  }
}

} // namespace

TEST_CASE("layers and losses have PyTorch's numbers") {
  auto all = cases();
  CHECK(all.size() == 24);
  for (const auto &[name, text] : all) {
    INFO(name);
    if (StringRef(text).contains("train {")) {
      runCase(name, trainingText(text, {}).train);
    } else {
      std::string path = checkpoint(name);
      runCase(name, importText(text, {}, path));
      llvm::sys::fs::remove(path);
    }
  }
}
