//===- Render.cpp - kernels as OpenCL C 1.2 -------------------------------===//
//
// A buffer is two arguments, a base and a byte offset, as sub-buffers would
// have to be aligned to what each device wants.
//
//===----------------------------------------------------------------------===//
#include "../Text/Printer.h"
#include "OpenCl.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
namespace nacre::codegen {
namespace {

class OpenClPrinter : public Printer {
  StringRef language() const override { return "OpenCL C"; }

  std::string preamble() override {
    bool doubles = false;
    module.walk([&](Operation *op) {
      for (Type type : op->getResultTypes())
        doubles |= type.isF64();
      if (auto function = dyn_cast<func::FuncOp>(op))
        for (Type type : function.getArgumentTypes())
          doubles |= getElementTypeOrSelf(type).isF64();
    });
    return std::string(doubles
                           ? "#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n"
                           : "") +
           "#pragma OPENCL FP_CONTRACT OFF\n";
  }

  //===-- types and literals ----------------------------------------------===//

  std::string typeName(Type type) const override {
    if (auto lanes = dyn_cast<VectorType>(type)) {
      int64_t count = lanes.getRank() == 1 ? lanes.getDimSize(0) : 0;
      if (count != 2 && count != 4)
        return "";
      Type element = lanes.getElementType();
      std::string name = element.isF32()        ? "float"
                         : element.isInteger(1) ? "int" // -1 where it holds
                                                : "";
      return name.empty() ? name : name + std::to_string(count);
    }
    if (type.isIndex() || type.isInteger(32))
      return "int";
    return type.isF32()         ? "float"
           : type.isF64()       ? "double"
           : type.isInteger(1)  ? "bool"
           : type.isInteger(64) ? "long"
                                : "";
  }
  std::string storageName(Type type) const {
    return type.isInteger(8)    ? "char"
           : type.isInteger(16) ? "short"
                                : typeName(type);
  }
  std::string unsignedName(Type type) const override {
    return "u" + typeName(type);
  }
  Expr cast(StringRef type, const Expr &value) const override {
    return {("(" + type + ")").str() + paren(value, Level::Unary),
            Level::Unary};
  }
  Expr bitcast(Type type, const Expr &value) const override {
    return {"as_" + typeName(type) + "(" + value.text + ")"};
  }
  std::string literal(const APInt &value, bool isUnsigned) const override {
    std::string suffix = value.getBitWidth() > 32 ? "l" : "";
    if (isUnsigned)
      return llvm::toString(value, 10, false) + "u" + suffix;
    if (value.isMinSignedValue()) // the language has no negative literals
      return "(" + llvm::toString(value + 1, 10, true) + suffix + " - 1)";
    return llvm::toString(value, 10, true) + suffix;
  }
  std::string literal(const APFloat &value) override {
    bool isDouble = &value.getSemantics() == &APFloat::IEEEdouble();
    if (value.isInfinity())
      return value.isNegative() ? "-INFINITY" : "INFINITY";
    if (value.isNaN())
      return (isDouble ? "as_double(" : "as_float(") +
             hex(value.bitcastToAPInt()) + (isDouble ? "l)" : ")");
    return shortest(value) + (isDouble ? "" : "f");
  }
  Expr select(const Expr &condition, const Expr &yes, const Expr &no,
              Type conditionType) const override {
    if (isa<VectorType>(conditionType))
      return {"select(" + no.text + ", " + yes.text + ", " + condition.text +
              ")"};
    return {paren(condition, Level::Or) + " ? " + paren(yes, Level::Or) +
                " : " + paren(no, Level::Or),
            Level::Select};
  }
  Expr construct(Type type, ArrayRef<std::string> parts) const override {
    return {"(" + typeName(type) + ")(" + llvm::join(parts, ", ") + ")"};
  }
  Expr signExtend(const Expr &value, unsigned bits) const override {
    return cast(bits == 8 ? "char" : "short", value);
  }
  bool signedWraps() const override { return false; }
  bool foldsLiterals() const override { return false; }
  bool amountIsUnsigned() const override { return false; }
  bool differsFromNan() const override { return true; }

  StringRef function(StringRef op) const override {
    return llvm::StringSwitch<StringRef>(op)
        .Case("math.absf", "fabs")
        .Case("math.absi", "abs unsigned")
        .Case("math.powf", "pow")
        .Case("math.roundeven", "rint")
        .Case("math.ctlz", "clz")
        .Case("math.ctpop", "popcount")
        .Case("math.isnan", "isnan")
        .Case("math.isinf", "isinf")
        .Case("arith.remf", "fmod")
        .Case("arith.maxnumf", "fmax")
        .Case("arith.minnumf", "fmin")
        .Cases({"math.exp",   "math.exp2",  "math.expm1",   "math.log",
                "math.log2",  "math.log10", "math.log1p",   "math.sqrt",
                "math.rsqrt", "math.cbrt",  "math.sin",     "math.cos",
                "math.tan",   "math.asin",  "math.acos",    "math.atan",
                "math.atan2", "math.sinh",  "math.cosh",    "math.tanh",
                "math.asinh", "math.acosh", "math.atanh",   "math.erf",
                "math.erfc",  "math.floor", "math.ceil",    "math.trunc",
                "math.round", "math.fma",   "math.copysign"},
               op.substr(5))
        .Default("");
  }

  //===-- statements ------------------------------------------------------===//

  std::string declaration(Type type, StringRef name, bool) const override {
    return typeName(type) + " " + name.str();
  }
  StringRef endlessLoop() const override { return "while (true)"; }
  StringRef barrier() const override { return "barrier(CLK_LOCAL_MEM_FENCE)"; }
  std::string privateArray(Type element, int64_t count,
                           StringRef name) const override {
    return typeName(element) + " " + name.str() + "[" + std::to_string(count) +
           "];";
  }
  std::string setStatus(StringRef value) override {
    return "atomic_xchg(status, " + value.str() + ")";
  }
  std::string resultStruct(StringRef name, TypeRange types) const override {
    std::string text = "typedef struct {";
    for (auto [n, type] : llvm::enumerate(types))
      text += " " + typeName(type) + " r" + std::to_string(n) + ";";
    return text + " } " + name.str() + ";";
  }
  std::string structVariable(StringRef type, StringRef name,
                             StringRef init) const override {
    return (type + " " + name + (init.empty() ? "" : " = ") + init + ";").str();
  }

  //===-- memory ----------------------------------------------------------===//

  static Expr at(StringRef array, const Expr &index) {
    if (index.text == "0")
      return {array.str()};
    return {array.str() + " + " + index.text, Level::Sum};
  }
  std::string vectorAt(const Expr &place, StringRef space, Type type) const {
    return "*(" + space.str() + typeName(type) + " *)" +
           paren(place, Level::Unary);
  }
  static std::string lanes(Type type) {
    return std::to_string(cast<VectorType>(type).getDimSize(0));
  }
  /// Of vectors of four only, as `aligned` speaks of 16 bytes.
  static bool isWhole(Type type, bool aligned) {
    return aligned && cast<VectorType>(type).getDimSize(0) == 4;
  }

  std::string loadFrom(StringRef array, StringRef space, const Expr &index,
                       Type type, bool aligned) const {
    if (isWhole(type, aligned))
      return vectorAt(at(array, index), space, type);
    return "vload" + lanes(type) + "(0, " + at(array, index).text + ")";
  }
  std::string storeTo(StringRef array, StringRef space, const Expr &index,
                      Type type, const Expr &value, bool aligned) const {
    if (isWhole(type, aligned))
      return vectorAt(at(array, index), space, type) + " = " + value.text;
    return "vstore" + lanes(type) + "(" + value.text + ", 0, " +
           at(array, index).text + ")";
  }

  std::string loadBuffer(const Buffer &buffer, const Expr &index, Type type,
                         bool zeroExtends, bool aligned) override {
    if (isa<VectorType>(type))
      return loadFrom(buffer.name,
                      buffer.write ? "__global " : "__global const ", index,
                      type, aligned);
    std::string text = buffer.name + "[" + index.text + "]";
    return zeroExtends ? "(u" + storageName(type) + ")" + text : text;
  }
  std::string storeBuffer(const Buffer &buffer, const Expr &index, Type type,
                          const Expr &value, bool aligned) override {
    if (isa<VectorType>(type))
      return storeTo(buffer.name, "__global ", index, type, value, aligned);
    bool narrow = type.isInteger(8) || type.isInteger(16);
    return buffer.name + "[" + index.text +
           "] = " + (narrow ? cast(storageName(type), value).text : value.text);
  }
  std::string loadVector(memref::AllocaOp array, StringRef name,
                         const Expr &index, VectorType type,
                         bool aligned) override {
    return loadFrom(name, isShared(array) ? "__local " : "", index, type,
                    aligned);
  }
  void storeVector(memref::AllocaOp array, StringRef name, const Expr &index,
                   const Expr &value, VectorType type, bool aligned) override {
    line(storeTo(name, isShared(array) ? "__local " : "", index, type, value,
                 aligned) +
         ";");
  }

  //===-- functions -------------------------------------------------------===//

  void openKernel(func::FuncOp kernel, Signature &signature,
                  ArrayRef<memref::AllocaOp> shared) override {
    line("__attribute__((reqd_work_group_size(" + Twine(signature.groupSize) +
         ", 1, 1)))");
    SmallVector<std::string> args;
    for (const Buffer &buffer : signature.buffers)
      args.push_back("__global uchar *" + buffer.name + "_base, ulong " +
                     buffer.name + "_at");
    if (signature.status)
      args.push_back("volatile __global int *status");
    for (BlockArgument dim : signature.dims)
      args.push_back("int " + use(dim).text);
    line("__kernel void " + kernel.getName() + "(");
    ++indent, ++indent;
    for (auto [n, arg] : llvm::enumerate(args))
      line(arg + (n + 1 < args.size() ? "," : ") {"));
    if (args.empty())
      line(") {");
    --indent;
    for (const Buffer &buffer : signature.buffers) {
      if (buffer.arg.use_empty())
        continue;
      std::string type = std::string("__global ") +
                         (buffer.write ? "" : "const ") +
                         storageName(buffer.element) + " *";
      line(type + (buffer.noalias ? "restrict " : "") + buffer.name + " = (" +
           type + ")(" + buffer.name + "_base + " + buffer.name + "_at);");
    }
    for (memref::AllocaOp array : shared) {
      MemRefType type = array.getType();
      std::string name = names.numbered("shared");
      set(array, {name});
      line("__local " + typeName(type.getElementType()) + " " + name + "[" +
           Twine(type.getNumElements()) + "] __attribute__((aligned(16)));");
    }
    if (!signature.group.use_empty())
      line("int group = (int)get_group_id(0);");
    if (!signature.item.use_empty())
      line("int item = (int)get_local_id(0);");
    --indent;
  }

  void openHelper(func::FuncOp helper, StringRef result,
                  ArrayRef<std::string> argNames) override {
    SmallVector<std::string> args;
    for (auto [type, name] : llvm::zip(helper.getArgumentTypes(), argNames))
      args.push_back(typeName(type) + " " + name);
    line((result.empty() ? "void" : result) + " " + helper.getName() + "(" +
         llvm::join(args, ", ") + ") {");
  }
};

} // namespace

FailureOr<std::string> renderOpenCl(ModuleOp module) {
  return OpenClPrinter().render(module);
}

} // namespace nacre::codegen
