#!/usr/bin/env python3
"""nacre inspect --coverage: exact texts and exit codes.

    coverage.py NACRE
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

NACRE = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
failures = 0


def check(what, got, expected):
    global failures
    if got != expected:
        failures += 1
        print(f"FAIL {what}:\n  got      {got!r}\n  expected {expected!r}")


def nacre(*words):
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=120)
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return done.returncode, done.stdout, errors


def save(path, nodes, inputs, outputs, initializers=(), functions=(), opsets=None):
    def values(described):
        return [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in described]

    graph = helper.make_graph(nodes, "g", values(inputs), values(outputs), list(initializers))
    imports = [helper.make_opsetid(d, v) for d, v in (opsets or {"": 17}).items()]
    onnx.save(helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=8), path)


def many_blockers():
    """2,000 nodes of ops that nobody knows, among as many of one that is read."""
    unknown = [("Foo", ""), ("Bar", "com.example"), ("ImageDecoder", ""), ("Baz", "com.example")]
    nodes = []
    for i in range(2000):
        op, domain = unknown[i % 4]
        nodes += [helper.make_node("Relu", ["x"], [f"r{i}"], name=f"r{i}"),
                  helper.make_node(op, [f"r{i}"], [f"u{i}"], name=f"u{i}", domain=domain)]
    save("many.onnx", nodes, [("x", TensorProto.FLOAT, [2])], [("u0", TensorProto.FLOAT, None)],
         opsets={"": 17, "com.example": 1})

    def blockers(first, text):
        return "".join(f"  node 'u{i}' ({text.split('.')[-1]}): E_OP: {text} is not supported\n"
                       for i in range(first, 2000, 4))

    expected = """many.onnx: 4000 nodes: 2000 read, 2000 blocked, 0 not reached

domain       op            opset  reads  nodes  read  blocked  not reached  dtypes
ai.onnx      Foo           17     no     500    0     500      0
ai.onnx      ImageDecoder  17     no     500    0     500      0
ai.onnx      Relu          17     1-27   2000   2000  0        0            f32
com.example  Bar           1      no     500    0     500      0
com.example  Baz           1      no     500    0     500      0

blockers:
""" + (blockers(0, "Foo") + blockers(2, "ImageDecoder") + blockers(1, "com.example.Bar") +
       blockers(3, "com.example.Baz"))
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        got = nacre("inspect", "many.onnx", "--coverage")
        seconds.append(time.monotonic() - start)
        check("2,000 blockers", got, (0, expected, []))
    check("2,000 blockers: under a second", min(seconds) < 1, True)
    print(f"2,000 blockers of 4,000 nodes: {min(seconds):.2f} s")
    report = json.loads(nacre("inspect", "many.onnx", "--coverage", "--json")[1])
    check("2,000 blockers, JSON", (report["nodes"], report["read"], report["blocked"], report["not_reached"],
                                   sum(len(op["blockers"]) for op in report["ops"]), "targets" in report),
          (4000, 2000, 2000, 0, 2000, False))
    # compile says the same, each with its place in the model.
    code, _, errors = nacre("compile", "many.onnx")
    check("compile", (code, len(errors), errors[1]),
          (3, 2000, "error: many.onnx: node 'u1' (com.example.Bar, opset 1): E_OP: com.example.Bar is not supported"))


def all_ops():
    """The table without a model says what the page says."""
    page = (ROOT / "docs/onnx-ops.md").read_text()
    expected = []
    for row in re.findall(r"^\| (.*) \|$", page, re.M):
        cells = [cell.strip() for cell in f" {row} ".split("|")]
        if len(cells) == 5 and cells[0] != "op":
            expected.append({"domain": "ai.onnx", "op": cells[0], "opsets": cells[1], "open_dims": cells[3] == "yes",
                             "limits": cells[4]})
        elif len(cells) == 4 and cells[0] not in ("domain", "---"):
            expected.append({"domain": cells[0], "op": cells[1], "opsets": "any", "limits": cells[3]})
    code, text, errors = nacre("inspect", "--coverage", "--json")
    check("all ops", (code, errors), (0, []))
    ops = json.loads(text)["ops"]
    for op in ops:
        if op["domain"] != "ai.onnx":
            del op["open_dims"]  # the page has no such column there
    for got, wanted in zip(ops, sorted(expected, key=lambda op: (op["domain"] != "ai.onnx", op["domain"], op["op"]))):
        check("all ops", got, wanted)
    check("all ops, number", len(ops), len(expected))
    lines = nacre("inspect", "--coverage")[1].splitlines()
    check("all ops, text", (len(lines), lines[0].split("  ")[0], re.split("  +", lines[5])),
          (len(ops) + 1, "domain", ["ai.onnx", "AffineGrid", "20-27", "no", "size known at compile time"]))


def readable():
    """A model that is read: element types, a function of its own, a branch that is never taken, targets."""
    never = helper.make_graph([helper.make_node("Foo", ["x"], ["t"])], "never", [],
                              [helper.make_tensor_value_info("t", TensorProto.FLOAT, [2])])
    taken = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "taken", [],
                              [helper.make_tensor_value_info("e", TensorProto.FLOAT, [2])])
    twice = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                 [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("If", ["no"], ["y"], then_branch=never, else_branch=taken),
             helper.make_node("Twice", ["y"], ["z"], domain="local"), helper.make_node("Twice", ["z"], ["w"], domain="local"),
             helper.make_node("Cast", ["w"], ["i"], to=TensorProto.INT64)]
    save("readable.onnx", nodes, [("x", TensorProto.FLOAT, [2])], [("i", TensorProto.INT64, [2])],
         [helper.make_tensor("no", TensorProto.BOOL, [], [False])], [twice], {"": 17, "local": 1})
    check("readable", nacre("inspect", "readable.onnx", "--coverage"), (0, """readable.onnx: 7 nodes: 6 read, 0 blocked, 1 not reached

domain   op     opset  reads     nodes  read  blocked  not reached  dtypes
ai.onnx  Add    17     1-27      1      1     0        0            f32
ai.onnx  Cast   17     1-27      1      1     0        0            f32 i64
ai.onnx  Foo    17     no        1      0     0        1
ai.onnx  If     17     1-27      1      1     0        0            bool f32
ai.onnx  Neg    17     1-27      1      1     0        0            f32
local    Twice  1      function  2      2     0        0            f32

targets:
  cpu     yes
  opencl  yes
  wgsl    yes
""", []))


def refused():
    """Extents that the data decide, which only machine code has."""
    save("refused.onnx", [helper.make_node("NonZero", ["x"], ["y"], name="n")], [("x", TensorProto.FLOAT, [4])],
         [("y", TensorProto.INT64, [1, None])])
    report = json.loads(nacre("inspect", "refused.onnx", "--coverage", "--json")[1])
    reason = ["refused: extents that the run decides on more than a leading axis need --target cpu"]
    check("targets", report["targets"], [{"target": "cpu", "takes": True},
                                         {"target": "opencl", "takes": False, "reasons": reason},
                                         {"target": "wgsl", "takes": False, "reasons": reason}])
    check("ops", report["ops"], [{"domain": "ai.onnx", "op": "NonZero", "opset": 17, "reads": "9-27", "nodes": 1,
                                  "read": 1, "blocked": 0, "not_reached": 0, "dtypes": ["f32", "i64"],
                                  "open_dims": report["ops"][0]["open_dims"], "limits": report["ops"][0]["limits"],
                                  "blockers": []}])


def blocked():
    """An attribute that is wrong, what waits for it, and an op inside a body that no import comes to."""
    body = helper.make_graph([helper.make_node("Foo", ["c"], ["d"], name="inner"),
                              helper.make_node("Identity", ["k"], ["l"])], "body",
                             [helper.make_tensor_value_info("n", TensorProto.INT64, []),
                              helper.make_tensor_value_info("k", TensorProto.BOOL, []),
                              helper.make_tensor_value_info("c", TensorProto.FLOAT, [3])],
                             [helper.make_tensor_value_info("l", TensorProto.BOOL, []),
                              helper.make_tensor_value_info("d", TensorProto.FLOAT, [3])])
    nodes = [helper.make_node("Softmax", ["x"], ["s"], name="soft", axis=5),
             helper.make_node("Loop", ["times", "", "s"], ["y"], name="loop", body=body),
             helper.make_node("Relu", ["y"], ["z"], name="last")]
    save("blocked.onnx", nodes, [("x", TensorProto.FLOAT, [3])], [("z", TensorProto.FLOAT, [3])],
         [onnx.numpy_helper.from_array(np.array(2, np.int64), "times")])
    check("blocked", nacre("inspect", "blocked.onnx", "--coverage"), (0, """blocked.onnx: 5 nodes: 0 read, 2 blocked, 3 not reached

domain   op        opset  reads  nodes  read  blocked  not reached  dtypes
ai.onnx  Foo       17     no     1      0     1        0
ai.onnx  Identity  17     1-27   1      0     0        1
ai.onnx  Loop      17     1-27   1      0     0        1
ai.onnx  Relu      17     1-27   1      0     0        1
ai.onnx  Softmax   17     1-27   1      0     1        0

blockers:
  node 'inner' (Foo): E_OP: Foo is not supported
  node 'soft' (Softmax): E_ATTR: axis 5 is outside [-1,1)
""", []))
    save("open.onnx", [helper.make_node("Relu", ["x"], ["y"])], [("x", TensorProto.FLOAT, ["N"])],
         [("y", TensorProto.FLOAT, ["N"])])
    check("open dim", nacre("inspect", "open.onnx", "--coverage"), (0, """open.onnx: 1 node: 0 read, 0 blocked, 1 not reached

domain   op    opset  reads  nodes  read  blocked  not reached  dtypes
ai.onnx  Relu  17     1-27   1      0     0        1

blockers:
  input 'x' has open dim 'N'; bind it with --dim N=VALUE
""", []))


def mistakes():
    pathlib.Path("text.ngl").write_text("")
    pathlib.Path("broken.onnx").write_bytes(b"\xff")
    for words, code, text in [
            (["inspect"], 2, "MODEL is required"),
            (["inspect", "text.ngl", "--coverage"], 2, "--coverage: 'text.ngl' is no ONNX model (.onnx)"),
            (["inspect", "open.onnx", "--coverage", "--html", "a.html"], 2, "--html excludes --coverage"),
            (["inspect", "none.onnx", "--coverage"], 3, "none.onnx: cannot read: No such file or directory"),
            (["inspect", "broken.onnx", "--coverage"], 3, None)]:
        got_code, out, errors = nacre(*words)
        check(" ".join(words), (got_code, out), (code, ""))
        if text:
            check(" ".join(words), errors, ["error: " + text])


def interpreted():
    """--interpret gives what the model means, and says what it does not go with."""
    save("sum.onnx", [helper.make_node("Add", ["x", "x"], ["y"])], [("x", TensorProto.FLOAT, ["N"])],
         [("y", TensorProto.FLOAT, ["N"])])
    data = pathlib.Path("data")
    data.mkdir()
    for name, values in [("input_0", [1, 2, 3]), ("output_0", [2, 4, 7])]:
        np.save(data / f"{name}.npy", np.array(values, np.float32))
    check("run --interpret", nacre("run", "sum.onnx", "--data", "data", "--interpret"),
          (0, "y: f32 [3] = 2 4 6\n", []))
    check("run --interpret --json", nacre("run", "sum.onnx", "--data", "data", "--interpret", "--json")[1],
          json.dumps({"outputs": [{"name": "y", "dtype": "f32", "shape": [3]}]}, indent=2) + "\n")
    check("verify --interpret", nacre("verify", "sum.onnx", "--data", "data", "--interpret"),
          (4, "FAIL reference output 'y' f32 [3]: max abs err 1, max rel err 0.143, 1 of 3 wrong, first at 2: 6, "
              "expected 7\n", ["error: 1 of 1 comparisons differ"]))
    report = json.loads(nacre("verify", "sum.onnx", "--data", "data", "--interpret", "--json")[1])
    # The distance of neighbours in f32 between 4 and 8 is 2^-21.
    check("max_ulp_error", report["sets"][0]["outputs"][0]["max_ulp_error"], 2.0 ** 21)
    for words, text in [
            (["verify", "sum.onnx", "--interpret"],
             "--interpret: without --data there is nothing to compare the interpreter with"),
            (["run", "sum.onnx", "--interpret", "--target", "wgsl"], "--target excludes --interpret"),
            (["run", "sum.onnx", "--interpret", "--generate", "3"], "--interpret excludes --generate")]:
        check(" ".join(words), nacre(*words), (2, "", ["error: " + text]))


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for test in [many_blockers, all_ops, readable, refused, blocked, mistakes, interpreted]:
        test()
    os.chdir("/")
print("coverage:", f"{failures} failures" if failures else "ok")
sys.exit(1 if failures else 0)
