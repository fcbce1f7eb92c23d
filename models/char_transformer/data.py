#!/usr/bin/env python3
"""Makes examples for char_transformer.ngl from a text.

    data.py FOLDER [TEXT]

writes FOLDER/train.npz and FOLDER/valid.npz, and says what a model that knows nothing, or only how frequent each
character is, would have as its loss. Without TEXT it is the King James Bible of Debian's packages bible-kjv and
bible-kjv-text, which are downloaded with apt-get into a temporary folder, not installed; the text is written to
FOLDER/kjv.txt as well. Needs nothing but Python.

A text is chapters with an empty line between them. Every twentieth chapter is held out, from the tenth on: chapters
of all books and no sentence of both sets. Each set is cut into pieces of 64 characters; `tokens` u8[N,64] are a
piece's characters and `label` u8[N,64] those that come after each. Characters are ASCII codes, others become '?'.
"""
import collections
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

CONTEXT = 64
FIRST_HELD_OUT, HELD_OUT_EVERY = 10, 20


def king_james():
    """The text from Debian's packages: a verse a line, an empty line between chapters."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        subprocess.run(["apt-get", "-qq", "download", "bible-kjv", "bible-kjv-text"], cwd=folder, check=True,
                       stderr=subprocess.DEVNULL)
        for package in pathlib.Path(folder).glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], check=True)
        printed = subprocess.run(["usr/bin/bible", "-d", "usr/lib/bible.data", "ge1:1-rev22:21"], cwd=folder,
                                 check=True, capture_output=True, text=True).stdout
    # A heading after each empty line, verses with their numbers, lines of 80 characters.
    chapters = []
    lines = iter(printed.splitlines())
    for line in lines:
        if not line:
            if re.fullmatch(r"[\w ]+ \d+", next(lines, "")):
                chapters.append([])
                next(lines)
        elif verse := re.fullmatch(r" {0,2}\d+ (.*)", line):
            chapters[-1].append(verse[1])
        else:
            chapters[-1][-1] += " " + line
    return "\n\n".join("\n".join(verses) for verses in chapters) + "\n"


def npy(values, length):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({len(values) // length}, {length}), }}"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values


def write(path, text):
    codes = text.encode("ascii", "replace")
    end = (len(codes) - 1) // CONTEXT * CONTEXT
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in (("tokens", codes[:end]), ("label", codes[1:end + 1])):
            # A date of its own would change the bytes of the file from run to run.
            archive.writestr(zipfile.ZipInfo(name + ".npy"), npy(values, CONTEXT), zipfile.ZIP_DEFLATED)
    return end // CONTEXT


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: data.py FOLDER [TEXT]")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) == 3:
        text = pathlib.Path(sys.argv[2]).read_text()
    else:
        text = king_james()
        (folder / "kjv.txt").write_text(text)
    chapters = text.split("\n\n")
    held_out = [i % HELD_OUT_EVERY == FIRST_HELD_OUT - 1 for i in range(len(chapters))]
    train, valid = ("\n\n".join(chapter for chapter, out in zip(chapters, held_out) if out == wanted)
                    for wanted in (False, True))
    for name, part in (("train", train), ("valid", valid)):
        print(f"{name}.npz: {write(folder / f'{name}.npz', part)} pieces of {CONTEXT} characters")
    # What a character of the held-out text costs, in nats.
    seen = collections.Counter(train)
    pairs = collections.Counter(zip(train, train[1:]))
    kinds = len(seen)
    single = [math.log((seen[c] + 1) / (len(train) + kinds)) for c in valid]
    double = [math.log((pairs[a, b] + 1) / (seen[a] + kinds)) for a, b in zip(valid, valid[1:])]
    print(f"{len(chapters)} chapters, {len(text)} characters, {kinds} different ones")
    print(f"loss of the held-out text: any character alike {math.log(kinds):.3f}, by frequency "
          f"{-sum(single) / len(single):.3f}, by frequency after the one before {-sum(double) / len(double):.3f}")


if __name__ == "__main__":
    main()
