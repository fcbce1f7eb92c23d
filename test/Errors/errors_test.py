#!/usr/bin/env python3
"""What nacre says of wrong models and wrong data, to the letter.

    errors_test.py NACRE

expected.txt has the models of models/ and for each its exit code and messages, a line a message. expected_data.txt
has what `nacre run` and the executable of `nacre build` say of wrong data. Attacks by paths need links and pipes, and
models beside them: those are made here. Needs nothing but Python and the compiler.
"""
import collections
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NACRE = os.path.abspath(sys.argv[1])
failures = 0


def run(*words):
    """Exit code, error lines without their prefix, seconds."""
    start = time.monotonic()
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", timeout=60)
    except subprocess.TimeoutExpired:
        return None, ["no end after 60 s"], 60
    # A built executable begins its lines with its own name.
    lines = [line.removeprefix("./control: ") for line in done.stderr.splitlines()]
    said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    # A line that is neither an error nor the line of defaults must not hide.
    said += [f"stderr has {line!r}" for line in lines if not line.startswith(("error: ", "nacre: "))]
    return done.returncode, said, time.monotonic() - start


def check(what, got, code, messages):
    global failures
    if (got[0], got[1]) != (code, messages):
        failures += 1
        print(f"FAIL {what}\n  expected {code} {messages}\n  got      {got[0]} {got[1]}")


def kept_models():
    expected = collections.defaultdict(lambda: [0, []])
    for line in (HERE / "expected.txt").read_text().splitlines():
        file, code, message = line.split("\t")
        expected[file][0] = int(code)
        if message:
            expected[file][1].append(message)
    present = {path.name for path in (HERE / "models").glob("*.onnx")}
    check("expected.txt", (0, sorted(present ^ set(expected))), 0, [])
    for file, (code, messages) in expected.items():
        got = run(NACRE, "compile", HERE / "models" / file, "-o", "made")
        check(file, got, code, messages)
    laughs = HERE / "models" / "function_laughs.onnx"
    check("--max-nodes", run(NACRE, "compile", laughs, "-o", "made", "--max-nodes", "50"), 3,
          ["function_laughs.onnx: E_LIMIT: inlining makes more than 50 nodes (--max-nodes)"])


# -- External data ---------------------------------------------------------


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A protobuf field: a number, or bytes or text with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def model(location):
    """y = x + w, four floats each, where w is in a file."""
    entry = field(1, "location") + field(2, location)
    weight = field(1, 4) + field(2, 1) + field(8, "w") + field(13, entry) + field(14, 1)
    shape = field(1, field(1, 4))
    floats = field(2, field(1, field(1, 1) + field(2, shape)))
    node = field(1, "x") + field(1, "w") + field(2, "y") + field(4, "Add")
    graph = field(1, node) + field(2, "g") + field(5, weight) + field(11, field(1, "x") + floats)
    graph += field(12, field(1, "y") + floats)
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))


def attack(location, *messages):
    """Compiles a model whose weight is at `location`, within one second."""
    path = pathlib.Path("models/m.onnx")
    path.write_bytes(model(location))
    got = run(NACRE, "compile", path, "-o", "made")
    if got[2] >= 1:  # once more, should the machine be busy
        got = run(NACRE, "compile", path, "-o", "made")
    check(f"external data at {location!r}", got, 3 if messages else 0,
          [f"m.onnx: E_PATH: external data of 'w': {message}" for message in messages])
    check(f"external data at {location!r}: seconds", (int(got[2]), []), 0, [])


def paths():
    weights = struct.pack("<4f", 1, 2, 3, 4)
    here = pathlib.Path("models")
    for folder in [here / "sub", pathlib.Path("outside")]:
        folder.mkdir(parents=True)
    for file in [here / "w.bin", here / "sub" / "w.bin", here / "linked.bin", pathlib.Path("outside/w.bin")]:
        file.write_bytes(weights)
    attack("w.bin")
    attack("sub/w.bin")
    attack("./sub//w.bin")
    outside = pathlib.Path("outside/w.bin").resolve()
    attack(str(outside), f"absolute location '{quoted(outside)}' is not allowed")
    attack("../outside/w.bin", "'../outside/w.bin' leaves the model directory")
    attack("sub/../../outside/w.bin", "'..' component in 'sub/../../outside/w.bin'")
    attack("sub/..", "'..' component in 'sub/..'")
    (here / "link.bin").symlink_to(outside)
    attack("link.bin", "'link.bin' is a symlink")
    (here / "near.bin").symlink_to("w.bin")
    attack("near.bin", "'near.bin' is a symlink")
    (here / "loop.bin").symlink_to("loop.bin")
    attack("loop.bin", "'loop.bin' is a symlink")
    (here / "parent").symlink_to(outside.parent)
    attack("parent/w.bin", "symlink in parent 'parent'")
    (here / "sub" / "deep").symlink_to("/")
    attack("sub/deep/etc/passwd", "symlink in parent 'sub/deep'")
    os.link(here / "linked.bin", "outside/other.bin")
    attack("linked.bin", "'linked.bin' has 2 hard links (override: --allow-hardlinks)")
    check("--allow-hardlinks", run(NACRE, "compile", "models/m.onnx", "-o", "made", "--allow-hardlinks"), 0, [])
    os.mkfifo(here / "pipe")
    attack("pipe", "'pipe' is not a regular file")
    attack("sub", "'sub' is not a regular file")
    attack(".", "'.' is not a regular file")
    attack("w.bin/", "'w.bin/' cannot be opened: Not a directory")
    attack("a" * 300, f"'{'a' * 120}...' cannot be opened: File name too long")
    attack("w.bin\0.txt", "location is not a path")


def quoted(path):
    """Long names are cut in messages."""
    text = str(path)
    return text if len(text) <= 120 else text[:120] + "..."


# -- Data of a run ---------------------------------------------------------


def npy(path, descr, shape, data):
    """Writes a .npy file; `shape` is a Python tuple as text."""
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    pathlib.Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def data():
    """`nacre run` and the executable of `nacre build` on the same wrong data."""
    control = HERE / "models" / "ok_control.onnx"
    four = struct.pack("<4f", -1, 2, -3, 4)
    npy("good.npy", "<f4", "(4,)", four)
    npy("shape.npy", "<f4", "(2, 2)", four)
    npy("dtype.npy", "<i4", "(4,)", four)
    npy("short.npy", "<f4", "(4,)", four[:-2])
    npy("huge.npy", "<f4", "(1099511627776,)", four)
    npy("object.npy", "|O", "(4,)", four)
    pathlib.Path("cut.npy").write_bytes(pathlib.Path("good.npy").read_bytes()[:40])
    pathlib.Path("empty.npy").write_bytes(b"")
    pathlib.Path("text.npy").write_text("1 2 3 4\n")
    check("build", run(NACRE, "build", control, "-o", "control"), 0, [])
    for line in (HERE / "expected_data.txt").read_text().splitlines():
        who, argument, code, message = line.split("\t")
        words = {"run": [NACRE, "run", control],
                 "built": ["./control", "--threads", "1", "--output-dir", "out"]}[who]
        got = run(*words, *(["--input", argument] if argument else []))
        check(f"{who} --input {argument}", got, int(code), message.split(" | ") if message else [])


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    kept_models()
    paths()
    data()
    os.chdir("/")
print(f"{failures} failures")
sys.exit(1 if failures else 0)
