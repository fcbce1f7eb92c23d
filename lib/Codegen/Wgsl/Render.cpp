//===- Render.cpp - kernels as one WGSL module ----------------------------===//
//
// WGSL has no pointers into buffers: device memory is an array of u32 words,
// and a buffer is an offset into it, in its elements. Kernels of a module share
// the variables of their bindings; each has its own uniform block. Kernels that
// store 8 or 16 bits see memory as atomic words, as two work-items may own
// bytes of one.
//
//===----------------------------------------------------------------------===//
#include "../Text/Printer.h"
#include "Wgsl.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <map>

using namespace mlir;
namespace nacre::codegen {
namespace {

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

  //===-- memory ----------------------------------------------------------===//

  /// What the names of functions that read `buffer` begin with.
  std::string source(const Buffer &buffer) const {
    if (!buffer.weights)
      return atomicMemory ? "memory_atomic" : "memory";
    std::string name = "chunk_" + std::to_string(buffer.binding);
    return buffer.chunks == 1 ? name
                              : name + "_of_" + std::to_string(buffer.chunks);
  }
  /// Word number `index` of the binding behind `buffer`.
  std::string word(const Buffer &buffer, StringRef index) {
    std::string name = source(buffer);
    if (!buffer.weights && atomicMemory)
      return "atomicLoad(&memory_atomic[" + index.str() + "])";
    if (buffer.chunks == 1)
      return name + "[" + index.str() + "]";
    std::string text = "fn " + name + "(at: i32) -> u32 {\n";
    for (unsigned n = 0; n < buffer.chunks; ++n) {
      std::string end = std::to_string((n + 1) * chunkWords);
      std::string start = n ? " - " + std::to_string(n * chunkWords) : "";
      std::string read = "return chunk_" + std::to_string(buffer.binding + n) +
                         "[at" + start + "];";
      text += n + 1 < buffer.chunks
                  ? "  if (at < " + end + ") {\n    " + read + "\n  }\n"
                  : "  " + read + "\n}\n";
    }
    helpers.insert({name, text});
    return name + "(" + index.str() + ")";
  }
  static Expr at(const Buffer &buffer, const Expr &index) {
    if (index.text == "0")
      return {buffer.name + "_at"};
    return {
        buffer.name + "_at + " +
            (index.level < Level::Sum ? "(" + index.text + ")" : index.text),
        Level::Sum};
  }
  static unsigned lanes(Type type) {
    return cast<VectorType>(type).getDimSize(0);
  }

  std::string loadBuffer(const Buffer &buffer, const Expr &index, Type type,
                         bool zeroExtends, bool) override {
    std::string place = at(buffer, index).text;
    if (isa<VectorType>(type)) {
      std::string n = std::to_string(lanes(type));
      std::string name = source(buffer) + "_vec" + n, words;
      for (unsigned lane = 0; lane < lanes(type); ++lane)
        words += (lane ? ",\n      " : "") +
                 word(buffer, lane ? "at + " + std::to_string(lane) : "at");
      helpers.insert({name, "fn " + name + "(at: i32) -> vec" + n +
                                "<f32> {\n  return bitcast<vec" + n +
                                "<f32>>(vec" + n + "<u32>(\n      " + words +
                                "));\n}\n"});
      return name + "(" + place + ")";
    }
    unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 32;
    if (bits == 32)
      return "bitcast<" + typeName(type) + ">(" + word(buffer, place) + ")";
    std::string width = std::to_string(bits);
    std::string name = source(buffer) + (zeroExtends ? "_u" : "_i") + width;
    std::string part = "u32(at & " + std::to_string(32 / bits - 1) + ") * " +
                       width + "u, " + width + "u)";
    std::string whole = word(buffer, bits == 8 ? "at >> 2u" : "at >> 1u");
    helpers.insert(
        {name, "fn " + name + "(at: i32) -> i32 {\n  return " +
                   (zeroExtends
                        ? "i32(extractBits(" + whole + ", " + part + ")"
                        : "extractBits(bitcast<i32>(" + whole + "), " + part) +
                   ";\n}\n"});
    return name + "(" + place + ")";
  }

  std::string storeBuffer(const Buffer &buffer, const Expr &index, Type type,
                          const Expr &value, bool) override {
    std::string place = at(buffer, index).text;
    auto put = [&](StringRef place, StringRef bits) {
      return (atomicMemory
                  ? "atomicStore(&memory_atomic[" + place + "], " + bits + ")"
                  : "memory[" + place + "] = " + bits)
          .str();
    };
    if (isa<VectorType>(type)) {
      std::string name =
          source(buffer) + "_store_vec" + std::to_string(lanes(type));
      std::string text =
          "fn " + name + "(at: i32, value: " + typeName(type) + ") {\n";
      for (unsigned n = 0; n < lanes(type); ++n)
        text += "  " +
                put(n ? "at + " + std::to_string(n) : "at",
                    std::string("bitcast<u32>(value.") + "xyzw"[n] + ")") +
                ";\n";
      helpers.insert({name, text + "}\n"});
      return name + "(" + place + ", " + value.text + ")";
    }
    unsigned bits = type.getIntOrFloatBitWidth();
    if (bits == 32)
      return put(place, value.isUnsigned ? value.text
                                         : "bitcast<u32>(" + value.text + ")");
    std::string width = std::to_string(bits);
    std::string mask = bits == 8 ? "0xffu" : "0xffffu";
    std::string name = "memory_atomic_store_i" + width;
    std::string target =
        std::string("&memory_atomic[at >> ") + (bits == 8 ? "2u]" : "1u]");
    helpers.insert(
        {name, "fn " + name +
                   "(at: i32, value: i32) {\n  let shift = u32(at & " +
                   std::to_string(32 / bits - 1) + ") * " + width +
                   "u;\n  atomicAnd(" + target + ", ~(" + mask +
                   " << shift));\n  atomicOr(" + target + ", (u32(value) & " +
                   mask + ") << shift);\n}\n"});
    return name + "(" + place + ", " +
           (value.isUnsigned ? "i32(" + value.text + ")" : value.text) + ")";
  }

  static std::string element(StringRef array, StringRef index, unsigned n) {
    return (array + "[" + index + (n ? " + " + Twine(n) : Twine("")) + "]")
        .str();
  }
  std::string loadVector(memref::AllocaOp, StringRef name, const Expr &index,
                         VectorType type, bool) override {
    SmallVector<std::string> parts;
    for (unsigned n = 0; n < lanes(type); ++n)
      parts.push_back(element(name, index.text, n));
    std::string text = construct(type, parts).text;
    if (text.size() <= longLine)
      return text;
    std::string separator = ",\n" + std::string(2 * indent + 4, ' ');
    return typeName(type) + "(" + llvm::join(parts, separator) + ")";
  }
  void storeVector(memref::AllocaOp, StringRef name, const Expr &index,
                   const Expr &value, VectorType type, bool) override {
    for (unsigned n = 0; n < lanes(type); ++n)
      line(element(name, index.text, n) + " = " + paren(value, Level::Primary) +
           "." + Twine("xyzw"[n]) + ";");
  }

  //===-- functions -------------------------------------------------------===//

  void bind(unsigned number, StringRef kind, const Twine &name,
            StringRef type) {
    std::string at = std::to_string(number), variable = name.str();
    globals.insert({at + variable, "@group(0) @binding(" + at + ") var<" +
                                       kind.str() + "> " + variable + ": " +
                                       type.str() + ";"});
  }

  void openKernel(func::FuncOp kernel, Signature &signature,
                  ArrayRef<memref::AllocaOp> shared) override {
    atomicMemory = false;
    kernel.walk([&](memref::StoreOp store) {
      Type type = store.getValue().getType();
      atomicMemory |= isa<BlockArgument>(store.getMemRef()) &&
                      (type.isInteger(8) || type.isInteger(16));
    });
    if (signature.usesMemory)
      bind(1, "storage, read_write", atomicMemory ? "memory_atomic" : "memory",
           atomicMemory ? "array<atomic<u32>>" : "array<u32>");
    for (const Buffer &buffer : signature.buffers)
      if (buffer.weights && !buffer.arg.use_empty())
        for (unsigned n = 0; n < buffer.chunks; ++n)
          bind(buffer.binding + n, "storage, read",
               "chunk_" + Twine(buffer.binding + n), "array<u32>");
    if (signature.status)
      bind(signature.statusBinding, "storage, read_write", "status",
           "atomic<i32>");

    std::string block = names.plain((kernel.getName() + "_params").str());
    std::string params = names.plain((kernel.getName() + "_p").str());
    SmallVector<std::string> members, reads;
    for (const Buffer &buffer : signature.buffers) {
      members.push_back(buffer.name + "_at");
      if (!buffer.arg.use_empty())
        reads.push_back(members.back());
    }
    for (BlockArgument dim : signature.dims) {
      members.push_back(use(dim).text);
      if (!dim.use_empty())
        reads.push_back(members.back());
    }
    if (!members.empty()) {
      std::string text = "struct " + block + " {";
      for (auto [n, member] : llvm::enumerate(members))
        text += (n ? ", " : " ") + member + ": u32";
      line(text + " }");
      line("@group(0) @binding(0) var<uniform> " + params + ": " + block + ";");
    }
    for (memref::AllocaOp array : shared) {
      MemRefType type = array.getType();
      std::string name = names.numbered((kernel.getName() + "_shared").str());
      set(array, {name});
      line("var<workgroup> " + name + ": " +
           arrayOf(type.getElementType(), type.getNumElements()) + ";");
    }

    // A launch has rows of 65535 groups; one of less is exact.
    bool rows = !signature.groups || *signature.groups > 65535;
    bool usesGroup = !signature.group.use_empty() || (rows && signature.groups);
    SmallVector<std::string> args;
    if (usesGroup)
      args.push_back("@builtin(workgroup_id) workgroup_id: vec3<u32>");
    if (usesGroup && rows)
      args.push_back("@builtin(num_workgroups) num_workgroups: vec3<u32>");
    if (!signature.item.use_empty())
      args.push_back("@builtin(local_invocation_index) local_index: u32");
    line("@compute @workgroup_size(" + Twine(signature.groupSize) + ")");
    line("fn " + kernel.getName() + "(" +
         (args.size() > 1 ? "" : llvm::join(args, "")) +
         (args.size() > 1 ? "" : ") {"));
    ++indent, ++indent;
    if (args.size() > 1)
      for (auto [n, arg] : llvm::enumerate(args))
        line(arg + (n + 1 < args.size() ? "," : ") {"));
    --indent;
    for (StringRef name : reads)
      line("let " + name + " = i32(" + params + "." + name + ");");
    if (usesGroup)
      line(rows ? "let group = i32(workgroup_id.x + workgroup_id.y * "
                  "num_workgroups.x);"
                : "let group = i32(workgroup_id.x);");
    if (rows && signature.groups) {
      line("if (group >= " + Twine(*signature.groups) + ") {");
      line("  return;");
      line("}");
    }
    if (!signature.item.use_empty())
      line("let item = i32(local_index);");
    --indent;
  }

  void openHelper(func::FuncOp helper, StringRef result,
                  ArrayRef<std::string> argNames) override {
    SmallVector<std::string> args;
    for (auto [type, name] : llvm::zip(helper.getArgumentTypes(), argNames))
      args.push_back(name + ": " + typeName(type));
    line("fn " + helper.getName() + "(" + llvm::join(args, ", ") + ")" +
         (result.empty() ? "" : " -> " + result.str()) + " {");
  }
};

} // namespace

FailureOr<std::string> renderWgsl(ModuleOp module, uint64_t chunkBytes) {
  return WgslPrinter(chunkBytes).render(module);
}

} // namespace nacre::codegen
