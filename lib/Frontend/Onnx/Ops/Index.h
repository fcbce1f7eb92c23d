//===- Index.h - indices of the ops that pick and scatter -------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_INDEX_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_INDEX_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Blocks with E_INDEX when an element of `index`, known now, is outside
/// [-extent, extent).
void needKnownInRange(const Tensor &index, int64_t extent);

/// `index` (i32 or i64) in i64, counted from the start. One outside [-extent,
/// extent) is blocked when it is known now, else the run returns E_INDEX.
Value checkedIndex(Node &n, Value index, int64_t extent);

/// `x`, and E_INDEX as the result of a run where `ok` does not hold.
Value requireIndex(Node &n, Value x, Value ok);

/// The position along `axis`, as i64 of a shape with 1 in all other places.
Value positions(Node &n, int64_t extent, int64_t axis, int64_t rank);

/// The slices [b, index[b, t]] of x: `index` is i64 of shape [B, T], where B is
/// the extent of `batch`. Along `axis` the result has T slices.
Value pickPerBatch(Node &n, Value x, int64_t batch, int64_t axis, Value index);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_INDEX_H
