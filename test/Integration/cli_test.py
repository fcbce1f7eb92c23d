#!/usr/bin/env python3
"""The command line: exact messages, exit codes, files written.

    cli_test.py NACRE

Needs nothing but Python and the compiler; models are textual lazy IR.
"""
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile

NACRE = os.path.abspath(sys.argv[1])
failures = []

MODEL = """module {
  func.func @main(%x: tensor<2x3xf32> {lazy.name = "x/in"}, %m: tensor<3xi1> {lazy.name = "mask"})
      -> (tensor<2x3xf32> {lazy.name = "y"}, tensor<3xi1> {lazy.name = "int"}) {
    %0 = lazy.neg %x : tensor<2x3xf32>
    %1 = lazy.not %m : tensor<3xi1>
    return %0, %1 : tensor<2x3xf32>, tensor<3xi1>
  }
}
"""


def nacre(*words):
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def complain(words, text):
    failures.append(f"nacre {' '.join(words)}: {text}")
    print("FAIL", failures[-1])


def errors(stderr):
    """The lines of an end in error, without the line of defaults."""
    return [line for line in stderr.splitlines() if not line.startswith("nacre: ")]


def expect_error(code, *lines, words):
    got_code, _, stderr = nacre(*words)
    if got_code != code:
        complain(words, f"exit code {got_code}, expected {code}; stderr: {stderr}")
    if errors(stderr) != [f"error: {line}" for line in lines]:
        complain(words, f"expected {list(lines)}, got {errors(stderr)}")


def expect_ok(words):
    code, stdout, stderr = nacre(*words)
    if code != 0:
        complain(words, f"exit code {code}: {stderr}")
    return stdout, stderr


def write_npy(path, descr, shape, data):
    shape_text = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape_text}, }}"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def usage():
    expect_error(2, "no command is given, see nacre --help", words=[])
    expect_error(2, "unknown command 'complie', did you mean 'compile'?", words=["complie", "m.mlir"])
    expect_error(2, "unknown command 'xyzzy'", words=["xyzzy"])
    expect_error(2, "unknown option '--jsno', did you mean '--json'?", words=["compile", "m.mlir", "--jsno"])
    expect_error(2, "unknown option '--thread', did you mean '--threads'?",
                 words=["compile", "m.mlir", "--thread=2"])
    expect_error(2, "unknown option '--frobnicate'", words=["run", "m.mlir", "--frobnicate"])
    expect_error(2, "unexpected argument 'other.mlir'", words=["compile", "m.mlir", "other.mlir"])
    expect_error(2, "MODEL is required", words=["compile"])
    expect_error(2, "--output is required", words=["build", "m.mlir"])
    expect_error(2, "-O: Value 4 not in range 0 to 3", words=["compile", "m.mlir", "-O4"])
    listed = re.search(r"What to make code for: (.*)", expect_ok(["compile", "--help"])[0])
    built = re.findall(r"(\w+) \(", listed[1])
    expected = " or ".join(filter(None, [", ".join(built[:-1]), built[-1]]))
    expect_error(2, f"--target: no target 'gpu', expected {expected}", words=["compile", "m.mlir", "--target", "gpu"])
    for name in {"opencl", "wgsl"} - set(built):
        for verb in ["compile", "run"]:
            expect_error(2, f"--target: target '{name}' is not in this build",
                         words=[verb, "m.mlir", "--target", name])
    expect_error(2, "--from: no phase 'fused', expected import, fuse or schedule",
                 words=["compile", "m.mlir", "--from", "fused"])
    expect_error(2, "--emit: no phase 'bogus', expected import, fuse, schedule, onnx, llvm or asm",
                 words=["compile", "m.mlir", "--emit", "bogus"])
    expect_error(2, "--weights: 'inline' is neither embed nor file",
                 words=["compile", "m.mlir", "--weights", "inline"])
    expect_error(2, "--threads: -1 is not in 0..1024", words=["run", "m.mlir", "--threads=-1"])
    expect_error(2, "--name: '2d' is not a C identifier", words=["compile", "m.mlir", "--name", "2d"])
    expect_error(2, "--dim: 'N' is not NAME=N", words=["compile", "m.mlir", "--dim", "N"])
    expect_error(2, "--dim: 'N=two' is not NAME=N", words=["compile", "m.mlir", "--dim", "N=two"])
    expect_error(2, "--dim: N=-1 is out of range", words=["compile", "m.mlir", "--dim", "N=-1"])
    expect_error(2, "--dim: 'N' is given twice", words=["compile", "m.mlir", "--dim", "N=1", "--dim", "N=2"])
    expect_error(2, "--dim: textual IR has its dims bound", words=["compile", "m.mlir", "--dim", "N=1"])
    expect_error(2, "--rtol and --atol must not be negative", words=["verify", "m.mlir", "--rtol=-1"])
    expect_error(2, "--outliers must not be negative", words=["verify", "m.mlir", "--outliers=-1"])
    expect_error(2, "--min-time: must be 0 to 3600 seconds", words=["bench", "m.mlir", "--min-time=-1"])
    expect_error(2, "'m.bin' is neither .onnx, .ngl nor .mlir", words=["compile", "m.bin"])
    expect_error(2, "-o: 'x.exe' is neither a folder nor .o nor .so", words=["compile", "m.mlir", "-o", "x.exe"])
    for verb in ["compile", "build", "run", "verify", "bench", "inspect"]:
        stdout, _ = expect_ok([verb, "--help"])
        if "MODEL" not in stdout:
            complain([verb, "--help"], "does not mention MODEL")


def repeated_flags():
    """A flag that may be repeated takes one value; what follows is the model."""
    pathlib.Path("sums.ngl").write_text("model sums(a: f32[N], b: f32[M]) -> f32[] { sum(a) + sum(b) }\n")
    flags = [["--dim", "N=2"], ["--dim", "M=3"], ["--input", "a=random"], ["--input", "b=random"]]
    model = ["sums.ngl"]
    orders = [model + sum(flags, []), sum(flags, []) + model, sum(flags[:1] + [model] + flags[1:], []),
              sum(flags[2:] + [model] + flags[:2], [])]
    printed = {expect_ok(["run", *order])[0] for order in orders}
    if len(printed) != 1 or not next(iter(printed)).startswith("output: f32 [] = "):
        complain(["run", "--dim"], f"the place of the model changes what is printed: {printed}")
    expect_ok(["verify", "--dim", "N=2", "--dim", "M=3", "sums.ngl"])
    expect_error(2, "unexpected argument 'M=3'", words=["run", "sums.ngl", "--dim", "N=2", "M=3"])


def models():
    expect_error(3, "no.onnx: cannot read: No such file or directory", words=["compile", "no.onnx"])
    os.mkdir("folder.onnx")
    expect_error(3, "folder.onnx: is a folder", words=["compile", "folder.onnx"])
    pathlib.Path("bad.mlir").write_text("module {\n  func.func @main() { foo.bar }\n}\n")
    code, _, stderr = nacre("compile", "bad.mlir")
    if code != 3 or not errors(stderr)[0].startswith("error: bad.mlir:2:"):
        complain(["compile", "bad.mlir"], stderr)
    pathlib.Path("empty.mlir").write_text("module {}\n")
    expect_error(3, "empty.mlir: there is no function 'main'", words=["compile", "empty.mlir"])
    pathlib.Path("w.mlir").write_text(
        'module {\n  func.func @main() -> tensor<2xf32> {\n    %0 = lazy.weight "w" : tensor<2xf32>\n'
        "    return %0 : tensor<2xf32>\n  }\n}\n")
    expect_error(3, "w.mlir: weight 'w' is not in the weights file", words=["compile", "w.mlir"])
    pathlib.Path("e.mlir").write_text(
        'module attributes {lazy.weights_file = "../w.safetensors"} {\n  func.func @main() { return }\n}\n')
    expect_error(3, "e.mlir: lazy.weights_file '../w.safetensors' must be a file name without a folder",
                 words=["compile", "e.mlir"])
    # What fails takes the folders again that it made, and no others.
    pathlib.Path("open.ngl").write_text("model open(x: f32[N, 2]) -> f32[N, 2] { relu(x) }\n")
    os.mkdir("kept")
    words = ["compile", "open.ngl", "-o", "kept/made/deep"]
    code, _, stderr = nacre(*words)
    if code != 3 or errors(stderr)[0] != ("error: open.ngl:1:19: dim 'N' of input 'x' is open; "
                                          "bind it with --dim N=VALUE"):
        complain(words, f"{code}, {stderr}")
    if not pathlib.Path("kept").exists() or list(pathlib.Path("kept").iterdir()):
        complain(words, "leaves other folders than there were")


def fixed():
    """--fix: an input as a constant of the compilation."""
    digits = pathlib.Path(__file__).resolve().parents[2] / "models/digits"
    model, seven = str(digits / "digits.onnx"), str(digits / "pictures/7.npy")
    # The interpreter evaluates what is constant; it rounds its own way.
    folded, _ = expect_ok(["run", model, "--fix", f"picture={seven}"])
    if not re.fullmatch(r"probabilities: f32 \[1, 10\] = 0.01822\S+( \S+){6} 0.904273 ...\n", folded):
        complain(["run", "--fix"], f"got {folded!r}")
    with tempfile.TemporaryDirectory() as folder:
        # The folder may have the fixed input too, with the value it is fixed to.
        for value, code in [(seven, 0), (str(digits / "pictures/8.npy"), 3)]:
            pathlib.Path(folder, "input_0.npy").write_bytes(pathlib.Path(value).read_bytes())
            words = ["run", model, "--fix", f"picture={seven}", "--data", folder]
            if code == 0:
                expect_ok(words)
            else:
                expect_error(code, f"{folder}: input 'picture' has another value than --fix gives it", words=words)
    for text, line in [
            ("pictur=1", "--fix: there is no input 'pictur', did you mean 'picture'?"),
            ("picture=3", "--fix: input 'picture' has shape [N, 1, 8, 8], a number does not do"),
            ("picture=x", "--fix: 'picture=x' is not INPUT=NUMBER, INPUT=FILE.npy or INPUT=FILE.pb")]:
        expect_error(2, line, words=["run", model, "--fix", text])
    expect_error(2, "--fix: 'picture' is given twice",
                 words=["run", model, "--fix", f"picture={seven}", "--fix", "picture=1"])
    expect_error(2, "--fix: only inputs of ONNX models can be fixed",
                 words=["run", str(digits / "digits.ngl"), "--fix", "picture=1"])


def conditions():
    """A run that finds its data wrong, and one that does not."""
    pathlib.Path("require.mlir").write_text("""module {
  func.func @main(%x: tensor<3xf32> {lazy.name = "x"}, %i: tensor<3xi64> {lazy.name = "i"})
      -> (tensor<3xf32> {lazy.name = "y"}, tensor<4xf32> {lazy.name = "sums"}) {
    %limit = lazy.splat 2.0 : f32 : tensor<3xf32>
    %ok = lazy.cmp lt, %x, %limit : tensor<3xf32> -> tensor<3xi1>
    %0 = lazy.require %x, %ok {status = 9 : i32, message = "x is not below 2"} : tensor<3xf32>
    %1 = lazy.scatter %x, %i, 0 : tensor<3xf32>, tensor<3xi64> -> tensor<4xf32>
    return %0, %1 : tensor<3xf32>, tensor<4xf32>
  }
}
""")
    write_npy(pathlib.Path("below.npy"), "<f4", [3], floats(1, 0, 1.5))
    write_npy(pathlib.Path("above.npy"), "<f4", [3], floats(1, 0, 3))
    write_npy(pathlib.Path("inside.npy"), "<i8", [3], struct.pack("<3q", 3, -4, 3))
    write_npy(pathlib.Path("outside.npy"), "<i8", [3], struct.pack("<3q", 3, 4, 3))
    words = lambda x, i: ["run", "require.mlir", "--input", f"x={x}.npy", "--input", f"i={i}.npy"]
    stdout, _ = expect_ok(words("below", "inside"))
    if stdout != "y: f32 [3] = 1 0 1.5\nsums: f32 [4] = 0 0 0 2.5\n":
        complain(words("below", "inside"), f"printed {stdout}")
    expect_error(3, "the model refused the data: arithmetic error", words=words("above", "inside"))
    expect_error(3, "the model refused the data: index out of range", words=words("below", "outside"))


def data():
    expect_error(2, "input 'x/in' (f32 [2, 3]) is not given, use --input x/in=FILE or x/in=random",
                 "input 'mask' (bool [3]) is not given, use --input mask=FILE or mask=random", words=["run", "m.mlir"])
    both = ["--input", "x/in=random", "--input", "mask=random"]
    expect_error(2, "--input: the model has no input 'x/on', did you mean 'x/in'?",
                 words=["run", "m.mlir", *both, "--input", "x/on=random"])
    expect_error(2, "--input: 'mask' is not NAME=FILE", words=["run", "m.mlir", *both, "--input", "mask"])
    expect_error(2, "input 'mask' is given twice", words=["run", "m.mlir", *both, "--input", "mask=random"])
    expect_error(2, "--data and --input exclude each other", words=["run", "m.mlir", *both, "--data", "d"])
    expect_error(2, "--data: 'nodir' is not a folder", words=["run", "m.mlir", "--data", "nodir"])
    folder = pathlib.Path("d")
    folder.mkdir()
    expect_error(3, "d: has 0 inputs, model needs 2", words=["run", "m.mlir", "--data", "d"])
    write_npy(folder / "input_1.npy", "|b1", [3], b"\1\0\1")
    write_npy(folder / "input_0.npy", "<f8", [2, 3], bytes(48))
    expect_error(3, "input 'x/in': data has f64, model needs f32", words=["run", "m.mlir", "--data", "d"])
    write_npy(folder / "input_0.npy", "<f4", [3, 2], bytes(24))
    expect_error(3, "input 'x/in': data has shape [3, 2], model needs [2, 3]", words=["run", "m.mlir", "--data", "d"])
    write_npy(folder / "input_0.npy", "<f4", [2, 3], floats(1, 2, 3, 4, 5, 6))
    expect_error(3, "d: has 0 outputs, model has 2", words=["verify", "m.mlir", "--data", "d"])
    stdout, _ = expect_ok(["run", "m.mlir", "--data", "d", "--output-dir", "out"])
    if stdout != "y: f32 [2, 3] = -1 -2 -3 -4 -5 -6\nint: bool [3] = 0 1 0\n":
        complain(["run"], f"printed {stdout}")
    listing = json.loads(pathlib.Path("out/outputs.json").read_text())
    if listing["outputs"][1] != {"name": "int", "dtype": "bool", "shape": [3], "file": "output_1.npy"}:
        complain(["run"], f"outputs.json: {listing}")
    if not pathlib.Path("out/output_0.npy").read_bytes().endswith(floats(-1, -2, -3, -4, -5, -6)):
        complain(["run"], "output_0.npy has other values")
    write_npy(folder / "output_0.npy", "<f4", [2, 3], floats(-1, -2, -3, -4, -5, -6.0001))
    write_npy(folder / "output_1.npy", "|b1", [3], b"\0\1\0")
    expect_ok(["verify", "m.mlir", "--data", "d"])
    expect_error(4, "1 of 2 comparisons differ",
                 words=["verify", "m.mlir", "--data", "d", "--rtol", "1e-9", "--atol", "1e-9"])
    write_npy(folder / "output_1.npy", "|b1", [3], b"\0\1\1")
    expect_error(4, "1 of 2 comparisons differ", words=["verify", "m.mlir", "--data", "d"])


def outliers():
    """Some elements may lie outside the tolerance, but only numbers."""
    folder = pathlib.Path("o")
    folder.mkdir()
    write_npy(folder / "input_0.npy", "<f4", [2, 3], floats(1, 2, 3, 4, 5, 6))
    write_npy(folder / "input_1.npy", "|b1", [3], b"\1\0\1")
    write_npy(folder / "output_1.npy", "|b1", [3], b"\0\1\0")

    def check(outliers, code, expected, flags="ok   "):
        words = ["verify", "m.mlir", "--data", "o", *outliers]
        got, stdout, stderr = nacre(*words)
        want = (f"{flags}compiled output 'y' f32 [2, 3]: {expected}\n"
                "ok   compiled output 'int' bool [3]: max abs err 0, max rel err 0\n")
        if (got, stdout) != (code, want):
            complain(words, f"exit code {got}, printed {stdout}")
        if errors(stderr) != (["error: 1 of 2 comparisons differ"] if code else []):
            complain(words, stderr)

    write_npy(folder / "output_0.npy", "<f4", [2, 3], floats(-1, -2.5, -3, -4, -5, -8))
    differ = "max abs err 2, max rel err 0.25, 2 of 6 {}, first at 1: -2, expected -2.5"
    check([], 4, differ.format("wrong"), "FAIL ")
    check(["--outliers", "1"], 4, differ.format("wrong"), "FAIL ")
    check(["--outliers", "2"], 0, differ.format("outliers"))
    report = json.loads(expect_ok(["verify", "m.mlir", "--data", "o", "--outliers", "2", "--json"])[0])
    if (report["ok"], report["outliers"], report["sets"][0]["outputs"][0]["wrong"]) != (True, 2, 2):
        complain(["verify", "--outliers"], str(report))
    for value in ["nan", "inf"]:
        write_npy(folder / "output_0.npy", "<f4", [2, 3], floats(-1, -2, float(value), -4, -5, -6))
        check(["--outliers", "6"], 4, f"max abs err inf, max rel err 0, 1 of 6 wrong, first at 2: -3, expected {value}",
              "FAIL ")
    write_npy(folder / "output_0.npy", "<f4", [3, 2], floats(-1, -2, -3, -4, -5, -6))
    check(["--outliers", "6"], 4, "shape is [2, 3], expected [3, 2]", "FAIL ")
    write_npy(folder / "output_0.npy", "<f8", [2, 3], bytes(48))
    check(["--outliers", "6"], 4, "dtype is f32, expected f64", "FAIL ")


def results():
    for level in "0123":
        stdout, stderr = expect_ok(["verify", "m.mlir", f"-O{level}", "--threads", "1", "--json"])
        if not json.loads(stdout)["ok"]:
            complain(["verify"], stdout)
        if not re.fullmatch(rf"nacre: cpu \S+ \(host\), 1 thread, -O{level}\n", stderr):
            complain(["verify"], f"stderr is {stderr!r}")
    bench = json.loads(expect_ok(["bench", "m.mlir", "--min-time", "0.05", "--json"])[0])
    for key in ["median_ms", "p90_ms", "runs", "threads", "kernels", "compile_ms", "arena_bytes", "weights_bytes"]:
        if key not in bench:
            complain(["bench"], f"no {key} in {bench}")
    os.mkdir("other")
    pathlib.Path("other/m.mlir").write_text(MODEL)
    expect_ok(["compile", "m.mlir", "-o", "made", "--depfile", "m.d"])
    expect_ok(["compile", "other/m.mlir", "-o", "other/made"])
    for name in ["m.o", "m.h"]:
        if pathlib.Path("made", name).read_bytes() != pathlib.Path("other/made", name).read_bytes():
            complain(["compile"], f"{name} differs between folders")
    if pathlib.Path("m.d").read_text() != "made/m.o: \\\n  m.mlir\n":
        complain(["compile"], "depfile: " + pathlib.Path("m.d").read_text())
    leftovers = [p for p in pathlib.Path(".").rglob("*") if "tmp" in p.name or p.name.startswith(".nacre")]
    if leftovers:
        complain(["compile"], f"left {leftovers}")
    report = json.loads(expect_ok(["inspect", "made/m.o", "--json"])[0])
    if [t["name"] for t in report["inputs"]] != ["x/in", "mask"]:
        complain(["inspect"], str(report))
    expect_ok(["inspect", "m.mlir", "--html", "m.html"])
    if "<h1>m.mlir</h1>" not in pathlib.Path("m.html").read_text():
        complain(["inspect"], "no title in the page")
    for phase in ["import", "fuse", "schedule"]:
        expect_ok(["compile", "m.mlir", "--emit", phase, "-o", f"{phase}.mlir"])
        expect_ok(["verify", f"{phase}.mlir", "--from", phase])
    to_stdout()
    expect_ok(["build", "m.mlir", "-o", "m.exe"])
    done = subprocess.run(["./m.exe", "--input", "x/in=d/input_0.npy", "--input", "mask=d/input_1.npy",
                           "--output-dir", "exe"], capture_output=True, text=True)
    if done.returncode or pathlib.Path("exe/output_0.npy").read_bytes() != pathlib.Path(
            "out/output_0.npy").read_bytes():
        complain(["build"], f"the executable: {done}")


def to_stdout():
    """-o - is stdout for --emit, and nothing else goes there; no file gets that name."""
    text = pathlib.Path("schedule.mlir").read_text()
    for words in ["-o", "-"], []:
        stdout, stderr = expect_ok(["compile", "m.mlir", "--emit", "schedule", *words])
        if stdout != text or "weight" in stderr:
            complain(["compile", "--emit", "schedule", *words], f"{stdout!r}, {stderr!r}")
    model = pathlib.Path("head.ngl")
    model.write_text("model head(x: f32[1, 3]) -> f32[1, 2] {\n  x |> linear(2)\n}\n")
    stdout, stderr = expect_ok(["compile", "head.ngl", "--emit", "schedule", "-o", "-"])
    expected = "nacre: without the values of 2 weights, which -o FILE writes beside the text"
    if "lazy.weights_file" in stdout or stderr.splitlines()[1:] != [expected]:
        complain(["compile", "head.ngl", "-o", "-"], f"{stdout!r}, {stderr!r}")
    asm, _ = expect_ok(["compile", "head.ngl", "--emit", "asm", "-o", "-"])
    if ".text" not in asm:
        complain(["compile", "head.ngl", "--emit", "asm", "-o", "-"], repr(asm[:200]))
    for words in ["compile", "m.mlir"], ["build", "m.mlir"], ["compile", "head.ngl", "--train"]:
        expect_error(2, "-o: '-' is stdout, where only --emit writes to", words=[*words, "-o", "-"])
    if pathlib.Path("-").exists():
        complain(["compile"], "made a file of the name '-'")


def crash():
    """A signal inside is our bug: a message of what to report, exit code 70."""
    process = subprocess.Popen([NACRE, "bench", "m.mlir", "--min-time", "60"], stderr=subprocess.PIPE, text=True)
    process.stderr.readline()
    process.send_signal(signal.SIGSEGV)
    _, stderr = process.communicate(timeout=60)
    if process.returncode != 70 or "nacre bench m.mlir --min-time 60" not in stderr:
        complain(["bench"], f"after SIGSEGV: {process.returncode}, {stderr}")


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    pathlib.Path("m.mlir").write_text(MODEL)
    usage()
    repeated_flags()
    models()
    fixed()
    conditions()
    data()
    outliers()
    results()
    crash()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
