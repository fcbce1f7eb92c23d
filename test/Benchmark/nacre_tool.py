"""Nacre's side of a comparison: its commands, run as a user would."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

import numpy as np

from peer_process import Failure


@dataclasses.dataclass
class Compiled:
    seconds: float
    peak_mb: float


@dataclasses.dataclass
class Nacre:
    program: str
    timeout: float  # seconds of one command

    def command(self, arguments, **more):
        """Runs a command and returns its stdout and stderr."""
        # A session of its own, so that a timeout ends the children too.
        process = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True, **more)
        try:
            out, err = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise Failure(f"Nacre: no end after {self.timeout:g} s") from None
        if process.returncode:
            lines = [line for line in err.splitlines() if line.strip()]
            raise Failure(f"Nacre: exit {process.returncode}: {lines[-1] if lines else 'no message'}")
        return out, err

    def bench(self, model, data, processors, seconds):
        """What nacre bench reports, on as many threads as there are processors."""
        out, _ = self.command([self.program, "bench", model, "--threads", len(processors), "--min-time", seconds,
                               "--json", *(["--data", data] if data else [])],
                              preexec_fn=lambda: os.sched_setaffinity(0, processors))
        try:
            report = json.loads(out)
            float(report["median_ms"])
            return report
        except (ValueError, KeyError, TypeError):
            raise Failure("Nacre: bench printed no median_ms") from None

    def outputs(self, model, data, processors):
        with tempfile.TemporaryDirectory() as folder:
            self.command([self.program, "run", model, "--data", data, "--threads", len(processors), "--output-dir",
                          folder])
            files = sorted(pathlib.Path(folder).glob("output_*.npy"), key=lambda path: int(path.stem[7:]))
            return [np.load(path) for path in files]

    def compile(self, model):
        with tempfile.TemporaryDirectory() as folder:
            meter = [sys.executable, "-I", "-S", "-c", METER]
            _, err = self.command([*meter, self.program, "compile", model, "-o", f"{folder}/model.o"])
        seconds, kilobytes = err.splitlines()[-1].split()
        return Compiled(float(seconds), int(kilobytes) / 1024)


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
