"""batches.py MODEL.onnx OUT: the light ResNet-50 with random weights, for batch 1 and 32.

OUT has BATCH in its name, which becomes 1 and 32. The light model fills its weights with constants, which a compiler
could fold away.
"""
import sys

import numpy as np
import onnx
from onnx import numpy_helper

source, out = sys.argv[1:]
for batch in (1, 32):
    model = onnx.load(source)
    graph = model.graph
    random = np.random.default_rng(0)
    shapes = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    kept, filled = [], []
    for node in graph.node:
        if node.op_type != "ConstantOfShape":
            kept.append(node)
            continue
        shape = [int(d) for d in shapes[node.input[0]]]
        fan = max(1, int(np.prod(shape[1:])))
        values = random.standard_normal(shape) * (2 / fan) ** 0.5 if len(shape) > 1 else np.abs(random.normal(1, 0.1, shape))
        filled.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(filled)
    for i in graph.initializer:
        if i.data_type == onnx.TensorProto.INT64 and numpy_helper.to_array(i).tolist() == [1, 2048]:
            i.CopyFrom(numpy_helper.from_array(np.array([batch, 2048], np.int64), i.name))
    initializers = {i.name for i in graph.initializer}
    for value in list(graph.input) + list(graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.name not in initializers and dims[0].dim_value == 1:
            dims[0].dim_value = batch
    inputs = [i for i in graph.input if i.name not in initializers]
    del graph.input[:]
    graph.input.extend(inputs)
    del graph.value_info[:]
    onnx.save(model, out.replace("BATCH", str(batch)))
