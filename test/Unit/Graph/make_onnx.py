#!/usr/bin/env python3
"""Makes network.onnx: a convolution, a batch norm and a linear layer on images of 4x4 (needs onnx).

    make_onnx.py
"""
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

rng = np.random.default_rng(5)


def weight(name, *shape):
    return numpy_helper.from_array(rng.uniform(0.5, 1.5, shape).astype(np.float32), name)


graph = helper.make_graph(
    [
        helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["c"], kernel_shape=[3, 3]),
        helper.make_node("BatchNormalization", ["c", "bn.weight", "bn.bias", "bn.mean", "bn.var"], ["b"]),
        helper.make_node("Mul", ["b", "half"], ["h"]),
        helper.make_node("Reshape", ["h", "shape"], ["r"]),
        helper.make_node("Gemm", ["r", "fc.weight", "fc.bias"], ["logits"], transB=1),
    ],
    "network",
    [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 4, 4])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
    [weight("conv.weight", 2, 1, 3, 3), weight("conv.bias", 2), weight("bn.weight", 2), weight("bn.bias", 2),
     weight("bn.mean", 2), weight("bn.var", 2), weight("fc.weight", 3, 8), weight("fc.bias", 3),
     numpy_helper.from_array(np.array(0.5, np.float32), "half"),
     numpy_helper.from_array(np.array([-1, 8]), "shape")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
(pathlib.Path(__file__).parent / "network.onnx").write_bytes(model.SerializeToString())
