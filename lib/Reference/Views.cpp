//===- Views.cpp - views, here as copies ----------------------------------===//
//
// Each view but pad reads the source at `start + sum(i_k * strides_k)`; each
// says so in its own words below.
//
//===----------------------------------------------------------------------===//

#include "Evaluators.h"
#include "Scalar.h"
#include "Walk.h"

using namespace mlir;

namespace nacre::reference {

/// Copies a box of `extents` from x to out; starts and strides in elements.
static void copyBox(ArrayRef<int64_t> extents, const Tensor &x,
                    int64_t fromStart, ArrayRef<int64_t> fromStrides,
                    Tensor &out, int64_t toStart, ArrayRef<int64_t> toStrides) {
  Nest<2> nest;
  for (size_t i = 0; i < extents.size(); ++i)
    nest.axis(extents[i], {fromStrides[i], toStrides[i]});
  withBits(x.dtype, [&](auto t) {
    using T = decltype(t);
    const T *from = x.data<T>();
    T *to = out.data<T>();
    nest.run({fromStart, toStart},
             [&](const auto &at) { to[at[1]] = from[at[0]]; });
  });
}

static void pad(lazy::PadOp op, const Tensor &x, Tensor &out) {
  fill(out, op.getValue());
  Extents toStrides = denseStrides(out.shape);
  int64_t toStart = 0;
  for (auto [stride, low] : llvm::zip_equal(toStrides, op.getLow()))
    toStart += stride * low;
  copyBox(x.shape, x, 0, denseStrides(x.shape), out, toStart, toStrides);
}

llvm::Error evaluateView(Operation *op, const Tensor &x, Tensor &out) {
  size_t rank = x.shape.size();
  if (auto reshape = dyn_cast<lazy::ReshapeOp>(op)) {
    if (x.count() != out.count())
      return failed(op, "the number of elements changes");
    out.bytes = x.bytes;
    out.keepAlive = x.keepAlive;
    return llvm::Error::success();
  }
  if (auto padded = dyn_cast<lazy::PadOp>(op)) {
    for (size_t i = 0; i < rank; ++i)
      if (out.shape[i] != padded.getLow()[i] + x.shape[i] + padded.getHigh()[i])
        return failed(op, "the result's extents do not match the padding");
    pad(padded, x, out);
    return llvm::Error::success();
  }

  Extents dense = denseStrides(x.shape);
  Extents strides = dense; // of the source, per axis of the result
  int64_t start = 0;
  // The verifier proves what follows for static extents; symbolic ones are
  // known only now. `last[i]` is the largest index read along axis i.
  Extents last(x.shape.begin(), x.shape.end());
  if (out.shape.size() < rank)
    return failed(op, "the result has fewer axes than the source");
  for (size_t i = 0; i < rank; ++i)
    last[i] = out.shape[i] - 1;
  if (auto permute = dyn_cast<lazy::PermuteOp>(op)) {
    for (auto [i, axis] : llvm::enumerate(permute.getPerm())) {
      strides[i] = dense[axis];
      last[axis] = out.shape[i] - 1;
    }
  } else if (isa<lazy::ExpandOp>(op)) {
    for (size_t i = 0; i < rank; ++i)
      if (x.shape[i] == 1)
        strides[i] = last[i] = 0;
  } else if (auto slice = dyn_cast<lazy::SliceOp>(op)) {
    for (size_t i = 0; i < rank; ++i) {
      start += slice.getStarts()[i] * dense[i];
      strides[i] = slice.getSteps()[i] * dense[i];
      last[i] = slice.getStarts()[i] + last[i] * slice.getSteps()[i];
    }
  } else if (auto flip = dyn_cast<lazy::FlipOp>(op)) {
    for (size_t i = 0; i < rank; ++i)
      if (llvm::is_contained(flip.getAxes(), static_cast<int64_t>(i))) {
        start += (x.shape[i] - 1) * dense[i];
        strides[i] = -dense[i];
      }
  } else if (auto window = dyn_cast<lazy::WindowOp>(op)) {
    for (auto [k, axis] : llvm::enumerate(window.getAxes())) {
      strides[axis] = window.getStrides()[k] * dense[axis];
      strides.push_back(window.getDilations()[k] * dense[axis]);
      last[axis] = last[axis] * window.getStrides()[k] +
                   (window.getSizes()[k] - 1) * window.getDilations()[k];
    }
  } else {
    return failed(op, "the interpreter does not know this view");
  }
  if (out.count() == 0)
    return llvm::Error::success();
  for (size_t i = 0; i < rank; ++i)
    if (last[i] >= x.shape[i])
      return failed(op, "axis " + Twine(i) + " reads index " + Twine(last[i]) +
                            " of extent " + Twine(x.shape[i]));
  copyBox(out.shape, x, start, strides, out, 0, denseStrides(out.shape));
  return llvm::Error::success();
}

} // namespace nacre::reference
