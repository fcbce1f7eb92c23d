//===- ModuleText.cpp - the model as a module of JavaScript ---------------===//
#include "Wgsl.h"
#include <nlohmann/json.hpp>

using llvm::StringRef;
namespace nacre::wgsl {

static const char *arrayOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return "Float32Array";
  case DType::F64:
    return "Float64Array";
  case DType::F16:
  case DType::BF16:
  case DType::U16:
    return "Uint16Array";
  case DType::I8:
    return "Int8Array";
  case DType::I16:
    return "Int16Array";
  case DType::I32:
    return "Int32Array";
  case DType::U32:
    return "Uint32Array";
  case DType::I64:
    return "BigInt64Array";
  case DType::U64:
    return "BigUint64Array";
  default: // bool, u8 and the narrow types
    return "Uint8Array";
  }
}

/// JSON text is TypeScript's too.
static std::string jsonText(StringRef text) {
  return nlohmann::json(text.str()).dump();
}

/// Text inside a comment: the end of one is escaped, as JSON allows.
static std::string inComment(StringRef text) {
  std::string escaped = jsonText(text);
  escaped = escaped.substr(1, escaped.size() - 2);
  for (size_t at = 0; (at = escaped.find("*/", at)) != std::string::npos;)
    escaped.insert(at + 1, "\\");
  return escaped;
}

static std::string firstLine(StringRef name) {
  return ("// Written by nacre: the model '" + name + "' for WebGPU.\n").str();
}

std::string moduleText(StringRef name) {
  return firstLine(name) + R"js(import { Model } from './nacre.mjs';
export { NacreError } from './nacre.mjs';

/** Loads the files beside this one. nacre.d.mts has the options. */
export function load(options) {
  return Model.load(new URL('./', import.meta.url), options);
}
)js";
}

static std::string fields(const std::vector<TensorInfo> &tensors,
                          bool isInput) {
  std::string text;
  for (const TensorInfo &t : tensors) {
    text += "  /** " + t.dtypeText().str() + " [";
    for (auto [i, extent] : llvm::enumerate(t.shape)) {
      text += i ? ", " : "";
      if (!t.dimNames[i].empty())
        text += inComment(t.dimNames[i]) + "<=";
      text += std::to_string(extent);
    }
    std::string type = arrayOf(t.dtype);
    text += "] */\n  " + jsonText(t.name) + ": " +
            (isInput ? "Input<" + type + ">" : type) + ";\n";
  }
  return text;
}

std::string typesText(const CompiledCode &code, StringRef name) {
  std::string dims;
  for (const std::string &dim : code.dimNames)
    dims += (dims.empty() ? "" : " | ") + jsonText(dim);
  return firstLine(name) +
         R"ts(import type { Input, LoadOptions, Model } from './nacre.mjs';
export { NacreError } from './nacre.mjs';

export interface Inputs {
)ts" + fields(code.inputs, true) +
         "}\n\nexport interface Outputs {\n" + fields(code.outputs, false) +
         "}\n\n/** The open dims. */\nexport type Dims = " +
         (dims.empty() ? "never" : dims) + R"ts(;

/** Loads the files beside this one. */
export function load(options?: LoadOptions): Promise<Model<Inputs, Outputs, Dims>>;
)ts";
}

} // namespace nacre::wgsl
