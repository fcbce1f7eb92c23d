//===- Import.cpp - from an ONNX graph to lazy IR -------------------------===//
//
// The walk over the nodes. Every op's own file says what the op means; here
// names become values, functions are inlined, and each blocker is collected
// with the node it came from, so that one run reports them all.
//
//===----------------------------------------------------------------------===//
#include "Import.h"
#include "Lists.h"
#include "Node.h"
#include "OpTable.h"
#include "Ops/StringCodes.h"
#include "Shapes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Reference/Interpreter.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/Path.h"
#include <google/protobuf/unknown_field_set.h>

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;

std::optional<Datum> Scope::find(llvm::StringRef name) const {
  if (auto found = values.find(name); found != values.end())
    return found->second;
  std::optional<Datum> value = outer ? outer->find(name) : std::nullopt;
  if (value && captures)
    return value->map([&](Value v) { return captures->take(v); });
  return value;
}

Importer::Importer(mlir::MLIRContext &context, std::shared_ptr<ModelFile> file,
                   const ImportOptions &options, Errors &errors)
    : file(file), options(options), errors(errors), builder(&context) {
  source.directory = file->directory;
  source.allowHardlinks = options.allowHardlinks;
  source.owner = file;
  source.mapped =
      file->bytes->getBufferKind() == llvm::MemoryBuffer::MemoryBuffer_MMap;
  source.maxDenseBytes = options.maxFoldBytes;
  for (const onnx::FunctionProto &function : file->proto.functions())
    functions[functionKey(function.domain(), function.name())] = &function;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

Value Importer::constant(mlir::Location loc, llvm::StringRef name,
                         Tensor tensor) {
  lazy::Build build{builder, loc};
  mlir::Type element = elementType(builder.getContext(), tensor.dtype);
  if (tensor.count() == 1) {
    bool wide = tensor.dtype == DType::I64 || tensor.dtype == DType::U64;
    int64_t integer = wide ? tensor.integerAt(0) : 0;
    constexpr int64_t exact = int64_t(1) << 53;
    if (integer >= -exact && integer <= exact)
      return build.splat(element, tensor.numberAt(0), tensor.shape);
  }
  auto type = mlir::RankedTensorType::get(tensor.shape, element);
  return build.weight(program.weights->add(name, std::move(tensor)), type);
}

int32_t Importer::codeOf(llvm::StringRef string) {
  if (string.contains('\0') || !llvm::json::isUTF8(string))
    block("E_DTYPE: the string " + quoted(string) +
          " is not UTF-8 without zero bytes");
  auto [at, isNew] = codes.try_emplace(string, int32_t(strings.size()));
  if (isNew)
    strings.push_back(string.str());
  return at->second;
}

Value Importer::codesOf(mlir::Location loc, llvm::StringRef name,
                        const StringTensor &strings) {
  Tensor codes = Tensor::zeros(DType::I32, strings.shape);
  for (auto [i, string] : llvm::enumerate(strings.values))
    codes.data<int32_t>()[i] = codeOf(string);
  return constant(loc, name, codes);
}

std::optional<Tensor> Importer::constantValue(Value value) {
  std::optional<Tensor> known = reference::constantValue(
      value, *program.weights, memo, options.maxFoldBytes);
  if (known || !dims.active())
    return known;
  // What depends on extents may still be the same in all runs.
  std::optional<Extents> elements = dims.elements(value);
  if (!elements || !isConstant(*elements))
    return std::nullopt;
  mlir::RankedTensorType type = lazy::tensorType(value);
  Tensor t = Tensor::zeros(dtypeOf(type.getElementType()), type.getShape());
  for (auto [i, e] : llvm::enumerate(*elements))
    t.setInteger(i, e.value());
  return t;
}

void Importer::importInitializers(const onnx::GraphProto &graph, Scope &scope,
                                  llvm::ArrayRef<llvm::StringRef> raw) {
  auto add = [&](const std::string &name, auto read) {
    Datum value;
    try {
      auto loc = mlir::NameLoc::get(builder.getStringAttr(name));
      value = read(loc);
    } catch (const Blocker &blocker) {
      errors.add(blocker.text);
    }
    scope.values[name] = value;
  };
  for (auto [i, tensor] : llvm::enumerate(graph.initializer()))
    add(tensor.name(),
        [&, i = i, &tensor = tensor](mlir::Location loc) -> Datum {
          if (tensor.data_type() == onnx::TensorProto::STRING)
            return Datum::strings(readStrings(tensor));
          llvm::StringRef beside = i < raw.size() ? raw[i] : llvm::StringRef();
          return constant(loc, tensor.name(),
                          readTensor(tensor, source, beside));
        });
  for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    add(tensor.values().name(), [&](mlir::Location loc) -> Datum {
      return constant(loc, tensor.values().name(), readSparse(tensor, source));
    });
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

void Importer::inBlock(mlir::Block *block, llvm::function_ref<void()> import) {
  mlir::OpBuilder::InsertionGuard guard(builder);
  mlir::Block *outside = std::exchange(body, block);
  auto restore = llvm::make_scope_exit([&] { body = outside; });
  builder.setInsertionPointToEnd(block);
  import();
}

void Importer::importNodes(const Nodes &nodes, Scope &scope) {
  for (int index : runOrder(nodes))
    importNode(nodes[index], index, scope);
}

/// Whether one of the names comes from a blocked node. An unknown name is an
/// output that a blocked or partial node never set.
static bool
dependsOnBlocked(const google::protobuf::RepeatedPtrField<std::string> &names,
                 const Scope &scope) {
  return llvm::any_of(names, [&](const std::string &name) {
    if (name.empty())
      return false;
    std::optional<Datum> value = scope.find(name);
    return !value || !*value;
  });
}

/// Notes that the node has given what it is asked for.
void Importer::logRead(const onnx::NodeProto &node, const Scope &scope) {
  if (!options.coverage || dependsOnBlocked(node.output(), scope))
    return;
  llvm::SmallVector<Datum> data;
  for (const auto *names : {&node.input(), &node.output()})
    for (const std::string &name : *names)
      if (!name.empty())
        data.push_back(*scope.find(name));
  log.read(node, data);
}

void Importer::importNode(const onnx::NodeProto &node, int index,
                          Scope &scope) {
  std::string name = nodeName(node, index);
  llvm::StringRef domain = canonicalDomain(node.domain());
  const llvm::StringMap<int64_t> &opsets =
      scope.opsets ? *scope.opsets : file->opsets;
  auto imported = opsets.find(domain);
  int64_t opset = imported == opsets.end() ? 0 : imported->second;
  std::string op = opText(node);
  auto blocked = [&](const llvm::Twine &text) {
    errors.add("node " + quoted(name) + " (" + op +
               (opset ? ", opset " + std::to_string(opset) : "") +
               "): " + text);
    if (options.coverage)
      log.blocked(node, name, text.str(), errors.list.size() - 1);
  };
  for (const std::string &output : node.output())
    if (!output.empty())
      scope.values[output] = Datum();
  if (++nodesImported > options.maxNodes)
    return; // said at the end

  auto function = functions.find(functionKey(node.domain(), node.op_type()));
  OpEntry importer = opTable(domain).lookup(node.op_type());
  if (function == functions.end() && !importer.import)
    return blocked(unknownOpText(node, opset));
  if (dependsOnBlocked(node.input(), scope))
    return;

  auto loc = mlir::NameLoc::get(builder.getStringAttr(name));
  mlir::Operation *last = body->empty() ? nullptr : &body->back();
  try {
    if (function != functions.end()) {
      callFunction(*function->second, node, scope);
      return logRead(node, scope);
    }
    if (opset == 0)
      block("E_OPSET: no opset of " +
            Twine(domain.empty() ? "ai.onnx" : domain) + " is imported");
    Node context(*this, scope, node, opset, loc, name);
    for (int i = 0;
         i < node.input_size() && !takesNarrow(domain, node.op_type()); ++i)
      if (Value v = context.has(i) ? context.datum(i).value() : Value();
          v && lazy::isNarrow(Node::element(v)))
        block("is not supported on " + Twine(dtypeName(Node::dtype(v))));
    size_t before = errors.list.size();
    if (!importer.bounded)
      needStaticInputs(node, scope);
    importOp(context, importer.import);
    checkSizes(last);
    for (mlir::Operation *op = last
                                   ? last->getNextNode()
                                   : (body->empty() ? nullptr : &body->front());
         op && dims.active(); op = op->getNextNode())
      dims.visit(op);
    // An output the importer does not make must not pass in silence.
    for (int i = 0; i < node.output_size(); ++i)
      if (context.wants(i) && !scope.values[node.output(i)] &&
          errors.list.size() == before && nodesImported <= options.maxNodes)
        context.onlyOutputs(i);
    logRead(node, scope);
  } catch (const Blocker &blocker) {
    for (const std::string &output : node.output())
      if (!output.empty())
        scope.values[output] = Datum();
    blocked(blocker.text);
  }
}

/// An op that only moves or compares elements need not know of strings.
void Importer::importOp(Node &node, OpImporter importer) {
  if (worksOnCodes(node))
    importOnCodes(node, importer);
  else
    importer(node);
}

/// Blocks when the run decides an extent of an input.
void Importer::needStaticInputs(const onnx::NodeProto &node,
                                const Scope &scope) {
  for (auto [i, name] : llvm::enumerate(node.input())) {
    std::optional<Datum> datum = name.empty() ? std::nullopt : scope.find(name);
    if (!dims.active() || !datum || !*datum)
      continue;
    llvm::SmallVector<Value> tensors;
    datum->collect(tensors);
    for (Value value : tensors) {
      if (dims.isStatic(value))
        continue;
      for (auto [axis, e] : llvm::enumerate(dims.of(value)))
        if (!e.isConstant())
          block("E_DIM: does not support the symbolic extent " +
                dims.table.text(e) + " of axis " + Twine(axis) + " of input " +
                Twine(i));
    }
  }
}

/// Blocks when any tensor made after `last` is larger than the limits.
void Importer::checkSizes(mlir::Operation *last) {
  for (mlir::Operation *op = last ? last->getNextNode()
                                  : (body->empty() ? nullptr : &body->front());
       op; op = op->getNextNode())
    for (Value result : op->getResults()) {
      mlir::RankedTensorType type = lazy::tensorType(result);
      Ints shape = lazy::boundedShape(type);
      if (int64_t(shape.size()) > kMaxRank)
        block("E_RANK: rank " + Twine(shape.size()) + " is above " +
              Twine(kMaxRank));
      std::optional<int64_t> bytes =
          byteSize(shape, dtypeOf(type.getElementType()));
      if (!bytes)
        block("E_OVERFLOW: shape " + shapeText(shape) +
              " has a negative extent or too many elements");
      // Views are never stored.
      if (*bytes > kMaxTensorBytes && !mlir::isa<lazy::ViewOpInterface>(op))
        block("E_LIMIT: shape " + shapeText(shape) + " takes " + Twine(*bytes) +
              " bytes, more than " + Twine(kMaxTensorBytes));
    }
}

void Importer::callFunction(const onnx::FunctionProto &function,
                            const onnx::NodeProto &node, Scope &scope) {
  if (node.input_size() > function.input_size() ||
      node.output_size() > function.output_size())
    block("function " + quoted(function.name()) + " takes " +
          Twine(function.input_size()) + " inputs and gives " +
          Twine(function.output_size()) + " outputs");
  llvm::StringMap<int64_t> opsets;
  for (const onnx::OperatorSetIdProto &import : function.opset_import())
    opsets[canonicalDomain(import.domain())] = import.version();
  if (opsets.empty())
    opsets = file->opsets;
  auto opset = opsets.find("");
  if (opset != opsets.end() &&
      (opset->second > kNewestOpset || opset->second < kOldestOpset))
    block("E_OPSET: function " + quoted(function.name()) + " uses opset " +
          Twine(opset->second) + "; supported are " + Twine(kOldestOpset) +
          " to " + Twine(kNewestOpset));
  // Defaults of attributes are newer than the proto classes: field 11.
  onnx::NodeProto call = node;
  const auto &unknown = function.GetReflection()->GetUnknownFields(function);
  for (int i = 0; i < unknown.field_count(); ++i) {
    onnx::AttributeProto attribute;
    if (unknown.field(i).number() != 11 ||
        unknown.field(i).type() !=
            google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED ||
        !attribute.ParseFromString(unknown.field(i).length_delimited()))
      continue;
    bool given = llvm::any_of(node.attribute(), [&](const auto &a) {
      return a.name() == attribute.name();
    });
    if (!given)
      *call.add_attribute() = attribute;
  }
  Scope inner;
  inner.call = &call;
  inner.callScope = &scope;
  inner.opsets = &opsets;
  for (int i = 0; i < node.input_size(); ++i)
    if (!node.input(i).empty())
      inner.values[function.input(i)] = *scope.find(node.input(i));
  importNodes(function.node(), inner);
  for (int i = 0; i < node.output_size(); ++i)
    if (!node.output(i).empty())
      scope.values[node.output(i)] =
          inner.find(function.output(i)).value_or(Datum());
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

mlir::LogicalResult Importer::run() {
  size_t before = errors.list.size();
  checkStructure(*file, options.maxNodes, errors);
  if (errors.list.size() != before)
    return mlir::failure();

  mlir::Location loc = builder.getUnknownLoc();
  program.name = llvm::sys::path::stem(file->name).str();
  program.module = mlir::ModuleOp::create(loc);
  builder.setInsertionPointToEnd(program.module->getBody());
  auto function = mlir::func::FuncOp::create(builder, loc, "main",
                                             builder.getFunctionType({}, {}));
  function.setPublic();
  body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);

  Scope scope;
  makeArguments(scope);
  importInitializers(file->proto.graph(), scope, file->weights.data);
  importNodes(file->proto.graph().node(), scope);
  if (nodesImported > options.maxNodes)
    errors.add("E_LIMIT: unrolling makes more than " + Twine(options.maxNodes) +
               " nodes (--max-nodes)");
  if (errors.list.size() != before)
    return mlir::failure();
  auto named = results(scope);
  if (errors.list.size() != before)
    return mlir::failure();
  finish(named);
  return mlir::success();
}

//===----------------------------------------------------------------------===//
// Entry point
//===----------------------------------------------------------------------===//

mlir::FailureOr<Program> onnx_frontend::import(mlir::MLIRContext &context,
                                               llvm::StringRef path,
                                               const ImportOptions &options,
                                               std::vector<std::string> &list) {
  Errors errors{list, llvm::sys::path::filename(path).str()};
  context.loadDialect<lazy::LazyDialect, mlir::func::FuncDialect>();
  std::shared_ptr<ModelFile> file = readModelFile(path, errors);
  if (!file)
    return mlir::failure();
  Importer importer(context, file, options, errors);
  bool complete = mlir::succeeded(importer.run());
  if (options.coverage)
    *options.coverage = importer.log.coverage(*file, list, complete);
  if (!complete)
    return mlir::failure();
  return std::move(importer.program);
}
