//===- InterpretText.cpp - run lazy IR written as text --------------------===//

#include "InterpretText.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "nacre/Lazy/Lazy.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/ADT/StringExtras.h"
#include <catch2/catch.hpp>

using namespace mlir;

namespace nacre::test {

MLIRContext *context() {
  static MLIRContext *made = [] {
    auto *c = new MLIRContext(MLIRContext::Threading::DISABLED);
    c->loadDialect<lazy::LazyDialect, func::FuncDialect>();
    return c;
  }();
  return made;
}

static std::string text(Type type) {
  std::string out;
  llvm::raw_string_ostream(out) << type;
  return out;
}

static SmallVector<StringRef> words(StringRef line) {
  SmallVector<StringRef> out;
  llvm::SplitString(line, out);
  return out;
}

Tensor tensor(StringRef typeText, StringRef elements) {
  auto type = cast<RankedTensorType>(
      parseType(("tensor<" + typeText + ">").str(), context()));
  Tensor t = Tensor::zeros(dtypeOf(type.getElementType()), type.getShape());
  SmallVector<StringRef> values = words(elements);
  REQUIRE(static_cast<int64_t>(values.size()) == t.count());
  for (auto [i, word] : llvm::enumerate(values)) {
    if (t.dtype >= DType::F16)
      t.setNumber(i, std::strtod(word.str().c_str(), nullptr));
    else if (word.starts_with("-"))
      t.setInteger(i, std::strtoll(word.str().c_str(), nullptr, 0));
    else
      t.setInteger(i, std::strtoull(word.str().c_str(), nullptr, 0));
  }
  return t;
}

std::string show(const Tensor &t) {
  std::string out;
  for (int64_t i = 0; i < t.count(); ++i) {
    out += i ? " " : "";
    if (t.dtype == DType::U64) {
      out += std::to_string(t.data<uint64_t>()[i]);
    } else if (t.dtype < DType::F16) {
      out += std::to_string(t.integerAt(i));
    } else if (double v = t.numberAt(i); std::isnan(v)) {
      out += "nan";
    } else if (v == std::trunc(v) && std::fabs(v) < 9e18) {
      out += (std::signbit(v) ? "-" : "") +
             std::to_string(static_cast<int64_t>(std::fabs(v)));
    } else {
      // The shortest decimal that reads back as the element.
      Tensor back = Tensor::zeros(t.dtype, {});
      char digits[40];
      for (int precision = 1; precision <= 17; ++precision) {
        std::snprintf(digits, sizeof digits, "%.*g", precision, v);
        back.setNumber(0, std::strtod(digits, nullptr));
        if (back.numberAt(0) == v)
          break;
      }
      out += digits;
    }
  }
  return out;
}

static std::string print(ModuleOp module) {
  std::string out;
  llvm::raw_string_ostream stream(out);
  module.print(stream);
  return out;
}

Program parse(StringRef source) {
  Program program;
  program.module = parseSourceString<ModuleOp>(source, context());
  INFO(source.str());
  REQUIRE(program.module);
  std::string once = print(*program.module);
  auto again = parseSourceString<ModuleOp>(once, context());
  REQUIRE(again);
  REQUIRE(print(*again) == once);
  return program;
}

std::string interpret(StringRef source, ArrayRef<Tensor> inputs,
                      const WeightStore &weights) {
  Program program = parse(source);
  *program.weights = weights;
  llvm::Expected<SmallVector<Tensor>> results = reference::run(program, inputs);
  if (!results)
    return "error: " + llvm::toString(results.takeError());
  std::vector<std::string> shown;
  for (auto [i, result] : llvm::enumerate(*results)) {
    // The result has the type the program says, where that is static.
    auto main = cast<func::FuncOp>(program.module->lookupSymbol("main"));
    auto type = cast<RankedTensorType>(main.getResultTypes()[i]);
    CHECK(dtypeOf(type.getElementType()) == result.dtype);
    if (type.hasStaticShape())
      CHECK(type.getShape() == ArrayRef<int64_t>(result.shape));
    shown.push_back(show(result));
  }
  return llvm::join(shown, " | ");
}

std::string apply(StringRef operation, ArrayRef<Tensor> inputs,
                  const WeightStore &weights) {
  std::string arguments;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    Type type =
        RankedTensorType::get(input.shape, elementType(context(), input.dtype));
    arguments += i ? ", %" : "%";
    arguments += static_cast<char>('a' + i);
    arguments += ": " + text(type);
  }
  std::string result = operation.substr(operation.rfind("tensor<")).str();
  return interpret("func.func @main(" + arguments + ") -> " + result +
                       " {\n  %r = " + operation.str() +
                       "\n  return %r : " + result + "\n}",
                   inputs, weights);
}

static std::string vectorOf(StringRef elements, StringRef element) {
  return std::to_string(words(elements).size()) + "x" + element.str();
}

std::string unary(StringRef name, StringRef element, StringRef x) {
  std::string type = vectorOf(x, element);
  return apply(("lazy." + name + " %a : tensor<" + type + ">").str(),
               {tensor(type, x)});
}

std::string binary(StringRef name, StringRef element, StringRef a,
                   StringRef b) {
  std::string type = vectorOf(a, element);
  return apply(("lazy." + name + " %a, %b : tensor<" + type + ">").str(),
               {tensor(type, a), tensor(type, b)});
}

std::string compare(StringRef kind, StringRef element, StringRef a,
                    StringRef b) {
  std::string type = vectorOf(a, element);
  return apply(("lazy.cmp " + kind + ", %a, %b : tensor<" + type +
                "> -> tensor<" + vectorOf(a, "i1") + ">")
                   .str(),
               {tensor(type, a), tensor(type, b)});
}

std::string convert(StringRef from, StringRef to, StringRef x,
                    StringRef operation) {
  std::string type = vectorOf(x, from);
  return apply(("lazy." + operation + " %a : tensor<" + type + "> -> tensor<" +
                vectorOf(x, to) + ">")
                   .str(),
               {tensor(type, x)});
}

} // namespace nacre::test
