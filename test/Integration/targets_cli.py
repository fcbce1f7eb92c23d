#!/usr/bin/env python3
"""The command line of the targets opencl and wgsl: exact messages, exit codes, files written.

    targets_cli.py NACRE

Needs no device: what a run would need is taken away. Models are textual lazy IR and models/digits.
"""
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

NACRE = os.path.abspath(sys.argv[1])
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DIGITS = ROOT / "models/digits/digits.onnx"
failures = []

MODEL = """func.func @main(%x: tensor<2x3xf32> {lazy.name = "x"}) -> (tensor<2x3xf32> {lazy.name = "y"}) {
  %0 = lazy.neg %x : tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}
"""
# One element more than WebGPU's 128 MiB hold twice; 256 bytes are the alignment of inputs and outputs.
LARGE = """func.func @main(%x: tensor<{0}xf32>) -> tensor<{0}xf32> {{
  %0 = lazy.neg %x : tensor<{0}xf32>
  return %0 : tensor<{0}xf32>
}}
"""
# A table of as many pieces of 128 MiB as there are storage buffers.
MANY = """module attributes {lazy.weights_file = "w.safetensors"} {
  func.func @main(%i: tensor<4xi32> {lazy.name = "i"}) -> (tensor<4xf32> {lazy.name = "y"}) {
    %0 = lazy.weight "table" : tensor<268435456xf32>
    %1 = lazy.gather %0, %i, 0 : tensor<268435456xf32>, tensor<4xi32> -> tensor<4xf32>
    return %1 : tensor<4xf32>
  }
}
"""


def nacre(*words, env=None):
    done = subprocess.run([NACRE, *map(str, words)], capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, **(env or {})))
    return done.returncode, done.stdout, done.stderr


def complain(words, text):
    failures.append(f"nacre {' '.join(map(str, words))}: {text}")
    print("FAIL", failures[-1])


def expect_error(code, line, *words, env=None):
    got, _, stderr = nacre(*words, env=env)
    errors = [text for text in stderr.splitlines() if not text.startswith("nacre: ")]
    if (got, errors) != (code, [f"error: {line}"]):
        complain(words, f"expected {code} and {line!r}, got {got} and {errors}")


def expect_ok(*words, env=None):
    code, stdout, stderr = nacre(*words, env=env)
    if code != 0:
        complain(words, f"exit code {code}: {stderr}")
    return stdout, stderr


def refusals(target):
    to = ["--target", target]
    for option, value in [("--triple", "aarch64-linux-gnu"), ("--cpu", "host"), ("--cpu", "generic"),
                          ("--features", "+avx2"), ("--threads", "2")]:
        for verb in ["compile", "run", "verify", "bench"]:
            expect_error(2, f"{option}: target '{target}' has no such option", verb, "m.mlir", *to, option, value)
    expect_error(2, f"target '{target}' makes no executables, use nacre compile",
                 "build", "m.mlir", *to, "-o", "x")
    pathlib.Path("file").write_text("")
    pathlib.Path("file.o").write_text("")
    for name in ["file", "file.o", "./file", "none.o", "none.so"]:
        expect_error(2, f"-o: '{name}' is a file, a bundle is a folder", "compile", "m.mlir", *to, "-o", name)
    if target == "wgsl":
        for where in ["embed", "file"]:
            expect_error(2, "--weights: target 'wgsl' has no such option", "compile", "m.mlir", *to, "--weights", where)
    phase = {"opencl": "cl", "wgsl": "wgsl"}[target]
    foreign = {"opencl": "wgsl", "wgsl": "cl"}[target]
    for name in ["llvm", "asm", "bogus", foreign]:
        expect_error(2, f"--emit: no phase '{name}', expected import, fuse, schedule, onnx or {phase}",
                     "compile", "m.mlir", *to, "--emit", name)
    expect_error(2, f"--emit: no phase '{phase}', expected import, fuse, schedule, onnx, llvm or asm",
                 "compile", "m.mlir", "--emit", phase)
    stdout, stderr = expect_ok("compile", "m.mlir", *to, "--emit", phase)
    # The text is that of the bundle.
    expect_ok("compile", "m.mlir", *to, "-o", f"emit.{target}")
    if pathlib.Path(f"emit.{target}", f"kernels.{phase}").read_text() != stdout:
        complain(["compile", "--emit", phase], "is not the bundle's kernels")
    expected = {"opencl": "nacre: opencl 1.2, -O2\n", "wgsl": "nacre: wgsl, WebGPU's default limits, -O2\n"}[target]
    if stderr != expected:
        complain(["compile", "--emit", phase], f"stderr is {stderr!r}")
    expect_error(2, "/proc/none: cannot write: No such file or directory", "compile", "m.mlir", *to,
                 "-o", "/proc/none")


def without_devices(built):
    """What a run lacks is named; compiling needs none of it."""
    os.makedirs("empty", exist_ok=True)
    empty = os.path.abspath("empty")
    if "opencl" in built:
        none = {"OCL_ICD_VENDORS": empty, "NACRE_CACHE_DIR": "", "NACRE_OPENCL_DEVICE": ""}
        for verb in [["verify", "m.mlir"], ["bench", "m.mlir"], ["run", "m.mlir", "--input", "x=random"]]:
            expect_error(2, "no OpenCL platform is installed; Debian's package pocl-opencl-icd brings one for the "
                         "processor", *verb, "--target", "opencl", env=none)
        expect_ok("compile", "m.mlir", "--target", "opencl", "-o", "nodevice", env=none)
    if "wgsl" not in built:
        return
    for verb in [["verify", "m.mlir"], ["bench", "m.mlir"], ["run", "m.mlir", "--input", "x=random"]]:
        expect_error(2, "target 'wgsl' runs through node, which is not installed (Debian: apt-get install nodejs)",
                     *verb, "--target", "wgsl", env={"PATH": empty})
    expect_ok("compile", "m.mlir", "--target", "wgsl", "-o", "nonode", env={"PATH": empty})
    if shutil.which("node"):
        expect_error(2, "node: the npm package 'webgpu' is missing: npm install -g webgpu, or set "
                     "NACRE_WEBGPU_MODULE to its folder", "verify", "m.mlir", "--target", "wgsl",
                     env={"NACRE_WEBGPU_MODULE": empty})
    else:
        print("node: missing, so is a test of the message without the npm package")


def limits():
    """What WebGPU's defaults do not hold, exit code 5 and the reason."""
    to = ["--target", "wgsl"]
    half = 64 << 20
    pathlib.Path("fits.mlir").write_text(LARGE.format(half // 4))
    pathlib.Path("large.mlir").write_text(LARGE.format(half // 4 + 1))
    expect_ok("compile", "fits.mlir", *to, "-o", "fits")
    used = json.loads(pathlib.Path("fits/manifest.json").read_text())["limits"]
    if used["binding_bytes"] != 128 << 20:
        complain(["compile", "fits.mlir"], f"limits are {used}")
    expect_error(5, "the model: needs 134218240 bytes of working memory in one buffer, the limit is 134217728",
                 "compile", "large.mlir", *to, "-o", "large")
    if pathlib.Path("large").exists():
        complain(["compile", "large.mlir"], "a bundle that is refused leaves its folder")
    # A file of one gigabyte without content.
    header = json.dumps({"table": {"dtype": "F32", "shape": [1 << 28], "data_offsets": [0, 1 << 30]}}).encode()
    header += b" " * (-len(header) % 8)
    with open("w.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + (1 << 30))
    pathlib.Path("many.mlir").write_text(MANY)
    expect_error(5, "gather: needs 10 storage buffers, the limit is 8", "compile", "many.mlir", *to, "-o", "many")
    os.remove("w.safetensors")
    # Addresses within a tensor are 32 bits wide, on both.
    pathlib.Path("huge.mlir").write_text(LARGE.format(1 << 29))
    for target in ["opencl", "wgsl"]:
        code, _, stderr = nacre("compile", "huge.mlir", "--target", target, "-o", "huge")
        if code == 2 and "is not in this build" in stderr:
            continue
        lines = [line for line in stderr.splitlines() if not line.startswith("nacre: ")]
        if code != 5 or lines != ["error: neg: needs 2147483648 bytes in one tensor, the limit is 2147483647"]:
            complain(["compile", "huge.mlir", "--target", target], f"{code}, {lines}")


def reproducible(target):
    """The same model from another folder, by another path, into another folder: the same bytes, without a path."""
    here = os.path.abspath(".")
    for weights in [["--weights", "embed"], ["--weights", "file"]] if target == "opencl" else [[]]:
        for model, options in [(DIGITS, ["--dim", "N=1"]), (DIGITS, ["--dim", "N<=8"]), (pathlib.Path("m.mlir"), [])]:
            words = ["--target", target, *weights, *options]
            first, second = pathlib.Path("a"), pathlib.Path("deep/er/b")
            expect_ok("compile", model, *words, "-o", first)
            os.makedirs("deep/copy", exist_ok=True)
            shutil.copy(model, "deep/copy")
            os.chdir("deep")
            expect_ok("compile", f"../deep/copy/{model.name}", *words, "-o", f"{here}/deep/er/b")
            os.chdir(here)
            names = sorted(p.name for p in first.iterdir())
            if names != sorted(p.name for p in second.iterdir()):
                complain(["compile", model, *words], f"files differ: {names}")
                continue
            if any("tmp" in name or name.startswith(".") for name in names):
                complain(["compile", model, *words], f"left {names}")
            for name in names:
                data = (first / name).read_bytes()
                if data != (second / name).read_bytes():
                    complain(["compile", model, *words], f"{name} differs between folders")
                for path in [here, str(ROOT), str(pathlib.Path.home()) + "/", os.path.dirname(NACRE), "/usr/", "/home/",
                             "deep/copy"]:
                    if len(path) > 2 and path.encode() in data:
                        complain(["compile", model, *words], f"{name} has the path {path}")
            shutil.rmtree(first)
            shutil.rmtree("deep")


def files(target):
    """What --json and --depfile say is what is there."""
    stdout, _ = expect_ok("compile", DIGITS, "--dim", "N=1", "--target", target, "-o", "made", "--json",
                          "--depfile", "made.d")
    report = json.loads(stdout)
    named = {"opencl": ["manifest", "weights_file", "header", "object"],
             "wgsl": ["manifest", "weights_file", "module", "types"]}[target]
    for key in named:
        if not os.path.isfile(report.get(key, "")):
            complain(["compile", "--json", target], f"no {key}: {report.get(key)}")
    if (report["target"], report["symbol"]) != (target, "digits") or not report["kernels"]:
        complain(["compile", "--json", target], stdout[:400])
    if pathlib.Path("made.d").read_text() != f"made/manifest.json: \\\n  {DIGITS}\n":
        complain(["compile", "--depfile", target], pathlib.Path("made.d").read_text())
    manifest = json.loads(pathlib.Path("made/manifest.json").read_text())
    if (manifest["nacre_bundle"], manifest["target"], manifest["name"]) != (1, target, "digits"):
        complain(["compile", target], str(manifest)[:200])
    for what in ["kernels", "weights"]:
        entry = manifest["files"][what]
        if os.path.getsize(f"made/{entry['name']}") != entry["bytes"]:
            complain(["compile", target], f"{entry['name']} has not {entry['bytes']} bytes")
    shutil.rmtree("made")


def main():
    listed = re.search(r"What to make code for: (.*)", expect_ok("compile", "--help")[0])
    built = [name for name in ["opencl", "wgsl"] if f"{name} (" in listed[1]]
    for name in ["opencl", "wgsl"]:
        if name not in built:
            print(f"{name}: not in this build")
            expect_error(2, f"--target: target '{name}' is not in this build", "compile", "m.mlir", "--target", name)
    for name in built:
        refusals(name)
        reproducible(name)
        files(name)
    without_devices(built)
    if "wgsl" in built:
        limits()


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    pathlib.Path("m.mlir").write_text(MODEL)
    main()
    os.chdir("/")
print(f"{len(failures)} failures")
sys.exit(1 if failures else 0)
