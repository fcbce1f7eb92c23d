"""ONNX graphs of common architectures with seeded random weights, in the ops that exporters write.

    bert(Bert())    a transformer encoder, as PyTorch exports transformers' BertModel (opset 17)
    gpt2(Gpt2())    a decoder with a cache for each layer, as transformers' GPT2LMHeadModel with past keys and values
    lstm(Lstm())    a stack of LSTM layers, as PyTorch exports torch.nn.LSTM

The defaults are the published sizes of BERT base and of the smallest GPT-2. Weights are drawn as these networks
initialise them (deviation 0.02; LSTM uniform in 1 / sqrt(hidden)), offsets and gains a little away from 0 and 1, so
that activations have the scale of a trained network's and no term is without effect.
"""

import dataclasses

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
F32, I64 = TensorProto.FLOAT, TensorProto.INT64


@dataclasses.dataclass(frozen=True)
class Bert:
    words: int = 30522
    width: int = 768
    heads: int = 12
    layers: int = 12
    hidden: int = 3072
    length: int = 128
    positions: int = 512


@dataclasses.dataclass(frozen=True)
class Gpt2:
    words: int = 50257
    width: int = 768
    heads: int = 12
    layers: int = 12
    positions: int = 1024

    @property
    def caches(self):
        return [f"{layer}.{kind}" for layer in range(self.layers) for kind in ("key", "value")]


@dataclasses.dataclass(frozen=True)
class Lstm:
    hidden: int = 512
    layers: int = 3
    length: int = 64


class Writer:
    """Nodes and constants of a graph under construction."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), f"c{len(self.constants)}"))
        return self.constants[-1].name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value):
        return self.constant(np.float32(value))

    def normal(self, *shape, mean=0.0, deviation=0.02):
        drawn = self.random.standard_normal(shape, dtype=np.float32)
        return self.constant(drawn * np.float32(deviation) + np.float32(mean))

    def uniform(self, bound, *shape):
        drawn = self.random.random(shape, dtype=np.float32)
        return self.constant((drawn * np.float32(2) - np.float32(1)) * np.float32(bound))

    def call(self, op, *inputs, outputs=1, name=None, **attributes):
        """Adds a node; returns its output's name, or the list of them where there are several."""
        names = [name or f"v{len(self.nodes)}"] if outputs == 1 else [f"v{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def linear(self, x, inner, outer):
        """torch.nn.Linear of more than two axes: MatMul, then the bias."""
        return self.call("Add", self.normal(outer), self.call("MatMul", x, self.normal(inner, outer)))

    def norm(self, x, width, epsilon):
        gain, offset = self.normal(width, mean=1, deviation=0.1), self.normal(width, deviation=0.1)
        return self.call("LayerNormalization", x, gain, offset, axis=-1, epsilon=epsilon)

    def model(self, name, inputs, outputs):
        """inputs and outputs: name, element type and extents of each; a word is an open dim."""
        infos = [[helper.make_tensor_value_info(n, t, shape) for n, t, shape in values] for values in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, name, *infos, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


# ---- BERT ----------------------------------------------------------------------------------------------------------


def erf_gelu(w, x):
    erf = w.call("Erf", w.call("Div", x, w.scalar(np.sqrt(2))))
    return w.call("Mul", w.call("Mul", x, w.call("Add", erf, w.scalar(1))), w.scalar(0.5))


def bert_attention(w, x, mask, size):
    each = size.width // size.heads

    def heads(x, perm):
        split = w.call("Reshape", x, w.ints(1, size.length, size.heads, each))
        return w.call("Transpose", split, perm=perm)

    q, k, v = (w.linear(x, size.width, size.width) for _ in range(3))
    scores = w.call("MatMul", heads(q, [0, 2, 1, 3]), heads(k, [0, 2, 3, 1]))
    scores = w.call("Add", w.call("Div", scores, w.scalar(np.sqrt(each))), mask)
    y = w.call("MatMul", w.call("Softmax", scores, axis=-1), heads(v, [0, 2, 1, 3]))
    y = w.call("Reshape", w.call("Transpose", y, perm=[0, 2, 1, 3]), w.ints(1, size.length, size.width))
    return w.linear(y, size.width, size.width)


def bert(size, seed=0):
    """Inputs input_ids, attention_mask, token_type_ids i64 [1, length]; outputs last_hidden_state f32
    [1, length, width] and pooler_output f32 [1, width]."""
    w = Writer(seed)
    mask = w.call("Unsqueeze", w.call("Unsqueeze", "attention_mask", w.ints(1)), w.ints(2))
    mask = w.call("Sub", w.scalar(1), w.call("Cast", mask, to=F32))
    mask = w.call("Mul", mask, w.scalar(np.finfo(np.float32).min))
    places = w.constant(np.arange(size.length, dtype=np.int64)[None])
    x = w.call("Add", w.call("Gather", w.normal(size.words, size.width), "input_ids"),
               w.call("Gather", w.normal(2, size.width), "token_type_ids"))
    x = w.call("Add", x, w.call("Gather", w.normal(size.positions, size.width), places))
    x = w.norm(x, size.width, 1e-12)
    for layer in range(size.layers):
        x = w.norm(w.call("Add", bert_attention(w, x, mask, size), x), size.width, 1e-12)
        y = w.linear(erf_gelu(w, w.linear(x, size.width, size.hidden)), size.hidden, size.width)
        y = w.call("Add", y, x)
        gain, offset = w.normal(size.width, mean=1, deviation=0.1), w.normal(size.width, deviation=0.1)
        last = "last_hidden_state" if layer == size.layers - 1 else None
        x = w.call("LayerNormalization", y, gain, offset, name=last, axis=-1, epsilon=1e-12)
    first = w.call("Gather", x, w.constant(np.int64(0)), axis=1)
    pooled = w.call("Gemm", first, w.normal(size.width, size.width), w.normal(size.width), transB=1)
    w.call("Tanh", pooled, name="pooler_output")
    words = [1, size.length]
    return w.model("bert", [(n, I64, words) for n in ("input_ids", "attention_mask", "token_type_ids")],
                   [("last_hidden_state", F32, [*words, size.width]), ("pooler_output", F32, [1, size.width])])


# ---- GPT-2 ---------------------------------------------------------------------------------------------------------


def tanh_gelu(w, x):
    """gelu_new of transformers."""
    cube = w.call("Mul", w.call("Pow", x, w.scalar(3)), w.scalar(0.044715))
    inner = w.call("Mul", w.call("Add", x, cube), w.scalar(np.sqrt(2 / np.pi)))
    outer = w.call("Add", w.call("Tanh", inner), w.scalar(1))
    return w.call("Mul", w.call("Mul", x, w.scalar(0.5)), outer)


def extent(w, x, axis):
    return w.call("Squeeze", w.call("Gather", w.call("Shape", x), w.ints(axis), axis=0), w.ints(0))


def gpt2_attention(w, x, layer, seen, size):
    each = size.width // size.heads

    def heads(x):
        return w.call("Transpose", w.call("Reshape", x, w.ints(0, 0, size.heads, each)), perm=[0, 2, 1, 3])

    q, k, v = map(heads, w.call("Split", w.linear(x, size.width, 3 * size.width), w.ints(*[size.width] * 3),
                                outputs=3, axis=2))
    k = w.call("Concat", f"past.{layer}.key", k, axis=2, name=f"present.{layer}.key")
    v = w.call("Concat", f"past.{layer}.value", v, axis=2, name=f"present.{layer}.value")
    scores = w.call("MatMul", q, w.call("Transpose", k, perm=[0, 1, 3, 2]))
    scores = w.call("Where", seen, w.call("Div", scores, w.scalar(np.sqrt(each))), w.scalar(np.finfo(np.float32).min))
    y = w.call("Transpose", w.call("MatMul", w.call("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    return w.linear(w.call("Reshape", y, w.ints(0, 0, size.width)), size.width, size.width)


def gpt2(size, seed=0):
    """Inputs ids i64 [B, T] and past.LAYER.{key, value} f32 [B, heads, P, width / heads]; outputs logits f32
    [B, T, words] and present.LAYER.{key, value}, which are P + T long."""
    w = Writer(seed)
    past, length = extent(w, "past.0.key", 2), extent(w, "ids", 1)
    end, one = w.call("Add", past, length), w.constant(np.int64(1))
    places = w.call("Range", past, end, one)
    seen = w.call("LessOrEqual", w.call("Range", w.constant(np.int64(0)), end, one),
                  w.call("Unsqueeze", places, w.ints(1)))
    table = w.normal(size.words, size.width)
    x = w.call("Add", w.call("Gather", table, "ids"), w.call("Gather", w.normal(size.positions, size.width), places))
    for layer in range(size.layers):
        x = w.call("Add", gpt2_attention(w, w.norm(x, size.width, 1e-5), layer, seen, size), x)
        y = w.linear(w.norm(x, size.width, 1e-5), size.width, 4 * size.width)
        x = w.call("Add", x, w.linear(tanh_gelu(w, y), 4 * size.width, size.width))
    w.call("MatMul", w.norm(x, size.width, 1e-5), w.call("Transpose", table, perm=[1, 0]), name="logits")
    cache = lambda extent: ["B", size.heads, extent, size.width // size.heads]
    return w.model("gpt2", [("ids", I64, ["B", "T"])] + [(f"past.{c}", F32, cache("P")) for c in size.caches],
                   [("logits", F32, ["B", "T", size.words])]
                   + [(f"present.{c}", F32, cache("S")) for c in size.caches])


# ---- LSTM ----------------------------------------------------------------------------------------------------------


def lstm(size, seed=0):
    """Input x and output y f32 [length, 1, hidden]; outputs h and c of each layer, f32 [layers, 1, hidden]."""
    w = Writer(seed)
    bound, x, states = 1 / np.sqrt(size.hidden), "x", {"h": [], "c": []}
    for layer in range(size.layers):
        weights = [w.uniform(bound, 1, 4 * size.hidden, size.hidden) for _ in range(2)]
        bias = w.uniform(bound, 1, 8 * size.hidden)
        zero = w.constant(np.zeros((1, 1, size.hidden), np.float32))
        y, h, c = w.call("LSTM", x, *weights, bias, "", zero, zero, outputs=3, hidden_size=size.hidden)
        states["h"].append(h)
        states["c"].append(c)
        x = w.call("Squeeze", y, w.ints(1), name="y" if layer == size.layers - 1 else None)
    for name, layers in states.items():
        w.call("Concat", *layers, axis=0, name=name)
    return w.model("lstm", [("x", F32, [size.length, 1, size.hidden])],
                   [("y", F32, [size.length, 1, size.hidden])]
                   + [(name, F32, [size.layers, 1, size.hidden]) for name in states])
