#!/usr/bin/env python3
"""A GPT-2 of the size of the smallest one, with random weights and a cache for each layer.

    model.py FILE.onnx      writes it (500 MB)
    model.py --states       prints the options that make its cache states
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS, WIDTH, HEADS, LAYERS, CONTEXT = 50257, 768, 12, 12, 2048
EACH = WIDTH // HEADS
random = np.random.default_rng(3)
nodes, constants = [], []
caches = [f"{layer}.{kind}" for layer in range(LAYERS) for kind in ("key", "value")]


def constant(array):
    constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(constants)}"))
    return constants[-1].name


def weight(*shape):
    return constant(random.standard_normal(shape, dtype=np.float32) * 0.02)


def ints(*values):
    return constant(np.array(values, np.int64))


def call(op, *inputs, output=None, **attributes):
    nodes.append(helper.make_node(op, list(inputs), [output or f"v{len(nodes)}"], **attributes))
    return nodes[-1].output[0]


def linear(x, inner, outer):
    return call("Add", call("MatMul", x, weight(inner, outer)), weight(outer))


def norm(x):
    return call("LayerNormalization", x, constant(np.ones(WIDTH, "f4")), constant(np.zeros(WIDTH, "f4")))


def extent(x, axis):
    return call("Squeeze", call("Gather", call("Shape", x), ints(axis), axis=0), ints(0))


def heads(x):
    return call("Transpose", call("Reshape", x, ints(0, 0, HEADS, EACH)), perm=[0, 2, 1, 3])


def attention(x, layer, seen):
    q, k, v = (heads(linear(x, WIDTH, WIDTH)) for _ in range(3))
    k = call("Concat", f"past.{layer}.key", k, axis=2, output=f"present.{layer}.key")
    v = call("Concat", f"past.{layer}.value", v, axis=2, output=f"present.{layer}.value")
    scores = call("MatMul", q, call("Transpose", k, perm=[0, 1, 3, 2]))
    scores = call("Where", seen, call("Mul", scores, constant(np.float32(EACH ** -0.5))),
                  constant(np.float32(-1e9)))
    y = call("Transpose", call("MatMul", call("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    return linear(call("Reshape", y, ints(0, 0, WIDTH)), WIDTH, WIDTH)


def model():
    past, length = extent("past.0.key", 2), extent("ids", 1)
    end, one = call("Add", past, length), constant(np.int64(1))
    places = call("Range", past, end, one)
    seen = call("LessOrEqual", call("Range", constant(np.int64(0)), end, one), call("Unsqueeze", places, ints(1)))
    table = weight(WORDS, WIDTH)
    x = call("Add", call("Gather", table, "ids"), call("Gather", weight(CONTEXT, WIDTH), places))
    for layer in range(LAYERS):
        x = call("Add", x, attention(norm(x), layer, seen))
        hidden = linear(norm(x), WIDTH, 4 * WIDTH)
        hidden = call("Mul", hidden, call("Sigmoid", call("Mul", hidden, constant(np.float32(1.702)))))
        x = call("Add", x, linear(hidden, 4 * WIDTH, WIDTH))
    call("MatMul", norm(x), call("Transpose", table, perm=[1, 0]), output="logits")

    def info(name, dtype, *shape):
        return helper.make_tensor_value_info(name, dtype, shape)
    f = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes, "gpt2",
        [info("ids", TensorProto.INT64, "B", "T")] + [info(f"past.{c}", f, "B", HEADS, "P", EACH) for c in caches],
        [info("logits", f, "B", "T", WORDS)] + [info(f"present.{c}", f, "B", HEADS, "S", EACH) for c in caches],
        constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if sys.argv[1] == "--states":
    print(*(f"--state present.{c}=past.{c}" for c in caches))
else:
    onnx.save(model(), sys.argv[1])
