#!/usr/bin/env python3
"""What nacre bench says: numbers that follow from each other and from the model, and a page that is XML.

    bench_report.py NACRE
"""
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

NACRE = os.path.abspath(sys.argv[1])
SVG = "{http://www.w3.org/2000/svg}"
failures = []

# A product of 64x32 and 32x16, and the sum of its rows.
MODEL = """func.func @main(%a: tensor<64x32xf32>, %b: tensor<32x16xf32>) -> (tensor<64x16xf32>, tensor<64xf32>) {
  %c = lazy.contract %a, %b, [affine_map<(i, j, k) -> (i, k)>, affine_map<(i, j, k) -> (k, j)>,
    affine_map<(i, j, k) -> (i, j)>] : tensor<64x32xf32>, tensor<32x16xf32> -> tensor<64x16xf32>
  %s = lazy.reduce add, %c, [1] : tensor<64x16xf32> -> tensor<64xf32>
  return %c, %s : tensor<64x16xf32>, tensor<64xf32>
}
"""
NAME = "a<b>&'\".mlir"


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def close(what, got, expected):
    if not math.isclose(got, expected, rel_tol=1e-9, abs_tol=1e-12):
        check(what, got, expected)


def run(*words):
    done = subprocess.run([NACRE, "bench", *words, "--threads", "1", "--min-time", "0.02"], capture_output=True, text=True)
    check(f"exit code of {words}\n{done.stderr}", done.returncode, 0)
    return done.stdout


def numbers(report):
    kernels = report["kernels"]
    check("schedules have a kind", [k["schedule"].split()[0] for k in kernels], ["contract", "map"])
    check("operations", [k["flops"] for k in kernels], [2 * 64 * 32 * 16, 64 * 16])
    check("bytes", [k["bytes"] for k in kernels], [4 * (64 * 32 + 32 * 16 + 64 * 16), 4 * (64 * 16 + 64)])
    check("all operations", report["flops"], sum(k["flops"] for k in kernels))
    close("shares are of one whole", sum(k["share"] for k in kernels), 1)
    check("this is less than a cache holds", all(k["bytes"] <= report["cache_bytes"] for k in kernels), True)
    for key in ("peak_gflops", "peak_memory_gbytes_per_s", "peak_cache_gbytes_per_s"):
        check(f"{key} {report[key]} is more than nothing", report[key] > 0, True)
    close("share of the peak", report["share_of_peak"], report["gflops"] / report["peak_gflops"])
    time = sum(k["median_us"] for k in kernels)
    for k in kernels:
        name = k["name"]
        close(f"share of {name}", k["share"], k["median_us"] / time)
        close(f"GFLOP/s of {name}", k["gflops"], k["flops"] / k["median_us"] / 1e3)
        close(f"GB/s of {name}", k["gbytes_per_s"], k["bytes"] / k["median_us"] / 1e3)
        shares = {
            "fma": k["gflops"] / report["peak_gflops"],
            "cache": k["gbytes_per_s"] / report["peak_cache_gbytes_per_s"],
        }
        check(f"what binds {name}", k["bound"], max(shares, key=shares.get))
        close(f"share of what binds {name}", k["share_of_bound"], shares[k["bound"]])


def page(text, report):
    root = xml.etree.ElementTree.fromstring(text)
    check("title", root.findtext("head/title"), NAME)
    check("heading", root.findtext("body/h1"), NAME)
    check("nothing comes from elsewhere", [w for w in ("<script", "<link", "<img", "@import", "url(") if w in text], [])
    roofline, bars = root.findall(f"body/{SVG}svg")
    check("a dot for each kernel that computes", len(roofline.findall(f"{SVG}circle")), len(report["kernels"]))
    check("roofs", len(roofline.findall(f"{SVG}polyline")), 2)
    check("a bar for each kernel", len(bars.findall(f"{SVG}rect")), len(report["kernels"]))
    rows = [[cell.text or "" for cell in row] for row in root.iter("tr")]
    keys = ["kernel", "us", "share, %", "GFLOP/s", "GB/s", "bound", "schedule", "computes"]
    check("columns", rows[0], keys)
    for row, kernel in zip(rows[1:], report["kernels"], strict=True):
        check("name", row[0], kernel["name"])
        check("share", row[2], f"{100 * kernel['share']:.1f}")
        check("bound", row[5], f"{100 * kernel['share_of_bound']:.0f}% of {kernel['bound']}")
        check("schedule", row[6], kernel["schedule"])
        check("computes", row[7], kernel["computes"])


def table(text):
    lines = text.splitlines()
    check("columns of the table", lines[2].split(), ["us", "share", "GFLOP/s", "GB/s", "bound", "kernel"])
    check("lines", len(lines), 5)
    check("the bound stands in the line", all("% of " in line for line in lines[3:]), True)
    check("the schedule ends the line", [line.rsplit("[", 1)[1].split()[0] for line in lines[3:]], ["contract", "map"])


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    pathlib.Path(NAME).write_text(MODEL)
    report = json.loads(run(NAME, "--json", "--html", "page.html"))
    numbers(report)
    page(pathlib.Path("page.html").read_text(), report)
    table(run(NAME))
    # A name that is not UTF-8 makes a page too.
    name = b"\xff\x01.mlir"
    pathlib.Path(os.fsdecode(name)).write_text(MODEL)
    run(name, "--html", "bytes.html")
    title = xml.etree.ElementTree.fromstring(pathlib.Path("bytes.html").read_text()).findtext("head/title")
    check("title of a name that is not UTF-8", title, "\ufffd .mlir")
    done = subprocess.run([NACRE, "bench", NAME, "--html", "no/such/page.html"], capture_output=True, text=True)
    expected = "error: no/such/page.html: cannot write: No such file or directory"
    check("a page that cannot be written", (done.returncode, done.stderr.splitlines()[-1]), (2, expected))
    os.chdir("/")

print(f"bench_report: {len(failures)} failures" if failures else "bench_report: ok")
sys.exit(bool(failures))
