#!/usr/bin/env python3
"""The commands of docs/tutorial/train-digits.md, and what they must give.

    train_digits.py NACRE SOURCE_FOLDER
"""
import csv
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

NACRE = os.path.abspath(sys.argv[1])
SOURCE = pathlib.Path(sys.argv[2]).resolve()
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def main():
    page = (SOURCE / "docs/tutorial/train-digits.md").read_text()
    model = (SOURCE / "models/digits/digits.ngl").read_text()
    shown = re.search(r"    train \{\n(.*?)    \}\n", page, re.S).group(0)
    check("the page's train block", "\n".join(line[4:] for line in shown.splitlines()) in model, True)
    source = re.search(r"`out/read.c`:\n\n```c\n(.*?)```", page, re.S).group(1)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for link, target in {"models": SOURCE / "models", "runtime": SOURCE / "runtime"}.items():
            os.symlink(target, link)
        os.makedirs("build/bin")
        os.symlink(NACRE, "build/bin/nacre")
        os.mkdir("out")
        pathlib.Path("out/read.c").write_text(source)
        # A command, and what the page says it prints.
        for command, printed in re.findall(r"^    \$ (.*)\n((?:    [^$].*\n)*)", page, re.M):
            start = time.monotonic()
            done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=600)
            check(f"{command}\n{done.stderr}", done.returncode, 0)
            if printed:
                check(command, done.stdout, "".join(line[4:] + "\n" for line in printed.splitlines()))
            print(f"{time.monotonic() - start:.1f} s: {command}")
        with open("out/log.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["set"] == "valid"]
        check("evaluations", len(rows), 40)
        accuracy = float(rows[-1]["accuracy"])
        print(f"held-out accuracy {accuracy:.4f}, {round(accuracy * 360)} of 360")
        check("at least 97% of the held-out scans", accuracy >= 0.97, True)
        # A whole number of scans: the last, shorter batch counts as it should.
        check("a number of scans", abs(accuracy * 360 - round(accuracy * 360)) < 1e-3, True)
        for digit in range(10):
            done = subprocess.run(["out/read", f"models/digits/pictures/{digit}.pgm"], capture_output=True, text=True)
            check(f"picture {digit}", done.stdout, f"{digit}\n")
        # The same bytes on any number of threads, and in two pieces.
        words = [NACRE, "train", "models/digits/digits.ngl", "--data", "models/digits/train.npz", "-o", "out/w.safetensors"]
        made = set()
        for more in (["--threads", "1"], ["--threads", "2"], ["--threads", "4"], ["--checkpoint", "out/c.safetensors"]):
            steps = ("40", "60") if "--checkpoint" in more else ("60",)
            for count in steps:
                done = subprocess.run([*words, *more, "--steps", count, *(["--resume"] if len(steps) == 2 else [])],
                                      capture_output=True, text=True)
                check(f"{more}\n{done.stderr}", done.returncode, 0)
            made.add(pathlib.Path("out/w.safetensors").read_bytes())
        check("the same bytes", len(made), 1)
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
