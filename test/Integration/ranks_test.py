#!/usr/bin/env python3
"""nacre train --ranks: the same numbers for any number of ranks, and how it fails.

    ranks_test.py NACRE MPIRUN SOURCE_FOLDER

Exit code 77, skipped, where MPI is not there.
"""
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

if len(sys.argv) < 4 or not os.path.exists(sys.argv[2]):
    print("skipped: there is no mpirun (Debian: openmpi-bin libopenmpi-dev)")
    sys.exit(77)
NACRE, MPIRUN = map(os.path.abspath, sys.argv[1:3])
SOURCE = pathlib.Path(sys.argv[3]).resolve()
NET = str(SOURCE / "test/Integration/Training/ranks.ngl")
MLP = str(SOURCE / "models/mlp.ngl")
LENET = str(SOURCE / "models/lenet.ngl")
# More ranks than processors, as whoever runs the tests, without a warning about the kernel's shared memory.
os.environ.update({"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                   "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none",
                   "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none"})
for name in [name for name in os.environ if name.startswith(("OMPI_COMM_", "PMIX_", "PMI_"))]:
    del os.environ[name]
failures = []


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def words(ranks, *more):
    """The command line of a number of ranks; 0: without."""
    command = [NACRE, "train", *more, "--threads", "1"]
    return [MPIRUN, "-n", str(ranks), *command, "--ranks", "mpi"] if ranks else command


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, [line.removeprefix("error: ") for line in done.stderr.splitlines()
                             if line.startswith("error: ")], done.stderr


def ok(ranks, *more):
    code, _, stderr = run(words(ranks, *more))
    check(f"exit code of {ranks} ranks, {' '.join(more)}\n{stderr}", code, 0)
    return stderr


def refused(code, lines, command):
    got = run(command)
    check(" ".join(command), got[:2], (code, lines))


def write_data(path, shape, labels, count, seed=1, bad=None):
    numbers = random.Random(seed)
    size = 1
    for extent in shape:
        size *= extent
    x = [numbers.uniform(-1, 1) for _ in range(count * size)]
    label = [numbers.randrange(labels) for _ in range(count)]
    if bad:
        bad(x, label)
    with zipfile.ZipFile(path, "w") as archive:
        for name, descr, kind, full, values in (("x", "<f4", "f", (count, *shape), x),
                                                ("label", "<i8", "q", (count,), label)):
            header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {full}, }}"
            header += " " * ((-len(header) - 11) % 64) + "\n"
            archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
                             struct.pack(f"<{len(values)}{kind}", *values))


def content(path):
    return pathlib.Path(path).read_bytes()


def floats(path):
    data = content(path)
    length = struct.unpack("<Q", data[:8])[0]
    count = (len(data) - 8 - length) // 4
    return struct.unpack(f"<{count}f", data[8 + length:8 + length + 4 * count])


NET_WORDS = (NET, "--data", "net.npz", "--batch", "4", "--micro-batches", "8")


def same_bytes():
    """Checkpoint, log and result for 1, 2 and 4 ranks are those of a process alone."""
    for model, data, steps in ((NET, "net.npz", 6), (MLP, "mlp.npz", 3), (LENET, "lenet.npz", 2)):
        expected = None
        for ranks in {NET: (0, 1, 2, 4), MLP: (0, 2), LENET: (0, 4)}[model]:
            stderr = ok(ranks, model, "--data", data, "--valid", data, "--batch", "4", "--micro-batches", "4", "--steps",
                        str(steps), "--checkpoint", "c.safetensors", "--log", "l.csv", "-o", "w.safetensors")
            got = [content(name) for name in ("c.safetensors", "l.csv", "w.safetensors")]
            expected = expected or got
            check(f"{ranks} ranks give the bytes of one, {model}", [a == b for a, b in zip(got, expected)], [True] * 3)
            if ranks:
                share = f"{4 // ranks} micro-batch" + ("es" if ranks < 4 else "")
                check(f"what the ranks do\n{stderr}", stderr.count(
                    f"nacre: {ranks} rank{'s' * (ranks > 1)}, {share} to each, "), 1)
            check(f"one of {ranks} ranks speaks\n{stderr}", stderr.count(f"nacre: step {steps}/{steps}, epoch "), 2)


def resumed():
    """A training that goes on with another number of ranks is one that did not stop."""
    ok(0, *NET_WORDS, "--steps", "6", "--checkpoint", "whole.safetensors")
    for ranks, steps in ((2, 2), (4, 4), (1, 6)):
        ok(ranks, *NET_WORDS, "--steps", str(steps), "--checkpoint", "parts.safetensors", "--resume")
    check("2, 4, 1 ranks", content("parts.safetensors") == content("whole.safetensors"), True)


def divided():
    """With the optimizer's states divided among ranks everything is as without; each keeps its part."""
    for optimizer, bytes_of in (("adamw(lr = 1e-2, weight_decay = 0.01)", 2), ("muon(lr = 1e-2)", None), ("lamb(lr = 1e-2)", 2)):
        steps = ("--steps", "4", "--valid", "net.npz", "--optimizer", optimizer, "--checkpoint", "c.safetensors", "-o",
                 "w.safetensors")
        ok(0, *NET_WORDS, *steps)
        expected = [content(name) for name in ("c.safetensors", "w.safetensors")]
        for ranks in (1, 2, 4):
            pathlib.Path("c.safetensors").unlink()
            stderr = ok(ranks, *NET_WORDS, *steps, "--shard-optimizer")
            check(f"{ranks} ranks with parts of the states, {optimizer}",
                  [content(name) == e for name, e in zip(("c.safetensors", "w.safetensors"), expected)], [True] * 2)
            said = re.findall(r"nacre: (\d+) of (\d+) bytes of the optimizer's states are on this rank", stderr)
            check(f"who says what it has\n{stderr}", len(said), ranks > 1)
            if said and bytes_of:
                # Two of each parameter: 4x1x3x3 + 4, 4 + 4 of the norm, 16x144 + 16, 4x16 + 4.
                own, everything = map(int, said[0])
                check("all of them", everything, bytes_of * 4 * (40 + 8 + 2320 + 68))
                check("a part", own < everything, True)
    # Going on with another number of ranks, with states divided or not.
    ok(0, *NET_WORDS, "--steps", "6", "--checkpoint", "whole.safetensors")
    pathlib.Path("parts.safetensors").unlink(missing_ok=True)
    for ranks, steps, more in ((2, 2, ["--shard-optimizer"]), (1, 3, []), (4, 5, ["--shard-optimizer"]), (2, 6, [])):
        ok(ranks, *NET_WORDS, "--steps", str(steps), "--checkpoint", "parts.safetensors", "--resume", *more)
    check("2, 1, 4, 2 ranks", content("parts.safetensors") == content("whole.safetensors"), True)


def fast():
    """Sums in any order agree to roundings, also where the tree cannot be had."""
    steps = ("--steps", "3", "--optimizer", "sgd(lr = 0.1, momentum = 0.9)", "-o", "w.safetensors")
    for model, batch, counts in (((NET, "--data", "net.npz"), 12, (2, 3)), ((MLP, "--data", "mlp.npz"), 12, (2, 4))):
        # Of the same model, so that only the sums differ.
        common = (*model, "--batch", "2", "--micro-batches", str(batch), *steps)
        ok(0, *common)
        expected = floats("w.safetensors")
        largest = max(abs(v) for v in expected)
        for ranks in counts:
            ok(ranks, *common, "--fast-sums")
            got = floats("w.safetensors")
            check("as many numbers", len(got), len(expected))
            check(f"{model[0]} with {ranks} ranks", max(abs(a - b) for a, b in zip(got, expected)) <= 1e-5 * largest, True)


def failing():
    """A step that fails on one rank ends all of them, with the words of a process alone, and changes nothing."""
    def label(x, labels):
        labels[33] = 9

    def nan(x, labels):
        x[5 * 144 + 39] = float("nan")

    write_data("label.npz", (1, 12, 12), 4, 70, bad=label)
    write_data("nan.npz", (1, 12, 12), 4, 70, bad=nan)
    for data in ("label.npz", "nan.npz"):
        alone = None
        for ranks, more in ((0, ()), (4, ()), (2, ("--fast-sums",))):
            pathlib.Path("f.safetensors").unlink(missing_ok=True)
            code, lines, _ = run(words(ranks, NET, "--data", data, "--batch", "4", "--micro-batches", "8", "--epochs",
                                       "40", "--checkpoint-every", "1", "--checkpoint", "f.safetensors", *more))
            kept = content("f.safetensors") if os.path.exists("f.safetensors") else None
            alone = alone or (code, lines, kept)
            check(f"{data} with {ranks} ranks {more}", (code, lines), alone[:2])
            if not more:
                check(f"{data}: the checkpoint of {ranks} ranks is that before the step", kept == alone[2], True)
        check(f"{data}: {alone[1][0]}", alone[0] == (3 if data == "label.npz" else 4) and
              alone[1][0].startswith("step "), True)
    check("no temporary files", [name for name in os.listdir(".") if ".tmp-" in name], [])


def refusals():
    train = (*NET_WORDS, "--steps", "1")
    plugin = pathlib.Path(NACRE).parent.parent / "lib"
    refused(2, [f"--ranks: there is no plug-in {plugin}/libnacre_mpx.so"], words(0, *train, "--ranks", "mpx"))
    refused(2, ["--ranks: there is no plug-in ./no.so"], words(0, *train, "--ranks", "./no.so"))
    refused(2, [f"--ranks: {plugin}/libnacre_mpi.so: this process was not started as a rank, use mpirun -n RANKS"],
            words(0, *train, "--ranks", "mpi"))
    refused(2, ["--fast-sums: there are no ranks, use --ranks mpi"], words(0, *train, "--fast-sums"))
    refused(2, ["--shard-optimizer: there are no ranks, use --ranks mpi"], words(0, *train, "--shard-optimizer"))
    refused(2, ["--micro-batches: 0 is not above 0"],
            words(0, NET, "--data", "net.npz", "--steps", "1", "--micro-batches", "0"))
    refused(2, ["--ranks: 3 ranks share the micro-batches of a step, and 8 are no multiple of 3; use --micro-batches N"],
            words(3, *train))
    refused(2, ["--ranks: 2 ranks share the micro-batches of a step, and 1 is no multiple of 2; use --micro-batches N"],
            words(2, NET, "--data", "net.npz", "--steps", "1"))
    odd = "--ranks: sums that do not depend on the number of ranks need powers of two, not {}; --fast-sums takes any numbers"
    refused(2, [odd.format("3 ranks and 2 micro-batches to each")],
            words(3, NET, "--data", "net.npz", "--steps", "1", "--batch", "4", "--micro-batches", "6"))
    refused(2, [odd.format("2 ranks and 3 micro-batches to each")],
            words(2, NET, "--data", "net.npz", "--steps", "1", "--batch", "4", "--micro-batches", "6"))
    refused(2, ["--ranks: programs in textual IR are as they are"],
            words(2, str(SOURCE / "test/Integration/Training/least_squares.mlir"), "--data", "net.npz", "--steps", "1"))
    refused(3, ["rank 1: missing.npz: No such file"], two("missing.npz"))
    code, lines, _ = run(words(2, *train, "--curve", "nowhere/curve.svg"))
    check("what rank 0 cannot write", (code, [line[:22] for line in lines]), (2, ["rank 0: nowhere/curve."]))
    # Of other data, with the same number of examples and another.
    write_data("other.npz", (1, 12, 12), 4, 70, seed=2)
    code, lines, _ = run(two("other.npz"))
    check("other data", (code, [line.split(" is ")[0] for line in lines]), (3, ["rank 1: hash of the data"]))
    write_data("more.npz", (1, 12, 12), 4, 71)
    code, lines, _ = run(two("more.npz"))
    check("more data", (code, lines[:1]), (3, ["rank 1: examples is 71, rank 0 has 70"]))
    code, lines, _ = run(two("net.npz", "--seed", "3"))
    check("another seed", (code, [line.split(" is ")[0] for line in lines]),
          (3, ["rank 1: hash of the states", "rank 1: seed"]))


def two(data, *more):
    """Two ranks, of which the second has other words."""
    own = [NACRE, "train", NET, "--batch", "4", "--micro-batches", "8", "--steps", "1", "--threads", "1", "--ranks", "mpi"]
    return [MPIRUN, "-n", "1", *own, "--data", "net.npz", ":", "-n", "1", *own, "--data", data, *more]


def rank_of(launcher, rank):
    """The process that is this rank."""
    children = pathlib.Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
    ranks = [int(child) for child in children
             if b"OMPI_COMM_WORLD_RANK=%d\0" % rank in content(f"/proc/{child}/environ")]
    check(f"one process is rank {rank}", len(ranks), 1)
    return ranks[0]


def lives(process):
    try:
        return content(f"/proc/{process}/stat").rsplit(b") ", 1)[1][:1] != b"Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def stopped():
    """A rank that is asked to stop stops all after the same step, with a checkpoint."""
    command = words(2, *NET_WORDS, "--steps", "1000000000", "--checkpoint", "s.safetensors", "--checkpoint-every",
                    "1000000000", "--log", "s.csv")
    start = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        while not (os.path.exists("s.csv") and os.path.getsize("s.csv") > 200) and start.poll() is None:
            time.sleep(0.02)
        os.kill(rank_of(start, 1), signal.SIGTERM)
        stderr = start.communicate(timeout=60)[1]
    finally:
        start.kill()
    step = content("s.csv").split()[-1].split(b",")[0].decode()
    check(f"exit code {start.returncode} and words\n{stderr}",
          (start.returncode, [line for line in stderr.splitlines() if line.startswith("error: ")]),
          (143, [f"error: stopped by SIGTERM after step {step} of 1000000000",
                 f"error: s.safetensors is of step {step}, --resume goes on"]))
    ok(0, *NET_WORDS, "--steps", str(int(step) + 1), "--checkpoint", "s.safetensors", "--resume")
    ok(0, *NET_WORDS, "--steps", str(int(step) + 1), "--checkpoint", "t.safetensors")
    check("goes on without ranks", content("s.safetensors") == content("t.safetensors"), True)


def killed():
    """When a rank is killed the others do not wait for ever."""
    command = words(2, *NET_WORDS, "--steps", "1000000000", "--checkpoint", "k.safetensors", "--checkpoint-every", "1")
    start = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists("k.safetensors") and start.poll() is None:
            time.sleep(0.1)
        children = pathlib.Path(f"/proc/{start.pid}/task/{start.pid}/children").read_text().split()
        os.kill(rank_of(start, 1), signal.SIGKILL)
        code = start.wait(timeout=30)
        check(f"exit code {code}", code != 0, True)
        end = time.monotonic() + 30
        while any(map(lives, children)) and time.monotonic() < end:
            time.sleep(0.1)
        check("no rank is left", list(filter(lives, children)), [])
    finally:
        start.kill()


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_data("net.npz", (1, 12, 12), 4, 70)
        write_data("mlp.npz", (784,), 10, 60)
        write_data("lenet.npz", (1, 28, 28), 10, 36)
        for test in (same_bytes, resumed, divided, fast, failing, refusals, stopped, killed):
            start = time.monotonic()
            test()
            print(f"{time.monotonic() - start:.1f} s: {test.__name__}", flush=True)
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
