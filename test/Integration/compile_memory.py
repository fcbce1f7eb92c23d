#!/usr/bin/env python3
"""What compiling holds in memory does not grow with the weights, and large weights read from a mapped file are right.

    compile_memory.py NACRE

Needs onnx and numpy.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

NACRE = os.path.abspath(sys.argv[1])
MB = 1 << 20
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def peak(*words):
    """Runs nacre; the most memory that it held, in bytes."""
    child = subprocess.Popen([NACRE, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    check(f"exit code of {' '.join(words)}\n{said}", child.returncode, 0)
    return usage.ru_maxrss * 1024


def layers(path, width, external=False):
    """Five products and one read of a table, each of width * 5 * width floats. Returns a run's input and output."""
    rng = np.random.default_rng(0)
    wide = 5 * width
    x = rng.standard_normal((1, width), dtype=np.float32)
    shapes = [(width, wide), (width, wide), (wide, width), (width, wide), (wide, width)]
    values = [rng.standard_normal(shape, dtype=np.float32) / np.float32(shape[0] ** 0.5) for shape in shapes]
    table = rng.standard_normal((wide, width), dtype=np.float32)
    # Names of all lengths, so that the bytes lie at all offsets modulo four.
    names = ["w" * (1 + i) for i in range(5)]
    initializers = [numpy_helper.from_array(v, n) for v, n in zip([*values, table], [*names, "table"])]
    nodes = [
        helper.make_node("Gemm", ["x", names[0]], ["a"]),
        helper.make_node("Relu", ["a"], ["r"]),
        # The same bytes read the other way round.
        helper.make_node("Gemm", ["r", names[1]], ["b"], transB=1),
        helper.make_node("MatMul", ["r", names[2]], ["c"]),
        helper.make_node("Add", ["b", "c"], ["d"]),
        helper.make_node("MatMul", ["d", names[3]], ["e"]),
        helper.make_node("MatMul", ["e", names[4]], ["f"]),
        helper.make_node("Gather", ["table", "row"], ["g"]),
        helper.make_node("Add", ["f", "g"], ["y"]),
    ]
    x_info, y_info = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, width]) for n in ("x", "y"))
    row = helper.make_tensor_value_info("row", TensorProto.INT64, [1])
    graph = helper.make_graph(nodes, "layers", [x_info, row], [y_info], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=external, location="layers.bin")
    r = np.maximum(x @ values[0], 0)
    return x, (r @ values[1].T + r @ values[2]) @ values[3] @ values[4] + table[3]


def numbers(path, x, expected):
    np.save("x.npy", x)
    np.save("row.npy", np.array([3], np.int64))
    peak("run", path, "--input", "x=x.npy", "--input", "row=row.npy", "--output-dir", "out")
    got = np.load("out/output_0.npy")
    difference = float(np.abs(got - expected).max() / np.abs(expected).max())
    check(f"{path}: largest difference {difference:.2g} is below 1e-5", difference < 1e-5, True)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    layers("small.onnx", 64)
    numbers("large.onnx", *layers("large.onnx", 960))
    layers("beside.onnx", 960, external=True)
    weights = 6 * 960 * 5 * 960 * 4
    check("bytes of weights are more than 100 MB", weights > 100 * MB, True)
    for model, words in (
        ("large.onnx", ["-o", "large.o"]),
        ("beside.onnx", ["-o", "beside.o"]),
        ("large.onnx", ["--weights", "file", "-o", "apart.o"]),
    ):
        floor = peak("compile", "small.onnx", *words)
        held = peak("compile", model, *words) - floor
        # What is at work, and the pages that the kernel maps around it.
        check(f"compile {model} {words}: {held / MB:.0f} MB more than for weights of no size", held < weights // 2, True)
        size = pathlib.Path(words[-1] if "file" not in words else "apart.safetensors").stat().st_size
        check(f"{words}: the weights are in the file", size >= weights, True)
    sizes = [pathlib.Path(p).stat().st_size for p in ("large.o", "beside.o")]
    check("both objects are of one size, but for their names", abs(sizes[0] - sizes[1]) < 4096, True)
    os.chdir("/")

print(f"compile_memory: {len(failures)} failures" if failures else "compile_memory: ok")
sys.exit(bool(failures))
