//===- Selection.h - what the data pick out ---------------------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_SELECTION_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_SELECTION_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Where a vector of truth values holds, in order: i64, with as many elements
/// as hold. How many that are is an extent that the run works out, a dim called
/// OUTPUT.AXIS after output `output` of the node; when the vector is known now,
/// it is known, too.
Value placesWhere(Node &n, Value keep, int output, int64_t axis);

/// A number that the run computes, from 0 to `most`, as an extent under the
/// same kind of name. `value` is a scalar of i64.
Extent countedExtent(Node &n, Value value, int64_t most, int output,
                     int64_t axis);

/// Whether there can be such extents here: not in the body of a loop or in a
/// branch that is a function of its own.
bool canCount(Node &n);

/// Each element of x along `axis` plus all before it.
Value sumUpTo(Node &n, Value x, int64_t axis);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_SELECTION_H
