#!/usr/bin/env python3
"""What ONNX's own cases leave out of an op: how exact its numbers are, what it makes of indices that only a run knows,
long axes, attributes together, and the forms that ops had before opset 7.

    onnx_op_numbers.py NACRE

Models are made here, run by `nacre run` and compared with numpy: functions with its 80-bit floats, in units in the
last place, the rest element by element; quantized products, indices of maxima and losses with ONNX Runtime.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import helper, numpy_helper

NACRE = os.path.abspath(sys.argv[1])
numbers = np.random.default_rng(5)
failures = 0


def fail(what, text):
    global failures
    failures += 1
    print(f"FAIL {what}: {text}")


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs, [output], **attributes)


def made(nodes, feeds, weights, opset, output):
    """A model whose outputs are those of all nodes, each declared by `output`."""
    inputs = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
              for k, v in feeds.items()]
    graph = helper.make_graph(nodes, "g", inputs, [output(name) for n in nodes for name in n.output],
                              [numpy_helper.from_array(np.asarray(v), k) for k, v in weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def outcome(nodes, feeds, weights=(), opset=24):
    """The outputs of all nodes by name, or the error lines of a run that failed."""
    names = [name for n in nodes for name in n.output]
    model = made(nodes, feeds, weights, opset, lambda name: helper.make_tensor_value_info(name, T.FLOAT, None))
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        onnx.save(model, scratch / "m.onnx")
        words = [NACRE, "run", scratch / "m.onnx", "--output-dir", scratch]
        for name, data in feeds.items():
            np.save(scratch / f"{name}.npy", data)
            words += ["--input", f"{name}={scratch / name}.npy"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300)
        if done.returncode:
            return [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        return {n: np.load(scratch / f"output_{i}.npy") for i, n in enumerate(names)}


def run(*arguments, **more):
    """The outputs of a run that must not fail."""
    got = outcome(*arguments, **more)
    if isinstance(got, list):
        raise RuntimeError(got)
    return got


def same(what, got, expected):
    expected = np.asarray(expected)
    if got.dtype != expected.dtype or got.shape != expected.shape or not np.array_equal(got, expected, equal_nan=True):
        fail(what, f"expected {expected!r}, got {got!r}")


# -- Functions ------------------------------------------------------------


def arguments(dtype, low, high):
    """Small and large numbers of both signs, and evenly spread ones, within [low, high]."""
    spread = np.concatenate([np.linspace(max(low, -20), min(high, 20), 20001), np.logspace(-30, 3, 2001),
                             -np.logspace(-30, 3, 2001), low + np.logspace(-12, 0, 500),
                             high - np.logspace(-12, 0, 500)])
    spread = spread.astype(dtype)
    return spread[(spread >= low) & (spread <= high)]


def functions():
    """Units in the last place of f32 and f64: what is measured, rounded up."""
    inf = np.inf
    table = {"Asin": (np.arcsin, -1, 1), "Acos": (np.arccos, -1, 1), "Atan": (np.arctan, -inf, inf),
             "Asinh": (np.arcsinh, -inf, inf), "Acosh": (np.arccosh, 1, inf), "Atanh": (np.arctanh, -1, 1),
             "Sinh": (np.sinh, -85, 85), "Cosh": (np.cosh, -85, 85)}
    limits = {np.float32: 4, np.float64: 4}
    nodes, feeds = [], {}
    for op, (_, low, high) in table.items():
        for dtype in limits:
            name = op + np.dtype(dtype).name
            feeds[name] = arguments(dtype, low, high)
            nodes.append(node(op, [name], name + "_y"))
    got = run(nodes, feeds)
    for op, (function, _, _) in table.items():
        for dtype, limit in limits.items():
            name = op + np.dtype(dtype).name
            x, y = feeds[name], got[name + "_y"]
            with np.errstate(divide="ignore"):
                exact = function(x.astype(np.longdouble))
            finite = np.isfinite(exact)
            same(f"{name}: infinities", y[~finite], exact[~finite].astype(dtype))
            unit = np.spacing(np.abs(exact[finite]).astype(dtype)).astype(np.longdouble)
            error = np.abs(y[finite] - exact[finite]) / unit
            if not error.max() <= limit:
                fail(name, f"{error.max():.2f} units in the last place at {x[finite][error.argmax()]!r}")
            print(f"{name}: {error.max():.2f} units in the last place")


def ends():
    """Ends of the domains are exact, NaN is outside, zeros keep their sign."""
    inf, nan = np.inf, np.nan
    for dtype in (np.float32, np.float64):
        pi = np.longdouble("3.14159265358979323846")
        table = {"Asin": {1: pi / 2, -1: -pi / 2, -0.0: -0.0, 1.5: nan, -1.0000002: nan, nan: nan},
                 "Acos": {1: 0, -1: pi, 0.0: pi / 2, 1.0000002: nan, -2: nan, nan: nan},
                 "Atan": {inf: pi / 2, -inf: -pi / 2, 1: pi / 4, -0.0: -0.0, nan: nan},
                 "Asinh": {inf: inf, -inf: -inf, -0.0: -0.0, 3e38: np.arcsinh(np.longdouble(dtype(3e38))), nan: nan},
                 "Acosh": {1: 0, inf: inf, 0.9999999: nan, -1e8: nan, -inf: nan, nan: nan},
                 "Atanh": {1: inf, -1: -inf, -0.0: -0.0, 1.0000002: nan, nan: nan},
                 "Sinh": {inf: inf, -inf: -inf, -0.0: -0.0, nan: nan}, "Cosh": {inf: inf, -inf: inf, 0: 1, nan: nan}}
        feeds = {op: np.array(list(of), dtype) for op, of in table.items()}
        got = run([node(op, [op], op + "_y") for op in table], feeds)
        for op, of in table.items():
            expected = np.array([dtype(v) for v in of.values()])
            same(f"{op} {np.dtype(dtype).name} at the ends", got[op + "_y"], expected)
            same(f"{op} {np.dtype(dtype).name}: signs of zero", np.signbit(got[op + "_y"][expected == 0]),
                 np.signbit(expected[expected == 0]))


# -- Long axes ------------------------------------------------------------


def cumulative():
    nodes, feeds, expected = [], {}, {}

    def add(name, x, axis, op="CumSum", **attributes):
        feeds[name] = x
        nodes.append(node(op, [name, f"a{axis}"], name + "_y", **attributes))
        whole = np.cumprod if op == "CumProd" else np.cumsum
        y = np.flip(x, axis) if attributes.get("reverse") else x
        first = np.full_like(np.take(x, [0], axis), op == "CumProd")
        if attributes.get("exclusive"):
            y = np.concatenate([first, np.delete(y, -1, axis)], axis)
        y = whole(y, axis, dtype=x.dtype)
        expected[name] = np.flip(y, axis) if attributes.get("reverse") else y

    for extent in (1, 2, 31, 32, 33, 64, 1000, 1025, 100000):
        add(f"n{extent}", numbers.integers(-2**31, 2**31, [extent], np.int32), 0)
    add("columns", numbers.integers(-9, 9, [3, 1100, 5]), 1, exclusive=1)
    add("rows", numbers.integers(-9, 9, [70, 7]).astype(np.float32), 0, reverse=1)
    add("both", numbers.integers(-9, 9, [4, 129]).astype(np.float64), 1, reverse=1, exclusive=1)
    add("products", numbers.integers(0, 2**32, [2, 300], np.uint32), 1, "CumProd")
    add("signs", numbers.choice([1.0, -1.0], [3000]), 0, "CumProd", exclusive=1)
    x = np.ones(100, np.float32)
    x[40] = np.inf
    add("infinite", x, 0)
    # 2049 ones are 2048 in f16 when each sum is rounded.
    add("half", np.ones(2049, np.float16), 0)
    expected["half"] = np.arange(1, 2050).astype(np.float16)
    got = run(nodes, feeds, [("a0", np.int64(0)), ("a1", np.int32(1))], opset=26)
    for name, y in expected.items():
        same(f"cumulative {name}", got[name + "_y"], y)


# -- Indices --------------------------------------------------------------


def places(shape, axis, index):
    """Full indices that an index for each element means."""
    at = list(np.indices(index.shape))
    at[axis] = np.where(index < 0, index + shape[axis], index)
    return tuple(at)


def scatters():
    kinds = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    nodes, feeds, expected = [], {}, {}
    for dtype in (np.float32, np.float64, np.float16, np.int8, np.uint8, np.int64, np.uint32):
        for kind, function in kinds.items():
            name = f"{np.dtype(dtype).name}_{kind}"
            data, axis = numbers.integers(0, 4, [4, 5, 3]).astype(dtype), int(numbers.integers(3))
            index = numbers.integers(-data.shape[axis], data.shape[axis], [3, 4, 3])
            updates = numbers.integers(0, 4, index.shape).astype(dtype)
            rows = numbers.integers([-4, -5], [4, 5], [3, 2, 2])
            slices = numbers.integers(0, 4, [3, 2, 3]).astype(dtype)
            feeds |= {name: data, name + "i": index, name + "u": updates, name + "r": rows, name + "s": slices}
            nodes += [node("ScatterElements", [name, name + "i", name + "u"], name + "_elements", axis=axis,
                           reduction=kind),
                      node("ScatterND", [name, name + "r", name + "s"], name + "_slices", reduction=kind)]
            y = data.copy()
            function.at(y, places(data.shape, axis, index), updates)
            expected[name + "_elements"] = y
            y = data.copy()
            function.at(y, (rows[..., 0], rows[..., 1]), slices)
            expected[name + "_slices"] = y
    # Put in place: no index twice; the least number and NaN are data like others.
    data = numbers.standard_normal([6, 4]).astype(np.float32)
    index = np.argsort(numbers.random([6, 4]), 0)[:3]
    updates = numbers.standard_normal([3, 4]).astype(np.float32)
    updates[0] = [-np.inf, np.nan, np.inf, np.finfo(np.float32).min]
    feeds |= {"data": data, "index": index, "updates": updates, "flags": data > 0, "marks": updates > 0,
              "batch": numbers.integers(-4, 4, [6, 2, 1])}
    nodes += [node("ScatterElements", ["data", "index", "updates"], "put"),
              node("ScatterElements", ["flags", "index", "marks"], "put_flags"),
              node("GatherElements", ["data", "index"], "picked"),
              node("GatherND", ["data", "batch"], "of_batch", batch_dims=1)]
    for name, into, what in (("put", data, updates), ("put_flags", data > 0, updates > 0)):
        y = into.copy()
        y[places(data.shape, 0, index)] = what
        expected[name] = y
    expected["picked"] = np.take_along_axis(data, index, 0)
    expected["of_batch"] = data[np.arange(6)[:, None], feeds["batch"][..., 0]]
    got = run(nodes, feeds)
    for name, y in expected.items():
        same(name, got[name], y)


def out_of_range():
    """An index that is wrong on its own axis, though not in the flattened data."""
    x = np.zeros([3, 4], np.float32)
    one, two = np.array([[0, 4]]), np.array([[0, 4]])
    for what, op, feeds, attributes in [
            ("axis 1", "GatherElements", {"x": x, "i": one}, {"axis": 1}),
            ("negative", "GatherElements", {"x": x, "i": -1 - one}, {"axis": 1}),
            ("last of two", "GatherND", {"x": x, "i": two}, {}),
            ("scattered", "ScatterElements", {"x": x, "i": one, "u": x[:1, :2]}, {"axis": 1}),
            ("slices", "ScatterND", {"x": x, "i": np.array([[3]]), "u": x[:1]}, {}),
            ("cache", "TensorScatter", {"x": x, "u": x[:, :2], "i": np.array([0, 3, 0])}, {"axis": 1}),
            ("lengths", "ReverseSequence", {"x": x, "i": np.array([1, 2, 5])}, {"batch_axis": 0, "time_axis": 1}),
            ("label", "SoftmaxCrossEntropyLoss", {"x": x, "i": np.array([0, 4, 1])}, {}),
            ("negative label", "NegativeLogLikelihoodLoss", {"x": x, "i": np.array([0, -1, 1])}, {"ignore_index": 9})]:
        got = outcome([node(op, list(feeds), "y", **attributes)], feeds)
        if got != ["error: the model refused the data: index out of range"]:
            fail(f"{op} out of range, {what}", got)


# -- ONNX Runtime ---------------------------------------------------------


def against_runtime():
    nodes, feeds, weights = [], {}, []

    def add(op, inputs, outputs=1, **attributes):
        """Inputs are arrays; those in a tuple are initializers."""
        number, words = len(nodes), []
        for i, given in enumerate(inputs):
            words.append(f"x{number}_{i}")
            if isinstance(given, tuple):
                weights.append((words[-1], given[0]))
            else:
                feeds[words[-1]] = given
        nodes.append(helper.make_node(op, words, [f"{op}{number}_{i}" for i in range(outputs)], **attributes))

    def normal(*shape):
        return numbers.standard_normal(shape).astype(np.float32)

    def byte(*shape, dtype=np.uint8):
        return numbers.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)

    def scale(*shape):
        return np.asarray(numbers.random(shape) * 0.05 + 0.01, np.float32)

    for attributes in [{"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]},
                       {"kernel_shape": [2, 2], "dilations": [2, 1], "ceil_mode": 1},
                       {"kernel_shape": [3, 3], "storage_order": 1}]:
        add("MaxPool", [normal(2, 3, 9, 8)], 2, **attributes)
    add("MaxPool", [normal(2, 2, 5, 6, 7)], 2, kernel_shape=[2, 2, 3], strides=[1, 2, 1])
    point = (np.uint8(99),)
    add("QLinearConv", [byte(1, 4, 7, 6), scale(), point, (byte(5, 4, 3, 3, dtype=np.int8),), (scale(5),),
                        (np.zeros(5, np.int8),), (np.float32(0.5),), point, (np.arange(-2, 3, dtype=np.int32) * 300,)],
        pads=[1, 1, 1, 1])
    add("QLinearConv", [byte(2, 4, 7, 6), scale(), point, (byte(6, 2, 3, 3),), scale(), point, (np.float32(0.7),),
                        point], group=2, strides=[2, 1])
    add("QLinearMatMul", [byte(3, 5, 8), scale(), point, byte(3, 8, 4), scale(), point, (np.float32(0.7),), point])
    add("DequantizeLinear", [byte(4, 6, 2), scale(4, 2, 2), byte(4, 2, 2)], axis=1, block_size=3)
    add("QuantizeLinear", [normal(4, 3), scale(2, 3), byte(2, 3)], axis=0, block_size=2)
    for reduction in ("none", "sum", "mean"):
        for ignored in ({}, {"ignore_index": -1}, {"ignore_index": 2}):
            labels = numbers.integers(0, 5, [3, 4, 2])
            labels[0, 0] = ignored.get("ignore_index", 1)
            add("SoftmaxCrossEntropyLoss", [normal(3, 5, 4, 2), labels, scale(5)], 2, reduction=reduction, **ignored)
    add("LpPool", [normal(1, 2, 6, 7)], kernel_shape=[2, 3], p=3, pads=[0, 1, 1, 0], strides=[1, 2])
    add("GlobalLpPool", [normal(1, 2, 6, 7)], p=3)
    got = run(nodes, feeds, weights, opset=21)
    model = made(nodes, feeds, weights, 21, helper.make_empty_tensor_value_info)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for (name, y), expected in zip(got.items(), session.run(list(got), feeds)):
        if y.dtype == np.float32 and y.shape == expected.shape and np.allclose(y, expected, 1e-5, 1e-5):
            continue
        same(f"{name}, beside ONNX Runtime", y, expected)


# -- Old forms ------------------------------------------------------------


def old_forms():
    x = numbers.standard_normal([2, 3, 4, 5]).astype(np.float32)
    column, row, flags = x[0, :, 0, 0], x[0, 0, 0], x > 0

    def check(what, opset, one, expected, weights=(), **feeds):
        got = outcome([one], {"x": x, **feeds}, weights, opset)
        if isinstance(got, list):
            fail(f"opset {opset} {what}", got)
        else:
            same(f"opset {opset} {what}", got["y"], expected)

    middle = {"broadcast": 1, "axis": 1}
    for op, function in (("Add", np.add), ("Sub", np.subtract), ("Mul", np.multiply), ("Div", np.divide),
                         ("Greater", np.greater), ("Less", np.less)):
        check(op, 6, node(op, ["x", "c"], "y", **middle), function(x, column[:, None, None]), c=column)
    check("Add at the end", 1, node("Add", ["x", "r"], "y", broadcast=1, consumed_inputs=[0, 0]), x + row, r=row)
    check("Mul of two axes", 6, node("Mul", ["x", "m"], "y", broadcast=1, axis=1), x * x[0, :, :, :1], m=x[0, :, :, :1])
    check("And", 1, node("And", ["f", "r"], "y", broadcast=1), flags & (row > 0), f=flags, r=row > 0)
    check("PRelu", 6, node("PRelu", ["x", "c"], "y"), np.where(x < 0, x * column[:, None, None], x), c=column)
    check("Reshape", 1, node("Reshape", ["x"], "y", shape=[0, -1, 10]), x.reshape(2, 6, 10))
    check("Concat", 1, node("Concat", ["x", "x"], "y"), np.concatenate([x, x], 1))
    check("Pad", 1, node("Pad", ["x"], "y", paddings=[0, 0, 1, 0, 0, 0, 0, 2], value=3.0),
          np.pad(x, [(0, 0), (0, 0), (1, 0), (0, 2)], constant_values=3))
    check("Cast", 1, node("Cast", ["x"], "y", to="INT64"), x.astype(np.int64))
    check("Tile", 1, node("Tile", ["x", "n", "a"], "y"), np.tile(x, [1, 1, 3, 1]),
          [("n", np.float32(3)), ("a", np.float32(2))])
    check("Upsample", 1, node("Upsample", ["x"], "y", height_scale=2.0, width_scale=3.0, mode="nearest"),
          x.repeat(2, 2).repeat(3, 3))
    check("Dropout", 6, node("Dropout", ["x"], "y", is_test=1, ratio=0.5), x)
    ones, zeros = np.ones(3, np.float32), np.zeros(3, np.float32)
    check("BatchNormalization", 1, node("BatchNormalization", ["x", "s", "b", "m", "v"], "y", is_test=1, epsilon=0.0,
                                        consumed_inputs=[0, 0, 0, 1, 1]), x * 2 + 1,
          [("s", 2 * ones), ("b", ones), ("m", zeros), ("v", ones)])


for test in (functions, ends, cumulative, scatters, out_of_range, against_runtime,
             old_forms):
    try:
        test()
    except RuntimeError as error:
        fail(test.__name__, error)
sys.exit(1 if failures else 0)
