#!/usr/bin/env python3
"""Makes layers.safetensors: parameters, inputs and outputs of the cases of layers.ngl, by PyTorch.

    make_layers.py        (needs torch)

Tensors are called CASE/NAME for parameters and states, CASE/in.NAME for inputs, CASE/out.NAME for results.
"""
import json
import pathlib
import struct

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(7)
made = {}


def put(case, name, value):
    made[f"{case}/{name}"] = value.detach().contiguous()


def outs(case, values):
    for i, value in enumerate(values):
        put(case, "out.output" + (str(i) if len(values) > 1 else ""), value)


def module(case, net, x, layer, call=None):
    """A module whose parameters have the same names in the language, below `layer`."""
    for name, value in list(net.named_parameters()) + list(net.named_buffers()):
        if value.is_floating_point():
            put(case, f"{layer}.{name}", value)
    put(case, "in.x", x)
    outs(case, [call(net, x) if call else net(x)])


rand = torch.randn
module("linear", nn.Linear(4, 5), rand(2, 3, 4), "linear")
module("embedding", nn.Embedding(7, 4), torch.randint(7, (2, 3)), "embedding")
module("conv1d", nn.Conv1d(3, 4, 3, 2, 1), rand(2, 3, 9), "conv1d")
module("conv2d", nn.Conv2d(3, 4, (3, 2), (2, 1), (1, 2), (1, 2)), rand(2, 3, 8, 7), "conv2d")
module("conv2d_grouped", nn.Conv2d(4, 6, 3, groups=2, bias=False), rand(2, 4, 5, 6), "conv2d")
module("depthwise", nn.Conv2d(3, 6, 3, 2, 1, groups=3), rand(1, 3, 5, 5), "depthwise_conv2d")
module("conv3d", nn.Conv3d(2, 3, 2, padding=1), rand(1, 2, 4, 5, 4), "conv3d")
module("conv_transpose2d", nn.ConvTranspose2d(4, 6, 3, (2, 3), 1, (1, 2), groups=2), rand(2, 4, 3, 4),
       "conv_transpose2d")
module("conv_transpose2d_dilated", nn.ConvTranspose2d(2, 3, (3, 2), dilation=2), rand(1, 2, 3, 3), "conv_transpose2d")
x = rand(2, 3, 7, 6)
put("pools", "in.x", x)
outs("pools", [F.max_pool2d(x, 3, 2, 1), F.max_pool2d(x, 2, 1, dilation=2), F.avg_pool2d(x, 3, 2, 1),
               F.avg_pool2d(x, (3, 2), 2, 1, count_include_pad=False), x.mean((2, 3)), x.amax((2, 3))])

norm = nn.BatchNorm1d(2).eval()
nn.init.normal_(norm.weight)
nn.init.normal_(norm.bias)
norm.running_mean.normal_()
norm.running_var.uniform_(0.5, 2)
module("batch_norm", norm, rand(3, 2, 4), "batch_norm")
for case, net, shape in [("layer_norm", nn.LayerNorm(5), (2, 3, 5)), ("group_norm", nn.GroupNorm(3, 6), (2, 6, 3, 3)),
                         ("rms_norm", nn.RMSNorm(5, eps=1e-6), (2, 3, 5))]:
    for parameter in net.parameters():
        nn.init.normal_(parameter)
    module(case, net, rand(*shape), case)
x = rand(2, 3, 4, 4)
put("instance_norm", "in.x", x)
outs("instance_norm", [F.instance_norm(x)])

x = rand(4, 8) * 3
put("activations", "in.x", x)
outs("activations", [F.relu(x), F.relu6(x), F.leaky_relu(x), F.elu(x), F.selu(x), F.sigmoid(x), F.silu(x), F.mish(x),
                     F.gelu(x), F.gelu(x, approximate="tanh"), F.softplus(x), F.softsign(x), F.hardsigmoid(x),
                     F.hardswish(x), F.hardtanh(x), F.tanh(x), F.softmax(x, 0), F.log_softmax(x, -1)])


def attention(case, x, heads, kv_heads, causal, bias=True, base=0):
    n, length, width = x.shape
    size = width // heads
    linears = {name: nn.Linear(width, count * size, bias)
               for name, count in [("q", heads), ("k", kv_heads), ("v", kv_heads), ("out", heads)]}
    for name, linear in linears.items():
        for part, value in linear.named_parameters():
            put(case, f"attention.{name}.{part}", value)
    put(case, "in.x", x)

    def split(name, count):
        return linears[name](x).reshape(n, length, count, size).transpose(1, 2)

    def turn(t):
        if not base:
            return t
        angle = torch.arange(length)[:, None] * base ** (-torch.arange(0, size, 2) / size)[None]
        c, s = (torch.cat([f(angle)] * 2, -1) for f in (torch.cos, torch.sin))
        return t * c + torch.cat([-t[..., size // 2:], t[..., :size // 2]], -1) * s

    y = F.scaled_dot_product_attention(turn(split("q", heads)), turn(split("k", kv_heads)), split("v", kv_heads),
                                       is_causal=causal, enable_gqa=True)
    outs(case, [linears["out"](y.transpose(1, 2).reshape(n, length, width))])


attention("attention", rand(2, 5, 8), 2, 2, False)
attention("attention_causal_grouped", rand(2, 5, 8), 4, 2, True, bias=False)
attention("attention_rotary", rand(1, 4, 8), 2, 2, True, base=10000)

for case, net in [("lstm", nn.LSTM(3, 5, batch_first=True)), ("gru", nn.GRU(3, 5, batch_first=True))]:
    for name, value in net.named_parameters():
        put(case, f"{case}.{name.removesuffix('_l0')}", value)
    x = rand(2, 4, 3)
    put(case, "in.x", x)
    outs(case, [net(x)[0]])

x, label = rand(4, 5), torch.randint(5, (4,))
image, mask = rand(2, 3, 2, 2), torch.randint(3, (2, 2, 2))
for name, value in [("x", x), ("label", label), ("image", image), ("mask", mask)]:
    put("cross_entropy", "in." + name, value)
outs("cross_entropy", [F.cross_entropy(x, label), F.cross_entropy(image, mask), F.cross_entropy(x, label)])
x, target, p, q = rand(4, 3), rand(4, 3), torch.rand(4, 3), torch.rand(4, 3)
p[0, 0], q[0, 0] = 0, 1  # a logarithm of zero, held at -100
for name, value in [("x", x), ("target", target), ("p", p), ("q", q)]:
    put("losses", "in." + name, value)
outs("losses", [F.mse_loss(x, target), F.l1_loss(x, target), F.huber_loss(x, target),
                F.huber_loss(x, target, delta=0.3), F.binary_cross_entropy(p, q),
                F.binary_cross_entropy_with_logits(x, q)])

case, x = "batch_norm_training", rand(3, 2, 4)
norm = nn.BatchNorm1d(2, momentum=0.3)
nn.init.normal_(norm.weight)
for name, value in list(norm.named_parameters()) + list(norm.named_buffers()):
    if value.is_floating_point():
        put(case, "batch_norm." + name, value.clone())
put(case, "in.x", x)
y = norm(x)
put(case, "out.loss", (y ** 3).mean())
norm(x)  # the metric runs the model once more, and its statistics move again
put(case, "out.first", y[0, 0, 0])
for name, value in norm.named_buffers():
    if value.is_floating_point():
        put(case, "out.batch_norm." + name, value)

kinds = {torch.float32: "F32", torch.int64: "I64"}
header, data = {}, b""
for name, value in made.items():
    raw = value.numpy().tobytes()
    header[name] = {"dtype": kinds[value.dtype], "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
(pathlib.Path(__file__).parent / "layers.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
