#!/usr/bin/env python3
"""Quantized networks against ONNX Runtime: which contractions sum bytes, and what comes out.

    quantized.py NACRE

Models are made here in the forms that quantizers write: QuantizeLinear and DequantizeLinear around float operators,
QLinearConv and QLinearMatMul, ConvInteger and MatMulInteger behind DynamicQuantizeLinear. ONNX Runtime runs them
without its optimizer. Sums of integers must be equal; where a float decides the last rounding a step of the
quantization may lie between, in one element of two hundred at most. `--emit fuse` for a processor with dot products
says which contractions sum bytes; those that cannot must not.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

NACRE = os.path.abspath(sys.argv[1])
rng = np.random.default_rng(11)
failures = 0
MACHINE = ["--triple", "x86_64-linux-gnu", "--cpu", "sapphirerapids"]


def whole(dtype, *shape):
    """All numbers of a type of eight bits."""
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)


class Model:
    def __init__(self):
        self.nodes, self.weights, self.inputs, self.outputs, self.feeds = [], [], [], [], {}

    def constant(self, value):
        name = f"c{len(self.weights)}"
        proto = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), name)
        proto.name = name
        self.weights.append(proto)
        return name

    def input(self, value):
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype),
                                                         value.shape))
        self.feeds[name] = value
        return name

    def add(self, op, *inputs, outputs=1, **attributes):
        """Inputs that are no names are constants."""
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        inputs = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        self.nodes.append(helper.make_node(op, inputs, names, name=names[0], **attributes))
        return names[0] if outputs == 1 else names

    def output(self, name, dtype):
        self.outputs.append(helper.make_tensor_value_info(name, dtype, None))

    def proto(self):
        graph = helper.make_graph(self.nodes, "quantized", self.inputs, self.outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def quantize(m, x, scale, zero):
    return m.add("QuantizeLinear", x, np.float32(scale), zero)


def dequantize(m, x, scale, zero, **attributes):
    return m.add("DequantizeLinear", x, scale, zero, **attributes)


def scales(n):
    return rng.uniform(0.002, 0.01, n).astype(np.float32)


def conv(dtype, zero, channels, out, kernel, groups=1, **attributes):
    m = Model()
    x = quantize(m, m.input(rng.normal(0, 2, (2, channels, 11, 9)).astype(np.float32)), 0.05, dtype(zero))
    s = scales(out)
    w = dequantize(m, whole(np.int8, out, channels // groups, kernel, kernel), s, np.zeros(out, np.int8), axis=0)
    b = dequantize(m, rng.integers(-3000, 3000, out).astype(np.int32), (s * np.float32(0.05)).astype(np.float32),
                   np.zeros(out, np.int32), axis=0)
    y = m.add("Conv", dequantize(m, x, np.float32(0.05), dtype(zero)), w, b, group=groups, **attributes)
    m.output(quantize(m, m.add("Relu", y), 0.3, dtype(zero)), helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    return m


def matmul(weight, scale, zero, shape=(3, 5, 64), dtype=np.uint8, own=117, **attributes):
    m = Model()
    x = dequantize(m, m.input(whole(dtype, *shape)), np.float32(0.02), dtype(own))
    y = m.add("MatMul", x, dequantize(m, weight, scale, zero, **attributes))
    m.output(quantize(m, y, 0.4, dtype(own)), helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
    return m


def gemm():
    """Two layers and a sum of both, whose bytes are read by a contraction and beside one."""
    m = Model()
    x = dequantize(m, m.input(whole(np.int8, 7, 48)), np.float32(0.02), np.int8(-5))
    for _ in range(2):
        w = dequantize(m, whole(np.int8, 48, 48), np.float32(0.004), np.int8(0))
        y = m.add("Gemm", x, w, transB=1)
        x = dequantize(m, quantize(m, m.add("Add", x, y), 0.05, np.int8(3)), np.float32(0.05), np.int8(3))
    m.output(x, T.FLOAT)
    return m


def dynamic():
    m = Model()
    x, s, z = m.add("DynamicQuantizeLinear", m.input(rng.normal(0, 3, (6, 40)).astype(np.float32)), outputs=3)
    y = m.add("MatMulInteger", x, whole(np.int8, 40, 24), z, np.int8(0))
    m.output(y, T.INT32)
    m.output(m.add("Mul", m.add("Cast", y, to=T.FLOAT), m.add("Mul", s, np.float32(0.01))), T.FLOAT)
    return m


def qlinear_conv():
    m = Model()
    y = m.add("QLinearConv", m.input(whole(np.uint8, 1, 8, 9, 9)), np.float32(0.02), np.uint8(130),
              whole(np.int8, 16, 8, 3, 3), scales(16), np.zeros(16, np.int8), np.float32(0.25), np.uint8(120),
              rng.integers(-3000, 3000, 16).astype(np.int32), pads=[1, 1, 1, 1], strides=[2, 2])
    m.output(y, T.UINT8)
    return m


def qlinear_matmul():
    m = Model()
    y = m.add("QLinearMatMul", m.input(whole(np.uint8, 5, 32)), np.float32(0.02), np.uint8(3),
              whole(np.int8, 32, 20), np.float32(0.01), np.int8(0), np.float32(0.3), np.uint8(128))
    m.output(y, T.UINT8)
    return m


def conv_integer(zero, **attributes):
    m = Model()
    y = m.add("ConvInteger", m.input(whole(np.uint8, 1, 4, 8, 8)), whole(np.uint8, 8, 4, 3, 3), zero, np.uint8(128),
              **attributes)
    m.output(y, T.INT32)
    return m


def products():
    """Two activations: attention's scores."""
    m = Model()
    a = dequantize(m, m.input(whole(np.uint8, 2, 8, 16)), np.float32(0.02), np.uint8(128))
    b = dequantize(m, m.input(whole(np.uint8, 2, 16, 8)), np.float32(0.02), np.uint8(128))
    m.output(quantize(m, m.add("MatMul", a, b), 0.2, np.uint8(128)), T.UINT8)
    return m


def nibbles():
    return helper.make_tensor("w", T.INT4, [64, 32], rng.integers(-8, 8, 64 * 32).tolist())


# Name, model, how many contractions sum bytes, how many do not.
CASES = [
    ("conv u8", conv(np.uint8, 128, 3, 16, 3, pads=[1, 1, 1, 1]), 1, 0),
    ("conv i8, asymmetric pads", conv(np.int8, -128, 5, 24, 3, pads=[0, 1, 1, 0], strides=[2, 1]), 1, 0),
    ("conv i8, dilations", conv(np.int8, 11, 16, 8, 3, pads=[2, 2, 2, 2], dilations=[2, 2]), 1, 0),
    ("conv 1x1", conv(np.uint8, 0, 33, 17, 1), 1, 0),
    ("conv in groups", conv(np.int8, 0, 12, 24, 3, groups=3, pads=[1, 1, 1, 1]), 1, 0),
    ("depthwise", conv(np.int8, -4, 12, 12, 3, groups=12, pads=[1, 1, 1, 1]), 0, 1),
    ("matmul, a scale", matmul(whole(np.int8, 64, 32), np.float32(0.004), np.int8(0)), 1, 0),
    ("matmul, scales of columns", matmul(whole(np.int8, 64, 32), scales(32), np.zeros(32, np.int8), axis=1), 1, 0),
    ("matmul, i8", matmul(whole(np.int8, 64, 32), np.float32(0.004), np.int8(0), dtype=np.int8, own=-7), 1, 0),
    ("matmul, u8 weights", matmul(whole(np.uint8, 64, 32), np.float32(0.004), np.uint8(128)), 1, 0),
    ("matmul, u8 weights off centre", matmul(whole(np.uint8, 64, 32), np.float32(0.004), np.uint8(100)), 0, 1),
    ("matmul, zero points of columns",
     matmul(rng.integers(0, 100, (64, 32)).astype(np.int8), scales(32), rng.integers(-20, 80, 32).astype(np.int8),
            axis=1), 1, 0),
    ("matmul, blocks", matmul(whole(np.int8, 64, 32), scales(64).reshape(2, 32), np.zeros((2, 32), np.int8), axis=0,
                              block_size=32), 0, 1),
    ("matmul, i4 weights", matmul(nibbles(), np.float32(0.06), helper.make_tensor("z", T.INT4, [], [0])), 1, 0),
    ("matmul, i16", matmul(whole(np.int8, 64, 32), np.float32(0.004), np.int8(0), dtype=np.int16, own=0), 0, 1),
    ("gemm", gemm(), 2, 0),
    ("dynamic", dynamic(), 1, 0),
    ("QLinearConv", qlinear_conv(), 1, 0),
    ("QLinearMatMul", qlinear_matmul(), 1, 0),
    ("ConvInteger", conv_integer(np.uint8(77), pads=[1, 1, 1, 1]), 1, 0),
    ("two activations", products(), 0, 1),
]


def fail(name, text):
    global failures
    failures += 1
    print(f"FAIL {name}: {text}")


def nacre(name, *words):
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=300)
    if done.returncode:
        fail(name, f"{words[0]} exits with {done.returncode}: {done.stderr.strip()}")
    return done.returncode == 0


def compare(name, got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        fail(name, f"{got.dtype} {got.shape}, ONNX Runtime gives {want.dtype} {want.shape}")
        return
    if want.dtype == np.int32:
        if (got != want).any():
            fail(name, f"{(got != want).sum()} of {want.size} sums differ")
        return
    if want.dtype == np.float32:
        step = 0.05 if name == "gemm" else np.abs(want).max() * 1e-5
    else:
        step = 1
    apart = np.abs(got.astype(np.float64) - want.astype(np.float64))
    if apart.max() > step * 1.001 or (apart > step * 1e-2).sum() * 200 > apart.size:
        fail(name, f"{(apart > step * 1e-2).sum()} of {apart.size} differ, by {apart.max()} at most")


with tempfile.TemporaryDirectory() as scratch:
    scratch = pathlib.Path(scratch)
    for name, model, summed, left in CASES:
        proto = model.proto()
        onnx.save(proto, scratch / "m.onnx")
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
        wants = session.run(None, model.feeds)
        words = []
        for key, data in model.feeds.items():
            np.save(scratch / f"{key}.npy", data)
            words += ["--input", f"{key}={scratch / key}.npy"]
        if nacre(name, "run", scratch / "m.onnx", "--output-dir", scratch, *words):
            for i, want in enumerate(wants):
                compare(name, np.load(scratch / f"output_{i}.npy"), want)
        if nacre(name, "compile", scratch / "m.onnx", *MACHINE, "--emit", "fuse", "-o", scratch / "m.mlir"):
            lines = re.findall(r"= lazy\.contract .*", (scratch / "m.mlir").read_text())
            of_bytes = [line for line in lines if re.search(r": tensor<\S*xu?i8>, tensor<\S*xu?i8> -> tensor<\S*xi32>",
                                                            line)]
            if (len(of_bytes), len(lines) - len(of_bytes)) != (summed, left):
                fail(name, f"{len(of_bytes)} of {len(lines)} contractions sum bytes, expected {summed} of "
                     f"{summed + left}")

print(f"{len(CASES)} quantized models, {failures} failures")
sys.exit(failures != 0)
