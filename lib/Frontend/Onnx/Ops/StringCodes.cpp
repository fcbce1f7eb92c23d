//===- StringCodes.cpp - ops on strings as on numbers ---------------------===//
//
// Concat, Gather, Unique and the like do not ask what an element is. Their
// strings are numbered in order, the op's own importer works on the numbers,
// and its results, which constants give constants, become strings again.
//
//===----------------------------------------------------------------------===//
#include "StringCodes.h"
#include "llvm/ADT/StringSwitch.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

StringCodes::StringCodes(std::vector<std::string> given)
    : strings(std::move(given)) {
  llvm::sort(strings);
  strings.erase(std::unique(strings.begin(), strings.end()), strings.end());
}

Value StringCodes::encode(Node &n, const StringTensor &text) const {
  Tensor codes = n.newTensor(DType::I64, text.shape);
  for (auto [i, string] : llvm::enumerate(text.values))
    codes.data<int64_t>()[i] =
        llvm::lower_bound(strings, string) - strings.begin();
  return n.constantOf(codes);
}

Datum StringCodes::decode(Node &n, Value codes) const {
  std::optional<Tensor> known = n.importer.constantValue(codes);
  if (!known) // chosen by the run
    return Datum::coded(n.build.gather(
        n.codesOf({{int64_t(strings.size())}, strings}), codes, 0));
  StringTensor text{known->shape, {}};
  for (int64_t i = 0, count = known->count(); i < count; ++i)
    text.values.push_back(strings[known->integerAt(i)]);
  return Datum::strings(std::move(text));
}

/// How many of the op's outputs are of strings when its inputs are; nullopt
/// when the op wants numbers.
static std::optional<int> stringOutputs(llvm::StringRef op) {
  return llvm::StringSwitch<std::optional<int>>(op)
      .Cases({"Equal", "Shape", "Size"}, 0)
      .Cases({"Compress", "Concat", "DepthToSpace", "Expand", "Flatten"}, 1)
      .Cases({"Gather", "GatherElements", "GatherND", "Reshape"}, 1)
      .Cases({"ReverseSequence", "Slice", "SpaceToDepth", "Squeeze"}, 1)
      .Cases({"Tile", "Transpose", "Unique", "Unsqueeze", "Where"}, 1)
      .Case("Split", INT_MAX)
      .Default(std::nullopt);
}

/// Whether input i is among what the op moves; else it says how.
static bool isData(llvm::StringRef op, int i) {
  return llvm::StringSwitch<bool>(op)
      .Case("Concat", true)
      .Case("Equal", i < 2)
      .Case("Where", i == 1 || i == 2)
      .Default(i == 0);
}

bool onnx_frontend::worksOnCodes(Node &n) {
  if (!n.proto.domain().empty() || !stringOutputs(n.proto.op_type()))
    return false;
  for (int i = 0; i < n.inputCount(); ++i)
    if (n.has(i) && (n.datum(i).isStrings() || n.datum(i).isCoded()))
      return true;
  return false;
}

/// Whether some of the strings are known to the run only.
static bool isOfRun(Node &n) {
  for (int i = 0; i < n.inputCount(); ++i)
    if (n.has(i) && n.datum(i).isCoded())
      return true;
  return false;
}

void onnx_frontend::importOnCodes(Node &n, void (*importer)(Node &)) {
  bool ofRun = isOfRun(n);
  if (ofRun && n.proto.op_type() == "Unique")
    block("cannot order strings of the run");
  std::vector<std::string> all;
  for (int i = 0; i < n.inputCount(); ++i)
    if (!isData(n.proto.op_type(), i))
      n.has(i) ? (void)n.in(i) : void();
    else if (!ofRun)
      llvm::append_range(all, n.strings(i).values);
  StringCodes codes(std::move(all));
  Scope inner;
  inner.outer = &n.scope;
  inner.call = n.scope.call;
  inner.callScope = n.scope.callScope;
  inner.opsets = n.scope.opsets;
  for (int i = 0; i < n.inputCount(); ++i)
    if (isData(n.proto.op_type(), i))
      inner.values[n.proto.input(i)] =
          ofRun ? n.codes(i) : codes.encode(n, n.strings(i));
  Node onCodes(n.importer, inner, n.proto, n.opset, n.build.loc, n.name);
  importer(onCodes);
  for (int i = 0; i < n.proto.output_size(); ++i) {
    auto made = inner.values.find(n.proto.output(i));
    if (!n.wants(i) || made == inner.values.end())
      continue;
    Value value = made->second.value();
    if (i < *stringOutputs(n.proto.op_type()))
      n.setDatum(i, ofRun ? Datum::coded(value) : codes.decode(n, value));
    else
      n.set(i, value);
  }
}
