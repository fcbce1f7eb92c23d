//===- Gradients.cpp - gradients against differences of losses ------------===//

#include "Gradients.h"
#include "Session.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "nacre/Autodiff/Differentiate.h"
#include "nacre/Driver/Pipeline.h"
#include "nacre/Fuse/Fuse.h"
#include <cmath>

using namespace mlir;

namespace nacre::test {
namespace {

constexpr double worstF64 = 1e-9, worstF32 = 1e-5;
/// Step of the differences: its fourth power, and the rounding of a loss over
/// it, are far below worstF64; twice it is far below the distance of Apart.
constexpr double step = 5e-4;
/// What the roundings of a loss leave of a slope of 0.
constexpr double noise = 1e-9;
/// Inputs of more elements are moved in so many random directions in place of
/// each element on its own.
constexpr int64_t mostElements = 40, directions = 8;

llvm::Error failed(const std::string &text) {
  return llvm::createStringError(text);
}

/// A program with a loss for each sample, then the gradients of its inputs.
struct Made {
  Program program;
  std::vector<Given> given;
};

llvm::Expected<Made> make(const Case &one, Type element) {
  Made made;
  auto loc = UnknownLoc::get(context());
  made.program.module = ModuleOp::create(loc);
  ModuleOp module = *made.program.module;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto main = func::FuncOp::create(b, loc, "main", b.getFunctionType({}, {}));
  Block *block = main.addEntryBlock();
  b.setInsertionPointToStart(block);
  lazy::Build build{b, loc};
  SmallVector<Value> results;
  for (size_t k = 0; k < one.samples.size(); ++k) {
    Sample sample(build, element, block, made.given, k);
    Value y = one.samples[k].build(sample);
    auto type = lazy::tensorType(y);
    SmallVector<int64_t> all(type.getRank());
    std::iota(all.begin(), all.end(), 0);
    if (one.samples[k].expected.empty())
      y = build.binary<lazy::MulOp>(y, sample.fixed(type.getShape()));
    results.push_back(build.reduce(lazy::ReduceKind::add, y, all));
  }
  auto ret = func::ReturnOp::create(b, loc, results);
  auto setType = [&] {
    main.setType(
        b.getFunctionType(block->getArgumentTypes(), ret.getOperandTypes()));
  };
  setType();
  if (mlir::failed(verify(module)) ||
      mlir::failed(fuse::expandControlFlow(module)) ||
      mlir::failed(fuse::canonicalize(module)))
    return failed("the program is invalid");
  fuse::raiseContraction(module);

  b.setInsertionPoint(ret);
  for (size_t k = 0; k < one.samples.size(); ++k) {
    SmallVector<Value> wrt;
    for (auto [i, given] : llvm::enumerate(made.given))
      if (given.learns && given.sample == k)
        wrt.push_back(block->getArgument(i));
    auto gradients = autodiff::differentiate(build, ret.getOperand(k), wrt);
    if (mlir::failed(gradients))
      return failed("no gradient");
    ret.getOperandsMutable().append(*gradients);
  }
  setType();
  auto name = [&](StringRef prefix, unsigned i) {
    return b.getStringAttr(prefix + std::to_string(i));
  };
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    main.setArgAttr(i, "lazy.name", name("x", i));
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.setResultAttr(i, "lazy.name", name("y", i));
  if (mlir::failed(verify(module)))
    return failed("the gradients are invalid");
  return made;
}

/// A program ready to run.
struct Loaded {
  std::unique_ptr<LoadedModel> model;
  Call call;

  llvm::Error run() { return model->run(call); }
  double loss(size_t sample) const { return call.outputs[sample].numberAt(0); }
};

llvm::Expected<Loaded> load(Made made) {
  driver::Toolchain tools;
  auto target = findTarget("cpu");
  if (!target)
    return target.takeError();
  tools.target = *target;
  tools.options.embedWeights = false;
  tools.options.optLevel = 1;
  auto machine = tools.target->describe(tools.options);
  if (!machine)
    return machine.takeError();
  tools.machine = *machine;
  auto main = cast<func::FuncOp>(made.program.module->lookupSymbol("main"));
  std::vector<Tensor> inputs;
  for (auto [type, given] : llvm::zip(main.getArgumentTypes(), made.given)) {
    Tensor t =
        Tensor::zeros(dtypeOf(cast<RankedTensorType>(type).getElementType()),
                      given.data.shape);
    for (int64_t i = 0; i < t.count(); ++i)
      if (given.data.dtype == DType::I64)
        t.setInteger(i, given.data.integerAt(i));
      else
        t.setNumber(i, given.data.numberAt(i));
    inputs.push_back(std::move(t));
  }
  auto compiled =
      driver::compileProgram(std::move(made.program), Phase::Import, tools);
  if (!compiled)
    return compiled.takeError();
  auto model = tools.target->load(compiled->code, tools.options, 1);
  if (!model)
    return model.takeError();
  auto call = (*model)->prepare(inputs);
  if (!call)
    return call.takeError();
  return Loaded{std::move(*model), std::move(*call)};
}

/// A sample's inputs as one vector.
struct Vector {
  std::vector<std::pair<size_t, size_t>> parts; ///< input, result of gradient
  int64_t count = 0;

  std::vector<double> gradient(const Loaded &loaded) const {
    std::vector<double> all;
    for (auto [input, result] : parts) {
      const Tensor &t = loaded.call.outputs[result];
      for (int64_t i = 0; i < t.count(); ++i)
        all.push_back(t.numberAt(i));
    }
    return all;
  }
  void move(Loaded &loaded, const std::vector<Given> &given,
            ArrayRef<double> direction, double by) const {
    const double *d = direction.data();
    for (auto [input, result] : parts) {
      Tensor &t = loaded.call.inputs[input];
      for (int64_t i = 0; i < t.count(); ++i)
        t.setNumber(i, given[input].data.numberAt(i) + by * *d++);
    }
  }
};

double norm(ArrayRef<double> v) {
  double sum = 0;
  for (double x : v)
    sum += x * x;
  return std::sqrt(sum);
}

/// |v - w| over the larger norm; 0 when neither is above `least`.
double distance(ArrayRef<double> v, ArrayRef<double> w, double least) {
  std::vector<double> difference;
  for (auto [x, y] : llvm::zip(v, w))
    difference.push_back(x - y);
  double largest = std::max(norm(v), norm(w)), d = norm(difference);
  if (largest <= least)
    return 0;
  return d / largest; // NaN stays NaN
}

} // namespace

llvm::Expected<Errors> check(const Case &one) {
  Builder b(context());
  auto wide = make(one, b.getF64Type()), narrow = make(one, b.getF32Type());
  if (!wide || !narrow)
    return llvm::joinErrors(wide.takeError(), narrow.takeError());
  std::vector<Given> given = wide->given;
  auto f64 = load(std::move(*wide)), f32 = load(std::move(*narrow));
  if (!f64 || !f32)
    return llvm::joinErrors(f64.takeError(), f32.takeError());
  if (llvm::Error error = llvm::joinErrors(f64->run(), f32->run()))
    return error;

  size_t samples = one.samples.size();
  std::vector<Vector> vectors(samples);
  size_t result = samples;
  for (auto [i, g] : llvm::enumerate(given))
    if (g.learns) {
      vectors[g.sample].parts.push_back({i, result++});
      vectors[g.sample].count += g.data.count();
    }
  // All samples move at once: they do not depend on each other.
  std::mt19937_64 rng(1);
  std::vector<std::vector<double>> gradients, along(samples), slopes(samples);
  std::vector<std::vector<std::vector<double>>> ways(samples);
  size_t rounds = 0;
  for (size_t k = 0; k < samples; ++k) {
    const Vector &v = vectors[k];
    gradients.push_back(v.gradient(*f64));
    if (!one.samples[k].expected.empty())
      continue;
    bool each = v.count <= mostElements;
    for (int64_t n = 0; n < (each ? v.count : directions); ++n) {
      std::vector<double> way(v.count, 0.0);
      if (each)
        way[n] = 1;
      else
        for (double &x : way)
          x = double(int64_t(rng() % 2001) - 1000) / 1000;
      double dot = 0;
      for (auto [x, g] : llvm::zip(way, gradients[k]))
        dot += x * g;
      along[k].push_back(dot);
      ways[k].push_back(std::move(way));
    }
    rounds = std::max(rounds, ways[k].size());
  }
  for (size_t n = 0; n < rounds; ++n) {
    std::vector<double> sums(samples, 0.0);
    for (auto [at, weight] :
         {std::pair(-2, 1.0), {-1, -8.0}, {1, 8.0}, {2, -1.0}}) {
      for (size_t k = 0; k < samples; ++k)
        if (n < ways[k].size())
          vectors[k].move(*f64, given, ways[k][n], at * step);
      if (llvm::Error error = f64->run())
        return error;
      for (size_t k = 0; k < samples; ++k)
        sums[k] += weight * f64->loss(k) / (12 * step);
    }
    for (size_t k = 0; k < samples; ++k)
      if (n < ways[k].size())
        slopes[k].push_back(sums[k]);
  }
  Errors worst;
  std::string wrong;
  for (size_t k = 0; k < samples; ++k) {
    const std::vector<double> &expected = one.samples[k].expected;
    double e64 = expected.empty() ? distance(along[k], slopes[k], noise)
                                  : distance(gradients[k], expected, 0),
           e32 = distance(vectors[k].gradient(*f32), gradients[k], 1e-7);
    // Written so that NaN is an error.
    if (!(e64 <= worstF64) || !(e32 <= worstF32)) {
      char text[120];
      std::snprintf(text, sizeof text, ": off by %.2g in f64, %.2g in f32", e64,
                    e32);
      wrong += (wrong.empty() ? "" : "; ") + one.samples[k].shapes + text;
    }
    worst.f64 = std::max(worst.f64, e64);
    worst.f32 = std::max(worst.f32, e32);
  }
  if (!wrong.empty())
    return failed(wrong);
  return worst;
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

MLIRContext *context() {
  static MLIRContext *made = makeContext().release();
  return made;
}

std::string inWords(ArrayRef<Shape> shapes) {
  std::string text;
  for (const Shape &shape : shapes) {
    text += text.empty() ? "" : ", ";
    if (shape.empty())
      text += "scalar";
    for (auto [i, n] : llvm::enumerate(shape))
      text += (i ? "x" : "") + std::to_string(n);
  }
  return text;
}

Value Sample::add(Tensor data, bool learns) {
  Type type = data.dtype == DType::I64 ? build.b.getI64Type() : element;
  auto shape = data.shape;
  given.push_back({std::move(data), learns, number});
  ++inputs;
  return block->addArgument(RankedTensorType::get(shape, type), build.loc);
}

Value Sample::add(Values values, ArrayRef<int64_t> shape, bool learns) {
  Tensor t = Tensor::zeros(DType::F64, shape);
  std::vector<int64_t> order(t.count());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), rng);
  for (int64_t i = 0; i < t.count(); ++i) {
    double unit = double(rng() % 100000) / 100000, v = 2 * unit - 1;
    if (values == Values::Positive)
      v = 0.5 + 1.5 * unit;
    else if (values == Values::Apart)
      v = 0.02 * double(order[i] - t.count() / 2) + 0.005 +
          0.005 * (inputs % 3);
    t.setNumber(i, float(v));
  }
  return add(std::move(t), learns);
}

Value Sample::index(ArrayRef<int64_t> shape, int64_t limit, bool negative) {
  Tensor t = Tensor::zeros(DType::I64, shape);
  for (int64_t i = 0; i < t.count(); ++i)
    t.setInteger(i, negative ? below(2 * limit) - limit : below(limit));
  return add(std::move(t), false);
}

Value Sample::literal(ArrayRef<int64_t> shape, ArrayRef<double> values) {
  return add(Tensor::of<double>(DType::F64, shape, values), true);
}

} // namespace nacre::test
