"""The networks of a comparison: where they are, their inputs, and copies without open dims.

A network is a folder in the layout of the ONNX test data, NAME/{model.onnx, test_data_set_0/input_*.pb}.
"""

import pathlib
import sys

import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

import large_models
import randomise_weights

LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def folders_in(roots):
    for root in roots:
        folders = [root] if (root / "model.onnx").exists() else sorted(p.parent for p in root.glob("*/model.onnx"))
        if not folders:
            sys.exit(f"networks.py: no model.onnx in {root}")
        yield from folders


def is_older(made, *makers):
    return not made.exists() or made.stat().st_mtime < max(pathlib.Path(m.__file__).stat().st_mtime for m in makers)


def light_networks(cache, wanted):
    """The folders of the light networks, made where they are missing or older than the script that makes them."""
    for source in sorted(LIGHT.glob("light_*.onnx")):
        folder = cache / f"onnx-{onnx.__version__}" / source.stem
        if not wanted(source.stem):
            continue
        if is_older(folder / "model.onnx", randomise_weights):
            print(randomise_weights.prepare(source, folder), file=sys.stderr)
        yield folder


def large_networks(cache, wanted):
    """The folders of the large networks, made like the light ones."""
    for name in filter(wanted, large_models.MODELS):
        folder = cache / "large" / name
        if is_older(folder / "model.onnx", large_models, large_models.architectures):
            print(f"{folder}: writing", file=sys.stderr)
            large_models.prepare(name, folder)
        yield folder


def inputs_of(graph):
    """The graph's inputs without the initialisers, which old models list as inputs too."""
    initialised = {i.name for i in graph.initializer}
    return [value for value in graph.input if value.name not in initialised]


def read_inputs(folder):
    """Name -> array of test_data_set_0, in the order of the graph's inputs."""
    graph = onnx.load(folder / "model.onnx", load_external_data=False).graph
    return {value.name: numpy_helper.to_array(onnx.load_tensor(folder / "test_data_set_0" / f"input_{i}.pb"))
            for i, value in enumerate(inputs_of(graph))}


def without_open_dims(folder, arrays, scratch):
    """The path of the folder's model with the extents of the arrays: itself, where it has no open dims, or a copy."""
    path = folder / "model.onnx"
    model = onnx.load(path)
    open_dims = [(dim, extent) for value in inputs_of(model.graph)
                 for dim, extent in zip(value.type.tensor_type.shape.dim, arrays[value.name].shape)
                 if not dim.HasField("dim_value")]
    if not open_dims:
        return path
    for dim, extent in open_dims:
        dim.dim_value = extent
    # What is said of other shapes may name the dims that are gone.
    del model.graph.value_info[:]
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    model = onnx.shape_inference.infer_shapes(model)
    onnx.save(model, scratch / "model.onnx")
    return scratch / "model.onnx"


def in_other_words(path, scratch, opset=17):
    """The path of the same model for peers that do not take it as it is, or None where that is not to be had: of
    opset 17 if it is older, and with all folded that does not depend on the inputs' values."""
    model = onnx.load(path)
    try:
        if max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) < opset:
            onnx.save(version_converter.convert_version(model, opset), scratch / "newer.onnx")
            path = scratch / "newer.onnx"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # The basic level writes no operators of ONNX Runtime's own.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(scratch / "folded.onnx")
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        # It declares every domain it knows, which some take for a need.
        folded = onnx.load(scratch / "folded.onnx")
        used = {node.domain for node in folded.graph.node} | {""}
        entries = [entry for entry in folded.opset_import if entry.domain in used]
        del folded.opset_import[:]
        folded.opset_import.extend(entries)
        onnx.save(folded, scratch / "folded.onnx")
    except Exception as error:  # of many types; the model as it is remains
        print(f"{path}: not simplified: {str(error).splitlines()[0]}", file=sys.stderr)
        return None
    return scratch / "folded.onnx"


def empty(folder):
    """A model that does nothing, for the cost of a call: one Relu of one number."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "empty", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              folder / "empty.onnx")
    return folder / "empty.onnx"
