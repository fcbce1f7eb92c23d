#!/usr/bin/env python3
"""A long chain of elementwise operations is several kernels, and computes the same.

    long_chains.py NACRE
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

NACRE = os.path.abspath(sys.argv[1])
LONGEST = 256 + 1  # lib/Fuse/FormKernels.cpp: what is behind so many operations is stored
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def chain(operations):
    type_ = "tensor<3x5xf32>"
    lines = [f"  %v{i + 1} = lazy.tanh %v{i} : {type_}" for i in range(operations)]
    text = "\n".join(lines)
    return f"func.func @main(%v0: {type_}) -> {type_} {{\n{text}\n  return %v{operations} : {type_}\n}}\n"


def run(*words):
    done = subprocess.run([NACRE, *words, "--json"], capture_output=True, text=True)
    check(f"exit code of {words}\n{done.stderr}", done.returncode, 0)
    return json.loads(done.stdout)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for operations in (LONGEST, LONGEST + 1, 1000):
        name = f"chain{operations}.mlir"
        pathlib.Path(name).write_text(chain(operations))
        kernels = run("compile", name, "-o", "chain.o")["kernels"]
        check(f"operations of {operations} in a row", [k["computes"].count(" tanh") for k in kernels],
              [min(LONGEST, operations - at) for at in range(0, operations, LONGEST)])
    check("compiled and interpreted agree", run("verify", "chain1000.mlir")["ok"], True)
    os.chdir("/")

print(f"long_chains: {len(failures)} failures" if failures else "long_chains: ok")
sys.exit(bool(failures))
