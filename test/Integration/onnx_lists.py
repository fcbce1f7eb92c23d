#!/usr/bin/env python3
"""Sequences, optionals and strings: how they are bound on the command line and from data, and what their ops give.

    onnx_lists.py NACRE

Models are made here. Numbers are compared with numpy; those of strings with ONNX Runtime, Python or stated ones.
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

NACRE = os.path.abspath(sys.argv[1])
failures = 0
random = np.random.default_rng(3)


def check(what, got, expected):
    global failures
    if got != expected:
        failures += 1
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def nacre(*words):
    """Exit code, stdout and the error lines."""
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=120)
    return (done.returncode, done.stdout,
            [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")])


def floats(*shape):
    return random.standard_normal(shape).astype(np.float32)


def tensor_type(shape, dtype=T.FLOAT):
    return helper.make_tensor_type_proto(dtype, shape)


def sequence_type(shape, dtype=T.FLOAT):
    return helper.make_sequence_type_proto(tensor_type(shape, dtype))


def optional_type(inside):
    return helper.make_optional_type_proto(inside)


def save(name, nodes, inputs, outputs, constants=(), opset=20, domains=()):
    """Writes NAME.onnx; inputs and outputs map names to types."""
    graph = helper.make_graph(nodes, "g", [helper.make_value_info(n, t) for n, t in inputs.items()],
                              [helper.make_value_info(n, t) for n, t in outputs.items()], list(constants))
    model = helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid(d, v) for d, v in [("", opset), *domains]])
    onnx.save(model, name + ".onnx")
    return model


def outputs_of(*words):
    """What `nacre run` writes: names and arrays, or the errors."""
    with tempfile.TemporaryDirectory() as out:
        code, _, errors = nacre("run", *words, "--output-dir", out)
        if code:
            return code, errors
        listed = json.loads(pathlib.Path(out, "outputs.json").read_text())["outputs"]
        return {o["name"]: np.load(os.path.join(out, o["file"])) for o in listed}


def same(what, got, expected):
    """Arrays by name; a mismatch of names, shapes, types or values fails."""
    if not isinstance(got, dict):
        return check(what, got, "outputs")
    check(what + ", names", list(got), list(expected))
    for name in got.keys() & expected.keys():
        a, b = got[name], np.asarray(expected[name])
        if a.shape != b.shape or a.dtype != b.dtype or not np.allclose(a, b, 1e-5, 1e-6, equal_nan=True):
            check(f"{what}, {name}", (a.dtype, a.shape, a.tolist()), (b.dtype, b.shape, b.tolist()))


def save_data(folder, inputs, outputs):
    """A data folder; lists become sequences, None an absent optional, ("some", x) a present one."""
    pathlib.Path(folder).mkdir()
    for prefix, values in (("input", inputs), ("output", outputs)):
        for i, value in enumerate(values):
            pathlib.Path(folder, f"{prefix}_{i}.pb").write_bytes(proto_of(value).SerializeToString())


def proto_of(value):
    if value is None:
        return onnx.OptionalProto(elem_type=onnx.OptionalProto.TENSOR)
    if isinstance(value, list):
        return numpy_helper.from_list(value, dtype=onnx.SequenceProto.TENSOR)
    if isinstance(value, tuple):
        return numpy_helper.from_optional(value[1])
    return numpy_helper.from_array(np.asarray(value))


def node(op, inputs, outputs, **attributes):
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def binding():
    """A sequence is as many inputs and outputs as it is long."""
    save("double", [node("SequenceMap", "x", "y", body=helper.make_graph(
        [node("Add", "a a", "b")], "body", [helper.make_value_info("a", tensor_type(["N"]))],
        [helper.make_value_info("b", tensor_type(["N"]))]))],
        {"x": sequence_type(["N"])}, {"y": sequence_type(["N"])})
    a, b, c = floats(3), floats(5), floats(2)
    np.save("a.npy", a)
    np.save("b.npy", b)
    same("a sequence of two", outputs_of("double.onnx", "--dim", "x=2", "--input", "x.0=a.npy", "--input", "x.1=b.npy"),
         {"y.0": 2 * a, "y.1": 2 * b})
    check("no length", nacre("run", "double.onnx", "--input", "x=a.npy")[::2],
          (3, ["double.onnx: input 'x' is a sequence; give its length, at most 4096, with --dim x=N"]))
    check("no length, random", nacre("verify", "double.onnx")[::2],
          (3, ["double.onnx: input 'x' is a sequence; give its length, at most 4096, with --dim x=N"]))
    check("too long", nacre("compile", "double.onnx", "--dim", "x=5000", "-o", "made")[::2],
          (3, ["double.onnx: input 'x' is a sequence; give its length, at most 4096, with --dim x=N"]))
    check("an element that is not there", nacre("run", "double.onnx", "--dim", "x=1", "--input", "x.1=a.npy")[::2],
          (2, ["--input: the model has no input 'x.1', did you mean 'x.0'?",
               "input 'x.0' (f32 [x.0.0]) is not given, use --input x.0=FILE or x.0=random"]))
    check("extents of an element", nacre("verify", "double.onnx", "--dim", "x=1", "--dim", "x.0.0=7")[0], 0)
    check("a misspelt extent", nacre("verify", "double.onnx", "--dim", "x=1", "--dim", "x.1.0=7")[::2],
          (2, ["--dim: the inputs have no open dim 'x.1.0', did you mean 'x.0.0'?"]))
    check("an open extent", nacre("verify", "double.onnx", "--dim", "x=1")[::2],
          (2, ["input 'x.0': dim 'x.0.0' is open, give it with --dim x.0.0=N"]))
    check("a sequence cannot be fixed", nacre("run", "double.onnx", "--fix", "x=a.npy")[::2],
          (2, ["--fix: input 'x' is a sequence or an optional"]))
    # One command, sets of other lengths and extents.
    save_data("two", [[a, b]], [[2 * a, 2 * b]])
    save_data("three", [[c, a, a]], [[2 * c, 2 * a, 2 * a]])
    code, text, errors = nacre("verify", "double.onnx", "--data", "two", "--data", "three")
    check("lengths from data", (code, text.count("ok "), errors), (0, 5, []))
    same("lengths from data, run", outputs_of("double.onnx", "--data", "two"), {"y.0": 2 * a, "y.1": 2 * b})
    check("data against --dim", nacre("verify", "double.onnx", "--data", "two", "--dim", "x=3")[::2],
          (3, ["input 'x': data has 2, --dim says 3"]))
    save_data("short", [[a, b]], [[2 * a]])
    check("a sequence of another length", nacre("verify", "double.onnx", "--data", "short")[::2],
          (4, ["short: has the outputs y.0; the model gives y.0, y.1"]))
    save_data("wrong", [[a, b]], [[2 * a, 3 * b]])
    check("a wrong element", nacre("verify", "double.onnx", "--data", "wrong")[::2], (4, ["1 of 2 comparisons differ"]))
    save_data("tensor", [a], [a])
    check("a tensor for a sequence", nacre("verify", "double.onnx", "--data", "tensor")[::2],
          (3, ["tensor/input_0.pb: does not hold what the model declares there"]))
    report = json.loads(nacre("inspect", "double.onnx", "--json")[1])
    check("inspect", (report["inputs"], report["unsupported"]),
          ([{"name": "x", "dtype": "sequence(f32)", "shape": "[N]"}],
           [{"reason": "double.onnx: input 'x' is a sequence; give its length, at most 4096, with --dim x=N"}]))
    code, _, errors = nacre("build", "double.onnx", "--dim", "x=2", "--dim", "x.0.0=3", "--dim", "x.1.0=5", "-o", "double")
    check("build", (code, errors), (0, []))
    done = subprocess.run(["./double", "--input", "x.0=a.npy", "--input", "x.1=b.npy", "--output-dir", "built"],
                          capture_output=True, text=True)
    check("the executable", (done.returncode, done.stderr), (0, done.stderr))
    made = [np.load(f"built/output_{i}.npy") for i in range(2)]
    check("its results", [np.array_equal(made[0], 2 * a), np.array_equal(made[1], 2 * b)], [True, True])
    # Elements without a declared shape have as many axes as are given.
    save("free", [node("ConcatFromSequence", "x", "y", axis=0)], {"x": sequence_type(None)}, {"y": tensor_type(None)})
    m, n = floats(2, 3), floats(1, 3)
    np.save("m.npy", m)
    np.save("n.npy", n)
    t = floats(2, 2)
    np.save("t.npy", t)
    dims = [word for dim in ("x=2", "x.0.0=2", "x.0.1=3", "x.1.0=1", "x.1.1=3") for word in ("--dim", dim)]
    same("no declared shape", outputs_of("free.onnx", *dims, "--input", "x.0=m.npy", "--input", "x.1=n.npy"),
         {"y": np.concatenate([m, n])})
    save_data("free", [[m, n]], [np.concatenate([m, n])])
    # An extent of an element that each run decides.
    save("wide", [node("SequenceMap", "x", "y", body=helper.make_graph(
        [node("ReduceSum", "a", "b", keepdims=0), node("Add", "a b", "c")], "body",
        [helper.make_value_info("a", tensor_type([2, "N"]))], [helper.make_value_info("c", tensor_type([2, "N"]))]))],
        {"x": sequence_type([2, "N"])}, {"y": sequence_type(None)})
    same("a bounded extent of an element",
         outputs_of("wide.onnx", "--dim", "x=2", "--dim", "x.0.1<=9", "--dim", "x.1.1<=4", "--input", "x.0=m.npy",
                    "--input", "x.1=t.npy"), {"y.0": m + m.sum(), "y.1": t + t.sum()})
    check("no declared shape, data", nacre("verify", "free.onnx", "--data", "free")[::2], (0, []))


def optionals():
    """An optional is a sequence of at most one."""
    then = helper.make_graph([node("OptionalGetElement", "o", "e"), node("Add", "e x", "t")], "there", [],
                             [helper.make_value_info("t", tensor_type([4]))])
    other = helper.make_graph([node("Identity", "x", "f")], "not_there", [],
                              [helper.make_value_info("f", tensor_type([4]))])
    save("maybe", [node("OptionalHasElement", "o", "has"),
                   node("If", "has", "y", then_branch=then, else_branch=other), node("Identity", "o", "p")],
         {"x": tensor_type([4]), "o": optional_type(tensor_type([4]))},
         {"y": tensor_type([4]), "p": optional_type(tensor_type([4]))})
    x, o = floats(4), floats(4)
    np.save("x.npy", x)
    np.save("o.npy", o)
    same("there", outputs_of("maybe.onnx", "--dim", "o=1", "--input", "x=x.npy", "--input", "o.0=o.npy"),
         {"y": x + o, "p.0": o})
    same("absent", outputs_of("maybe.onnx", "--dim", "o=0", "--input", "x=x.npy"), {"y": x})
    check("not said", nacre("run", "maybe.onnx", "--input", "x=x.npy")[::2],
          (3, ["maybe.onnx: input 'o' is an optional; say whether it is there with --dim o=1 or --dim o=0"]))
    check("twice", nacre("compile", "maybe.onnx", "--dim", "o=2", "-o", "made")[::2],
          (3, ["maybe.onnx: input 'o' is an optional; say whether it is there with --dim o=1 or --dim o=0"]))
    save_data("there", [x, ("some", o)], [x + o, ("some", o)])
    save_data("absent", [x, None], [x, None])
    check("from data", nacre("verify", "maybe.onnx", "--data", "there", "--data", "absent")[::2], (0, []))
    save("nested", [node("OptionalGetElement", "o", "s"), node("SequenceLength", "s", "n"),
                    node("SequenceAt", "s last", "y")],
         {"o": optional_type(sequence_type([2]))}, {"n": tensor_type([], T.INT64), "y": tensor_type([2])},
         [numpy_helper.from_array(np.int64(-1), "last")])
    np.save("c.npy", x[:2])
    np.save("d.npy", o[:2])
    same("an optional sequence", outputs_of("nested.onnx", "--dim", "o=1", "--dim", "o.0=2",
                                            "--input", "o.0.0=c.npy", "--input", "o.0.1=d.npy"),
         {"n": np.int64(2), "y": o[:2]})
    save("none", [node("Identity", "o", "p")], {"o": optional_type(tensor_type([4]))},
         {"p": optional_type(tensor_type([4]))})
    same("a program of nothing", outputs_of("none.onnx", "--dim", "o=0"), {})


def flow():
    """Lists through branches and loops."""
    def branch(name, first, second):
        return helper.make_graph([node("SequenceConstruct", f"{first} {second}", "s")], name, [],
                                 [helper.make_value_info("s", sequence_type(None))])
    save("choose", [node("Neg", "a", "b"),
                    node("If", "c", "s", then_branch=branch("t", "a", "b"), else_branch=branch("f", "b", "a"))],
         {"a": tensor_type([4]), "c": tensor_type([], T.BOOL)}, {"s": sequence_type([4])})
    a = floats(4)
    np.save("a.npy", a)
    for c in (True, False):
        np.save("c.npy", np.array(c))
        same(f"a branch of the run, {c}", outputs_of("choose.onnx", "--input", "a=a.npy", "--input", "c=c.npy"),
             {"s.0": a if c else -a, "s.1": -a if c else a})
    body = helper.make_graph(
        [node("Identity", "d", "e"), node("Add", "v x", "w"), node("SequenceInsert", "t w", "u")], "body",
        [helper.make_value_info("i", tensor_type([], T.INT64)), helper.make_value_info("d", tensor_type([], T.BOOL)),
         helper.make_value_info("v", tensor_type([4])), helper.make_value_info("t", sequence_type(None))],
        [helper.make_value_info("e", tensor_type([], T.BOOL)), helper.make_value_info("w", tensor_type([4])),
         helper.make_value_info("u", sequence_type(None))])
    save("append", [helper.make_node("SequenceEmpty", [], ["empty"]),
                    helper.make_node("Loop", ["n", "", "x", "empty"], ["last", "all"], body=body),
                    node("ConcatFromSequence", "all", "y", axis=0, new_axis=1)],
         {"x": tensor_type([4])}, {"y": tensor_type(None)}, [numpy_helper.from_array(np.int64(3), "n")])
    same("a loop that appends", outputs_of("append.onnx", "--input", "x=a.npy"), {"y": np.stack([2 * a, 3 * a, 4 * a])})
    report = nacre("run", "append.onnx", "--input", "x=a.npy", "--max-nodes", "10")
    check("a limit of unrolling", report[::2],
          (3, ["append.onnx: E_LIMIT: unrolling makes more than 10 nodes (--max-nodes)"]))
    save("rows", [node("SplitToSequence", "x", "s", axis=1, keepdims=0), node("Dropout", "x", "d m"),
                  node("SequenceAt", "s one", "y")], {"x": tensor_type(["N", 3])},
         {"s": sequence_type(None), "y": tensor_type(None), "m": tensor_type(None, T.BOOL)},
         [numpy_helper.from_array(np.int64(1), "one")])
    x = floats(2, 3)
    np.save("x.npy", x)
    same("a symbolic extent", outputs_of("rows.onnx", "--dim", "N<=5", "--input", "x=x.npy"),
         {"s.0": x[:, 0], "s.1": x[:, 1], "s.2": x[:, 2], "y": x[:, 1], "m": np.ones((2, 3), bool)})
    model = save("edit", [node("SplitToSequence", "x sizes", "s", axis=1), node("SequenceErase", "s one", "t"),
                          node("SequenceInsert", "t x zero", "u"), node("SequenceAt", "u minus", "y"),
                          node("SequenceLength", "u", "n")],
                 {"x": tensor_type([2, 6])}, {"y": tensor_type(None), "n": tensor_type([], T.INT64)},
                 [numpy_helper.from_array(np.array(v, np.int64), k)
                  for k, v in {"sizes": [1, 2, 3], "one": 1, "zero": 0, "minus": -2}.items()])
    x = floats(2, 6)
    np.save("x.npy", x)
    expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
        None, {"x": x})
    same("edits", outputs_of("edit.onnx", "--input", "x=x.npy"), dict(zip("yn", expected)))


def strings(name, *shape_and_values):
    values = np.array(shape_and_values[-1], object)
    return helper.make_tensor(name, T.STRING, values.shape, [str(v).encode() for v in values.reshape(-1)])


def texts():
    """Ops on strings that are known: each result is compared in the model, by Equal with what it must be."""
    words = np.array([["pear", "fig", "apple"], ["fig", "kiwi", "pear"]], object)
    ints = {k: numpy_helper.from_array(np.array(v, np.int64), k) for k, v in {
        "rows": [1, 0], "shape": [3, 2], "starts": [1], "ends": [3], "axes": [1], "zero": [0], "twice": [2, 1]}.items()}
    mask = numpy_helper.from_array(np.array([True, False, True]), "mask")
    unique, first, inverse, counts = np.unique(words.astype(str), return_index=True, return_inverse=True,
                                               return_counts=True)
    cases = [
        ("Gather", "w rows", {"axis": 0}, words[[1, 0]]),
        ("Reshape", "w shape", {}, words.reshape(3, 2)),
        ("Slice", "w starts ends axes", {}, words[:, 1:3]),
        ("Transpose", "w", {}, words.T),
        ("Concat", "w w", {"axis": 1}, np.concatenate([words, words], 1)),
        ("Unsqueeze", "w zero", {}, words[None]),
        ("Tile", "w twice", {}, np.tile(words, (2, 1))),
        ("Where", "mask w comma", {}, np.where([True, False, True], words, ",")),
        ("Identity", "w", {}, words),
        ("Compress", "w mask", {"axis": 1}, words[:, [0, 2]]),
        ("StringConcat", "w comma", {}, words + ","),
        ("StringNormalizer", "line", {"case_change_action": "UPPER", "stopwords": ["FIG"]},
         np.array(["ÄPFEL", "PEAR"], object)),
        ("StringNormalizer", "line", {"case_change_action": "LOWER", "is_case_sensitive": 1, "stopwords": ["fig"]},
         np.array(["äpfel", "fig", "pear"], object)),
        ("Cast", "numbers", {"to": T.STRING}, np.array(["0.1", "-2", "1e+20", "NaN", "INF"], object)),
        ("Cast", "whole", {"to": T.STRING}, np.array(["-7", "18014398509481985"], object)),
    ]
    for i, (op, inputs, attributes, expected) in enumerate(cases):
        save("text", [node(op, inputs, "y", **attributes), node("Equal", "y wanted", "same"), node("Shape", "y", "size")],
             {}, {"same": tensor_type(None, T.BOOL), "size": tensor_type(None, T.INT64)},
             [strings("w", words), strings("comma", [","]), strings("line", ["äpfel", "Fig", "pear"]),
              numpy_helper.from_array(np.array([0.1, -2, 1e20, np.nan, np.inf], np.float32), "numbers"),
              numpy_helper.from_array(np.array([-7, (1 << 54) + 1], np.int64), "whole"),
              strings("wanted", expected), mask, *ints.values()])
        same(f"{op} of strings, case {i}", outputs_of("text.onnx"),
             {"same": np.ones(expected.shape, bool), "size": np.array(expected.shape)})
    save("differ", [node("Equal", "w v", "same")], {}, {"same": tensor_type(None, T.BOOL)},
         [strings("w", ["a", "b", "a"]), strings("v", ["a", "a", "b"])])
    same("strings that differ", outputs_of("differ.onnx"), {"same": np.array([True, False, False])})
    save("unique", [node("Unique", "w", "u i v n"), node("Equal", "u wanted", "same")], {},
         {"same": tensor_type(None, T.BOOL), **{k: tensor_type(None, T.INT64) for k in "ivn"}},
         [strings("w", words), strings("wanted", unique)])
    same("Unique of strings", outputs_of("unique.onnx"),
         {"same": np.ones(4, bool), "i": first, "v": inverse.reshape(-1), "n": counts})
    # Numbers made of strings.
    save("numbers", [node("Cast", "w", "f", to=T.FLOAT), node("Cast", "v", "i", to=T.INT32),
                     node("RegexFullMatch", "t", "m", pattern=r"\d+\.\w*"),
                     node("StringSplit", "t", "parts n", delimiter="."), node("Shape", "parts", "size")], {},
         {"f": tensor_type(None), "i": tensor_type(None, T.INT32), "m": tensor_type(None, T.BOOL),
          "n": tensor_type(None, T.INT64), "size": tensor_type(None, T.INT64)},
         [strings("w", ["1.5", " -2e-3", "+7", "NaN", "-INF"]), strings("v", ["-7", "42"]),
          strings("t", ["12.ab", "a12.ab", "1.2.3", ""])])
    same("numbers of strings", outputs_of("numbers.onnx"),
         {"f": np.array([1.5, -2e-3, 7, np.nan, -np.inf], np.float32), "i": np.array([-7, 42], np.int32),
          "m": np.array([True, False, False, False]), "n": np.array([2, 2, 3, 1]), "size": np.array([4, 3])})
    lines = ["a b  c ", "  x", "", "one", " p q\tr\ns "]
    for delimiter in (None, " ", "b"):
        for most in (None, 0, 1, 2):
            parts = [line.split(delimiter, -1 if most is None else most) for line in lines]
            width = max(map(len, parts))
            given = {k: v for k, v in {"delimiter": delimiter, "maxsplit": most}.items() if v is not None}
            save("split", [node("StringSplit", "x", "y n", **given), node("Equal", "y wanted", "same"),
                           node("Shape", "y", "size")], {},
                 {"n": tensor_type(None, T.INT64), "same": tensor_type(None, T.BOOL), "size": tensor_type(None, T.INT64)},
                 [strings("x", lines), strings("wanted", [p + [""] * (width - len(p)) for p in parts])])
            same(f"StringSplit at {delimiter!r}, at most {most}", outputs_of("split.onnx"),
                 {"n": np.array([len(p) for p in parts]), "same": np.ones((5, width), bool), "size": np.array([5, width])})
    # An input of strings is fixed.
    ml = [("ai.onnx.ml", 3)]
    save("label", [node("LabelEncoder", "x", "y", domain="ai.onnx.ml", keys_strings=["a", "b"], values_floats=[0.5, 2.5],
                        default_float=-1.0),
                   node("OneHotEncoder", "x", "z", domain="ai.onnx.ml", cats_strings=["b", "a"]),
                   node("TfIdfVectorizer", "x", "t", mode="TFIDF", min_gram_length=1, max_gram_length=2,
                        max_skip_count=1, ngram_counts=[0, 2], ngram_indexes=[1, 0, 2], weights=[2.0, 1.0, 3.0],
                        pool_strings=["a", "b", "a", "b"]), node("Add", "p p", "q")],
         {"x": tensor_type([4], T.STRING), "p": tensor_type([2])},
         {"y": tensor_type(None), "z": tensor_type(None), "t": tensor_type(None), "q": tensor_type([2])}, domains=ml)
    onnx.save_tensor(strings("x", ["b", "a", "q", "b"]), "x.pb")
    # Bigrams a b: (1, 3) with one element between; unigrams: a once, b twice.
    expected = {"y": np.array([2.5, 0.5, -1, 2.5], np.float32),
                "z": np.array([[1, 0], [0, 1], [0, 0], [1, 0]], np.float32),
                "t": np.array([2, 2, 3], np.float32)}
    np.save("p.npy", np.ones(2, np.float32))
    same("a fixed input of strings", outputs_of("label.onnx", "--fix", "x=x.pb", "--input", "p=p.npy"),
         {**expected, "q": np.full(2, 2, np.float32)})
    check("an input of strings", nacre("run", "label.onnx", "--input", "p=p.npy")[::2],
          (2, ["input 'x' (string [4]) is not given, use --input x=FILE or x=random"]))
    onnx.save_tensor(strings("x", ["b"]), "short.pb")
    check("strings of another shape", nacre("run", "label.onnx", "--fix", "x=short.pb", "--input", "p=p.npy")[::2],
          (3, ["input 'x': data has shape [1], model needs [4]"]))
    onnx.save_tensor(numpy_helper.from_array(np.ones(4, np.float32)), "floats.pb")
    check("numbers for strings", nacre("run", "label.onnx", "--fix", "x=floats.pb", "--input", "p=p.npy")[::2],
          (3, ["floats.pb: is not a tensor of strings"]))
    check("strings of no file", nacre("run", "label.onnx", "--fix", "x=none.pb", "--input", "p=p.npy")[::2],
          (3, ["none.pb: cannot read: No such file or directory"]))
    check("inspect", json.loads(nacre("inspect", "label.onnx", "--json")[1])["inputs"][0],
          {"name": "x", "dtype": "string", "shape": "[4]"})
    save("mapper", [node("CategoryMapper", "x", "y", domain="ai.onnx.ml", cats_strings=["a", "b"], cats_int64s=[7, 9]),
                    node("CategoryMapper", "y", "z", domain="ai.onnx.ml", cats_strings=["a", "b"], cats_int64s=[7, 9],
                         default_string="?"), node("Equal", "z wanted", "same")], {},
         {"y": tensor_type(None, T.INT64), "same": tensor_type(None, T.BOOL)},
         [strings("x", ["b", "c", "a"]), strings("wanted", ["b", "?", "a"])], domains=[("ai.onnx.ml", 1)])
    same("CategoryMapper", outputs_of("mapper.onnx"), {"y": np.array([9, -1, 7]), "same": np.ones(3, bool)})


def counts():
    """TfIdfVectorizer in its three modes, against ONNX Runtime."""
    x = random.integers(0, 4, (3, 9))
    for mode in ("TF", "IDF", "TFIDF"):
        model = save("tfidf", [node("TfIdfVectorizer", "x", "y", mode=mode, min_gram_length=1, max_gram_length=3,
                                    max_skip_count=2, ngram_counts=[0, 2, 6], ngram_indexes=[3, 1, 0, 2, 4],
                                    pool_int64s=[1, 2, 0, 1, 3, 3, 1, 2, 3], weights=[0.5, 2.0, 3.0, 4.0, 5.0])],
                     {"x": tensor_type([3, 9], T.INT64)}, {"y": tensor_type(None)}, opset=9)
        np.save("x.npy", x)
        expected = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"x": x})[0]
        check(f"TfIdfVectorizer {mode} counts something", bool(expected.any()), True)
        same(f"TfIdfVectorizer {mode}", outputs_of("tfidf.onnx", "--input", "x=x.npy"), {"y": expected})


def training():
    """Dropout that drops, and gradients."""
    x = np.ones((100, 100), np.float32)
    np.save("x.npy", x)
    known = [numpy_helper.from_array(np.float32(0.25), "r"), numpy_helper.from_array(np.array(True), "t")]
    save("drop", [node("Dropout", "x r t", "a m", seed=1), node("Dropout", "x r t", "b", seed=1),
                  node("Dropout", "x r t", "c", seed=2)], {"x": tensor_type([100, 100])},
         {"a": tensor_type(None), "m": tensor_type(None, T.BOOL), "b": tensor_type(None), "c": tensor_type(None)}, known)
    got = outputs_of("drop.onnx", "--input", "x=x.npy")
    a, m = got["a"], got["m"]
    check("Dropout", {"keeps its share": abs(m.mean() - 0.75) < 0.02, "scales": np.allclose(a, m / 0.75),
                      "one seed": np.array_equal(a, got["b"]), "two seeds": not np.array_equal(a, got["c"])},
          {"keeps its share": True, "scales": True, "one seed": True, "two seeds": True})
    check("Dropout in a training", nacre("compile", "drop.onnx", "--train", "--loss", "cross_entropy", "-o", "made")[::2],
          (3, [f"drop.onnx: node 'Dropout_{i}' (Dropout, opset 20): would drop the same elements in every step of a "
               "training" for i in range(3)]))
    save("gradient", [node("MatMul", "x w", "h"), node("Tanh", "h", "t"), node("ReduceSum", "t", "y", keepdims=0),
                      node("Gradient", "w x", "dw dx", domain="ai.onnx.preview.training", xs=["w", "x"], y="y")],
         {"x": tensor_type([2, 3])}, {"dw": tensor_type(None), "dx": tensor_type(None)},
         [numpy_helper.from_array(floats(3, 4), "w")], domains=[("ai.onnx.preview.training", 1)])
    w = numpy_helper.to_array(onnx.load("gradient.onnx").graph.initializer[0])
    x = floats(2, 3)
    np.save("x.npy", x)
    dh = 1 - np.tanh(x @ w) ** 2
    same("Gradient", outputs_of("gradient.onnx", "--input", "x=x.npy"), {"dw": x.T @ dh, "dx": dh @ w.T})


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    for group in (binding, optionals, flow, texts, counts, training):
        group()
    os.chdir("/")
print(f"{failures} failures")
sys.exit(1 if failures else 0)
