//===- gradients_layers.cpp - layers and losses, as frontends write them --===//

#include "Gradients.h"
#include "nacre/Lazy/ControlFlow.h"

using namespace nacre::lazy;

namespace nacre::test {
namespace {

/// A tensor and arithmetic on it, so that layers read as formulas.
struct T {
  Sample *s;
  Value v;

  operator Value() const { return v; }
  Build &b() const { return s->build; }
  T make(Value x) const { return {s, x}; }
  Shape shape() const { return Shape(tensorType(v).getShape()); }
  int64_t dim(int64_t i) const { return tensorType(v).getDimSize(i); }
  template <typename Op> T with(const T &o) const {
    return make(b().binary<Op>(v, o.v));
  }
  template <typename Op> T apply() const { return make(b().unary<Op>(v)); }
  T operator+(const T &o) const { return with<AddOp>(o); }
  T operator-(const T &o) const { return with<SubOp>(o); }
  T operator*(const T &o) const { return with<MulOp>(o); }
  T operator/(const T &o) const { return with<DivOp>(o); }
  T number(double c) const { return make(b().splat(s->element, c)); }
  T operator+(double c) const { return *this + number(c); }
  T operator*(double c) const { return *this * number(c); }
  T reshape(ArrayRef<int64_t> to) const { return make(b().reshape(v, to)); }
  T permute(ArrayRef<int64_t> p) const { return make(b().permute(v, p)); }
  T reduce(ReduceKind kind, ArrayRef<int64_t> axes, bool keep = true) const {
    return make(b().reduce(kind, v, axes, keep));
  }
  T sum(ArrayRef<int64_t> axes, bool keep = true) const {
    return reduce(ReduceKind::add, axes, keep);
  }
  T mean(ArrayRef<int64_t> axes, bool keep = true) const {
    double n = 1;
    for (int64_t a : axes)
      n *= dim(a);
    return sum(axes, keep) * (1 / n);
  }
  T slice(int64_t axis, int64_t start, int64_t size) const {
    Shape starts(shape().size(), 0), sizes = shape();
    starts[axis] = start;
    sizes[axis] = size;
    return make(b().slice(v, starts, sizes));
  }
};

T in(Sample &s, ArrayRef<int64_t> shape, Values values = Values::Any) {
  return {&s, s.in(shape, values)};
}

/// x[.., m, k] times y[.., k, n] with equal leading extents.
T matmul(T x, T y) {
  Shape left = x.shape(), right = y.shape();
  left.push_back(1);
  right.insert(right.end() - 2, 1);
  int64_t axis = int64_t(left.size()) - 2;
  return (x.reshape(left) * y.reshape(right)).sum({axis}, false);
}
/// x[m, k] times w[n, k] transposed, plus a bias.
T linear(T x, T w, T bias) { return matmul(x, w.permute({1, 0})) + bias; }

T sigmoid(T x) {
  T one = x.number(1);
  return one / ((x.apply<NegOp>()).apply<ExpOp>() + 1);
}
T softmax(T x, int64_t axis) {
  T e = (x - x.reduce(ReduceKind::max, {axis})).apply<ExpOp>();
  return e / e.sum({axis});
}
T logSoftmax(T x, int64_t axis) {
  T c = x - x.reduce(ReduceKind::max, {axis});
  return c - c.apply<ExpOp>().sum({axis}).apply<LogOp>();
}
T normalize(T x, ArrayRef<int64_t> axes) {
  T c = x - x.mean(axes);
  return c / ((c * c).mean(axes) + 1e-5).apply<SqrtOp>();
}

struct Conv {
  Shape size;
  int64_t n, in, out, groups;
  Shape kernel, strides, dilations, pads;
  bool transposed = false;
};

/// x[n, c, ..], w[out, c / groups, ..].
T convolve(T x, T w, const Conv &f) {
  int64_t rank = f.size.size();
  Shape low{0, 0};
  low.append(f.pads);
  x = x.make(x.b().pad(x, low, low, 0));
  Shape grouped{f.n, f.groups, 1, x.dim(1) / f.groups};
  for (int64_t k = 0; k < rank; ++k)
    grouped.push_back(x.dim(2 + k));
  Shape axes, summed{3};
  for (int64_t k = 0; k < rank; ++k) {
    axes.push_back(4 + k);
    summed.push_back(4 + rank + k);
  }
  x = x.reshape(grouped);
  x = x.make(x.b().window(x, axes, f.kernel, f.strides, f.dilations));
  Shape kernel{1, f.groups, w.dim(0) / f.groups, w.dim(1)};
  kernel.append(rank, 1);
  kernel.append(f.kernel);
  T y = (x * w.reshape(kernel)).sum(summed, false);
  Shape joined{f.n, y.dim(1) * y.dim(2)};
  for (int64_t k = 0; k < rank; ++k)
    joined.push_back(y.dim(3 + k));
  return y.reshape(joined);
}

/// As ONNX's ConvTranspose: x with zeros between its elements, the kernel
/// flipped and its channels swapped. w[in, out / groups, ..].
T transposedConvolve(T x, T w, Conv f) {
  int64_t rank = f.size.size(), outs = w.dim(1);
  for (int64_t k = 0; k < rank; ++k) {
    int64_t axis = 2 + k, stride = f.strides[k];
    Shape apart = x.shape(), joined = x.shape();
    apart.insert(apart.begin() + axis + 1, 1);
    joined[axis] *= stride;
    Shape none(apart.size(), 0), high(none);
    high[axis + 1] = stride - 1;
    x = x.reshape(apart);
    x = x.make(x.b().pad(x, none, high, 0)).reshape(joined);
    x = x.slice(axis, 0, joined[axis] - stride + 1);
    f.pads[k] = (f.kernel[k] - 1) * f.dilations[k] - f.pads[k];
    f.strides[k] = 1;
  }
  Shape apart{f.groups, f.in / f.groups, outs}, swap{0, 2, 1}, flips;
  for (int64_t k = 0; k < rank; ++k) {
    apart.push_back(f.kernel[k]);
    swap.push_back(3 + k);
    flips.push_back(3 + k);
  }
  w = w.reshape(apart).permute(swap);
  w = w.make(w.b().flip(w, flips));
  Shape kernel{f.groups * outs, f.in / f.groups};
  kernel.append(f.kernel);
  return convolve(x, w.reshape(kernel), f);
}

void convolutions(std::vector<Case> &cases) {
  auto add = [&](std::string name, std::vector<Conv> list) {
    Case one{std::move(name), {}, true};
    for (const Conv &f : list) {
      Shape x{f.n, f.in}, w{f.out, f.in / f.groups};
      if (f.transposed)
        w = {f.in, f.out / f.groups};
      x.append(f.size);
      w.append(f.kernel);
      one.samples.push_back({inWords({x, w}), [=](Sample &s) -> Value {
                               T image = in(s, x), kernel = in(s, w);
                               return f.transposed
                                          ? transposedConvolve(image, kernel, f)
                                          : convolve(image, kernel, f);
                             }});
    }
    cases.push_back(one);
  };
  Shape one{1, 1}, two{2, 2}, none{0, 0}, three{3, 3};
  add("conv",
      {{{5, 6}, 2, 2, 3, 1, three, one, one, one},
       {{5, 5}, 1, 3, 2, 1, one, one, one, none},
       {{7, 4}, 2, 1, 2, 1, {5, 2}, one, one, {2, 0}},
       {{9}, 2, 3, 4, 1, {3}, {1}, {1}, {1}},
       {{3, 4, 5}, 1, 2, 2, 1, {2, 3, 2}, {1, 1, 1}, {1, 1, 1}, {0, 1, 0}}});
  add("conv, strided", {{{7, 8}, 2, 2, 3, 1, three, two, one, one},
                        {{8, 8}, 1, 2, 2, 1, one, two, one, none},
                        {{11, 9}, 1, 2, 2, 1, {5, 4}, {3, 2}, one, {2, 1}},
                        {{12}, 2, 2, 2, 1, {2}, {3}, {1}, {0}},
                        {{9, 9}, 1, 3, 4, 1, {7, 7}, two, one, three}});
  add("conv, dilated", {{{8, 8}, 1, 2, 2, 1, three, one, two, two},
                        {{9, 7}, 2, 1, 2, 1, {3, 2}, one, {3, 2}, one},
                        {{11, 10}, 1, 2, 2, 1, three, two, two, two},
                        {{14}, 1, 2, 3, 1, {4}, {3}, {2}, {1}},
                        {{10, 6}, 1, 2, 2, 1, {3, 3}, {1, 2}, {2, 1}, one}});
  add("conv, grouped", {{{5, 5}, 1, 4, 6, 2, three, one, one, one},
                        {{6, 5}, 2, 4, 4, 2, {2, 3}, {2, 1}, one, none},
                        {{5, 4}, 1, 6, 3, 3, three, one, one, one},
                        {{8}, 1, 4, 8, 4, {3}, {2}, {1}, {1}},
                        {{4, 4}, 1, 4, 4, 2, one, one, one, none}});
  add("conv, depthwise", {{{6, 6}, 2, 3, 3, 3, three, one, one, one},
                          {{7, 8}, 1, 4, 4, 4, three, two, one, one},
                          {{8, 8}, 1, 2, 4, 2, three, one, two, two},
                          {{10}, 2, 3, 3, 3, {5}, {1}, {1}, {2}},
                          {{9, 9}, 1, 2, 2, 2, {5, 5}, two, one, two}});
  add("conv, transposed",
      {{{3, 4}, 2, 3, 2, 1, three, two, one, one, true},
       {{4, 4}, 1, 2, 2, 1, {2, 2}, two, one, none, true},
       {{4, 3}, 1, 4, 4, 2, three, one, one, one, true},
       {{5}, 2, 2, 3, 1, {4}, {2}, {1}, {1}, true},
       {{3, 3}, 1, 2, 2, 2, three, {3, 2}, two, one, true}});
}

void pooling(std::vector<Case> &cases) {
  struct Pool {
    Shape x, sizes, strides, pads;
  };
  Case largest{"max pool", {}, true}, average{"average pool", {}, true};
  for (const Pool &p :
       std::vector<Pool>{{{1, 2, 6, 6}, {2, 2}, {2, 2}, {0, 0}},
                         {{2, 1, 7, 7}, {3, 3}, {2, 2}, {1, 1}},
                         {{1, 2, 6, 5}, {3, 2}, {1, 1}, {1, 0}},
                         {{1, 1, 9, 9}, {7, 7}, {1, 1}, {3, 3}},
                         {{1, 3, 5, 4}, {5, 4}, {1, 1}, {0, 0}},
                         {{1, 1, 8, 8}, {2, 2}, {3, 3}, {0, 0}}}) {
    auto windows = [p](T x, double fill) {
      Shape low{0, 0, p.pads[0], p.pads[1]};
      Value padded = x.b().pad(x, low, low, fill);
      return x.make(x.b().window(padded, {2, 3}, p.sizes, p.strides, {1, 1}));
    };
    std::string shapes = inWords({p.x, p.sizes});
    largest.samples.push_back({shapes, [=](Sample &s) -> Value {
                                 return windows(in(s, p.x, Values::Apart), -100)
                                     .reduce(ReduceKind::max, {4, 5}, false);
                               }});
    average.samples.push_back(
        {shapes, [=](Sample &s) -> Value {
           return windows(in(s, p.x), 0).mean({4, 5}, false);
         }});
  }
  cases.push_back(largest);
  cases.push_back(average);
}

/// Samples of one layer, of shapes of its own meaning.
using Layer = std::function<T(Sample &, const Shape &)>;
void add(std::vector<Case> &cases, std::string name,
         const std::vector<Shape> &shapes, Layer layer) {
  Case one{std::move(name), {}, true};
  for (const Shape &shape : shapes)
    one.samples.push_back({inWords({shape}), [=](Sample &s) -> Value {
                             return layer(s, shape);
                           }});
  cases.push_back(one);
}

const std::vector<Shape> matrices{{1, 3}, {2, 5}, {4, 4}, {3, 17}, {9, 8}};

void dense(std::vector<Case> &cases) {
  // Rows, inputs, outputs.
  add(cases, "linear",
      {{1, 3, 2}, {4, 5, 3}, {2, 1, 7}, {8, 16, 9}, {5, 33, 1}},
      [](Sample &s, const Shape &n) {
        T x = in(s, {n[0], n[1]}), w = in(s, {n[2], n[1]});
        return linear(x, w, in(s, {n[2]}));
      });
  add(cases, "gelu", matrices, [](Sample &s, const Shape &n) {
    T x = in(s, n);
    return x * ((x * 0.70710678118654752).apply<ErfOp>() + 1) * 0.5;
  });
  add(cases, "gelu, tanh", matrices, [](Sample &s, const Shape &n) {
    T x = in(s, n);
    T inner = (x + x * x * x * 0.044715) * 0.79788456080286536;
    return x * (inner.apply<TanhOp>() + 1) * 0.5;
  });
  add(cases, "silu", matrices, [](Sample &s, const Shape &n) {
    T x = in(s, n);
    return x * sigmoid(x);
  });
  add(cases, "softplus", matrices, [](Sample &s, const Shape &n) {
    return (in(s, n).apply<ExpOp>() + 1).apply<LogOp>();
  });
  add(cases, "swiglu", matrices, [](Sample &s, const Shape &n) {
    T gate = in(s, n), x = in(s, n);
    return gate * sigmoid(gate) * x;
  });
  add(cases, "softmax", matrices, [](Sample &s, const Shape &n) {
    return softmax(in(s, n, Values::Apart), 1);
  });
  add(cases, "log-softmax", matrices, [](Sample &s, const Shape &n) {
    return logSoftmax(in(s, n, Values::Apart), 1);
  });
  // Two-layer perceptron: gradients of values with several readers.
  add(cases, "residual block", {{1, 2}, {2, 5}, {4, 4}, {3, 9}, {7, 8}},
      [](Sample &s, const Shape &n) {
        T x = in(s, n), w = in(s, {n[1], n[1]}), u = in(s, {n[1], n[1]}),
          bias = in(s, {n[1]});
        return x + linear(linear(x, w, bias).apply<TanhOp>(), u, bias);
      });
}

void norms(std::vector<Case> &cases) {
  add(cases, "layer norm", {{2, 3}, {1, 8}, {4, 5}, {3, 17}, {6, 32}},
      [](Sample &s, const Shape &n) {
        T x = in(s, n), w = in(s, {n[1]});
        return normalize(x, {1}) * w + in(s, {n[1]});
      });
  add(cases, "rms norm", {{2, 3}, {1, 8}, {4, 5}, {3, 17}, {6, 32}},
      [](Sample &s, const Shape &n) {
        T x = in(s, n);
        T y = x / ((x * x).mean({1}) + 1e-5).apply<SqrtOp>();
        return y * in(s, {n[1]});
      });
  std::vector<Shape> images{
      {2, 2, 3, 3}, {1, 4, 2, 5}, {3, 2, 4, 1}, {2, 6, 3, 2}, {4, 4, 4, 4}};
  add(cases, "batch norm", images, [](Sample &s, const Shape &n) {
    T x = in(s, n), w = in(s, {n[1], 1, 1});
    return normalize(x, {0, 2, 3}) * w + in(s, {n[1], 1, 1});
  });
  add(cases, "batch norm, running statistics", images,
      [](Sample &s, const Shape &n) {
        Shape c{n[1], 1, 1};
        T x = in(s, n), mean{&s, s.fixed(c)},
          variance{&s, s.fixed(c, Values::Positive)};
        T y = (x - mean) / (variance + 1e-5).apply<SqrtOp>();
        T w = in(s, c);
        return y * w + in(s, c);
      });
  add(cases, "group norm", images, [](Sample &s, const Shape &n) {
    T x = in(s, n), w = in(s, {n[1], 1, 1});
    T y = normalize(x.reshape({n[0], 2, n[1] / 2, n[2], n[3]}), {2, 3, 4});
    return y.reshape(n) * w + in(s, {n[1], 1, 1});
  });
}

void sequences(std::vector<Case> &cases) {
  // Batch, heads, length, width of a head; causal.
  add(cases, "attention",
      {{1, 1, 3, 2}, {1, 2, 4, 3}, {2, 1, 5, 4}, {2, 3, 2, 2}, {1, 2, 7, 8}},
      [](Sample &s, const Shape &n) {
        int64_t width = n[1] * n[3];
        T x = in(s, {n[0], n[2], width});
        auto project = [&] {
          T y = matmul(x.reshape({n[0] * n[2], width}), in(s, {width, width}));
          return y.reshape({n[0], n[2], n[1], n[3]}).permute({0, 2, 1, 3});
        };
        T q = project(), k = project(), v = project();
        T scores =
            matmul(q, k.permute({0, 1, 3, 2})) * (1 / std::sqrt(double(n[3])));
        Build &b = s.build;
        auto square =
            mlir::RankedTensorType::get({n[2], n[2]}, b.b.getI64Type());
        Value seen = b.cmp(CmpKind::ge, b.iota(square, 0), b.iota(square, 1));
        scores = scores.make(b.where(seen, scores, b.splat(s.element, -1e9)));
        return matmul(softmax(scores, 3), v)
            .permute({0, 2, 1, 3})
            .reshape({n[0], n[2], width});
      });
  // Rows, inputs, units; two steps.
  std::vector<Shape> cells{
      {1, 2, 2}, {2, 3, 4}, {3, 1, 2}, {2, 5, 3}, {4, 4, 4}};
  add(cases, "lstm cell", cells, [](Sample &s, const Shape &n) {
    T w = in(s, {4 * n[2], n[1]}), u = in(s, {4 * n[2], n[2]}),
      bias = in(s, {4 * n[2]}), h = in(s, {n[0], n[2]}),
      c = in(s, {n[0], n[2]});
    for (int step = 0; step < 2; ++step) {
      T all =
          linear(in(s, {n[0], n[1]}), w, bias) + matmul(h, u.permute({1, 0}));
      auto part = [&](int k) { return all.slice(1, k * n[2], n[2]); };
      c = sigmoid(part(1)) * c + sigmoid(part(0)) * part(2).apply<TanhOp>();
      h = sigmoid(part(3)) * c.apply<TanhOp>();
    }
    return h;
  });
  add(cases, "gru cell", cells, [](Sample &s, const Shape &n) {
    T w = in(s, {3 * n[2], n[1]}), u = in(s, {3 * n[2], n[2]}),
      bias = in(s, {3 * n[2]}), h = in(s, {n[0], n[2]});
    for (int step = 0; step < 2; ++step) {
      T x = linear(in(s, {n[0], n[1]}), w, bias), r = linear(h, u, bias);
      auto part = [&](T of, int k) { return of.slice(1, k * n[2], n[2]); };
      T update = sigmoid(part(x, 0) + part(r, 0));
      T reset = sigmoid(part(x, 1) + part(r, 1));
      T next = (part(x, 2) + reset * part(r, 2)).apply<TanhOp>();
      h = next + update * (h - next);
    }
    return h;
  });
  // Words, width, tokens.
  add(cases, "embedding",
      {{3, 2, 4}, {7, 3, 5}, {5, 1, 9}, {11, 4, 2}, {20, 8, 30}},
      [](Sample &s, const Shape &n) -> T {
        Value table = s.in({n[0], n[1]});
        return {&s, s.build.gather(table, s.index({2, n[2]}, n[0]), 0)};
      });
}

void losses(std::vector<Case> &cases) {
  const std::vector<Shape> shapes{{1, 2}, {2, 3}, {4, 5}, {3, 17}, {8, 10}};
  auto difference = [](Sample &s, const Shape &n) {
    T x = in(s, n, Values::Apart);
    return x - T{&s, s.fixed(n, Values::Apart)};
  };
  add(cases, "mean squared error", shapes, [=](Sample &s, const Shape &n) {
    T d = difference(s, n);
    return (d * d).mean({0, 1});
  });
  add(cases, "l1", shapes, [=](Sample &s, const Shape &n) {
    return difference(s, n).apply<AbsOp>().mean({0, 1});
  });
  add(cases, "huber", shapes, [=](Sample &s, const Shape &n) {
    T d = difference(s, n), a = d.apply<AbsOp>();
    Value isSmall = s.build.cmp(CmpKind::le, a, a.number(0.1123));
    T line = (a + -0.1123 / 2) * 0.1123;
    return d.make(s.build.where(isSmall, d * d * 0.5, line)).mean({0, 1});
  });
  // The class of each row, found as a one-hot row.
  add(cases, "cross entropy", shapes, [](Sample &s, const Shape &n) {
    T logits = in(s, n, Values::Apart);
    Value label = s.build.reshape(s.index({n[0]}, n[1], false), {n[0], 1});
    auto type = mlir::RankedTensorType::get(n, s.build.b.getI64Type());
    Value hit = s.build.cmp(CmpKind::eq, s.build.iota(type, 1), label);
    T picked = logSoftmax(logits, 1) * T{&s, s.build.cast(hit, s.element)};
    return picked.sum({0, 1}) * (-1.0 / n[0]);
  });
  add(cases, "negative log likelihood by gather", shapes,
      [](Sample &s, const Shape &n) {
        T flat = logSoftmax(in(s, n, Values::Apart), 1).reshape({n[0] * n[1]});
        Value picked =
            s.build.gather(flat, s.index({n[0]}, n[0] * n[1], false), 0);
        return flat.make(picked).mean({0}) * -1;
      });
  // Of logits, without overflow: max(x, 0) - x * t + log(1 + exp(-|x|)).
  add(cases, "binary cross entropy", shapes, [](Sample &s, const Shape &n) {
    T x = in(s, n, Values::Apart), t{&s, s.fixed(n, Values::Positive)};
    T tail =
        (x.apply<AbsOp>().apply<NegOp>().apply<ExpOp>() + 1).apply<LogOp>();
    return (x.with<MaxOp>(x.number(0)) - x * t + tail).mean({0, 1});
  });
  add(cases, "hinge", shapes, [](Sample &s, const Shape &n) {
    T x = in(s, n, Values::Apart);
    T margin = x * -1 + 1.0023;
    return margin.with<MaxOp>(x.number(0)).mean({0, 1});
  });
  add(cases, "kl divergence", shapes, [](Sample &s, const Shape &n) {
    T p = softmax(T{&s, s.fixed(n, Values::Apart)}, 1);
    T q = logSoftmax(in(s, n, Values::Apart), 1);
    return (p * (p.apply<LogOp>() - q)).sum({0, 1}) * (1.0 / n[0]);
  });
}

/// A function of the program, made by `body` of its arguments.
mlir::func::FuncOp
callee(Sample &s, ArrayRef<Value> like,
       llvm::function_ref<SmallVector<Value>(mlir::ValueRange)> body) {
  auto module =
      s.build.b.getBlock()->getParentOp()->getParentOfType<mlir::ModuleOp>();
  mlir::OpBuilder::InsertionGuard guard(s.build.b);
  SmallVector<mlir::Type> types;
  for (Value v : like)
    types.push_back(v.getType());
  auto function = makeCallee(module, "body", types, s.build.loc);
  s.build.b.setInsertionPointToEnd(&function.getBody().front());
  endCallee(function, body(function.getArguments()));
  return function;
}

/// A recurrent net whose steps the data may end, over a scanned input and a
/// captured weight, and a branch.
void controlFlow(std::vector<Case> &cases) {
  const std::vector<Shape> shapes{
      {1, 1, 1}, {3, 2, 4}, {5, 1, 3}, {2, 3, 2}, {4, 4, 4}};
  add(cases, "loop", shapes, [](Sample &s, const Shape &n) {
    T x = in(s, n), h = in(s, {n[1], n[2]}), w = in(s, {n[2], n[2]});
    Value counter = s.build.splat(s.build.b.getI64Type(), 0);
    T slice = x.slice(0, 0, 1).reshape({n[1], n[2]});
    auto step = callee(s, {counter, h, slice, w}, [&](mlir::ValueRange a) {
      T next = (matmul(T{&s, a[1]}, T{&s, a[3]}) + T{&s, a[2]}).apply<TanhOp>();
      return SmallVector<Value>{next, next};
    });
    auto loop =
        makeLoop(s.build, step, n[0], {}, false, {h}, {x}, {w}, {true, false});
    return T{&s, loop.getResult(0)}.sum({0, 1}) +
           T{&s, loop.getResult(1)}.sum({0, 1, 2});
  });
  add(cases, "loop until", shapes, [](Sample &s, const Shape &n) {
    T h = in(s, {n[1], n[2]}), w = in(s, {n[2], n[2]});
    Value counter = s.build.splat(s.build.b.getI64Type(), 0);
    Value trips = s.build.reshape(s.index({1}, n[0] + 1, false), {});
    auto step = callee(s, {counter, h, w}, [&](mlir::ValueRange a) {
      T next = matmul(T{&s, a[1]}, T{&s, a[2]}).apply<TanhOp>();
      Value goOn = s.build.cmp(CmpKind::lt, a[0],
                               s.build.splat(s.build.b.getI64Type(), 2));
      return SmallVector<Value>{goOn, next};
    });
    auto loop = makeLoop(s.build, step, n[0], trips, true, {h}, {}, {w}, {});
    return T{&s, loop.getResult(0)};
  });
  add(cases, "if", shapes, [](Sample &s, const Shape &n) {
    T x = in(s, n);
    auto branch = [&](bool then) {
      return callee(s, {x}, [&](mlir::ValueRange a) {
        T v{&s, a[0]};
        return SmallVector<Value>{then ? v.apply<ExpOp>() : v * v};
      });
    };
    auto then = branch(true), otherwise = branch(false);
    Value condition =
        s.build.cmp(CmpKind::lt, s.build.reshape(s.index({1}, 2, false), {}),
                    s.build.splat(s.build.b.getI64Type(), 1));
    auto made =
        IfOp::create(s.build.b, s.build.loc, mlir::TypeRange{x.v.getType()},
                     then.getSymName(), otherwise.getSymName(), condition,
                     mlir::ValueRange{x.v}, mlir::ArrayAttr(),
                     mlir::ArrayAttr(), mlir::ArrayAttr());
    return T{&s, made.getResult(0)};
  });
}

} // namespace

void addLayers(std::vector<Case> &cases) {
  dense(cases);
  convolutions(cases);
  pooling(cases);
  norms(cases);
  sequences(cases);
  losses(cases);
  controlFlow(cases);
}

} // namespace nacre::test
