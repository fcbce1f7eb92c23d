//===- Shapes.cpp - declared shapes and the values of their dims ----------===//
#include "Shapes.h"
#include "Lists.h"
#include "TensorData.h"
#include "nacre/Lazy/Lazy.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using llvm::Twine;

Signature onnx_frontend::declaredSignature(const onnx::ValueInfoProto &value,
                                           bool isInput) {
  Signature signature;
  signature.name = value.name();
  std::string what = (isInput ? "input " : "output ") + quoted(signature.name);
  llvm::SmallVector<Wrapping> wrapping;
  const onnx::TypeProto_Tensor *inside = tensorInside(value.type(), wrapping);
  if (!inside)
    block("E_DTYPE: " + what + " is not a tensor");
  const onnx::TypeProto_Tensor &type = *inside;
  signature.wrapping.assign(wrapping.begin(), wrapping.end());
  signature.strings = type.elem_type() == onnx::TensorProto::STRING;
  signature.dtype = signature.strings ? DType::I32 // codes
                                      : dtypeOfOnnx(type.elem_type(), what);
  signature.ranked = type.has_shape();
  if (!type.has_shape()) {
    if (isInput && wrapping.empty())
      block("E_DIM: " + what + " has no declared shape");
    return signature;
  }
  if (type.shape().dim_size() > kMaxRank)
    block("E_RANK: " + what + ": rank " + Twine(type.shape().dim_size()) +
          " is above " + Twine(kMaxRank));
  for (auto [axis, dim] : llvm::enumerate(type.shape().dim())) {
    // Some exporters write -1 for a dim they do not know.
    bool open = !dim.has_dim_value() || dim.dim_value() == -1;
    if (!open && dim.dim_value() < 0)
      block("E_DIM: " + what + ": negative dimension " +
            Twine(dim.dim_value()));
    bool named = dim.has_dim_param() && !dim.dim_param().empty();
    signature.dims.push_back(open ? -1 : dim.dim_value());
    signature.dimNames.push_back(!open   ? ""
                                 : named ? dim.dim_param()
                                         : signature.name + "." +
                                               std::to_string(axis));
  }
  return signature;
}

mlir::RankedTensorType onnx_frontend::boundType(mlir::MLIRContext *context,
                                                const Signature &signature,
                                                const ImportOptions &options,
                                                Errors &errors) {
  std::string what = "input " + quoted(signature.name);
  std::vector<int64_t> shape, bounds;
  llvm::SmallVector<mlir::Attribute> symbols;
  bool bad = false;
  for (auto [axis, dim] : llvm::enumerate(signature.dims)) {
    const std::string &name = signature.dimNames[axis];
    if (dim >= 0) {
      shape.push_back(dim);
      continue;
    }
    auto bound = options.dims.find(name);
    auto symbolic = options.symbolicDims.find(name);
    if (bound != options.dims.end()) {
      shape.push_back(bound->second);
      if (bound->second < 0) {
        bad = true;
        errors.add("E_DIM: dim " + quoted(name) + " is bound to " +
                   Twine(bound->second) + ", must not be negative");
      }
    } else if (symbolic != options.symbolicDims.end() && options.boundedDims) {
      shape.push_back(symbolic->second);
    } else if (symbolic != options.symbolicDims.end()) {
      if (axis != 0 || symbolic->second < 1) {
        bad = true;
        errors.add(what + ": dim " + quoted(name) +
                   (axis ? " cannot stay symbolic: it is not the leading one"
                         : " needs a bound of at least 1"));
      }
      shape.push_back(mlir::ShapedType::kDynamic);
      bounds.push_back(symbolic->second);
      symbols.push_back(mlir::StringAttr::get(context, name));
    } else {
      bad = true;
      errors.add(what + " has open dim " + quoted(name) +
                 "; bind it with --dim " +
                 llvm::StringRef(name).take_front(120) + "=VALUE");
    }
  }
  if (bad)
    return {};
  std::vector<int64_t> largest = shape;
  if (!bounds.empty())
    largest[0] = bounds[0];
  std::optional<int64_t> bytes = byteSize(largest, signature.dtype);
  if (!bytes) {
    errors.add("E_OVERFLOW: " + what + ": shape " + shapeText(largest) +
               " has too many elements");
    return {};
  }
  if (*bytes > kMaxTensorBytes) {
    errors.add("E_LIMIT: " + what + ": shape " + shapeText(largest) +
               " takes " + Twine(*bytes) + " bytes, more than " +
               Twine(kMaxTensorBytes));
    return {};
  }
  mlir::Attribute encoding;
  if (!bounds.empty())
    encoding =
        lazy::DimsAttr::get(context, mlir::ArrayAttr::get(context, symbols),
                            mlir::DenseI64ArrayAttr::get(context, bounds));
  return mlir::RankedTensorType::get(
      shape, elementType(context, signature.dtype), encoding);
}
