#!/usr/bin/env python3
"""Real networks on every target: compiled, held to the target's limits, and run against known outputs.

    targets.py NACRE [--full] [--only NAME] [--limit SECONDS] [--page FILE.md]

The networks are those of real_networks.sh. On cpu, opencl and wgsl their outputs are compared with the kept ones by
the rule of docs/accuracy.md, and two compilations of a bundle must be the same. Every bundle for WebGPU is to stay
within the defaults of the specification, which every device grants, and its kernels are given to Dawn's null backend,
which validates as a browser does. Open dims are run at several extents by one and the same code.

--full adds what takes long: the three networks whose kept outputs cannot be met (docs/accuracy.md), on a picture, and
runs of the light networks. --page writes docs/targets.md from what was measured; it implies --full.

Where a device is missing this says so and tests the rest.
"""
import argparse
import datetime
import filecmp
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

import devices
from real_models import real_models

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGETS = ["cpu", "opencl", "wgsl"]

KEPT = ["mlperf_tiny_ad_ae_f32", "mlperf_tiny_ad_ae_int8", "mlperf_tiny_ic_resnet8_f32", "mlperf_tiny_ic_resnet8_int8",
        "mlperf_tiny_ic_resnet_large_f32", "mlperf_tiny_kws_dscnn_f32", "mlperf_tiny_kws_dscnn_int8",
        "mlperf_tiny_strww_int8", "mlperf_tiny_vww_mbv1_f32", "blazeface_front_128", "ppocr_v2_cls",
        "arch_sd_vae_dec_tiny", "ultraface_slim_320", "arch_bert_tiny", "arch_gpt2_tiny_kv", "arch_rnn_stack",
        "dtln_model_1", "silero_vad_half", "silero_vad_legacy", "silero_vad_op18_ifless"]
# As in real_networks.sh: mlsd decides between neighbours that are equal up to rounding.
ON_PICTURE = {"mlsd_320_tiny": ["--atol", "1e-4", "--outliers", "16"],
              "mlsd_320_large": ["--atol", "1e-4", "--outliers", "16"], "ppocr_v4_det": []}
LIGHT = ["light_squeezenet", "light_shufflenet", "light_inception_v1", "light_inception_v2", "light_bvlc_alexnet",
         "light_zfnet512", "light_resnet50", "light_densenet121", "light_vgg19"]
# The weights of these are one constant that the graph computes, which then is working memory; with the most of it,
# WebGPU's 128 MiB do not do. The copies with random weights have them in the bundle, where they may be of any size.
COMPUTED_WEIGHTS = {"light_bvlc_alexnet", "light_vgg19", "light_zfnet512"}

# WebGPU's defaults, and the least that OpenCL 1.2 promises.
LIMITS = {"wgsl": {"storage_buffers": 8, "binding_bytes": 134217728, "workgroup_bytes": 16384, "invocations": 256,
                   "groups": 65535 * 65535},
          "opencl": {"workgroup_bytes": 32768, "invocations": 256}}


class Tests:
    def __init__(self, arguments, scratch):
        self.nacre = os.path.abspath(arguments.nacre)
        self.limit = arguments.limit
        self.only = arguments.only
        self.scratch = pathlib.Path(scratch)
        self.env = devices.environment(scratch)
        self.passed = self.failed = 0
        self.rows = {}  # network -> target -> text
        self.reasons, self.names = {}, {}
        for target in TARGETS:
            self.reasons[target], self.names[target] = devices.missing(self.nacre, target, self.env, scratch)
            if self.reasons[target]:
                print(f"{target}: runs are skipped: {self.reasons[target]}")
            elif self.names[target]:
                print(f"{target}: on {self.names[target]}")
        self.validates = devices.can_validate(self.env)
        if not self.validates:
            print("wgsl: not validated: node or its package webgpu is missing")
        listed = subprocess.run([self.nacre, "compile", "--help"], capture_output=True, text=True).stdout
        self.built = [t for t in TARGETS if f"{t} (" in listed]

    def call(self, *words, limit=None, **options):
        """Exit code (None: out of time), stdout, stderr."""
        try:
            done = subprocess.run([str(w) for w in words], env=self.env, capture_output=True, text=True,
                                  timeout=limit or self.limit, **options)
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired:
            return None, "", f"no end within {limit or self.limit} s"

    def ok(self, what, start):
        self.passed += 1
        print(f"ok   {what} ({time.monotonic() - start:.1f} s)", flush=True)

    def fail(self, what, why):
        self.failed += 1
        lines = why.strip().splitlines()
        print(f"FAIL {what}: {lines[0] if lines else 'no reason'}", *lines[1:8], sep="\n     ", flush=True)

    def note(self, network, target, text):
        self.rows.setdefault(network, {})[target] = text

    #--- Compiling ------------------------------------------------------------

    def dims(self, model):
        """--dim options that give open dims the extents of the kept inputs."""
        inputs = json.loads(self.call(self.nacre, "inspect", model, "--json")[1])["inputs"]
        options = []
        for i, value in enumerate(inputs):
            names = value["shape"].strip("[]").split(", ")
            kept = model.parent / f"test_data_set_0/input_{i}.pb"
            for dim, extent in zip(names, fields(kept)[1] if kept.exists() else []):
                if not dim.isdigit() and f"{dim}={extent}" not in options:
                    options += ["--dim", f"{dim}={extent}"]
        return options

    def bundle(self, name, model, target):
        """Compiles, and checks what the bundle says of itself; its folder, or None."""
        what, start = f"{name} for {target}", time.monotonic()
        folder = self.scratch / f"{name}.{target}"
        code, _, stderr = self.call(self.nacre, "compile", model, "--target", target, "-o", folder, *self.dims(model))
        if code == 5 and target == "wgsl" and name in COMPUTED_WEIGHTS:
            reason = re.search(r"^error: the model: needs (\d+) bytes of working memory in one buffer, "
                               r"the limit is 134217728$", stderr, re.M)
            if reason:
                self.note(name, target, f"refused: {int(reason[1]) / 2**20:.0f} MiB in one buffer")
                self.ok(f"{what}: refused, for its size", start)
                return None
        if code != 0:
            self.note(name, target, "does not compile")
            self.fail(what, f"exit code {code}: {stderr}")
            return None
        manifest = json.loads((folder / "manifest.json").read_text())
        used, limits = manifest["limits"], LIMITS[target]
        over = [f"{key} {used[key]} > {limits[key]}" for key in limits if used[key] > limits[key]]
        over += [f"{kernel['name']}: {len(kernel['bindings'])} bindings" for kernel in manifest["kernels"]
                 if target == "wgsl" and len(kernel["bindings"]) > 8]
        over += [f"{kernel['name']}: a group of {kernel['local']}" for kernel in manifest["kernels"]
                 if kernel["local"][0] > limits["invocations"] or kernel["local"][1:] != [1, 1]]
        if over:
            self.fail(what, "beyond the limits: " + "; ".join(over))
            return None
        self.ok(f"{what}: {len(manifest['kernels'])} kernels, within the limits", start)
        return folder

    def validate(self, name, folder):
        what, start = f"{name} for wgsl: validation", time.monotonic()
        code, stdout, stderr = self.call("node", ROOT / "runtime/webgpu/node.mjs", folder, "--validate", limit=600)
        if code != 0:
            self.note(name, "wgsl", "not valid")
            return self.fail(what, f"exit code {code}: {stderr}{stdout}")
        self.note(name, "wgsl", "validated only")
        self.ok(what, start)

    def compile(self, name, model):
        """Bundles of a network: within the limits, valid."""
        if self.only and self.only not in name:
            return
        for target in ["opencl", "wgsl"]:
            if target not in self.built:
                continue
            folder = self.bundle(name, model, target)
            if folder and target == "wgsl" and self.validates:
                self.validate(name, folder)
            shutil.rmtree(folder or self.scratch / f"{name}.{target}", ignore_errors=True)

    #--- Running --------------------------------------------------------------

    def verify(self, name, model, data, options=()):
        """The network on each target that has a device, against the kept outputs."""
        if self.only and self.only not in name:
            return
        for target in TARGETS:
            if self.reasons[target] or self.rows.get(name, {}).get(target, "").startswith("refused"):
                continue
            what, start = f"{name} on {target}", time.monotonic()
            words = [self.nacre, "verify", model, "--target", target, "--json", *options]
            for folder in data:
                words += ["--data", folder]
            code, stdout, stderr = self.call(*words)
            if code is None:
                # Not wrong, but not shown to be right either: the page says so.
                self.note(name, target, f"no end in {self.limit} s")
                print(f"     {what}: no end within {self.limit} s", flush=True)
            elif code not in (0, 4):
                self.note(name, target, "does not run")
                self.fail(what, f"exit code {code}: {stderr}")
            else:
                report = json.loads(stdout)
                text = error_text(report, data) + ("" if report["ok"] else ", DIFFERS")
                self.note(name, target, text)
                if report["ok"]:
                    self.ok(f"{what}: {text}", start)
                else:
                    self.fail(what, text)

    def open_dims(self):
        """One and the same code for 1, 3 and 8 pictures."""
        folders = []
        model = ROOT / "models/digits/digits.onnx"
        for count in (1, 3, 8):
            folder = self.scratch / f"open_{count}"
            folder.mkdir()
            # Each picture is one of the ten scans.
            scans = [(ROOT / f"models/digits/pictures/{i}.npy").read_bytes()[-256:] for i in range(count)]
            write_npy(folder / "input_0.npy", (count, 1, 8, 8), b"".join(scans))
            # Expected: the pictures one by one, by other code.
            rows = []
            for i in range(count):
                out = self.scratch / "one"
                code, _, stderr = self.call(self.nacre, "run", model, "--dim", "N=1", "-O0", "--output-dir", out,
                                            "--input", f"picture={ROOT}/models/digits/pictures/{i}.npy")
                if code != 0:
                    return self.fail("digits, one picture", stderr)
                rows.append((out / "output_0.npy").read_bytes()[-40:])
            write_npy(folder / "output_0.npy", (count, 10), b"".join(rows))
            folders.append(folder)
        for target in TARGETS:
            if self.reasons[target]:
                continue
            what, start = f"digits, N<=8, at N = 1, 3, 8 on {target}", time.monotonic()
            words = [self.nacre, "verify", model, "--dim", "N<=8", "--target", target, "--reference"]
            for folder in folders:
                words += ["--data", folder]
            code, stdout, stderr = self.call(*words)
            if code == 0 and stdout.count("ok   ") == 9:
                self.ok(what, start)
            else:
                self.fail(what, f"exit code {code}: {stderr}{stdout}")


def error_text(report, data):
    """The largest error of all outputs of all sets, of the largest magnitude of that output."""
    worst, steps, outliers = 0.0, 0, 0
    for comparisons, folder in zip(report["sets"], data):
        for i, output in enumerate(comparisons["outputs"]):
            outliers = max(outliers, output["wrong"])
            if output["max_abs_error"] == "inf":
                return "inf"
            if not output["dtype"].startswith(("f", "bf")):
                steps = max(steps, int(output["max_abs_error"]))
            elif output["max_abs_error"]:
                worst = max(worst, output["max_abs_error"] / (largest(folder / f"output_{i}.pb") or 1))
    parts = [f"{worst:.1e}"] if worst or not steps else []
    parts += [f"{steps} step{'s' if steps > 1 else ''}"] if steps else []
    parts += [f"{outliers} outlier{'s' if outliers > 1 else ''}"] if outliers else []
    return ", ".join("equal" if part == "0.0e+00" else part for part in parts)


def fields(path):
    """Of an ONNX tensor file: the bytes of its f32 data (raw_data 9, float_data 4) and its extents (dims 1)."""
    data, at, found, extents = path.read_bytes(), 0, b"", []

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        number, kind = divmod(varint(), 8)
        if kind == 0:
            value = varint()
            extents += [value] if number == 1 else []
        elif kind == 5:
            found += data[at:at + 4] if number == 4 else b""
            at += 4
        elif kind == 2:
            length = varint()
            end = at + length
            if number == 1:  # packed
                while at < end:
                    extents.append(varint())
            elif number in (4, 9):
                found += data[at:end]
            at = end
        else:
            raise ValueError(f"{path}: wire type {kind}")
    return found, extents


def largest(path):
    """The largest finite magnitude of an ONNX tensor file of f32."""
    found, _ = fields(path)
    values = struct.unpack(f"<{len(found) // 4}f", found)
    return max((abs(v) for v in values if abs(v) < float("inf")), default=0.0)


def write_npy(path, shape, data):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def oracles():
    """The Python of the outside oracles, or None."""
    done = subprocess.run([HERE / "fetch_oracles.sh"], capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip(), "bin/python") if done.returncode == 0 else None


def version(words, pattern):
    try:
        found = re.search(pattern, subprocess.run(words, capture_output=True, text=True).stdout)
        return found[1] if found else "unknown"
    except OSError:
        return "unknown"


def page(tests, networks):
    """docs/targets.md."""
    dpkg = ["dpkg-query", "-W", "-f", "${Version}"]
    pocl = version([*dpkg, "pocl-opencl-icd"], r"(.*)")
    chromium = version([*dpkg, "chromium"], r"(.*)")
    node = version(["node", "--version"], r"v(.*)")
    dawn = "unknown"
    if "NACRE_WEBGPU_MODULE" in tests.env:
        folder = pathlib.Path(tests.env["NACRE_WEBGPU_MODULE"])
        for file in [folder / "package.json", folder / "node_modules/webgpu/package.json"]:
            if file.exists() and json.loads(file.read_text()).get("name") == "webgpu":
                dawn = json.loads(file.read_text())["version"]
    lines = ["# Networks and targets", "",
             "Made by `test/Integration/targets.py NACRE --page docs/targets.md`; do not edit.", "",
             f"Measured {datetime.date.today()}, against the outputs in the last column: the largest error of any "
             "output, as a fraction of the largest magnitude in that output. `equal` is to the last bit; `N steps` "
             "is the largest difference of an 8-bit output. All lie within what [accuracy](accuracy.md) asks of them, "
             "unless the cell says DIFFERS; it also says what outliers are (their errors are in the number too) and how "
             "little the shipped outputs of the light networks prove. Both devices are the processor; a GPU rounds its "
             "own way.", "",
             f"- OpenCL: PoCL {pocl}, {re.sub(r' .Portable.*', '', tests.names['opencl'] or 'not run')}",
             f"- WebGPU: {tests.names['wgsl'] or 'not run'} (chromium {chromium}), Dawn of the npm package webgpu "
             f"{dawn}, node {node}", "",
             "| network | cpu | OpenCL | WebGPU | against |", "|---|---|---|---|---|"]
    for name, against in networks:
        cells = [tests.rows.get(name, {}).get(target, "not run") for target in TARGETS]
        if name in tests.rows:
            lines.append(f"| {name} | " + " | ".join(cells) + f" | {against} |")
    lines += ["", "The weights of the light networks are one constant that the graph computes. Large ones are not "
              "folded, so they are working memory, with three of the nine more than WebGPU's 128 MiB for one buffer: "
              "these are refused. Weights that a model brings are no working memory and may be of any size: the "
              "copies with random weights have matrices that lie in several bindings. `validated only`: every kernel and "
              "pipeline passes validation, the run was left out.", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nacre", metavar="NACRE")
    parser.add_argument("--full", action="store_true", help="the long part too")
    parser.add_argument("--only", help="networks whose name has this in it")
    parser.add_argument("--limit", type=int, default=300, metavar="SECONDS", help="for one command")
    parser.add_argument("--page", type=pathlib.Path, metavar="FILE", help="write docs/targets.md")
    arguments = parser.parse_args()
    full = arguments.full or arguments.page is not None
    networks = []
    with tempfile.TemporaryDirectory() as scratch:
        tests = Tests(arguments, scratch)
        tests.open_dims()
        real, python = real_models(), oracles()
        if real is None:
            print("real networks: not found, skipped")
        if python is None:
            print("outside oracles: not available, light networks skipped")
        for name in KEPT if real else []:
            folder = real / name
            if (folder / "model.onnx").exists():
                networks.append((name, "kept outputs"))
                tests.compile(name, folder / "model.onnx")
                tests.verify(name, folder / "model.onnx", sorted(folder.glob("test_data_set_*")))
        for name, options in ON_PICTURE.items() if real else []:
            model = real / name / "model.onnx"
            if not model.exists():
                continue
            networks.append((name, "ONNX Runtime, on a picture"))
            tests.compile(name, model)
            if full and python:
                made = pathlib.Path(scratch, "picture", name)
                subprocess.run([python, HERE / "picture_input.py", model, made], check=True)
                tests.verify(name, model, [made / "test_data_set_0"], options)
        if python:
            light = pathlib.Path(scratch, "light")
            subprocess.run([python, HERE / "light_nets.py", light], check=True, stdout=subprocess.DEVNULL)
            for name in LIGHT:
                networks.append((name, "shipped outputs"))
                tests.compile(name, light / name / "model.onnx")
                if full:
                    tests.verify(name, light / name / "model.onnx", [light / name / "test_data_set_0"])
            # With weights in the bundle: up to 574 MB, bound in pieces, matrices across them.
            for name in sorted(COMPUTED_WEIGHTS) if full else []:
                random, made = f"{name}, random weights", pathlib.Path(scratch, "random")
                networks.append((random, "ONNX Runtime"))
                if arguments.only and arguments.only not in random:
                    continue
                subprocess.run([python, ROOT / "test/Benchmark/randomise_weights.py", light / name / "model.onnx",
                                made], check=True, stdout=subprocess.DEVNULL)
                tests.compile(random, made / "model.onnx")
                tests.verify(random, made / "model.onnx", [made / "test_data_set_0"])
                shutil.rmtree(made)
        if arguments.page:
            arguments.page.write_text(page(tests, networks))
    print(f"targets: {tests.passed} passed, {tests.failed} failed")
    sys.exit(1 if tests.failed or not tests.passed else 0)


if __name__ == "__main__":
    main()
