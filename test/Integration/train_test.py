#!/usr/bin/env python3
"""nacre train: the loop, files, messages and exit codes.

    train_test.py NACRE [--full]

The programs of Training/least_squares.mlir are written by hand, so every number can be computed here; Training/small.ngl
is a model of the graph language. Needs nothing but Python and the compiler. --full kills more processes.
"""
import csv
import hashlib
import json
import os
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
NACRE = os.path.abspath(sys.argv[1])
FULL = "--full" in sys.argv
MODEL = str(HERE / "Training" / "least_squares.mlir")
failures = []


def run(*words):
    done = subprocess.run([NACRE, "train", *words], capture_output=True, text=True, timeout=300)
    errors = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
    return done.returncode, done.stdout, done.stderr, errors


def check(what, got, expected):
    if got != expected:
        failures.append(what)
        print(f"FAIL {what}\n  expected {expected!r}\n  got      {got!r}")


def ok(*words):
    code, stdout, stderr, _ = run(*words)
    check(f"exit code of {' '.join(words)}\n{stderr}", code, 0)
    return stdout, stderr


def refused(code, *lines, words):
    got = run(*words)
    check(" ".join(words), (got[0], got[3]), (code, list(lines)))


def npy(descr, shape, data):
    shape_text = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape_text}, }}"
    header += " " * ((-len(header) - 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def pack(kind, values):
    return struct.pack(f"<{len(values)}{kind}", *values)


def npz(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name + ".npy", data)


def examples(count, seed=1):
    """Points of the plane 1 + x0 / 2 - x1 / 4, rounded to labels 0, 1, 2."""
    numbers = random.Random(seed)
    rows = [(numbers.randrange(-64, 65) / 32, numbers.randrange(-64, 65) / 32) for _ in range(count)]
    labels = [min(2, max(0, round(1 + a / 2 - b / 4))) for a, b in rows]
    return rows, labels


def write_examples(path, count, seed=1, compression=zipfile.ZIP_DEFLATED):
    rows, labels = examples(count, seed)
    npz(path, {"x": npy("<f4", (count, 2), pack("f", [v for row in rows for v in row])),
               "label": npy("<i8", (count,), pack("q", labels))}, compression)


def mixed(z):
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def shuffled(count, seed, epoch):
    order = list(range(count))
    key = mixed(mixed(seed) ^ epoch)
    for i in range(count - 1, 0, -1):
        j = mixed(key ^ i) * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return order


def expected_losses(count, seed, steps, data_seed=1):
    """The same training in double precision."""
    rows, labels = examples(count, data_seed)
    w, b, losses, per_epoch = [0.0, 0.0], float(seed), [], count // 4
    for step in range(steps):
        order = shuffled(count, seed, step // per_epoch)
        batch = order[step % per_epoch * 4:step % per_epoch * 4 + 4]
        d = [rows[i][0] * w[0] + rows[i][1] * w[1] + b - labels[i] for i in batch]
        losses.append(sum(v * v for v in d) / 4)
        w = [w[k] - sum(rows[i][k] * v for i, v in zip(batch, d)) / 4 for k in (0, 1)]
        b -= sum(d) / 4
    return losses, w, b


def tensors(path):
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    meta = header.pop("__metadata__", {})
    return {name: data[8 + length + entry["data_offsets"][0]:8 + length + entry["data_offsets"][1]]
            for name, entry in header.items()}, meta


def numbers():
    """Losses and weights are those of the same training in Python."""
    write_examples("data.npz", 30)
    write_examples("valid.npz", 10, seed=2, compression=zipfile.ZIP_STORED)
    stdout, stderr = ok(MODEL, "--data", "data.npz", "--valid", "valid.npz", "--steps", "21", "--seed", "3", "--log",
                        "log.csv", "--curve", "curve.svg", "--checkpoint", "c.safetensors", "-o", "w.safetensors",
                        "--json")
    check("left out", "nacre: 30 examples, 7 steps an epoch of 4, 2 left out in each" in stderr, True)
    check("evaluation's", "nacre: the batch is fixed, the last 2 examples are not evaluated" in stderr, True)
    losses, w, b = expected_losses(30, 3, 21)
    with open("log.csv", newline="") as file:
        log = list(csv.DictReader(file))
    train = [row for row in log if row["set"] == "train"]
    check("columns", list(log[0]), ["step", "epoch", "set", "loss"])
    check("steps", [(row["step"], row["epoch"]) for row in train], [(str(n + 1), str(n // 7 + 1)) for n in range(21)])
    for n, (row, loss) in enumerate(zip(train, losses)):
        check(f"loss of step {n + 1}: {row['loss']} and {loss}", abs(float(row["loss"]) - loss) < 1e-4 * (1 + loss), True)
    check("evaluations", [row["step"] for row in log if row["set"] == "valid"], ["7", "14", "21"])
    kept, _ = tensors("w.safetensors")
    check("names", sorted(kept), ["b", "w"])
    got = (*struct.unpack("<2f", kept["w"]), *struct.unpack("<f", kept["b"]))
    check(f"weights {got} and {w}, {b}", max(abs(g - e) for g, e in zip(got, (*w, b))) < 1e-4, True)
    states, meta = tensors("c.safetensors")
    check("states", sorted(states), ["b", "nacre.step", "w"])
    check("step", struct.unpack("<q", states["nacre.step"])[0], 21)
    check("facts", meta, {"format": "nacre checkpoint 1", "model": "least_squares", "seed": "3", "batch": "4",
                          "micro-batches": "1", "examples": "30", "step": "21"})
    report = json.loads(stdout)
    check("times", 0 < report["step_ms"] * 11 <= report["seconds"] * 1e3 and 0 < report["evaluation_ms"], True)
    rows, labels = examples(10, 2)
    loss = sum((x0 * got[0] + x1 * got[1] + got[2] - label) ** 2
               for (x0, x1), label in zip(rows[:8], labels)) / 8
    check("report", [report[k] for k in ("model", "steps", "first_step", "seed", "batch", "examples")],
          ["least_squares", 21, 0, 3, 4, 30])
    check("evaluation", abs(report["valid"]["loss"] - loss) < 1e-5, True)
    check("a metric", abs(report["valid"]["first"] - sum(row[0] for row in rows[:8]) / 8) < 1e-6, True)
    svg = pathlib.Path("curve.svg").read_text()
    check("curve", (svg.count("<polyline"), svg.count("<circle"), svg.endswith("</svg>\n")), (2, 3, True))


def same_bytes():
    """Threads and files change nothing; the seed does."""
    write_examples("data.npz", 30)
    digests = {}
    for name, words in {"1": ["--threads", "1"], "2": ["--threads", "2"], "4": ["--threads", "4"],
                        "seed": ["--seed", "1"], "-O0": ["-O", "0"]}.items():
        ok(MODEL, "--data", "data.npz", "--epochs", "2", "-o", "w.safetensors", *words)
        digests[name] = hashlib.sha256(pathlib.Path("w.safetensors").read_bytes()).hexdigest()
    check("threads", digests["1"] == digests["2"] == digests["4"], True)
    check("seed", digests["1"] != digests["seed"], True)


def formats():
    """The same arrays as .npz stored, deflated, as other types, and as .safetensors."""
    rows, labels = examples(12)
    flat = [v for row in rows for v in row]
    x = npy("<f4", (12, 2), pack("f", flat))
    npz("stored.npz", {"x": x, "label": npy("<i8", (12,), pack("q", labels)), "more": b"not looked at"},
        zipfile.ZIP_STORED)
    npz("types.npz", {"x": npy("<f8", (12, 2), pack("d", flat)), "label": npy("|u1", (12,), bytes(labels))})
    data = pack("f", flat) + pack("q", labels)
    header = json.dumps({"x": {"dtype": "F32", "shape": [12, 2], "data_offsets": [0, 96]},
                         "label": {"dtype": "I64", "shape": [12], "data_offsets": [96, 192]}}).encode()
    pathlib.Path("plain.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data)
    results = set()
    for file in ("stored.npz", "types.npz", "plain.safetensors"):
        ok(MODEL, "--data", file, "--steps", "5", "-o", "w.safetensors")
        results.add(pathlib.Path("w.safetensors").read_bytes())
    check("formats", len(results), 1)


def wrong_data():
    rows, labels = examples(12)
    flat = [v for row in rows for v in row]
    x, label = npy("<f4", (12, 2), pack("f", flat)), npy("<i8", (12,), pack("q", labels))

    def bad(members, *lines, code=3, more=()):
        npz("bad.npz", members)
        refused(code, *lines, words=[MODEL, "--data", "bad.npz", "--steps", "9", *more])

    bad({"x": x}, "bad.npz: there is no array 'label', the file has x")
    bad({}, "bad.npz: there is no array 'x', the file has none", "bad.npz: there is no array 'label', the file has none")
    bad({"x": npy("|u1", (12, 2), bytes(24)), "label": label},
        "bad.npz: array 'x': has u8, the model needs f32; scale it when the file is made, as with "
        ".astype('float32') / 255")
    bad({"x": x, "label": npy("<f4", (12,), pack("f", [0.0] * 12))},
        "bad.npz: array 'label': has f32, the model needs i64")
    bad({"x": x, "label": npy("<u8", (12,), pack("Q", [0] * 11 + [2**63]))},
        "bad.npz: array 'label': has u64, the model needs i64, which cannot hold its element 11")
    bad({"x": npy("<f4", (8, 3), pack("f", flat)), "label": label},
        "bad.npz: array 'x': has shape [8, 3], the model needs [examples, 2]")
    bad({"x": x, "label": npy("<i8", (11,), pack("q", labels[:11]))},
        "bad.npz: array 'label': has 11 examples, 'x' has 12")
    bad({"x": npy("<f4", (3, 2), pack("f", flat[:6])), "label": npy("<i8", (3,), pack("q", labels[:3]))},
        "bad.npz: has 3 examples, a step needs 4")
    bad({"x": x[:-4], "label": label}, "bad.npz: array 'x': data has 92 bytes, shape [12, 2] f32 needs 96")
    bad({"x": b"junk", "label": label}, "bad.npz: array 'x': not a .npy file")
    pathlib.Path("bad.npz").write_text("no archive")
    refused(3, "bad.npz: not a .npz file", words=[MODEL, "--data", "bad.npz", "--steps", "1"])
    refused(3, "none.npz: No such file", words=[MODEL, "--data", "none.npz", "--steps", "1"])
    # A member that says it is a terabyte.
    npz("bad.npz", {"x": x, "label": label})
    raw = bytearray(pathlib.Path("bad.npz").read_bytes())
    size = struct.pack("<I", len(x))
    for at in (raw.find(size), raw.rfind(size)):
        raw[at:at + 4] = struct.pack("<I", 0xF0000000)
    pathlib.Path("bad.npz").write_bytes(raw)
    code, _, _, lines = run(MODEL, "--data", "bad.npz", "--steps", "1")
    check(f"a size that cannot be: {lines}", (code, len(lines)), (3, 1))
    # What only a run can find.
    bad({"x": x, "label": npy("<i8", (12,), pack("q", [3] * 12))},
        "step 1 of epoch 1: an index in the data, such as a label or a token, is out of range",
        "it is in one of the examples " + ", ".join(map(str, shuffled(12, 0, 0)[:4])),
        "there is no checkpoint, --checkpoint keeps one")
    nan = npy("<f4", (12, 2), pack("f", [float("nan")] * 24))
    bad({"x": nan, "label": label}, "step 1 of epoch 1: the loss or a gradient is not finite",
        "the examples are " + ", ".join(map(str, shuffled(12, 0, 0)[:4])),
        "try a lower learning rate, a warmup, or clipping of gradients; and look for values that are not finite in the "
        "data", "there is no checkpoint, --checkpoint keeps one", code=4)


def usage():
    write_examples("data.npz", 8)
    base = [MODEL, "--data", "data.npz"]
    for lines, words in {
        "how long to train is not given, use --steps N or --epochs N": base,
        "--steps and --epochs exclude each other": [*base, "--steps", "1", "--epochs", "1"],
        "--steps: 0 is not in 1..2^40": [*base, "--steps", "0"],
        "--resume: --checkpoint says no file": [*base, "--steps", "1", "--resume"],
        "--checkpoint-every: --checkpoint says no file": [*base, "--steps", "1", "--checkpoint-every", "1"],
        "--eval-every: --valid says no file": [*base, "--steps", "1", "--eval-every", "1"],
        "--log: 'l.txt' is neither .csv nor .jsonl": [*base, "--steps", "1", "--log", "l.txt"],
        "--curve: 'c.png' is not .svg": [*base, "--steps", "1", "--curve", "c.png"],
        "-o: 'w.bin' is neither .safetensors nor .onnx": [*base, "--steps", "1", "-o", "w.bin"],
        "-o: programs in textual IR have no model of their own to write, only .safetensors":
            [*base, "--steps", "1", "-o", "w.onnx"],
        "--lora: programs in textual IR are as they are": [*base, "--steps", "1", "--lora", "4"],
        "'m.txt' is neither .ngl, .onnx nor .mlir": ["m.txt", "--data", "data.npz", "--steps", "1"],
        "'data.csv' is neither .npz nor .safetensors": [MODEL, "--data", "data.csv", "--steps", "1"],
    }.items():
        refused(2, lines, words=words)


def wrong_checkpoints():
    write_examples("data.npz", 12)
    words = [MODEL, "--data", "data.npz", "--steps", "6", "--checkpoint", "c.safetensors"]
    ok(*words)
    refused(2, "c.safetensors is of step 6, training ends at step 5",
            words=[MODEL, "--data", "data.npz", "--steps", "5", "--checkpoint", "c.safetensors", "--resume"])
    refused(3, "c.safetensors: was made with seed 0, not 1", words=[*words, "--resume", "--seed", "1"])
    write_examples("other.npz", 16)
    refused(3, "c.safetensors: was made with examples 12, not 16",
            words=[MODEL, "--data", "other.npz", "--steps", "6", "--checkpoint", "c.safetensors", "--resume"])
    data = pathlib.Path("c.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    header["v"] = header.pop("w")
    header["b"]["shape"] = [1]
    text = json.dumps(header).encode()
    pathlib.Path("c.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])
    refused(3, "c.safetensors: state 'w' (f32 [2]) is missing", "c.safetensors: state 'b' is f32 [1], the model has f32 []",
            "c.safetensors: state 'v' (f32 [2]) is not of this model", words=[*words, "--resume"])
    pathlib.Path("c.safetensors").write_bytes(data[:-1])
    code, _, _, lines = run(*words, "--resume")
    check(f"a cut checkpoint: {lines}", (code, len(lines)), (3, 1))


def losses(path, kind="train"):
    with open(path, newline="") as file:
        return [float(row["loss"]) for row in csv.DictReader(file) if row["set"] == kind]


def graph_language():
    small, accumulate = (str(HERE / "Training" / name) for name in ("small.ngl", "accumulate.ngl"))
    write_examples("data.npz", 50)
    write_examples("valid.npz", 10, seed=2)
    # Every example of an evaluation counts once, whatever the batch.
    still = [small, "--data", "data.npz", "--valid", "valid.npz", "--steps", "1", "--optimizer", "sgd(lr = 0)", "--log",
             "log.csv"]
    means = []
    for batch in ("3", "5", "10", "32"):
        ok(*still, "--batch", batch)
        means += losses("log.csv", "valid")
    check(f"averages {means}", len(means) == 4 and max(means) - min(means) < 1e-6, True)
    # Three micro-batches of four are a batch of twelve, but for rounding.
    sums = []
    for model, batch in ((accumulate, "4"), (accumulate, "12")):
        words = [model, "--data", "data.npz", "--batch", batch, "--log", "log.csv", "--seed", "2"]
        if batch == "12":
            pathlib.Path("one.ngl").write_text(pathlib.Path(model).read_text().replace("  accumulate 3\n", ""))
            words[0] = "one.ngl"
        ok(*words, "--steps", "20", "-o", f"w{batch}.safetensors", "--checkpoint", f"c{batch}.safetensors")
        sums.append(losses("log.csv"))
    check(f"micro-batches: {sums}", len(sums[0]) == 20 and max(abs(a - b) for a, b in zip(*sums)) < 1e-5, True)
    # In one piece and in two, with dropout and with micro-batches.
    for model, more in ((small, ["--batch", "8"]), (accumulate, ["--batch", "4"])):
        words = [model, "--data", "data.npz", "--seed", "7", *more]
        ok(*words, "--steps", "30", "-o", "one.safetensors")
        for steps in ("11", "30"):
            ok(*words, "--steps", steps, "--checkpoint", "two_c.safetensors", "--resume", "-o", "two.safetensors")
        os.remove("two_c.safetensors")
        check(f"{model} in two pieces", pathlib.Path("one.safetensors").read_bytes() ==
              pathlib.Path("two.safetensors").read_bytes(), True)
    # Parameters to begin with.
    ok(*still, "--params", "one.safetensors", "-o", "same.safetensors")
    check("--params", tensors("same.safetensors")[0], tensors("one.safetensors")[0])
    refused(3, *(f"c4.safetensors: tensor '{name}' ({kind} []) is no parameter of this model"
                 for name, kind in (("nacre.seed", "i64"), ("nacre.step", "i64"), ("nacre.micro_batch", "i64"))
                 if name in tensors("c4.safetensors")[0]), words=[*still, "--params", "c4.safetensors"])
    # What fails says where, and leaves the checkpoint.
    words = [small, "--data", "data.npz", "--steps", "9", "--batch", "25", "--checkpoint", "c.safetensors"]
    ok(*words)
    before = pathlib.Path("c.safetensors").read_bytes()
    rows, labels = examples(50)
    npz("bad.npz", {"x": npy("<f4", (50, 2), pack("f", [v for row in rows for v in row])),
                    "label": npy("<i8", (50,), pack("q", [3] + labels[1:]))})
    order = shuffled(50, 0, 5)
    step = 11 if 0 in order[:25] else 12
    batch = order[:25] if step == 11 else order[25:]
    order = shuffled(50, 0, 4)
    if 0 in order[25:]:
        step, batch = 10, order[25:]
    refused(3, f"step {step} of epoch {(step + 1) // 2}: an index in the data, such as a label or a token, is out of range",
            f"it is in one of the examples {', '.join(map(str, batch[:8]))}, ...", "c.safetensors is of step 9" if step < 11
            else "c.safetensors is of step 10", words=[small, "--data", "bad.npz", "--steps", "20", "--batch", "25",
                                                      "--checkpoint", "c.safetensors", "--resume"])
    if step == 10:
        check("the checkpoint", pathlib.Path("c.safetensors").read_bytes() == before, True)
    npz("bad.npz", {"x": npy("<f4", (50, 2), pack("f", [float("inf")] + [v for row in rows for v in row][1:])),
                    "label": npy("<i8", (50,), pack("q", labels))})
    order = shuffled(50, 0, 0)
    step, batch = (1, order[:25]) if 0 in order[:25] else (2, order[25:])
    refused(4, f"step {step} of epoch 1: the loss or a gradient is not finite",
            f"the examples are {', '.join(map(str, batch[:8]))}, ...",
            "try a lower learning rate, a warmup, or clipping of gradients; and look for values that are not finite in the "
            "data", "there is no checkpoint, --checkpoint keeps one",
            words=[small, "--data", "bad.npz", "--steps", "9", "--batch", "25"])
    refused(2, "--loss: the model's own train block says the loss",
            words=[small, "--data", "data.npz", "--steps", "9", "--loss", "mse"])
    refused(2, "--dim: the inputs have no open dim 'n', did you mean 'N'?",
            words=[small, "--data", "data.npz", "--steps", "9", "--dim", "n=3"])
    refused(2, "--batch: the model's inputs leave no leading dim open",
            words=[small, "--data", "data.npz", "--steps", "9", "--dim", "N=3", "--batch", "3"])


def schedule_ends():
    """A schedule without a total ends with training, and a training that goes on has the end it began with."""
    small = str(HERE / "Training" / "small.ngl")
    write_examples("data.npz", 50)
    words = [small, "--data", "data.npz", "--batch", "10", "--seed", "4"]
    rate = ["--optimizer", "sgd(lr = cosine(0.5, warmup = 2{}))"]
    open_end, told = ([rate[0], rate[1].format(more)] for more in ("", ", total = 20"))
    ok(*words, *open_end, "--steps", "20", "-o", "open.safetensors", "--checkpoint", "c.safetensors")
    ok(*words, *told, "--steps", "20", "-o", "told.safetensors")
    check("the end of training is the schedule's", tensors("open.safetensors")[0], tensors("told.safetensors")[0])
    check("the checkpoint says it", tensors("c.safetensors")[1]["schedule end"], "20")
    refused(2, "c.safetensors: was made with a learning rate whose schedule ends at step 20, now it would end at step 25; "
            "total = 20 in the schedule keeps it",
            words=[*words, *open_end, "--epochs", "5", "--checkpoint", "c.safetensors", "--resume"])
    ok(*words, *told, "--steps", "25", "--checkpoint", "c.safetensors", "--resume", "-o", "on.safetensors")
    ok(*words, *told, "--steps", "25", "-o", "whole.safetensors")
    check("with a total it goes on", tensors("on.safetensors")[0], tensors("whole.safetensors")[0])
    refused(2, "the learning rate's schedule has no total and ends at step 2, which is not above its warmup, 2",
            words=[*words, *open_end, "--steps", "2"])
    compiled = subprocess.run([NACRE, "compile", "--train", small, "--dim", "N=4", *open_end, "-o", "object"],
                              capture_output=True, text=True)
    check("compiled", (compiled.returncode, compiled.stderr.splitlines()[1:]),
          (2, ["error: --steps: the learning rate's schedule has no total; where does it end?"]))


def interrupted():
    """SIGINT and SIGTERM end training after a step, with a checkpoint of it if one is kept."""
    write_examples("data.npz", 4000)
    words = [MODEL, "--data", "data.npz", "--steps", "20000", "--threads", "1"]
    files = ["--checkpoint", "i.safetensors", "--checkpoint-every", "1000000"]

    def started(more):
        if os.path.exists("i.csv"):
            os.remove("i.csv")
        process = subprocess.Popen([NACRE, "train", *words, "--log", "i.csv", *more], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not (os.path.exists("i.csv") and os.path.getsize("i.csv") > 1000):
            time.sleep(0.002)
        return process

    def ended(process):
        stderr = process.communicate(timeout=120)[1]
        return process.returncode, [line for line in stderr.splitlines() if line.startswith("error: ")]

    ok(*words, "--checkpoint", "whole.safetensors", "--log", "whole.csv")
    for number, name in ((signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM")):
        process = started(files)
        process.send_signal(number)
        code, lines = ended(process)
        step = tensors("i.safetensors")[1]["step"]
        check(f"after {name}", (code, lines),
              (128 + number, [f"error: stopped by {name} after step {step} of 20000",
                              f"error: i.safetensors is of step {step}, --resume goes on"]))
        with open("i.csv", newline="") as file:
            check("the log ends there", list(csv.DictReader(file))[-1]["step"], step)
        ok(*words, *files, "--log", "i.csv", "--resume")
        for kind in ("safetensors", "csv"):
            check(f"{kind} after {name}", pathlib.Path(f"i.{kind}").read_bytes() ==
                  pathlib.Path(f"whole.{kind}").read_bytes(), True)
        os.remove("i.safetensors")
    process = started([])
    process.send_signal(signal.SIGINT)
    code, lines = ended(process)
    check("without a checkpoint", (code, lines[1:]),
          (130, ["error: there is no checkpoint, --checkpoint keeps one"]))


def killed(times):
    """Killed at any time and gone on with, training ends with the same bytes as in one piece."""
    write_examples("data.npz", 4000)
    # Many short steps; and few with a checkpoint of megabytes after each, so that many kills fall into its writing.
    killed_often(times, MODEL, "30000", "--checkpoint-every", "500")
    killed_often(times, str(HERE / "Training" / "wide.ngl"), str(20 * times), "--batch", "4", "--checkpoint-every", "1")


def killed_often(times, model, steps, *words):
    words = [model, "--data", "data.npz", "--threads", "1", *words]
    start = time.monotonic()
    ok(*words, "--steps", "1", "--checkpoint", "first.safetensors")
    first = time.monotonic() - start
    words += ["--steps", steps]
    start = time.monotonic()
    ok(*words, "--checkpoint", "whole.safetensors", "--log", "whole.csv", "-o", "whole_w.safetensors")
    whole = time.monotonic() - start
    numbers = random.Random(5)
    parts = [*words, "--checkpoint", "parts.safetensors", "--log", "parts.csv", "-o", "parts_w.safetensors", "--resume"]
    begun, ends, at, left = time.monotonic(), 0, set(), set()

    def compare(kills):
        for name in ("{}.safetensors", "{}.csv", "{}_w.safetensors"):
            check(f"{name} after {kills} kills", pathlib.Path(name.format("whole")).read_bytes() ==
                  pathlib.Path(name.format("parts")).read_bytes(), True)
            os.remove(name.format("parts"))

    for kills in range(1, times + 1):
        process = subprocess.Popen([NACRE, "train", *parts], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(numbers.uniform(0.5 * first, first + 2 * max(whole - first, 0) / times))
        process.send_signal(signal.SIGKILL)
        process.wait()
        left.update(name for name in os.listdir() if ".tmp-" in name)
        if os.path.exists("parts.safetensors"):
            at.add(tensors("parts.safetensors")[1]["step"])
        if os.path.exists("parts_w.safetensors"):
            compare(kills)
            ends += 1
    ok(*parts)
    compare(times)
    print(f"{os.path.basename(model)}: {times} kills, checkpoints of {len(at)} steps, {len(left)} unfinished files, "
          f"{whole:.1f} s in one piece, {time.monotonic() - begun:.1f} s in parts to {ends + 1} ends", flush=True)
    check("unfinished files", [name for name in os.listdir() if ".tmp-" in name], [])


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for test in (numbers, same_bytes, formats, wrong_data, usage, wrong_checkpoints, graph_language, schedule_ends,
                     interrupted):
            test()
        killed(100 if FULL else 5)
        os.chdir("/")
    print(f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
