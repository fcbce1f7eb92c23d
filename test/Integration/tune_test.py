#!/usr/bin/env python3
"""--tune, --tune-log and --schedules: what is found is written down, and replays.

    tune_test.py NACRE MODELS

MODELS is the folder of the same name. Needs nothing but Python and the compiler. What measuring finds is chance;
nothing here depends on it.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

NACRE = os.path.abspath(sys.argv[1])
DIGITS = str(pathlib.Path(sys.argv[2]).resolve() / "digits" / "digits.onnx")
failures = []

# A convolution, a product and sums over rows.
MODEL = """module {
  func.func @main(%x: tensor<1x20x20x16xf32> {lazy.name = "x"}, %v: tensor<24x3x3x16xf32> {lazy.name = "v"},
                  %a: tensor<96x80xf32> {lazy.name = "a"}, %b: tensor<80x72xf32> {lazy.name = "b"})
      -> (tensor<1x18x18x24xf32> {lazy.name = "conv"}, tensor<96x72xf32> {lazy.name = "product"}, tensor<96xf32> {lazy.name = "sums"}) {
    %0 = lazy.contract %x, %v, [affine_map<(n, h, w, o, i, j, c) -> (n, h + i, w + j, c)>, affine_map<(n, h, w, o, i, j, c) -> (o, i, j, c)>, affine_map<(n, h, w, o, i, j, c) -> (n, h, w, o)>] : tensor<1x20x20x16xf32>, tensor<24x3x3x16xf32> -> tensor<1x18x18x24xf32>
    %1 = lazy.contract %a, %b, [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>] : tensor<96x80xf32>, tensor<80x72xf32> -> tensor<96x72xf32>
    %2 = lazy.reduce add, %a, [1] : tensor<96x80xf32> -> tensor<96xf32>
    return %0, %1, %2 : tensor<1x18x18x24xf32>, tensor<96x72xf32>, tensor<96xf32>
  }
}
"""
# Steps of a loop.
LOOP = """module {
  func.func private @step(%i: tensor<i64>, %a: tensor<3xf32>, %x: tensor<3xf32>, %c: tensor<3xf32>) -> (tensor<3xf32>, tensor<3xf32>) {
    %0 = lazy.mul %a, %x : tensor<3xf32>
    return %0, %0 : tensor<3xf32>, tensor<3xf32>
  }
  func.func @main(%a: tensor<3xf32> {lazy.name = "a"}, %x: tensor<7x3xf32> {lazy.name = "x"})
      -> (tensor<3xf32> {lazy.name = "last"}, tensor<7x3xf32> {lazy.name = "all"}) {
    %b = lazy.neg %a : tensor<3xf32>
    %0:2 = lazy.loop @step bound 7 carried %b : tensor<3xf32> scanned %x : tensor<7x3xf32> captured %b : tensor<3xf32> backward [false, false] -> (tensor<3xf32>, tensor<7x3xf32>)
    return %0#0, %0#1 : tensor<3xf32>, tensor<7x3xf32>
  }
}
"""
INPUTS = [word for name in "xvab" for word in ("--input", f"{name}=random")]
SUMMARY = re.compile(r"nacre: tuned (\d+) of (\d+) kernels in (\d+\.\d) s: (\d+\.\d{3}) -> (\d+\.\d{3}) ms")


def run(*words):
    done = subprocess.run([NACRE, *words], capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout, done.stderr


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def ok(*words):
    code, stdout, stderr = run(*words)
    check(f"exit code of {' '.join(words)}\n{stderr}", code, 0)
    return stdout, stderr


def refused(expected_code, expected, *words):
    code, _, stderr = run(*words)
    check(f"exit code of {' '.join(words)}", code, expected_code)
    lines = [line.removeprefix("error: ") for line in stderr.splitlines() if not line.startswith("nacre: ")]
    check(" ".join(words), lines, expected)


def object_of(name, *words):
    ok("compile", *words, "--name", "net", "-o", f"{name}.o")
    return pathlib.Path(f"{name}.o").read_bytes()


def outputs_of(folder, *words):
    ok("run", "m.mlir", *INPUTS, *words, "--output-dir", folder)
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).glob("*.npy")}


def replay(name, *model):
    """What --tune found replays to the same bytes, and the machine has nothing to measure."""
    tuned = object_of(f"{name}_tuned", *model, "--tune", "1", "--tune-log", f"{name}.txt")
    for again in "ab":
        check(f"{name}: the object from the file, {again}",
              object_of(f"{name}_{again}", *model, "--schedules", f"{name}.txt") == tuned, True)
    ok("verify", *model, "--schedules", f"{name}.txt")
    # Schedules read and tuned on: what has an entry keeps one.
    ok("compile", *model, "--schedules", f"{name}.txt", "--tune", "0.2", "--tune-log", f"{name}_2.txt", "-o", "on.o")
    kernels = [[line.split()[1] for line in pathlib.Path(file).read_text().splitlines() if line.startswith("kernel ")]
               for file in (f"{name}.txt", f"{name}_2.txt")]
    check(f"{name}: kernels of the files", kernels[0], kernels[1])
    check(f"{name}: sorted, each once", kernels[0], sorted(set(kernels[0])))


def files():
    ok("compile", "m.mlir", "--tune", "1", "--tune-log", "m.txt", "-o", "m.o")
    text = pathlib.Path("m.txt").read_text()
    lines = text.splitlines()
    check("the first line", lines[0], "nacre-schedules 1")
    check("the machine", re.fullmatch(r"# cpu \S+ \(host\), \d+ threads?", lines[1]) is not None, True)
    check("the summary", SUMMARY.fullmatch("nacre: " + lines[2].removeprefix("# ")) is not None, True)
    check("an entry for each kernel", text.count("\nkernel "), text.count("\n# contract") + text.count("\n# reduce"))
    times = [line for line in lines if re.fullmatch(r"# \d+\.\d( -> \d+\.\d)? us", line)]
    check("a time for each kernel", len(times), text.count("\nkernel "))

    # An edited file is obeyed.
    at, entry = next((i, line) for i, line in enumerate(lines) if " tile_m=" in line)
    def edited(file, pattern, by):
        changed = [*lines]
        changed[at] = re.sub(pattern, by, entry)
        pathlib.Path(file).write_text("\n".join(changed) + "\n")
    edited("three.txt", r"tile_m=\d+", "tile_m=3")
    stdout, _ = ok("compile", "m.mlir", "--schedules", "three.txt", "--emit", "schedule")
    check("an edited tile", "tile_m = 3 : i64" in stdout, True)
    check("the same bits", outputs_of("three", "--schedules", "three.txt"), outputs_of("plain"))
    ok("verify", "m.mlir", "--schedules", "three.txt")
    ok("compile", "m.mlir", "--schedules", "three.txt", "--depfile", "d.mk", "-o", "dep.o")
    check("a file of schedules is depended on", "three.txt" in pathlib.Path("d.mk").read_text(), True)

    # Wrong ones are refused, with the line.
    line = at + 1
    def wrong(pattern, by, *messages):
        edited("bad.txt", pattern, by)
        refused(3, [f"bad.txt:{line}: {message}" for message in messages], "compile", "m.mlir", "--schedules", "bad.txt", "-o", "x.o")
    wrong(r"tile_m=\d+", "tile_q=3", "unknown key 'tile_q', did you mean 'tile_m'?")
    wrong(r"tile_m=\d+", "tile_m=many", "'tile_m' is 'many', expected a number")
    wrong(r"tile_m=\d+", "tile_m=3 tile_m=4", "'tile_m' is given twice")
    wrong(r"k_loops=\S*", "k_loops=a", "'k_loops' is 'a', expected numbers with commas")
    wrong(r"tile_m=\d+", "tile_m", "'tile_m' is not KEY=NUMBER")
    wrong(r"^kernel \w+", "kernel 12", "'12' is no signature of 16 hexadecimal digits")
    wrong(r"^kernel", "kernels", "expected 'kernel SIGNATURE KEY=NUMBER ...'")
    for pattern, by, message in [(r"tile_m=\d+", "tile_m=77", "'tile_m' is 77 : i64, expected a number from 1 to 32"),
                                 (r"tile_m=\d+", "grain=64", "unknown key 'grain' in the schedule"),
                                 (r"lanes=\d+", "lanes=3", "'lanes' is 3, expected a power of two")]:
        edited("bad.txt", pattern, by)
        code, _, stderr = run("compile", "m.mlir", "--schedules", "bad.txt", "-o", "x.o")
        check(f"exit code of {by}", code, 3)
        said = stderr.splitlines()[-1]
        check(said, said.startswith(f"error: bad.txt:{line}: ") and said.endswith(message), True)
    pathlib.Path("bad.txt").write_text("\n".join([*lines, entry]) + "\n")
    refused(3, [f"bad.txt:{len(lines) + 1}: kernel {entry.split()[1]} is in line {line} already"],
            "verify", "m.mlir", "--schedules", "bad.txt")
    pathlib.Path("bad.txt").write_text("# nothing\n\nschedules\n")
    refused(3, ["bad.txt:3: expected 'nacre-schedules 1'"], "compile", "m.mlir", "--schedules", "bad.txt", "-o", "x.o")
    pathlib.Path("bad.txt").write_text("")
    refused(3, ["bad.txt:1: expected 'nacre-schedules 1'"], "compile", "m.mlir", "--schedules", "bad.txt", "-o", "x.o")
    refused(3, ["none.txt: cannot read: No such file or directory"], "compile", "m.mlir", "--schedules", "none.txt", "-o", "x.o")

    # Entries of another network are left over, and change nothing.
    count = text.count("\nkernel ")
    plain = object_of("plain", DIGITS, "--dim", "N=1")
    _, stderr = ok("compile", DIGITS, "--dim", "N=1", "--schedules", "m.txt", "--name", "net", "-o", "other.o")
    check("entries without a kernel", f"nacre: m.txt: {count} of {count} entries match no kernel" in stderr.splitlines(), True)
    check("nothing changed", pathlib.Path("other.o").read_bytes() == plain, True)


def seconds():
    """SECONDS are kept, each verb tunes, and says what came of it."""
    for words in [("bench", "m.mlir", "--min-time", "0.1"), ("compile", "m.mlir", "-o", "s.o"),
                  ("build", "m.mlir", "-o", "program")]:
        begin = time.monotonic()
        ok(*words, "--json")
        plain = time.monotonic() - begin
        begin = time.monotonic()
        stdout, stderr = ok(*words, "--json", "--threads", "1", "--tune", "2")
        spent = time.monotonic() - begin - plain
        check(f"{words[0]}: {spent:.1f} s for --tune 2", spent < 3, True)
        report = json.loads(stdout)["tuning"]
        check(f"{words[0]}: keys", list(report), ["kernels", "tuned", "seconds", "before_ms", "after_ms"])
        check(f"{words[0]}: {report['seconds']} seconds", report["seconds"] < 3, True)
        check(f"{words[0]}: kernels", 0 <= report["tuned"] <= report["kernels"] and report["kernels"] >= 3, True)
        check(f"{words[0]}: not slower", 0 < report["after_ms"] <= report["before_ms"], True)
        said = SUMMARY.search(stderr)
        check(f"{words[0]}: summary", said and said.groups()[:2], (str(report["tuned"]), str(report["kernels"])))
    for words in [("verify", "m.mlir"), ("run", "m.mlir", *INPUTS)]:
        _, stderr = ok(*words, "--tune", "0.5")
        check(f"{words[0]}: summary", SUMMARY.search(stderr) is not None, True)
    stdout, _ = ok("compile", "m.mlir", "--json", "-o", "s.o")
    check("nothing is said without --tune", "tuning" in json.loads(stdout), False)
    check("the same bits", outputs_of("tuned", "--tune", "1"), outputs_of("plain"))


def loops():
    """What a stopwatch cannot tell apart is left alone, and has entries."""
    pathlib.Path("loop.mlir").write_text(LOOP)
    _, stderr = ok("compile", "loop.mlir", "--tune", "1", "--tune-log", "loop.txt", "-o", "loop.o")
    check("what is said", stderr.splitlines()[-1], "nacre: nothing is tuned: kernels in loops and branches cannot be told apart")
    check("an entry for each kernel", pathlib.Path("loop.txt").read_text().count("\nkernel ") > 0, True)
    tuned = pathlib.Path("loop.o").read_bytes()
    ok("compile", "loop.mlir", "--schedules", "loop.txt", "-o", "loop.o")
    check("the object from the file", pathlib.Path("loop.o").read_bytes() == tuned, True)


def usage():
    m = ("compile", "m.mlir", "-o", "u.o")
    refused(2, ["--tune-log: goes with --tune only"], *m, "--tune-log", "x.txt")
    refused(2, ["--tune: must be 0 to 86400 seconds"], *m, "--tune", "-1")
    refused(2, ["--tune: target 'opencl' has no such option"], *m, "--tune", "1", "--target", "opencl")
    refused(2, ["--schedules: target 'wgsl' has no such option"], *m, "--schedules", "m.txt", "--target", "wgsl")
    refused(2, ["--tune: a text of phase 'schedule' has its schedules"], *m, "--tune", "1", "--from", "schedule")
    refused(2, ["--tune: measures on this machine, not with --triple"], *m, "--tune", "1", "--triple", "aarch64-linux-gnu")
    refused(2, ["--tune: not with --train"], *m, "--train", "--tune", "1")


with tempfile.TemporaryDirectory() as scratch:
    os.chdir(scratch)
    pathlib.Path("m.mlir").write_text(MODEL)
    replay("small", "m.mlir", "--threads", "1")
    replay("digits", DIGITS, "--dim", "N=1")
    replay("open", DIGITS, "--dim", "N<=4")
    files()
    loops()
    seconds()
    usage()
    os.chdir("/")
print(f"{len(failures)} failures" if failures else "ok")
sys.exit(bool(failures))
