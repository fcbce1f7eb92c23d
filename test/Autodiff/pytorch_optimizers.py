#!/usr/bin/env python3
"""pytorch_optimizers.py > test/Unit/training_pytorch.h

What PyTorch's optimizers make of a small regression in 100 steps, in f64:
loss = mean((x w v + b - y)^2) with x 6x3, w 3x4, v 4x3, b 3. Lion and LAMB,
which PyTorch lacks, are written from their papers. test/Unit/training_optimizers.cpp
trains the same model.
"""
import sys

import numpy as np
import torch

STEPS = 100
SHAPES = {"w": (3, 4), "v": (4, 3), "b": (3,)}


def numbers(shape, factor, start):
    """Multiples of 1/16 that f32 holds exactly."""
    count = int(np.prod(shape))
    values = [((factor * i + start) % 13 - 6) / 16 for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


X, Y = numbers((6, 3), 7, 3), numbers((6, 3), 5, 1)


def parameters():
    p = {"w": numbers(SHAPES["w"], 4, 2), "v": numbers(SHAPES["v"], 9, 5),
         "b": numbers(SHAPES["b"], 3, 7)}
    return {k: v.requires_grad_() for k, v in p.items()}


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of arXiv:2302.06675."""

    def __init__(self, params, **settings):
        super().__init__(params, settings)

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                c = beta1 * m + (1 - beta1) * p.grad
                p -= group["lr"] * (c.sign() + group["weight_decay"] * p)
                m.copy_(beta2 * m + (1 - beta2) * p.grad)


class Lamb(torch.optim.Optimizer):
    """Algorithm 2 of arXiv:1904.00962 with phi(z) = z."""

    def __init__(self, params, **settings):
        super().__init__(params, settings)
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                v = self.state[p].setdefault("v", torch.zeros_like(p))
                m.copy_(beta1 * m + (1 - beta1) * p.grad)
                v.copy_(beta2 * v + (1 - beta2) * p.grad**2)
                r = m / (1 - beta1**self.t)
                r = r / ((v / (1 - beta2**self.t)).sqrt() + group["eps"])
                r = r + group["weight_decay"] * p
                length, step = p.norm(), r.norm()
                trust = length / step if length > 0 and step > 0 else 1.0
                p -= group["lr"] * trust * r


def muon(p, **adamw):
    # PyTorch iterates in bf16; here the iteration keeps the matrix's type.
    torch.Tensor.bfloat16 = torch.Tensor.clone
    return [torch.optim.Muon([p["w"], p["v"]], lr=0.005, weight_decay=0.1,
                             momentum=0.95, nesterov=True),
            torch.optim.AdamW([p["b"]], lr=0.005, weight_decay=0.1,
                              betas=(0.9, 0.999), eps=1e-8)]


optim = torch.optim
CASES = {
    "sgd": lambda p: [optim.SGD(p.values(), lr=0.1)],
    "sgd_momentum": lambda p: [optim.SGD(p.values(), lr=0.05, momentum=0.9,
                                         weight_decay=0.01)],
    "sgd_nesterov": lambda p: [optim.SGD(p.values(), lr=0.05, momentum=0.9,
                                         nesterov=True)],
    "adam": lambda p: [optim.Adam(p.values(), lr=0.01, weight_decay=0.02)],
    "adamw": lambda p: [optim.AdamW(p.values(), lr=0.01, weight_decay=0.05,
                                    betas=(0.8, 0.95), eps=1e-6)],
    "lamb": lambda p: [Lamb(p.values(), lr=0.02, weight_decay=0.01,
                            betas=(0.9, 0.999), eps=1e-6)],
    "lion": lambda p: [Lion(p.values(), lr=0.001, weight_decay=0.1,
                            betas=(0.9, 0.99))],
    "muon": muon,
    "clip_norm": lambda p: [optim.SGD(p.values(), lr=0.1)],
    "clip_value": lambda p: [optim.SGD(p.values(), lr=0.1)],
    "clip_both": lambda p: [optim.SGD(p.values(), lr=0.1)],
}


def train(name):
    p = parameters()
    optimizers = CASES[name](p)
    losses, norms = [], []
    for _ in range(STEPS):
        loss = ((X @ p["w"] @ p["v"] + p["b"] - Y) ** 2).mean()
        for o in optimizers:
            o.zero_grad()
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.linalg.vector_norm(torch.stack(
            [v.grad.norm() for v in p.values()])).item())
        if name in ("clip_value", "clip_both"):
            torch.nn.utils.clip_grad_value_(p.values(), 0.05)
        # A clipped value leaves a norm below 0.1: both act from 0.02 on.
        if name in ("clip_norm", "clip_both"):
            torch.nn.utils.clip_grad_norm_(
                p.values(), 0.1 if name == "clip_norm" else 0.02)
        for o in optimizers:
            o.step()
    flat = np.concatenate([v.detach().numpy().ravel() for v in p.values()])
    return losses, norms, flat


def main():
    print("// Written by test/Autodiff/pytorch_optimizers.py with PyTorch "
          f"{torch.__version__.split('+')[0]}.")
    print("#ifndef NACRE_TEST_UNIT_TRAINING_PYTORCH_H")
    print("#define NACRE_TEST_UNIT_TRAINING_PYTORCH_H\n")
    print("/// Losses of steps 1, 10 and 100, norm of the gradient in step 1, and")
    print("/// w, v and b after 100 steps.")
    print("struct PytorchFigures {\n  const char *name;\n"
          "  double losses[3], norm, parameters[27];\n};")
    print("inline const PytorchFigures pytorchFigures[] = {")
    for name in CASES:
        losses, norms, flat = train(name)
        said = ", ".join(repr(losses[i]) for i in (0, 9, 99))
        print(f'    {{"{name}", {{{said}}}, {norms[0]!r},')
        print("     {" + ", ".join(repr(float(v)) for v in flat) + "}},")
    print("};\n\n#endif // NACRE_TEST_UNIT_TRAINING_PYTORCH_H")
    return 0


if __name__ == "__main__":
    sys.exit(main())
