"""Times Nacre against ONNX Runtime, side by side in one run, and writes a Markdown table.

    against_onnxruntime.py [--models DIR]... [--only PATTERN]... [--threads 1,2] [--rounds 3] [--min-time 1]
                           [--nacre PATH] [--out FILE] [--no-light] [--cache DIR]

DIR holds folders in the layout of the ONNX test data, NAME/{model.onnx, test_data_set_0/input_*.pb}. The light
networks of the onnx package come in addition, with random weights (randomise_weights.py), kept in the cache.

Fair means here:
  - rounds alternate, ONNX Runtime then Nacre, so both see the same drift of the machine; a figure is the median over
    the rounds of the round's median, and a round lasts at least --min-time seconds;
  - N threads get N processors: each process is pinned to the same N before it starts a thread;
  - ONNX Runtime has all its optimisations, inputs and outputs bound beforehand, and is warm; its threads may spin;
  - open dimensions get the extents of the test data in both.
ONNX Runtime is called from Python, which costs it a few microseconds a call; the table's foot says how many, by an
empty model. Compiling is timed once, unpinned, with the largest memory the process held.
"""

import argparse
import dataclasses
import fnmatch
import json
import math
import multiprocessing
import os
import pathlib
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import randomise_weights

LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
MIN_RUNS = 5
SETTLE_SECONDS = 0.1  # until ONNX Runtime's threads have stopped spinning


class Failure(Exception):
    """A model that one side could not do; the text goes into the table."""


@dataclasses.dataclass
class Compiled:
    seconds: float
    peak_mb: float


@dataclasses.dataclass
class Row:
    model: str
    threads: int
    ort_ms: float | None = None
    nacre_ms: float | None = None
    compiled: Compiled | None = None
    failure: str = ""

    @property
    def ratio(self):
        return self.ort_ms / self.nacre_ms if self.ort_ms and self.nacre_ms else None


# ---- Models --------------------------------------------------------------------------------------------------------


def real_networks(roots):
    for root in roots:
        folders = [root] if (root / "model.onnx").exists() else sorted(p.parent for p in root.glob("*/model.onnx"))
        if not folders:
            sys.exit(f"against_onnxruntime.py: no model.onnx in {root}")
        yield from folders


def light_networks(cache, wanted):
    """The folders of the light networks, made where they are missing or older than the script that makes them."""
    made_by = pathlib.Path(randomise_weights.__file__).stat().st_mtime
    for source in sorted(LIGHT.glob("light_*.onnx")):
        folder = cache / f"onnx-{onnx.__version__}" / source.stem
        if not wanted(source.stem):
            continue
        model = folder / "model.onnx"
        if not model.exists() or model.stat().st_mtime < made_by:
            print(randomise_weights.prepare(source, folder), file=sys.stderr)
        yield folder


def read_inputs(folder):
    """Name -> array of test_data_set_0, in the order of the graph's inputs, and the extents of the open dims."""
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    initialised = {i.name for i in graph.initializer}
    arrays, dims = {}, {}
    for i, value in enumerate(v for v in graph.input if v.name not in initialised):
        array = numpy_helper.to_array(onnx.load_tensor(folder / "test_data_set_0" / f"input_{i}.pb"))
        arrays[value.name] = array
        for axis, (dim, extent) in enumerate(zip(value.type.tensor_type.shape.dim, array.shape)):
            if not dim.HasField("dim_value"):
                dims.setdefault(dim.dim_param or f"{value.name}.{axis}", extent)
    return arrays, dims


# ---- ONNX Runtime, in a process of its own -------------------------------------------------------------------------


def serve_onnxruntime(pipe, model, arrays, threads, processors):
    """Opens the model, then answers each number of seconds received with the median time of a call in ms."""
    os.sched_setaffinity(0, processors)
    import onnxruntime

    try:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        for name, array in arrays.items():
            binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        for output, value in zip(session.get_outputs(), session.run(None, arrays)):
            place = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))
            binding.bind_ortvalue_output(output.name, place)
        measure(session, binding, 0.2)
        pipe.send(None)
    except Exception as error:  # whatever it is, the table should say so
        pipe.send(str(error).strip().splitlines()[0])
        return
    while (seconds := pipe.recv()) is not None:
        median = measure(session, binding, seconds)
        time.sleep(SETTLE_SECONDS)
        pipe.send(median)


def measure(session, binding, seconds):
    times = []
    end = time.perf_counter() + seconds
    while len(times) < MIN_RUNS or time.perf_counter() < end:
        start = time.perf_counter_ns()
        session.run_with_iobinding(binding)
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e6


class OnnxRuntime:
    """A process that holds one model open."""

    def __init__(self, model, arrays, threads, processors):
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        arguments = (far, model, arrays, threads, processors)
        self.process = context.Process(target=serve_onnxruntime, args=arguments, daemon=True)
        self.process.start()
        far.close()
        failure = self.receive()
        if failure:
            raise Failure(f"onnxruntime: {failure}")

    def receive(self):
        try:
            return self.pipe.recv()
        except EOFError:
            raise Failure("onnxruntime: the process died") from None

    def median_ms(self, seconds):
        self.pipe.send(seconds)
        return self.receive()

    def close(self):
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join()


def empty_call_us(folder, processors):
    """What a call costs when the model does nothing: one Identity of one number."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "empty", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "empty.onnx")
    server = OnnxRuntime(str(folder / "empty.onnx"), {"x": np.zeros(1, np.float32)}, 1, processors[:1])
    try:
        return server.median_ms(0.2) * 1000
    finally:
        server.close()


# ---- Nacre ---------------------------------------------------------------------------------------------------------


def command(arguments, timeout, **more):
    """Runs a nacre command and returns its stdout and stderr."""
    # A session of its own, so that a timeout ends the children too.
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, **more)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failure(f"nacre: no end after {timeout:g} s") from None
    if process.returncode:
        lines = [line for line in err.splitlines() if line.strip()]
        raise Failure(f"nacre: exit {process.returncode}: {lines[-1] if lines else 'no message'}")
    return out, err


def dim_flags(dims):
    return [word for name, extent in dims.items() for word in ("--dim", f"{name}={extent}")]


def nacre_median_ms(nacre, model, dims, threads, processors, seconds, timeout):
    out, _ = command([nacre, "bench", model, "--threads", str(threads), "--min-time", str(seconds), "--json",
                      *dim_flags(dims)], timeout, preexec_fn=lambda: os.sched_setaffinity(0, processors))
    try:
        return float(json.loads(out)["median_ms"])
    except (ValueError, KeyError, TypeError):
        raise Failure("nacre: bench printed no median_ms") from None


# Runs a command; if it succeeds, the last line of stderr is its seconds and its peak in kB. A small process in
# between, because Linux counts what the parent held at the fork into the peak of the child.
METER = """
import resource, subprocess, sys, time
start = time.perf_counter()
code = subprocess.call(sys.argv[1:])
if code == 0:
    print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code if code >= 0 else 128 - code)
"""


def compile_with_nacre(nacre, model, dims, timeout):
    with tempfile.TemporaryDirectory() as folder:
        meter = [sys.executable, "-I", "-S", "-c", METER]
        _, err = command([*meter, nacre, "compile", model, "-o", f"{folder}/model.o", *dim_flags(dims)], timeout)
    seconds, kilobytes = err.splitlines()[-1].split()
    return Compiled(float(seconds), int(kilobytes) / 1024)


# ---- The comparison ------------------------------------------------------------------------------------------------


def compare(folder, arguments, processors):
    """Yields one row for each number of threads."""
    model = str(folder / "model.onnx")
    arrays, dims = read_inputs(folder)
    compiled, failure = None, ""
    try:
        compiled = compile_with_nacre(arguments.nacre, model, dims, arguments.timeout)
    except Failure as error:
        failure = str(error)
    for threads in arguments.threads:
        row = Row(folder.name, threads, compiled=compiled, failure=failure)
        ort, nacre = [], []
        try:
            server = OnnxRuntime(model, arrays, threads, processors[:threads])
            try:
                for _ in range(arguments.rounds):
                    ort.append(server.median_ms(arguments.min_time))
                    if not row.failure:
                        nacre.append(nacre_median_ms(arguments.nacre, model, dims, threads, processors[:threads],
                                                     arguments.min_time, arguments.timeout))
            finally:
                server.close()
        except Failure as error:
            row.failure = str(error)
        row.ort_ms = statistics.median(ort) if ort else None
        row.nacre_ms = statistics.median(nacre) if nacre and not row.failure else None
        yield row


def number(value, digits=3):
    """Three significant digits, without an exponent."""
    if value is None:
        return "-"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}" if value else "0"


def processor_name():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def markdown(rows, arguments, foot):
    lines = [f"ONNX Runtime {foot['onnxruntime']} against Nacre on {foot['processor']}, f32 unless the name says int8, "
             f"{arguments.rounds} interleaved rounds of {arguments.min_time:g} s; ratio above 1: Nacre is faster.", "",
             "| model | threads | ONNX Runtime, ms | Nacre, ms | ratio | compile, s | compile peak, MB |",
             "|---|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        seconds, peak = (row.compiled.seconds, row.compiled.peak_mb) if row.compiled else (None, None)
        ratio = f"{row.ratio:.2f}" if row.ratio else "-"
        lines.append(f"| {row.model} | {row.threads} | {number(row.ort_ms)} | {number(row.nacre_ms)} | {ratio} | "
                     f"{number(seconds)} | {'-' if peak is None else f'{peak:.0f}'} |")
    lines.append("")
    for threads in arguments.threads:
        measured = [r for r in rows if r.threads == threads and r.ratio]
        if measured:
            mean = math.exp(statistics.fmean(math.log(r.ratio) for r in measured))
            worst = min(measured, key=lambda r: r.ratio)
            lines.append(f"{threads} thread{'s' * (threads > 1)}, {len(measured)} models: geometric mean {mean:.2f}, "
                         f"smallest {worst.ratio:.2f} ({worst.model}).")
    lines.append(f"A call of an empty model costs ONNX Runtime {foot['empty_us']:.1f} us here.")
    failed = {row.model: row.failure for row in rows if row.failure}
    if failed:
        lines += ["", "Not measured:", ""] + [f"- {model}: {why}" for model, why in failed.items()]
    return "\n".join(lines) + "\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [int(word) for word in text.split(",")]
    cache = pathlib.Path.home() / ".cache" / "nacre" / "light"
    add = parser.add_argument
    add("--models", type=pathlib.Path, action="append", default=[], metavar="DIR", help="may be repeated")
    add("--only", action="append", metavar="PATTERN", help="models to measure, such as 'light_*'; may be repeated")
    add("--threads", type=numbers, default=[1, 2], metavar="N,...", help="default 1,2")
    add("--rounds", type=int, default=3, help="default %(default)s")
    add("--min-time", type=float, default=1.0, metavar="S", help="seconds of a round, default %(default)s")
    add("--timeout", type=float, default=900, metavar="S", help="of one nacre command, default %(default)s")
    add("--nacre", default="build/bin/nacre", metavar="PATH", help="default %(default)s")
    add("--out", type=pathlib.Path, metavar="FILE", help="written anew after each row")
    add("--no-light", action="store_true", help="leave the light networks out")
    add("--cache", type=pathlib.Path, default=cache, metavar="DIR", help="1.3 GB, default %(default)s")
    arguments = parser.parse_args()
    available = len(os.sched_getaffinity(0))
    if max(arguments.threads) > available or min(arguments.threads) < 1:
        parser.error(f"--threads: this process may use {available} processors")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    if not shutil.which(arguments.nacre):
        parser.error(f"--nacre: no program '{arguments.nacre}'")
    return arguments


def main():
    arguments = parse()
    import onnxruntime

    wanted = lambda name: not arguments.only or any(fnmatch.fnmatch(name, pattern) for pattern in arguments.only)
    folders = [folder for folder in real_networks(arguments.models) if wanted(folder.name)]
    if not arguments.no_light:
        folders += light_networks(arguments.cache, wanted)
    if not folders:
        sys.exit("against_onnxruntime.py: no model to measure")

    processors = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as scratch:
        empty_us = empty_call_us(pathlib.Path(scratch), processors)
    foot = {"onnxruntime": onnxruntime.__version__, "processor": processor_name(), "empty_us": empty_us}
    rows = []
    for folder in folders:
        for row in compare(folder, arguments, processors):
            rows.append(row)
            said = row.failure or f"{number(row.ort_ms)} / {number(row.nacre_ms)} ms = {row.ratio:.2f}"
            print(f"{row.model}, {row.threads} thread(s): {said}", file=sys.stderr, flush=True)
            if arguments.out:
                arguments.out.write_text(markdown(rows, arguments, foot))
    print(markdown(rows, arguments, foot), end="")
    sys.exit(1 if any(row.failure for row in rows) else 0)


if __name__ == "__main__":
    main()
