//===- RotaryEmbedding.cpp - positions as rotations -----------------------===//
#include "RotaryEmbedding.h"
#include "../OpTable.h"
#include "AttentionCore.h"

using namespace nacre;
using namespace nacre::onnx_frontend;

/// `angles` [batch or 1, length, half] as it broadcasts to x.
static Value alongHeads(Node &n, Value angles, int64_t headAxis) {
  Ints shape(Node::shape(angles));
  shape.insert(shape.begin() + headAxis, 1);
  return n.reshape(angles, shape);
}

Value onnx_frontend::rotate(Node &n, Value x, Value cosine, Value sine,
                            int64_t headAxis, bool interleaved) {
  int64_t size = Node::shape(x)[3], half = Node::shape(cosine).back();
  int64_t rotated = 2 * half;
  if (rotated > size || rotated == 0)
    block("E_SHAPE: " + Twine(half) + " angles do not rotate heads of size " +
          Twine(size));
  cosine = alongHeads(n, cosine, headAxis);
  sine = alongHeads(n, sine, headAxis);
  Value part = n.sliceAxis(x, 3, 0, rotated), first, second;
  Ints pairs(Node::shape(x));
  pairs[3] = half;
  Ints single(pairs);
  single.push_back(1);
  if (interleaved) {
    Ints apart(pairs);
    apart.push_back(2);
    Value split = n.reshape(part, apart);
    first = n.reshape(n.sliceAxis(split, 4, 0, 1), pairs);
    second = n.reshape(n.sliceAxis(split, 4, 1, 1), pairs);
  } else {
    first = n.sliceAxis(part, 3, 0, half);
    second = n.sliceAxis(part, 3, half, half);
  }
  auto mul = [&](Value a, Value b) { return n.binary<lazy::MulOp>(a, b); };
  Value real = n.binary<lazy::SubOp>(mul(first, cosine), mul(second, sine));
  Value imaginary =
      n.binary<lazy::AddOp>(mul(first, sine), mul(second, cosine));
  if (Node::shape(real) != llvm::ArrayRef<int64_t>(pairs))
    block("E_SHAPE: cosines of shape " + shapeText(Node::shape(cosine)) +
          " do not broadcast to " + shapeText(pairs));
  if (interleaved) {
    part = n.concat({n.reshape(real, single), n.reshape(imaginary, single)}, 4);
    pairs[3] = rotated;
    part = n.reshape(part, pairs);
  } else {
    part = n.concat({real, imaginary}, 3);
  }
  if (rotated == size)
    return part;
  return n.concat({part, n.sliceAxis(x, 3, rotated, size - rotated)}, 3);
}

static void rotaryEmbedding(Node &n) {
  Value x = n.in(0), angles[2] = {n.in(1), n.in(2)};
  n.needFloat(x);
  int64_t rank = Node::rank(x);
  if (rank != 3 && rank != 4)
    block("E_SHAPE: input of shape " + shapeText(Node::shape(x)) +
          " does not have rank 3 or 4");
  if (rank == 3)
    x = splitHeads(n, x, n.intAttr("num_heads", 0), "input");
  int64_t headAxis = rank == 3 ? 2 : 1, size = Node::shape(x)[3];
  n.needStatic(x, headAxis);
  n.needStatic(x, 3);
  int64_t rotated = n.intAttr("rotary_embedding_dim", 0);
  if (rotated == 0)
    rotated = size;
  for (Value &v : angles) {
    n.needSameElement(x, v);
    if (n.has(3)) {
      Value places = n.in(3);
      if (Node::rank(places) != 2 || Node::rank(v) != 2)
        block("E_SHAPE: position_ids of shape " +
              shapeText(Node::shape(places)) + " and a cache of shape " +
              shapeText(Node::shape(v)) + " are not both of rank 2");
      v = n.build.gather(v, places, 0);
    }
    n.needStatic(v, Node::rank(v) - 1);
    if (Node::rank(v) != 3 || 2 * Node::shape(v)[2] != rotated)
      block("E_SHAPE: a cache of shape " + shapeText(Node::shape(v)) +
            " does not have the " + Twine(rotated) +
            " / 2 angles of each place");
  }
  Value y = rotate(n, x, angles[0], angles[1], headAxis,
                   n.intAttr("interleaved", 0) != 0);
  n.set(0, rank == 3 ? joinHeads(n, y) : y);
}

void onnx_frontend::addRotaryEmbeddingOps(OpTable &t) {
  t["RotaryEmbedding"] = bounded(rotaryEmbedding);
}
