#!/usr/bin/env python3
"""Strings that only the run knows: models like those that exporters of scikit-learn write, on every target.

    onnx_strings.py NACRE

Numbers and strings are ONNX Runtime's. Targets whose device is missing are left out, and the test says so.
"""
import json
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

import devices

NACRE = os.path.abspath(sys.argv[1])
failures = 0
ML = "ai.onnx.ml"
TYPES = {"string": T.STRING, "i64": T.INT64, "f32": T.FLOAT, "bool": T.BOOL}


def check(what, got, expected):
    global failures
    if got != expected:
        failures += 1
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def strings(values):
    return np.array(values, dtype=object)


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def model(nodes, inputs, outputs, inits=()):
    """Inputs and outputs map names to a type and a shape."""
    def values(named):
        return [helper.make_tensor_value_info(n, TYPES[t], shape) for n, (t, shape) in named.items()]
    graph = helper.make_graph(nodes, "g", values(inputs), values(outputs), list(inits))
    return helper.make_model(graph, ir_version=9, opset_imports=[helper.make_opsetid("", 19), helper.make_opsetid(ML, 3)])


def text_init(name, values):
    return helper.make_tensor(name, T.STRING, [len(values)], [v.encode() for v in values])


def linear(labels, rows, transform="SOFTMAX"):
    coefficients = np.random.default_rng(5).standard_normal(rows * 3).astype(np.float32)
    return node("LinearClassifier", "x", "label scores", domain=ML, coefficients=coefficients.tolist(),
                intercepts=[0.1] * rows, classlabels_strings=labels, multi_class=1, post_transform=transform)


def tree(labels):
    return node("TreeEnsembleClassifier", "x", "label scores", domain=ML, classlabels_strings=labels,
                nodes_treeids=[0] * 5, nodes_nodeids=range(5), nodes_featureids=[0, 0, 1, 0, 0],
                nodes_values=[0.0, 0.0, 0.5, 0.0, 0.0], nodes_hitrates=[1.0] * 5,
                nodes_modes=["BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"], nodes_truenodeids=[1, 0, 3, 0, 0],
                nodes_falsenodeids=[2, 0, 4, 0, 0], class_treeids=[0] * 3, class_nodeids=[1, 3, 4],
                class_ids=[0, 1, 2], class_weights=[1.0, 1.0, 1.0], post_transform="NONE")


def cases():
    """Name, model, values of the inputs."""
    colours = strings(["red", "green", "", "blue", "rouge", "grün", "red", "日本"])
    keys = ["red", "green", "grün", ""]
    x = np.random.default_rng(1).standard_normal((6, 3)).astype(np.float32)
    to_numbers = {"x": ("string", [8])}, {"y": ("i64", [8])}
    yield "label encoder, strings to numbers", model([node(
        "LabelEncoder", "x", "y", domain=ML, keys_strings=keys, values_int64s=[7, 5, 3, 1], default_int64=-9)],
        *to_numbers), [colours]
    yield "label encoder, strings to strings", model([node(
        "LabelEncoder", "x", "y", domain=ML, keys_strings=keys, values_strings=["rot", "grün", "green", "none"],
        default_string="?")], {"x": ("string", [8])}, {"y": ("string", [8])}), [colours]
    yield "label encoder, numbers to strings", model([node(
        "LabelEncoder", "x", "y", domain=ML, keys_int64s=[1, 2, 3], values_strings=["one", "two", "three"])],
        {"x": ("i64", [2, 2])}, {"y": ("string", [2, 2])}), [np.array([[3, 1], [9, 2]])]
    yield "category mapper", model([node(
        "CategoryMapper", "x", "y", domain=ML, cats_strings=keys, cats_int64s=[1, 2, 3, 4], default_int64=0)],
        *to_numbers), [colours]
    yield "category mapper, to strings", model([node(
        "CategoryMapper", "x", "y", domain=ML, cats_strings=keys, cats_int64s=[1, 2, 3, 4], default_string="other")],
        {"x": ("i64", [3])}, {"y": ("string", [3])}), [np.array([2, 4, 17])]
    yield "one-hot encoder", model([node("OneHotEncoder", "x", "y", domain=ML, cats_strings=keys, zeros=1)],
                                   {"x": ("string", [8])}, {"y": ("f32", [8, 4])}), [colours]
    labels = {"label": ("string", [6]), "scores": ("f32", [6, 3])}
    yield "linear classifier", model([linear(["setosa", "versicolor", "virginica"], 3)], {"x": ("f32", [6, 3])},
                                     labels), [x]
    numbers = np.random.default_rng(6).standard_normal(6 * 3 + 2 * 6 + 3).astype(np.float32).tolist()
    yield "support vectors", model([node(
        "SVMClassifier", "x", "label scores", domain=ML, classlabels_strings=["a", "b", "c"], kernel_type="RBF",
        kernel_params=[0.5, 0.0, 3.0], support_vectors=numbers[:18], vectors_per_class=[2, 2, 2],
        coefficients=numbers[18:30], rho=numbers[30:])], {"x": ("f32", [6, 3])}, labels), [x]
    yield "tree classifier", model([tree(["low", "middle", "high"])], {"x": ("f32", [6, 3])}, labels), [x]
    # A column of categories and one of numbers, to a class by name.
    yield "pipeline", model([
        node("OneHotEncoder", "colour", "hot", domain=ML, cats_strings=["red", "green", "blue"], zeros=1),
        node("Reshape", "hot shape", "flat"), node("Concat", "flat numbers", "x", axis=1),
        node("LinearClassifier", "x", "label scores", domain=ML,
             coefficients=np.random.default_rng(2).standard_normal(5).astype(np.float32).tolist(), intercepts=[0.2],
             classlabels_strings=["no", "yes"], post_transform="LOGISTIC")],
        {"colour": ("string", [4, 1]), "numbers": ("f32", [4, 2])}, {"label": ("string", [4]), "scores": ("f32", [4, 2])},
        [helper.make_tensor("shape", T.INT64, [2], [4, 3])]), [strings([["red"], ["blue"], ["pink"], ["green"]]), x[:4, :2]]
    yield "words", model([node(
        "TfIdfVectorizer", "x", "y", mode="TF", min_gram_length=1, max_gram_length=2, max_skip_count=0,
        ngram_counts=[0, 3], ngram_indexes=[0, 1, 2, 3], pool_strings=["the", "cat", "sat", "the", "cat"])],
        {"x": ("string", [6])}, {"y": ("f32", [4])}), [strings(["the", "cat", "and", "the", "cat", "sat"])]
    moved = [node("Reshape", "x shape", "m"), node("Gather", "m picks", "g", axis=1),
             node("Concat", "g tail", "y", axis=1), node("Equal", "m word", "same"),
             node("Where", "same other m", "z"), node("Identity", "x", "again")]
    # ONNX Runtime moves strings of the run that no table has.
    yield "strings that are moved", model(
        moved, {"x": ("string", [8])},
        {"y": ("string", [2, 4]), "same": ("bool", [2, 4]), "z": ("string", [2, 4]), "again": ("string", [8])},
        [helper.make_tensor("shape", T.INT64, [2], [2, 4]), helper.make_tensor("picks", T.INT64, [2], [3, -4]),
         helper.make_tensor("tail", T.STRING, [2, 2], [b"a", b"red", b"b", b"c"]), text_init("word", ["red"]),
         text_init("other", ["pink"])]), [colours]
    yield "two inputs compared", model([node("Equal", "a b", "y")], {"a": ("string", [3]), "b": ("string", [3])},
                                       {"y": ("bool", [3])}), [strings(["u", "v", "w"]), strings(["u", "w", "w"])]
    yield "a constant", model([node("Identity", "w", "y"), node("Identity", "x", "z")], {"x": ("f32", [6, 3])},
                              {"y": ("string", [2]), "z": ("f32", [6, 3])}, [text_init("w", ["", "a\"b"])]), [x]


def run(words, env=None):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines() if "error: " in line]


def read_outputs(folder):
    listed = json.loads((folder / "outputs.json").read_text())["outputs"]
    return {o["name"]: (o["dtype"], np.load(folder / o["file"])) for o in listed}


def compare(what, got, expected):
    check(what + ", names", list(got), list(expected))
    for name in got.keys() & expected.keys():
        (dtype, a), b = got[name], expected[name]
        if b.dtype == object:
            check(f"{what}, {name}", (dtype, a.dtype.kind, a.tolist()), ("string", "U", b.tolist()))
        else:
            check(f"{what}, {name}", a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, 1e-4, 1e-5), True)


def save_inputs(scratch, made, values):
    """Files of both kinds, one after the other, and the words that name them."""
    words = []
    for i, (info, value) in enumerate(zip(made.graph.input, values)):
        if value.dtype == object and i % 2 == 0:
            path = scratch / f"{i}.npy"
            np.save(path, value.astype(str))
        else:
            path = scratch / f"{i}.pb"
            path.write_bytes(numpy_helper.from_array(value).SerializeToString())
        words += ["--input", f"{info.name}={path}"]
    return words


def save_data(folder, kind, values):
    for i, value in enumerate(values):
        (folder / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(value).SerializeToString())


def main():
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        env = devices.environment(top)
        targets = ["cpu"]
        for target in ("opencl", "wgsl"):
            why, _ = devices.missing(NACRE, target, env, top)
            if why:
                print(f"onnx_strings: {target} is left out: {why}")
            else:
                targets.append(target)
        count = 0
        for what, made, values in cases():
            scratch = top / str(count)
            scratch.mkdir()
            count += 1
            path = scratch / "m.onnx"
            onnx.save(made, path)
            names = [info.name for info in made.graph.input]
            session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
            results = session.run(None, dict(zip(names, values)))
            expected = {o.name: np.asarray(r) for o, r in zip(made.graph.output, results)}
            words = save_inputs(scratch, made, values)
            for target in targets:
                out = scratch / target
                code = run([NACRE, "run", path, "--target", target, *words, "--output-dir", out], env)
                check(f"{what} on {target}", (code[0], code[2]), (0, []))
                if code[0] == 0:
                    compare(f"{what} on {target}", read_outputs(out), expected)
            # The same by the interpreter, and by an executable.
            data = scratch / "data"
            data.mkdir()
            save_data(data, "input", values)
            save_data(data, "output", expected.values())
            code = run([NACRE, "verify", path, "--data", data, "--reference"])
            check(f"{what}, verify", (code[0], code[2]), (0, []))
            code = run([NACRE, "build", path, "-o", scratch / "program"])
            check(f"{what}, build", (code[0], code[2]), (0, []))
            code = run([scratch / "program", *words, "--output-dir", scratch / "out"])
            check(f"{what}, executable", (code[0], code[2]), (0, []))
            if code[0] == 0:
                compare(f"{what}, executable", read_outputs(scratch / "out"), expected)
        wrong_files(top)
    print("onnx_strings: " + (f"{failures} FAILURES" if failures else f"ok, {count} models on {', '.join(targets)}"))
    sys.exit(failures > 0)


def wrong_files(top):
    """Numbers where strings are wanted and the other way around."""
    path = top / "m.onnx"
    onnx.save(model([node("Identity", "x", "y")], {"x": ("string", [2])}, {"y": ("string", [2])}), path)
    np.save(top / "numbers.npy", np.zeros(2, np.float32))
    np.save(top / "strings.npy", np.array(["a", "b"]))
    (top / "numbers.pb").write_bytes(numpy_helper.from_array(np.zeros(2, np.float32)).SerializeToString())
    check("numbers in .npy", run([NACRE, "run", path, "--input", f"x={top}/numbers.npy"])[2],
          [f"error: input 'x': {top}/numbers.npy: holds f32, not strings"])
    check("numbers in .pb", run([NACRE, "run", path, "--input", f"x={top}/numbers.pb"])[2],
          [f"error: input 'x': {top}/numbers.pb: data_type 1 is not that of strings"])
    code, out, errors = run([NACRE, "run", path, "--input", f"x={top}/strings.npy"])
    check("printed", (code, out, errors), (0, 'y: string [2] = "a" "b"\n', []))
    # A training is in the graph language, which has no strings.
    onnx.save(model([linear(["a", "b", "c"], 3)], {"x": ("f32", [6, 3])},
                    {"label": ("string", [6]), "scores": ("f32", [6, 3])}), path)
    check("a training", run([NACRE, "compile", path, "--train", "--loss", "mse", "-o", top / "made"])[2],
          ["error: --loss:4:16: 'network' has a result of strings, which the language does not have"])
    onnx.save(model([node("Identity", "x", "y")], {"x": ("f32", [2])}, {"y": ("f32", [2])}), path)
    check("strings for numbers", run([NACRE, "run", path, "--input", f"x={top}/strings.npy"])[2],
          [f"error: input 'x': {top}/strings.npy: element type '<U1' is not supported"])


main()
