//===- CHeader.cpp - the typed C header of a compiled model ---------------===//
//
// Nothing of the model's text enters the header as it is: names become
// identifiers (CName), comments are escaped.
//
//===----------------------------------------------------------------------===//

#include "nacre/Artifact/CHeader.h"
#include "nacre/Artifact/CName.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

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
/// Tensors with the fields that stand for them.
struct Fields {
  std::vector<TensorInfo> tensors;
  std::vector<std::string> names;
  void add(const TensorInfo &tensor, std::string name) {
    tensors.push_back(tensor);
    names.push_back(std::move(name));
  }
};

/// What a run takes. Identifiers of inputs, outputs and states share the scope
/// of the size macros.
struct Signature {
  StringRef symbol;
  Fields inputs, outputs, states;
  /// Per input and output of the model its expression within NAME_run.
  std::vector<std::string> inputTable, outputTable;
  std::vector<std::string> dims;
};
} // namespace

/// A state is one field, although the model takes and gives it.
static Signature signatureOf(const CompiledCode &code, StringRef symbol) {
  Signature result;
  result.symbol = symbol;
  NameScope tensors, dims;
  tensors.add("ARENA");
  tensors.add("WEIGHTS");
  auto isKept = [&](const TensorInfo &tensor) {
    auto same = [&](const TensorInfo &t) { return t.state == tensor.state; };
    return !tensor.state.empty() && llvm::any_of(code.inputs, same) &&
           llvm::any_of(code.outputs, same);
  };
  for (const TensorInfo &tensor : code.inputs) {
    std::string name = tensors.add(tensor.name);
    bool kept = isKept(tensor);
    (kept ? result.states : result.inputs).add(tensor, name);
    result.inputTable.push_back((kept ? "nacre_kept->" : "nacre_in->") + name);
  }
  for (const TensorInfo &tensor : code.outputs) {
    auto state = llvm::find_if(result.states.tensors, [&](const TensorInfo &t) {
      return !t.state.empty() && t.state == tensor.state;
    });
    if (state != result.states.tensors.end()) {
      size_t i = state - result.states.tensors.begin();
      result.outputTable.push_back("nacre_kept->" + result.states.names[i]);
      continue;
    }
    result.outputs.add(tensor, tensors.add(tensor.name));
    result.outputTable.push_back("nacre_out->" + result.outputs.names.back());
  }
  for (const std::string &name : code.dimNames)
    result.dims.push_back(dims.add(name));
  return result;
}

static void writeStruct(raw_ostream &os, StringRef symbol, StringRef which,
                        const Fields &fields, bool isConst) {
  os << "typedef struct " << symbol << "_" << which << " {\n";
  for (auto [tensor, field] : llvm::zip_equal(fields.tensors, fields.names))
    os << "  " << (isConst ? "const " : "") << cType(tensor.dtype) << " *"
       << field << "; /* " << typeText(tensor) << " */\n";
  if (fields.tensors.empty())
    os << "  char nacre_none; /* C has no empty structs */\n";
  os << "} " << symbol << "_" << which << ";\n\n";
}

static void writeRun(raw_ostream &os, const Signature &signature,
                     bool takesWeights) {
  StringRef s = signature.symbol;
  bool keeps = !signature.states.names.empty();
  os << "/* Runs the model once; returns a nacre_status. `arena` has " << s
     << "_ARENA_BYTES\n * bytes, aligned to NACRE_ALIGNMENT, and is this "
     << "run's alone. */\n"
     << "static inline int32_t " << s << "_run(const " << s
     << "_inputs *nacre_in, const " << s << "_outputs *nacre_out,\n";
  if (keeps)
    os << "    const " << s << "_states *nacre_kept,\n";
  os << "    void *nacre_arena, "
     << (takesWeights ? "const void *nacre_weights, " : "");
  if (!signature.dims.empty())
    os << "const " << s << "_dims *nacre_extents,\n    ";
  os << "const nacre_executor *nacre_exec) {\n";
  auto table = [&](StringRef type, StringRef variable,
                   llvm::ArrayRef<std::string> values) -> StringRef {
    if (values.empty())
      return "0";
    os << "  " << type << variable << "[] = {" << llvm::join(values, ", ")
       << "};\n";
    return variable;
  };
  if (signature.inputs.names.empty())
    os << "  (void)nacre_in;\n";
  StringRef in = table("const void *", "nacre_inputs", signature.inputTable);
  if (signature.outputs.names.empty())
    os << "  (void)nacre_out;\n";
  StringRef out = table("void *", "nacre_outputs", signature.outputTable);
  std::vector<std::string> extents;
  for (const std::string &dim : signature.dims)
    extents.push_back("nacre_extents->" + dim);
  StringRef dims = table("const int64_t ", "nacre_dims", extents);
  os << "  return " << s << "_run_generic(" << in << ", " << out
     << ", nacre_arena, " << (takesWeights ? "nacre_weights" : "0") << ", "
     << dims << ", nacre_exec);\n}\n\n";
}

void writeCHeader(raw_ostream &os, const CompiledCode &code,
                  const CodegenOptions &options, StringRef source) {
  const Signature signature = signatureOf(code, options.symbol);
  StringRef s = signature.symbol;
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
  for (auto [which, list] : {std::pair("input  ", &signature.inputs),
                             std::pair("output ", &signature.outputs),
                             std::pair("state  ", &signature.states)})
    for (const TensorInfo &tensor : list->tensors)
      os << " * " << which << "  " << commentText(tensor.name) << ": "
         << typeText(tensor) << "\n";
  os << " */\n#ifndef NACRE_MODEL_" << s << "_H\n#define NACRE_MODEL_" << s
     << "_H\n\n#include <nacre/model.h>\n#include <stdint.h>\n\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";

  os << "#define " << s << "_ARENA_BYTES " << code.callersArena() << "ull\n"
     << "#define " << s << "_WEIGHTS_BYTES " << code.weightsBytes << "ull\n";
  for (const Fields *list :
       {&signature.inputs, &signature.outputs, &signature.states})
    for (auto [tensor, field] : llvm::zip_equal(list->tensors, list->names))
      os << "#define " << s << "_" << field << "_BYTES " << tensor.byteCount()
         << "ull\n";

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
  writeStruct(os, s, "inputs", signature.inputs, /*isConst=*/true);
  writeStruct(os, s, "outputs", signature.outputs, /*isConst=*/false);
  if (!signature.states.names.empty()) {
    os << "/* What a run changes and the next one goes on with: the caller's "
          "memory. */\n";
    writeStruct(os, s, "states", signature.states, /*isConst=*/false);
  }
  if (!signature.dims.empty()) {
    os << "/* Extents of this run. */\ntypedef struct " << s << "_dims {\n";
    for (const std::string &name : signature.dims)
      os << "  int64_t " << name << ";\n";
    os << "} " << s << "_dims;\n\n";
  }
  os << "/* The same model for callers that know it at run time only. */\n"
     << "extern const nacre_model " << s << "_model;\n\n"
     << "/* See nacre_model.run. */\nint32_t " << s
     << "_run_generic(const void *const *inputs, void *const *outputs,\n"
     << "    void *arena, const void *weights, const int64_t *dims,\n"
     << "    const nacre_executor *executor);\n\n";
  writeRun(os, signature, sideFile);
  os << "#ifdef __cplusplus\n}\n#endif\n\n#endif /* NACRE_MODEL_" << s
     << "_H */\n";
}

} // namespace nacre::artifact
