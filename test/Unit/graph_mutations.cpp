//===- graph_mutations.cpp - damaged texts end in messages, not in crashes ===//
//
// Texts of the repository with characters, words and lines changed, removed
// and repeated. Whatever comes of it, importing must end, soon, in a program
// that its verifier accepts or in a message.
//
//===----------------------------------------------------------------------===//

#include "GraphText.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Lazy/Lazy.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <random>

using namespace nacre;
using namespace nacre::test;
using llvm::StringRef;

namespace {

/// Small texts that between them use everything; large networks would spend
/// the time on their hundredth layer.
std::vector<std::string> seeds() {
  std::vector<std::string> made;
  auto split = [&](StringRef file, StringRef mark) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    REQUIRE(buffer);
    llvm::SmallVector<StringRef> parts;
    (*buffer)->getBuffer().split(parts, mark);
    for (StringRef part : llvm::ArrayRef<StringRef>(parts).drop_front())
      made.push_back(mark == "### " ? part.split('\n').second.str()
                                    : part.split("```").first.str());
  };
  split(GRAPH_DATA "/layers.ngl", "### ");
  split(NACRE_SOURCE "/docs/language-examples.md", "```ngl\n");
  for (const char *file : {"mlp", "lstm", "resnet8"}) {
    auto buffer = llvm::MemoryBuffer::getFile(
        std::string(NACRE_SOURCE "/models/") + file + ".ngl");
    REQUIRE(buffer);
    made.push_back((*buffer)->getBuffer().str());
  }
  return made;
}

struct Mutator {
  const std::vector<std::string> &texts;
  std::mt19937 random{20261122};

  size_t below(size_t n) { return n ? random() % n : 0; }
  /// A word of a text, with its place.
  std::pair<size_t, size_t> word(const std::string &text) {
    size_t at = below(text.size()), end = at;
    auto part = [](char c) { return llvm::isAlnum(c) || c == '_'; };
    while (at > 0 && part(text[at - 1]))
      --at;
    while (end < text.size() && part(text[end]))
      ++end;
    return {at, std::max(end, std::min(at + 1, text.size()))};
  }
  std::string next() {
    static const char *const pieces[] = {"0",
                                         "-1",
                                         "9223372036854775807",
                                         "1e308",
                                         "inf",
                                         "none",
                                         "true",
                                         "[]",
                                         "(",
                                         ")",
                                         "{",
                                         "}",
                                         "..",
                                         "...",
                                         "|>",
                                         "**",
                                         "//",
                                         "@",
                                         "%",
                                         ":",
                                         "::",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "#",
                                         "x",
                                         "training",
                                         "f64",
                                         "i64",
                                         "bool",
                                         "x.shape",
                                         "65536",
                                         "1000000",
                                         "state s: f32[2] = 0\n",
                                         "param p: f32[3] = normal\n",
                                         "for i in 0..3 { ",
                                         "if training { ",
                                         "[:, 0]",
                                         "[..., none]",
                                         "\xff",
                                         "einsum",
                                         "uniform",
                                         "window"};
    std::string text = texts[below(texts.size())];
    for (size_t n = 1 + below(3); n > 0 && !text.empty(); --n) {
      auto [start, end] = word(text);
      switch (below(6)) {
      case 0:
        text.erase(start, end - start);
        break;
      case 1:
        text.replace(start, end - start, pieces[below(std::size(pieces))]);
        break;
      case 2:
        text.insert(start, pieces[below(std::size(pieces))]);
        break;
      case 3: { // a word of any text
        const std::string &other = texts[below(texts.size())];
        auto [from, to] = word(other);
        text.replace(start, end - start, other.substr(from, to - from));
        break;
      }
      case 4:
        text[below(text.size())] = char(random());
        break;
      case 5: { // a stretch again, elsewhere
        std::string part = text.substr(start, 1 + below(40));
        text.insert(below(text.size()), part);
        break;
      }
      }
    }
    return text;
  }
};

void check(const Program &program) {
  CHECK(succeeded(mlir::verify(*program.module)));
  CHECK(succeeded(lazy::verifyProgram(*program.module)));
}

/// Imports a text both ways; returns whether anything was made of it.
bool tryText(mlir::MLIRContext &context, const std::string &path,
             StringRef text, int64_t maxNodes = 1500) {
  {
    std::ofstream file(path, std::ios::binary);
    file.write(text.data(), text.size());
  }
  std::vector<std::string> errors;
  graph_frontend::TrainingOptions options;
  options.dims["N"] = 2;
  options.limits.maxNodes = maxNodes;
  auto model = graph_frontend::importTraining(context, path, options, errors);
  CHECK(failed(model) == !errors.empty());
  if (succeeded(model))
    for (const Program *program : {&model->train, &model->eval, &model->init})
      check(*program);
  errors.clear();
  onnx_frontend::ImportOptions limits = options.limits;
  limits.dims = options.dims;
  auto info = graph_frontend::readInfo(path, errors, limits);
  CHECK(failed(info) == !errors.empty());
  return succeeded(model) || succeeded(info);
}

} // namespace

TEST_CASE("kept texts that once crashed") {
  std::error_code code;
  int found = 0;
  for (llvm::sys::fs::directory_iterator at(GRAPH_DATA "/crashers", code), end;
       at != end && !code; at.increment(code)) {
    auto buffer = llvm::MemoryBuffer::getFile(at->path());
    REQUIRE(buffer);
    TextFile file("");
    INFO(at->path());
    tryText(*context(), file.path, (*buffer)->getBuffer(),
            /*maxNodes=*/1000000);
    ++found;
  }
  CHECK(found > 0);
}

TEST_CASE("damaged texts") {
  std::vector<std::string> texts = seeds();
  Mutator mutator{texts};
  TextFile file("");
  int count = 20000, made = 0;
  if (const char *given = std::getenv("NACRE_MUTATIONS"))
    count = std::atoi(given);
  std::unique_ptr<mlir::MLIRContext> context;
  for (int i = 0; i < count; ++i) {
    // Types and attributes live as long as their context.
    if (i % 1000 == 0)
      context = std::make_unique<mlir::MLIRContext>(
          mlir::MLIRContext::Threading::DISABLED);
    std::string text = mutator.next();
    auto start = std::chrono::steady_clock::now();
    made += tryText(*context, file.path, text);
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    if (seconds > 2)
      FAIL_CHECK("took " << seconds << " s:\n" << text);
  }
  // Mutations that break nothing and those that do must both occur.
  CHECK(made > count / 50);
  CHECK(made < count);
}
