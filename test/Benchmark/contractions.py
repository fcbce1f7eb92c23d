"""Times single kernels, mostly contractions, by Nacre and its peers in one run; writes a Markdown table.

    contractions.py [--only PATTERN]... [--peers onnxruntime,...] [--threads 1,2] [--rounds 3] [--min-time 1]
                    [--read-mib 1024] [--nacre PATH] [--out FILE]

Each is a small ONNX model of the shapes that transformers and convolutional networks are made of, weights constant,
measured as against_peers.py measures. Arithmetic counts two operations for a product and its sum, in convolutions as
many as the direct sum has, so that Winograd's may exceed the peak. The peak is that of multiply-adds in registers, as
nacre bench measures it beside each model; bytes are those of inputs, weights and outputs, each once, and their limit
is the speed at which Nacre takes the maximum of --read-mib, more than the caches hold, in its fastest run, measured
beside each model too. What fits into the caches may exceed that.
"""

import argparse
import dataclasses
import fnmatch
import os
import pathlib
import statistics
import sys
import tempfile

import numpy as np
from onnx import TensorProto

import against_peers
import architectures
import comparison_tables
import large_models
import peer_process
from comparison_tables import NACRE, REFERENCE, line, number
from nacre_tool import Nacre
from peer_process import Failure
from peers import PEERS


@dataclasses.dataclass
class Kernel:
    """A model of one operation: writes its nodes, from inputs x (and z) to y."""

    name: str
    inputs: dict[str, tuple[int, ...]]
    output: tuple[int, ...]
    write: object  # a function of a Writer
    products: int = 0  # multiply-adds
    weights: int = 0  # elements

    @property
    def flops(self):
        return 2 * self.products

    @property
    def bytes(self):
        return 4 * (sum(map(np.prod, self.inputs.values())) + np.prod(self.output) + self.weights)


def matmul(rows, inner, columns, name=None, gelu=False):
    def write(w):
        product = w.call("MatMul", "x", w.normal(inner, columns), name=None if gelu else "y")
        if gelu:
            biased = w.call("Add", product, w.normal(columns))
            w.call("Identity", architectures.erf_gelu(w, biased), name="y")
    return Kernel(name or f"{rows} x {inner} x {columns}", {"x": (rows, inner)}, (rows, columns), write,
                  rows * inner * columns, (inner + gelu) * columns)


def conv(window, channels, filters, size, group=1):
    pad, taps = window // 2, window * window * channels // group

    def write(w):
        weights = w.normal(filters, channels // group, window, window)
        w.call("Conv", "x", weights, w.normal(filters), name="y", pads=[pad] * 4, group=group)
    name = f"{window}x{window}, {channels} to {filters} at {size}x{size}"
    return Kernel(("depthwise " if group > 1 else "conv ") + name, {"x": (1, channels, size, size)},
                  (1, filters, size, size), write, size * size * filters * taps, filters * (taps + 1))


def chain(w):
    """Seven operations that no compiler knows as one."""
    y = w.call("Tanh", w.call("Add", w.call("Mul", "x", w.scalar(0.7)), w.scalar(0.1)))
    y = w.call("Abs", w.call("Sub", w.call("Mul", y, "x"), w.scalar(0.3)))
    w.call("Sqrt", y, name="y")


def layer_norm(w):
    w.call("LayerNormalization", "x", w.normal(768, mean=1), w.normal(768), name="y", axis=-1)


KERNELS = [
    matmul(1024, 1024, 1024), matmul(128, 768, 3072),
    matmul(128, 768, 3072, name="128 x 768 x 3072, bias, erf gelu", gelu=True), matmul(128, 3072, 768),
    matmul(1, 4096, 4096, name="matrix 4096 x 4096 by vector"),
    conv(3, 64, 64, 56), conv(1, 256, 64, 56), conv(3, 512, 512, 7), conv(3, 32, 32, 112, group=32),
    Kernel("batched 12 x 128 x 64 x 128", {"x": (12, 128, 64), "z": (12, 64, 128)}, (12, 128, 128),
           lambda w: w.call("MatMul", "x", "z", name="y"), 12 * 128 * 64 * 128),
    Kernel("softmax 12 x 128 x 128", {"x": (12, 128, 128)}, (12, 128, 128),
           lambda w: w.call("Softmax", "x", name="y", axis=-1)),
    Kernel("layer norm 128 x 768", {"x": (128, 768)}, (128, 768), layer_norm, weights=2 * 768),
    Kernel("7 elementwise operations, 393,216", {"x": (128, 3072)}, (128, 3072), chain),
]


def reading(mib):
    """The maximum of so many MiB."""
    return Kernel("reading", {"x": (64, mib << 12)}, (64,),
                  lambda w: w.call("ReduceMax", "x", name="y", axes=[1], keepdims=0))


def graph(kernel, seed=0):
    writer = architectures.Writer(seed)
    kernel.write(writer)
    return writer.model("kernel", [(n, TensorProto.FLOAT, s) for n, s in kernel.inputs.items()],
                        [("y", TensorProto.FLOAT, kernel.output)])


def prepare(kernel, folder, seed=0):
    """Writes the model and its inputs; returns the inputs by name."""
    model = graph(kernel, seed)
    random = np.random.default_rng(seed + 1)
    inputs = {name: random.standard_normal(shape, np.float32) for name, shape in kernel.inputs.items()}
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    large_models.write_tensors(data, "input", inputs, inputs.values())
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return inputs


@dataclasses.dataclass
class Measured:
    kernel: Kernel
    row: against_peers.Row
    peak: float = 0  # GFLOP/s
    reading: float = 0  # GB/s

    def cells(self, peers):
        ms = self.row.ms.get(NACRE)
        found = comparison_tables.ratio(self.row, REFERENCE)
        cells = [self.kernel.name, self.row.threads, *(us(self.row.ms.get(name)) for name in [*peers, NACRE]),
                 f"{found:.2f}" if found else "-"]
        cells += share(self.kernel.flops, ms, self.peak) + share(self.kernel.bytes, ms, self.reading)
        return cells


def us(ms):
    return number(ms * 1000 if ms else None)


def share(count, ms, limit):
    """Billions a second, and how much of the limit that is."""
    if not count or not ms:
        return ["-", "-"]
    speed = count / ms / 1e6
    return [number(speed), f"{100 * speed / limit:.0f}%" if limit else "-"]


def measure(kernel, threads, arguments, missing, scratch):
    processors = sorted(os.sched_getaffinity(0))[:threads]
    nacre, peaks, speed = Nacre(arguments.nacre, arguments.timeout), [], 0
    row = against_peers.Row(kernel.name, threads, reasons=dict(missing))
    folder = scratch / f"{KERNELS.index(kernel)}-{threads}"
    inputs = prepare(kernel, folder)
    model, data = folder / "model.onnx", folder / "test_data_set_0"

    def bench(seconds):
        report = nacre.bench(model, data, processors, seconds)
        peaks.append(float(report.get("peak_gflops", 0)))
        return float(report["median_ms"])

    comparison = against_peers.Comparison(row, arguments)
    try:
        expected = comparison.start_peers([model], inputs, processors, folder)
        outputs = nacre.outputs(model, data, processors)
        if expected is None or comparison.agrees(NACRE, outputs, expected):
            comparison.timers[NACRE] = bench
        comparison.measure()
        speed = reading_speed(nacre, arguments.read_mib, scratch / "reading.onnx", processors)
    except Failure as failure:
        row.reasons[NACRE] = str(failure)
    finally:
        comparison.close()
    return Measured(kernel, row, statistics.median(peaks) if peaks else 0, speed)


def reading_speed(nacre, mib, model, processors):
    """GB/s at which memory is read, undisturbed; model is where to write the model."""
    kernel = reading(mib)
    model.write_bytes(graph(kernel).SerializeToString())
    return kernel.bytes / float(nacre.bench(model, None, processors, 0.3)["min_ms"]) / 1e6


def markdown(found, arguments, versions):
    peers = [name for name in arguments.peers if versions[name]]
    said = ", ".join(f"{PEERS[name].title} {versions[name]}" for name in peers)
    head = ["kernel", "threads", *(f"{PEERS[name].title}, us" for name in peers), "Nacre, us", "by ONNX Runtime",
            "GFLOP/s", "of the peak", "GB/s", "of reading"]
    lines = [f"{said or 'No peer'} and Nacre on {comparison_tables.processor_name()}, f32, {arguments.rounds} "
             f"interleaved rounds of {arguments.min_time:g} s; GFLOP/s and GB/s are Nacre's.", "",
             line(*head), "|---" + "|--:" * (len(head) - 1) + "|", *(line(*one.cells(peers)) for one in found), ""]
    for threads in arguments.threads:
        peaks, speeds = ([getattr(one, limit) for one in found if one.row.threads == threads and getattr(one, limit)]
                         for limit in ("peak", "reading"))
        if peaks:
            lines.append(f"- {threads} thread{'s' * (threads > 1)}: peak {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s, "
                         f"reading {min(speeds):.1f} to {max(speeds):.1f} GB/s.")
    reasons = {(one.kernel.name, reason): None for one in found for reason in one.row.reasons.values()}
    if reasons:
        lines += ["", "Not timed:", "", *(f"- {kernel}, {reason}" for kernel, reason in reasons)]
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--only", action="append", metavar="PATTERN", help="kernels to measure, such as 'conv*'; may be repeated")
    add("--read-mib", type=int, default=1024, metavar="N", help="memory read for the limit, default %(default)s")
    against_peers.add_timing_options(parser, peers=["onnxruntime"])
    arguments = parser.parse_args()
    against_peers.check_timing_options(parser, arguments)
    return arguments


def main():
    arguments = parse()
    wanted = [k for k in KERNELS if not arguments.only or any(fnmatch.fnmatch(k.name, p) for p in arguments.only)]
    if not wanted:
        sys.exit("contractions.py: no kernel of that name")
    versions, missing = against_peers.installed(arguments.peers)
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        for kernel in wanted:
            for threads in arguments.threads:
                found.append(measure(kernel, threads, arguments, missing, pathlib.Path(scratch)))
                print(comparison_tables.one_line(found[-1].row), file=sys.stderr, flush=True)
                if arguments.out:
                    arguments.out.write_text(markdown(found, arguments, versions))
    print(markdown(found, arguments, versions), end="")
    sys.exit(1 if any(set(one.row.reasons) & {REFERENCE, NACRE} for one in found) else 0)


if __name__ == "__main__":
    main()
