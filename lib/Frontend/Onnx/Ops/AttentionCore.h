//===- AttentionCore.h - scaled dot-product attention -----------*- C++ -*-===//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_ATTENTIONCORE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_ATTENTIONCORE_H

#include "../Node.h"

namespace nacre::onnx_frontend {

/// Where the axes of a query, key or value lie.
enum class HeadOrder {
  HeadsFirst,   ///< [batch, heads, sequence, size]
  SequenceFirst ///< [batch, sequence, heads, size]
};

/// Queries, keys and values of attention, of rank 4. Heads of the query are a
/// multiple of those of keys and values (grouped queries): head h of the query
/// goes with head h / group.
struct AttentionInputs {
  Value query, key, value;
  HeadOrder queryOrder = HeadOrder::HeadsFirst;
  HeadOrder keyOrder = HeadOrder::HeadsFirst;
  double scale = 1;
};

/// Checks ranks, element types and that heads, sizes and batches fit; blocks
/// otherwise.
void checkAttention(Node &n, const AttentionInputs &a);

/// scale * query * key^T: [batch, query heads, query length, key length].
Value attentionScores(Node &n, const AttentionInputs &a);

/// probabilities * value, in the order of the query.
Value attentionResult(Node &n, const AttentionInputs &a, Value probabilities);

/// x [batch, length, heads * size] as [batch, length, heads, size].
Value splitHeads(Node &n, Value x, int64_t heads, llvm::StringRef what);

/// x [batch, length, heads, size] as [batch, length, heads * size].
Value joinHeads(Node &n, Value x);

/// e^x / sum of e^x over the last axis.
Value softmaxLast(Node &n, Value x);

/// Scores where `keep` (i1, broadcast to them) holds, minus infinity elsewhere.
Value maskScores(Node &n, Value scores, Value keep);

/// Whether key j is not after query i, as [length, total]: the queries are the
/// places from `past` on. Lengths are bounds where the run decides them.
Value causalMask(Node &n, int64_t length, int64_t total, const Extent &past);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_ATTENTIONCORE_H
