//===- StepSums.cpp - what the micro-batches of a step add up to ----------===//

#include "StepSums.h"
#include <cstring>

namespace nacre::driver {

/// Floats of a bucket, at least: below a megabyte a sum's latency is felt.
static constexpr int64_t bucketFloats = 1 << 18;
/// Gradients begin at multiples of 64 bytes.
static constexpr int64_t alignedFloats = 16;

StepSums::StepSums(States &states, StateProgram &gradient, Ranks *ranks,
                   bool fast, int64_t microBatches)
    : gradient(gradient), ranks(ranks), fast(fast), all(microBatches),
      own(ranks ? microBatches / ranks->count() : microBatches) {
  std::vector<std::pair<int64_t, States::Entry *>> singles, wide;
  for (const autodiff::State &state : gradient.states())
    if (state.kind == autodiff::StateKind::Gradient) {
      States::Entry *entry = states.find(state.name);
      (entry->value.dtype == DType::F32 ? singles : wide)
          .emplace_back(gradient.readyAfter(state), entry);
    }
  llvm::stable_sort(singles, llvm::less_first());
  auto place = [](Tensor &in, int64_t at, States::Entry *entry) {
    Tensor &value = entry->value;
    value = Tensor::view(value.dtype, value.shape,
                         in.bytes + at * dtypeBytes(value.dtype), in.keepAlive);
  };
  std::vector<Bucket> spans;
  int64_t count = 0;
  for (auto [ready, entry] : singles) {
    int64_t padded = llvm::alignTo(entry->value.count(), alignedFloats);
    spans.push_back({count, padded, ready});
    count += padded;
  }
  floats = Tensor::zeros(DType::F32, {count});
  for (auto [span, single] : llvm::zip_equal(spans, singles))
    place(floats, span.first, single.second);
  for (auto [ready, entry] : wide)
    scalars += entry->value.count();
  doubles = Tensor::zeros(DType::F64,
                          {scalars + int64_t(gradient.scalarCount()) + 2});
  int64_t at = 0;
  for (auto [ready, entry] : wide) {
    place(doubles, at, entry);
    at += entry->value.count();
  }
  if (fast) {
    makeBuckets(spans);
    gradient.callAfterKernel([this](int64_t kernel) { afterKernel(kernel); });
  }
}

StepSums::~StepSums() {
  if (fast)
    gradient.callAfterKernel(nullptr);
  if (lost)
    llvm::consumeError(std::move(*lost));
}

void StepSums::makeBuckets(llvm::ArrayRef<Bucket> states) {
  // No more of them than may be in flight.
  const int64_t most = std::max<int64_t>(ranks->inFlight() - 1, 1);
  const int64_t least = std::max(bucketFloats, floats.count() / most + 1);
  for (const Bucket &state : states) {
    if (buckets.empty() || buckets.back().count >= least)
      buckets.push_back({state.first, 0, -1});
    buckets.back().count += state.count;
    buckets.back().readyAfter = state.readyAfter;
  }
}

//===----------------------------------------------------------------------===//
// A step
//===----------------------------------------------------------------------===//

void StepSums::begin() {
  if (added == 0)
    begun = 0;
  if (fast && added == own - 1 && added > 0)
    before = tree.take();
}

void StepSums::afterKernel(int64_t kernel) {
  if (added != own - 1)
    return;
  while (begun < buckets.size() && buckets[begun].readyAfter <= kernel)
    beginBucket();
  ranks->progress();
}

void StepSums::beginBucket() {
  const auto [first, count, ready] = buckets[begun];
  float *values = floats.data<float>() + first;
  if (!before.empty()) {
    const float *earlier = before[0].data<float>() + first;
    for (int64_t i = 0; i < count; ++i)
      values[i] = earlier[i] + values[i];
  }
  if (!lost)
    if (llvm::Error error = ranks->beginSum(int64_t(begun), values, count))
      lost = std::move(error);
  ++begun;
}

void StepSums::add(const Scalars *given, bool stop) {
  double *tail = doubles.data<double>() + scalars;
  for (size_t i = 0; i < gradient.scalarCount(); ++i)
    tail[i] = given ? (*given)[i].second : 0;
  tail[gradient.scalarCount()] = given ? 0 : 1;
  tail[gradient.scalarCount() + 1] = stop;
  ++added;
  // The only one needs no copy, nor does the last of a fast sum.
  if (own > 1 && !(fast && added == own))
    tree.add({floats, doubles});
}

llvm::Expected<std::optional<std::vector<double>>> StepSums::finish() {
  auto take = [](Tensor &to, const Tensor &from) {
    std::memcpy(to.data<uint8_t>(), from.bytes, from.byteCount());
  };
  if (fast) {
    if (llvm::Error error = finishFast())
      return error;
  } else {
    if (own > 1) {
      std::vector<Tensor> sums = tree.take();
      take(floats, sums[0]);
      take(doubles, sums[1]);
    }
    if (ranks)
      for (Tensor *values : {&floats, &doubles})
        if (llvm::Error error = ranks->addInTree(*values))
          return error;
  }
  added = 0;
  const double *tail = doubles.data<double>() + scalars;
  const size_t count = gradient.scalarCount();
  if (tail[count] != 0)
    return std::nullopt;
  std::vector<double> means(tail, tail + count);
  for (double &mean : means)
    mean /= double(all);
  return means;
}

bool StepSums::askedToStop() const {
  return doubles.data<double>()[doubles.count() - 1] != 0;
}

llvm::Error StepSums::finishFast() {
  // A run that failed before the last one leaves its sum in the tree.
  if (added < own)
    tree.take();
  while (begun < buckets.size())
    beginBucket();
  if (lost) {
    llvm::Error error = std::move(*lost);
    lost.reset();
    return error;
  }
  if (!before.empty())
    for (int64_t i = 0; i < doubles.count(); ++i)
      doubles.data<double>()[i] += before[1].data<double>()[i];
  before.clear();
  if (llvm::Error error = ranks->addInRow(doubles))
    return error;
  for (size_t slot = 0; slot < buckets.size(); ++slot)
    if (llvm::Error error = ranks->waitForSum(int64_t(slot)))
      return error;
  return llvm::Error::success();
}

} // namespace nacre::driver
