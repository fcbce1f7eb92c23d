//===- Signal.cpp - windows and filter banks, known at compile time -------===//
#include "../Node.h"
#include "../OpTable.h"
#include <cmath>

using namespace nacre;
using namespace nacre::onnx_frontend;

namespace {

DType outputType(Node &n) {
  return dtypeOfOnnx(
      int32_t(n.intAttr("output_datatype", onnx::TensorProto::FLOAT)),
      "output_datatype");
}

double number(Node &n, int i, llvm::StringRef what) {
  Tensor t = n.constant(i, what);
  if (t.count() != 1)
    block("E_SHAPE: '" + what + "' has " + Twine(t.count()) + " values, not 1");
  return t.numberAt(0);
}

int64_t extentOf(Node &n, int i, llvm::StringRef what) {
  double v = number(n, i, what);
  if (!(v >= 0 && v < 0x1p53))
    block("E_ATTR: " + what + " must be >= 0");
  return int64_t(v);
}

/// The sum of weight[k] * cos(2 pi k i / period).
void cosineWindow(Node &n, llvm::ArrayRef<double> weights) {
  int64_t size = extentOf(n, 0, "size");
  int64_t period = n.intAttr("periodic", 1) != 0 ? size : size - 1;
  Tensor t = n.newTensor(outputType(n), {size});
  for (int64_t i = 0; i < size; ++i) {
    double sum = 0;
    for (auto [k, weight] : llvm::enumerate(weights))
      sum += weight * std::cos(2 * M_PI * double(k) * double(i) /
                               double(std::max<int64_t>(period, 1)));
    t.setNumber(i, size == 1 ? 1 : sum);
  }
  n.set(0, n.constantOf(t));
}

void hannWindow(Node &n) { cosineWindow(n, {0.5, -0.5}); }
void hammingWindow(Node &n) { cosineWindow(n, {25.0 / 46, -21.0 / 46}); }
void blackmanWindow(Node &n) { cosineWindow(n, {0.42, -0.5, 0.08}); }

/// Triangles over the bins of a spectrum, evenly wide on the mel scale.
void melWeightMatrix(Node &n) {
  int64_t bands = extentOf(n, 0, "num_mel_bins");
  int64_t length = extentOf(n, 1, "dft_length"), bins = length / 2 + 1;
  double rate = number(n, 2, "sample_rate");
  auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  double low = mel(number(n, 3, "lower_edge_hertz"));
  double high = mel(number(n, 4, "upper_edge_hertz"));
  Tensor t = n.newTensor(outputType(n), {bins, bands});
  double step = (high - low) / double(bands + 2);
  auto edge = [&](int64_t i) {
    double hertz = 700 * (std::pow(10, (double(i) * step + low) / 2595) - 1);
    double bin = std::floor(double(length + 1) * hertz / rate);
    if (!(bin >= 0 && bin < double(bins)))
      block("E_ATTR: the edges of band " + Twine(std::min(i, bands - 1)) +
            " are outside the spectrum");
    return int64_t(bin);
  };
  for (int64_t band = 0; band < bands; ++band) {
    int64_t from = edge(band), top = edge(band + 1), to = edge(band + 2);
    auto set = [&](int64_t bin, double v) {
      t.setNumber(bin * bands + band, v);
    };
    for (int64_t bin = from; bin < top; ++bin)
      set(bin, double(bin - from) / double(top - from));
    set(top, 1);
    for (int64_t bin = top + 1; bin < to; ++bin)
      set(bin, double(to - bin) / double(to - top));
  }
  n.set(0, n.constantOf(t));
}

} // namespace

void onnx_frontend::addSignalOps(OpTable &t) {
  t["HannWindow"] = hannWindow;
  t["HammingWindow"] = hammingWindow;
  t["BlackmanWindow"] = blackmanWindow;
  t["MelWeightMatrix"] = melWeightMatrix;
}
