"""A process that holds one model open in one peer, and times it on request.

It has a session of its own, so that a peer which does not end can be ended with all that it started, and is stopped
while it is not its turn, so that no thread of it spins or compiles while another is timed.
"""

import ctypes
import importlib.metadata
import multiprocessing
import os
import signal
import statistics
import sys
import time

import peers

MIN_RUNS = 5
LONG_ROUND = 10  # times the seconds of a round; a round of MIN_RUNS runs ends there, after at least one
WARM_SECONDS = 0.2


class Failure(Exception):
    """A model that one side could not do; the text goes into the table."""


def median_ms(run, seconds):
    times = []
    start = time.perf_counter()
    while True:
        before = time.perf_counter()
        run()
        now = time.perf_counter()
        times.append(now - before)
        if now - start >= seconds and (len(times) >= MIN_RUNS or now - start >= LONG_ROUND * seconds):
            return statistics.median(times) * 1e3


def first_line(error):
    """What an exception says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def open_first(name, models, inputs, threads, scratch):
    """The peer with the first of the models that it can take, after one run; raises what the last one raised."""
    for model in models:
        try:
            peer = peers.PEERS[name](model, inputs, threads, scratch)
            peer.run()
            return peer
        except Exception:
            if model == models[-1]:
                raise


def die_with_parent():
    """A stopped process would outlive a parent that is killed; Linux can end it then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if multiprocessing.parent_process() and not multiprocessing.parent_process().is_alive():
        sys.exit(1)


def serve(pipe, name, models, inputs, threads, processors, scratch):
    """Sends (seconds to prepare, outputs), or (None, reason); then the median for each number of seconds received."""
    os.setsid()
    die_with_parent()
    os.sched_setaffinity(0, processors)
    with open(os.devnull, "w") as nothing:  # peers talk
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
    try:
        start = time.perf_counter()
        peer = open_first(name, models, inputs, threads, scratch)
        seconds = time.perf_counter() - start
        pipe.send((seconds, peer.outputs()))
    except Exception as error:  # whatever it is, the table should say so
        pipe.send((None, first_line(error)))
        return
    while True:
        seconds = pipe.recv()
        median_ms(peer.run, min(seconds, WARM_SECONDS))
        pipe.send(median_ms(peer.run, seconds))


class PeerProcess:
    """models are paths of the same model in other words, of which the first that the peer takes is used. Raises
    Failure, with the peer's title, where it takes none or does not answer in time."""

    def __init__(self, name, models, inputs, threads, processors, scratch, timeout):
        self.title = peers.PEERS[name].title
        self.timeout = timeout
        scratch.mkdir(parents=True, exist_ok=True)
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        arguments = (far, name, list(map(str, models)), inputs, threads, processors, scratch)
        self.process = context.Process(target=serve, args=arguments, daemon=True)
        self.process.start()
        far.close()
        try:
            self.seconds, self.outputs = self.receive()
            if self.seconds is None:
                raise Failure(f"{self.title}: {self.outputs}")
        except BaseException:
            self.close()
            raise
        self.signal(signal.SIGSTOP)

    def receive(self):
        if not self.pipe.poll(self.timeout):
            raise Failure(f"{self.title}: no end after {self.timeout:g} s")
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            raise Failure(f"{self.title}: the process died, exit code {self.process.exitcode}") from None

    def median_ms(self, seconds):
        self.signal(signal.SIGCONT)
        self.pipe.send(seconds)
        median = self.receive()
        self.signal(signal.SIGSTOP)
        return median

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:  # it has no session yet, or is gone
            if self.process.is_alive():
                os.kill(self.process.pid, number)

    def close(self):
        self.signal(signal.SIGKILL)
        self.process.join()


def version(name):
    """The version of a peer's package, or None where it is not installed."""
    try:
        return importlib.metadata.version(peers.PEERS[name].package).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return None
