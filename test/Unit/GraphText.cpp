//===- GraphText.cpp - texts in the graph language, from memory -----------===//
#include "GraphText.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <catch2/catch.hpp>

using namespace mlir;

namespace nacre::test {

MLIRContext *context() {
  static auto *made = new MLIRContext(MLIRContext::Threading::DISABLED);
  return made;
}

TextFile::TextFile(StringRef text, StringRef suffix) {
  SmallString<128> made;
  int handle;
  REQUIRE(!llvm::sys::fs::createTemporaryFile("graph", suffix, handle, made));
  path = made.str().str();
  llvm::raw_fd_ostream(handle, /*shouldClose=*/true) << text;
}
TextFile::~TextFile() { llvm::sys::fs::remove(path); }

static onnx_frontend::ImportOptions with(const std::vector<Dim> &dims) {
  onnx_frontend::ImportOptions options;
  for (const Dim &dim : dims)
    (StringRef(dim.name).ends_with("<")
         ? options.symbolicDims
         : options.dims)[StringRef(dim.name).rtrim('<')] = dim.value;
  return options;
}

static std::string joined(const TextFile &file,
                          const std::vector<std::string> &errors) {
  std::string text;
  StringRef name = llvm::sys::path::filename(file.path);
  for (StringRef line : errors) {
    if (line.consume_front(name))
      text += "FILE";
    text += line.str() + "\n";
  }
  return text;
}

std::string importErrors(StringRef text, std::vector<Dim> dims) {
  TextFile file(text);
  std::vector<std::string> errors;
  auto program =
      graph_frontend::import(*context(), file.path, with(dims), "", errors);
  CHECK(failed(program) == !errors.empty());
  return joined(file, errors);
}

std::string trainingErrors(StringRef text, std::vector<Dim> dims) {
  TextFile file(text);
  std::vector<std::string> errors;
  graph_frontend::TrainingOptions options;
  options.dims = with(dims).dims;
  auto model =
      graph_frontend::importTraining(*context(), file.path, options, errors);
  CHECK(failed(model) == !errors.empty());
  return joined(file, errors);
}

static void check(const Program &program) {
  REQUIRE(succeeded(verify(*program.module)));
  REQUIRE(succeeded(lazy::verifyProgram(*program.module)));
}

Program importText(StringRef text, std::vector<Dim> dims,
                   StringRef parameters) {
  TextFile file(text);
  std::vector<std::string> errors;
  auto program = graph_frontend::import(*context(), file.path, with(dims),
                                        parameters, errors);
  INFO(llvm::join(errors, "\n"));
  REQUIRE(succeeded(program));
  check(*program);
  return std::move(*program);
}

autodiff::TrainingModel trainingText(StringRef text,
                                     graph_frontend::TrainingOptions options) {
  TextFile file(text);
  std::vector<std::string> errors;
  auto model =
      graph_frontend::importTraining(*context(), file.path, options, errors);
  INFO(llvm::join(errors, "\n"));
  REQUIRE(succeeded(model));
  for (const Program *program : {&model->train, &model->eval, &model->init})
    check(*program);
  return std::move(*model);
}

std::string signature(const Program &program) {
  ModuleOp module = program.module.get();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  std::string text;
  llvm::raw_string_ostream os(text);
  auto line = [&](StringRef what, DictionaryAttr attributes, Type type) {
    os << what << cast<StringAttr>(attributes.get("lazy.name")).getValue();
    if (auto kind = attributes.getAs<StringAttr>("lazy.state_kind")) {
      CHECK(attributes.get("lazy.state") == attributes.get("lazy.name"));
      os << " " << kind.getValue();
    }
    os << " " << type << "\n";
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    line("", main.getArgAttrDict(i), main.getArgumentTypes()[i]);
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    line("-> ", main.getResultAttrDict(i), main.getResultTypes()[i]);
  return text;
}

} // namespace nacre::test
