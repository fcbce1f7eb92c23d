//===- signature_mutations.cpp - wrong attributes end in messages ---------===//
//
// Programs with open extents whose attributes about them are changed: a text is
// refused, or it compiles and runs, whatever its numbers then are, within its
// buffers. Programs are what the ONNX importer makes.
//
//===----------------------------------------------------------------------===//

#include "LoadModel.h"
#include "Session.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Lazy/Signature.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <catch2/catch.hpp>
#include <random>

using namespace nacre;
using llvm::StringRef;

namespace {

std::string textOf(StringRef name) {
  auto buffer =
      llvm::MemoryBuffer::getFile(SIGNATURE_DATA "/" + name.str() + ".mlir");
  REQUIRE(buffer);
  return (*buffer)->getBuffer().str();
}

/// A part of a text that a mutation replaces.
struct Token {
  size_t begin, end;
  enum Kind { Number, Name, Key, List } kind;
};

/// Numbers, names, keys and lists of the attributes that begin with "lazy.".
std::vector<Token> tokensOf(StringRef text) {
  std::vector<Token> tokens;
  for (size_t at = text.find("{lazy."); at != StringRef::npos;
       at = text.find("{lazy.", at + 1)) {
    size_t end = at, depth = 0;
    do {
      depth += text[end] == '{';
      depth -= text[end] == '}';
      ++end;
    } while (depth > 0);
    for (size_t i = at; i < end; ++i) {
      size_t last = i;
      auto take = [&](Token::Kind kind) {
        tokens.push_back({i, last, kind});
        i = last - 1;
      };
      if (text[i] == '"') {
        last = text.find('"', i + 1) + 1;
        take(Token::Name);
      } else if (text.substr(i).starts_with("lazy.")) {
        last = text.find_first_of(" =", i);
        take(Token::Key);
      } else if (text.substr(i).starts_with("array<")) {
        tokens.push_back({i, text.find('>', i) + 1, Token::List});
        i += StringRef("array<i64").size();
      } else if (llvm::isDigit(text[i])) {
        last = text.find_first_not_of("0123456789", i);
        take(Token::Number);
      }
    }
  }
  return tokens;
}

class Mutator {
public:
  explicit Mutator(StringRef text) : text(text), tokens(tokensOf(text)) {}
  std::string next() {
    static const std::vector<std::string> pieces[] = {
        {"0", "1", "2", "3", "5", "7", "-1", "1000000", "9223372036854775807",
         "-9223372036854775807"},
        {"\"\"", "\"B\"", "\"T\"", "\"N\"", "\"M\"", "\"i.1\"", "3", "[]"},
        {"lazy.dim", "lazy.dims", "lazy.shape", "lazy.range", "lazy.open",
         "lazy.open_dims", "lazy.extents", "lazy.other"},
        {"array<i64>", "array<i64: 1>", "array<i64: 0, 1>", "array<i64: 0, 9>",
         "array<i64: 1, 1, 1, 0>", "array<i32: 1, 1>", "[]", "1", "\"N\""}};
    std::vector<std::pair<Token, std::string>> changes;
    for (size_t n = 1 + random() % 2; n > 0; --n) {
      Token token = tokens[random() % tokens.size()];
      const auto &choice = pieces[token.kind];
      changes.push_back({token, choice[random() % choice.size()]});
    }
    llvm::sort(changes, [](const auto &a, const auto &b) {
      return a.first.begin > b.first.begin;
    });
    std::string made = text;
    size_t before = made.size();
    for (const auto &[token, piece] : changes)
      if (token.end <= before) {
        made.replace(token.begin, token.end - token.begin, piece);
        before = token.begin;
      }
    return made;
  }

private:
  std::string text;
  std::vector<Token> tokens;
  std::mt19937 random{20261123};
};

/// An input for each argument that is none of the dims, all dims at `extent`
/// where they may be.
std::vector<Tensor> inputsOf(mlir::func::FuncOp main, int64_t extent) {
  std::vector<Tensor> inputs;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (lazy::dimScalar(main.getArgAttrDict(i)))
      continue;
    auto type = llvm::cast<mlir::RankedTensorType>(main.getArgumentTypes()[i]);
    lazy::CallerShape shape = lazy::callerShape(type, main.getArgAttrDict(i));
    for (auto [bound, dim] : llvm::zip_equal(shape.bounds, shape.dims))
      if (!dim.empty())
        bound = std::min(bound, extent);
    inputs.push_back(
        Tensor::zeros(dtypeOf(type.getElementType()), shape.bounds));
    for (int64_t k = 0; k < inputs.back().count(); ++k)
      inputs.back().setNumber(k, double(k % 3));
  }
  return inputs;
}

/// What a tensor's shape says can be read: ASan looks.
uint64_t touch(llvm::ArrayRef<Tensor> tensors) {
  uint64_t sum = 0;
  for (const Tensor &tensor : tensors)
    for (int64_t i = 0; i < tensor.byteCount(); ++i)
      sum += tensor.bytes[i];
  return sum;
}

/// Compiles a program and runs it at several extents; returns how many runs
/// came to an end of their own.
int runNatively(Program program, llvm::ArrayRef<std::vector<Tensor>> data) {
  driver::ModelOptions options;
  options.model = "m.mlir";
  options.optLevel = 0;
  options.threads = 1;
  auto tools = driver::chooseToolchain(options);
  REQUIRE(bool(tools));
  tools->options.embedWeights = false;
  auto compiled =
      driver::compileProgram(std::move(program), Phase::Import, *tools);
  if (!compiled)
    FAIL(llvm::toString(compiled.takeError()));
  auto model =
      tools->target->load(compiled->code, tools->options, tools->threads);
  if (!model)
    FAIL(llvm::toString(model.takeError()));
  int ran = 0;
  for (const std::vector<Tensor> &inputs : data) {
    auto call = (*model)->prepare(inputs);
    if (!call) {
      llvm::consumeError(call.takeError());
      continue;
    }
    if (llvm::Error error = (*model)->run(*call))
      llvm::consumeError(std::move(error));
    else
      touch(call->outputs);
    ++ran;
  }
  return ran;
}

enum class Ended { Refused, Compiled, Ran };

Ended tryText(mlir::MLIRContext &context, const std::string &text) {
  std::vector<std::string> said;
  mlir::ScopedDiagnosticHandler handler(
      &context, [&](mlir::Diagnostic &d) { said.push_back(d.str()); });
  Program program;
  program.module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
  if (!program.module || failed(lazy::verifyProgram(*program.module))) {
    CHECK(!said.empty());
    return Ended::Refused;
  }
  auto main = program.module->lookupSymbol<mlir::func::FuncOp>("main");
  std::vector<std::vector<Tensor>> data;
  for (int64_t extent : {0, 1, 2, 5, 1000})
    data.push_back(inputsOf(main, extent));
  for (const std::vector<Tensor> &inputs : data)
    if (auto results = reference::run(program, inputs))
      touch(*results);
    else
      llvm::consumeError(results.takeError());
  // A dim may be one that no input has any more.
  return runNatively(std::move(program), data) > 0 ? Ended::Ran
                                                   : Ended::Compiled;
}

} // namespace

TEST_CASE("changed attributes of open extents") {
  int count = 300;
  if (const char *given = std::getenv("NACRE_MUTATIONS"))
    count = std::atoi(given);
  for (StringRef name : {"open", "count"}) {
    std::string text = textOf(name);
    Mutator mutator(text);
    int ran = 0;
    auto context = makeContext();
    REQUIRE(tryText(*context, text) == Ended::Ran);
    for (int i = 0; i < count; ++i) {
      std::string changed = mutator.next();
      INFO(changed);
      ran += tryText(*context, changed) == Ended::Ran;
    }
    // Mutations that break nothing and those that do must both occur.
    CHECK(ran > count / 20);
    CHECK(ran < count);
  }
}
