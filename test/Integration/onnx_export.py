#!/usr/bin/env python3
"""ONNX files that nacre writes, in ONNX Runtime: the same outputs as the models they come from.

    onnx_export.py NACRE MODELS/digits

Each model goes to lazy IR and back (--emit onnx), once with its batch bound and once with it open.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

NACRE = os.path.abspath(sys.argv[1])
DIGITS = pathlib.Path(sys.argv[2]).resolve()
numbers = np.random.default_rng(3)
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def weight(name, *shape):
    return numpy_helper.from_array(numbers.standard_normal(shape).astype(np.float32) / 4, name)


def model(nodes, inputs, weights, elem=TensorProto.FLOAT):
    """A chain of nodes, (op, inputs, attributes); "" stands for the result before."""
    made, last = [], next(iter(inputs))
    for i, (op, names, attributes) in enumerate(nodes):
        result = "y" if i + 1 == len(nodes) else f"v{i}"
        made.append(helper.make_node(op, [last if name == "" else name for name in names], [result], **attributes))
        last = result
    graph = helper.make_graph(
        made, "g", [helper.make_tensor_value_info(name, elem if name == "x" else TensorProto.INT64, shape)
                    for name, shape in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], weights)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(proto)


def ints(name, *values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def cases():
    image = {"x": ["N", 4, 9, 10]}
    yield "convolution", model([("Conv", ["", "w", "b"], {"pads": [1, 1, 1, 1], "strides": [2, 1], "dilations": [1, 2]})],
                               image, [weight("w", 6, 4, 3, 3), weight("b", 6)]), {"Conv"}
    yield "groups", model([("Conv", ["", "w"], {"group": 2, "pads": [0, 1, 0, 1]})], image,
                          [weight("w", 6, 2, 3, 3)]), {"Conv"}
    yield "depthwise", model([("Conv", ["", "w"], {"group": 4})], image, [weight("w", 4, 1, 3, 3)]), {"Conv"}
    yield "pointwise", model([("Conv", ["", "w"], {"strides": [2, 2]})], image, [weight("w", 5, 4, 1, 1)]), None
    yield "one axis", model([("Conv", ["", "w"], {"dilations": [2]})], {"x": ["N", 3, 12]}, [weight("w", 5, 3, 3)]), {"Conv"}
    yield "transposed", model([("ConvTranspose", ["", "w"], {"strides": [2, 2], "pads": [1, 1, 1, 1]})], image,
                              [weight("w", 4, 3, 3, 3)]), None
    yield "dense", model([("Flatten", [""], {}), ("Gemm", ["", "w", "b"], {"transB": 1}), ("Relu", [""], {})], image,
                         [weight("w", 7, 360), weight("b", 7)]), {"MatMul"}
    yield "attention", model([("MatMul", ["", "w"], {}), ("Softmax", [""], {"axis": -1}), ("MatMul", ["", "w2"], {}),
                              ("Transpose", [""], {"perm": [1, 0, 2]})], {"x": [5, 6, 8]},
                             [weight("w", 8, 7), weight("w2", 7, 3)]), None
    yield "two leading axes", model([("Transpose", [""], {"perm": [1, 0, 2]}), ("MatMul", ["", "w"], {})],
                                    {"x": [2, 3, 4]}, [weight("w", 4, 5)]), {"Einsum"}
    yield "max pooling", model([("MaxPool", [""], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 0]})],
                               image, []), {"MaxPool"}
    yield "mean pooling", model([("AveragePool", [""], {"kernel_shape": [2, 3]})], image, []), {"AveragePool"}
    yield "global pooling", model([("GlobalAveragePool", [""], {})], image, []), {"ReduceSum"}
    yield "normalisation", model([("LayerNormalization", ["", "s", "b"], {"axis": -1})], {"x": ["N", 5, 6]},
                                 [weight("s", 6), weight("b", 6)]), None
    yield "batch norm", model([("BatchNormalization", ["", "s", "b", "m", "v"], {})], image,
                              [weight("s", 4), weight("b", 4), weight("m", 4),
                               numpy_helper.from_array(np.full(4, 0.7, np.float32), "v")]), None
    yield "elementwise", model([("Abs", [""], {}), ("Sqrt", [""], {}), ("Erf", [""], {}), ("Exp", [""], {}),
                                ("Tanh", [""], {}), ("Floor", [""], {}), ("Sigmoid", [""], {}), ("Pow", ["", "p"], {}),
                                ("Clip", ["", "low", "high"], {}), ("LeakyRelu", [""], {}), ("Softplus", [""], {})],
                               image, [numpy_helper.from_array(np.float32(v), n) for n, v in
                                       (("p", 1.5), ("low", 0.1), ("high", 0.9))]), None
    yield "views", model([("Transpose", [""], {"perm": [0, 2, 3, 1]}), ("Slice", ["", "start", "end", "axes", "steps"], {}),
                          ("Pad", ["", "pads", "fill"], {}), ("Reshape", ["", "shape"], {})], {"x": [2, 4, 9, 10]},
                         [ints("start", 8, 1), ints("end", 0, 9), ints("axes", 1, 2), ints("steps", -2, 3),
                          ints("pads", 0, 1, 0, 2, 0, 0, 1, 0), ints("shape", 2, -1),
                          numpy_helper.from_array(np.float32(0.5), "fill")]), None
    yield "indices", model([("Gather", ["", "i"], {"axis": 1}), ("ArgMax", [""], {"axis": 2, "keepdims": 0}),
                            ("Cast", [""], {"to": TensorProto.FLOAT}), ("ReduceMax", [""], {"axes": [1]})],
                           {"x": ["N", 4, 9, 10], "i": [3]}, []), None
    yield "products", model([("Concat", ["", ""], {"axis": 1}), ("ReduceProd", [""], {"axes": [3]})], image, []), None
    yield "digits", onnx.load(DIGITS / "digits.onnx"), {"Conv", "MaxPool"}


def feed(proto, n):
    values = {}
    for info in proto.graph.input:
        shape = [d.dim_value or n for d in info.type.tensor_type.shape.dim]
        if info.type.tensor_type.elem_type == TensorProto.INT64:
            values[info.name] = numbers.integers(-4, 4, shape)
        else:
            values[info.name] = numbers.standard_normal(shape).astype(np.float32)
    return values


def outputs(path, values):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return session.run(None, values)


def nacre(*words):
    done = subprocess.run([NACRE, *map(str, words)], capture_output=True, text=True, timeout=300)
    check(f"{' '.join(map(str, words))}\n{done.stderr}", done.returncode, 0)


def trained():
    """A trained model of the graph language, as compiled and as ONNX."""
    train = ["train", DIGITS / "digits.ngl", "--data", DIGITS / "train.npz", "--steps", 20, "--checkpoint",
             "c.safetensors"]
    nacre(*train, "-o", "w.safetensors")
    nacre(*train, "--resume", "-o", "w.onnx")
    made = onnx.load("w.onnx")
    onnx.checker.check_model(made, full_check=True)
    check("the batch is open", made.graph.input[0].type.tensor_type.shape.dim[0].dim_param, "N")
    values = np.load(DIGITS / "valid.npz")["picture"][:5]
    np.save("picture.npy", values)
    nacre("run", DIGITS / "digits.ngl", "--params", "w.safetensors", "--input", "picture=picture.npy", "--output-dir", "o")
    expected, got = np.load("o/output_0.npy"), outputs("w.onnx", {"picture": values})[0]
    check(f"trained: largest difference {np.max(np.abs(expected - got))}",
          bool(np.allclose(got, expected, rtol=1e-5, atol=1e-5)), True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, proto, ops in cases():
            onnx.save(proto, "in.onnx")
            is_open = any(d.dim_param for i in proto.graph.input for d in i.type.tensor_type.shape.dim)
            for dim in ["N=3", "N<=5"] if is_open else [""]:
                words = ["--dim", dim] if dim else []
                done = subprocess.run([NACRE, "compile", "in.onnx", "--emit", "onnx", "-o", "out.onnx", *words],
                                      capture_output=True, text=True, timeout=120)
                if done.returncode:
                    check(f"{name} {dim}", done.stderr, "")
                    continue
                made = onnx.load("out.onnx")
                onnx.checker.check_model(made, full_check=True)
                used = {node.op_type for node in made.graph.node}
                if ops:
                    check(f"{name} {dim}: {sorted(used)}", ops <= used, True)
                for n in (3, 2) if "<" in dim else (3,):
                    values = feed(proto, n)
                    expected, got = outputs("in.onnx", values), outputs("out.onnx", values)
                    for e, g in zip(expected, got, strict=True):
                        check(f"{name} {dim}: shape", g.shape, e.shape)
                        check(f"{name} {dim}: largest difference {np.max(np.abs(e - g))}",
                              bool(np.allclose(g, e, rtol=1e-5, atol=1e-5)), True)
        trained()
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
