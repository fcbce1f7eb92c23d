#!/usr/bin/env python3
"""The commands of docs/tutorial/train-digits.md, and what they must give.

    train_digits.py NACRE SOURCE_FOLDER
"""
import csv
import pathlib
import re
import subprocess
import sys

from tutorial_page import Page


def main():
    with Page(sys.argv[1], sys.argv[2], "train-digits.md") as page:
        page.shows("the train block", r"(    train \{\n.*?    \}\n)", "models/digits/digits.ngl")
        source = re.search(r"`out/read.c`:\n\n```c\n(.*?)```", page.text, re.S).group(1)
        pathlib.Path("out/read.c").write_text(source)
        page.run()
        with open("out/log.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["set"] == "valid"]
        page.check("evaluations", len(rows), 40)
        accuracy = float(rows[-1]["accuracy"])
        print(f"held-out accuracy {accuracy:.4f}, {round(accuracy * 360)} of 360")
        page.check("at least 97% of the held-out scans", accuracy >= 0.97, True)
        # A whole number of scans: the last, shorter batch counts as it should.
        page.check("a number of scans", abs(accuracy * 360 - round(accuracy * 360)) < 1e-3, True)
        for digit in range(10):
            done = subprocess.run(["out/read", f"models/digits/pictures/{digit}.pgm"], capture_output=True, text=True)
            page.check(f"picture {digit}", done.stdout, f"{digit}\n")
        # The same bytes on any number of threads, and in two pieces.
        words = [page.nacre, "train", "models/digits/digits.ngl", "--data", "models/digits/train.npz", "-o",
                 "out/w.safetensors"]
        made = set()
        for more in (["--threads", "1"], ["--threads", "2"], ["--threads", "4"], ["--checkpoint", "out/c.safetensors"]):
            steps = ("40", "60") if "--checkpoint" in more else ("60",)
            for count in steps:
                done = subprocess.run([*words, *more, "--steps", count, *(["--resume"] if len(steps) == 2 else [])],
                                      capture_output=True, text=True)
                page.check(f"{more}\n{done.stderr}", done.returncode, 0)
            made.add(pathlib.Path("out/w.safetensors").read_bytes())
        page.check("the same bytes", len(made), 1)
    return page.end()


if __name__ == "__main__":
    sys.exit(main())
