//===- Memory.cpp - buffers as words of bindings --------------------------===//
#include "WgslPrinter.h"

namespace nacre::codegen {

/// What the names of functions that read `buffer` begin with.
std::string WgslPrinter::source(const Buffer &buffer) const {
  if (!buffer.weights)
    return atomicMemory ? "memory_atomic" : "memory";
  std::string name = "chunk_" + std::to_string(buffer.binding);
  return buffer.chunks == 1 ? name
                            : name + "_of_" + std::to_string(buffer.chunks);
}

/// Word number `index` of the binding behind `buffer`.
std::string WgslPrinter::word(const Buffer &buffer, StringRef index) {
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

Expr WgslPrinter::at(const Buffer &buffer, const Expr &index) {
  if (index.text == "0")
    return {buffer.name + "_at"};
  return {buffer.name + "_at + " +
              (index.level < Level::Sum ? "(" + index.text + ")" : index.text),
          Level::Sum};
}

unsigned WgslPrinter::lanes(Type type) {
  return cast<VectorType>(type).getDimSize(0);
}

std::string WgslPrinter::loadBuffer(const Buffer &buffer, const Expr &index,
                                    Type type, bool zeroExtends, bool) {
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
      {name,
       "fn " + name + "(at: i32) -> i32 {\n  return " +
           (zeroExtends ? "i32(extractBits(" + whole + ", " + part + ")"
                        : "extractBits(bitcast<i32>(" + whole + "), " + part) +
           ";\n}\n"});
  return name + "(" + place + ")";
}

std::string WgslPrinter::storeBuffer(const Buffer &buffer, const Expr &index,
                                     Type type, const Expr &value, bool) {
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
  helpers.insert({name, "fn " + name +
                            "(at: i32, value: i32) {\n  let shift = u32(at & " +
                            std::to_string(32 / bits - 1) + ") * " + width +
                            "u;\n  atomicAnd(" + target + ", ~(" + mask +
                            " << shift));\n  atomicOr(" + target +
                            ", (u32(value) & " + mask + ") << shift);\n}\n"});
  return name + "(" + place + ", " +
         (value.isUnsigned ? "i32(" + value.text + ")" : value.text) + ")";
}

std::string WgslPrinter::element(StringRef array, StringRef index, unsigned n) {
  return (array + "[" + index + (n ? " + " + Twine(n) : Twine("")) + "]").str();
}

std::string WgslPrinter::loadVector(memref::AllocaOp, StringRef name,
                                    const Expr &index, VectorType type, bool) {
  SmallVector<std::string> parts;
  for (unsigned n = 0; n < lanes(type); ++n)
    parts.push_back(element(name, index.text, n));
  std::string text = construct(type, parts).text;
  if (text.size() <= longLine)
    return text;
  std::string separator = ",\n" + std::string(2 * indent + 4, ' ');
  return typeName(type) + "(" + llvm::join(parts, separator) + ")";
}

void WgslPrinter::storeVector(memref::AllocaOp, StringRef name,
                              const Expr &index, const Expr &value,
                              VectorType type, bool) {
  for (unsigned n = 0; n < lanes(type); ++n)
    line(element(name, index.text, n) + " = " + paren(value, Level::Primary) +
         "." + Twine("xyzw"[n]) + ";");
}

} // namespace nacre::codegen
