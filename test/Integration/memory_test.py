#!/usr/bin/env python3
"""--memory-budget: less memory, the same numbers.

    memory_test.py NACRE MODELS

MODELS is the folder of the same name. Needs nothing but Python and the compiler.
"""
import json
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

NACRE = os.path.abspath(sys.argv[1])
MODELS = pathlib.Path(sys.argv[2]).resolve()
failures = []


def run(*words):
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=600)
    errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    return done.returncode, done.stdout, done.stderr, errors


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def ok(*words):
    code, stdout, stderr, _ = run(*words)
    check(f"exit code of {' '.join(words)}\n{stderr}", code, 0)
    return stdout, stderr


def npz(path, arrays):
    with zipfile.ZipFile(path, "w") as archive:
        for name, (descr, kind, shape, values) in arrays.items():
            header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
            header += " " * ((-len(header) - 11) % 64) + "\n"
            data = struct.pack(f"<{len(values)}{kind}", *values)
            archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


MEMORY = re.compile(
    r"nacre: memory of (\w+): (\d+\.\d) MiB of (\d+\.\d) MiB, (\d+) values recomputed, (\d+\.\d)% more arithmetic"
)


def megabytes(count):
    return f"{count / 2**20:.1f}"


def with_part(part, model, batch, data, most):
    """Trains with all and with a part of the memory; `most` is the most arithmetic that it may add, in percent."""
    words = ["train", str(MODELS / model), "--data", data, "--batch", str(batch), "--steps", "3", "--json"]
    report, said = ok(*words, "--log", "free.csv", "-o", "free.safetensors")
    check(f"{model}: nothing is said of memory without a budget", "memory" in said, False)
    model = pathlib.Path(model).stem
    needed = json.loads(report)["arena_bytes"]["step"]
    budget = int(needed * part)
    report, said = ok(*words, "--log", "tight.csv", "-o", "tight.safetensors", "--memory-budget", str(budget))
    bytes_ = json.loads(report)["arena_bytes"]["step"]
    check(f"{model}: {bytes_} bytes are within {budget}", bytes_ <= budget, True)
    for file in ("csv", "safetensors"):
        same = pathlib.Path(f"free.{file}").read_bytes() == pathlib.Path(f"tight.{file}").read_bytes()
        check(f"{model}: the same .{file}", same, True)
    line = MEMORY.search(said)
    check(f"{model}: what is said\n{said}", line is not None, True)
    if line:
        check(f"{model}: what is said", line.groups()[:3], (f"{model}_step", megabytes(bytes_), megabytes(needed)))
        check(f"{model}: values {line[4]}", int(line[4]) > 0, True)
        check(f"{model}: {line[5]}% more arithmetic", 0 < float(line[5]) <= most, True)


def planned(*words):
    """Bytes of the plan, which needs no code."""
    report, said = ok("inspect", *words, "--json")
    return json.loads(report)["arena_bytes"], said


def budgets():
    """The least that can be reached is said, and can be asked for."""
    ok("compile", "--train", str(MODELS / "resnet8.ngl"), "--emit", "step", "-o", "step.mlir")
    needed, _ = planned("step.mlir")
    code, _, _, errors = run("inspect", "step.mlir", "--memory-budget", "1K")
    least = re.fullmatch(r"--memory-budget: 'step' needs at least (\d+) bytes, not 1024", errors[0] if errors else "")
    check(f"too small a budget: {errors}", (code, len(errors), least is not None), (5, 1, True))
    if least:
        check("the least is less", int(least[1]) < needed, True)
        reached, _ = planned("step.mlir", "--memory-budget", least[1])
        check("the least is reached", reached <= int(least[1]), True)
        code, _, _, errors = run("inspect", "step.mlir", "--memory-budget", str(int(least[1]) - 1))
        expected = f"--memory-budget: 'step' needs at least {least[1]} bytes, not {int(least[1]) - 1}"
        check("one byte less", (code, errors), (5, [expected]))
    for text, count in (("24M", 24 << 20), ("0.02G", 21474836), ("25000K", 25000 << 10), ("25000000", 25000000)):
        reached, said = planned("step.mlir", "--memory-budget", text)
        check(f"{text} is {count} bytes: {reached}", count * 3 // 4 < reached <= count, True)
    reached, said = planned("step.mlir", "--memory-budget", "2.5G")
    line = f"nacre: memory of step: {megabytes(needed)} MiB, within the budget"
    check("a budget of more than is needed", (reached, line in said.splitlines()), (needed, True))
    ok("compile", "step.mlir", "--emit", "schedule", "-o", "planned.mlir")
    code, _, _, errors = run("bench", "planned.mlir", "--from", "schedule", "--memory-budget", "1G")
    expected = (2, ["--memory-budget: the memory of a text of phase 'schedule' is planned"])
    check("a planned text", (code, errors), expected)


def parts():
    """gradient and apply have the budget each; init and eval have none."""
    model = ["compile", "--train", str(MODELS / "digits" / "digits.ngl"), "--batch", "16"]
    words = [*model, "--micro-batches", "2", "--json", "-o", "parts.o"]
    programs = json.loads(ok(*words)[0])["programs"]
    needed = programs["gradient"]["arena_bytes"]
    report, said = ok(*words, "--memory-budget", str(needed - 1))
    check("which programs are told of", re.findall(r"memory of (\w+):", said), ["digits_gradient", "digits_apply"])
    tight = json.loads(report)["programs"]
    for part in ("gradient", "apply"):
        check(f"{part} is within the budget", tight[part]["arena_bytes"] < needed, True)
    for part in ("init", "eval"):
        check(f"{part} is as it was", tight[part]["arena_bytes"], programs[part]["arena_bytes"])
    # What is computed, by the interpreter.
    ok(*model, "--emit", "step", "-o", "small.mlir")
    needed, _ = planned("small.mlir")
    ok("verify", "small.mlir", "--memory-budget", str(needed * 4 // 5))


def wrong():
    for text in ("0", "-5", "12Q", "M", "1.5.2M", "1e9", "64m", "0.5", "9999999999G"):
        code, _, _, errors = run("inspect", "step.mlir", f"--memory-budget={text}")
        expected = f"--memory-budget: '{text}' is no size, such as 64M, 1.5G or 100000"
        check(f"--memory-budget={text}", (code, errors), (2, [expected]))


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    numbers = random.Random(3)
    pixels = [numbers.gauss(0, 1) for _ in range(32 * 3 * 32 * 32)]
    classes = [numbers.randrange(10) for _ in range(32)]
    npz("pictures.npz", {"x": ("<f4", "f", (32, 3, 32, 32), pixels), "label": ("<i8", "q", (32,), classes)})
    text = [numbers.randrange(128) for _ in range(8 * 65)]
    npz("text.npz", {"tokens": ("<i8", "q", (8, 64), text[:512]), "label": ("<i8", "q", (8, 64), text[1:513])})
    with_part(0.6, "../test/Autodiff/Inputs/transformer.ngl", 4, "text.npz", 15)
    with_part(0.7, "resnet8.ngl", 32, "pictures.npz", 15)
    budgets()
    parts()
    wrong()
    os.chdir("/")

print(f"memory_test: {len(failures)} failures" if failures else "memory_test: ok")
sys.exit(bool(failures))
