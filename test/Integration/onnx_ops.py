#!/usr/bin/env python3
"""ONNX ops beyond what ONNX's own tests of them reach: other domains, sorts, transforms, random numbers.

    onnx_ops.py NACRE [PATTERN]

A case is a model of a few nodes with inputs. What it must give is computed by ONNX Runtime, by the reference
implementation of the onnx package, by numpy, or, for random ops, stated as a property. `nacre verify` compares.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

NACRE = os.path.abspath(sys.argv[1])
PATTERN = sys.argv[2] if len(sys.argv) > 2 else ""
ML, MICROSOFT = "ai.onnx.ml", "com.microsoft"
random = np.random.default_rng(11)
CASES = []


def floats(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def model_of(nodes, feeds, outputs, constants, opset=21):
    """`outputs` maps names to element types."""
    inputs = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
              for name, array in feeds.items()]
    results = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(t)), None)
               for name, t in outputs.items()]
    graph = helper.make_graph(nodes, "g", inputs, results,
                              [numpy_helper.from_array(np.asarray(c), name) for name, c in constants.items()])
    versions = {"": opset, ML: 3, MICROSOFT: 1}
    for node in nodes:
        if node.op_type == "TreeEnsemble":
            versions[ML] = 5
    used = {""} | {node.domain for node in nodes}
    return helper.make_model(graph, ir_version=10, opset_imports=[
        helper.make_opsetid(domain, version) for domain, version in versions.items() if domain in used])


def by_ort(model, names, feeds):
    """The outputs of these names as ONNX Runtime computes them."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(list(names), feeds)


def case(name, op, inputs, outputs, oracle, domain="", constants=None, rtol=1e-4, atol=1e-5, opset=21, also=None,
         **attributes):
    """`inputs`: arrays in order, None for one left out; `constants`: those of them, by number, known at compile time;
    `also`: attributes that are named like a parameter.

    `oracle` is "ort", "ref" or a function of the inputs that gives the list of outputs."""
    names = ["" if array is None else f"x{i}" for i, array in enumerate(inputs)]
    known = {names[i]: inputs[i] for i in constants or []}
    feeds = {n: np.asarray(a) for n, a in zip(names, inputs) if a is not None and n not in known}
    results = {f"y{i}": t for i, t in enumerate(outputs)}
    node = helper.make_node(op, names, list(results), domain=domain, **attributes, **(also or {}))
    model = model_of([node], feeds, results, known, opset)
    if oracle == "ort":
        expected = by_ort(model, results, feeds)
    elif oracle == "ref":
        expected = ReferenceEvaluator(model).run(list(results), feeds)
    else:
        expected = oracle(*inputs)
    expected = [np.asarray(e).astype(t) for e, t in zip(expected, outputs)]
    CASES.append((f"{op} {name}", model, feeds, dict(zip(results, expected)), rtol, atol))


def write(path, name, array):
    path.write_bytes(numpy_helper.from_array(np.asarray(array, order="C"), name).SerializeToString())


def verify(entry):
    """An empty text, or what is wrong."""
    _, model, feeds, expected, rtol, atol = entry
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        onnx.save(model, folder / "m.onnx")
        for i, (name, array) in enumerate(feeds.items()):
            write(folder / f"input_{i}.pb", name, array)
        for i, (name, array) in enumerate(expected.items()):
            write(folder / f"output_{i}.pb", name, array)
        done = subprocess.run([NACRE, "verify", folder / "m.onnx", "--data", folder, "--rtol", repr(rtol), "--atol",
                               repr(atol)], capture_output=True, text=True)
        return "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stdout[-300:]}{done.stderr[-400:]}"


# -- Sorting ---------------------------------------------------------------


def top_k(x, k, axis, largest):
    """NaN is above every number, equals keep their order."""
    wide = x.astype(np.float64)
    nan = np.isnan(wide)
    key = np.where(nan, np.inf, wide)
    order = np.lexsort((np.broadcast_to(np.expand_dims(np.arange(x.shape[axis]), tuple(
        i for i in range(x.ndim) if i != axis % x.ndim)), x.shape), -key if largest else key,
        ~nan if largest else nan), axis=axis)
    order = np.take(order, np.arange(k), axis=axis)
    return [np.take_along_axis(x, order, axis), order]


def sorts():
    x = random.integers(-5, 5, (3, 37)).astype(np.float32)
    x[random.random(x.shape) < 0.2] = np.nan
    x[random.random(x.shape) < 0.1] = -np.inf
    x[random.random(x.shape) < 0.1] = np.inf
    for k in [1, 2, 5, 16, 37]:
        for largest in [0, 1]:
            case(f"{k} of 37, largest {largest}", "TopK", [x, np.array([k])], ["f4", "i8"],
                 lambda x, _, k=k, largest=largest: top_k(x, k, 1, largest), constants=[1], largest=largest, rtol=0, atol=0)
    for dtype, axis in [(np.int64, 0), (np.uint8, 1), (np.float16, 2), (np.float64, -1)]:
        x = random.integers(0, 50, (19, 12, 7)).astype(dtype)
        case(f"{np.dtype(dtype)} axis {axis}", "TopK", [x, np.array([3])], [dtype, "i8"],
             lambda x, _, axis=axis: top_k(x, 3, axis, 1), constants=[1], axis=axis, rtol=0, atol=0)
    x = floats(1, 8400)
    case("300 of 8400", "TopK", [x, np.array([300])], ["f4", "i8"], lambda x, _: top_k(x, 300, 1, 1), constants=[1],
         rtol=0, atol=0)


# -- Products and transforms -----------------------------------------------


def sums():
    a, b = floats(4, 5), floats(5, 6)
    for equation, inputs in [
            ("ij,jk", [a, b]), ("ij,jk->ki", [a, b]), ("ij->", [a]), ("ii", [floats(5, 5)]), ("ii->i", [floats(5, 5)]),
            ("iji->ij", [floats(3, 4, 3)]), ("ijjik->ki", [floats(3, 4, 4, 3, 2)]), ("i,j->ij", [floats(3), floats(4)]),
            ("ij,jk,kl->il", [a, b, floats(6, 3)]), ("...ij,...jk->...ik", [floats(2, 3, 4, 5), floats(3, 5, 6)]),
            ("...ij,jk", [floats(2, 4, 5), b]), ("b...,b...->b...", [floats(2, 3, 4), floats(2, 3, 4)]),
            ("ij,ij->i", [floats(4, 5), floats(1, 5)]), ("ab,cd->dbca", [floats(2, 3), floats(4, 5)]),
            ("ij,kj,lj->ikl", [floats(3, 5), floats(4, 5), floats(2, 5)])]:
        case(equation, "Einsum", inputs, ["f4"], lambda *x, e=equation: [np.einsum(e, *x)], equation=equation)
    case("of integers", "Einsum", [np.arange(12).reshape(3, 4), np.arange(20).reshape(4, 5)], ["i8"],
         lambda x, y: [x @ y], equation="ij,jk->ik")


def spectra():
    def parts(c):
        return np.stack([c.real, c.imag], -1)

    for n in [1, 2, 7, 64, 96, 97, 210, 1024]:
        x = floats(2, n, 1)
        case(f"of {n}", "DFT", [x], ["f4"], lambda x: [parts(np.fft.fft(x[..., 0]))], atol=1e-3)
        case(f"of {n}, one side", "DFT", [x], ["f4"], lambda x: [parts(np.fft.rfft(x[..., 0]))], onesided=1, atol=1e-3)
        c = floats(2, n, 2)
        case(f"back, of {n}", "DFT", [c], ["f4"], lambda c: [parts(np.fft.ifft(c[..., 0] + 1j * c[..., 1]))], inverse=1)
    for n in [9, 96, 135]:
        x = floats(100, 3, 2)
        case(f"to {n} on axis 0", "DFT", [x, np.array(n), np.array(0)], ["f4"],
             lambda x, n, _: [parts(np.fft.fft(x[..., 0] + 1j * x[..., 1], n, axis=0))], constants=[1, 2], atol=1e-3)
    for n in [10, 11, 130]:
        c = floats(3, n // 2 + 1, 2)
        case(f"to {n} real", "DFT", [c, np.array(n)], ["f4"],
             lambda c, n: [np.fft.irfft(c[..., 0] + 1j * c[..., 1], n)[..., None]], constants=[1], inverse=1, onesided=1)
    frames = np.lib.stride_tricks.sliding_window_view
    window = np.hanning(100).astype(np.float32)
    case("with a window", "STFT", [floats(2, 500, 1), np.array(30), window, None], ["f4"],
         lambda x, *_: [parts(np.fft.rfft(frames(x[..., 0], 100, axis=1)[:, ::30] * window))], constants=[1], atol=1e-3)
    case("complex", "STFT", [floats(2, 90, 2), np.array(7), None, np.array(16)], ["f4"], lambda x, *_: [parts(np.fft.fft(
        frames(x[..., 0] + 1j * x[..., 1], 16, axis=1)[:, ::7]))], constants=[1, 3], onesided=0, atol=1e-3)


def images():
    for n in [1, 2, 3, 8]:
        case(f"{n} rows", "Det", [floats(4, n, n)], ["f4"], lambda x: [np.linalg.det(x.astype("f8"))], atol=1e-4)
    singular = np.array([[[0, 1], [0, 2]], [[0, 2], [3, 0]]], np.float32)
    case("with zeros", "Det", [singular], ["f4"], lambda x: [[0.0, -6.0]])
    case("of overlapping blocks", "Col2Im", [floats(2, 2 * 9, 24), np.array([7, 9]), np.array([3, 3])], ["f4"], "ref",
         constants=[1, 2], strides=[2, 1], dilations=[1, 2], pads=[1, 0, 1, 1])
    # Neighbouring windows have one maximum: it is there once, not twice.
    x, index = np.array([[[5, 5, 7.]]], np.float32), np.array([[[2, 2, 6]]])
    case("of overlapping windows", "MaxUnpool", [x, index], ["f4"], lambda *_: [[[[0, 0, 5, 0, 0, 0, 7]]]],
         kernel_shape=[3], strides=[2])
    rois = np.array([[1, 2, 9, 8], [0, 0, 30, 5], [-4, -3, 2, 40]], np.float32)
    for mode in ["avg", "max"]:
        for transform in ["half_pixel", "output_half_pixel"]:
            case(f"{mode} {transform}", "RoiAlign", [floats(2, 3, 12, 16), rois, np.array([1, 0, 1])], ["f4"], "ref",
                 mode=mode, coordinate_transformation_mode=transform, output_height=3, output_width=4, sampling_ratio=2,
                 spatial_scale=0.5, opset=16)
    offset, mask = floats(2, 2 * 9 * 2, 4, 5), floats(2, 2 * 9, 4, 5)
    case("of groups", "DeformConv", [floats(2, 4, 8, 6), floats(6, 2, 3, 3), offset, floats(6), mask], ["f4"], "ref",
         group=2, offset_group=2, strides=[2, 1], pads=[1, 0, 1, 1], atol=1e-4)
    for padding in ["zeros", "border", "reflection"]:
        for mode in ["bilinear", "nearest", "bicubic"]:
            for corners in [0, 1]:
                case(f"{mode} {padding} {corners}", "GridSample", [floats(2, 3, 5, 7), floats(2, 4, 6, 2)], ["f4"], "ort",
                     mode=mode, padding_mode=padding, align_corners=corners, atol=1e-4, opset=16)


# -- ai.onnx.ml ------------------------------------------------------------


def features():
    x = floats(6, 4)
    case("rows", "Scaler", [x], ["f4"], "ref", ML, offset=[1., 2., 3., 4.], scale=[0.5, 2., -1., 3.])
    for norm in ["MAX", "L1", "L2"]:
        case(norm, "Normalizer", [x], ["f4"], "ref", ML, norm=norm)
    case("x", "Binarizer", [x], ["f4"], "ref", ML, threshold=0.25)
    case("columns", "ArrayFeatureExtractor", [x, np.array([3, 0, 3])], ["f4"], "ref", ML)
    holes = x.copy()
    holes[1, 2] = holes[4, 0] = np.nan
    case("NaN", "Imputer", [holes], ["f4"], "ref", ML, imputed_value_floats=[1., 2., 3., 4.],
         replaced_value_float=float("nan"))
    codes = np.array([[3, 7], [5, 5], [7, 3]])
    case("integers", "Imputer", [codes], ["i8"], "ref", ML, imputed_value_int64s=[-1], replaced_value_int64=5)
    case("integers", "OneHotEncoder", [codes], ["f4"], "ref", ML, cats_int64s=[7, 3], zeros=1)
    case("integers to floats", "LabelEncoder", [codes], ["f4"], "ref", ML, keys_int64s=[3, 5], values_floats=[0.5, 1.5],
         default_float=-2.0)
    case("floats to integers", "LabelEncoder", [np.array([1.5, np.nan, 2.0], np.float32)], ["i8"], lambda x: [[4, 6, 9]],
         ML, keys_floats=[1.5, float("nan")], values_int64s=[4, 6], default_int64=9)
    case("x", "FeatureVectorizer", [x, floats(6, 2), floats(6, 3)], ["f4"],
         lambda a, b, c: [np.concatenate([a[:, :3], b, c], 1)], ML, inputdimensions=[3, 2, 3])


def linear_models():
    x, coefficients = floats(6, 4), floats(12).tolist()
    case("3 targets", "LinearRegressor", [x], ["f4"], "ref", ML, coefficients=coefficients, intercepts=[1., 2., 3.],
         targets=3)
    for transform in ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO"]:
        case(f"3 classes {transform}", "LinearClassifier", [x], ["i8", "f4"], "ref", ML, coefficients=coefficients,
             intercepts=[.1, .2, .3], classlabels_ints=[7, -2, 5], post_transform=transform)
    case("2 classes", "LinearClassifier", [x], ["i8", "f4"], "ref", ML, coefficients=coefficients[:4], intercepts=[.1],
         classlabels_ints=[3, 9], post_transform="LOGISTIC")
    vectors = floats(5 * 4).tolist()
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"]:
        case(kernel, "SVMRegressor", [x], ["f4"], "ref", ML, coefficients=floats(5).tolist(), rho=[0.5], n_supports=5,
             support_vectors=vectors, kernel_type=kernel, kernel_params=[0.3, 0.2, 3.0], rtol=1e-3)
        case(f"3 classes {kernel}", "SVMClassifier", [x], ["i8", "f4"], "ref", ML, coefficients=floats(10).tolist(),
             rho=[0.1, -0.2, 0.3], support_vectors=vectors, vectors_per_class=[2, 1, 2], classlabels_ints=[4, 5, 6],
             kernel_type=kernel, kernel_params=[0.3, 0.2, 3.0], rtol=1e-3)


def forest(trees, depth, features, targets, modes, prefix):
    """Attributes of random trees, complete but for some early leaves."""
    nodes = {k: [] for k in ["treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
                             "missing_value_tracks_true"]}
    leaves = {k: [] for k in ["treeids", "nodeids", "ids", "weights"]}
    for tree in range(trees):
        for node in range(2 ** (depth + 1) - 1):
            parent = (node - 1) // 2
            if node and (tree, parent) in dead:
                dead.add((tree, node))
                continue
            leaf = node >= 2 ** depth - 1 or (node > 2 and random.random() < 0.2)
            entry = {"treeids": tree, "nodeids": node, "featureids": 0 if leaf else int(random.integers(features)),
                     "values": 0.0 if leaf else float(np.float32(random.standard_normal())),
                     "modes": "LEAF" if leaf else str(random.choice(modes)), "truenodeids": 0 if leaf else 2 * node + 1,
                     "falsenodeids": 0 if leaf else 2 * node + 2, "missing_value_tracks_true": int(random.random() < 0.5)}
            for key, value in entry.items():
                nodes[key].append(value)
            if leaf:
                dead.add((tree, node))
                for target in range(targets):
                    for key, value in zip(leaves, [tree, node, target, float(np.float32(random.standard_normal()))]):
                        leaves[key].append(value)
    return ({"nodes_" + k: v for k, v in nodes.items()} | {f"{prefix}_{k}": v for k, v in leaves.items()})


dead = set()


def trees():
    x = floats(50, 6)
    x[random.random(x.shape) < 0.1] = np.nan
    comparisons = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
    for how in ["SUM", "AVERAGE", "MIN", "MAX"]:
        dead.clear()
        case(f"{how}", "TreeEnsembleRegressor", [x], ["f4"], "ort", ML, n_targets=2, aggregate_function=how,
             **forest(7, 4, 6, 2, ["BRANCH_LEQ"], "target"))
    dead.clear()
    case("of all comparisons", "TreeEnsembleRegressor", [x], ["f4"], "ort", ML, n_targets=1, base_values=[0.5],
         **forest(5, 5, 6, 1, comparisons, "target"))
    for transform in ["NONE", "SOFTMAX", "LOGISTIC"]:
        dead.clear()
        case(f"3 classes {transform}", "TreeEnsembleClassifier", [x], ["i8", "f4"], "ort", ML,
             classlabels_int64s=[5, 3, 8], post_transform=transform, **forest(6, 3, 6, 3, ["BRANCH_LT"], "class"))


# -- com.microsoft ---------------------------------------------------------


def fused():
    x, bias = floats(2, 5, 8), floats(8)
    for name, inputs in [("Gelu", [x]), ("BiasGelu", [x, bias]), ("FastGelu", [x, bias]), ("FastGelu", [x]),
                         ("QuickGelu", [x])]:
        case(f"{len(inputs)} inputs", name, inputs, ["f4"], "ort", MICROSOFT)
    for swap_a in [0, 1]:
        for swap_b in [0, 1]:
            case(f"{swap_a} {swap_b}", "FusedMatMul", [floats(2, 3, *([5, 4][::1 - 2 * swap_a])),
                                                       floats(3, *([4, 6][::1 - 2 * swap_b]))], ["f4"], "ort", MICROSOFT,
                 transA=swap_a, transB=swap_b, alpha=0.5)
    case("batches inside", "FusedMatMul", [floats(4, 3, 5), floats(3, 5, 6)], ["f4"], "ort", MICROSOFT, transBatchA=1)
    image, weights = floats(1, 3, 8, 8), floats(4, 3, 3, 3)
    for activation, parameters in [("Relu", []), ("LeakyRelu", [0.2]), ("Clip", [-0.5, 0.5]), ("HardSigmoid", [0.3, 0.4]),
                                   ("Sigmoid", []), ("Tanh", [])]:
        case(activation, "FusedConv", [image, weights, floats(4)], ["f4"], "ort", MICROSOFT, activation=activation,
             pads=[1, 1, 1, 1], **({"activation_params": parameters} if parameters else {}))
    case("with a sum", "FusedConv", [image, weights, floats(4), floats(1, 4, 6, 6)], ["f4"], "ort", MICROSOFT,
         activation="Relu")
    case("x", "FusedGemm", [floats(3, 4), floats(5, 4), floats(5)], ["f4"], "ort", MICROSOFT, transB=1,
         activation="LeakyRelu", activation_alpha=0.1)
    skip, gamma, beta = floats(2, 5, 8), floats(8), floats(8)
    case("with beta", "SkipLayerNormalization", [x, skip, gamma, beta, bias], ["f4"], "ort", MICROSOFT, epsilon=1e-5)
    case("without beta", "SkipLayerNormalization", [x, skip, gamma], ["f4"], "ort", MICROSOFT)
    case("with a bias", "SkipSimplifiedLayerNormalization", [x, skip, gamma, bias], ["f4"], "ort", MICROSOFT, epsilon=1e-6)
    words = random.integers(0, 20, (2, 5)).astype(np.int32)
    segments = random.integers(0, 2, (2, 5)).astype(np.int32)
    mask = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    case("all", "EmbedLayerNormalization", [words, segments, floats(20, 8), floats(16, 8), floats(2, 8), gamma, beta, mask],
         ["f4", "i4"], "ort", MICROSOFT)


def heads():
    x, weights, bias = floats(2, 5, 12, scale=0.5), floats(12, 36, scale=0.5), floats(36, scale=0.5)
    short = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    for one_way in [0, 1]:
        case(f"mask, {one_way}", "Attention", [x, weights, bias, short], ["f4"], "ort", MICROSOFT, num_heads=3,
             unidirectional=one_way)
    case("counts", "Attention", [x, weights, bias, np.array([3, 5], np.int32)], ["f4"], "ort", MICROSOFT, num_heads=2)
    case("past", "Attention", [x, weights, bias, None, floats(2, 2, 3, 4, 4)], ["f4", "f4"], "ort", MICROSOFT, num_heads=3,
         unidirectional=1)
    case("bias of scores", "Attention", [x, weights, bias, None, None, floats(2, 3, 5, 5)], ["f4"], "ort", MICROSOFT,
         num_heads=3)
    query, key, value = floats(2, 5, 12), floats(2, 7, 12), floats(2, 7, 18)
    case("cross", "MultiHeadAttention", [query, key, value, floats(42)], ["f4"], "ort", MICROSOFT, num_heads=3)
    mask = np.array([[1] * 7, [1, 1, 1, 1, 0, 0, 0]], np.int32)
    case("mask and bias", "MultiHeadAttention", [query, key, value, None, mask, floats(2, 3, 5, 7)], ["f4"], "ort", MICROSOFT,
         num_heads=3)
    case("past", "MultiHeadAttention", [query, floats(2, 5, 12), floats(2, 5, 12), None, None, None, floats(2, 3, 4, 4),
                                        floats(2, 3, 4, 4)], ["f4", "f4", "f4"], "ort", MICROSOFT, num_heads=3)
    # size 16: ONNX Runtime wants rotary heads in steps of 8
    angles = floats(20, 8)
    cosine, sine = np.cos(angles), np.sin(angles)
    query, key, value = floats(2, 3, 64), floats(2, 3, 32), floats(2, 3, 32)
    for interleaved in [0, 1]:
        for past in [0, 6]:
            length = 1 if past else 3  # ONNX Runtime takes one token of several rows then
            cache = [floats(2, 2, past, 16), floats(2, 2, past, 16)]
            case(f"past {past} {interleaved}", "GroupQueryAttention", [
                query[:, :length], key[:, :length], value[:, :length], *cache, np.full(2, past + length - 1, np.int32),
                np.array(past + length, np.int32), cosine, sine], ["f4", "f4", "f4"], "ort", MICROSOFT, num_heads=4,
                kv_num_heads=2, do_rotary=1, rotary_interleaved=interleaved)
    case("softcap", "GroupQueryAttention", [query, key, value, None, None, np.full(2, 2, np.int32), np.array(3, np.int32)],
         ["f4", "f4", "f4"], "ort", MICROSOFT, num_heads=4, kv_num_heads=2, softcap=2.0, scale=0.7)
    case("packed", "GroupQueryAttention", [floats(2, 3, 128), None, None, None, None, np.full(2, 2, np.int32),
         np.array(3, np.int32)], ["f4", "f4", "f4"], "ort", MICROSOFT, num_heads=4, kv_num_heads=2)
    places = random.integers(0, 20, (2, 3))
    case("places", "RotaryEmbedding", [query, places, cosine, sine], ["f4"], "ort", MICROSOFT)
    case("first place", "RotaryEmbedding", [floats(2, 4, 3, 16), np.array([5]), cosine, sine], ["f4"], "ort", MICROSOFT,
         interleaved=1)


# -- Random numbers --------------------------------------------------------


def run(nodes, outputs, feeds=None, constants=None):
    """The outputs of a model, which may have no inputs."""
    feeds = feeds or {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        onnx.save(model_of(nodes, feeds, outputs, constants or {}), folder / "m.onnx")
        words = []
        for name, array in feeds.items():
            np.save(folder / f"{name}.npy", array)
            words += ["--input", f"{name}={folder}/{name}.npy"]
        done = subprocess.run([NACRE, "run", folder / "m.onnx", "--output-dir", folder / "out", *words],
                              capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        return [np.load(folder / "out" / f"output_{i}.npy") for i in range(len(outputs))]


def draws():
    """Properties of the random ops; yields what does not hold."""
    many = [50, 2000]
    uniform = {"shape": many, "low": -1.0, "high": 3.0}
    nodes = [helper.make_node("RandomUniform", [], ["a"], seed=4.0, **uniform),
             helper.make_node("RandomUniform", [], ["b"], seed=4.0, **uniform),
             helper.make_node("RandomUniform", [], ["c"], seed=5.0, **uniform),
             helper.make_node("RandomUniform", [], ["d"], **uniform),
             helper.make_node("RandomUniform", [], ["e"], **uniform),
             helper.make_node("RandomNormal", [], ["f"], shape=many, mean=2.0, scale=0.5, seed=1.0),
             helper.make_node("Bernoulli", ["p"], ["g"], seed=2.0, dtype=onnx.TensorProto.INT32),
             helper.make_node("Multinomial", ["q"], ["h"], seed=3.0, sample_size=20000),
             helper.make_node("RandomNormalLike", ["p"], ["i"], dtype=onnx.TensorProto.DOUBLE),
             helper.make_node("RandomUniformLike", ["p"], ["j"], low=2.0, high=6.0, seed=6.0)]
    types = {"a": "f4", "b": "f4", "c": "f4", "d": "f4", "e": "f4", "f": "f4", "g": "i4", "h": "i4", "i": "f8", "j": "f4"}
    feeds = {"p": np.full(many, 0.3, np.float32), "q": np.log(np.array([[1, 2, 5], [4, 1e-30, 4]], np.float32))}
    first = run(nodes, types, feeds)
    if isinstance(first, str):
        yield first
        return
    again = run(nodes, types, feeds)
    a, b, c, d, e, f, g, h, i, j = first
    hold = {
        "every run gives the same numbers": all(np.array_equal(p, q) for p, q in zip(first, again)),
        "equal seeds give equal numbers": np.array_equal(a, b),
        "other seeds give others": not np.array_equal(a, c),
        "nodes without a seed differ": not np.array_equal(d, e),
        "uniform numbers fill their range": a.min() >= -1 and a.max() < 3 and abs(a.mean() - 1) < 0.02
        and abs(a.var() - 16 / 12) < 0.02,
        "those like another tensor too": j.shape == (50, 2000) and j.dtype == np.float32 and j.min() >= 2
        and j.max() < 6 and abs(j.mean() - 4) < 0.02 and abs(j.var() - 16 / 12) < 0.02,
        "normal numbers have their moments": abs(f.mean() - 2) < 0.01 and abs(f.std() - 0.5) < 0.01,
        "Bernoulli has its probability": set(np.unique(g)) == {0, 1} and abs(g.mean() - 0.3) < 0.01,
        "Multinomial has its frequencies": h.shape == (2, 20000) and np.allclose(
            [[(row == k).mean() for k in range(3)] for row in h], [[1 / 8, 2 / 8, 5 / 8], [0.5, 0, 0.5]], atol=0.02),
        "the type is that asked for": i.dtype == np.float64 and abs(i.std() - 1) < 0.02,
    }
    yield from (text for text, holds in hold.items() if not holds)


def refusals():
    """Checks of the data that a run makes; yields those it does not make."""
    def said(node, feeds, outputs):
        result = run([node], outputs, feeds)
        return result.strip().splitlines()[-1] if isinstance(result, str) else "no error"

    cache = floats(2, 1, 3, 8)
    node = helper.make_node("GroupQueryAttention", ["q", "k", "v", "pk", "pv", "lasts", "total"], ["y", "ck", "cv"],
                            domain=MICROSOFT, num_heads=2, kv_num_heads=1)
    feeds = {"q": floats(2, 1, 16), "k": floats(2, 1, 8), "v": floats(2, 1, 8), "pk": cache, "pv": cache,
             "lasts": np.array([3, 4], np.int32), "total": np.array(5, np.int32)}
    yield "more tokens than a cache has room for", said(node, feeds, {"y": "f4", "ck": "f4", "cv": "f4"}), \
        "error: the model refused the data: wrong argument"
    node = helper.make_node("OneHotEncoder", ["x"], ["y"], domain=ML, cats_int64s=[1, 2], zeros=0)
    yield "an unknown category", said(node, {"x": np.array([1, 3])}, {"y": "f4"}), \
        "error: the model refused the data: index out of range"


def check():
    """How many cases there are of the pattern, and how many of them fail."""
    chosen = [c for c in CASES if re.search(PATTERN, c[0])]
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for entry, wrong in zip(chosen, pool.map(verify, chosen)):
            if wrong:
                failures += 1
                print(f"FAIL {entry[0]}: {wrong}")
    return len(chosen), failures


def report(count, failures):
    print(f"{count} cases, {failures} failures")
    sys.exit(1 if failures or not count else 0)


def main():
    for group in [sorts, sums, spectra, images, features, linear_models, trees, fused, heads]:
        group()
    count, failures = check()
    for text in draws() if not PATTERN else []:
        failures += 1
        print(f"FAIL random numbers: {text}")
    for what, got, expected in refusals() if not PATTERN else []:
        if got != expected:
            failures += 1
            print(f"FAIL {what}: {got!r}, not {expected!r}")
    report(count, failures)


if __name__ == "__main__":
    main()
