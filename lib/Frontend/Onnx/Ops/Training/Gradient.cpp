//===- Gradient.cpp - the gradient of a part of the graph -----------------===//
//
// The node names tensors in attributes: y, and those by which it is derived.
// What stands between them has been imported before, and is differentiated as
// a training is.
//
//===----------------------------------------------------------------------===//
#include "../../Node.h"
#include "../../OpTable.h"
#include "mlir/IR/Diagnostics.h"
#include "nacre/Autodiff/Differentiate.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

Value named(Node &n, const std::string &name) {
  // Not of a graph around this one: a function would see it as an argument.
  auto found = n.scope.values.find(name);
  if (found == n.scope.values.end() || !found->second.value())
    block("E_UNDEFINED: " + quoted(name) + " is not a tensor of this graph");
  Value value = found->second.value();
  n.needFloat(value);
  return value;
}

void gradient(Node &n) {
  const onnx::AttributeProto *xs = n.attribute("xs"), *zs = n.attribute("zs");
  std::vector<std::string> names;
  if (xs)
    names.assign(xs->strings().begin(), xs->strings().end());
  int wanted = names.size();
  if (zs)
    names.insert(names.end(), zs->strings().begin(), zs->strings().end());
  if (wanted == 0 || int(names.size()) != n.inputCount() ||
      n.proto.output_size() != wanted)
    block("E_ATTR: " + Twine(names.size()) + " names in xs and zs for " +
          Twine(n.inputCount()) + " inputs and " +
          Twine(n.proto.output_size()) + " outputs");
  for (auto [i, name] : llvm::enumerate(names))
    if (n.proto.input(i) != name)
      block("input " + Twine(i) + " is " + quoted(n.proto.input(i)) +
            ": a gradient elsewhere than at " + quoted(name) +
            " itself is not supported");
  Value y = named(n, n.stringAttr("y", ""));
  auto type = lazy::tensorType(y);
  if (!type.hasStaticShape() || type.getNumElements() != 1)
    block("E_SHAPE: y has shape " + shapeText(type.getShape()) +
          ", not one element");
  llvm::SmallVector<Value> points;
  for (int i = 0; i < wanted; ++i)
    points.push_back(named(n, names[i]));
  std::string reason;
  mlir::ScopedDiagnosticHandler handler(n.build.b.getContext(),
                                        [&](mlir::Diagnostic &diagnostic) {
                                          if (reason.empty())
                                            reason = diagnostic.str();
                                          return mlir::success();
                                        });
  auto gradients = autodiff::differentiate(n.build, n.reshape(y, {}), points);
  if (mlir::failed(gradients))
    block(reason);
  for (int i = 0; i < wanted; ++i)
    n.set(i, (*gradients)[i]);
}

} // namespace

void onnx_frontend::addGradientOps(OpTable &t) { t["Gradient"] = gradient; }
