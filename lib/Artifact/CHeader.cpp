//===- CHeader.cpp - the typed C header of a compiled model ---------------===//
//
// Nothing of the model's text enters the header as it is: names become
// identifiers (CName), comments are escaped.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/CName.h"
#include "llvm/ADT/STLExtras.h"

using llvm::raw_ostream;
using llvm::StringRef;

namespace nacre::artifact {

const char *cType(DType dtype) {
  switch (dtype) {
  case DType::I8:
    return "int8_t";
  case DType::I16:
    return "int16_t";
  case DType::U16:
  case DType::F16:
  case DType::BF16:
    return "uint16_t";
  case DType::I32:
    return "int32_t";
  case DType::U32:
    return "uint32_t";
  case DType::I64:
    return "int64_t";
  case DType::U64:
    return "uint64_t";
  case DType::F32:
    return "float";
  case DType::F64:
    return "double";
  default: // bool, u8 and the narrow types
    return "uint8_t";
  }
}

/// "f32 [N<=8, 3]", for a comment.
std::string typeText(const TensorInfo &tensor) {
  std::string text = tensor.dtypeText().str() + " [";
  for (auto [axis, extent] : llvm::enumerate(tensor.shape)) {
    text += axis ? ", " : "";
    if (axis < tensor.dimNames.size() && !tensor.dimNames[axis].empty())
      text += commentText(tensor.dimNames[axis]) + "<=";
    text += std::to_string(extent);
  }
  return text + "]";
}

namespace {
struct Signature {
  StringRef symbol;
  /// Identifiers of inputs, outputs and dims; the former two share the scope
  /// of the size macros.
  std::vector<std::string> inputs, outputs, dims;
};
} // namespace

static void writeStruct(raw_ostream &os, StringRef symbol, StringRef which,
                        llvm::ArrayRef<TensorInfo> tensors,
                        llvm::ArrayRef<std::string> fields, bool isConst) {
  os << "typedef struct " << symbol << "_" << which << " {\n";
  for (auto [tensor, field] : llvm::zip_equal(tensors, fields))
    os << "  " << (isConst ? "const " : "") << cType(tensor.dtype) << " *"
       << field << "; /* " << typeText(tensor) << " */\n";
  if (tensors.empty())
    os << "  char nacre_none; /* C has no empty structs */\n";
  os << "} " << symbol << "_" << which << ";\n\n";
}

static void writeRun(raw_ostream &os, const Signature &names,
                     bool takesWeights) {
  StringRef s = names.symbol;
  os << "/* Runs the model once; returns a nacre_status. `arena` has " << s
     << "_ARENA_BYTES\n * bytes, aligned to NACRE_ALIGNMENT, and is this "
     << "run's alone. */\n"
     << "static inline int32_t " << s << "_run(const " << s
     << "_inputs *nacre_in, const " << s << "_outputs *nacre_out,\n"
     << "    void *nacre_arena, "
     << (takesWeights ? "const void *nacre_weights, " : "");
  if (!names.dims.empty())
    os << "const " << s << "_dims *nacre_extents,\n    ";
  os << "const nacre_executor *nacre_exec) {\n";
  auto table = [&](StringRef type, StringRef variable, StringRef from,
                   llvm::ArrayRef<std::string> fields) {
    os << "  " << type << variable << "[] = {";
    for (auto [i, field] : llvm::enumerate(fields))
      os << (i ? ", " : "") << from << "->" << field;
    os << "};\n";
  };
  auto argument = [&](StringRef type, StringRef variable, StringRef from,
                      llvm::ArrayRef<std::string> fields) -> std::string {
    if (!fields.empty())
      table(type, variable, from, fields);
    else if (from != "nacre_extents")
      os << "  (void)" << from << ";\n";
    return fields.empty() ? "0" : variable.str();
  };
  std::string in =
      argument("const void *", "nacre_inputs", "nacre_in", names.inputs);
  std::string out =
      argument("void *", "nacre_outputs", "nacre_out", names.outputs);
  std::string dims =
      argument("const int64_t ", "nacre_dims", "nacre_extents", names.dims);
  os << "  return " << s << "_run_generic(" << in << ", " << out
     << ", nacre_arena, " << (takesWeights ? "nacre_weights" : "0") << ", "
     << dims << ", nacre_exec);\n}\n\n";
}

void writeCHeader(raw_ostream &os, const CompiledCode &code,
                  const CodegenOptions &options, StringRef source) {
  Signature names{options.symbol, {}, {}, {}};
  StringRef s = names.symbol;
  NameScope tensors, dims;
  tensors.add("ARENA");
  tensors.add("WEIGHTS");
  for (const TensorInfo &tensor : code.inputs)
    names.inputs.push_back(tensors.add(tensor.name));
  for (const TensorInfo &tensor : code.outputs)
    names.outputs.push_back(tensors.add(tensor.name));
  for (const std::string &name : code.dimNames)
    names.dims.push_back(dims.add(name));
  bool sideFile = !options.embedWeights && code.weightsBytes > 0;

  os << "/* " << s << ".h - a compiled neural network\n *\n"
     << " * model    " << commentText(source) << "\n"
     << " * made by  nacre " NACRE_VERSION " for " << commentText(code.madeFor)
     << ", -O" << options.optLevel << "\n * arena    " << code.callersArena()
     << " bytes\n * weights  " << code.weightsBytes << " bytes"
     << (code.weightsBytes == 0 ? ""
         : sideFile             ? ", in a side file"
                                : ", embedded");
  if (sideFile)
    os << ": " << commentText(options.weightsFile);
  os << "\n";
  for (auto [which, list] : {std::pair("input  ", &code.inputs),
                             std::pair("output ", &code.outputs)})
    for (const TensorInfo &tensor : *list)
      os << " * " << which << "  " << commentText(tensor.name) << ": "
         << typeText(tensor) << "\n";
  os << " */\n#ifndef NACRE_MODEL_" << s << "_H\n#define NACRE_MODEL_" << s
     << "_H\n\n#include <nacre/model.h>\n#include <stdint.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";

  os << "#define " << s << "_ARENA_BYTES " << code.callersArena() << "ull\n"
     << "#define " << s << "_WEIGHTS_BYTES " << code.weightsBytes << "ull\n";
  auto sizes = [&](llvm::ArrayRef<TensorInfo> list,
                   llvm::ArrayRef<std::string> fields) {
    for (auto [tensor, field] : llvm::zip_equal(list, fields))
      os << "#define " << s << "_" << field << "_BYTES " << tensor.byteCount()
         << "ull\n";
  };
  sizes(code.inputs, names.inputs);
  sizes(code.outputs, names.outputs);

  auto anyNarrow = [](llvm::ArrayRef<TensorInfo> list) {
    return llvm::any_of(list,
                        [](const TensorInfo &t) { return isNarrow(t.dtype); });
  };
  os << "\n/* Dense and row-major. f16 and bf16 are passed as their bits, a "
        "bool is one byte,\n * 0 or 1. Pointers are aligned to their element. "
     << (anyNarrow(code.inputs) || anyNarrow(code.outputs)
             ? "i4, f8e4m3fn\n * and the like are one byte an element, their "
               "bits in its low ones. "
             : "")
     << "*/\n";
  writeStruct(os, s, "inputs", code.inputs, names.inputs, /*isConst=*/true);
  writeStruct(os, s, "outputs", code.outputs, names.outputs,
              /*isConst=*/false);
  if (!names.dims.empty()) {
    os << "/* Extents of this run. */\ntypedef struct " << s << "_dims {\n";
    for (const std::string &name : names.dims)
      os << "  int64_t " << name << ";\n";
    os << "} " << s << "_dims;\n\n";
  }
  os << "/* The same model for callers that know it at run time only. */\n"
     << "extern const nacre_model " << s << "_model;\n\n"
     << "/* See nacre_model.run. */\nint32_t " << s
     << "_run_generic(const void *const *inputs, void *const *outputs,\n"
     << "    void *arena, const void *weights, const int64_t *dims,\n"
     << "    const nacre_executor *executor);\n\n";
  writeRun(os, names, sideFile);
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* NACRE_MODEL_" << s
     << "_H */\n";
}

} // namespace nacre::artifact
