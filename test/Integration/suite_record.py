"""What one run of onnx_suite.py says of each op, in a table of tab-separated values that keeps the runs of all targets.

A row is one of

    TARGET device  NAME PASSED TOTAL    of the whole suite
    TARGET op  DOMAIN.OP  PASSED TOTAL ALONE TYPES ERRORS

PASSED and TOTAL count the cases whose model has the op, anywhere in it. ALONE of those that pass have no other op:
ERRORS are the largest ones of their float outputs, by type, in units in the last place ("f16 1 f32 2.5"). TYPES are the
element types of inputs and outputs of the op in cases that pass.
"""
import collections
import pathlib

import onnx

NAMES = {"FLOAT": "f32", "DOUBLE": "f64", "FLOAT16": "f16", "BFLOAT16": "bf16", "BOOL": "bool", "STRING": "string",
         "INT4": "i4", "UINT4": "u4", "INT2": "i2", "UINT2": "u2", "INT8": "i8", "UINT8": "u8", "INT16": "i16",
         "UINT16": "u16", "INT32": "i32", "UINT32": "u32", "INT64": "i64", "UINT64": "u64", "FLOAT8E4M3FN": "f8e4m3fn",
         "FLOAT8E4M3FNUZ": "f8e4m3fnuz", "FLOAT8E5M2": "f8e5m2", "FLOAT8E5M2FNUZ": "f8e5m2fnuz",
         "FLOAT8E8M0": "f8e8m0", "FLOAT4E2M1": "f4e2m1"}


def element(type_proto):
    """The element type of tensors of this type, or in sequences and optionals of it; None if there is none."""
    kind = type_proto.WhichOneof("value")
    if kind == "tensor_type":
        return NAMES.get(onnx.TensorProto.DataType.Name(type_proto.tensor_type.elem_type))
    if kind in ("sequence_type", "optional_type"):
        return element(getattr(type_proto, kind).elem_type)
    return None


def uses(model):
    """The ops of a model, each with the element types it is seen with."""
    try:
        model = onnx.shape_inference.infer_shapes(model)
    except onnx.shape_inference.InferenceError:
        pass
    found = collections.defaultdict(set)

    def walk(nodes, types):
        for node in nodes:
            op = (node.domain or "ai.onnx") + "." + node.op_type
            found[op] |= {types[name] for name in [*node.input, *node.output] if types.get(name)}
            for attribute in node.attribute:
                for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                    walk_graph(graph, types)

    def walk_graph(graph, outer):
        types = dict(outer)
        for value in [*graph.input, *graph.value_info, *graph.output]:
            types[value.name] = element(value.type) or types.get(value.name)
        for tensor in graph.initializer:
            types[tensor.name] = NAMES.get(onnx.TensorProto.DataType.Name(tensor.data_type))
        walk(graph.node, types)

    walk_graph(model.graph, {})
    for function in model.functions:
        walk(function.node, {})
    return found


class Table:
    """The file's rows, by target."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.rows = [line.split("\t") for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def record(self, target, device, cases):
        """Replaces the rows of a target. `cases` are of (model, whether it passes, [(dtype, error)])."""
        total, passed, alone = collections.Counter(), collections.Counter(), collections.Counter()
        types, errors = collections.defaultdict(set), collections.defaultdict(dict)
        for model, passes, outputs in cases:
            found = uses(model)
            for op, seen in found.items():
                total[op] += 1
                if not passes:
                    continue
                passed[op] += 1
                types[op] |= seen
                if len(found) > 1:
                    continue
                alone[op] += 1
                for dtype, error in outputs:
                    errors[op][dtype] = max(errors[op].get(dtype, 0), error)
        self.rows = [row for row in self.rows if row[0] != target]
        self.rows.append([target, "device", device, str(sum(c[1] for c in cases)), str(len(cases))])
        for op in total:
            largest = " ".join(f"{dtype} {error:.2g}" for dtype, error in sorted(errors[op].items()) if error)
            self.rows.append([target, "op", op, str(passed[op]), str(total[op]), str(alone[op]),
                              " ".join(sorted(types[op])), largest])
        self.rows.sort(key=lambda row: row[:3])
        self.path.write_text("".join("\t".join(row) + "\n" for row in self.rows))
