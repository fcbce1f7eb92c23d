"""Times Nacre, ONNX Runtime and other compilers on the same models, side by side in one run; writes Markdown tables.

    against_peers.py [--models DIR]... [--only PATTERN]... [--peers onnxruntime,openvino,...] [--threads 1,2]
                     [--rounds 3] [--min-time 1] [--prepare-time 120] [--nacre PATH] [--out FILE] [--no-light]
                     [--no-large] [--cache DIR]

DIR holds folders in the layout of the ONNX test data, NAME/{model.onnx, test_data_set_0/input_*.pb}. In addition
come the light networks of the onnx package with random weights (randomise_weights.py) and the large ones of
large_models.py, both kept in the cache. fetch_peers.sh makes the Python environment that has all peers; one that is
not installed, or cannot take a model, is named below the tables with its reason.

Fair means here:
  - rounds alternate, each peer and then Nacre, so all see the same drift of the machine; a figure is the median over
    the rounds of the round's median, and a round lasts at least --min-time seconds;
  - N threads get N processors: each process is pinned to the same N before it starts a thread;
  - each peer has a process of its own, stopped while it is not its turn, is warm, and has its optimisations on
    (peers.py says which); inputs, and where there is a way outputs too, are bound beforehand;
  - outputs are compared with ONNX Runtime's (where that fails, with those of the next peer), and a peer that is
    further away than --error is not timed;
  - open dimensions get the extents of the test data in all; a peer that cannot take a model as it is gets it in opset
    17 with constants folded, which is more to the liking of some.
Peers are called from Python, which costs them microseconds a call; the tables' foot says how many, by a model of one
Relu of one number. Nacre's compiling is timed once, unpinned, with the largest memory the process held.
"""

import argparse
import dataclasses
import fnmatch
import functools
import os
import pathlib
import shutil
import statistics
import sys
import tempfile

import numpy as np

import comparison_tables
import networks
import peer_process
from comparison_tables import NACRE, REFERENCE
from nacre_tool import Compiled, Nacre
from peer_process import Failure, PeerProcess
from peers import PEERS

LEAST = 1e-4  # the size of numbers that errors are relative to, at least


@dataclasses.dataclass
class Row:
    """One model on one number of threads; peers by the names of PEERS, Nacre among them."""

    model: str
    threads: int
    ms: dict[str, float] = dataclasses.field(default_factory=dict)
    errors: dict[str, float] = dataclasses.field(default_factory=dict)
    prepared: dict[str, float] = dataclasses.field(default_factory=dict)  # seconds
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)  # why a peer has no time
    compiled: Compiled | None = None


def distance(outputs, expected):
    """
    The largest, over the outputs, of the norm of the difference by the norm of what is expected, with elements that
    count as LEAST at least: ONNX Runtime's own sigmoid is 1e-7 off where the exact one is 1e-9 (docs/accuracy.md).
    """
    if len(outputs) != len(expected):
        raise Failure(f"{len(outputs)} outputs in place of {len(expected)}")
    worst = 0.0
    for got, want in zip(outputs, expected):
        if got.shape != want.shape:
            raise Failure(f"an output of {list(got.shape)} in place of {list(want.shape)}")
        norm = max(np.linalg.norm(want.astype(np.float64)), LEAST * max(want.size, 1) ** 0.5)
        error = np.linalg.norm(got.astype(np.float64) - want.astype(np.float64)) / norm
        worst = max(worst, error if np.isfinite(error) else np.inf)
    return float(worst)


class Comparison:
    """All sides of one model on one number of threads."""

    def __init__(self, row, arguments):
        self.row, self.arguments = row, arguments
        self.timers = {}  # name -> median in ms of a round of so many seconds
        self.open = []

    def start_peers(self, models, inputs, processors, scratch):
        """Opens every peer that has no reason yet against it; returns the outputs to compare with."""
        expected = None
        for name in self.arguments.peers:
            if name in self.row.reasons:
                continue
            try:
                peer = PeerProcess(name, models, inputs, len(processors), processors, scratch / name,
                                   self.arguments.prepare_time)
            except Failure as failure:
                self.row.reasons[name] = str(failure)
                continue
            self.open.append(peer)
            self.row.prepared[name] = peer.seconds
            expected = peer.outputs if expected is None else expected
            if self.agrees(name, peer.outputs, expected):
                self.timers[name] = peer.median_ms
        return expected

    def agrees(self, name, outputs, expected):
        try:
            self.row.errors[name] = error = distance(outputs, expected)
        except Failure as failure:
            self.row.reasons[name] = f"{title(name)}: {failure}"
            return False
        if error > self.arguments.error:
            self.row.reasons[name] = f"{title(name)}: wrong outputs, relative error {error:.2g}"
            return False
        return True

    def measure(self):
        """Rounds alternate; a side that fails in one has no time."""
        rounds = {name: [] for name in self.timers}
        for _ in range(self.arguments.rounds):
            for name, timer in self.timers.items():
                if name not in self.row.reasons:
                    try:
                        rounds[name].append(timer(self.arguments.min_time))
                    except Failure as failure:
                        self.row.reasons[name] = str(failure)
        for name, times in rounds.items():
            if name not in self.row.reasons:
                self.row.ms[name] = statistics.median(times)

    def close(self):
        for peer in self.open:
            peer.close()


def title(name):
    return "Nacre" if name == NACRE else PEERS[name].title


def compare(folder, arguments, processors, missing, scratch):
    """Yields one row for each number of threads."""
    nacre = Nacre(arguments.nacre, arguments.timeout)
    data = folder / "test_data_set_0"
    inputs = networks.read_inputs(folder)
    model = networks.without_open_dims(folder, inputs, scratch)
    other = networks.in_other_words(model, scratch) if len(arguments.peers) > 1 else None
    models = [model, other] if other else [model]
    reasons, compiled = dict(missing), None
    try:
        compiled = nacre.compile(model)
    except Failure as failure:
        reasons[NACRE] = str(failure)
    for threads in arguments.threads:
        # What could not be done with one thread is not tried with two.
        row = Row(folder.name, threads, reasons=dict(reasons), compiled=compiled)
        comparison = Comparison(row, arguments)
        pinned = processors[:threads]
        try:
            expected = comparison.start_peers(models, inputs, pinned, scratch)
            if NACRE not in row.reasons:
                try:
                    outputs = nacre.outputs(model, data, pinned)
                    if expected is None or comparison.agrees(NACRE, outputs, expected):
                        comparison.timers[NACRE] = functools.partial(bench_ms, nacre, model, data, pinned)
                except Failure as failure:
                    row.reasons[NACRE] = str(failure)
            comparison.measure()
        finally:
            comparison.close()
        reasons = dict(row.reasons)
        yield row


def bench_ms(nacre, model, data, processors, seconds):
    return float(nacre.bench(model, data, processors, seconds)["median_ms"])


def empty_calls_us(arguments, processors, missing):
    """What a call of each peer costs when the model does nothing."""
    costs = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = networks.empty(folder)
        for name in arguments.peers:
            if name in missing:
                continue
            try:
                peer = PeerProcess(name, [model], {"x": np.ones(1, np.float32)}, 1, processors[:1], folder / name,
                                   arguments.prepare_time)
                try:
                    costs[name] = peer.median_ms(0.2) * 1000
                finally:
                    peer.close()
            except Failure as failure:
                print(f"empty model: {failure}", file=sys.stderr)
    return costs


def add_timing_options(parser, peers):
    """The options that say against whom, how long and on what."""
    numbers = lambda text: [int(word) for word in text.split(",")]
    add = parser.add_argument
    add("--peers", type=lambda text: text.split(","), default=peers, metavar="NAME,...",
        help=f"of {', '.join(PEERS)}; default {','.join(peers)}")
    add("--threads", type=numbers, default=[1, 2], metavar="N,...", help="default 1,2")
    add("--rounds", type=int, default=3, help="default %(default)s")
    add("--min-time", type=float, default=1.0, metavar="S", help="seconds of a round, default %(default)s")
    add("--prepare-time", type=float, default=120, metavar="S",
        help="in which a peer compiles a model or gives it up, default %(default)s")
    add("--error", type=float, default=1e-2, metavar="E",
        help="largest relative error of a peer that is timed, default %(default)s")
    add("--timeout", type=float, default=900, metavar="S", help="of one nacre command, default %(default)s")
    add("--nacre", default="build/bin/nacre", metavar="PATH", help="default %(default)s")
    add("--out", type=pathlib.Path, metavar="FILE", help="written anew after each row")


def check_timing_options(parser, arguments):
    available = len(os.sched_getaffinity(0))
    if max(arguments.threads) > available or min(arguments.threads) < 1:
        parser.error(f"--threads: this process may use {available} processors")
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    for name in arguments.peers:
        if name not in PEERS:
            parser.error(f"--peers: no peer '{name}', there are {', '.join(PEERS)}")
    if not shutil.which(arguments.nacre):
        parser.error(f"--nacre: no program '{arguments.nacre}'")
    # The others are compared with the first one's outputs.
    arguments.peers.sort(key=lambda name: name != REFERENCE)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cache = pathlib.Path.home() / ".cache" / "nacre" / "light"
    add = parser.add_argument
    add("--models", type=pathlib.Path, action="append", default=[], metavar="DIR", help="may be repeated")
    add("--only", action="append", metavar="PATTERN", help="models to measure, such as 'light_*'; may be repeated")
    add("--no-light", action="store_true", help="leave the light networks out")
    add("--no-large", action="store_true", help="leave the large networks out")
    add("--cache", type=pathlib.Path, default=cache, metavar="DIR", help="2.3 GB, default %(default)s")
    add_timing_options(parser, peers=list(PEERS))
    arguments = parser.parse_args()
    check_timing_options(parser, arguments)
    return arguments


def installed(names):
    """Peer -> version, and of those that are not there, why they have no time."""
    versions = {name: peer_process.version(name) for name in names}
    return versions, {name: f"{title(name)}: not installed" for name, version in versions.items() if version is None}


def main():
    arguments = parse()
    wanted = lambda name: not arguments.only or any(fnmatch.fnmatch(name, pattern) for pattern in arguments.only)
    folders = [folder for folder in networks.folders_in(arguments.models) if wanted(folder.name)]
    if not arguments.no_light:
        folders += networks.light_networks(arguments.cache, wanted)
    if not arguments.no_large:
        folders += networks.large_networks(arguments.cache, wanted)
    if not folders:
        sys.exit("against_peers.py: no model to measure")

    versions, missing = installed(arguments.peers)
    processors = sorted(os.sched_getaffinity(0))
    empty_us = empty_calls_us(arguments, processors, missing)
    rows = []
    write = lambda: comparison_tables.markdown(rows, arguments, versions, empty_us)
    for folder in folders:
        with tempfile.TemporaryDirectory() as scratch:
            for row in compare(folder, arguments, processors, missing, pathlib.Path(scratch)):
                rows.append(row)
                print(comparison_tables.one_line(row), file=sys.stderr, flush=True)
                if arguments.out:
                    arguments.out.write_text(write())
    print(write(), end="")
    sys.exit(1 if any(name in row.reasons for row in rows for name in (REFERENCE, NACRE)) else 0)


if __name__ == "__main__":
    main()
