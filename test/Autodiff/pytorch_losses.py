#!/usr/bin/env python3
"""Ten steps of five networks, against PyTorch, other numbers of threads and the target opencl.

    pytorch_losses.py NACRE pytorch|threads|opencl

pytorch: each loss is within 1e-5 of the one in pytorch_losses.json, which pytorch_models.py made, relative, in f32 and
in f64, and so is the loss of inference afterwards, which reads batch norm's running statistics.
threads: losses and parameters have the same bytes with 1, 2 and 4 threads.
opencl: losses are within 1e-4 of the cpu's. Exit code 77 where there is no device.
"""
import json
import os
import pathlib
import sys
import tempfile

import numpy as np

import training_cases as cases

NACRE = os.path.abspath(sys.argv[1])
HERE = pathlib.Path(__file__).resolve().parent
failures = []


def compare(what, got, expected, tolerance):
    errors = [abs(g - e) / abs(e) for g, e in zip(got, expected)]
    print(f"{what}: largest relative difference {max(errors):.1e}", flush=True)
    # Not max(errors) > tolerance: that is false for NaN.
    if len(got) != len(expected) or not all(error <= tolerance for error in errors):
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected}\n  got      {got}")


def put_data(name, folder):
    np.savez(pathlib.Path(folder, "data.npz"), **cases.data(name, cases.BATCHES[name]))


def train(name, folder, *words, env=None):
    return cases.train(NACRE, name, folder, cases.STEPS, cases.BATCHES[name], *words, env=env)


def pytorch():
    figures = json.loads((HERE / "pytorch_losses.json").read_text())
    for name in cases.BATCHES:
        with tempfile.TemporaryDirectory() as folder:
            put_data(name, folder)
            # Only batch norm is another function in inference.
            valid = ["--valid", "data.npz", "--eval-every", str(cases.STEPS)] if name == "resnet8" else []
            losses = train(name, folder, *valid)
        for kind in ("f32", "f64"):
            expected = figures[name][kind]
            compare(f"{name}, {kind}", losses, expected["losses"] + ([expected["after"]] if valid else []), 1e-5)


def threads():
    for name in ("lenet", "transformer"):
        results = set()
        for count in ("1", "2", "4"):
            with tempfile.TemporaryDirectory() as folder:
                put_data(name, folder)
                losses = train(name, folder, "--threads", count, "-o", "w.safetensors")
                results.add((*losses, pathlib.Path(folder, "w.safetensors").read_bytes()))
        print(f"{name}: {len(results)} results of 3 numbers of threads", flush=True)
        if len(results) != 1:
            failures.append(name)


def opencl():
    sys.path.insert(0, str(HERE.parent / "Integration"))
    import devices

    with tempfile.TemporaryDirectory() as scratch:
        env = devices.environment(scratch)
        reason, device = devices.missing(NACRE, "opencl", env, scratch)
        if reason:
            print(f"skipped: {reason}")
            sys.exit(77)
        print(f"on {device}")
        for name in ("lenet", "transformer"):
            with tempfile.TemporaryDirectory() as folder:
                put_data(name, folder)
                cpu = train(name, folder)
                compare(name, train(name, folder, "--target", "opencl", env=env), cpu, 1e-4)


def main():
    {"pytorch": pytorch, "threads": threads, "opencl": opencl}[sys.argv[2]]()
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
