#!/usr/bin/env python3
"""Floats of 8 and 4 bits and integers of 4 and 2, to the last bit.

    narrow_types.py NACRE

Casts from every number of f16 and from a million of f32, those beside every place where a rounding changes among them,
to each narrow type, and of every code of each type back. What ml_dtypes makes of them is expected of lazy.cast, what
the tables of ONNX's Cast say of an ONNX model with its attributes. Results leave as 32-bit integers, so that the sign
of 0 counts; of NaN only that it is one. `nacre verify --reference` runs compiled code and interpreter.

On the targets besides cpu, whose devices are emulated here, there are 60 thousand numbers of f32. Where a device is
missing this says so and tests the rest.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import devices
import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, helper

# Name in MLIR, in ONNX, in ml_dtypes; the bits of an element.
FLOATS = [("f8E4M3FN", TensorProto.FLOAT8E4M3FN, ml_dtypes.float8_e4m3fn, 8),
          ("f8E4M3FNUZ", TensorProto.FLOAT8E4M3FNUZ, ml_dtypes.float8_e4m3fnuz, 8),
          ("f8E5M2", TensorProto.FLOAT8E5M2, ml_dtypes.float8_e5m2, 8),
          ("f8E5M2FNUZ", TensorProto.FLOAT8E5M2FNUZ, ml_dtypes.float8_e5m2fnuz, 8),
          ("f8E8M0FNU", TensorProto.FLOAT8E8M0, ml_dtypes.float8_e8m0fnu, 8),
          ("f4E2M1FN", TensorProto.FLOAT4E2M1, ml_dtypes.float4_e2m1fn, 4)]
INTEGERS = [("i4", TensorProto.INT4, ml_dtypes.int4, 4), ("ui4", TensorProto.UINT4, ml_dtypes.uint4, 4),
            ("i2", TensorProto.INT2, ml_dtypes.int2, 2), ("ui2", TensorProto.UINT2, ml_dtypes.uint2, 2)]
MLIR = {np.dtype(np.float16): "f16", np.dtype(np.float32): "f32", np.dtype(np.float64): "f64",
        np.dtype(np.int32): "i32", np.dtype(np.uint8): "ui8"}
NAN = 999


def halves():
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def round_singles():
    """All signs and exponents with the mantissas of five bits: where a rounding may change."""
    return (np.arange(1 << 14, dtype=np.uint32) << 18).view(np.float32)


def singles(count):
    """The round ones, those just below and just above, and random bits."""
    high = round_singles().view(np.uint32)
    beside = np.concatenate([high - 1, high, high + 1])
    rest = np.random.default_rng(1).integers(0, 1 << 32, count - beside.size, dtype=np.uint32)
    return np.concatenate([beside, rest]).view(np.float32)


def same_nan(dtype, codes):
    """Codes as i32, NaN as one number."""
    return np.where(np.isnan(codes.view(dtype).astype(np.float32)), NAN, codes.astype(np.int32))


class Check:
    def __init__(self, nacre, target, env):
        self.nacre, self.target, self.env, self.wrong = nacre, target, env, 0

    def __call__(self, what, model, inputs, outputs):
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            for i, value in enumerate(inputs):
                np.save(folder / f"input_{i}.npy", value)
            for i, value in enumerate(outputs):
                np.save(folder / f"output_{i}.npy", value)
            if isinstance(model, str):
                path = folder / "model.mlir"
                path.write_text(model)
            else:
                path = folder / "model.onnx"
                onnx.save(model, path)
            done = subprocess.run([self.nacre, "verify", path, "--data", folder, "--reference", "--rtol", "0", "--atol",
                                   "0", "--target", self.target], capture_output=True, text=True, env=self.env)
        if done.returncode:
            self.wrong += 1
            print(f"{self.target}, {what}: exit code {done.returncode}\n{done.stdout}{done.stderr}")


def encode_text(x, types):
    """A program of lazy.cast to each type."""
    body, results, shape = "", [], f"{x.size}x"
    source = f"tensor<{shape}{MLIR[x.dtype]}>"
    for i, (name, _, _, bits) in enumerate(types):
        narrow, plain = f"tensor<{shape}{name}>", f"tensor<{shape}ui{bits}>"
        body += (f"  %a{i} = lazy.cast %x : {source} -> {narrow}\n"
                 f"  %b{i} = lazy.bitcast %a{i} : {narrow} -> {plain}\n"
                 f"  %c{i} = lazy.cast %b{i} : {plain} -> tensor<{shape}i32>\n")
        if name[0] == "f" and name != "f4E2M1FN":
            body += (f"  %d{i} = lazy.cast %a{i} : {narrow} -> tensor<{shape}f32>\n"
                     f"  %e{i} = lazy.cmp eq, %d{i}, %d{i} : tensor<{shape}f32> -> tensor<{shape}i1>\n"
                     f"  %f{i} = lazy.splat {NAN} : i32 : tensor<{shape}i32>\n"
                     f"  %g{i} = lazy.where %e{i}, %c{i}, %f{i} : tensor<{shape}i1>, tensor<{shape}i32>\n")
            results.append(f"%g{i}")
        else:
            results.append(f"%c{i}")
    types = ", ".join([f"tensor<{shape}i32>"] * len(results))
    return (f"func.func @main(%x: {source}) -> ({types}) {{\n{body}  return {', '.join(results)} : {types}\n}}\n")


def encode(check, what, x, types, same=None):
    """`same` are other numbers that become the same."""
    outputs = []
    for _, _, dtype, _ in types:
        with np.errstate(all="ignore"):
            codes = (x if same is None else same).astype(dtype).view(np.uint8)
        if dtype is ml_dtypes.float4_e2m1fn:  # ml_dtypes looks at the sign of NaN
            codes = np.where(np.isnan(x), np.uint8(8), codes)
        if dtype is ml_dtypes.float8_e8m0fnu:  # ml_dtypes rounds these up to 2^-126, which is farther
            codes = np.where((x > 2.0**-127) & (x < 1.5 * 2.0**-127), np.uint8(0), codes)
        outputs.append(same_nan(dtype, codes) if dtype in (t[2] for t in FLOATS[:5]) else codes.astype(np.int32))
    check(what, encode_text(x, types), [x], outputs)


def decode(check, dtype_name, dtype, bits):
    """Every code as f32, whose bits are compared, and as f16."""
    n = 1 << bits
    codes = np.arange(n, dtype=np.uint8)
    narrow, shape = f"tensor<{n}x{dtype_name}>", f"tensor<{n}x"
    text = (f"func.func @main(%x: {narrow}) -> ({shape}i32>, {shape}f16>) {{\n"
            f"  %a = lazy.cast %x : {narrow} -> {shape}f32>\n"
            f"  %b = lazy.bitcast %a : {shape}f32> -> {shape}i32>\n"
            f"  %c = lazy.cmp eq, %a, %a : {shape}f32> -> {shape}i1>\n"
            f"  %d = lazy.splat {NAN} : i32 : {shape}i32>\n"
            f"  %e = lazy.where %c, %b, %d : {shape}i1>, {shape}i32>\n"
            f"  %f = lazy.cast %x : {narrow} -> {shape}f16>\n"
            f"  return %e, %f : {shape}i32>, {shape}f16>\n}}\n")
    values = codes.view(dtype).astype(np.float32)
    expected = np.where(np.isnan(values), NAN, values.view(np.int32)).astype(np.int32)
    with np.errstate(all="ignore"):
        check(f"{dtype_name} decoded", text, [codes.view(dtype)], [expected, values.astype(np.float16)])


def saturated(x, dtype):
    limit = np.float32(ml_dtypes.finfo(dtype).max)
    with np.errstate(invalid="ignore"):
        return np.clip(x.astype(np.float32), -limit, limit).astype(dtype).view(np.uint8)


def scale(x, mode, saturate):
    """The power of two beside |x|: ONNX's table, by logarithms."""
    with np.errstate(all="ignore"):
        magnitude = np.abs(x.astype(np.float64))
        digits, exponent = np.frexp(np.where(np.isfinite(magnitude) & (magnitude > 0), magnitude, 1))
        # digits is from 1/2 to 1: the power of two below is 2^(exponent - 1).
        above = {"up": digits > 0.5, "down": np.zeros(x.shape, bool), "nearest": digits >= 0.75}[mode]
        code = exponent - 1 + above + 127
    small = magnitude < 2.0**-127
    large = np.isinf(magnitude) | (~small & (code > 254))
    code = np.where(small, 0 if saturate else 255, np.where(large, 254 if saturate else 255, code))
    return np.where(np.isnan(x), 255, code).astype(np.int32)


def attributes(check, what, x):
    """ONNX's saturate and round_mode."""
    nodes, outputs, expected = [], [], []

    def add(to, codes, **attributes):
        i = len(expected)
        nodes.extend([helper.make_node("Cast", ["x"], [f"a{i}"], to=to, **attributes),
                      helper.make_node("BitCast", [f"a{i}"], [f"b{i}"], to=TensorProto.UINT8),
                      helper.make_node("Cast", [f"b{i}"], [f"c{i}"], to=TensorProto.INT32)])
        name = f"c{i}"
        if to != TensorProto.FLOAT8E8M0:
            nodes.extend([helper.make_node("IsNaN", [f"a{i}"], [f"d{i}"]),
                          helper.make_node("Where", [f"d{i}", "nan", name], [f"e{i}"])])
            name = f"e{i}"
        outputs.append(helper.make_tensor_value_info(name, TensorProto.INT32, x.shape))
        expected.append(codes)

    for _, to, dtype, _ in FLOATS[:4]:
        add(to, same_nan(dtype, saturated(x, dtype)))
        with np.errstate(all="ignore"):
            add(to, same_nan(dtype, x.astype(dtype).view(np.uint8)), saturate=0)
    for mode in ("up", "down", "nearest"):
        for saturate in (1, 0):
            add(TensorProto.FLOAT8E8M0, scale(x, mode, saturate), round_mode=mode, saturate=saturate)
            # What ONNX's own code does where its table leaves no doubt: numbers in the range of normal f32.
            theirs = onnx.numpy_helper.to_float8e8m0(x, bool(saturate), mode).view(np.uint8)
            inside = (np.abs(x.astype(np.float32)) >= 2.0**-126) & (np.abs(x.astype(np.float32)) <= 2.0**127)
            assert (theirs[inside] == expected[-1][inside]).all(), (mode, saturate)
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(nodes, "casts", [helper.make_tensor_value_info("x", kind, x.shape)], outputs,
                              [helper.make_tensor("nan", TensorProto.INT32, [], [NAN])])
    check(what, helper.make_model(graph, opset_imports=[helper.make_opsetid("", 26)], ir_version=12), [x], expected)


def movement(check):
    """A model whose constants are packed in every way, moved by ONNX's ops; results are elements of narrow types."""
    def packed(name, values, onnx_type, raw):
        tensor = (onnx.numpy_helper.from_array(values, name) if raw else
                  helper.make_tensor(name, onnx_type, values.shape, values.astype(np.float32).ravel()))
        assert bool(tensor.raw_data) == raw
        return tensor

    rng = np.random.default_rng(2)
    four = rng.integers(-8, 8, (3, 5)).astype(ml_dtypes.int4)
    two = rng.integers(0, 4, (7,)).astype(ml_dtypes.uint2)
    tiny = rng.integers(0, 16, (3, 5), np.uint8).view(ml_dtypes.float4_e2m1fn)
    eight = (rng.integers(-64, 64, (5, 3)) / 8).astype(ml_dtypes.float8_e5m2)
    x = rng.integers(-8, 8, (3, 5)).astype(ml_dtypes.int4)
    choice = rng.integers(0, 2, (3, 5)).astype(bool)
    nodes = [helper.make_node("Where", ["choice", "x", "four"], ["w"]),
             helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
             helper.make_node("Pad", ["t", "pads", "fill"], ["y0"]),
             helper.make_node("Concat", ["two", "two"], ["c"], axis=0),
             helper.make_node("Reshape", ["c", "shape"], ["y1"]),
             helper.make_node("BitCast", ["x"], ["b"], to=TensorProto.FLOAT4E2M1),
             helper.make_node("Concat", ["b", "tiny"], ["y2"], axis=1),
             helper.make_node("Transpose", ["eight"], ["e"], perm=[1, 0]),
             helper.make_node("Identity", ["e"], ["y3"])]
    fill = np.array(-3).astype(ml_dtypes.int4)
    constants = [packed("four", four, TensorProto.INT4, True), packed("two", two, TensorProto.UINT2, False),
                 packed("tiny", tiny, TensorProto.FLOAT4E2M1, False),
                 packed("eight", eight, TensorProto.FLOAT8E5M2, False), packed("fill", fill, TensorProto.INT4, True),
                 helper.make_tensor("pads", TensorProto.INT64, [4], [0, 1, 2, 0]),
                 helper.make_tensor("shape", TensorProto.INT64, [2], [2, 7])]
    expected = [np.pad(np.where(choice, x, four).T, [(0, 2), (1, 0)], constant_values=fill).copy(),
                np.concatenate([two, two]).reshape(2, 7),
                np.concatenate([x.view(np.uint8).view(ml_dtypes.float4_e2m1fn), tiny], axis=1), eight.T.copy()]
    outputs = [helper.make_tensor_value_info(f"y{i}", helper.np_dtype_to_tensor_dtype(y.dtype), y.shape)
               for i, y in enumerate(expected)]
    graph = helper.make_graph(nodes, "moved", [helper.make_tensor_value_info("x", TensorProto.INT4, x.shape),
                                               helper.make_tensor_value_info("choice", TensorProto.BOOL, x.shape)],
                              outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 26)], ir_version=12)
    check("moved", model, [x, choice], expected)
    if check.target == "cpu":
        executable(check, model, x, choice, expected)


def executable(check, model, x, choice, expected):
    """The same by the runtime's readers and writers, from both kinds of files."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        onnx.save(model, folder / "moved.onnx")
        subprocess.run([check.nacre, "build", folder / "moved.onnx", "-o", folder / "moved"], check=True,
                       capture_output=True)
        np.save(folder / "x.npy", x)
        (folder / "x.pb").write_bytes(onnx.numpy_helper.from_array(x).SerializeToString())
        np.save(folder / "choice.npy", choice)
        for kind in ("npy", "pb"):
            subprocess.run([folder / "moved", "--input", f"x={folder}/x.{kind}", "--input",
                            f"choice={folder}/choice.npy", "--output-dir", folder / kind], check=True,
                           capture_output=True)
            for i, y in enumerate(expected):
                got = np.load(folder / kind / f"output_{i}.npy")
                if got.shape != y.shape or got.tobytes() != y.tobytes():
                    check.wrong += 1
                    print(f"executable with .{kind}: output {i} is {got.view(np.uint8)}, expected {y.view(np.uint8)}")


def refusals(check):
    """What neither the graph language nor the ONNX files that nacre writes have."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        graph = helper.make_graph([helper.make_node("Cast", ["x"], ["y"], to=TensorProto.FLOAT8E5M2)], "cast",
                                  [helper.make_tensor_value_info("x", TensorProto.FLOAT, [8])],
                                  [helper.make_tensor_value_info("y", TensorProto.FLOAT8E5M2, [8])])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10),
                  folder / "cast.onnx")
        (folder / "call.ngl").write_text('import "cast.onnx" as c\nmodel main(x: f32[8]) {\n  c(x)\n}\n')
        for words, text in (
                (["call.ngl", "-o", "call.o"],
                 "call.ngl:3:3: 'c' has a result of type f8e5m2, which the language does not have"),
                (["cast.onnx", "--emit", "onnx", "-o", "again.onnx"],
                 "ONNX has no element type f8e5m2 in opset 17, which is written")):
            done = subprocess.run([check.nacre, "compile", *words], cwd=folder, capture_output=True, text=True)
            if done.returncode != 3 or f"error: {text}\n" not in done.stderr:
                check.wrong += 1
                print(f"compile {' '.join(words)}: exit code {done.returncode}, {done.stderr}, expected: {text}")


def run(check):
    movement(check)
    if check.target == "cpu":
        refusals(check)
    many = singles(1_000_000 if check.target == "cpu" else 60_000)
    for what, x in (("f16", halves()), ("f32", many)):
        encode(check, f"{what} to floats", x, FLOATS)
        attributes(check, f"{what} to floats in ONNX", x)
    if check.target == "cpu":  # others compute f64 in f32
        # Beside a round number of f32, closer than the next, as which they round. Two roundings would go wrong.
        middles = round_singles()
        middles = middles[np.isfinite(middles) & (np.abs(middles) > 2.0**-126)]
        exact = middles.astype(np.float64)
        with np.errstate(all="ignore"):
            away, back = np.nextafter(middles, np.copysign(np.float32(np.inf), middles)), np.nextafter(middles, 0 * middles)
        encode(check, "f64 to floats", np.concatenate([exact * (1 + 2.0**-40), exact * (1 - 2.0**-40)]), FLOATS,
               np.concatenate([away, back]))
    encode(check, "i32 to all", np.arange(-70000, 70000, dtype=np.int32), FLOATS + INTEGERS)
    for kind in INTEGERS:
        # Truncated and saturated, which ml_dtypes does not.
        low, high = int(ml_dtypes.iinfo(kind[2]).min), int(ml_dtypes.iinfo(kind[2]).max)
        x = np.concatenate([halves().astype(np.float32), np.linspace(-20, 20, 4001, dtype=np.float32)])
        codes = np.clip(np.trunc(np.nan_to_num(x, nan=0.0, posinf=high, neginf=low)), low, high).astype(np.int32)
        check(f"f32 to {kind[0]}", encode_text(x, [kind]), [x], [codes & ((1 << kind[3]) - 1)])
    for name, _, dtype, bits in FLOATS + INTEGERS:
        decode(check, name, dtype, bits)
    print(f"{check.target}: {check.wrong} wrong" if check.wrong else f"{check.target}: ok")
    return check.wrong == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nacre", metavar="NACRE", type=os.path.abspath)
    arguments = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory() as scratch:
        env = devices.environment(scratch)
        for target in ("cpu", "opencl", "wgsl"):
            reason = devices.missing(arguments.nacre, target, env, scratch)[0] if target != "cpu" else None
            if reason:
                print(f"{target}: skipped: {reason}")
            else:
                good &= run(Check(arguments.nacre, target, env))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
