#!/usr/bin/env python3
"""The commands of docs/tutorial/train-text.md, and what they must give.

    train_text.py NACRE SOURCE_FOLDER
"""
import csv
import pathlib
import re
import subprocess
import sys

from tutorial_page import Page

MODEL = "models/char_transformer/"


def write(*words):
    return subprocess.run(["out/write", *words], capture_output=True, text=True, check=True).stdout


def main():
    with Page(sys.argv[1], sys.argv[2], "train-text.md") as page:
        page.shows("the train block", r"(    train \{\n.*?    \}\n)", MODEL + "char_transformer.ngl")
        page.shows("the page's C", r"```c\n(.*?)```", MODEL + "write.c")
        page.run()
        with open("out/log.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        losses = {row["step"]: float(row["loss"]) for row in rows if row["set"] == "valid"}
        print(f"held-out losses {losses}")
        page.check("evaluations", list(losses), ["130", "260"])
        # By frequency after the character before: 2.292. Far less would be a model that sees what it predicts.
        page.check(f"the loss of the held-out chapters, {losses['260']}", 1.9 < losses["260"] < 2.2, True)
        page.check("nearly ln 128 at first", abs(float(rows[0]["loss"]) - 4.852) < 0.3, True)
        genesis = pathlib.Path(MODEL + "genesis.txt").read_text()
        written = write("And God said", "1000", "0.7", "1")
        page.check("what it begins with, and its length", (written[:12], len(written)), ("And God said", 1013))
        page.check("characters that the text does not have", set(written) - set(genesis), set())
        words = [word for word in re.findall(r"[a-z]+", written) if len(word) < 4]
        known = sum(word in set(re.findall(r"[a-z]+", genesis)) for word in words) / len(words)
        print(f"{known:.2f} of the short words are some of Genesis")
        page.check("short words", len(words) > 50 and known > 0.6, True)
        # The same seed, the same text; another one, another text. No draw at temperature 0.
        page.check("seed 1 again", write("And God said", "1000", "0.7", "1") == written, True)
        page.check("seed 2", write("And God said", "1000", "0.7", "2") == written, False)
        page.check("temperature 0", write("In", "80", "0", "1") == write("In", "80", "0", "2"), True)
    return page.end()


if __name__ == "__main__":
    sys.exit(main())
