"""What wrong models are made of."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

F = T.FLOAT


def value(name, shape, dtype=F):
    return h.make_tensor_value_info(name, dtype, shape)


def tensor(name, array):
    return nh.from_array(np.asarray(array), name)


def floats(name, *shape):
    return tensor(name, np.ones(shape, np.float32))


def raw(name, dims, data, dtype=F):
    t = T(name=name, data_type=dtype, raw_data=data)
    t.dims.extend(dims)
    return t


def external(name, dims, **entries):
    t = T(name=name, data_type=F, data_location=T.EXTERNAL)
    t.dims.extend(dims)
    for key, text in entries.items():
        t.external_data.add(key=key, value=text)
    return t


def model(nodes, inputs=None, inits=(), outputs=("y",), opset=13, functions=(),
          domains=()):
    graph = h.make_graph(nodes, "g", inputs or [value("x", [4])],
                         [value(o, None) for o in outputs], list(inits))
    m = h.make_model(graph, functions=list(functions), producer_name="wrong",
                     opset_imports=[h.make_opsetid("", opset)] +
                     [h.make_opsetid(d, 1) for d in domains])
    m.ir_version = 8
    return m


def node(op, inputs, outputs="y", name="n", **attributes):
    return h.make_node(op, inputs.split(), outputs.split(), name=name,
                       **attributes)


def relu(**more):
    return model([node("Relu", "x")], **more)


def with_weight(t):
    return model([node("Add", "x w")], inits=[t])


def ints(name, *values):
    return tensor(name, np.array(values, np.int64))


def changed(m, change):
    change(m)
    return m
