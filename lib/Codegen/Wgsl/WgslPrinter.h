//===- WgslPrinter.h - kernels as one WGSL module ---------------*- C++ -*-===//
//
// WGSL has no pointers into buffers: device memory is an array of u32 words,
// and a buffer is an offset into it, in its elements. Kernels of a module share
// the variables of their bindings; each has its own uniform block. Kernels that
// store 8 or 16 bits see memory as atomic words, as two work-items may own
// bytes of one.
//
//===----------------------------------------------------------------------===//
#ifndef NACRE_CODEGEN_WGSL_WGSLPRINTER_H
#define NACRE_CODEGEN_WGSL_WGSLPRINTER_H

#include "../Text/Printer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>

namespace nacre::codegen {
using namespace mlir;

class WgslPrinter : public Printer {
public:
  explicit WgslPrinter(uint64_t chunkBytes) : chunkWords(chunkBytes / 4) {}

private:
  StringRef language() const override { return "WGSL"; }

  /// Declarations of the module, by name.
  std::map<std::string, std::string> globals, helpers;
  uint64_t chunkWords;
  bool atomicMemory = false; ///< in the kernel that is being printed

  std::string preamble() override {
    std::string text;
    for (auto &[name, declaration] : globals)
      text += declaration + "\n";
    for (auto &[name, function] : helpers)
      text += "\n" + function;
    return text;
  }

  //===-- types and literals ----------------------------------------------===//

  std::string typeName(Type type) const override {
    if (auto lanes = dyn_cast<VectorType>(type)) {
      int64_t count = lanes.getRank() == 1 ? lanes.getDimSize(0) : 0;
      Type element = lanes.getElementType();
      if ((count != 2 && count != 4) ||
          !(element.isF32() || element.isInteger(1)))
        return "";
      return "vec" + std::to_string(count) + "<" + typeName(element) + ">";
    }
    if (type.isIndex() || type.isInteger(32))
      return "i32";
    return type.isF32() ? "f32" : type.isInteger(1) ? "bool" : "";
  }
  std::string unsignedName(Type) const override { return "u32"; }
  Expr cast(StringRef type, const Expr &value) const override {
    return {(type + "(" + value.text + ")").str()};
  }
  Expr bitcast(Type type, const Expr &value) const override {
    return {"bitcast<" + typeName(type) + ">(" + value.text + ")"};
  }
  std::string literal(const APInt &value, bool isUnsigned) const override {
    return llvm::toString(value, 10, !isUnsigned) + (isUnsigned ? "u" : "");
  }
  /// No expression of literals may be an infinity or no number, and -0.0f is
  /// folded to 0 by Tint, so those come out of a variable.
  std::string literal(const APFloat &value) override {
    // The shortest decimal of the largest number is a little larger than it.
    if (value.isLargest()) {
      char text[32];
      value.convertToHexString(text, 0, false, llvm::RoundingMode::TowardZero);
      return text + std::string("f");
    }
    if (value.isFinite() && !value.isNegZero())
      return shortest(value) + "f";
    std::string bits = hex(value.bitcastToAPInt());
    std::string name = "bits_" + bits.substr(2);
    globals.insert({name, "var<private> " + name + ": u32 = " + bits + "u;"});
    return "bitcast<f32>(" + name + ")";
  }
  Expr select(const Expr &condition, const Expr &yes, const Expr &no,
              Type) const override {
    return {"select(" + no.text + ", " + yes.text + ", " + condition.text +
            ")"};
  }
  Expr construct(Type type, ArrayRef<std::string> parts) const override {
    return {typeName(type) + "(" + llvm::join(parts, ", ") + ")"};
  }
  Expr signExtend(const Expr &value, unsigned bits) const override {
    std::string text =
        value.isUnsigned ? "i32(" + value.text + ")" : value.text;
    return {"extractBits(" + text + ", 0u, " + std::to_string(bits) + "u)"};
  }
  bool signedWraps() const override { return true; }
  bool foldsLiterals() const override { return true; }
  bool amountIsUnsigned() const override { return true; }
  /// By WGSL's text it does; Tint makes it SPIR-V's OpFOrdNotEqual.
  bool differsFromNan() const override { return false; }

  StringRef function(StringRef op) const override {
    return llvm::StringSwitch<StringRef>(op)
        .Case("math.absf", "abs")
        .Case("math.absi", "abs")
        .Case("math.powf", "pow")
        .Case("math.roundeven", "round")
        .Case("math.rsqrt", "inverseSqrt")
        .Case("math.ctlz", "countLeadingZeros")
        .Case("math.cttz", "countTrailingZeros")
        .Case("math.ctpop", "countOneBits")
        .Case("arith.remf", "%")
        .Cases({"math.exp",   "math.exp2",  "math.log",   "math.log2",
                "math.sqrt",  "math.sin",   "math.cos",   "math.tan",
                "math.asin",  "math.acos",  "math.atan",  "math.atan2",
                "math.sinh",  "math.cosh",  "math.tanh",  "math.asinh",
                "math.acosh", "math.atanh", "math.floor", "math.ceil",
                "math.trunc", "math.fma"},
               op.substr(5))
        .Default("");
  }

  //===-- statements ------------------------------------------------------===//

  std::string declaration(Type type, StringRef name,
                          bool isMutable) const override {
    return isMutable ? "var " + name.str() + ": " + typeName(type)
                     : "let " + name.str();
  }
  StringRef endlessLoop() const override { return "loop"; }
  StringRef barrier() const override { return "workgroupBarrier()"; }
  std::string privateArray(Type element, int64_t count,
                           StringRef name) const override {
    return "var " + name.str() + ": " + arrayOf(element, count) + ";";
  }
  std::string arrayOf(Type element, int64_t count) const {
    return "array<" + typeName(element) + ", " + std::to_string(count) + ">";
  }
  std::string setStatus(StringRef value) override {
    return "atomicStore(&status, " + value.str() + ")";
  }
  std::string resultStruct(StringRef name, TypeRange types) const override {
    std::string text = "struct " + name.str() + " {";
    for (auto [n, type] : llvm::enumerate(types))
      text += (n ? ", r" : " r") + std::to_string(n) + ": " + typeName(type);
    return text + " }";
  }
  std::string structVariable(StringRef type, StringRef name,
                             StringRef init) const override {
    return (init.empty() ? "var " + name + ": " + type + ";"
                         : "let " + name + " = " + init + ";")
        .str();
  }

  //===-- memory (Memory.cpp)
  //-----------------------------------------------===//

  /// What the names of functions that read `buffer` begin with.
  std::string source(const Buffer &buffer) const;
  /// Word number `index` of the binding behind `buffer`.
  std::string word(const Buffer &buffer, StringRef index);
  static Expr at(const Buffer &buffer, const Expr &index);
  static unsigned lanes(Type type);
  std::string loadBuffer(const Buffer &buffer, const Expr &index, Type type,
                         bool zeroExtends, bool) override;
  std::string storeBuffer(const Buffer &buffer, const Expr &index, Type type,
                          const Expr &value, bool) override;
  static std::string element(StringRef array, StringRef index, unsigned n);
  std::string loadVector(memref::AllocaOp, StringRef name, const Expr &index,
                         VectorType type, bool) override;
  void storeVector(memref::AllocaOp, StringRef name, const Expr &index,
                   const Expr &value, VectorType type, bool) override;

  //===-- functions (Render.cpp)
  //--------------------------------------------===//

  void bind(unsigned number, StringRef kind, const Twine &name, StringRef type);
  void openKernel(func::FuncOp kernel, Signature &signature,
                  ArrayRef<memref::AllocaOp> shared) override;
  void openHelper(func::FuncOp helper, StringRef result,
                  ArrayRef<std::string> argNames) override;
};

} // namespace nacre::codegen

#endif // NACRE_CODEGEN_WGSL_WGSLPRINTER_H
