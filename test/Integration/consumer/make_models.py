"""Writes the models of the consumer test, all y = x * w + b with x f32[1, 8].

net.onnx           w = 2, b = 1
net_edited.onnx    w = 3, b = -1
net_external.onnx  w = 2 in net_weights.bin, b = 1

The files are kept beside this script; run it again only to change them.
"""

import pathlib
import struct

import onnx
from onnx import TensorProto, helper
from onnx.external_data_helper import set_external_data


def make(path, w, b, external=None):
    weights = helper.make_tensor("w", TensorProto.FLOAT, [8], [w] * 8)
    if external:
        raw = struct.pack("<8f", *[w] * 8)
        (path.parent / external).write_bytes(raw)
        weights = TensorProto(
            name="w", data_type=TensorProto.FLOAT, dims=[8], raw_data=raw
        )
        set_external_data(weights, external, offset=0, length=len(raw))
        weights.ClearField("raw_data")
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "w"], ["product"], name="scale"),
            helper.make_node("Add", ["product", "b"], ["y"], name="shift"),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
        [
            weights,
            helper.make_tensor("b", TensorProto.FLOAT, [8], [b] * 8),
        ],
    )
    model = helper.make_model(
        graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]
    )
    path.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(path))


folder = pathlib.Path(__file__).parent
make(folder / "net.onnx", 2.0, 1.0)
make(folder / "net_edited.onnx", 3.0, -1.0)
make(folder / "net_external.onnx", 2.0, 1.0, external="net_weights.bin")
