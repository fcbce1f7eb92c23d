"""The networks that tests and benchmarks train, and data for them by formula. Needs numpy only."""

import json
import pathlib
import struct
import subprocess

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parents[2]
MODELS = {
    "mlp": "models/mlp.ngl",
    "lenet": "models/lenet.ngl",
    "resnet8": "models/resnet8.ngl",
    "lstm": "models/lstm.ngl",
    "transformer": "test/Autodiff/Inputs/transformer.ngl",
}
# The batch of the tests, which is all examples: so no order is to be known.
BATCHES = {"mlp": 32, "lenet": 16, "resnet8": 8, "lstm": 8, "transformer": 2}
STEPS = 10


def model_file(name):
    return str(SOURCE / MODELS[name])


def spread(count, seed):
    """`count` numbers in 0 .. 2^24-1 without a pattern: SplitMix64's finalizer, with wrapping u64 arithmetic."""
    z = np.arange(count, dtype=np.uint64) + np.uint64(seed << 32)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(40)


def floats(shape, seed):
    """In [-1, 1), each a multiple of 2^-23 and so exact in f32."""
    return ((spread(int(np.prod(shape)), seed).astype(np.float64) - 2**23) / 2**23).astype(np.float32).reshape(shape)


def integers(shape, seed, below):
    return (spread(int(np.prod(shape)), seed) % np.uint64(below)).astype(np.int64).reshape(shape)


def data(name, count):
    """The arrays of `count` examples, by the names of the model's data inputs."""
    if name == "transformer":
        text = integers((count, 65), 1, 128)
        return {"tokens": text[:, :-1].copy(), "label": text[:, 1:].copy()}
    shape, classes = {"mlp": ((784,), 10), "lenet": ((1, 28, 28), 10), "resnet8": ((3, 32, 32), 10),
                      "lstm": ((32, 8), 4)}[name]
    return {"x": floats((count, *shape), 2), "label": integers((count,), 3, classes)}


def train(nacre, name, folder, steps, batch, *words, env=None):
    """Runs nacre train in `folder` on data.npz there; gives the losses of the steps."""
    log = pathlib.Path(folder, "log.jsonl")
    log.unlink(missing_ok=True)
    done = subprocess.run([nacre, "train", model_file(name), "--data", "data.npz", "--steps", str(steps), "--batch",
                           str(batch), "--log", log.name, *words], cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"nacre train {name} {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
    return [json.loads(line)["loss"] for line in log.read_text().splitlines()]


def initial_parameters(nacre, name, folder, batch):
    """What nacre trains from: a step at rate 0 changes no parameter. In the order of creation."""
    train(nacre, name, folder, 1, batch, "--optimizer", "sgd(lr = 0)", "-o", "initial.safetensors")
    raw = pathlib.Path(folder, "initial.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for key, entry in header.items():
        begin, end = entry["data_offsets"]
        if entry["dtype"] != "F32":
            raise RuntimeError(f"{name}: {key} is {entry['dtype']}")
        tensors[key] = np.frombuffer(raw[8 + size + begin:8 + size + end], "<f4").reshape(entry["shape"])
    return tensors
