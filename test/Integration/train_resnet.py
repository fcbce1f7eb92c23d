#!/usr/bin/env python3
"""A residual network with batch norms learns real pictures: models/digits_resnet8.ngl, on held-out scans.

    train_resnet.py NACRE SOURCE_FOLDER
"""
import csv
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

NACRE = os.path.abspath(sys.argv[1])
MODELS = pathlib.Path(sys.argv[2]).resolve() / "models"
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def ok(*words):
    done = subprocess.run([NACRE, *map(str, words)], capture_output=True, text=True, timeout=600)
    check(f"{words}\n{done.stderr}", done.returncode, 0)
    return done.stdout


def main():
    model, digits = MODELS / "digits_resnet8.ngl", MODELS / "digits"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        report = json.loads(ok("train", model, "--data", digits / "train.npz", "--valid", digits / "valid.npz", "--epochs",
                               "6", "--seed", "1", "--log", "log.csv", "-o", "w.safetensors", "--json"))
        accuracy = report["valid"]["accuracy"]
        print(f"held-out accuracy {accuracy:.4f}, {round(accuracy * 360)} of 360, after {report['steps']} steps, "
              f"{report['seconds']:.0f} s")
        check("at least 96% of the held-out scans", accuracy >= 0.96, True)
        with open("log.csv", newline="") as file:
            first = float(next(csv.DictReader(file))["loss"])
        check(f"near ln 10 at first: {first}", 2 < first < 3.5, True)
        # The scans of ten digits, with the running statistics of the batch norms.
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (10, 1, 8, 8), }".ljust(117) + "\n"
        pathlib.Path("ten.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"".join(
            (digits / "pictures" / f"{digit}.npy").read_bytes()[-256:] for digit in range(10)))
        ok("run", model, "--params", "w.safetensors", "--input", "picture=ten.npy", "--output-dir", "scores")
        scores = struct.unpack("<100f", pathlib.Path("scores/output_0.npy").read_bytes()[-400:])
        rows = [scores[i:i + 10] for i in range(0, 100, 10)]
        check("the ten pictures", [row.index(max(row)) for row in rows], list(range(10)))
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
