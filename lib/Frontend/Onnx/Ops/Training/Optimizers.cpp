//===- Optimizers.cpp - update rules of ai.onnx.preview.training ----------===//
//
// A node has the learning rate, the number of the step and then, for every
// tensor it trains, the tensor, its gradient and its states: all tensors first,
// then all gradients, and so on. The results come in the same order.
//
//===----------------------------------------------------------------------===//
#include "../../Node.h"
#include "../../OpTable.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

/// One tensor with what its rule reads; scalars are of the tensor's type.
struct Update {
  Value rate, step, x, gradient;
  llvm::SmallVector<Value> states;
};

Value scalarLike(Node &n, int i, Value x) {
  Value v = n.in(i);
  if (!lazy::tensorType(v).hasStaticShape() ||
      lazy::tensorType(v).getNumElements() != 1)
    block("E_SHAPE: input " + Twine(i) + " of shape " +
          shapeText(Node::shape(v)) + " is not a scalar");
  return n.build.cast(n.reshape(v, {}), Node::element(x));
}

/// Applies `rule` to every tensor of the node; it replaces x and the states.
void updateAll(Node &n, int states, void (*rule)(Node &, Update &)) {
  int each = 2 + states, given = n.inputCount() - 2, count = given / each;
  if (given < each || given % each != 0)
    block("E_ATTR: " + Twine(given) + " tensors are not groups of " +
          Twine(each));
  for (int i = 0; i < count; ++i) {
    Update u;
    u.x = n.in(2 + i);
    n.needFloat(u.x);
    u.rate = scalarLike(n, 0, u.x);
    u.step = scalarLike(n, 1, u.x);
    auto sameAs = [&](int group) {
      Value v = n.in(2 + group * count + i);
      if (v.getType() != u.x.getType())
        block("E_SHAPE: input " + Twine(2 + group * count + i) + " is " +
              shapeText(Node::shape(v)) + " " + dtypeName(Node::dtype(v)) +
              ", not " + shapeText(Node::shape(u.x)) + " " +
              dtypeName(Node::dtype(u.x)));
      return v;
    };
    u.gradient = sameAs(1);
    for (int k = 0; k < states; ++k)
      u.states.push_back(sameAs(2 + k));
    rule(n, u);
    n.set(i, u.x);
    for (int k = 0; k < states; ++k)
      n.set((1 + k) * count + i, u.states[k]);
  }
}

Value add(Node &n, Value a, Value b) { return n.binary<lazy::AddOp>(a, b); }
Value sub(Node &n, Value a, Value b) { return n.binary<lazy::SubOp>(a, b); }
Value mul(Node &n, Value a, Value b) { return n.binary<lazy::MulOp>(a, b); }
Value div(Node &n, Value a, Value b) { return n.binary<lazy::DivOp>(a, b); }
Value scaled(Node &n, Value a, double factor) {
  return n.binary<lazy::MulOp>(a, factor);
}

/// The gradient with that of norm_coefficient / 2 * |x|^2.
Value regularized(Node &n, const Update &u) {
  return add(n, scaled(n, u.x, n.floatAttr("norm_coefficient", 0)), u.gradient);
}

/// 1 - decay^step.
Value correction(Node &n, Value step, double decay) {
  Value power =
      n.build.binary<lazy::PowOp>(n.build.splatLike(step, decay), step);
  return sub(n, n.build.splatLike(step, 1), power);
}

Value isPositive(Node &n, Value step) {
  return n.cmp(lazy::CmpKind::gt, step, n.build.splatLike(step, 0));
}

void adam(Node &n, Update &u) {
  double alpha = n.floatAttr("alpha", 0.9f), beta = n.floatAttr("beta", 0.999f);
  Value g = regularized(n, u), &mean = u.states[0], &square = u.states[1];
  mean = add(n, scaled(n, mean, alpha), scaled(n, g, 1 - alpha));
  square = add(n, scaled(n, square, beta), scaled(n, mul(n, g, g), 1 - beta));
  Value root = n.binary<lazy::AddOp>(n.unary<lazy::SqrtOp>(square),
                                     n.floatAttr("epsilon", 1e-6f));
  // The first step, number 0, is not corrected.
  Value corrected =
      div(n, mul(n, u.rate, n.unary<lazy::SqrtOp>(correction(n, u.step, beta))),
          correction(n, u.step, alpha));
  Value rate = n.where(isPositive(n, u.step), corrected, u.rate);
  u.x = sub(n, u.x, mul(n, rate, div(n, mean, root)));
  u.x = scaled(n, u.x, 1 - n.floatAttr("norm_coefficient_post", 0));
}

void adagrad(Node &n, Update &u) {
  Value decayed = n.binary<lazy::AddOp>(
      scaled(n, u.step, n.floatAttr("decay_factor", 0)), 1.0);
  Value g = regularized(n, u), &square = u.states[0];
  square = add(n, square, mul(n, g, g));
  Value root = n.binary<lazy::AddOp>(n.unary<lazy::SqrtOp>(square),
                                     n.floatAttr("epsilon", 1e-6f));
  u.x = sub(n, u.x, mul(n, div(n, u.rate, decayed), div(n, g, root)));
}

void momentum(Node &n, Update &u) {
  for (const char *name : {"alpha", "beta", "norm_coefficient", "mode"})
    if (!n.attribute(name))
      block("E_ATTR: no " + Twine(name));
  std::string mode = n.stringAttr("mode", "");
  if (mode != "standard" && mode != "nesterov")
    block("E_ATTR: unknown mode " + quoted(mode));
  double alpha = n.floatAttr("alpha", 0);
  Value g = regularized(n, u), &velocity = u.states[0];
  // The first gradient counts in full.
  Value share = n.where(isPositive(n, u.step),
                        n.build.splatLike(u.step, n.floatAttr("beta", 0)),
                        n.build.splatLike(u.step, 1));
  velocity = add(n, scaled(n, velocity, alpha), mul(n, share, g));
  Value move =
      mode == "standard" ? velocity : add(n, g, scaled(n, velocity, alpha));
  u.x = sub(n, u.x, mul(n, u.rate, move));
}

void adamOp(Node &n) { updateAll(n, 2, adam); }
void adagradOp(Node &n) { updateAll(n, 1, adagrad); }
void momentumOp(Node &n) { updateAll(n, 1, momentum); }

} // namespace

void onnx_frontend::addTrainingOps(OpTable &t) {
  t["Adam"] = adamOp;
  t["Adagrad"] = adagradOp;
  t["Momentum"] = momentumOp;
}
