#!/usr/bin/env python3
"""The training of char_transformer.ngl in PyTorch, from nacre's initial parameters and in its order of examples.

    pytorch.py NACRE FOLDER [STEPS [BATCH [SEED]]]

FOLDER is what data.py wrote. Needs numpy and torch (the figures of the tutorial are of 2.13 on the CPU). The network is
that of test/Autodiff/pytorch_models.py with four blocks; optimizer, schedule and clipping are written again as the
train block says.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "test/Autodiff"))
from pytorch_models import Transformer, cosine  # noqa: E402


def mixed(z):
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def shuffled(count, seed, epoch):
    """nacre's order of examples in an epoch."""
    order = list(range(count))
    key = mixed(mixed(seed) ^ epoch)
    for i in range(count - 1, 0, -1):
        j = mixed(key ^ i) * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return order


def initial_parameters(nacre, folder, seed):
    """In the order of their creation."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([nacre, "train", HERE / "char_transformer.ngl", "--data", folder / "train.npz", "--steps", "1",
                        "--batch", "1", "--seed", str(seed), "--optimizer", "sgd(lr = 0)", "-o",
                        f"{scratch}/w.safetensors"], check=True, capture_output=True)
        data = pathlib.Path(scratch, "w.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    header.pop("__metadata__", None)
    spans = sorted((entry["data_offsets"], entry["shape"], name) for name, entry in header.items())
    return {name: np.frombuffer(data, "<f4", count=(end - begin) // 4, offset=8 + length + begin).reshape(shape)
            for (begin, end), shape, name in spans}


def main():
    nacre, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    steps, batch, seed = (int(word) for word in (sys.argv[3:] + ["3000", "32", "1"][len(sys.argv) - 3:]))
    train, valid = ({name: torch.from_numpy(array.astype(np.int64)) for name, array in np.load(folder / file).items()}
                    for file in ("train.npz", "valid.npz"))
    network = Transformer(blocks=4)
    values = initial_parameters(nacre, folder, seed)
    names = {"position": "position", "embedding.weight": "embedding.weight", "head.weight": "head.weight",
             "norm.weight": "layer_norm.weight", "norm.bias": "layer_norm.bias"}
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(torch.from_numpy(values[names.get(name, name.replace("blocks.", "block."))].copy()))
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, cosine(100, steps))
    count = len(train["tokens"])
    per_epoch, order, begin = count // batch, [], time.monotonic()

    def loss_of(data, rows):
        return F.cross_entropy(network(data["tokens"][rows]).transpose(1, 2), data["label"][rows])

    for step in range(steps):
        if step % per_epoch == 0:
            order = shuffled(count, seed, step // per_epoch)
        at = step % per_epoch * batch
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(train, order[at:at + batch])
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % (steps // 20) == 0:
            print(f"step {step + 1}: loss {loss.item():.4f}, {time.monotonic() - begin:.0f} s", flush=True)
    held_out = len(valid["tokens"])
    with torch.no_grad():
        mean = sum(loss_of(valid, slice(i, i + 256)).item() * min(256, held_out - i)
                   for i in range(0, held_out, 256)) / held_out
    print(f"held-out loss {mean:.4f}")


if __name__ == "__main__":
    main()
