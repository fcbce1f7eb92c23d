"""Times training steps of Nacre and PyTorch, side by side in one run, and writes a Markdown table.

    bench.py [--nacre PATH] [--only NAME]... [--threads 1,2] [--rounds 3] [--min-time 2] [--no-compile] [--out FILE]
    bench.py --kernels NAME [--threads N] [--min-time 2]

The networks are those of test/Autodiff/training_cases.py, in PyTorch those of pytorch_models.py, whose losses
test/Autodiff compares. A step is forward, backward, clipping, optimizer and schedule, on one batch that lies in memory.

Fair means here:
  - rounds alternate, PyTorch eager, torch.compile, Nacre, so all see the same drift of the machine; a figure is the
    median over the rounds of the round's median, and a round lasts at least --min-time seconds of steps;
  - N threads get N processors: each process is pinned to the same N before it starts a thread;
  - PyTorch reads the loss after each step (item), as Nacre's loop does, and uses the defaults of its optimizers;
  - Nacre is `nacre train --json`: step_ms leaves out gathering the batch, reading and writing files, and evaluation;
  - all are warm: compiling and the first steps are not counted.
The last column is the time of backward and optimizer over that of forward: (step - evaluation) / evaluation, both of
Nacre. Batch norm makes evaluation cheaper than the forward part of a step.

--kernels shows Nacre's kernels of a step, longest first, by `nacre bench` of the step program on the states after one
step.
"""

import argparse
import dataclasses
import json
import math
import multiprocessing
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SOURCE / "test" / "Autodiff"))
import training_cases as cases

BATCHES = {"mlp": 128, "lenet": 128, "resnet8": 64, "lstm": 32, "transformer": 16}
WARM_STEPS = 3
MIN_STEPS = 10
MAX_STEPS = 20000
SETTLE_SECONDS = 0.2  # until PyTorch's threads have stopped spinning


class Failure(Exception):
    """A network that one side could not do; the text goes below the table."""


@dataclasses.dataclass
class Row:
    model: str
    threads: int
    eager: float
    compiled: float  # NaN where torch.compile failed
    nacre: float
    evaluation: float


# PyTorch, in a process of its own for each number of threads and way.


def torch_process(pipe, name, processors, compiled):
    os.sched_setaffinity(0, processors)
    try:
        import torch
        import pytorch_models

        torch.set_num_threads(len(processors))
        torch.manual_seed(0)
        training = pytorch_models.Training(name, compiled=compiled)
        batch = [torch.from_numpy(array) for array in cases.data(name, BATCHES[name]).values()]

        def steps(seconds, least):
            times = []
            while sum(times) < seconds or len(times) < least:
                begin = time.perf_counter()
                training.step(*batch).item()
                times.append(time.perf_counter() - begin)
            return times

        steps(0, WARM_STEPS)
        pipe.send("ready")
        while (seconds := pipe.recv()) is not None:
            steps(0, WARM_STEPS)
            pipe.send(statistics.median(steps(seconds, MIN_STEPS)) * 1e3)
    except Exception as error:  # of many types, among them those of torch.compile
        pipe.send(Failure(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"))


class Torch:
    def __init__(self, name, processors, compiled):
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=torch_process, args=(other, name, processors, compiled), daemon=True)
        self.process.start()
        other.close()
        self.answer()

    def answer(self):
        try:
            answer = self.pipe.recv()
        except EOFError:
            raise Failure(f"the process ended with {self.process.exitcode}") from None
        if isinstance(answer, Failure):
            raise answer
        return answer

    def measure(self, seconds):
        self.pipe.send(seconds)
        return self.answer()

    def close(self):
        if self.process.is_alive():
            self.pipe.send(None)
        self.process.join()


# Nacre.


def pinned(processors):
    return lambda: os.sched_setaffinity(0, processors)


def nacre_report(words, folder, processors):
    done = subprocess.run(list(map(str, words)), cwd=folder, capture_output=True, text=True,
                          preexec_fn=pinned(processors))
    if done.returncode:
        raise Failure(f"nacre: exit code {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def nacre_steps(options, name, folder, processors, steps):
    return nacre_report([options.nacre, "train", cases.model_file(name), "--data", "data.npz", "--valid", "data.npz",
                         "--eval-every", max(1, min(10, steps // MIN_STEPS)), "--steps", steps, "--batch",
                         BATCHES[name], "--threads", len(processors), "--json"], folder, processors)


# The table.


def median(values):
    values = [value for value in values if not math.isnan(value)]
    return statistics.median(values) if values else math.nan


def measure(options, name, threads, notes):
    processors = sorted(os.sched_getaffinity(0))[:threads]
    if len(processors) < threads:
        raise Failure(f"{threads} threads need as many processors")
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/data.npz", **cases.data(name, BATCHES[name]))
        rival = {False: Torch(name, processors, False)}
        if not options.no_compile:
            try:
                rival[True] = Torch(name, processors, True)
            except Failure as failure:
                notes.append(f"{name}, {threads} threads: torch.compile failed: {failure}")
        try:
            steps = 2 * MIN_STEPS
            figures = {False: [], True: [], "step": [], "evaluation": []}
            for _ in range(options.rounds):
                for compiled, process in rival.items():
                    figures[compiled].append(process.measure(options.min_time))
                time.sleep(SETTLE_SECONDS)
                if not figures["step"]:
                    first = nacre_steps(options, name, folder, processors, steps)
                    steps = max(MIN_STEPS, min(MAX_STEPS, math.ceil(options.min_time * 1e3 / first["step_ms"])))
                report = nacre_steps(options, name, folder, processors, steps)
                figures["step"].append(report["step_ms"])
                figures["evaluation"].append(report["evaluation_ms"])
        finally:
            for process in rival.values():
                process.close()
    return Row(name, threads, *(median(figures[key]) for key in (False, True, "step", "evaluation")))


def three(value):
    if math.isnan(value):
        return ""
    digits = 2 - math.floor(math.log10(value))
    return f"{value:.{max(0, digits)}f}"


def ratio(value):
    return "" if math.isnan(value) else f"{value:.2f}"


def processor():
    match = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return match[1] if match else platform.machine()


def table(options, rows, notes):
    import torch

    lines = [f"PyTorch {torch.__version__} against Nacre on {processor()}, f32, {options.rounds} interleaved rounds of "
             f"{options.min_time:g} s, load average {os.getloadavg()[0]:.1f} at the end; ratio above 1: Nacre is "
             "faster.", "",
             "| network | batch | threads | PyTorch eager, ms | torch.compile, ms | Nacre, ms | eager / Nacre | "
             "compile / Nacre | (step - eval) / eval |", "|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        lines.append(f"| {row.model} | {BATCHES[row.model]} | {row.threads} | {three(row.eager)} | "
                     f"{three(row.compiled)} | {three(row.nacre)} | {ratio(row.eager / row.nacre)} | "
                     f"{ratio(row.compiled / row.nacre)} | "
                     f"{ratio((row.nacre - row.evaluation) / row.evaluation)} |")
    lines.append("")
    for threads in sorted({row.threads for row in rows}):
        of = [row for row in rows if row.threads == threads]
        best = [min(v for v in (row.eager, row.compiled) if not math.isnan(v)) / row.nacre for row in of]
        lines.append(f"{threads} threads, against the faster of eager and compile: geometric mean "
                     f"{statistics.geometric_mean(best):.2f}, smallest {min(best):.2f} ({of[best.index(min(best))].model}).")
    return "\n".join(lines + [""] + notes if notes else lines) + "\n"


# The kernels of a step.


def read_tensors(path):
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    types = {"F32": "<f4", "I64": "<i8", "F64": "<f8"}
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(raw[8 + size + begin:8 + size + end], types[entry["dtype"]])
            tensors[name] = values.reshape(entry["shape"])
    return tensors


def kernels(options, name):
    threads = max(options.threads)
    processors = sorted(os.sched_getaffinity(0))[:threads]
    with tempfile.TemporaryDirectory() as folder:
        values = cases.data(name, BATCHES[name])
        np.savez(f"{folder}/data.npz", **values)
        cases.train(options.nacre, name, folder, 1, BATCHES[name], "--checkpoint", "states.safetensors")
        values |= read_tensors(f"{folder}/states.safetensors")
        for role in ("step", "eval"):
            text = subprocess.run([options.nacre, "compile", cases.model_file(name), "--train", "--batch",
                                   str(BATCHES[name]), "--emit", role], cwd=folder, capture_output=True, text=True,
                                  check=True).stdout
            pathlib.Path(folder, f"{role}.mlir").write_text(text)
            # The arguments of main, in order, begin with their names.
            arguments = re.search(r"func\.func @main\((.*?)\) -> ", text, re.S)[1]
            inputs = pathlib.Path(folder, role)
            inputs.mkdir()
            for i, argument in enumerate(re.findall(r'lazy\.name = "([^"]*)"', arguments)):
                np.save(inputs / f"input_{i}.npy", values[argument])
            report = nacre_report([options.nacre, "bench", f"{role}.mlir", "--data", inputs, "--threads", threads,
                                   "--min-time", options.min_time, "--json"], folder, processors)
            print(f"\n{name}, batch {BATCHES[name]}, {role}, {threads} threads: {report['median_ms']:.3f} ms, "
                  f"{report['gflops']:.1f} of {report['peak_gflops']:.0f} GFLOP/s, {len(report['kernels'])} kernels")
            kinds = {}
            for kernel in report["kernels"]:
                kind = re.sub(r"_\d+(?=_|$)", "", kernel["name"])
                count, spent = kinds.get(kind, (0, 0))
                kinds[kind] = count + 1, spent + kernel["median_us"]
            print("  " + ", ".join(f"{count} {kind} {spent:.0f} us" for kind, (count, spent) in
                                   sorted(kinds.items(), key=lambda entry: -entry[1][1])))
            print("      us  share  GFLOP/s    GB/s  kernel")
            for kernel in sorted(report["kernels"], key=lambda k: -k["median_us"])[:options.top]:
                print(f"{kernel['median_us']:8.1f} {kernel['median_us'] / report['median_ms'] / 10:5.1f}% "
                      f"{kernel['gflops']:8.2f} {kernel['gbytes_per_s']:7.2f}  {kernel['name']}: {kernel['computes']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--nacre", default=str(SOURCE / "build" / "bin" / "nacre"))
    parser.add_argument("--only", action="append", choices=list(BATCHES))
    parser.add_argument("--threads", default="1,2", type=lambda text: [int(word) for word in text.split(",")])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--min-time", type=float, default=2)
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile, which needs g++")
    parser.add_argument("--out")
    parser.add_argument("--kernels", metavar="NAME", choices=list(BATCHES))
    parser.add_argument("--top", type=int, default=15, help="kernels to show")
    options = parser.parse_args()
    options.nacre = os.path.abspath(options.nacre)
    if options.kernels:
        kernels(options, options.kernels)
        return 0
    rows, notes = [], []
    for name in options.only or BATCHES:
        for threads in options.threads:
            try:
                rows.append(measure(options, name, threads, notes))
                print(rows[-1], file=sys.stderr, flush=True)
            except Failure as failure:
                notes.append(f"{name}, {threads} threads: {failure}")
                print(notes[-1], file=sys.stderr, flush=True)
    text = table(options, rows, notes)
    if options.out:
        pathlib.Path(options.out).write_text(text)
    print(text, end="")
    return 1 if notes else 0


if __name__ == "__main__":
    sys.exit(main())
