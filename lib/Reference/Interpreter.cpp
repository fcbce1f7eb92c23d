//===- Interpreter.cpp - the meaning of a program -------------------------===//
//
// Runs operations in order. What an operation means is written again here and
// in the files beside this one, from the text of LazyOps.td: the operations'
// own index maps and scalar bodies, which code generation uses, are not asked.
//
//===----------------------------------------------------------------------===//

#include "nacre/Reference/Interpreter.h"
#include "Evaluators.h"
#include "Scalar.h"
#include "Walk.h"
#include "nacre/Lazy/ControlFlow.h"
#include "nacre/Lazy/Signature.h"

using namespace mlir;

namespace nacre::reference {

using Values = SmallVector<Tensor>;
using Dims = llvm::StringMap<int64_t>;

llvm::Error failed(Operation *op, const Twine &message) {
  return llvm::createStringError(
      llvm::inconvertibleErrorCode(),
      (Twine(op->getName().getStringRef()) + ": " + message).str());
}

static llvm::Error failed(const Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message.str());
}

/// "2x3xf32", "f32" for rank 0.
static std::string typeText(DType dtype, ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += std::to_string(extent) + "x";
  return text + dtypeName(dtype);
}

//===----------------------------------------------------------------------===//
// Types at run time
//===----------------------------------------------------------------------===//

/// The extents of a type, symbols replaced by their values.
static llvm::Expected<Extents> shapeOf(RankedTensorType type,
                                       const Dims &dims) {
  Extents shape(type.getShape());
  for (unsigned axis = 0; axis < shape.size(); ++axis) {
    if (!type.isDynamicDim(axis))
      continue;
    StringAttr symbol = lazy::symbolOf(type, axis);
    auto found = symbol ? dims.find(symbol.getValue()) : dims.end();
    if (found == dims.end())
      return failed("dimension '" + (symbol ? symbol.getValue() : "?") +
                    "' has no value");
    shape[axis] = found->second;
  }
  return shape;
}

/// A zeroed tensor, or an error where Tensor::zeros would end the process.
static llvm::Expected<Tensor> allocate(DType dtype, ArrayRef<int64_t> shape) {
  std::optional<int64_t> size = byteSize(shape, dtype);
  void *memory = size ? std::calloc(std::max<int64_t>(*size, 1), 1) : nullptr;
  if (!memory)
    return failed("a tensor of " + typeText(dtype, shape) +
                  " does not fit in memory");
  return Tensor::view(dtype, shape, memory,
                      std::shared_ptr<void>(memory, std::free));
}

/// Checks the value of an operand against its type.
static llvm::Error checkOperand(Operation *op, unsigned i, const Tensor &value,
                                const Dims &dims) {
  RankedTensorType type = lazy::tensorType(op->getOperand(i));
  llvm::Expected<Extents> shape = shapeOf(type, dims);
  if (!shape)
    return shape.takeError();
  DType dtype = dtypeOf(type.getElementType());
  if (value.dtype != dtype ||
      ArrayRef<int64_t>(value.shape) != ArrayRef<int64_t>(*shape))
    return failed(op, "operand " + Twine(i) + " is " +
                          typeText(value.dtype, value.shape) + ", expected " +
                          typeText(dtype, *shape));
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Sources
//===----------------------------------------------------------------------===//

/// Stores the value of an attribute at element 0 of `to`.
static void setFirst(Tensor &to, TypedAttr value) {
  if (auto number = dyn_cast<FloatAttr>(value))
    return to.setNumber(0, number.getValueAsDouble());
  APInt bits = cast<IntegerAttr>(value).getValue();
  to.setInteger(0, static_cast<int64_t>(bits.getZExtValue()));
}

void fill(Tensor &out, TypedAttr value) {
  Tensor one = Tensor::zeros(out.dtype, {});
  setFirst(one, value);
  withBits(out.dtype, [&](auto t) {
    using T = decltype(t);
    std::fill_n(out.data<T>(), out.count(), *one.data<T>());
  });
}

static void iota(Tensor &out, int64_t axis) {
  int64_t extent = out.shape[axis], inner = 1;
  for (size_t i = axis + 1; i < out.shape.size(); ++i)
    inner *= out.shape[i];
  withElement(out.dtype, [&](auto t) {
    using T = decltype(t);
    T *to = out.data<T>();
    for (int64_t i = 0, n = out.count(); i < n; ++i)
      to[i] = convert<T>((i / inner) % extent);
  });
}

static llvm::Expected<Tensor> weight(lazy::WeightOp op, DType dtype,
                                     ArrayRef<int64_t> shape,
                                     const WeightStore &weights) {
  const Tensor *found = weights.find(op.getName());
  if (!found)
    return failed(op, "the weight store has no '" + op.getName() + "'");
  if (found->dtype != dtype || ArrayRef<int64_t>(found->shape) != shape)
    return failed(op, "'" + op.getName() + "' is " +
                          typeText(found->dtype, found->shape) +
                          " in the weight store, expected " +
                          typeText(dtype, shape));
  return *found;
}

//===----------------------------------------------------------------------===//
// Operations and blocks
//===----------------------------------------------------------------------===//

/// Runs a block on the values of its arguments and returns the operands of its
/// terminator. A value is freed after its last use.
static llvm::Expected<Values> runBlock(Block &block, ArrayRef<Tensor> arguments,
                                       const WeightStore &weights,
                                       const Dims &dims) {
  struct Live {
    Tensor tensor;
    size_t uses;
  };
  llvm::DenseMap<Value, Live> live;
  auto define = [&](Value value, const Tensor &tensor) {
    size_t uses = std::distance(value.use_begin(), value.use_end());
    if (uses > 0)
      live[value] = {tensor, uses};
  };
  for (auto [argument, tensor] :
       llvm::zip_equal(block.getArguments(), arguments))
    define(argument, tensor);
  for (Operation &op : block) {
    Values operands;
    for (Value operand : op.getOperands()) {
      auto found = live.find(operand);
      if (found == live.end())
        return failed(&op, "an operand is defined outside the block");
      operands.push_back(found->second.tensor);
      if (--found->second.uses == 0)
        live.erase(found);
    }
    if (op.hasTrait<OpTrait::IsTerminator>())
      return operands;
    llvm::Expected<Values> results = evaluate(&op, operands, weights, dims);
    if (!results)
      return results.takeError();
    for (auto [value, tensor] : llvm::zip_equal(op.getResults(), *results))
      define(value, tensor);
  }
  return failed("the block has no terminator");
}

/// Computes the one result of an operation that is neither weight nor kernel.
static llvm::Error compute(Operation *op, Operands xs, Tensor &out) {
  if (auto splat = dyn_cast<lazy::SplatOp>(op)) {
    fill(out, splat.getValue());
    return llvm::Error::success();
  }
  if (auto source = dyn_cast<lazy::IotaOp>(op)) {
    iota(out, source.getAxis());
    return llvm::Error::success();
  }
  if (auto reduce = dyn_cast<lazy::ReduceOp>(op))
    return evaluateReduce(reduce, xs[0], out);
  if (auto arg = dyn_cast<lazy::ArgReduceOp>(op))
    return evaluateArgReduce(arg, xs[0], out);
  if (auto contract = dyn_cast<lazy::ContractOp>(op))
    return evaluateContract(contract, xs[0], xs[1], out);
  if (auto concat = dyn_cast<lazy::ConcatOp>(op))
    return evaluateConcat(concat, xs, out);
  if (auto gather = dyn_cast<lazy::GatherOp>(op))
    return evaluateGather(gather, xs[0], xs[1], out);
  if (auto scatter = dyn_cast<lazy::ScatterOp>(op))
    return evaluateScatter(scatter, xs[0], xs[1], out);
  if (auto write = dyn_cast<lazy::WriteOp>(op))
    return evaluateWrite(write, xs, out);
  if (isa<lazy::ReshapeOp, lazy::PermuteOp, lazy::ExpandOp, lazy::PadOp,
          lazy::SliceOp, lazy::FlipOp, lazy::WindowOp>(op))
    return evaluateView(op, xs[0], out);
  return evaluateElementwise(op, xs, out);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

/// Slice i of `whole` along the leading axis, without a copy.
static Tensor sliceOf(const Tensor &whole, int64_t i) {
  Tensor slice = whole;
  slice.shape.erase(slice.shape.begin());
  slice.bytes += i * slice.byteCount();
  return slice;
}

static llvm::Expected<Values> evaluateLoop(lazy::LoopOp loop, Operands xs,
                                           const WeightStore &weights,
                                           const Dims &dims) {
  SmallVector<func::FuncOp> callees = lazy::calleesOf(loop);
  if (callees.empty())
    return failed(loop, "there is no function " + loop.getBody());
  Block &body = callees.front().getBody().front();
  int64_t times = loop.getBound();
  if (loop.getTrips()) {
    times = std::clamp<int64_t>(xs[0].integerAt(0), 0, times);
    xs = xs.drop_front();
  }
  size_t carriedCount = loop.getCarried().size(),
         scannedCount = loop.getScanned().size();
  Values carried(xs.take_front(carriedCount));
  auto scanned = xs.slice(carriedCount, scannedCount);
  auto captured = xs.drop_front(carriedCount + scannedCount);
  ArrayRef<bool> backward = loop.getBackward();
  Values collected;
  for (OpResult v : loop.getResults().drop_front(carriedCount)) {
    RankedTensorType type = lazy::tensorType(v);
    auto out = allocate(dtypeOf(type.getElementType()), type.getShape());
    if (!out)
      return out.takeError();
    collected.push_back(std::move(*out));
  }
  for (int64_t i = 0; i < times; ++i) {
    auto place = [&](size_t slice) {
      return backward[slice] ? int64_t(loop.getBound()) - 1 - i : i;
    };
    Values arguments{Tensor::zeros(DType::I64, {})};
    arguments[0].setInteger(0, i);
    llvm::append_range(arguments, carried);
    for (auto [k, whole] : llvm::enumerate(scanned))
      arguments.push_back(sliceOf(whole, place(k)));
    llvm::append_range(arguments, captured);
    auto results = runBlock(body, arguments, weights, dims);
    if (!results)
      return results.takeError();
    ArrayRef<Tensor> given = *results;
    bool last = loop.getConditional() && given.front().integerAt(0) == 0;
    given = given.drop_front(loop.getConditional());
    carried.assign(given.begin(), given.begin() + carriedCount);
    for (auto [k, slice] : llvm::enumerate(given.drop_front(carriedCount)))
      std::memcpy(collected[k].data<uint8_t>() +
                      place(scannedCount + k) * slice.byteCount(),
                  slice.bytes, slice.byteCount());
    if (last)
      break;
  }
  llvm::append_range(carried, collected);
  return carried;
}

static llvm::Expected<Values> evaluateIf(lazy::IfOp branch, Operands xs,
                                         const WeightStore &weights,
                                         const Dims &dims) {
  SmallVector<func::FuncOp> callees = lazy::calleesOf(branch);
  if (callees.size() != 2)
    return failed(branch, "there is no function " + branch.getThen() + " or " +
                              branch.getOtherwise());
  func::FuncOp taken = callees[xs[0].integerAt(0) != 0 ? 0 : 1];
  return runBlock(taken.getBody().front(), xs.drop_front(), weights, dims);
}

llvm::Expected<Values> evaluate(Operation *op, ArrayRef<Tensor> operands,
                                const WeightStore &weights, const Dims &dims) {
  if (operands.size() != op->getNumOperands())
    return failed(op, "expected " + Twine(op->getNumOperands()) +
                          " operands, got " + Twine(operands.size()));
  if (op->getName().getDialectNamespace() != "lazy")
    return failed(op, "the interpreter does not know this operation");
  for (auto [i, operand] : llvm::enumerate(operands))
    if (llvm::Error error = checkOperand(op, i, operand, dims))
      return error;
  if (auto kernel = dyn_cast<lazy::KernelOp>(op))
    return runBlock(kernel.getBody().front(), operands, weights, dims);
  if (auto loop = dyn_cast<lazy::LoopOp>(op))
    return evaluateLoop(loop, operands, weights, dims);
  if (auto branch = dyn_cast<lazy::IfOp>(op))
    return evaluateIf(branch, operands, weights, dims);
  if (op->getNumResults() != 1)
    return failed(op, "the interpreter does not know this operation");

  RankedTensorType type = lazy::tensorType(op->getResult(0));
  DType dtype = dtypeOf(type.getElementType());
  llvm::Expected<Extents> shape = shapeOf(type, dims);
  if (!shape)
    return shape.takeError();
  if (auto named = dyn_cast<lazy::WeightOp>(op)) {
    llvm::Expected<Tensor> found = weight(named, dtype, *shape, weights);
    if (!found)
      return found.takeError();
    return Values{*found};
  }
  llvm::Expected<Tensor> out = allocate(dtype, *shape);
  if (!out)
    return out.takeError();

  if (llvm::Error error = compute(op, operands, *out))
    return error;
  return Values{std::move(*out)};
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

/// Checks an input against the type of its argument and binds its symbols.
static llvm::Error bindInput(const std::string &name, RankedTensorType type,
                             const lazy::CallerShape &shape,
                             const Tensor &input, Dims &dims) {
  DType dtype = dtypeOf(type.getElementType());
  if (input.dtype != dtype)
    return failed(name + ": expected " + dtypeName(dtype) + ", got " +
                  dtypeName(input.dtype));
  ArrayRef<int64_t> bounds = shape.bounds;
  if (input.shape.size() != bounds.size())
    return failed(name + ": expected rank " + Twine(bounds.size()) + ", got " +
                  Twine(input.shape.size()));
  for (unsigned axis = 0; axis < input.shape.size(); ++axis) {
    int64_t extent = input.shape[axis];
    std::string where = name + ": axis " + std::to_string(axis);
    const std::string &symbol = shape.dims[axis];
    bool open = shape.flat ? !symbol.empty() : type.isDynamicDim(axis);
    if (!open) {
      if (extent != bounds[axis])
        return failed(where + " is " + Twine(extent) + ", expected " +
                      Twine(bounds[axis]));
      continue;
    }
    if (symbol.empty())
      return failed(where + " has no name");
    if (extent < 0 || extent > bounds[axis])
      return failed(where + " is " + Twine(extent) + ", but dimension '" +
                    symbol + "' is at most " + Twine(bounds[axis]));
    auto [bound, isNew] = dims.try_emplace(symbol, extent);
    if (!isNew && bound->second != extent)
      return failed(where + " is " + Twine(extent) + ", but dimension '" +
                    symbol + "' is " + Twine(bound->second) + " elsewhere");
  }
  return llvm::Error::success();
}

/// A tensor's bytes at the start of a vector of this type.
static Tensor inVector(const Tensor &tensor, RankedTensorType type) {
  Tensor vector = Tensor::zeros(tensor.dtype, type.getShape());
  std::memcpy(vector.data<uint8_t>(), tensor.bytes, tensor.byteCount());
  return vector;
}

llvm::Expected<Values> run(const Program &program, ArrayRef<Tensor> inputs,
                           const Dims &otherDims) {
  ModuleOp module = program.module.get();
  auto function = module.lookupSymbol<func::FuncOp>("main");
  if (!function || function.isExternal())
    return failed("the program has no function 'main'");
  if (failed(lazy::verifySignature(function)))
    return failed("the arguments and results of 'main' do not fit together");
  size_t expected = function.getNumArguments();
  while (expected > 0 && lazy::dimScalar(function.getArgAttrDict(expected - 1)))
    --expected;
  if (inputs.size() != expected)
    return failed("expected " + Twine(expected) + " inputs, got " +
                  Twine(inputs.size()));
  Dims dims;
  Values arguments;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    auto given = function.getArgAttrOfType<StringAttr>(i, "lazy.name");
    std::string name = "input " + std::to_string(i);
    if (given)
      name += " '" + given.str() + "'";
    RankedTensorType type = lazy::tensorType(function.getArgument(i));
    lazy::CallerShape shape =
        lazy::callerShape(type, function.getArgAttrDict(i));
    if (llvm::Error error = bindInput(name, type, shape, input, dims))
      return error;
    arguments.push_back(shape.flat ? inVector(input, type) : input);
  }
  for (const auto &other : otherDims)
    dims.try_emplace(other.getKey(), other.second);
  for (size_t i = expected; i < function.getNumArguments(); ++i) {
    lazy::DimScalar dim = *lazy::dimScalar(function.getArgAttrDict(i));
    auto value = dims.find(dim.name);
    if (value == dims.end())
      return failed("dimension '" + dim.name + "' has no value");
    if (value->second < dim.least)
      return failed("dimension '" + dim.name + "' is " + Twine(value->second) +
                    ", but at least " + Twine(dim.least));
    arguments.push_back(Tensor::of<int64_t>(DType::I64, {}, {value->second}));
  }
  llvm::Expected<Values> results = runBlock(function.getFunctionBody().front(),
                                            arguments, *program.weights, dims);
  if (!results)
    return results;
  // Extents that were worked out come last; they shape the others.
  for (; !results->empty(); results->pop_back()) {
    auto dim = lazy::dimScalar(function.getResultAttrDict(results->size() - 1));
    if (!dim)
      break;
    dims[dim->name] = results->back().integerAt(0);
  }
  for (auto [i, result] : llvm::enumerate(*results)) {
    lazy::CallerShape shape =
        lazy::callerShape(cast<RankedTensorType>(function.getResultTypes()[i]),
                          function.getResultAttrDict(i));
    if (!shape.flat)
      continue;
    result.shape.assign(shape.bounds.begin(), shape.bounds.end());
    for (auto [axis, dim] : llvm::enumerate(shape.dims)) {
      if (dim.empty())
        continue;
      int64_t extent = dims.lookup(dim), most = shape.bounds[axis];
      if (extent < 0 || extent > most)
        return failed("result " + Twine(i) + ": dimension '" + dim + "' is " +
                      Twine(extent) + ", but at most " + Twine(most));
      result.shape[axis] = extent;
    }
  }
  return results;
}

} // namespace nacre::reference
