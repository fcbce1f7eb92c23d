//===- MainFunction.cpp - arguments and results of main -------------------===//
//
// What a model's inputs and outputs are in the program: a tensor each, several
// for a sequence, and with bounded dims a vector and the dims besides.
//
//===----------------------------------------------------------------------===//
#include "Import.h"
#include "Lists.h"
#include "Node.h"
#include "Shapes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "nacre/Lazy/Signature.h"

using namespace nacre;
using namespace nacre::onnx_frontend;
using mlir::Value;

/// The arguments of an input, one for each tensor that it is.
void Importer::addArguments(const onnx::ValueInfoProto &input) {
  Signature declared = declaredSignature(input, true);
  std::vector<Signature> tensors;
  std::string reason;
  if (!listTensors(declared, options.dims, tensors, reason))
    block(reason);
  for (const Signature &tensor : tensors) {
    mlir::RankedTensorType type =
        boundType(builder.getContext(), tensor, options, errors);
    if (!type)
      return;
    Extents extents = extentsOf(tensor, type);
    mlir::Type given = type;
    if (isConstant(extents))
      extents.clear();
    else
      given = mlir::RankedTensorType::get({type.getNumElements()},
                                          type.getElementType());
    body->addArgument(given,
                      mlir::NameLoc::get(builder.getStringAttr(tensor.name)));
    arguments.push_back({tensor.name, tensor.strings, extents, extents});
    ++inputs.back().second;
  }
  inputs.back().first = declared;
}

/// Inputs that are not initializers become arguments.
void Importer::makeArguments(Scope &scope) {
  const onnx::GraphProto &graph = file->proto.graph();
  llvm::StringSet<> initializers;
  for (const onnx::TensorProto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  for (const onnx::SparseTensorProto &tensor : graph.sparse_initializer())
    initializers.insert(tensor.values().name());
  for (const onnx::ValueInfoProto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    Datum &datum = scope.values[input.name()];
    if (auto fixed = options.fixed.find(input.name());
        fixed != options.fixed.end()) {
      datum = constant(mlir::NameLoc::get(builder.getStringAttr(input.name())),
                       input.name(), fixed->second);
      continue;
    }
    if (auto fixed = options.fixedStrings.find(input.name());
        fixed != options.fixedStrings.end()) {
      datum = Datum::strings(fixed->second);
      continue;
    }
    if (options.states.contains(input.name())) {
      try {
        addState(input);
      } catch (const Blocker &blocker) {
        errors.add(blocker.text);
      }
      continue;
    }
    inputs.emplace_back();
    try {
      addArguments(input);
    } catch (const Blocker &blocker) {
      errors.add(blocker.text);
    }
  }
  // States come after all inputs, then the dims.
  for (State &state : states)
    state.argument = body->addArgument(
        state.type, mlir::NameLoc::get(builder.getStringAttr(state.input)));
  for (unsigned i = 0; i < dims.table.size(); ++i)
    dims.table[i].value =
        body->addArgument(mlir::RankedTensorType::get({}, builder.getI64Type()),
                          builder.getUnknownLoc());
  for (const State &state : states)
    scope.values[state.input] = stateAsInput(state);
  std::vector<Value> tensors;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    Value given = body->getArgument(i);
    tensors.push_back(
        argument.extents.empty() ? given : spreadArgument(given, argument));
  }
  llvm::ArrayRef<Value> left = tensors;
  for (const auto &[declared, count] : inputs) {
    if (!declared.name.empty())
      scope.values[declared.name] =
          argumentsAsDatum(declared, options.dims, left.take_front(count));
    left = left.drop_front(count);
  }
}

/// What a dim is whose name is a sum of other dims, as exporters call the
/// length of a mask: "past_length + length".
std::optional<Extent> Importer::sumNamed(llvm::StringRef name) {
  llvm::SmallVector<llvm::StringRef> parts;
  name.split(parts, '+');
  if (parts.size() < 2)
    return std::nullopt;
  Extent sum;
  for (llvm::StringRef part : parts) {
    part = part.trim();
    int64_t number;
    std::optional<Extent> term;
    if (!part.getAsInteger(10, number) && number >= 0 && number < INT32_MAX)
      term = Extent(number);
    else if (auto given = options.dims.find(part); given != options.dims.end())
      term = Extent(given->second);
    for (unsigned i = 0; i < dims.table.size() && !term; ++i)
      if (dims.table[i].name == part)
        term = Extent::atom(i);
    // A range of one extent is no atom.
    if (auto most = options.symbolicDims.find(part);
        !term && most != options.symbolicDims.end())
      term = Extent(most->second);
    if (!term)
      return std::nullopt;
    sum = sum + *term;
  }
  return sum;
}

/// An argument as a tensor. A dim that is a sum by its name is one, and a run
/// is refused where it is not.
Value Importer::spreadArgument(Value given, Argument &argument) {
  lazy::Build b{builder, given.getLoc()};
  Value ok;
  for (Extent &e : argument.extents) {
    if (!dims.table.isDim(e))
      continue;
    std::optional<Extent> sum = sumNamed(dims.table.text(e));
    if (!sum)
      continue;
    Value same = b.cmp(lazy::CmpKind::eq, dims.scalar(given.getLoc(), e),
                       dims.scalar(given.getLoc(), *sum));
    ok = ok ? b.binary<lazy::AndOp>(ok, same) : same;
    e = *sum;
  }
  std::optional<int64_t> count = elementCount(dims.bounds(argument.extents));
  if (!count)
    block("E_OVERFLOW: input " + quoted(argument.name) +
          " has too many elements");
  given.setType(mlir::RankedTensorType::get(
      {*count}, lazy::tensorType(given).getElementType()));
  return dims.spread(given.getLoc(), given, argument.extents, ok);
}

/// The tensors of the graph's outputs, with their names.
std::vector<NamedTensor> Importer::results(Scope &scope) {
  std::vector<NamedTensor> results;
  std::vector<Value> next(states.size()); // of states
  const onnx::GraphProto &graph = file->proto.graph();
  for (const onnx::ValueInfoProto &output : graph.output()) {
    std::optional<Datum> datum = scope.find(output.name());
    if (!datum || !*datum) {
      errors.add("output " + quoted(output.name()) + " has no value");
      continue;
    }
    auto state = llvm::find_if(
        states, [&](const State &s) { return s.output == output.name(); });
    try {
      if (state == states.end()) {
        nameTensors(output, *datum, results);
        continue;
      }
      next[state - states.begin()] = datum->value();
      checkState(*state, datum->value());
    } catch (const Blocker &blocker) {
      errors.add(blocker.text);
    }
  }
  for (auto [state, value] : llvm::zip_equal(states, next))
    results.push_back({state.input, value});
  for (auto &[name, datum] : results) {
    if (!datum.isStrings() && !datum.value()) // said
      continue;
    try {
      if (datum.isStrings())
        datum =
            Datum::coded(codesOf(builder.getUnknownLoc(), name, datum.text()));
    } catch (const Blocker &blocker) {
      errors.add(blocker.text);
      continue;
    }
    // Views inside the graph are free, but a result is stored.
    mlir::RankedTensorType type = lazy::tensorType(datum.value());
    Ints shape = lazy::boundedShape(type);
    if (byteSize(shape, dtypeOf(type.getElementType())) > kMaxTensorBytes)
      errors.add("E_LIMIT: output " + quoted(name) + ": shape " +
                 shapeText(shape) + " takes more than " +
                 Twine(kMaxTensorBytes) + " bytes");
  }
  return results;
}

/// The extents of an input: bounded dims are open ones.
Extents Importer::extentsOf(const Signature &signature,
                            mlir::RankedTensorType type) {
  Extents extents;
  if (!options.boundedDims)
    return extents;
  for (auto [axis, name] : llvm::enumerate(signature.dimNames)) {
    auto most = options.symbolicDims.find(name);
    bool open = signature.dims[axis] < 0 && !options.dims.contains(name) &&
                most != options.symbolicDims.end();
    auto least = options.leastDims.find(name);
    int64_t from = least == options.leastDims.end() ? 1 : least->second;
    extents.push_back(open && from < most->second
                          ? dims.table.dim(name, {from, most->second})
                          : Extent(type.getDimSize(axis)));
  }
  return extents;
}

/// What a caller must know of a vector that stands for a tensor.
void Importer::describe(
    const Extents &declared, const Extents &extents,
    llvm::function_ref<void(llvm::StringRef, mlir::Attribute)> set) {
  llvm::SmallVector<std::string> names;
  for (const Extent &e : declared)
    names.push_back(e.isConstant() ? "" : dims.table.text(e));
  llvm::SmallVector<llvm::StringRef> texts(names.begin(), names.end());
  set("lazy.shape", builder.getDenseI64ArrayAttr(dims.bounds(extents)));
  set("lazy.dims", builder.getStrArrayAttr(texts));
}

/// Ends the function: result names, dead operations and unused weights gone.
void Importer::finish(llvm::ArrayRef<NamedTensor> results) {
  auto function = mlir::cast<mlir::func::FuncOp>(body->getParentOp());
  llvm::SmallVector<Value> values;
  llvm::SmallVector<Extents> shapes;
  llvm::SmallVector<Extent> counts; // dims that the run works out
  size_t firstState = results.size() - states.size();
  for (const auto &[name, result] : results) {
    Value value = result.value();
    shapes.emplace_back();
    if (values.size() < firstState && !dims.isStatic(value)) {
      shapes.back() = dims.of(value);
      for (const Extent &e : shapes.back())
        if (!e.isConstant() && !dims.table.isDim(e) &&
            !llvm::is_contained(counts, e))
          counts.push_back(e);
      value = dims.gatherDense(value.getLoc(), value);
    }
    values.push_back(value);
  }
  for (const Extent &e : counts)
    values.push_back(dims.scalar(builder.getUnknownLoc(), e));
  mlir::func::ReturnOp::create(builder, builder.getUnknownLoc(), values);
  function.setFunctionType(builder.getFunctionType(
      body->getArgumentTypes(), mlir::ValueRange(values).getTypes()));
  auto setRange = [&](const Extent &e, auto set) {
    ExtentTable::Range range = dims.table.range(e);
    set("lazy.dim", builder.getStringAttr(dims.table.text(e)));
    set("lazy.range", builder.getDenseI64ArrayAttr({range.least, range.most}));
  };
  for (unsigned i = 0; i < body->getNumArguments(); ++i) {
    auto set = [&](llvm::StringRef key, mlir::Attribute value) {
      function.setArgAttr(i, key, value);
    };
    size_t firstDim = arguments.size() + states.size();
    if (i >= firstDim) {
      setRange(Extent::atom(i - firstDim), set);
      continue;
    }
    if (i >= arguments.size()) {
      auto name = builder.getStringAttr(states[i - arguments.size()].input);
      set("lazy.name", name);
      set("lazy.state", name);
      continue;
    }
    set("lazy.name", builder.getStringAttr(arguments[i].name));
    if (arguments[i].strings)
      set(lazy::ofStrings, builder.getUnitAttr());
    if (!arguments[i].extents.empty())
      describe(arguments[i].declared, arguments[i].extents, set);
  }
  bool ofStrings =
      llvm::any_of(arguments, [](const Argument &a) { return a.strings; }) ||
      llvm::any_of(results,
                   [](const NamedTensor &r) { return r.datum.isCoded(); });
  if (ofStrings) {
    llvm::SmallVector<llvm::StringRef> table(strings.begin(), strings.end());
    function->setAttr(lazy::stringTable, builder.getStrArrayAttr(table));
  }
  if (mlir::DictionaryAttr sums = dims.sums(); !sums.empty())
    function->setAttr(lazy::extentSums, sums);
  for (unsigned i = 0; i < values.size(); ++i) {
    auto set = [&](llvm::StringRef key, mlir::Attribute value) {
      function.setResultAttr(i, key, value);
    };
    if (i >= shapes.size()) {
      setRange(counts[i - shapes.size()], set);
      continue;
    }
    set("lazy.name", builder.getStringAttr(results[i].name));
    if (results[i].datum.isCoded())
      set(lazy::ofStrings, builder.getUnitAttr());
    if (i >= firstState)
      set("lazy.state", builder.getStringAttr(results[i].name));
    if (!shapes[i].empty())
      describe(shapes[i], shapes[i], set);
  }

  memo.clear();
  // Functions of attempts that came to nothing.
  auto run = lazy::functionsOf(*program.module);
  for (auto callee :
       llvm::make_early_inc_range(program.module->getOps<mlir::func::FuncOp>()))
    if (!llvm::is_contained(run, callee))
      callee.erase();
  for (mlir::Operation *op = body->getTerminator()->getPrevNode(); op;) {
    mlir::Operation *previous = op->getPrevNode();
    if (op->use_empty())
      op->erase();
    op = previous;
  }
  llvm::StringSet<> used;
  program.module->walk([&](lazy::WeightOp op) { used.insert(op.getName()); });
  auto kept = std::make_shared<WeightStore>();
  for (const auto &[name, tensor] : program.weights->entries())
    if (used.contains(name))
      kept->add(name, tensor);
  program.weights = kept;
}
