"""Writes the light networks of the onnx package with weights that take no room.

In the package a node fills each large weight with one number, and a compiler can see that. Here they are weights like
those of a trained network to all that does not look at most of their values: shapes are the real ones, the first
numbers of each are random, so that no two are equal, and the rest are zeros, in holes of the file.

    light_shapes.py OUTDIR

makes OUTDIR/NAME.onnx and OUTDIR/NAME.weights and prints the names. Such networks are for compiling; what they compute
says nothing.
"""

import math
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "Benchmark"))
import light_nets  # noqa: E402
import randomise_weights  # noqa: E402

BLOCK = 4096  # bytes, of a file system


def external(name, shape, file, offset, length):
    tensor = TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in ("location", file), ("offset", offset), ("length", length):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def write(source, outdir):
    """Writes one network and returns its name."""
    name = source.stem
    model = onnx.load(source)
    random = np.random.default_rng(0)
    weights, tensors, end = outdir / f"{name}.weights", [], 0
    with weights.open("wb") as file:
        for weight, shape, *_ in randomise_weights.Weights(model.graph).roles():
            length = 4 * math.prod(shape)
            file.seek(end)
            file.write(random.random(min(length, BLOCK) // 4, np.float32).tobytes())
            tensors.append(external(weight, shape, weights.name, end, length))
            end += -(-length // BLOCK) * BLOCK
        file.truncate(end)
    randomise_weights.replace_weights(model, tensors)
    onnx.save(model, outdir / f"{name}.onnx")
    return name


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: light_shapes.py OUTDIR")
    outdir = pathlib.Path(sys.argv[1])
    outdir.mkdir(parents=True, exist_ok=True)
    sources = sorted(light_nets.LIGHT.glob("light_*.onnx"))
    if not sources:
        sys.exit(f"light_shapes.py: no light models in {light_nets.LIGHT}")
    for source in sources:
        print(write(source, outdir))


if __name__ == "__main__":
    main()
