//===- Cache.h - com.microsoft: keys and values with room for more -*- C++ -*-//
#ifndef NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_CACHE_H
#define NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_CACHE_H

#include "Attention.h"

namespace nacre::onnx_frontend {

/// Where the tokens of a call stand in a cache.
struct Places {
  int64_t batch, length;
  int64_t capacity; ///< of keys and values with those of this call
  Value first;      ///< i64 [batch]: of each row; null: 0
};

/// Blocks unless inputs `key` and `value` are caches [batch, heads, room, size]
/// for a's keys and values; returns their room.
int64_t cacheRoom(Node &n, const AttentionInputs &a, int key, int value);

/// `count`, i64 [batch], the tokens of each row with those of this call. More
/// than the capacity are a status of the run.
Value needRoom(Node &n, Value count, int64_t capacity);

/// Places in a cache that has room for `capacity`, of which every row has
/// `past`, one integer, at most.
Places placesBehind(Node &n, const AttentionInputs &a, Value past,
                    int64_t capacity);

/// `first` as [batch,1,1,1], or 0.
Value firstOf(Node &n, const Places &p);

/// The cache [batch,heads,room,size] with x [batch,heads,length,size] from
/// `first` on, in the capacity.
Value written(Node &n, Value cache, Value x, const Places &p);

/// Which keys a query sees, [batch or 1, 1, length, capacity]: those not behind
/// its own, or not behind the last of this call, and of these the last `window`
/// if that is not -1.
Value visible(Node &n, const Places &p, bool causal, int64_t window = -1);

} // namespace nacre::onnx_frontend

#endif // NACRE_LIB_FRONTEND_ONNX_OPS_MICROSOFT_CACHE_H
