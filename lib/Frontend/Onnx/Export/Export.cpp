//===- Export.cpp - lazy IR to an ONNX graph ------------------------------===//
//
// One node or few for each operation, in the program's order. Opset 17, so that
// every runtime reads it.
//
//===----------------------------------------------------------------------===//

#include "Export.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Frontend/OnnxExport.h"

using namespace mlir;
using llvm::StringRef;
using llvm::Twine;

namespace nacre::onnx_frontend {

/// Protobuf's own limit.
static constexpr size_t largestFile = (size_t(1) << 31) - 1;

onnx::TensorProto::DataType onnxType(DType dtype) {
  using Proto = onnx::TensorProto;
  switch (dtype) {
  case DType::Bool:
    return Proto::BOOL;
  case DType::I8:
    return Proto::INT8;
  case DType::U8:
    return Proto::UINT8;
  case DType::I16:
    return Proto::INT16;
  case DType::U16:
    return Proto::UINT16;
  case DType::I32:
    return Proto::INT32;
  case DType::U32:
    return Proto::UINT32;
  case DType::I64:
    return Proto::INT64;
  case DType::U64:
    return Proto::UINT64;
  case DType::F16:
    return Proto::FLOAT16;
  case DType::BF16:
    return Proto::BFLOAT16;
  case DType::F32:
    return Proto::FLOAT;
  case DType::F64:
    return Proto::DOUBLE;
  default:
    llvm_unreachable("exportModel refuses the narrow types");
  }
}

onnx::TensorProto::DataType onnxType(Type element) {
  return onnxType(dtypeOf(element));
}

//===----------------------------------------------------------------------===//
// Parts of a graph
//===----------------------------------------------------------------------===//

Exporter::Exporter(const Program &program)
    : program(program), graph(*proto.mutable_graph()) {
  proto.set_ir_version(8);
  proto.set_producer_name("nacre");
  onnx::OperatorSetIdProto *opset = proto.add_opset_import();
  opset->set_domain("");
  opset->set_version(17);
  graph.set_name(program.name.empty() ? "main" : program.name);
}

std::string Exporter::fresh(StringRef hint) {
  std::string name = hint.empty() ? "value" : hint.str();
  for (int64_t n = 1; !taken.insert(name).second; ++n)
    name = (hint + "." + Twine(n)).str();
  return name;
}

std::string Exporter::node(StringRef op, llvm::ArrayRef<std::string> inputs,
                           llvm::ArrayRef<ExportAttribute> attributes) {
  onnx::NodeProto *made = graph.add_node();
  made->set_op_type(op.str());
  for (const std::string &input : inputs)
    made->add_input(input);
  std::string result = fresh(op.lower() + "_" + std::to_string(counter++));
  made->add_output(result);
  made->set_name(result);
  for (const ExportAttribute &attribute : attributes) {
    onnx::AttributeProto *proto = made->add_attribute();
    proto->set_name(attribute.name.str());
    if (auto *number = std::get_if<int64_t>(&attribute.value)) {
      proto->set_type(onnx::AttributeProto::INT);
      proto->set_i(*number);
    } else if (auto *text = std::get_if<std::string>(&attribute.value)) {
      proto->set_type(onnx::AttributeProto::STRING);
      proto->set_s(*text);
    } else {
      proto->set_type(onnx::AttributeProto::INTS);
      for (int64_t value : std::get<std::vector<int64_t>>(attribute.value))
        proto->add_ints(value);
    }
  }
  return result;
}

std::string Exporter::tensor(StringRef hint, const Tensor &value) {
  std::string name = fresh(hint);
  onnx::TensorProto *made = graph.add_initializer();
  made->set_name(name);
  made->set_data_type(onnxType(value.dtype));
  for (int64_t extent : value.shape)
    made->add_dims(extent);
  made->set_raw_data(value.bytes, value.byteCount());
  return name;
}

std::string Exporter::integers(llvm::ArrayRef<int64_t> values) {
  auto [at, isNew] = lists.try_emplace(values.vec());
  if (isNew)
    at->second = tensor(
        "integers",
        Tensor::of<int64_t>(DType::I64, {int64_t(values.size())}, values));
  return at->second;
}

std::string Exporter::reshape(const std::string &x,
                              llvm::ArrayRef<int64_t> from,
                              llvm::ArrayRef<int64_t> to) {
  if (from == to)
    return x;
  // One extent may be open, and is what the others leave.
  Shape shape(to);
  for (int64_t &extent : shape)
    if (ShapedType::isDynamic(extent))
      extent = -1;
    else if (extent == 0)
      block("a reshape with an extent of 0");
  return node("Reshape", {x, integers(shape)});
}

std::string Exporter::transpose(const std::string &x,
                                llvm::ArrayRef<int64_t> perm) {
  bool same = true;
  for (auto [i, axis] : llvm::enumerate(perm))
    same &= int64_t(i) == axis;
  return same ? x : node("Transpose", {x}, {{"perm", perm.vec()}});
}

std::string Exporter::slice(const std::string &x,
                            llvm::ArrayRef<int64_t> starts,
                            llvm::ArrayRef<int64_t> ends,
                            llvm::ArrayRef<int64_t> axes,
                            llvm::ArrayRef<int64_t> steps) {
  return node("Slice", {x, integers(starts), integers(ends), integers(axes),
                        integers(steps)});
}

std::string Exporter::of(Value value) {
  auto at = names.find(value);
  // Pooling has no use for the windows that it reduces, so they wait until
  // someone asks.
  if (auto window = value.getDefiningOp<lazy::WindowOp>();
      window && at == names.end()) {
    std::string made = windows(window);
    names[value] = made;
    return made;
  }
  // Its operation was refused before; that is enough said.
  if (at == names.end())
    block("");
  return at->second;
}

/// The extents as a tensor of i64: a constant, or put together at run time
/// from an input that has the open one.
std::string Exporter::shapeVector(RankedTensorType type) {
  if (type.hasStaticShape())
    return integers(type.getShape());
  StringAttr symbol = lazy::symbolOf(type, 0);
  ModuleOp module = program.module.get();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (BlockArgument argument : main.getArguments()) {
    auto from = lazy::tensorType(argument);
    if (from.getRank() == 0 || lazy::symbolOf(from, 0) != symbol)
      continue;
    std::string shape = node("Shape", {of(argument)},
                             {{"start", int64_t(0)}, {"end", int64_t(1)}});
    if (type.getRank() == 1)
      return shape;
    return node("Concat", {shape, integers(type.getShape().drop_front())},
                {{"axis", int64_t(0)}});
  }
  block("no input has the open dim '" + symbol.getValue() + "'");
}

std::string Exporter::constantOf(TypedAttr value) {
  DType dtype = dtypeOf(value.getType());
  Tensor one = Tensor::zeros(dtype, {});
  if (auto number = dyn_cast<FloatAttr>(value))
    one.setNumber(0, number.getValueAsDouble());
  else {
    llvm::APInt bits = cast<IntegerAttr>(value).getValue();
    one.setInteger(0, dtype == DType::Bool ? bits.getZExtValue()
                                           : bits.getSExtValue());
  }
  return tensor("constant", one);
}

void Exporter::declare(onnx::ValueInfoProto &info, Type type, StringRef name) {
  auto ranked = cast<RankedTensorType>(type);
  info.set_name(name.str());
  onnx::TypeProto::Tensor *made = info.mutable_type()->mutable_tensor_type();
  made->set_elem_type(onnxType(ranked.getElementType()));
  onnx::TensorShapeProto *shape = made->mutable_shape();
  for (int64_t axis = 0; axis < ranked.getRank(); ++axis) {
    auto *dim = shape->add_dim();
    if (StringAttr symbol = lazy::symbolOf(ranked, axis))
      dim->set_dim_param(symbol.str());
    else
      dim->set_dim_value(ranked.getDimSize(axis));
  }
}

//===----------------------------------------------------------------------===//
// The program
//===----------------------------------------------------------------------===//

std::string Exporter::sourceOf(Operation &op) {
  if (auto weight = dyn_cast<lazy::WeightOp>(op)) {
    const Tensor *value = program.weights->find(weight.getName());
    if (!value)
      block("weight '" + weight.getName() + "' has no value");
    return tensor(weight.getName(), *value);
  }
  if (auto splat = dyn_cast<lazy::SplatOp>(op)) {
    std::string one = constantOf(splat.getValue());
    RankedTensorType type = splat.getType();
    // ONNX broadcasts: beside another operand of that shape one element does.
    bool asOperand = llvm::all_of(op.getUsers(), [&](Operation *user) {
      return isa<lazy::ElementwiseOpInterface>(user) &&
             !isa<lazy::RequireOp>(user) &&
             llvm::any_of(user->getOperands(), [](Value operand) {
               return !operand.getDefiningOp<lazy::SplatOp>();
             });
    });
    if (type.getRank() == 0 || asOperand)
      return one;
    return node("Expand", {one, shapeVector(type)});
  }
  auto iota = cast<lazy::IotaOp>(op);
  RankedTensorType type = iota.getType();
  if (!type.hasStaticShape())
    block("an index along an open dim");
  Tensor value = Tensor::zeros(dtypeOf(type.getElementType()),
                               type.getDimSize(iota.getAxis()));
  for (int64_t i = 0; i < value.count(); ++i)
    value.setInteger(i, i);
  Shape shape(type.getRank(), 1);
  shape[iota.getAxis()] = value.count();
  value.shape.assign(shape.begin(), shape.end());
  return node("Expand", {tensor("iota", value), shapeVector(type)});
}

std::string Exporter::operation(Operation &op) {
  if (isa<lazy::WeightOp, lazy::SplatOp, lazy::IotaOp>(op))
    return sourceOf(op);
  if (auto reduce = dyn_cast<lazy::ReduceOp>(op))
    return reduction(reduce);
  if (auto contract = dyn_cast<lazy::ContractOp>(op))
    return exportContract(*this, contract, of(contract.getA()),
                          of(contract.getB()));
  if (auto arg = dyn_cast<lazy::ArgReduceOp>(op))
    return node(arg.getKind() == lazy::ReduceKind::max ? "ArgMax" : "ArgMin",
                {of(arg.getX())},
                {{"axis", int64_t(arg.getAxis())},
                 {"keepdims", int64_t(0)},
                 {"select_last_index", int64_t(arg.getLast())}});
  if (auto concat = dyn_cast<lazy::ConcatOp>(op)) {
    std::vector<std::string> inputs;
    for (Value x : concat.getXs())
      inputs.push_back(of(x));
    return node("Concat", inputs, {{"axis", int64_t(concat.getAxis())}});
  }
  if (auto gather = dyn_cast<lazy::GatherOp>(op))
    return node("Gather", {of(gather.getX()), of(gather.getIndex())},
                {{"axis", int64_t(gather.getAxis())}});
  if (isa<lazy::ElementwiseOpInterface>(op))
    return elementwise(op);
  if (isa<lazy::ViewOpInterface>(op))
    return view(op);
  block("ONNX has no such operation");
}

void Exporter::run(std::vector<std::string> &errors) {
  ModuleOp module = program.module.get();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto nameAt = [](DictionaryAttr attributes, const Twine &fallback) {
    auto name =
        attributes ? attributes.getAs<StringAttr>("lazy.name") : nullptr;
    return name ? name.str() : fallback.str();
  };
  // Names of inputs and outputs are the model's, whatever lies between.
  llvm::SmallVector<std::string> outputs;
  for (BlockArgument argument : main.getArguments()) {
    unsigned i = argument.getArgNumber();
    std::string name =
        fresh(nameAt(main.getArgAttrDict(i), "input" + Twine(i)));
    names[argument] = name;
    declare(*graph.add_input(), argument.getType(), name);
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i) {
    outputs.push_back(
        fresh(nameAt(main.getResultAttrDict(i), "output" + Twine(i))));
    declare(*graph.add_output(), main.getResultTypes()[i], outputs.back());
  }
  for (Operation &op : main.front().without_terminator()) {
    if (op.use_empty() || isa<lazy::WindowOp>(op))
      continue;
    try {
      names[op.getResult(0)] = operation(op);
    } catch (const Blocker &blocker) {
      if (!blocker.text.empty())
        errors.push_back((op.getName().getStringRef() +
                          " cannot be written as ONNX: " + blocker.text)
                             .str());
    }
  }
  for (auto [i, value] :
       llvm::enumerate(main.front().getTerminator()->getOperands())) {
    std::string from;
    try {
      from = of(value);
    } catch (const Blocker &blocker) {
      if (!blocker.text.empty())
        errors.push_back("lazy.window cannot be written as ONNX: " +
                         blocker.text);
      continue;
    }
    onnx::NodeProto *made = graph.add_node();
    made->set_op_type("Identity");
    made->set_name(outputs[i]);
    made->add_input(from);
    made->add_output(outputs[i]);
  }
}

/// A narrow element type of the program, if it has one.
static std::optional<Type> narrowTypeIn(ModuleOp module) {
  std::optional<Type> found;
  module.walk([&](Block *block) {
    auto look = [&](Value v) {
      if (auto type = dyn_cast<RankedTensorType>(v.getType());
          type && lazy::isNarrow(type.getElementType()))
        found = type.getElementType();
    };
    llvm::for_each(block->getArguments(), look);
    for (Operation &op : *block)
      llvm::for_each(op.getResults(), look);
  });
  return found;
}

FailureOr<std::string> exportModel(const Program &program,
                                   std::vector<std::string> &errors) {
  if (std::optional<Type> narrow = narrowTypeIn(program.module.get())) {
    errors.push_back(("ONNX has no element type " + lazy::elementName(*narrow) +
                      " in opset 17, which is written")
                         .str());
    return failure();
  }
  Exporter exporter(program);
  exporter.run(errors);
  if (!errors.empty())
    return failure();
  std::string bytes;
  if (exporter.model().ByteSizeLong() > largestFile ||
      !exporter.model().SerializeToString(&bytes)) {
    errors.push_back("an ONNX file holds at most 2 GB");
    return failure();
  }
  return bytes;
}

} // namespace nacre::onnx_frontend
