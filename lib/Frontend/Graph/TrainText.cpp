//===- TrainText.cpp - a train block for a model without one --------------===//
//
// `--loss NAME` is no second way to train: it writes a train block, which is
// read like any other.
//
//===----------------------------------------------------------------------===//
#include "Train.h"
#include "nacre/Failure/Failure.h"
#include "llvm/ADT/StringExtras.h"

using llvm::StringRef;
using llvm::Twine;

namespace nacre::graph_frontend {

using onnx_frontend::Signature;

/// A name as the language takes it.
static std::string identifier(StringRef name) {
  std::string made;
  for (char c : name)
    made += llvm::isAlnum(c) ? c : '_';
  if (made.empty() || llvm::isDigit(made[0]))
    made.insert(0, "x_");
  return made;
}

static std::string typeText(DType dtype, llvm::ArrayRef<int64_t> dims) {
  std::string text = std::string(dtypeName(dtype)) + "[";
  for (auto [i, dim] : llvm::enumerate(dims))
    text += (i ? ", " : "") + std::to_string(dim);
  return text + "]";
}

std::string trainBlockText(llvm::ArrayRef<Signature> inputs,
                           const Signature &output, StringRef callee,
                           bool severalOutputs, StringRef loss,
                           Diagnostics &diagnostics) {
  static const std::vector<std::string> losses = {
      "cross_entropy", "nll", "mse", "l1", "huber", "bce", "bce_with_logits"};
  if (!llvm::is_contained(losses, loss)) {
    diagnostics.report("--loss: no loss " + quote(loss) + ", expected " +
                       enumeration(losses));
    return "";
  }
  bool classes = loss == "cross_entropy" || loss == "nll";
  std::vector<int64_t> label = output.dims;
  if (classes && label.empty()) {
    diagnostics.report("--loss: the output is a scalar, which has no classes");
    return "";
  }
  if (classes)
    label.erase(label.begin() + (label.size() > 1));
  std::string text = "train {\n", arguments;
  llvm::StringSet<> names;
  names.insert("label");
  for (const Signature &input : inputs) {
    std::string name = identifier(input.name);
    while (!names.insert(name).second)
      name += "_";
    text += "  data " + name + ": " + typeText(input.dtype, input.dims) + "\n";
    arguments += (arguments.empty() ? "" : ", ") + name;
  }
  text +=
      "  data label: " + typeText(classes ? DType::I64 : output.dtype, label) +
      "\n";
  text += "  prediction = " + callee.str() + "(" + arguments + ")" +
          (severalOutputs ? "[0]" : "") + "\n";
  text += "  loss " + loss.str() + "(prediction, label)\n";
  if (classes)
    text += "  metric accuracy = mean(cast(argmax(prediction, " +
            std::to_string(output.dims.size() > 1) + ") == label, f32))\n";
  return text + "}\n";
}

} // namespace nacre::graph_frontend
