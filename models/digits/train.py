"""Trains the digit classifier and writes digits.onnx and pictures/ next to this file.

    pip install torch==2.13.0 numpy==2.4.6 scikit-learn==1.9.1 onnx==1.22.0
    python train.py

The data are 1797 real scans, 8x8 pixels of 17 grey levels, that scikit-learn ships (load_digits).
They come in the order they were collected, so neighbours often share a writer; the last fifth is held out
as one piece rather than drawn at random, which would put most writers on both sides.

The network is written twice, once for torch and once as ONNX nodes by name: torch.onnx names values
"/block1/dw/Conv_output_0", and a model that serves as an example should be readable.
"""

import pathlib

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).resolve().parent
HELD_OUT = 360
EPOCHS = 60
BATCH = 32


class ResidualBlock(nn.Module):
    """x + pointwise(depthwise(x)), each convolution with batch normalisation."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(channels)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.pointwise_bn = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.depthwise_bn(self.depthwise(x)))
        return F.relu(x + self.pointwise_bn(self.pointwise(y)))


class Digits(nn.Module):
    """[N,1,8,8] grey values in [0,1] -> [N,10] logits."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(16)
        self.block1 = ResidualBlock(16)
        self.widen = nn.Conv2d(16, 32, 3, padding=1, bias=False)
        self.widen_bn = nn.BatchNorm2d(32)
        self.block2 = ResidualBlock(32)
        self.classify = nn.Linear(32 * 4 * 4, 10)

    def forward(self, x):
        x = self.block1(F.relu(self.stem_bn(self.stem(x))))
        x = F.max_pool2d(x, 2)
        x = self.block2(F.relu(self.widen_bn(self.widen(x))))
        return self.classify(F.dropout(x.flatten(1), 0.3, self.training))


def warped(batch, generator):
    """Turns each picture by up to 0.2 rad, scales it by 10%, slants it by 0.2 and moves it by a pixel."""

    def uniform(largest):
        return (torch.rand(len(batch), generator=generator) * 2 - 1) * largest

    angle, zoom, slant = uniform(0.2), 1 + uniform(0.1), uniform(0.2)
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    rows = [cos, slant - sin, uniform(0.25), sin, cos, uniform(0.25)]  # 0.25 of half the width is one pixel
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), batch.shape, align_corners=False)
    return F.grid_sample(batch, grid, align_corners=False)


def train(model, pictures, labels):
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        model.train()
        total = 0.0
        for index in torch.randperm(len(pictures), generator=generator).split(BATCH):
            guess = model(warped(pictures[index], generator))
            loss = F.cross_entropy(guess, labels[index], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(index)
        schedule.step()
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1}: loss {total / len(pictures):.4f}")
    model.eval()


def to_onnx(model):
    """The same network as ONNX nodes, opset 17, batch dimension N."""
    nodes, weights = [], []

    def parameter(name, tensor):
        weights.append(numpy_helper.from_array(tensor.detach().numpy().astype(np.float32), name))
        return name

    def node(op, inputs, name, **attributes):
        nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv_bn(x, name, conv, bn):
        pads = [p for p in conv.padding for _ in range(2)]
        y = node("Conv", [x, parameter(f"{name}.weight", conv.weight)], f"{name}",
                 kernel_shape=list(conv.kernel_size), pads=pads, group=conv.groups)
        statistics = (("scale", bn.weight), ("bias", bn.bias), ("mean", bn.running_mean), ("var", bn.running_var))
        return node("BatchNormalization", [y] + [parameter(f"{name}.bn.{k}", v) for k, v in statistics],
                    f"{name}.bn", epsilon=bn.eps)

    def residual(x, name, block):
        y = conv_bn(x, f"{name}.depthwise", block.depthwise, block.depthwise_bn)
        y = node("Relu", [y], f"{name}.depthwise.relu")
        y = conv_bn(y, f"{name}.pointwise", block.pointwise, block.pointwise_bn)
        return node("Relu", [node("Add", [x, y], f"{name}.add")], f"{name}.relu")

    x = node("Relu", [conv_bn("picture", "stem", model.stem, model.stem_bn)], "stem.relu")
    x = residual(x, "block1", model.block1)
    x = node("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2])
    x = node("Relu", [conv_bn(x, "widen", model.widen, model.widen_bn)], "widen.relu")
    x = residual(x, "block2", model.block2)
    x = node("Flatten", [x], "flatten", axis=1)
    x = node("Gemm", [x, parameter("classify.weight", model.classify.weight),
                      parameter("classify.bias", model.classify.bias)], "logits", transB=1)
    node("Softmax", [x], "probabilities", axis=1)

    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10])], weights)
    exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                                 producer_name="models/digits/train.py")
    onnx.checker.check_model(exported, full_check=True)
    return exported


def write_pgm(path, levels):
    """Plain PGM with the scan's own 17 grey levels; ink is bright."""
    rows = "\n".join(" ".join(f"{v:2d}" for v in row) for row in levels)
    path.write_text(f"P2\n8 8\n16\n{rows}\n")


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)  # one order of summation, one result
    torch.use_deterministic_algorithms(True)

    data = load_digits()
    levels = data.images.astype(int)
    pictures = torch.tensor(levels / 16, dtype=torch.float32)[:, None]
    labels = torch.tensor(data.target)

    model = Digits()
    train(model, pictures[:-HELD_OUT], labels[:-HELD_OUT])
    with torch.no_grad():
        guesses = model(pictures).argmax(1)
    right = guesses == labels
    print(f"accuracy: trained on {right[:-HELD_OUT].float().mean():.4f}, "
          f"held out {right[-HELD_OUT:].float().mean():.4f} ({int(right[-HELD_OUT:].sum())} of {HELD_OUT})")

    (HERE / "digits.onnx").write_bytes(to_onnx(model).SerializeToString(deterministic=True))
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    first = len(labels) - HELD_OUT
    for digit in range(10):  # the first held-out scan of each digit, right or wrong
        at = first + int((labels[first:] == digit).nonzero()[0])
        write_pgm(folder / f"{digit}.pgm", levels[at])
        np.save(folder / f"{digit}.npy", pictures[at][None].numpy())
        print(f"pictures/{digit}: scan {at}, recognised as {int(guesses[at])}")


if __name__ == "__main__":
    main()
