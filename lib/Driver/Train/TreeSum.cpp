//===- TreeSum.cpp - sums of gradients in a fixed order -------------------===//

#include "TreeSum.h"
#include <cassert>
#include <cstring>

namespace nacre::driver {

template <typename T> static void addTo(Tensor &to, const Tensor &from) {
  T *sum = to.data<T>();
  const T *value = from.data<T>();
  for (int64_t i = 0, count = to.count(); i < count; ++i)
    sum[i] += value[i];
}

/// The last two parts become one.
void TreeSum::join() {
  Part last = std::move(parts.back());
  parts.pop_back();
  Part &into = parts.back();
  into.lists += last.lists;
  for (size_t i = 0; i < last.sums.size(); ++i) {
    assert(last.sums[i].dtype == DType::F32 ||
           last.sums[i].dtype == DType::F64);
    if (last.sums[i].dtype == DType::F32)
      addTo<float>(into.sums[i], last.sums[i]);
    else
      addTo<double>(into.sums[i], last.sums[i]);
  }
}

void TreeSum::add(llvm::ArrayRef<Tensor> values) {
  Part part{1, {}};
  for (const Tensor &value : values) {
    part.sums.push_back(Tensor::zeros(value.dtype, value.shape));
    std::memcpy(part.sums.back().data<uint8_t>(), value.bytes,
                value.byteCount());
  }
  parts.push_back(std::move(part));
  while (parts.size() > 1 && parts.back().lists == parts.end()[-2].lists)
    join();
}

std::vector<Tensor> TreeSum::take() {
  while (parts.size() > 1)
    join();
  std::vector<Tensor> sums = std::move(parts.front().sums);
  parts.clear();
  return sums;
}

} // namespace nacre::driver
