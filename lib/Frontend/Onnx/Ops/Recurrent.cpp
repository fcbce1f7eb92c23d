//===- Recurrent.cpp - RNN, GRU and LSTM ----------------------------------===//
//
// What does not depend on the step before, the product of all inputs with their
// weight, is one contraction over the whole sequence. The rest is a loop over
// the steps, with the recurrent weight inside. Gates are in ONNX's order: iofc
// for LSTM, zrh for GRU.
//
//===----------------------------------------------------------------------===//
#include "../Node.h"
#include "../OpTable.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

using lazy::AddOp;
using lazy::MulOp;
using lazy::SubOp;

/// x[.., k] times w[j, k]: [.., j].
Value timesTransposed(Node &n, Value x, Value w) {
  mlir::MLIRContext *context = n.importer.builder.getContext();
  unsigned rank = Node::rank(x);
  llvm::SmallVector<mlir::AffineExpr> xs, ys;
  for (unsigned i = 0; i + 1 < rank; ++i)
    xs.push_back(mlir::getAffineDimExpr(i, context));
  ys = xs;
  mlir::AffineExpr j = mlir::getAffineDimExpr(rank - 1, context),
                   k = mlir::getAffineDimExpr(rank, context);
  xs.push_back(k);
  ys.push_back(j);
  auto map = [&](llvm::ArrayRef<mlir::AffineExpr> e) {
    return mlir::AffineMap::get(rank + 1, 0, e, context);
  };
  return n.build.contract(x, w, map(xs), map({j, k}), map(ys));
}

/// One activation function with its parameters.
struct Activation {
  std::string name;
  double alpha = 0, beta = 0;

  Value apply(Node &n, Value x) const {
    lazy::Build &b = n.build;
    auto plus = [&](Value v, double c) { return n.binary<AddOp>(v, c); };
    auto times = [&](Value v, double c) { return n.binary<MulOp>(v, c); };
    auto exp = [&](Value v) { return b.unary<lazy::ExpOp>(v); };
    auto negative = [&](Value v) { return b.unary<lazy::NegOp>(v); };
    auto above = [&](Value v, double c) {
      return n.cmp(lazy::CmpKind::gt, v, b.splatLike(v, c));
    };
    if (name == "sigmoid")
      return n.binary<lazy::DivOp>(b.splatLike(x, 1),
                                   plus(exp(negative(x)), 1));
    if (name == "tanh")
      return b.unary<lazy::TanhOp>(x);
    if (name == "relu")
      return n.binary<lazy::MaxOp>(x, 0.0);
    if (name == "affine")
      return plus(times(x, alpha), beta);
    if (name == "leakyrelu")
      return n.where(above(x, 0), x, times(x, alpha));
    if (name == "thresholdedrelu")
      return n.where(above(x, alpha), x, b.splatLike(x, 0));
    if (name == "scaledtanh")
      return times(b.unary<lazy::TanhOp>(times(x, beta)), alpha);
    if (name == "hardsigmoid")
      return n.binary<lazy::MinOp>(
          n.binary<lazy::MaxOp>(plus(times(x, alpha), beta), 0.0), 1.0);
    if (name == "elu")
      return n.where(
          above(x, 0), x,
          times(plus(exp(n.binary<lazy::MinOp>(x, 0.0)), -1), alpha));
    if (name == "softsign")
      return n.binary<lazy::DivOp>(x, plus(b.unary<lazy::AbsOp>(x), 1));
    if (name == "softplus")
      return n.binary<AddOp>(n.binary<lazy::MaxOp>(x, 0.0),
                             b.unary<lazy::LogOp>(plus(
                                 exp(negative(b.unary<lazy::AbsOp>(x))), 1)));
    block("E_ATTR: activation " + quoted(name) + " is unknown");
  }
};

/// What the three ops share.
class Recurrent {
public:
  Recurrent(Node &n, int64_t gates, int64_t states,
            llvm::ArrayRef<const char *> activations)
      : n(n), gates(gates), states(states) {
    read(activations);
  }
  virtual ~Recurrent() = default;
  void run();

protected:
  /// The new states from the part of the gates that comes of the input and the
  /// old states, in one direction. `constant` is that direction's R, then what
  /// `more` gave.
  virtual llvm::SmallVector<Value> step(int64_t direction, Value part,
                                        llvm::ArrayRef<Value> old,
                                        llvm::ArrayRef<Value> constant) = 0;
  /// What else is the same in all steps.
  virtual Value more(int64_t /*direction*/) { return {}; }
  /// Whether `more` is the recurrent bias, which then is not added to the
  /// input's part.
  virtual bool keepsBias() const { return false; }

  /// Columns [i * hidden, (i + 1) * hidden).
  Value gate(Value all, int64_t i) {
    return n.sliceAxis(all, Node::rank(all) - 1, i * hidden, hidden);
  }
  Value activate(int64_t direction, int64_t which, Value x) {
    if (clip > 0)
      x = n.binary<lazy::MinOp>(n.binary<lazy::MaxOp>(x, -clip), clip);
    return functions[direction * perDirection + which].apply(n, x);
  }
  /// Row `direction` of a [directions, ..] tensor.
  Value ofDirection(Value v, int64_t direction) {
    return n.reshape(n.sliceAxis(v, 0, direction, 1),
                     Node::shape(v).drop_front());
  }

  void needShapeOf(Value v, llvm::ArrayRef<int64_t> shape, const char *what);

  Node &n;
  const int64_t gates, states;
  int64_t hidden = 0, directions = 1;
  Value bias; ///< [directions, 2 * gates * hidden] or null

private:
  void read(llvm::ArrayRef<const char *> activations);
  void oneDirection(int64_t direction);

  Value x, w, r, lengths; ///< x is [steps, batch, in]
  int64_t steps = 0, batch = 0, perDirection = 0;
  Extent stepCount, rows; ///< of steps and batch, in the run
  bool batchFirst = false, backwardOnly = false;
  double clip = 0;
  std::vector<Activation> functions;
  llvm::SmallVector<llvm::SmallVector<Value>> last; ///< per direction
  llvm::SmallVector<Value> sequence;                ///< per direction
};

void Recurrent::needShapeOf(Value v, llvm::ArrayRef<int64_t> shape,
                            const char *what) {
  n.needSameElement(x, v);
  if (Node::shape(v) != shape)
    block("E_SHAPE: " + Twine(what) + " has shape " +
          shapeText(Node::shape(v)) + ", expected " + shapeText(shape));
}

void Recurrent::read(llvm::ArrayRef<const char *> defaults) {
  x = n.in(0);
  w = n.in(1);
  r = n.in(2);
  n.needFloat(x);
  for (Value v : {x, w, r}) {
    if (Node::rank(v) != 3)
      block("E_SHAPE: X, W and R have 3 axes, not " + Twine(Node::rank(v)));
    if (n.importer.dims.isStatic(v) || v != x)
      n.needStatic(v);
  }
  n.needStatic(x, 2);
  batchFirst = n.intAttr("layout", 0) != 0;
  if (batchFirst)
    x = n.build.permute(x, {1, 0, 2});
  steps = Node::shape(x)[0];
  batch = Node::shape(x)[1];
  hidden = n.intAttr("hidden_size", Node::shape(r)[2]);
  std::string direction = n.stringAttr("direction", "forward");
  if (direction == "bidirectional")
    directions = 2;
  else if (direction == "reverse")
    backwardOnly = true;
  else if (direction != "forward")
    block("E_ATTR: direction is " + quoted(direction));
  if (hidden < 1 || steps < 1)
    block("E_SHAPE: hidden_size and the length must be positive");
  int64_t in = Node::shape(x)[2];
  needShapeOf(w, {directions, mulChecked(gates, hidden), in}, "W");
  needShapeOf(r, {directions, mulChecked(gates, hidden), hidden}, "R");
  if ((bias = n.optional(3)))
    needShapeOf(bias, {directions, 2 * gates * hidden}, "B");
  if ((lengths = n.optional(4))) {
    if (Node::shape(lengths) != llvm::ArrayRef<int64_t>{batch})
      block("E_SHAPE: sequence_lens has shape " +
            shapeText(Node::shape(lengths)) + ", expected " +
            shapeText({batch}));
    lengths = n.build.cast(lengths, n.type(DType::I64));
    // All as long as the sequence: as if not given.
    if (auto known = n.importer.constantValue(lengths)) {
      bool full = true;
      for (int64_t i = 0; i < batch; ++i)
        full &= known->integerAt(i) == steps;
      if (full)
        lengths = {};
    }
  }
  // A length that the run decides: all sequences end there.
  stepCount = n.extent(x, 0);
  rows = n.extent(x, 1);
  if (!stepCount.isConstant() && !lengths)
    lengths = n.build.expand(n.scalar(stepCount), {batch});
  clip = n.floatAttr("clip", 0);

  perDirection = defaults.size();
  std::vector<std::string> names(defaults.begin(), defaults.end());
  if (directions == 2)
    names.insert(names.end(), defaults.begin(), defaults.end());
  if (const onnx::AttributeProto *given = n.attribute("activations"))
    if (given->strings_size() > 0)
      names.assign(given->strings().begin(), given->strings().end());
  if (int64_t(names.size()) != directions * perDirection)
    block("E_ATTR: " + Twine(names.size()) + " activations for " +
          Twine(directions * perDirection) + " places");
  auto alphas = n.floatsAttr("activation_alpha")
                    .value_or(llvm::SmallVector<double>()),
       betas = n.floatsAttr("activation_beta")
                   .value_or(llvm::SmallVector<double>());
  // Parameters belong to the functions that have one, in order.
  size_t alpha = 0, beta = 0;
  for (const std::string &name : names) {
    Activation f{llvm::StringRef(name).lower()};
    struct Default {
      double alpha, beta;
      bool hasAlpha, hasBeta;
    };
    static const std::pair<const char *, Default> known[] = {
        {"affine", {1, 0, true, true}},
        {"leakyrelu", {0.01f, 0, true, false}},
        {"thresholdedrelu", {1, 0, true, false}},
        {"scaledtanh", {1, 1, true, true}},
        {"hardsigmoid", {0.2f, 0.5f, true, true}},
        {"elu", {1, 0, true, false}}};
    for (auto &[function, d] : known) {
      if (f.name != function)
        continue;
      f.alpha = d.hasAlpha && alpha < alphas.size() ? alphas[alpha++] : d.alpha;
      f.beta = d.hasBeta && beta < betas.size() ? betas[beta++] : d.beta;
    }
    functions.push_back(f);
  }
}

void Recurrent::oneDirection(int64_t direction) {
  bool backward = backwardOnly || direction == 1;
  int64_t width = gates * hidden;
  // [steps, batch, width]
  Value ready = timesTransposed(n, x, ofDirection(w, direction));
  if (bias) {
    Value b = ofDirection(bias, direction);
    Value ofInput = n.sliceAxis(b, 0, 0, width);
    if (!keepsBias())
      ofInput = n.binary<AddOp>(ofInput, n.sliceAxis(b, 0, width, width));
    ready = n.binary<AddOp>(ready, ofInput);
  }
  llvm::SmallVector<Value> first;
  for (int64_t i = 0; i < states; ++i) {
    Value start = n.optional(5 + i);
    if (start) {
      Ints given{directions, batch, hidden};
      if (batchFirst)
        std::swap(given[0], given[1]);
      needShapeOf(start, given, i ? "initial_c" : "initial_h");
      if (batchFirst)
        start = n.build.permute(start, {1, 0, 2});
      start = ofDirection(start, direction);
    } else {
      start = n.build.splat(Node::element(x), 0, {batch, hidden});
    }
    first.push_back(start);
  }

  // A step, with sequences that have ended left as they are. Gives the new
  // states and what goes into the sequence of outputs.
  auto advance = [&](Value counter, Value part, llvm::ArrayRef<Value> old,
                     llvm::ArrayRef<Value> constant) {
    Value ends = lengths ? constant.back() : Value();
    llvm::SmallVector<Value> fresh = step(direction, part, old, constant);
    Value output = fresh[0];
    if (ends) {
      if (backward)
        counter = n.binary<SubOp>(
            n.build.splat(n.type(DType::I64), double(steps - 1)), counter);
      Value going =
          n.reshape(n.cmp(lazy::CmpKind::lt, counter, ends), {batch, 1});
      for (auto [value, before] : llvm::zip(fresh, old))
        value = n.where(going, value, before);
      output = n.where(going, output, n.build.splatLike(output, 0));
    }
    fresh.push_back(output);
    return fresh;
  };
  llvm::SmallVector<Value> captured{ofDirection(r, direction)};
  if (Value other = more(direction))
    captured.push_back(other);
  if (lengths)
    captured.push_back(lengths);
  if (steps == 1) {
    Value part = n.reshape(ready, {batch, width});
    auto made =
        advance(n.build.splat(n.type(DType::I64), 0), part, first, captured);
    sequence.push_back(n.reshape(made.pop_back_val(), {1, batch, hidden}));
    last.push_back(made);
    return;
  }
  llvm::SmallVector<mlir::Type> types{
      mlir::RankedTensorType::get({}, n.type(DType::I64))};
  for (Value v : first)
    types.push_back(v.getType());
  types.push_back(
      mlir::RankedTensorType::get({batch, width}, Node::element(x)));
  for (Value v : captured)
    types.push_back(v.getType());
  auto body = lazy::makeCallee(*n.importer.program.module, n.name + "_step",
                               types, n.build.loc);
  n.importer.inBlock(&body.getBody().front(), [&] {
    auto arguments = body.getArguments();
    llvm::SmallVector<Value> old(arguments.slice(1, states));
    llvm::SmallVector<Value> constant(arguments.drop_front(2 + states));
    lazy::endCallee(
        body, advance(arguments[0], arguments[1 + states], old, constant));
  });
  auto loop = lazy::makeLoop(n.build, body, steps, {}, false, first, {ready},
                             captured, {backward, backward});
  last.emplace_back(loop.getResults().take_front(states));
  sequence.push_back(loop.getResults().back());
  for (Value state : last.back())
    n.importer.dims.declare(state, {rows, Extent(hidden)});
  n.importer.dims.declare(sequence.back(), {stepCount, rows, Extent(hidden)});
}

void Recurrent::run() {
  for (int64_t direction = 0; direction < directions; ++direction)
    oneDirection(direction);
  // Y is [steps, directions, batch, hidden], the others without steps.
  auto withAxis = [&](Value v, int64_t axis) {
    Ints shape(Node::shape(v));
    shape.insert(shape.begin() + axis, 1);
    return n.reshape(v, shape);
  };
  auto join = [&](llvm::ArrayRef<Value> values, int64_t axis) {
    llvm::SmallVector<Value> parts;
    for (Value v : values)
      parts.push_back(withAxis(v, axis));
    return n.concat(parts, axis);
  };
  Value y = join(sequence, 1);
  n.set(0, batchFirst ? n.build.permute(y, {2, 0, 1, 3}) : y);
  for (int64_t i = 0; i < states; ++i) {
    llvm::SmallVector<Value> parts;
    for (auto &values : last)
      parts.push_back(values[i]);
    Value state = join(parts, 0);
    n.set(1 + i, batchFirst ? n.build.permute(state, {1, 0, 2}) : state);
  }
}

class Simple : public Recurrent {
public:
  explicit Simple(Node &n) : Recurrent(n, 1, 1, {"Tanh"}) {}
  llvm::SmallVector<Value> step(int64_t direction, Value gate,
                                llvm::ArrayRef<Value> old,
                                llvm::ArrayRef<Value> constant) override {
    Value product = timesTransposed(n, old[0], constant[0]);
    return {activate(direction, 0, n.binary<AddOp>(product, gate))};
  }
};

class Gru : public Recurrent {
public:
  explicit Gru(Node &n)
      : Recurrent(n, 3, 1, {"Sigmoid", "Tanh"}),
        resetsProduct(n.intAttr("linear_before_reset", 0) != 0) {}
  bool keepsBias() const override { return true; }
  Value more(int64_t direction) override {
    int64_t width = gates * hidden;
    return bias ? n.sliceAxis(ofDirection(bias, direction), 0, width, width)
                : Value();
  }
  llvm::SmallVector<Value> step(int64_t direction, Value part,
                                llvm::ArrayRef<Value> old,
                                llvm::ArrayRef<Value> constant) override {
    Value h = old[0], r = constant[0];
    auto rows = [&](Value v, int64_t first, int64_t count) {
      return n.sliceAxis(v, 0, first * hidden, count * hidden);
    };
    auto biasOf = [&](Value product, int64_t first, int64_t count) {
      return bias ? n.binary<AddOp>(product, rows(constant[1], first, count))
                  : product;
    };
    Value update, reset, inner;
    if (resetsProduct) {
      Value product = biasOf(timesTransposed(n, h, r), 0, 3);
      update = activate(direction, 0,
                        n.binary<AddOp>(gate(part, 0), gate(product, 0)));
      reset = activate(direction, 0,
                       n.binary<AddOp>(gate(part, 1), gate(product, 1)));
      inner = n.binary<MulOp>(reset, gate(product, 2));
    } else {
      Value product = biasOf(timesTransposed(n, h, rows(r, 0, 2)), 0, 2);
      update = activate(direction, 0,
                        n.binary<AddOp>(gate(part, 0), gate(product, 0)));
      reset = activate(direction, 0,
                       n.binary<AddOp>(gate(part, 1), gate(product, 1)));
      inner = biasOf(
          timesTransposed(n, n.binary<MulOp>(reset, h), rows(r, 2, 1)), 2, 1);
    }
    Value candidate =
        activate(direction, 1, n.binary<AddOp>(gate(part, 2), inner));
    // (1 - z) * candidate + z * h
    Value keep = n.binary<MulOp>(update, h);
    Value rest = n.binary<SubOp>(n.build.splatLike(update, 1), update);
    return {n.binary<AddOp>(n.binary<MulOp>(rest, candidate), keep)};
  }

private:
  bool resetsProduct;
};

class Lstm : public Recurrent {
public:
  explicit Lstm(Node &n)
      : Recurrent(n, 4, 2, {"Sigmoid", "Tanh", "Tanh"}),
        coupled(n.intAttr("input_forget", 0) != 0) {
    if ((peepholes = n.optional(7)))
      needShapeOf(peepholes, {directions, 3 * hidden}, "P");
  }
  Value more(int64_t direction) override {
    return peepholes ? ofDirection(peepholes, direction) : Value();
  }
  llvm::SmallVector<Value> step(int64_t direction, Value part,
                                llvm::ArrayRef<Value> old,
                                llvm::ArrayRef<Value> constant) override {
    Value all = n.binary<AddOp>(timesTransposed(n, old[0], constant[0]), part);
    // Order of P: i, o, f.
    auto seen = [&](Value gateSum, int64_t which, Value cell) {
      if (!peepholes)
        return gateSum;
      Value own = n.sliceAxis(constant[1], 0, which * hidden, hidden);
      return n.binary<AddOp>(gateSum, n.binary<MulOp>(cell, own));
    };
    Value in = activate(direction, 0, seen(gate(all, 0), 0, old[1]));
    Value forget = coupled
                       ? n.binary<SubOp>(n.build.splatLike(in, 1), in)
                       : activate(direction, 0, seen(gate(all, 2), 2, old[1]));
    Value candidate = activate(direction, 1, gate(all, 3));
    Value cell = n.binary<AddOp>(n.binary<MulOp>(forget, old[1]),
                                 n.binary<MulOp>(in, candidate));
    Value out = activate(direction, 0, seen(gate(all, 1), 1, cell));
    return {n.binary<MulOp>(out, activate(direction, 2, cell)), cell};
  }

private:
  bool coupled;
  Value peepholes;
};

template <typename Op> void recurrent(Node &n) { Op(n).run(); }

} // namespace

void onnx_frontend::addRecurrentOps(OpTable &t) {
  t["RNN"] = bounded(recurrent<Simple>);
  t["GRU"] = bounded(recurrent<Gru>);
  t["LSTM"] = bounded(recurrent<Lstm>);
}
