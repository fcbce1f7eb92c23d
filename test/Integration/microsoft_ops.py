#!/usr/bin/env python3
"""Ops of com.microsoft that exporters and quantizers write, against ONNX Runtime.

    microsoft_ops.py NACRE [PATTERN]

Where ONNX Runtime has no kernel on a CPU the numbers are numpy's, from the op's definition. Results of quantized ops
are equal; where ONNX Runtime rounds an intermediate result of its own (`STEP`), at most one step apart.
"""
import subprocess
import tempfile

import ml_dtypes
import numpy as np
import onnx
from onnx import helper

import onnx_ops
from onnx_ops import MICROSOFT, case, floats, random

EQUAL, STEP = {"rtol": 0, "atol": 0}, {"rtol": 0, "atol": 1}


def f4(value):
    return np.array(value, np.float32)


# -- Weights of few bits ---------------------------------------------------


def pack(numbers, bits):
    """Numbers along the last axis, several to a byte, low bits first."""
    each = 8 // bits
    apart = numbers.reshape(*numbers.shape[:-1], -1, each).astype(np.uint32)
    return (apart << (np.arange(each, dtype=np.uint32) * bits)).sum(-1).astype(np.uint8)


def pad_last(a, multiple):
    return np.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, -a.shape[-1] % multiple)])


def n_bits(name, shape, n, k, block, bits, zeros="none", dtype=np.float32, groups=None, bias=False, known=True, oracle="ort",
           tolerance=1e-4):
    blocks, most = -(-k // block), 1 << bits
    numbers = random.integers(0, most, (n, blocks * block))
    scales = (random.random((n, blocks)) + 0.5).astype(dtype) / dtype(most)
    point = np.full((n, blocks), most // 2)
    zero_points = None
    if zeros == "packed":
        point = random.integers(0, most, (n, blocks))
        zero_points = pack(pad_last(point, 8 // bits), bits)
    elif zeros == "float":
        point = (random.random((n, blocks)) * most).astype(dtype)
        zero_points = point
    x = (floats(*shape, k) / np.sqrt(np.float32(k))).astype(dtype)
    weights = [pack(numbers.reshape(n, blocks, block), bits), scales, zero_points,
               None if groups is None else groups.astype(np.int32), floats(n).astype(dtype) if bias else None]

    def expected(*_):
        at = np.arange(k) // block if groups is None else groups
        w = (numbers[:, :k] - point[:, at].astype("f8")) * scales[:, at].astype("f8")
        y = x.astype("f8") @ w.T + (weights[4].astype("f8") if bias else 0)
        return [y]

    case(name, "MatMulNBits", [x, *weights], [dtype], "ort" if oracle == "ort" else expected, MICROSOFT,
         constants=[i + 1 for i, w in enumerate(weights) if w is not None] if known else None, K=k, N=n, bits=bits,
         block_size=block, rtol=tolerance, atol=tolerance)


def few_bits():
    for bits in [4, 8, 2]:
        for block in [16, 32, 128, 256]:
            n_bits(f"{bits} bits, blocks of {block}", (1,), 24, 2 * block, block, bits, "packed", oracle="numpy")
        for zeros in ["none", "packed", "float"]:
            for rows in [1, 3, 40]:
                n_bits(f"{bits} bits, {rows} rows, zeros {zeros}", (rows,), 20, 112, 32, bits, zeros, oracle="numpy")
        n_bits(f"{bits} bits not known", (2, 3), 20, 64, 32, bits, "packed", known=False, oracle="numpy")
    # ONNX Runtime itself
    for zeros in ["none", "packed"]:
        for rows in [1, 20]:
            n_bits(f"like ONNX Runtime, {rows} rows, zeros {zeros}", (2, rows), 48, 96, 32, 4, zeros, bias=True)
    n_bits("like ONNX Runtime, 8 bits", (5,), 48, 96, 32, 8, "packed")
    n_bits("like ONNX Runtime, zeros that are floats", (5,), 48, 96, 32, 4, "float")
    for rows in [1, 20]:
        n_bits(f"f16, {rows} rows", (rows,), 40, 64, 32, 4, "packed", np.float16, bias=True, oracle="numpy", tolerance=2e-3)
    order = random.permutation(96) // 32
    for zeros in ["none", "packed", "float"]:
        n_bits(f"g_idx, zeros {zeros}", (3,), 20, 96, 32, 4, zeros, groups=order, oracle="numpy")
    n_bits("g_idx in order", (3,), 20, 96, 32, 4, "packed", groups=np.arange(96) // 32, oracle="numpy")


def sizes():
    """What is compiled keeps packed weights packed and, for few rows, unpacks them in the kernel of the product; yields
    what does not hold."""
    n, k, block = 256, 512, 32
    for bits in [8, 4, 2]:
        blocks, each = k // block, 8 // bits
        numbers, zeros = n * k // each, n * blocks
        for rows in [1, 4, 40]:
            before = len(onnx_ops.CASES)
            n_bits("size", (rows,), n, k, block, bits, "packed", oracle="numpy")
            model = onnx_ops.CASES.pop(before)[1]
            with tempfile.TemporaryDirectory() as folder:
                onnx.save(model, f"{folder}/m.onnx")
                done = subprocess.run([onnx_ops.NACRE, "compile", f"{folder}/m.onnx", "-o", folder], capture_output=True,
                                      text=True)
            kernels = "1 kernel, arena 0 bytes, " if rows < 16 else ""
            wanted = f"{kernels}weights {numbers + zeros + n * blocks * 4} bytes"
            if wanted not in done.stdout:
                yield f"{bits} bits, {rows} rows: {done.stdout.strip()}{done.stderr[-200:]}, not {wanted}"


def gathered():
    for bits in [4, 8, 2]:
        for zeros in [False, True]:
            for shape in [(20, 64), (20, 48), (6, 3, 64)]:
                most, block = 1 << bits, 16 if shape[-1] == 48 else 32
                numbers = random.integers(0, most, shape)
                blocks = shape[:-1] + (-(-shape[-1] // block),)
                inputs = [pack(numbers, bits), random.integers(-shape[0], shape[0], (2, 3)),
                          (random.random(blocks) + 0.1).astype(np.float32)]
                if zeros:
                    inputs.append(pack(pad_last(random.integers(0, most, blocks), 8 // bits), bits))
                case(f"{bits} bits of {shape}, zeros {zeros}", "GatherBlockQuantized", inputs, ["f4"], "ort", MICROSOFT,
                     constants=[0, 2, 3][:2 + zeros], bits=bits, block_size=block, gather_axis=0, quantize_axis=len(shape) - 1)
    table = pack(random.integers(0, 16, (20, 32)), 4)
    scales = (random.random((20, 2)) + 0.1).astype(np.float32)
    case("outside", "GatherBlockQuantized", [table, np.array([19, 20, -20, -21, 5], np.int32), scales], ["f4"], "ort",
         MICROSOFT, block_size=16, gather_axis=0, quantize_axis=1)
    case("f16", "GatherBlockQuantized", [table, np.array([[3, 0]]), scales.astype(np.float16)], ["f2"], "ort", MICROSOFT,
         constants=[0, 2], block_size=16, gather_axis=0, quantize_axis=1, rtol=2e-3)
    case("blocks down", "GatherBlockQuantized", [random.integers(-8, 8, (4, 32, 3)).astype(ml_dtypes.int4), np.array([[3], [0]]),
         (random.random((4, 2, 3)) + 0.1).astype(np.float32)], ["f4"], "ort", MICROSOFT, constants=[0], block_size=16,
         gather_axis=0, quantize_axis=1)
    case("of int4", "GatherBlockQuantized", [random.integers(-8, 8, (5, 32)).astype(ml_dtypes.int4), np.array([3, 0, 4]),
         scales[:5]], ["f4"], "ort", MICROSOFT, constants=[0], block_size=16, gather_axis=0, quantize_axis=1)


def open_dims():
    """Ops that take an extent of the run, held to the interpreter; yields what fails."""
    byte = dict(s=f4(0.05), z=np.uint8(3))
    for op, kind, shape, names, constants, attributes in [
            ("MatMulNBits", np.float32, [64], "x w s", {"w": random.integers(0, 256, (5, 2, 16)).astype(np.uint8),
                                                       "s": np.abs(floats(5, 2))}, {"K": 64, "N": 5, "block_size": 32, "bits": 4}),
            ("MatMulNBits", np.float32, [3, 40], "x w s", {"w": random.integers(0, 256, (5, 2, 16)).astype(np.uint8),
                                                          "s": np.abs(floats(5, 2))}, {"K": 40, "N": 5, "block_size": 32, "bits": 4}),
            ("QLinearAdd", np.uint8, [6], "x s z x s z s z", byte, {}),
            ("QLinearSoftmax", np.uint8, [6], "x s z s z", byte, {"opset": 13}),
            ("BiasDropout", np.float32, [6], "x b", {"b": floats(6)}, {})]:
        outputs = {"y": kind, **({"mask": np.bool_} if op == "BiasDropout" else {})}
        node = helper.make_node(op, names.split(), list(outputs), domain=MICROSOFT, **attributes)
        model = onnx_ops.model_of([node], {"x": np.zeros([1, *shape], kind)}, outputs, constants)
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
        with tempfile.TemporaryDirectory() as folder:
            onnx.save(model, f"{folder}/m.onnx")
            for dim in ["N<=4", "N=1..20"]:
                done = subprocess.run([onnx_ops.NACRE, "verify", f"{folder}/m.onnx", "--dim", dim, "--reference"],
                                      capture_output=True, text=True)
                if done.returncode:
                    yield f"{op} with {dim}: {done.stdout[-200:]}{done.stderr[-300:]}"


# -- Attention -------------------------------------------------------------


def cached(op, inputs, past, ends, outputs=3, **attributes):
    """What ONNX Runtime gives, but for the places of caches behind the tokens, which it leaves open: what was there
    before, or 0. `past` is the number of the first of two inputs, `ends` how many tokens each row has then."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    feeds = {name: np.asarray(x) for name, x in zip(names, inputs) if name}
    results = dict.fromkeys(["y", "ck", "cv"], "f4")
    node = helper.make_node(op, names, list(results), domain=MICROSOFT, **attributes)
    y, *caches = onnx_ops.by_ort(onnx_ops.model_of([node], feeds, results, {}), list(results), feeds)
    for cache, before in zip(caches, inputs[past:]):
        for row, end in enumerate(ends):
            cache[row, :, end:] = 0
            if before is not None:
                cache[row, :, end:before.shape[2]] = before[row, :, end:]
    return [y, *caches]


def group_query(name, length, lasts, room, heads=4, shared=2, size=16, total=None, known=True, sink=None, places=None,
                **attributes):
    """Rows that do not have the same number of tokens, in a cache with room for some more, against ONNX Runtime, which
    leaves open what is in a cache behind the tokens: here what was there before, or 0."""
    batch = len(lasts)
    angles = floats(32, size // 2)
    inputs = [floats(batch, length, heads * size), floats(batch, length, shared * size), floats(batch, length, shared * size),
              None, None, np.array(lasts, np.int32), np.array(total or max(lasts) + 1, np.int32)]
    if room:
        inputs[3:5] = [floats(batch, shared, room, size), floats(batch, shared, room, size)]
    inputs += [np.cos(angles), np.sin(angles)] if attributes.get("do_rotary") else [None, None]
    inputs += [places, None, sink]

    attributes.update(num_heads=heads, kv_num_heads=shared)
    ends = [max(last + 1, length) for last in lasts]
    case(name, "GroupQueryAttention", inputs, ["f4"] * 3,
         lambda *x: cached("GroupQueryAttention", x, 3, ends, **attributes), MICROSOFT, constants=[6] if known else None,
         **attributes)


def attention(q, k, v):
    """Of [batch,length,heads,size]; ONNX Runtime has packed ones on GPUs only."""
    scores = np.einsum("blhd,bshd->bhls", q, k) / np.sqrt(q.shape[-1])
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("bhls,bshd->blhd", p / p.sum(-1, keepdims=True), v).reshape(*q.shape[:2], -1)


def with_room():
    """Caches of 8 places of which 3 are taken."""
    for past in [np.array([3], np.int32), np.array(0, np.int32)]:
        end = int(past.reshape(-1)[0])
        for length in [1, 4]:
            for mask in [None, random.integers(0, 2, (2, end + length)).astype(np.int32)]:
                inputs = [floats(2, length, 12), floats(2, length, 12), floats(2, length, 12), None, mask, None,
                          floats(2, 3, 8, 4), floats(2, 3, 8, 4), past]
                case(f"{end} and {length} of 8, mask {mask is not None}", "MultiHeadAttention", inputs, ["f4"] * 3, lambda *x,
                     e=[end + length] * 2: cached("MultiHeadAttention", x, 6, e, num_heads=3), MICROSOFT, num_heads=3)
        inputs = [floats(2, 1, 12), floats(2, 1, 12), floats(2, 1, 12), None, None, floats(2, 3, 8, 4), floats(2, 3, 8, 4), past,
                  None, None, floats(36)]
        how = {"num_heads": 3, "past_present_share_buffer": 1}
        case(f"{end} of 8", "DecoderMaskedMultiHeadAttention", inputs, ["f4"] * 3, lambda *x, e=[end + 1] * 2: cached(
            "DecoderMaskedMultiHeadAttention", x, 5, e, **how), MICROSOFT, **how)
    case("cross", "DecoderMaskedMultiHeadAttention", [floats(2, 1, 12), floats(2, 3, 8, 4), floats(2, 3, 8, 4)], ["f4"], "ort",
         MICROSOFT, num_heads=3)

    def expected(x, w, bias, _, cache, __, past):
        q, k, v = np.split((x @ w + bias).reshape(2, 2, 9, 4), 3, 2)
        after = cache.copy()
        after[0, :, :, past:past + 2] = k.transpose(0, 2, 1, 3)
        after[1, :, :, past:past + 2] = v.transpose(0, 2, 1, 3)
        seen = after[:, :, :, :past + 2].transpose(0, 1, 3, 2, 4)
        return [attention(q, seen[0], seen[1]), after]

    case("3 and 2 of 8", "Attention", [floats(2, 2, 12), floats(12, 36), floats(36), None, floats(2, 2, 3, 8, 4), None,
         np.array(3, np.int32)], ["f4", "f4"], expected, MICROSOFT, num_heads=3, past_present_share_buffer=1)


def rows_behind_one_another():
    """Rows of 3, 1 and 4 tokens; ONNX Runtime has them on GPUs only."""
    starts, hidden = np.array([0, 3, 4, 8], np.int32), 12
    offset = np.array([[0, 1, 2, 4], [8, 9, 10, 11], [3, 5, 6, 7]], np.int32)

    def expected(q, k, v):
        heads = [a.reshape(1, 8, 3, 4) for a in (q, k, v)]
        rows = [attention(*(a[:, i:j] for a in heads)) for i, j in zip(starts, starts[1:])]
        return [np.concatenate(rows, 1)[0]]

    case("rows", "PackedAttention", [floats(8, 6), floats(6, 36), floats(36), offset, starts], ["f4"],
         lambda x, w, b, *_: expected(*np.split(x @ w + b, 3, 1)), MICROSOFT, num_heads=3)
    case("rows", "PackedMultiHeadAttention", [floats(8, 12), floats(8, 12), floats(8, 12), floats(36), offset, starts], ["f4"],
         lambda q, k, v, b, *_: expected(q + b[:12], k + b[12:24], v + b[24:]), MICROSOFT, num_heads=3)
    case("packed", "PackedMultiHeadAttention", [floats(8, 3, 3, 4), None, None, None, offset, starts], ["f4"],
         lambda x, *_: expected(*(x[:, :, i].reshape(8, 12) for i in range(3))), MICROSOFT, num_heads=3)


def attentions():
    for rotary in [0, 1]:
        for lasts in [[9, 9], [9, 4], [3, 9], [0, 9]]:
            group_query(f"rows {lasts} of a cache of 16, rotary {rotary}", 1, lasts, 16, do_rotary=rotary)
    group_query("a full cache", 1, [9, 9], 9, do_rotary=1, known=False)
    group_query("a full cache that is known", 1, [9, 9], 9, do_rotary=1)
    group_query("tokens at once", 3, [9], 7, do_rotary=1)
    group_query("tokens at once in a cache of 16", 3, [9], 16, do_rotary=1)
    group_query("a prompt in a cache of 16", 5, [4], 16, do_rotary=1)
    for window in [1, 3, 4, 20]:
        group_query(f"window of {window}", 6, [5, 5], 0, local_window_size=window)
        group_query(f"window of {window}, cache", 1, [9, 4], 16, local_window_size=window)
    group_query("smooth", 6, [5, 5], 0, smooth_softmax=1)
    group_query("smooth, cache, softcap", 1, [9, 4], 16, smooth_softmax=1, softcap=1.5)
    group_query("sinks", 6, [5, 5], 0, sink=floats(4))
    group_query("places", 3, [2, 2], 0, do_rotary=1, places=np.array([[4, 5, 6], [4, 5, 6]]))
    case("packed", "MultiHeadAttention", [floats(2, 5, 3, 3, 8)], ["f4"],
         lambda x: [attention(x[..., 0, :], x[..., 1, :], x[..., 2, :])], MICROSOFT, num_heads=3)
    case("packed keys", "MultiHeadAttention", [floats(2, 5, 24), floats(2, 7, 3, 2, 8)], ["f4"],
         lambda q, x: [attention(q.reshape(2, 5, 3, 8), x[..., 0, :], x[..., 1, :])], MICROSOFT, num_heads=3)
    with_room()
    rows_behind_one_another()
    angles = floats(20, 8)
    case("packed batching", "RotaryEmbedding", [floats(1, 24, 64), random.integers(0, 20, (1, 24)), np.cos(angles),
         np.sin(angles)], ["f4"], "ort", MICROSOFT, is_packed_batching=1, num_heads=4)


# -- Ops on bytes ----------------------------------------------------------


def byte_array(dtype, *shape):
    info = np.iinfo(dtype)
    a = random.integers(info.min, info.max, shape, dtype, endpoint=True)
    a.reshape(-1)[:2] = info.min, info.max
    return a


def point(dtype, offset):
    """A zero point off the middle of the type."""
    return np.array(offset + (128 if dtype == np.uint8 else 0), dtype)


def quantize(y, scale, zero, dtype):
    info = np.iinfo(dtype)
    return np.clip(np.rint(np.asarray(y, np.float32) / np.float32(scale)) + np.float32(zero), info.min, info.max).astype(dtype)


def dequantize(x, scale, zero):
    return (x.astype(np.float32) - np.float32(zero)) * np.float32(scale)


def q_linear():
    for dtype in [np.uint8, np.int8]:
        name = np.dtype(dtype).name
        one, two, out = [f4(0.03), point(dtype, 5)], [f4(0.05), point(dtype, -20)], [f4(0.08), point(dtype, 3)]
        x = byte_array(dtype, 2, 3, 40)
        for op in ["QLinearAdd", "QLinearMul"]:
            for what, other in [("", byte_array(dtype, 2, 3, 40)), (", broadcast", byte_array(dtype, 3, 1)),
                                (", scalar", np.array(77, dtype))]:
                case(name + what, op, [x, *one, other, *two, *out], [dtype], "ort", MICROSOFT, **STEP)
            combine = np.add if op == "QLinearAdd" else np.multiply
            # ONNX Runtime refuses a zero point that is left out here
            case(name + ", no zero points", op, [x, one[0], None, x, two[0], None, out[0]], [dtype], lambda a, s, _, b, t, __,
                 r, f=combine: [quantize(f(dequantize(a, s, 0), dequantize(b, t, 0)), r, 0, a.dtype)], MICROSOFT, **EQUAL)
        every = np.arange(256).astype(np.uint8).view(dtype)
        case(name, "QLinearSigmoid", [every, *one, f4(1 / 256), point(dtype, -128)], [dtype], "ort", MICROSOFT, **EQUAL)
        case(name + ", no zero points", "QLinearSigmoid", [every, f4(0.05), None, f4(1 / 200)], [dtype], lambda x, s, _, t: [
            quantize(1 / (1 + np.exp(-dequantize(x, s, 0))), t, 0, x.dtype)], MICROSOFT, **EQUAL)
        for slope in [{}, {"alpha": 0.3}]:
            case(f"{name} {slope}", "QLinearLeakyRelu", [every, *one, *two], [dtype], "ort", MICROSOFT, **EQUAL, **slope)
        image = byte_array(dtype, 2, 5, 9, 7)
        for pool in [{}, {"pads": [1, 1, 1, 1]}, {"pads": [1, 0, 1, 1], "count_include_pad": 1, "strides": [2, 1]},
                     {"strides": [2, 2], "ceil_mode": 1}, {"auto_pad": "SAME_UPPER"}]:
            case(f"{name} {pool}", "QLinearAveragePool", [image, *one, *two], [dtype], "ort", MICROSOFT, kernel_shape=[3, 2],
                 **STEP, **pool)
        case(name + ", channels last", "QLinearAveragePool", [image, *one, *two], [dtype], "ort", MICROSOFT,
             kernel_shape=[2, 2], channels_last=1, **STEP)
        for last in [0, 1]:
            case(f"{name}, channels last {last}", "QLinearGlobalAveragePool", [image, *one, *two], [dtype], "ort", MICROSOFT,
                 channels_last=last, **STEP)
        case(name, "QLinearConcat", [*out, x, *one, byte_array(dtype, 2, 4, 40), *two, byte_array(dtype, 2, 1, 40), *out],
             [dtype], "ort", MICROSOFT, axis=1, **EQUAL)
        for axis, opset in [(-1, 13), (1, 13), (0, 13), (1, 12), (2, 12)]:
            case(f"{name}, axis {axis}, opset {opset}", "QLinearSoftmax", [x, f4(0.06), point(dtype, 0), f4(1 / 256),
                 point(dtype, -128)], [dtype], "ort", MICROSOFT, axis=axis, also={"opset": opset}, **STEP)
        case(name, "QLinearWhere", [random.random((2, 3, 40)) < 0.5, x, *one, byte_array(dtype, 3, 1), *two, *out], [dtype],
             "ort", MICROSOFT, **EQUAL)
        for keep in [0, 1]:  # ONNX Runtime has no kernel
            case(f"{name}, keepdims {keep}", "QLinearReduceMean", [x, *one, *two], [dtype], lambda x, *p, keep=keep: [quantize(
                dequantize(x, *p[:2]).mean((0, 2), keepdims=bool(keep)), *p[2:], x.dtype)], MICROSOFT, axes=[0, -1],
                keepdims=keep, **EQUAL)
        for pool in [{}, {"pads": [1, 0, 1, 1], "strides": [2, 1]}, {"dilations": [2, 1]}]:
            case(f"{name} {pool}", "NhwcMaxPool", [image, ], [dtype], "ort", MICROSOFT, kernel_shape=[3, 2], **EQUAL, **pool)
    for dtype in [np.uint8, np.int8, np.uint16, np.int16]:
        name, middle = np.dtype(dtype).name, 100 if np.iinfo(dtype).min else 130
        x = np.concatenate([floats(90), [np.inf, -np.inf, 0.005, 0.015]]).astype(np.float32)
        case(name, "QuantizeLinear", [x, f4(0.01), np.array(middle, dtype)], [dtype], "ort", MICROSOFT, **EQUAL)
        case(name, "DequantizeLinear", [byte_array(dtype, 50), f4(0.01), np.array(middle, dtype)], ["f4"], "ort", MICROSOFT)
        scales, zeros = (random.random(4) + 0.1).astype(np.float32), byte_array(dtype, 4)
        case(name + " along axis 1", "QuantizeLinear", [floats(3, 4, 5, scale=20), scales, zeros], [dtype], "ort", MICROSOFT,
             axis=1, **EQUAL)
        case(name + " along axis 1", "DequantizeLinear", [byte_array(dtype, 3, 4, 5), scales, zeros], ["f4"], "ort",
             MICROSOFT, axis=1)
    case("i32", "DequantizeLinear", [byte_array(np.int32, 50) // 256, f4(0.01)], ["f4"], "ort", MICROSOFT)


def q_products():
    for a, b in [(np.uint8, np.int8), (np.uint8, np.uint8), (np.int8, np.int8)]:
        name = f"{np.dtype(a).name} {np.dtype(b).name}"
        x, w = byte_array(a, 5, 24), byte_array(b, 24, 16)
        columns, zeros = (random.random(16) * 0.02 + 0.01).astype(np.float32), byte_array(b, 16) // 8
        bias = random.integers(-9999, 9999, 16).astype(np.int32)
        for swap_a in [0, 1]:
            for swap_b in [0, 1]:
                case(f"{name} {swap_a} {swap_b}", "QGemm", [
                    x.T.copy() if swap_a else x, f4(0.02), point(a, 3), w.T.copy() if swap_b else w, f4(0.03), point(b, 1),
                    bias, f4(0.9), point(a, 7)], [a], "ort", MICROSOFT, transA=swap_a, transB=swap_b, **STEP)
        case(name + ", columns", "QGemm", [x, f4(0.02), point(a, 3), w, columns, zeros, bias, f4(0.5), point(a, 7)], [a],
             "ort", MICROSOFT, **STEP)
        case(name + " to floats", "QGemm", [x, f4(0.02), point(a, 3), w, columns, zeros, bias], ["f4"], "ort", MICROSOFT,
             alpha=0.5)
        case(name + " to floats, no C", "QGemm", [x, f4(0.02), point(a, 3), w, f4(0.1), point(b, 0)], ["f4"], "ort", MICROSOFT)
        for what, scale, zero in [("", f4([0.03]), point(b, 1)), (", columns", columns, zeros), (", no zeros", columns, None)]:
            case(name + what, "MatMulIntegerToFloat", [byte_array(a, 2, 5, 24), w, f4([0.02]), scale,
                 None if zero is None else point(a, 3), zero, floats(16)], ["f4"], "ort", MICROSOFT)
        case(name + ", batches", "MatMulIntegerToFloat", [byte_array(a, 2, 5, 24), byte_array(b, 2, 24, 16), f4([0.02]),
             f4([0.03]), point(a, 3)], ["f4"], "ort", MICROSOFT)
    for b in [np.uint8, np.int8]:
        w, name = byte_array(b, 24, 16), np.dtype(b).name
        columns, zeros = (random.random(16) * 0.02 + 0.01).astype(np.float32), byte_array(b, 16) // 8
        case(name, "DynamicQuantizeMatMul", [floats(2, 5, 24), w, f4([0.02]), point(b, 3), floats(16)], ["f4"], "ort", MICROSOFT)
        case(name + ", columns", "DynamicQuantizeMatMul", [floats(5, 24), w, columns, zeros], ["f4"], "ort", MICROSOFT)
        case(name + ", positive", "DynamicQuantizeMatMul", [np.abs(floats(5, 24)) + 1, w, columns], ["f4"], "ort", MICROSOFT)
        inputs = [byte_array(np.uint8, 2, 5, 12), byte_array(b, 12, 36), floats(36, scale=0.2), f4(0.01), f4(0.01)]
        case(name, "QAttention", [*inputs, np.array([3, 5], np.int32), point(np.uint8, 2), point(b, 4)], ["f4"], "ort",
             MICROSOFT, num_heads=3)
        case(name + ", one way", "QAttention", [*inputs, None, point(np.uint8, 2), point(b, 4)], ["f4"], "ort", MICROSOFT,
             num_heads=3, unidirectional=1)
        case(name + ", past", "QAttention", [*inputs, None, point(np.uint8, 2), point(b, 4), floats(2, 2, 3, 4, 4)],
             ["f4", "f4"], "ort", MICROSOFT, num_heads=3, unidirectional=1)
        scales = (random.random(36) * 0.01 + 0.01).astype(np.float32)
        case(name + ", columns", "QAttention", [*inputs[:4], scales, None, point(np.uint8, 2), byte_array(b, 36) // 8], ["f4"],
             "ort", MICROSOFT, num_heads=3)


def lstm():
    """ONNX Runtime quantizes inputs and states to 8 bits for each step too; here they stay floats."""
    for dtype in [np.uint8, np.int8]:
        for ways in [1, 2]:
            for columns in [(), (64,)]:
                scale = lambda: (random.random((ways, *columns)) * 0.002 + 0.002).astype(np.float32)
                zero = lambda: np.full((ways, *columns), point(dtype, 3 if dtype == np.uint8 else 0))
                inputs = [floats(5, 2, 6), byte_array(dtype, ways, 6, 64), byte_array(dtype, ways, 16, 64),
                          floats(ways, 128, scale=0.2), None, floats(ways, 2, 16, scale=0.2), None, None, scale(), zero(),
                          scale(), zero()]
                case(f"{np.dtype(dtype).name} {ways} {columns}", "DynamicQuantizeLSTM", inputs, ["f4"] * 3, "ort", MICROSOFT,
                     constants=[1, 2, 8, 9, 10, 11], hidden_size=16, direction="bidirectional" if ways == 2 else "forward",
                     rtol=0, atol=0.03)


# -- Floats ----------------------------------------------------------------


def gelu(x):
    from math import erf
    return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def group_norm(x, gamma, beta, groups, silu, last=True, epsilon=1e-5):
    x = x.astype("f8") if last else np.moveaxis(x.astype("f8"), 1, -1)
    split = x.reshape(x.shape[0], -1, groups, x.shape[-1] // groups)
    split = (split - split.mean((1, 3), keepdims=True)) / np.sqrt(split.var((1, 3), keepdims=True) + epsilon)
    y = split.reshape(x.shape) * gamma + beta
    y = y / (1 + np.exp(-y)) if silu else y
    return y if last else np.moveaxis(y, -1, 1)


def of_floats():
    """ONNX Runtime has no kernels on a CPU but for SimplifiedLayerNormalization."""
    x, skip, gamma, beta, bias = floats(2, 4, 3, 8), floats(2, 4, 3, 8), floats(8), floats(8), floats(8)
    for silu in [0, 1]:
        case(f"{silu}", "GroupNorm", [x, gamma, beta], ["f4"], lambda *a, s=silu: [group_norm(*a, 4, s)], MICROSOFT, groups=4,
             activation=silu)
        case(f"{silu}, channels second", "GroupNorm", [x, floats(4), floats(4)], ["f4"],
             lambda *a, s=silu: [group_norm(*a, 2, s, False)], MICROSOFT, groups=2, activation=silu, channels_last=0)
    half = [x.astype(np.float16), gamma, beta]
    case("f16", "GroupNorm", half, ["f2"], lambda *a: [group_norm(*a, 4, 1)], MICROSOFT, groups=4, activation=1, rtol=2e-3,
         atol=2e-3)
    for what, other in [("", skip), (", [batch,channels]", floats(2, 8)), (", spatial 1", floats(2, 1, 1, 8))]:
        for extra in [[], [bias]]:
            def expected(x, gamma, beta, skip, bias=0):
                total = x + (skip.reshape(2, 1, 1, 8) if skip.ndim == 2 else skip) + bias
                return [group_norm(total, gamma, beta, 2, 1), total]
            case(f"{len(extra)}{what}", "SkipGroupNorm", [x, gamma, beta, other, *extra], ["f4", "f4"], expected, MICROSOFT,
                 groups=2, activation=1)
    case("x", "BiasAdd", [floats(2, 6, 8), bias, floats(2, 6, 8)], ["f4"], lambda a, b, c: [a + b + c], MICROSOFT)
    case("x", "BiasSplitGelu", [floats(2, 6, 8), bias], ["f4"],
         lambda a, b: [(a + b)[..., :4] * gelu((a + b)[..., 4:].astype("f8"))], MICROSOFT)
    for rest in [[], [floats(2, 6, 8)], [floats(2, 6, 8), f4(0.5), np.array(False)]]:
        case(f"{len(rest)}", "BiasDropout", [floats(2, 6, 8), bias, *rest], ["f4", "?"],
             lambda a, b, r=0, *_: [a + b + r, np.ones(a.shape, bool)], MICROSOFT, constants=[4] if len(rest) == 3 else None)
    for axis in [-1, 1]:
        case(f"axis {axis}", "SimplifiedLayerNormalization", [floats(2, 6, 8), floats(*(2, 6, 8)[axis:])], ["f4", "f4"],
             "ort", axis=axis, epsilon=1e-6, stash_type=1)


def spectrum(c):
    return np.stack([c.real, c.imag], -1)


def of_tensors():
    for dtype in [np.float32, np.float64, np.float16]:
        for size in [1, 2, 5, 8]:
            x = (floats(3, size, size) + 3 * np.eye(size)[::-1]).astype(dtype)  # pivots off the diagonal
            case(f"{np.dtype(dtype).name} {size}", "Inverse", [x], [dtype], lambda x: [np.linalg.inv(x.astype("f8"))],
                 MICROSOFT, **({"rtol": 1e-2, "atol": 1e-2} if dtype == np.float16 else {"rtol": 1e-3, "atol": 1e-3}))
    case("matrix", "Inverse", [floats(4, 4)], ["f4"], "ort", MICROSOFT, rtol=1e-3, atol=1e-3)
    for dtype in [np.float32, np.float64, np.int64]:
        for k in [None, np.array(1), np.array(-2)]:
            for upper in [0, 1]:
                case(f"{np.dtype(dtype).name} {k} {upper}", "Trilu", [floats(2, 4, 5, scale=9).astype(dtype), k], [dtype],
                     "ort", MICROSOFT, constants=None if k is None else [1], upper=upper, **EQUAL)
    case("x", "Unique", [np.array([2, 1, 1, 3, 4, 3], np.float32)], ["f4", "i8", "i8"], "ort", MICROSOFT, constants=[0], **EQUAL)
    for axis in [0, 1, -1]:
        case(f"axis {axis}", "ExpandDims", [floats(2, 3), np.array(axis, np.int32)], ["f4"], "ort", MICROSOFT, constants=[1],
             **EQUAL)
    for mode in ["constant", "reflect", "edge"]:
        case(mode, "Pad", [floats(4, 5), np.array([1, 2, 0, 3]), f4([1.5])], ["f4"], "ort", MICROSOFT, constants=[1, 2], mode=mode,
             **EQUAL)
    for dtype in [np.int32, np.int64, np.float32, np.float64, np.int16]:
        for rest in [[], [np.array([3], dtype)]]:
            case(f"{np.dtype(dtype).name} {len(rest)}", "Range", [np.array([2], dtype), np.array([11], dtype), *rest], [dtype],
                 "ort", MICROSOFT, constants=[0, 1, 2][:2 + len(rest)], **EQUAL)
    for mode in ["bilinear", "nearest", "bicubic"]:
        for padding in ["zeros", "border", "reflection"]:
            case(f"{mode} {padding}", "GridSample", [floats(2, 3, 5, 7), floats(2, 4, 6, 2)], ["f4"], "ort", MICROSOFT,
                 mode=mode, padding_mode=padding, align_corners=1, atol=1e-4)
    case("x", "GatherND", [floats(3, 4, 5), np.array([[0, 1], [2, -1]])], ["f4"], "ort", MICROSOFT, **EQUAL)
    for metric in ["euclidean", "sqeuclidean"]:
        for dtype in [np.float32, np.float64]:
            case(f"{metric} {np.dtype(dtype).name}", "CDist", [floats(4, 7).astype(dtype), floats(5, 7).astype(dtype)], [dtype],
                 "ort", MICROSOFT, metric=metric)
    good, nan, infinite = floats(3, 4), floats(5), floats(6)
    nan[2], infinite[4] = np.nan, -np.inf
    for name, inputs in [("all", [good]), ("a NaN", [good, nan]), ("infinite", [infinite, good]), ("both", [nan, infinite])]:
        case(name, "IsAllFinite", inputs, ["?"], lambda *x: [all(np.isfinite(v).all() for v in x)], MICROSOFT)
        case(name + ", infinite only", "IsAllFinite", inputs, ["?"], lambda *x: [not any(np.isinf(v).any() for v in x)],
             MICROSOFT, isinf_only=1)
        case(name + ", NaN only", "IsAllFinite", inputs, ["?"], lambda *x: [not any(np.isnan(v).any() for v in x)], MICROSOFT,
             isnan_only=1)
    for dtype, wide in [(np.int8, np.int32), (np.uint8, np.uint32)]:
        case(np.dtype(dtype).name, "ReduceSumInteger", [byte_array(dtype, 3, 400)], [wide],
             lambda x, wide=wide: [x.sum(1, dtype=wide)], MICROSOFT, axes=[1], keepdims=0, **EQUAL)
    for n in [2, 6, 16, 30]:
        case(f"{n}", "Rfft", [floats(3, n)], ["f4"], lambda x: [spectrum(np.fft.rfft(x))], MICROSOFT, signal_ndim=1, onesided=1,
             normalized=0, atol=1e-4)
        case(f"{n}", "Irfft", [floats(3, n // 2 + 1, 2)], ["f4"], lambda c: [np.fft.irfft(c[..., 0] + 1j * c[..., 1])],
             MICROSOFT, signal_ndim=1, onesided=1, normalized=0, atol=1e-4)
    case("one", "Rfft", [floats(8)], ["f4"], lambda x: [spectrum(np.fft.rfft(x))], MICROSOFT, signal_ndim=1, atol=1e-4)
    for dtype in [np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64]:
        x = (floats(20, scale=1000) if np.dtype(dtype).kind == "f" else byte_array(dtype, 20)).astype(dtype)
        for positive, wide in [(1, np.uint32), (0, np.int32)]:
            for seed in [{}, {"seed": 42}]:
                case(f"{np.dtype(dtype).name} {positive} {seed}", "MurmurHash3", [x], [wide], "ort", MICROSOFT,
                     positive=positive, **EQUAL, **seed)
    boxes = f4([[0, 0, 1, 1], [0.2, 0.1, 0.7, 0.8], [-0.2, 0.3, 1.2, 0.6], [0.9, 0.9, 0.1, 0.2]])
    for mode in ["bilinear", "nearest"]:
        for size in [[3, 4], [1, 5], [6, 1]]:
            case(f"{mode} {size}", "CropAndResize", [floats(2, 3, 6, 9), boxes, np.array([0, 1, 1, 0], np.int32),
                 np.array(size, np.int32)], ["f4"], "ort", MICROSOFT, constants=[3], mode=mode, extrapolation_value=-2.5)


def main():
    for group in [few_bits, gathered, attentions, q_linear, q_products, lstm, of_floats, of_tensors]:
        group()
    count, failures = onnx_ops.check()
    for text in sizes() if not onnx_ops.PATTERN else []:
        failures += 1
        print(f"FAIL size of weights: {text}")
    for text in open_dims() if not onnx_ops.PATTERN else []:
        failures += 1
        print(f"FAIL {text}")
    onnx_ops.report(count, failures)


if __name__ == "__main__":
    main()
