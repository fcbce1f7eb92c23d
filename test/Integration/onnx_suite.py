#!/usr/bin/env python3
"""Runs the backend tests of the onnx package with compiled code.

    onnx_suite.py NACRE [--full | --match PATTERN] [options]

Every case is a model with inputs and the outputs ONNX says it has. `nacre verify` compiles the model, runs it and
compares by the rule of onnx's own runner: rtol 1e-3, atol 1e-7, or what the case's data.json says; integers to the
last bit. A case ends as

    pass      the outputs agree
    wrong     they do not
    blocked   nacre says in a diagnostic that it does not support the model (exit code 3), counted by reason
    error     anything else: a crash, a time-out, a limit, a complaint about the data

Wrong and error fail the test, and so does another number of passes than what is written here: a case that stops being
supported must not go unnoticed.

--target runs them on opencl or wgsl (devices.py says where), or by the reference interpreter, with nothing compiled.

A change makes more cases usable, and its passes are reported apart. `baked`: the model wants a compile-time constant
where the case has an input (the shape of a Reshape), so the inputs after the first, or if that does not do, all of
them, become initialisers. So do strings where an op makes others of them; an output of strings then becomes an Equal
with the expected ones.

With --bounded every extent of an input above 1 becomes a dim of its own, the same for extents that are the same, with a
bound of two more than the case has, and one program must serve: `all dims`. Where that is blocked, one dim after the
other is tried alone: `one dim`. Models whose inputs have none such are left out.

Cases with the numbers of one random generator, which ONNX leaves open, are left out.

--record TABLE keeps what a run says of each op (suite_record.py), for docs/onnx-coverage.md.

Without --full every fourth case is run and all of the ops with the most code behind them.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import devices
import numpy as np
import onnx
import suite_record

# The passes by target, as they are and changed: of all cases, and of the quick ones.
FULL_PASSES = {
    "cpu": {"as it is": 1713, "baked": 173},
    "interpreter": {"as it is": 1713, "baked": 173},
    "opencl": {"as it is": 1574, "baked": 302},
    "wgsl": {"as it is": 1569, "baked": 302},
}
QUICK_PASSES = {
    "cpu": {"as it is": 587, "baked": 79},
    "interpreter": {"as it is": 587, "baked": 79},
}
BOUNDED_PASSES = {"all dims": 931, "one dim": 318}  # the fewest, of cpu with --full
# What has to be wrong, as it needs what a target has not: WGSL computes f64 in f32.
WRONG = {"wgsl": {"test_operator_add_broadcast", "test_operator_add_size1_broadcast",
                  "test_operator_add_size1_right_broadcast", "test_operator_add_size1_singleton_broadcast",
                  "test_operator_addconstant"}}
# What selects a target on the command line.
TARGETS = {"cpu": [], "opencl": ["--target", "opencl"], "wgsl": ["--target", "wgsl"], "interpreter": ["--interpret"]}
SKIPPED = 77

DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"
KINDS = ["node", "pytorch-converted", "pytorch-operator", "simple"]
RANDOM = re.compile("^test_bernoulli|^test_training_dropout(_default)?(_mask)?$")
ALWAYS = re.compile("Conv|Pool|Resize|Quantize|Upsample|Loop|Scan|LSTM|GRU|RNN")
TIMEOUT = 60  # seconds for one case

Result = collections.namedtuple("Result", "status change reason errors seconds")


def cases():
    """Folders of all cases, in an order that does not change."""
    return [model.parent for kind in KINDS for model in sorted((DATA / kind).glob("*/model.onnx"))]


def is_quick(index, folder):
    if index % 4 == 0:
        return True
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    return any(ALWAYS.search(node.op_type) for node in model.graph.node)


def tolerances(folder):
    file = folder / "data.json"
    given = json.loads(file.read_text()) if file.exists() else {}
    return given.get("rtol", 1e-3), given.get("atol", 1e-7)


def bake(model, data, keep, scratch):
    """Writes the model with its inputs from `keep` on as initialisers, and the folder of data that fits it."""
    inputs = list(model.graph.input)
    initialised = {i.name for i in model.graph.initializer}
    del model.graph.input[:]
    left = pathlib.Path(scratch, "data")
    left.mkdir()
    position = kept = 0
    for value in inputs:
        if value.name in initialised:
            model.graph.input.append(value)
            continue
        source = data / f"input_{position}.pb"
        position += 1
        if position <= keep or not value.type.HasField("tensor_type"):
            model.graph.input.append(value)
            (left / f"input_{kept}.pb").symlink_to(source)
            kept += 1
        elif source.exists():
            tensor = onnx.load_tensor(source)
            tensor.name = value.name
            model.graph.initializer.append(tensor)
    outputs = list(model.graph.output)
    del model.graph.output[:]
    for i, value in enumerate(outputs):
        source = data / f"output_{i}.pb"
        if value.type.tensor_type.elem_type == onnx.TensorProto.STRING:
            compare_strings(model, value.name, onnx.load_tensor(source), left)
        else:
            (left / f"output_{len(model.graph.output)}.pb").symlink_to(source)
            model.graph.output.append(value)
    path = pathlib.Path(scratch, "model.onnx")
    onnx.save(model, path)
    return path, left


def compare_strings(model, name, expected, folder):
    """In place of an output of strings, which no program has: whether each is the expected one, and the shape."""
    expected.name = name + "_expected"
    nodes = [onnx.helper.make_node("Equal", [name, expected.name], [name + "_equal"]),
             onnx.helper.make_node("Shape", [name], [name + "_shape"])]
    values = [np.ones(expected.dims, bool), np.array(expected.dims, np.int64)]
    model.graph.initializer.append(expected)
    for node, value in zip(nodes, values):
        tensor = onnx.numpy_helper.from_array(value, node.output[0])
        onnx.save_tensor(tensor, folder / f"output_{len(model.graph.output)}.pb")
        model.graph.node.append(node)
        model.graph.output.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))


def open_inputs(model):
    """The extents above 1 of inputs that are tensors."""
    initialised = {i.name for i in model.graph.initializer}
    return sorted({dim.dim_value for value in model.graph.input if value.name not in initialised
                   for dim in value.type.tensor_type.shape.dim if dim.dim_value > 1})


def with_dims(model, extents, path):
    """Writes the model with dims in place of these extents."""
    initialised = {i.name for i in model.graph.initializer}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for value in copy.graph.input:
        for dim in value.type.tensor_type.shape.dim:
            if value.name not in initialised and dim.dim_value in extents:
                dim.dim_param = f"d{dim.dim_value}"
    onnx.save(copy, path)
    return [word for e in extents for word in ("--dim", f"d{e}=1..{e + 2}")]


class Suite:
    def __init__(self, arguments, environment):
        self.nacre = os.path.abspath(arguments.nacre)
        self.environment = environment
        self.options = TARGETS[arguments.target] + arguments.options
        self.bake = arguments.bake
        self.bounded = arguments.bounded

    def verify(self, model, data, rtol, atol, more=()):
        """Status and reason of one run, and the error of each float output, (dtype, units in the last place)."""
        words = [self.nacre, "verify", model, "--json", "--rtol", repr(rtol), "--atol", repr(atol), *self.options,
                 *more]
        for folder in data:
            words += ["--data", folder]
        try:
            done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=TIMEOUT,
                                  env=self.environment)
        except subprocess.TimeoutExpired:
            return "error", f"no end after {TIMEOUT} s", []
        errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        if done.returncode == 3 and errors and all(e.startswith(("model.onnx: ", "model: ")) for e in errors):
            return "blocked", errors[0].removeprefix("model.onnx: "), []
        if done.returncode not in (0, 4):
            return "error", f"exit code {done.returncode}: {' | '.join(errors) or done.stderr[-300:]}", []
        wrong, units = [], []
        for tensor in [o for s in json.loads(done.stdout)["sets"] for o in s["outputs"]]:
            # nacre verify allows a step of one in 8-bit integers, ONNX does not.
            step = tensor["dtype"] in ("i8", "u8") and tensor["max_abs_error"] != 0
            if step or not tensor["ok"]:
                wrong.append(f"'{tensor['name']}' {tensor['dtype']} {tensor['shape']}: " + tensor.get(
                    "reason", f"{tensor['wrong']} wrong, max abs err {tensor['max_abs_error']}"))
            units.append((tensor["dtype"], float(tensor["max_ulp_error"])))
        return ("wrong", "; ".join(wrong), units) if wrong else ("pass", "", units)

    def run_bounded(self, folder):
        start = time.monotonic()
        sets = sorted(folder.glob("test_data_set_*"))
        rtol, atol = tolerances(folder)
        model = onnx.load(folder / "model.onnx", load_external_data=False)
        extents = open_inputs(model)
        change = "all dims"
        with tempfile.TemporaryDirectory() as scratch:
            path = pathlib.Path(scratch, "model.onnx")
            status, reason, errors = self.verify(path, sets, rtol, atol, with_dims(model, extents, path))
            for extent in extents if status == "blocked" and len(extents) > 1 else ():
                status, other, errors = self.verify(path, sets, rtol, atol, with_dims(model, [extent], path))
                if status != "blocked":
                    change, reason = "one dim", other
                    break
        return Result(status, change, reason, errors, time.monotonic() - start)

    def run(self, folder):
        if self.bounded:
            return self.run_bounded(folder)
        start = time.monotonic()
        sets = sorted(folder.glob("test_data_set_*"))
        rtol, atol = tolerances(folder)
        change = "as it is"
        with tempfile.TemporaryDirectory() as scratch:
            path = folder / "model.onnx"
            status, reason, errors = self.verify(path, sets, rtol, atol)
            model = onnx.load(path, load_external_data=False)
            constant = re.search("needs a constant|need --target cpu|strings of the run", reason)
            if self.bake and status == "blocked" and constant and len(sets) == 1:
                for keep in (1, 0):
                    with tempfile.TemporaryDirectory(dir=scratch) as inner:
                        copy = onnx.ModelProto()
                        copy.CopyFrom(model)
                        path, data = bake(copy, sets[0], keep, inner)
                        status, reason, errors = self.verify(path, [data], rtol, atol)
                    if status != "blocked":
                        change = "baked"
                        break
        return Result(status, change, reason, errors, time.monotonic() - start)


def blocker(reason):
    """What a diagnostic is about, without the names of one model."""
    match = re.match(r"node '[^']*' \(([^,)]*)[^)]*\): (.*)", reason)
    op, text = match.groups() if match else ("", re.sub(r"^(input|tensor|output) '[^']*'", r"\1", reason))
    if text == f"E_OP: {op} is not supported":
        return text
    if text.startswith("E_DTYPE: "):
        return "E_DTYPE: " + text.split(": ")[-1]
    text = re.sub(r"'[^']*' \(|\[[-\d,]*\]", lambda m: m.group() if m.group()[0] == "'" else "[..]", text)
    return f"{op}: {text}" if op else text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nacre", metavar="NACRE")
    parser.add_argument("--full", action="store_true", help="all cases, not a quarter of them")
    parser.add_argument("--match", help="only the cases whose name has this regular expression; no least number")
    parser.add_argument("--no-bake", dest="bake", action="store_false", help="leave inputs that must be constant")
    parser.add_argument("--bounded", action="store_true", help="with symbolic dims in place of extents")
    parser.add_argument("--target", choices=TARGETS, default="cpu", help="what runs the models (default: cpu)")
    parser.add_argument("--record", metavar="TABLE", help="with --full: keep what was seen of each op there")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time (default: 2)")
    parser.add_argument("--list", type=pathlib.Path, metavar="FILE", help="write a line for every case")
    parser.add_argument("--options", default="", type=str.split, help="more options of nacre verify, as one word")
    arguments = parser.parse_args()
    if arguments.record and (not arguments.full or arguments.match or arguments.bounded):
        parser.error("--record needs --full, without --match and --bounded")
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(run_suite(arguments, scratch))


def expected_passes(arguments):
    """How many cases pass, by change; nothing where nobody has counted."""
    if arguments.match or arguments.options:
        return {}
    if arguments.bounded:
        return BOUNDED_PASSES if arguments.full and arguments.target == "cpu" else {}
    passes = (FULL_PASSES if arguments.full else QUICK_PASSES).get(arguments.target, {})
    return {change: number for change, number in passes.items() if arguments.bake or change != "baked"}


def run_suite(arguments, scratch):
    start = time.monotonic()
    environment, device = None, "the reference interpreter"
    if arguments.target != "interpreter":
        environment = devices.environment(scratch)
        reason, device = devices.missing(arguments.nacre, arguments.target, environment, scratch)
        if reason:
            print(f"SKIP {arguments.target}: {reason}")
            return SKIPPED
    chosen = [f for i, f in enumerate(cases()) if not RANDOM.search(f.name) and
              (re.search(arguments.match, f.name) if arguments.match else arguments.full or is_quick(i, f))]
    if arguments.bounded:
        chosen = [f for f in chosen if open_inputs(onnx.load(f / "model.onnx", load_external_data=False))]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(pool.map(Suite(arguments, environment).run, chosen))

    tally = collections.Counter(r.status for r in results)
    passes = collections.Counter(r.change for r in results if r.status == "pass")
    reasons = collections.Counter(blocker(r.reason) for r in results if r.status == "blocked")
    due = WRONG.get(arguments.target, set())
    good = True
    for folder, result in zip(chosen, results):
        bad = result.status in ("wrong", "error")
        good &= bad == (folder.name in due)
        if bad or folder.name in due:
            print(f"{result.status.upper()} {folder.parent.name}/{folder.name} ({result.change}): {result.reason}")
    print("blocked, by the first reason:")
    for reason, count in reasons.most_common():
        print(f"  {count:4} {reason}")
    print(f"{len(chosen)} cases in {time.monotonic() - start:.0f} s: "
          + ", ".join(f"{tally[s]} {s}" for s in ["pass", "wrong", "blocked", "error"])
          + "; passes: " + ", ".join(f"{number} {change}" for change, number in sorted(passes.items())))
    if arguments.list:
        arguments.list.write_text("".join(
            f"{r.status}\t{r.change}\t{r.seconds:.2f}\t{f.parent.name}/{f.name}\t{r.reason}\n"
            for f, r in zip(chosen, results)))

    if arguments.record:
        seen = [(onnx.load(f / "model.onnx", load_external_data=False), r.status == "pass", r.errors)
                for f, r in zip(chosen, results)]
        suite_record.Table(arguments.record).record(arguments.target, device, seen)
    for change, number in expected_passes(arguments).items():
        if passes[change] < number or (passes[change] > number and not arguments.bounded):
            print(f"FAIL: {passes[change]} cases pass {change}, expected {number}")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    main()
