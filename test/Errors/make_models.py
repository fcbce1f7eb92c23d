#!/usr/bin/env python3
"""Writes the wrong models of this folder.

Each is small and wrong in one way. expected.txt holds, for each file, the exit
code and the exact message of `nacre compile`. Path attacks on external data
need links and pipes, which a repository cannot hold well; the test makes those
when it runs. Needs the Python package onnx; the models are kept, so only who
adds one runs this.
"""
import itertools
import os

import wrong_files
import wrong_layers
import wrong_ops
import wrong_values

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")
        [h.make_node("GroupQueryAttention", ["q", "k", "v", "", "", "s"], ["y"],
                     name="n", num_heads=2, kv_num_heads=1,
                     local_window_size=0, **ms)],
        [value("q", [1, 2, 8]), value("s", [1], T.INT32)] +
        [value(v, [1, 2, 4]) for v in "kv"], domains=["com.microsoft"])
    bits = {"K": 64, "N": 3, "block_size": 32, "bits": 4, **ms}
    packed = np.zeros([3, 2, 16], np.uint8)
    for name, change, weights in [
            ("bits", {"bits": 3}, packed), ("block", {"block_size": 24}, packed),
            ("inner", {"K": 65}, packed), ("shape", {"N": 4}, packed),
            ("prepacked", {"weight_prepacked": 1}, packed),
            ("type", {}, packed.astype(np.int8))]:
        yield "microsoft_nbits_" + name, model(
            [node("MatMulNBits", "x w s", **bits | change)],
            [value("x", [2, 64])], [tensor("w", weights), floats("s", 3, 2)],
            domains=["com.microsoft"])
    yield "microsoft_nbits_group", model(
        [h.make_node("MatMulNBits", ["x", "w", "s", "", "g"], ["y"], name="n",
                     **bits)],
        [value("x", [2, 64])],
        [tensor("w", packed), floats("s", 3, 2),
         tensor("g", np.full(64, 2, np.int32))], domains=["com.microsoft"])
    yield "microsoft_gather_axes", model(
        [node("GatherBlockQuantized", "w i s", block_size=16, bits=8,
              quantize_axis=0, **ms)],
        [value("i", [2], T.INT64)],
        [tensor("w", np.zeros([32, 4], np.uint8)), floats("s", 2, 4)],
    byte = [value("a", [2, 3], T.UINT8), value("b", [2, 3], T.UINT8)]
    zero = tensor("z", np.uint8(0))
    yield "microsoft_qlinear_scale", model(
        [node("QLinearAdd", "a s z b s z s z", **ms)], byte,
        [floats("s", 3), zero], domains=["com.microsoft"])
    yield "microsoft_qlinear_type", model(
        [node("QLinearSigmoid", "x s z s z", **ms)], None,
        [floats("s", 1), zero], domains=["com.microsoft"])
    yield "microsoft_qlinear_concat", model(
        [node("QLinearConcat", "s z a s z b", axis=0, **ms)], byte,
        [floats("s", 1), zero], domains=["com.microsoft"])
    yield "microsoft_qgemm", model(
        [node("QGemm", "a s z b s z c", transB=1, **ms)], byte,
        [floats("s", 1), zero, floats("c", 2)], domains=["com.microsoft"])
    yield "microsoft_groups", model(
        [node("GroupNorm", "x g g", groups=3, activation=0, **ms)],
        [value("x", [1, 2, 2, 8])], [floats("g", 8)],
    yield "microsoft_inverse", model(
        [node("Inverse", "x", **ms)], [value("x", [2, 3])],
    yield "microsoft_metric", model(
        [node("CDist", "x x", metric="cosine", **ms)], [value("x", [2, 3])],


def main():
    os.makedirs(HERE, exist_ok=True)
    modules = (wrong_files, wrong_ops, wrong_layers, wrong_values)
    for name, content in itertools.chain(*(module.cases() for module in modules)):
        data = content if isinstance(content, bytes) else (
            content.SerializeToString(deterministic=True))
        with open(os.path.join(HERE, name + ".onnx"), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
