#!/usr/bin/env python3
"""Axes, ranges and sizes that are inputs of a run: one program for all of them.

    run_time_numbers.py NACRE

Every case is compiled once and run on several sets of data, on cpu and by the interpreter. ONNX Runtime says what the
outputs are, shapes included. Data that make no sense end a run in a status.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

NACRE = os.path.abspath(sys.argv[1])
random = np.random.default_rng(7)
failures = 0


def fail(text):
    global failures
    failures += 1
    print("FAIL " + text)


def save(node, x_shape, numbers, outputs, opset, path):
    """A model of one node; `numbers` are names and lengths of its other inputs, None for scalars."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x_shape)]
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, [] if length is None else [length])
               for name, length in numbers]
    graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info(o, TensorProto.FLOAT, None)
                                                    for o in outputs])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path.write_bytes(model.SerializeToString())


def write_set(folder, feed, expected=()):
    folder.mkdir()
    for i, array in enumerate(feed.values()):
        np.save(folder / f"input_{i}.npy", array)
    for i, array in enumerate(expected):
        np.save(folder / f"output_{i}.npy", array)
    return ["--data", folder]


def run(*words):
    return subprocess.run([NACRE, *map(str, words)], capture_output=True, text=True, timeout=300)


def check(name, node, x_shape, numbers, sets, outputs=("y",), opset=18, wrong=()):
    """`sets`: values of the numbers, one tuple a run; `wrong`: those that end in a status."""
    with tempfile.TemporaryDirectory() as scratch:
        path = pathlib.Path(scratch, "m.onnx")
        save(node, x_shape, numbers, outputs, opset, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

        def feed(values):
            made = {"x": random.uniform(0.5, 2, x_shape).astype(np.float32)}
            return made | {key: np.array(v, np.int64) for (key, _), v in zip(numbers, values)}

        words = []
        for i, values in enumerate(sets):
            given = feed(values)
            words += write_set(pathlib.Path(scratch, str(i)), given, session.run(None, given))
        for way in [], ["--interpret"]:
            done = run("verify", path, "--rtol", "1e-5", "--atol", "1e-6", *way, *words)
            if done.returncode or done.stdout.count("ok   ") != len(sets) * len(outputs):
                fail(f"{name} {' '.join(way)}: exit code {done.returncode}: {done.stdout}{done.stderr}")
        for i, values in enumerate(wrong):
            done = run("run", path, *write_set(pathlib.Path(scratch, f"w{i}"), feed(values)))
            errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
            if done.returncode != 3 or errors != ["error: the model refused the data: index out of range"]:
                fail(f"{name} {values}: exit code {done.returncode}: {done.stderr}")


def main():
    shape = [3, 4, 5]
    axes = [([0, 1],), ([2, 0],), ([-1, -2],), ([1, 2],)]
    twice, outside = ([1, -2],), ([0, 3],)
    for op in ["Sum", "Prod", "Max", "Min", "Mean", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"]:
        for keep in (0, 1):
            check(f"Reduce{op}, keepdims {keep}", helper.make_node(f"Reduce{op}", ["x", "a"], ["y"], keepdims=keep), shape,
                  [("a", 2)], axes, wrong=[twice, outside] if op == "Sum" else [])
    check("one axis", helper.make_node("ReduceSum", ["x", "a"], ["y"], keepdims=0), [2, 1, 3], [("a", 1)],
          [([0],), ([1],), ([-1],)])
    check("all axes", helper.make_node("ReduceSum", ["x", "a"], ["y"], keepdims=0), shape, [("a", 3)], [([2, 0, 1],)])
    for reverse in (0, 1):
        check(f"CumSum, reverse {reverse}", helper.make_node("CumSum", ["x", "a"], ["y"], reverse=reverse, exclusive=1),
              shape, [("a", None)], [(0,), (1,), (-1,)], wrong=[(3,), (-4,)])
    for upper in (0, 1):
        check(f"Trilu, upper {upper}", helper.make_node("Trilu", ["x", "k"], ["y"], upper=upper), shape, [("k", None)],
              [(0,), (2,), (-3,), (100,), (-100,)])
    large = 2 ** 63 - 1
    check("Slice", helper.make_node("Slice", ["x", "s", "e"], ["y"]), shape, [("s", 2), ("e", 2)],
          [([0, 1], [3, 3]), ([1, -3], [large, -1]), ([2, 2], [1, 4]), ([-large, 0], [large, 1])])
    check("Slice with axes and steps", helper.make_node("Slice", ["x", "s", "e", "a", "t"], ["y"]), shape,
          [("s", 2), ("e", 2), ("a", 2), ("t", 2)],
          [([0, 1], [3, 3], [0, 1], [1, 1]), ([4, 2], [0, -large], [2, 0], [-2, -1]), ([-1, 0], [-100, 4], [-1, 1], [-1, 3]),
           ([0, 0], [4, 5], [1, 2], [large, 2])],
          wrong=[([0, 0], [1, 1], [0, 1], [1, 0]), ([0, 0], [1, 1], [0, 3], [1, 1])])
    check("Split", helper.make_node("Split", ["x", "s"], ["y", "z", "w"], axis=2), shape, [("s", 3)],
          [([1, 2, 2],), ([5, 0, 0],), ([0, 1, 4],)], ("y", "z", "w"), opset=13, wrong=[([1, 2, 3],), ([-1, 3, 3],)])


main()
print("run-time numbers:", f"{failures} failures" if failures else "ok")
sys.exit(1 if failures else 0)
