"""Writes a copy of an ONNX model with random weights in place of constant-filled ones.

    randomise_weights.py MODEL.onnx OUTDIR [--seed N]

The light models of the onnx package keep the graphs of real networks but not their weights: a ConstantOfShape node
fills each with 0.02. Timing those is unfair both ways (equal values, one flush of everything to a constant) and
their outputs do not depend on their inputs. OUTDIR gets the layout of the ONNX test data: model.onnx, a random
input, and the output ONNX Runtime computes for it.

How large the weights are follows from what reads them, so activations keep their scale from layer to layer:

    weight of Conv, Gemm, MatMul        normal, deviation sqrt(2 / fan-in) (He et al. 2015)
    scale, variance of normalisation    uniform in [0.8, 1.2]
    bias, mean                          normal, deviation 0.1

Residual sums and scales still let the logits drift; the last weight is then scaled by the power of two that brings
their deviation nearest to 2, so that a softmax after them is neither flat nor saturated.
"""

import argparse
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

LOGIT_DEVIATION = 2.0

# (operator, input) -> what is read there. Unsqueeze and Reshape are looked through.
ROLES = {
    ("Conv", 1): "weight", ("Gemm", 1): "weight", ("MatMul", 1): "weight",
    ("Conv", 2): "offset", ("Gemm", 2): "offset",
    ("BatchNormalization", 1): "scale", ("BatchNormalization", 2): "offset",
    ("BatchNormalization", 3): "offset", ("BatchNormalization", 4): "scale",
    ("Mul", 0): "scale", ("Mul", 1): "scale", ("Add", 0): "offset", ("Add", 1): "offset",
}


class Weights:
    """The float weights of a graph: initialisers, and ConstantOfShape nodes of a constant shape."""

    def __init__(self, graph):
        self.graph = graph
        self.readers = {}
        for node in graph.node:
            for position, name in enumerate(node.input):
                self.readers.setdefault(name, []).append((node, position))
        self.constants = {i.name: i for i in graph.initializer}
        self.constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
        self.fills = [n for n in graph.node if n.op_type == "ConstantOfShape" and n.input[0] in self.constants]

    def shapes(self):
        """Name -> shape of each float weight, in the order of the file."""
        found = {n.output[0]: tuple(numpy_helper.to_array(self.constants[n.input[0]]).tolist())
                 for n in self.fills if is_float_fill(n)}
        found |= {i.name: tuple(i.dims) for i in self.graph.initializer if i.data_type == TensorProto.FLOAT}
        return found

    def reader(self, name, shape):
        """The first operator that computes with the value, at which input, and the shape it sees there."""
        for node, position in self.readers.get(name, []):
            if node.op_type == "Unsqueeze":
                return self.reader(node.output[0], shape)  # only biases and scales; their rank does not matter
            if node.op_type == "Reshape" and position == 0 and node.input[1] in self.constants:
                target = numpy_helper.to_array(self.constants[node.input[1]])
                target = [shape[i] if d == 0 else d for i, d in enumerate(target)]
                return self.reader(node.output[0], np.empty(shape, np.bool_).reshape(target).shape)
            return node, position, shape
        return None, 0, shape

    def roles(self):
        """Yields name, shape, role, reader and the products that one element of its result sums of each weight whose
        role is known."""
        for name, shape in self.shapes().items():
            node, position, seen = self.reader(name, shape)
            role = ROLES.get((node.op_type, position)) if node else None
            if role:
                yield name, shape, role, node, fan_in(node, seen) if role == "weight" else 1


def is_float_fill(node):
    return len(node.attribute) == 1 and node.attribute[0].t.data_type == TensorProto.FLOAT


def fan_in(node, shape):
    """How many products one element of the result sums."""
    if node.op_type == "Gemm":
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        return int(np.prod(shape[1:])) if transposed else int(np.prod(shape)) // shape[-1]
    if node.op_type == "MatMul":
        return shape[-2] if len(shape) > 1 else shape[0]
    return int(np.prod(shape[1:]))  # Conv: [out, in / groups, window...]


def draw(random, role, shape, products):
    if role == "weight":
        return random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / products))
    if role == "scale":
        return np.float32(0.8) + np.float32(0.4) * random.random(shape, np.float32)
    return random.standard_normal(shape, np.float32) * np.float32(0.1)


def replace_weights(model, tensors):
    """Puts the tensors in place of the initialisers and fills of their names; what nothing reads then is dropped."""
    graph, names = model.graph, {t.name for t in tensors}
    for node in [n for n in graph.node if n.op_type == "ConstantOfShape" and n.output[0] in names]:
        graph.node.remove(node)
    still_read = {x for n in graph.node for x in n.input} | {o.name for o in graph.output}
    kept = [i for i in graph.initializer if i.name not in names and i.name in still_read]
    initialised = {i.name for i in graph.initializer}
    inputs = [i for i in graph.input if i.name not in initialised]
    del graph.initializer[:], graph.input[:]
    graph.initializer.extend(kept + tensors)
    # Before IR version 4 initialisers had to be inputs too; since then that means they may be overridden.
    model.ir_version = max(model.ir_version, 4)
    graph.input.extend(inputs)


def randomise(model, seed):
    """Replaces the weights in place; returns the names of the last weight multiplied with and of its product."""
    order = {node.output[0]: i for i, node in enumerate(model.graph.node)}
    random = np.random.default_rng(seed)
    drawn, last, logits = [], None, None
    for name, shape, role, node, products in Weights(model.graph).roles():
        drawn.append(numpy_helper.from_array(draw(random, role, shape, products), name))
        if role == "weight" and (logits is None or order[node.output[0]] > order[logits]):
            last, logits = name, node.output[0]
    if last is None:
        raise ValueError("no weights found")
    replace_weights(model, drawn)
    return last, logits


def run(model, feeds):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def scale_logits(model, last, logits, feeds):
    """Scales the last weight by a power of two, which loses no bit and so depends on no rounding."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(helper.make_tensor_value_info(logits, TensorProto.FLOAT, None))
    deviation = float(np.std(run(probe, feeds)[0]))
    if not np.isfinite(deviation) or deviation == 0:
        raise ValueError(f"the logits have deviation {deviation}")
    factor = np.float32(2.0 ** round(np.log2(LOGIT_DEVIATION / deviation)))
    weight = next(i for i in model.graph.initializer if i.name == last)
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * factor, last))
    return deviation, factor


def prepare(source, folder, seed=0):
    """Writes the folder; returns a line that says what was done."""
    model = onnx.load(source)
    last, logits = randomise(model, seed)
    random = np.random.default_rng(seed + 1)
    feeds = {}
    for value in model.graph.input:
        if value.type.tensor_type.elem_type != TensorProto.FLOAT:
            raise ValueError(f"input '{value.name}' is not f32")
        shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
        feeds[value.name] = random.standard_normal(shape, np.float32)
    deviation, factor = scale_logits(model, last, logits, feeds)
    outputs = run(model, feeds)
    if not all(np.isfinite(o).all() for o in outputs):
        raise ValueError("an output is not finite")

    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    for i, (name, value) in enumerate(feeds.items()):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())
    for i, (value, info) in enumerate(zip(outputs, model.graph.output)):
        (data / f"output_{i}.pb").write_bytes(numpy_helper.from_array(value, info.name).SerializeToString())
    # The model last: a folder that has it is whole.
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
    low, high = min(o.min() for o in outputs), max(o.max() for o in outputs)
    return (f"{folder}: logits of deviation {deviation:.3g} scaled by {factor:.3g}, "
            f"outputs in [{low:.3g}, {high:.3g}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, metavar="MODEL.onnx")
    parser.add_argument("outdir", type=pathlib.Path, metavar="OUTDIR")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        print(prepare(arguments.model, arguments.outdir, arguments.seed))
    except ValueError as error:
        sys.exit(f"randomise_weights.py: {arguments.model}: {error}")


if __name__ == "__main__":
    main()
