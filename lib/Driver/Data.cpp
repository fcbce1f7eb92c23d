//===- Data.cpp - tensors of runs: files, random, reports -----------------===//

#include "Data.h"
#include "nacre/Artifact/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include <cmath>
#include <nacre/runtime.h>
#include <nlohmann/json.hpp>

using llvm::StringRef;
using llvm::Twine;
using Json = nlohmann::ordered_json;

namespace nacre::driver {

Tensor owned(const nacre_array &array) {
  std::shared_ptr<void> owner(array.data, nacre_free);
  bool strings = StringRef(array.dtype) == "string";
  return Tensor::view(strings ? DType::I32 : *dtypeFromName(array.dtype),
                      llvm::ArrayRef(array.shape, array.rank), array.data,
                      owner);
}

llvm::Expected<Tensor> readTensor(StringRef path, Strings *strings) {
  bool npy = path.ends_with(".npy");
  if (!npy && !path.ends_with(".pb"))
    return fail(ExitUsage, "'" + path + "' is neither .npy nor .pb");
  nacre_array array;
  nacre_error error;
  auto *read = npy ? nacre_npy_read : nacre_onnx_tensor_read;
  auto *readStrings =
      npy ? nacre_npy_read_strings : nacre_onnx_tensor_read_strings;
  std::string file = path.str();
  if (strings ? readStrings(file.c_str(), strings->table(), &array, &error)
              : read(file.c_str(), &array, &error)) {
    // The reader's messages name the file, or not, as they find it useful.
    StringRef text(error.text);
    return fail(ExitModel,
                text.contains(path) ? text.str() : (path + ": " + text).str());
  }
  return owned(array);
}

Tensor asElements(const Tensor &bytes, DType dtype) {
  if (bytes.dtype != DType::U8 || !isNarrow(dtype))
    return bytes;
  Tensor tensor = Tensor::zeros(dtype, bytes.shape);
  for (int64_t i = 0, count = bytes.count(); i < count; ++i)
    tensor.data<uint8_t>()[i] = bytes.bytes[i] & ((1 << dtypeBits(dtype)) - 1);
  return tensor;
}

uint64_t splitMix(uint64_t &state) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Tensor randomTensor(DType dtype, llvm::ArrayRef<int64_t> shape, uint64_t seed) {
  Tensor tensor = Tensor::zeros(dtype, shape);
  uint64_t state = seed;
  for (int64_t i = 0, count = tensor.count(); i < count; ++i) {
    uint64_t bits = splitMix(state);
    switch (dtype) {
    case DType::F16:
    case DType::BF16:
    case DType::F32:
    case DType::F64:
    case DType::F8E4M3FN:
    case DType::F8E4M3FNUZ:
    case DType::F8E5M2:
    case DType::F8E5M2FNUZ:
    case DType::F4E2M1:
      tensor.setNumber(i, double(bits >> 40) / (1 << 23) - 1);
      break;
    case DType::I8:
    case DType::U8:
      tensor.data<uint8_t>()[i] = bits >> 56;
      break;
    case DType::I4:
    case DType::U4:
    case DType::I2:
    case DType::U2:
      tensor.data<uint8_t>()[i] = bits >> (64 - dtypeBits(dtype));
      break;
    case DType::F8E8M0: // positive only
      tensor.setNumber(i, std::ldexp(1.0, int(bits >> 61) - 4));
      break;
    default:
      tensor.setInteger(i, bits >> 63);
    }
  }
  return tensor;
}

llvm::Error fillRandom(llvm::ArrayRef<Signature> inputs,
                       std::vector<Tensor> &tensors, const Dims &dims,
                       const Dims &symbolic, uint64_t seed) {
  std::vector<std::string> errors;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    if (tensors[i].bytes)
      continue;
    std::vector<int64_t> shape = input.dims;
    for (auto [axis, extent] : llvm::enumerate(shape)) {
      if (extent >= 0)
        continue;
      const std::string &name = input.dimNames[axis];
      if (auto at = dims.find(name); at != dims.end())
        extent = at->second;
      else if (auto bound = symbolic.find(name); bound != symbolic.end())
        extent = bound->second;
      else
        errors.push_back("input '" + input.name + "': dim '" + name +
                         "' is open, give it with --dim " + name + "=N");
    }
    if (!errors.empty())
      continue;
    if (!byteSize(shape, input.dtype))
      return fail(ExitLimit, "input '" + input.name + "': shape " +
                                 shapeText(shape) + " is too large");
    tensors[i] = randomTensor(input.dtype, shape, seed + 1000003 * i);
  }
  if (!errors.empty())
    return fail(ExitUsage, errors);
  return llvm::Error::success();
}

llvm::Error writeOutputs(StringRef folder, llvm::ArrayRef<TensorInfo> signature,
                         llvm::ArrayRef<Tensor> outputs,
                         const Strings &strings) {
  if (std::error_code code = llvm::sys::fs::create_directories(
          folder, /*IgnoreExisting=*/true, llvm::sys::fs::all_all))
    return fail(ExitUsage, folder + ": cannot write: " + code.message());
  Json list = Json::array();
  for (auto [i, tensor] : llvm::enumerate(outputs)) {
    std::string file = "output_" + std::to_string(i) + ".npy";
    nacre_array array = {};
    array.dtype = signature[i].dtypeText().data();
    array.rank = tensor.shape.size();
    llvm::copy(tensor.shape, array.shape);
    array.elements = tensor.count();
    array.bytes = tensor.byteCount();
    array.data = const_cast<uint8_t *>(tensor.bytes);
    nacre_error error;
    std::string path = (folder + "/" + file).str();
    if (signature[i].strings ? nacre_npy_write_strings(path.c_str(), &array,
                                                       strings.table(), &error)
                             : nacre_npy_write(path.c_str(), &array, &error))
      return fail(ExitUsage, path + ": " + error.text);
    list.push_back({{"name", signature[i].name},
                    {"dtype", array.dtype},
                    {"shape", tensor.shape},
                    {"file", file}});
  }
  Json json = {{"outputs", list}};
  return withCode(
      ExitUsage,
      artifact::writeFile(
          (folder + "/outputs.json").str(), [&](llvm::raw_ostream &os) {
            os << json.dump(2, ' ', false, Json::error_handler_t::replace)
               << "\n";
          }));
}

void printJson(const Json &json) {
  llvm::outs() << json.dump(2, ' ', false, Json::error_handler_t::replace)
               << "\n";
}

llvm::Error finishOutput() {
  llvm::outs().flush();
  if (std::error_code code = llvm::outs().error()) {
    llvm::outs().clear_error();
    return fail(ExitUsage, "cannot write to stdout: " + code.message());
  }
  return llvm::Error::success();
}

} // namespace nacre::driver
