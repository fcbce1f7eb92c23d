#!/usr/bin/env python3
"""The networks of training_cases.py in PyTorch, and the losses of their first steps.

    pytorch_models.py NACRE > test/Autodiff/pytorch_losses.json

needs PyTorch (made with 2.13 on the CPU). Initial parameters are nacre's, assigned in the order of creation, which is
the order of each module's parameters() here; data are a formula; optimizer, schedule and clipping are written again
as the model's train block says. Each network trains in f32 and in f64 from the same f32 numbers.
"""
import json
import math
import sys
import tempfile

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import training_cases as cases


class Residual(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.short = None
        if stride != 1 or inputs != channels:
            self.short = nn.Conv2d(inputs, channels, 1, stride, bias=False)

    def forward(self, x):
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(h + (self.short(x) if self.short is not None else x))


class SequenceClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 64, num_layers=2, batch_first=True)
        self.linear = nn.Linear(64, 4)

    def forward(self, x):
        return self.linear(self.lstm(x)[0][:, -1])


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = (layer(x).view(n, length, self.heads, -1).transpose(1, 2) for layer in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, length, width))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        h = x + self.attn(self.norm1(x))
        return h + self.fc2(F.gelu(self.fc1(self.norm2(h))))


class Transformer(nn.Module):
    def __init__(self, vocabulary=128, context=64, width=128, heads=4, blocks=2):
        super().__init__()
        self.position = nn.Parameter(torch.zeros(context, width))
        self.embedding = nn.Embedding(vocabulary, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        return self.head(self.norm(self.blocks(self.embedding(tokens) + self.position)))


def network(name):
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    if name == "lenet":
        return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
                             nn.ReLU(), nn.Linear(84, 10))
    if name == "resnet8":
        return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                             Residual(16, 16, 1), Residual(16, 32, 2), Residual(32, 64, 2), nn.AdaptiveAvgPool2d(1),
                             nn.Flatten(), nn.Linear(64, 10))
    return {"lstm": SequenceClassifier, "transformer": Transformer}[name]()


def cosine(warmup, total):
    """The schedule of docs/training.md as a factor of the base rate."""
    return lambda s: (s + 1) / warmup if s < warmup else (1 + math.cos(math.pi * min(1, (s - warmup) / (total - warmup)))) / 2


class Training:
    """A network with the optimizer of its train block; step() is one step on a batch. A rate that never changes is set
    once, as a user of PyTorch would."""

    def __init__(self, name, parameters=None, dtype=torch.float32, compiled=False):
        self.name = name
        self.module = network(name)
        if parameters is not None:
            own = list(self.module.parameters())
            if [tuple(p.shape) for p in own] != [value.shape for value in parameters]:
                raise RuntimeError(f"{name}: nacre's parameters have other shapes: {[v.shape for v in parameters]}")
            with torch.no_grad():
                for p, value in zip(own, parameters):
                    p.copy_(torch.from_numpy(value.copy()))
        self.module.to(dtype)
        values = list(self.module.parameters())
        schedule = None
        self.clip = 1.0 if name in ("lenet", "lstm", "transformer") else None
        if name == "mlp":
            self.optimizer = torch.optim.SGD(values, lr=0.1, momentum=0.9)
        elif name == "resnet8":
            self.optimizer = torch.optim.SGD(values, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
            schedule = cosine(200, 8000)
        elif name == "lstm":
            self.optimizer = torch.optim.Adam(values, lr=1e-3)
        else:
            self.optimizer = torch.optim.AdamW(values, lr=1e-3, weight_decay=0.01 if name == "lenet" else 0.1)
            schedule = cosine(100, 2000)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, schedule) if schedule else None
        self.forward = torch.compile(self.loss) if compiled else self.loss

    def loss(self, x, label):
        y = self.module(x)
        return F.cross_entropy(y.transpose(1, 2) if self.name == "transformer" else y, label)

    def step(self, x, label):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.forward(x, label)
        loss.backward()
        if self.clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        self.optimizer.step()
        if self.schedule:
            self.schedule.step()
        return loss


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    result = {"torch": torch.__version__.split("+")[0], "steps": cases.STEPS}
    for name, batch in cases.BATCHES.items():
        arrays = cases.data(name, batch)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/data.npz", **arrays)
            initial = cases.initial_parameters(sys.argv[1], name, folder, batch)
        parameters = [value for key, value in initial.items() if "running_" not in key]
        x, label = (torch.from_numpy(array) for array in arrays.values())
        result[name] = {}
        for key, dtype in (("f32", torch.float32), ("f64", torch.float64)):
            training = Training(name, parameters, dtype)
            into = x.to(dtype) if x.is_floating_point() else x
            losses = [training.step(into, label).item() for _ in range(cases.STEPS)]
            training.module.eval()
            with torch.no_grad():
                after = training.loss(into, label).item()
            result[name][key] = {"losses": losses, "after": after}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
