#!/usr/bin/env python3
"""One program for all sizes: bounded dims on any axis, and extents that the data decide.

    bounded_dims.py NACRE

Every case is compiled once, by `nacre build` into an executable, and that is run at several sizes. ONNX Runtime says
what the outputs are, shapes included. Real networks, NAME/model.onnx, are looked for in $NACRE_REAL_MODELS or a folder
real-models beside the project's own folders; without them those cases are left out and the test says so.
"""
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.helper import make_node as node

from real_models import real_models

NACRE = os.path.abspath(sys.argv[1])
MODELS = real_models()
random = np.random.default_rng(5)
failures = 0


def fail(text):
    global failures
    failures += 1
    print("FAIL " + text)


def model(nodes, inputs, outputs, constants=None, opset=17):
    """inputs: name -> (dtype, shape); outputs: names; constants: name -> array."""
    def info(name, dtype, shape):
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)
    graph = helper.make_graph(
        nodes, "g", [info(name, *given) for name, given in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in (constants or {}).items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)  # for the outputs' types


def data_of(session, size, special):
    feed = {}
    for value in session.get_inputs():
        shape = [size[d] if isinstance(d, str) else d for d in value.shape]
        if value.name in special:
            feed[value.name] = special[value.name](shape)
        elif value.type == "tensor(int64)":
            feed[value.name] = random.integers(0, 50, shape, dtype=np.int64)
        elif value.type == "tensor(bool)":
            feed[value.name] = random.integers(0, 2, shape).astype(bool)
        else:
            feed[value.name] = random.standard_normal(shape).astype(np.float32)
    return feed


def run(words, **more):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, errors="replace", timeout=300, **more)


def check(name, path, dims, sizes, special=None, tolerance=2e-5):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        built = run([NACRE, "build", path, "-o", folder / "program", *(w for d in dims for w in ("--dim", d))])
        if built.returncode:
            return fail(f"{name}: build: {built.stderr}")
        for size in sizes:
            feed = data_of(session, size, special or {})
            expected = session.run(None, feed)
            words = [folder / "program", "--output-dir", folder / "out"]
            for key, array in feed.items():
                np.save(folder / f"{len(words)}.npy", array)
                words += ["--input", f"{key}={folder}/{len(words)}.npy"]
            done = run(words)
            if done.returncode:
                fail(f"{name} {size}: {done.stderr}")
                continue
            for i, (value, want) in enumerate(zip(session.get_outputs(), expected)):
                got = np.load(folder / "out" / f"output_{i}.npy")
                if got.shape != want.shape or got.dtype != want.dtype:
                    fail(f"{name} {size}: '{value.name}' is {got.dtype} {got.shape}, not {want.dtype} {want.shape}")
                elif not np.allclose(got, want, rtol=tolerance, atol=tolerance, equal_nan=True):
                    fail(f"{name} {size}: '{value.name}' differs by {np.abs(got - want).max()}")


def small_cases():
    """name, model, dims, sizes."""
    BT = {"x": ("f4", ["B", "T", 6])}
    two = ["B=1..4", "T=1..9"]
    sizes = [{"B": 1, "T": 1}, {"B": 3, "T": 5}, {"B": 4, "T": 9}]
    i64 = lambda *v: np.array(v, np.int64)
    yield "softmax over T", model([node("Softmax", ["x"], ["y"], axis=1)], BT, ["y"]), two, sizes
    for reduce in ["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceLogSumExp", "ReduceL2"]:
        yield reduce, model([node(reduce, ["x"], ["y"], axes=[1], keepdims=0)], BT, ["y"]), two, sizes
    yield "mean of all", model([node("ReduceMean", ["x"], ["y"])], BT, ["y"]), two, sizes
    yield "arg max", model([node("ArgMax", ["x"], ["y"], axis=1)], BT, ["y"]), two, sizes
    yield "layer norm", model(
        [node("LayerNormalization", ["x", "s"], ["y"], axis=-1)], BT, ["y"], {"s": np.ones(6, "f4")}), two, sizes
    yield "attention", model(
        [node("Transpose", ["x"], ["k"], perm=[0, 2, 1]), node("MatMul", ["x", "k"], ["s"]),
         node("Softmax", ["s"], ["p"]), node("MatMul", ["p", "x"], ["y"])], BT, ["y"]), two, sizes
    yield "flattened and back", model(
        [node("Reshape", ["x", "flat"], ["f"]), node("MatMul", ["f", "w"], ["g"]), node("Shape", ["x"], ["s"]),
         node("Gather", ["s", "front"], ["bt"]), node("Concat", ["bt", "last"], ["to"], axis=0),
         node("Reshape", ["g", "to"], ["y"])],
        BT, ["y", "g"], {"flat": i64(-1, 6), "w": random.standard_normal((6, 2)).astype("f4"), "front": i64(0, 1),
                         "last": i64(2)}), two, sizes
    yield "turned and merged", model(
        [node("Transpose", ["x"], ["t"], perm=[1, 0, 2]), node("Reshape", ["t", "flat"], ["y"])],
        BT, ["y"], {"flat": i64(-1)}), two, sizes
    yield "join along T", model(
        [node("Concat", ["x", "z", "x"], ["y"], axis=1)], BT | {"z": ("f4", ["B", "P", 6])}, ["y"]), \
        two + ["P=0..5"], [s | {"P": p} for s, p in zip(sizes, (0, 3, 5))]
    yield "a dim named as a sum", model(
        [node("Concat", ["z", "y"], ["zy"], axis=1), node("Add", ["zy", "x"], ["s"])],
        {"x": ("f4", [2, "P + T"]), "y": ("f4", [2, "T"]), "z": ("f4", [2, "P"])}, ["s"]), \
        ["T=1..4", "P=0..5", "P + T=1..9"], [{"T": 1, "P": 0, "P + T": 1}, {"T": 3, "P": 4, "P + T": 7}]
    yield "last steps", model(
        [node("Slice", ["x", "a", "b", "one"], ["y"]), node("Slice", ["x", "b0", "far", "one", "minus"], ["z"])],
        BT, ["y", "z"], {"a": i64(-2), "b": i64(2 ** 62), "one": i64(1), "b0": i64(-1), "far": i64(-2 ** 62),
                         "minus": i64(-2)}), ["B=1..4", "T=2..9"], [{"B": 2, "T": 2}, {"B": 1, "T": 7}]
    yield "last step", model([node("Gather", ["x", "i"], ["y"], axis=1)], BT, ["y"], {"i": i64(-1)}), two, sizes
    yield "range and shape", model(
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "one"], ["t"]), node("Range", ["zero", "t", "step"], ["r"]),
         node("ConstantOfShape", ["s"], ["c"]), node("Size", ["x"], ["n"])], BT, ["s", "r", "c", "n"],
        {"one": np.int64(1), "zero": np.int64(0), "step": np.int64(2)}), two, sizes
    yield "conv with pads", model(
        [node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1], strides=[2, 1]), node("Relu", ["c"], ["r"]),
         node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2]), node("GlobalAveragePool", ["r"], ["g"])],
        {"x": ("f4", [1, 3, "H", "W"])}, ["m", "g"],
        {"w": random.standard_normal((4, 3, 3, 3)).astype("f4")}), \
        ["H=4..12", "W=4..10"], [{"H": 4, "W": 4}, {"H": 7, "W": 10}, {"H": 12, "W": 5}]
    yield "integer division", model(
        [node("Div", ["a", "b"], ["y"]), node("Mod", ["a", "b"], ["z"])],
        {"a": ("i8", ["T"]), "b": ("i8", ["T"])}, ["y", "z"]), ["T=1..9"], [{"T": 4}, {"T": 9}]
    yield "lookup", model([node("Gather", ["w", "i"], ["y"])], {"i": ("i8", ["B", "T"])}, ["y"],
                          {"w": random.standard_normal((50, 3)).astype("f4")}), two, sizes
    for op, more in ("LSTM", 4), ("GRU", 3), ("RNN", 1):
        weights = {"w": random.standard_normal((2, more * 5, 6)).astype("f4"),
                   "r": random.standard_normal((2, more * 5, 5)).astype("f4")}
        yield op, model(
            [node("Transpose", ["x"], ["t"], perm=[1, 0, 2]),
             node(op, ["t", "w", "r"], ["y", "h"], hidden_size=5, direction="bidirectional")], BT, ["y", "h"],
            weights), two, sizes
    grid = {"x": ("f4", [3, 5])}
    one = [{}]
    yield "NonZero", model([node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["y"])], grid, ["y"]), [], one * 3
    yield "NonZero of open extents", model(
        [node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["y"])], BT, ["y"]), two, sizes
    yield "Compress", model([node("Compress", ["x", "c"], ["y"], axis=1), node("Compress", ["x", "c"], ["z"])],
                            grid | {"c": ("bool", [5])}, ["y", "z"]), [], one * 3
    yield "rows picked by the data", model(
        [node("ReduceMax", ["x"], ["s"], axes=[1], keepdims=0),
         node("Greater", ["s", "limit"], ["c"]), node("Compress", ["x", "c"], ["p"], axis=0),
         node("MatMul", ["p", "w"], ["q"]), node("ReduceMean", ["q"], ["y"], axes=[1], keepdims=0)],
        {"x": ("f4", [7, 4])}, ["q", "y"], {"limit": np.float32(1), "w": np.ones((4, 2), "f4")}), [], one * 4
    for is_sorted in 1, 0:
        yield f"Unique, sorted={is_sorted}", model(
            [node("Unique", ["i"], ["y", "first", "inverse", "counts"], sorted=is_sorted)],
            {"i": ("i8", [3, 6])}, ["y", "first", "inverse", "counts"]), [], one * 2
    yield "TopK", model([node("TopK", ["x", "k"], ["y", "i"], axis=1)], grid | {"k": ("i8", [1])}, ["y", "i"]), [], one * 2
    yield "NonMaxSuppression", model(
        [node("NonMaxSuppression", ["b", "s", "most", "iou", "least"], ["y"])],
        {"b": ("f4", [2, 12, 4]), "s": ("f4", [2, 3, 12])}, ["y"],
        {"most": i64(5), "iou": np.array([0.3], "f4"), "least": np.array([-0.2], "f4")}), [], one * 4


def layer_cases():
    """The same of ops that are layers of their own."""
    B, T, P = "BTP"
    heads = {"q": ("f4", [B, 4, T, 8]), "key": ("f4", [B, 2, T, 8]), "v": ("f4", [B, 2, T, 6])}
    cache = {"pk": ("f4", [B, 2, P, 8]), "pv": ("f4", [B, 2, P, 6])}
    two = ["B=1..3", "T=1..9"]
    sizes = [{B: 1, T: 1}, {B: 2, T: 5}, {B: 3, T: 9}]
    yield "Attention", model([node("Attention", ["q", "key", "v"], ["y"])], heads, ["y"], opset=23), two, sizes
    yield "Attention, causal, with a cache", model(
        [node("Attention", ["q", "key", "v", "", "pk", "pv"], ["y", "nk", "nv"], is_causal=1)], heads | cache,
        ["y", "nk", "nv"], opset=23), two + ["P=0..7"], [s | {P: p} for s, p in zip(sizes, (3, 0, 7))]
    yield "Attention of rank 3 with a mask", model(
        [node("Attention", ["x", "x", "x", "m"], ["y"], q_num_heads=3, kv_num_heads=3)],
        {"x": ("f4", [B, T, 12]), "m": ("f4", [T, T])}, ["y"], opset=23), two, sizes
    for interleaved in 0, 1:
        yield f"RotaryEmbedding, interleaved={interleaved}", model(
            [node("RotaryEmbedding", ["q", "c", "s", "i"], ["y"], interleaved=interleaved)],
            {"q": ("f4", [B, 2, T, 8]), "i": ("i8", [B, T])}, ["y"],
            {"c": random.standard_normal((50, 4)).astype("f4"), "s": random.standard_normal((50, 4)).astype("f4")},
            opset=23), two, sizes
    picture = {"x": ("f4", [B, 8, "H", "W"])}
    grown = ["B=1..3", "H=1..6", "W=1..5"], [{B: 1, "H": 1, "W": 4}, {B: 2, "H": 6, "W": 3}, {B: 3, "H": 4, "W": 5}]
    yield "GroupNormalization", model(
        # onnx does not infer the type of its output.
        [node("GroupNormalization", ["x", "s", "b"], ["g"], num_groups=4), node("Cast", ["g"], ["y"], to=1)], picture, ["y"],
        {"s": random.standard_normal(8).astype("f4"), "b": random.standard_normal(8).astype("f4")}, opset=21), *grown
    for mode in "DCR", "CRD":
        yield f"DepthToSpace, {mode}", model([node("DepthToSpace", ["x"], ["y"], blocksize=2, mode=mode)], picture,
                                             ["y"]), *grown
    yield "SpaceToDepth", model(
        [node("SpaceToDepth", ["x"], ["y"], blocksize=2), node("Relu", ["z"], ["w"])],
        {"x": ("f4", [B, 3, 4, 6]), "z": ("f4", [2, T])}, ["y", "w"]), two, sizes
    x = {"x": ("f4", [B, T, 40])}
    for reverse in 0, 1:
        yield f"CumSum, reverse={reverse}", model([node("CumSum", ["x", "a"], ["y"], reverse=reverse)], x, ["y"],
                                                  {"a": np.int64(2)}), two, sizes
    for axis in -1, 0:
        yield f"OneHot, axis={axis}", model([node("OneHot", ["i", "d", "v"], ["y"], axis=axis)], {"i": ("i8", [B, T])}, ["y"],
                                            {"d": np.int64(50), "v": np.array([-1, 3], "f4")}), two, sizes
    yield "EyeLike", model([node("EyeLike", ["x"], ["y"], k=1)], {"x": ("f4", [B, T])}, ["y"]), two, sizes
    yield "DynamicQuantizeLinear", model([node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"])], x, ["y", "s", "z"]), \
        two, sizes


SPECIAL = {
    "k": lambda shape: random.integers(0, 6, shape, dtype=np.int64),
    "sr": lambda shape: np.array(16000, np.int64),
    "attention_mask": lambda shape: np.ones(shape, np.int64),
    "token_type_ids": lambda shape: random.integers(0, 2, shape, dtype=np.int64),
}
# Division must not meet zero where it counts.
DIVISION = {"b": lambda shape: random.integers(1, 9, shape, dtype=np.int64)}

NETWORKS = {
    "arch_bert_tiny": (["B=1..3", "T=1..48"], [{"B": 1, "T": 7}, {"B": 3, "T": 33}, {"B": 2, "T": 48}]),
    "arch_gpt2_tiny_kv": (["B=1..2", "T=1..24", "P=0..24"],
                          [{"B": 1, "T": 7, "P": 0}, {"B": 2, "T": 1, "P": 12}, {"B": 2, "T": 20, "P": 24}]),
    "arch_rnn_stack": (["B=1..3", "T=1..24"], [{"B": 1, "T": 1}, {"B": 3, "T": 9}, {"B": 2, "T": 24}]),
} | {name: (["batch=1..4", "sequence=512"],
            [{"batch": b, "sequence": 512} for b in (1, 3, 4)])
     for name in ("silero_vad_half", "silero_vad_legacy", "silero_vad_op18_ifless")}


def check_messages(scratch):
    """What is said of sizes outside the bounds and of what is not supported."""
    path = scratch / "m.onnx"
    onnx.save(model([node("Softmax", ["x"], ["y"], axis=1)], {"x": ("f4", ["B", "T", 6])}, ["y"]), path)
    np.save(scratch / "x.npy", np.zeros((2, 12, 6), "f4"))
    np.save(scratch / "y.npy", np.zeros((2, 1, 6), "f4"))
    onnx.save(model([node("Resize", ["x", "", "s"], ["y"])], {"x": ("f4", [1, 1, "H", "W"])}, ["y"],
                    {"s": np.array([1, 1, 2, 2], "f4")}), scratch / "resize.onnx")
    onnx.save(model([node("Add", ["x", "z"], ["y"])], {"x": ("f4", [2, "T"]), "z": ("f4", [2, "S"])}, ["y"]),
              scratch / "add.onnx")
    onnx.save(model([node("Concat", ["z", "y"], ["zy"], axis=0), node("Add", ["zy", "x"], ["s"])],
                    {"x": ("f4", ["P + T"]), "y": ("f4", ["T"]), "z": ("f4", ["P"])}, ["s"]), scratch / "sum.onnx")
    sums = []
    for name, size in ("x", 5), ("y", 2), ("z", 4):
        np.save(scratch / f"sum_{name}.npy", np.zeros(size, "f4"))
        sums += ["--input", f"{name}={scratch}/sum_{name}.npy"]
    for words, code, text in [
        (["run", scratch / "sum.onnx", "--dim", "T=1..4", "--dim", "P=0..4", "--dim", "P + T=1..8", *sums], 3,
         "the model refused the data: wrong shape"),
        (["run", path, "--dim", "B=2", "--dim", "T=1..9", "--input", f"x={scratch}/x.npy"], 3,
         "input 'x': dim 'T' is 12, at most 9"),
        (["run", path, "--dim", "B=2", "--dim", "T=2..9", "--input", f"x={scratch}/y.npy"], 3,
         "input 'x': dim 'T' is 1, at least 2"),
        (["compile", path, "-o", scratch / "m.o", "--dim", "B=2", "--dim", "T=9..2"], 2,
         "--dim: 'T=9..2' is not NAME=LEAST..MOST"),
        (["compile", path, "-o", scratch / "bundle", "--target", "opencl", "--dim", "B=2", "--dim", "T=1..9"], 3,
         "m: extents that the run decides on more than a leading axis need --target cpu"),
        (["compile", scratch / "resize.onnx", "-o", scratch / "m.o", "--dim", "H=1..9", "--dim", "W=4"], 3,
         "resize.onnx: node 'Resize_0' (Resize, opset 17): E_DIM: does not support the symbolic extent H of axis 2 "
         "of input 0"),
        (["compile", scratch / "add.onnx", "-o", scratch / "m.o", "--dim", "T=1..9", "--dim", "S=1..9"], 3,
         "add.onnx: node 'Add_0' (Add, opset 17): E_SHAPE: extents T and S may differ"),
    ]:
        done = run([NACRE, *words])
        said = re.findall("^error: (.*)$", done.stderr, re.M)
        if done.returncode != code or said != [text]:
            fail(f"{words[:2]}: exit code {done.returncode}, {said}; expected {code}, {[text]}")


def main():
    count = 0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for name, made, dims, sizes in itertools.chain(small_cases(), layer_cases()):
            path = scratch / "case.onnx"
            onnx.save(made, path)
            check(name, path, dims, sizes, DIVISION if name == "integer division" else SPECIAL)
            count += 1
        check_messages(scratch)
    if MODELS:
        for name, (dims, sizes) in NETWORKS.items():
            check(name, MODELS / name / "model.onnx", dims, sizes, SPECIAL, 1e-3 if name.endswith("half") else 1e-4)
            count += 1
    else:
        print("real networks: none here, left out")
    print(f"{count} cases, {failures} failures")
    sys.exit(1 if failures else 0)


main()
