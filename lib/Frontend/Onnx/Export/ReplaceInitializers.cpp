//===- ReplaceInitializers.cpp - trained weights into an ONNX file --------===//

#include "../ModelFile.h"
#include "../TensorData.h"
#include "Export.h"
#include "nacre/Frontend/OnnxExport.h"

namespace nacre::onnx_frontend {

mlir::FailureOr<std::string>
replaceInitializers(llvm::StringRef path, const WeightStore &values,
                    std::vector<std::string> &lines) {
  Errors errors{lines, path.str()};
  std::shared_ptr<ModelFile> file = readModelFile(path, errors);
  if (!file)
    return mlir::failure();
  llvm::StringSet<> found;
  for (auto [made, raw] :
       llvm::zip_equal(*file->proto.mutable_graph()->mutable_initializer(),
                       file->weights.data)) {
    if (made.data_location() == onnx::TensorProto::EXTERNAL) {
      errors.add("initializer " + quoted(made.name()) +
                 " is external data, write a .safetensors file instead");
      continue;
    }
    const Tensor *value = values.find(made.name());
    if (!value && raw.data())
      made.set_raw_data(raw.data(), raw.size());
    if (!value)
      continue;
    found.insert(made.name());
    llvm::SmallVector<int64_t> shape(made.dims().begin(), made.dims().end());
    if (made.data_type() != onnxType(value->dtype) ||
        llvm::ArrayRef<int64_t>(value->shape) != llvm::ArrayRef(shape)) {
      errors.add("initializer " + quoted(made.name()) + " is " +
                 shapeText(shape) + ", the trained value is " +
                 dtypeName(value->dtype) + " " + shapeText(value->shape));
      continue;
    }
    onnx::TensorProto replaced;
    replaced.set_name(made.name());
    replaced.set_data_type(made.data_type());
    *replaced.mutable_dims() = made.dims();
    replaced.set_raw_data(value->bytes, value->byteCount());
    made = std::move(replaced);
  }
  for (const auto &[name, value] : values.entries())
    if (!found.contains(name))
      errors.add("there is no initializer " + quoted(name) +
                 " for the trained value");
  if (!lines.empty())
    return mlir::failure();
  std::string bytes;
  if (!file->proto.SerializeToString(&bytes)) {
    errors.add("an ONNX file holds at most 2 GB");
    return mlir::failure();
  }
  return bytes;
}

} // namespace nacre::onnx_frontend
