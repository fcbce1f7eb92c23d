#!/usr/bin/env python3
"""Attention in groups of kernels: the same bits as without, less memory, and what ONNX Runtime computes.

    attention_groups.py NACRE

Every case runs with groups and with `--no-groups`, on one thread and on more. Outputs must be equal in all bits
whatever the number of threads. The arena of one case is known in advance; a training step, whose backward pass reads
the probabilities, has no groups. Texts of the schedule phase with groups are read back, edited, and refused with a
reason where the edit is wrong.
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
from onnx import helper, numpy_helper
from onnx.helper import make_node as node

NACRE = os.path.abspath(sys.argv[1])
# The same schedules everywhere.
MACHINE = ["--triple", "x86_64-linux-gnu", "--cpu", "skylake-avx512"]
random = np.random.default_rng(3)
failures = 0


def fail(text):
    global failures
    failures += 1
    print("FAIL " + text)


def nacre(*words, code=0):
    done = subprocess.run([NACRE, *(str(w) for w in words)], capture_output=True, text=True, errors="replace",
                          timeout=600)
    if done.returncode != code:
        fail(f"{' '.join(str(w) for w in words)}: exit code {done.returncode}, expected {code}\n{done.stderr}")
    return done.stdout + done.stderr


def attention(path, batch, heads, rows, keys, depth, mask):
    """softmax(q k' / sqrt(depth) + mask) v with the heads joined again; `mask` is None, "input" or "causal"."""
    f32 = onnx.TensorProto.FLOAT
    inputs = [helper.make_tensor_value_info("q", f32, [batch, heads, rows, depth]),
              helper.make_tensor_value_info("k", f32, [batch, heads, keys, depth]),
              helper.make_tensor_value_info("v", f32, [batch, heads, keys, depth])]
    constants = {"scale": np.float32(1 / np.sqrt(depth)), "shape": np.array([batch, rows, heads * depth], np.int64)}
    nodes = [node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]), node("MatMul", ["q", "kt"], ["products"]),
             node("Mul", ["products", "scale"], ["scores"])]
    scores = "scores"
    if mask == "input":
        inputs.append(helper.make_tensor_value_info("mask", f32, [batch, 1, 1, keys]))
        nodes.append(node("Add", ["scores", "mask"], ["masked"]))
    if mask == "causal":
        constants["mask"] = np.triu(np.full((1, 1, rows, keys), -1e9, np.float32), 1)
        nodes.append(node("Add", ["scores", "mask"], ["masked"]))
    nodes += [node("Softmax", ["masked" if mask else "scores"], ["weights"], axis=-1),
              node("MatMul", ["weights", "v"], ["sums"]), node("Transpose", ["sums"], ["rows"], perm=[0, 2, 1, 3]),
              node("Reshape", ["rows", "shape"], ["y"])]
    graph = helper.make_graph(nodes, "attention", inputs,
                              [helper.make_tensor_value_info("y", f32, [batch, rows, heads * depth])],
                              [numpy_helper.from_array(np.asarray(a), name) for name, a in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def data(path, folder):
    feed, words = {}, []
    for value in onnx.load(path).graph.input:
        shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
        array = random.standard_normal(shape).astype(np.float32)
        if value.name == "mask":
            array = np.where(array > 0.5, np.float32(-10000), np.float32(0))
        feed[value.name] = array
        np.save(folder / f"{value.name}.npy", array)
        words += ["--input", f"{value.name}={folder / value.name}.npy"]
    return feed, words


def arena(path, *words):
    return int(re.search(r"arena_bytes: (\d+)", nacre("inspect", path, *words)).group(1))


def check(name, grouped, *shape):
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        path = folder / "attention.onnx"
        attention(path, *shape)
        feed, words = data(path, folder)
        text = folder / "schedule.mlir"
        nacre("compile", path, *MACHINE, "--emit", "schedule", "-o", text)
        groups = re.findall(r"lazy.group = \{members = (\d+)", text.read_text())
        if [int(n) for n in groups] != grouped:
            fail(f"{name}: groups of {groups} kernels, expected {grouped}")
        results = {}
        for threads in (1, 2, 3, 40):
            for more in ([], ["--no-groups"]):
                out = folder / f"out{threads}{''.join(more)}"
                nacre("run", path, *words, "--threads", threads, *more, "--output-dir", out)
                results[threads, *more] = np.load(out / "output_0.npy")
        first = results[1, "--no-groups"]
        for what, result in results.items():
            if result.tobytes() != first.tobytes():
                fail(f"{name}: {what}: other bits, by {np.abs(result - first).max()}")
        want = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)[0]
        error = np.abs(first - want).max()
        if not error < 2e-5:
            fail(f"{name}: {error} from ONNX Runtime")
        before, after = arena(path, *MACHINE, "--no-groups"), arena(path, *MACHINE)
        if not (after < before if grouped else after == before):
            fail(f"{name}: arena {before} -> {after}")
        print(f"{name}: groups {grouped}, {error:.1e} from ONNX Runtime, arena {before} -> {after} bytes")
        return before, after


def edits():
    """What a person may write into the text of the schedule phase."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        path, text, edited = folder / "attention.onnx", folder / "a.mlir", folder / "b.mlir"
        attention(path, 1, 4, 512, 512, 32, "input")
        nacre("compile", path, *MACHINE, "--emit", "schedule", "-o", text)
        good = text.read_text()
        points = int(re.search(r"points = (\d+)", good).group(1))
        said = nacre("verify", text, "--from", "schedule")
        if not re.search(r"^ok +compiled against reference output 'y'", said, re.M):
            fail(f"verify of a text with groups: {said}")
        for pattern, replacement, reason in (
                (r"members = \d+", "members = 1",
                 "kernel MatMul_1: its group is not one: 'members' kernels in a row, two at least, with slices of 'points'"),
                (r"points = \d+", f"points = {2 * points}",
                 f"kernel MatMul_1: 'chunk_t' makes tasks of {points} indices of axis 2, the group's slices have "
                 f"{2 * points}"),
                (r"points = \d+", "points = 0", "kernel MatMul_1: its group is not one: "),
                (r"slots = \d+", "slots = 100000",
                 r"kernel MatMul_1: the slots of its group lie outside the arena of \d+ bytes"),
                (r"slot_bytes = \d+", "slot_bytes = 64",
                 "kernel MatMul_1: a result lies outside the slots of its group"),
                (r"lazy.group = \{[^}]*\}, ", "", "kernel MatMul_1: has slices, but is in no group"),
                (r"(lazy.group = \{[^}]*\}, )?lazy.slice = array<i64: [0-9, ]*>, ", "",
                 "kernel MatMul_1: a result is stored by slices, which only a group has"),
                (r"(Softmax_4.*?lazy.slice = array<i64:) 1, 2>", r"\1 2, 1>",
                 "kernel Softmax_4: its slices are not those of its group"),
                (r"(Softmax_4.*?lazy.slice = array<i64:) 1, 2>", r"\1 1, 3>",
                 "kernel Softmax_4: its tasks do not cut axis 3"),
                (r'(Softmax_4.*?place<"slice", 0,) 0', r"\1 16",
                 "kernel Softmax_4: an operand lies elsewhere than the group stores it")):
            changed, count = re.subn(pattern, replacement, good, count=1)
            if not count:
                fail(f"the text has no '{pattern}'")
                continue
            edited.write_text(changed)
            said = nacre("verify", edited, "--from", "schedule", code=3)
            if not re.search(reason, said):
                fail(f"'{pattern}' edited to '{replacement}': expected '{reason}', got {said}")


memory = check("BERT, mask", [3], 1, 12, 128, 128, 64, "input")
if memory != (1671168, 1219520):
    fail(f"the arena of BERT's attention without and with groups: {memory}")
check("batch of two, mask", [3], 2, 4, 192, 320, 32, "input")
check("causal", [3], 1, 3, 600, 600, 32, "causal")
check("long rows", [4], 1, 2, 1024, 1024, 64, None)
check("few rows", [], 1, 2, 16, 64, 32, "input")
edits()
print("attention_groups: " + (f"{failures} failures" if failures else "ok"))
sys.exit(failures != 0)
