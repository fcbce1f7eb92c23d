//===- Attention.h - com.microsoft: what its attentions share ---*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_ATTENTION_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_ATTENTION_H

#include "../AttentionCore.h"

namespace nacre::onnx_frontend {

/// What is left out of the scores [batch, heads, length, total].
struct Masks {
  int padding = -1, bias = -1; ///< inputs
  bool causal = false;
  int64_t past = 0;
  Value keep; ///< i1, broadcast to the scores; null: all
  /// A score that every row has besides those of its keys, and no value:
  /// broadcast to [batch, heads, length, 1]; null: none.
  Value sink;
};

/// Attention of heads as the node's attributes say, joined: [batch, length,
/// heads * size].
Value attend(Node &n, AttentionInputs &a, const Masks &masks);

/// Attention of y [batch, length, all heads of query, key and value], with a
/// cache. The numbers are inputs, -1 for none; with `pastLength` the cache has
/// so many tokens and room for more.
void attendProjected(Node &n, Value y, int mask, int past, int bias,
                     int pastLength = -1);

/// Keys and values, heads first, behind those of the cache, null for none.
void appendPast(Node &n, AttentionInputs &a, Value pastKey, Value pastValue);

/// Elements [start, start + size) of the last axis.
Value part(Node &n, Value x, int64_t start, int64_t size);

/// A number of heads, > 0.
int64_t headsAttr(Node &n, llvm::StringRef name);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_ATTENTION_H
