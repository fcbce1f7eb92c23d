#!/usr/bin/env python3
"""When sums of --fast-sums begin, through a plug-in that says what is asked of it. Needs no MPI.

    ranks_overlap.py NACRE PLUGIN PLUGIN_OF_ANOTHER_VERSION
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import zipfile

NACRE, LOG, WRONG = map(os.path.abspath, sys.argv[1:])
failures = []
# Two layers of a megabyte and more: their gradients are final one after the other, the later layer's first.
MODEL = """model two(x: f32[N, 600]) -> f32[N, 10] {
  x |> linear(600) |> relu |> linear(600) |> relu |> linear(10)
}
train {
  data x: f32[N, 600], label: i64[N]
  y = two(x)
  loss cross_entropy(y, label)
  optimizer sgd(lr = 0.1)
}
"""


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def train(plugin, *more):
    done = subprocess.run([NACRE, "train", "two.ngl", "--data", "data.npz", "--batch", "2", "--steps", "1", "--ranks",
                           plugin, *more], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.splitlines()


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        pathlib.Path("two.ngl").write_text(MODEL)
        with zipfile.ZipFile("data.npz", "w") as archive:
            for name, descr, shape, data in (("x", "<f4", (8, 600), struct.pack("<4800f", *[0.5] * 4800)),
                                             ("label", "<i8", (8,), struct.pack("<8q", *range(8)))):
                header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
                header += " " * ((-len(header) - 11) % 64) + "\n"
                archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) +
                                 header.encode() + data)
        for micro in ("1", "4"):
            code, lines = train(LOG, "--fast-sums", "--micro-batches", micro)
            check(f"exit code\n{lines}", code, 0)
            calls = [line for line in lines if line.split()[0] in ("begin", "kernel", "wait", "close")]
            sums = [line for line in calls if line != "kernel"]
            check("calls", sums[:2] + sums[-1:], ["begin 0 of a megabyte", "begin 1 of a megabyte", "close"])
            begins = sum(line.startswith("begin") for line in sums)
            check("each is waited for, at the end", sums[begins:-1], [f"wait {n}" for n in range(begins)])
            first, second = calls.index(sums[0]), calls.index(sums[1])
            check("a kernel before the first sum", "kernel" in calls[:first], True)
            check("a kernel between the sums", "kernel" in calls[first:second], True)
            # The bell rings in the last micro-batch only: no kernel is counted more than once.
            check(f"kernels with {micro} micro-batches", calls.count("kernel"), train.kernels
                  if hasattr(train, "kernels") else calls.count("kernel"))
            train.kernels = calls.count("kernel")
        code, lines = train(LOG)
        check("in one order nothing is in flight", [line for line in lines if line.split()[0] in ("kernel", "begin", "wait")], [])
        code, lines = train(WRONG)
        check("another version", (code, lines), (2, [f"error: --ranks: {WRONG}: is of version 99, this program needs 1"]))
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
