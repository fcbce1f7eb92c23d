"""Writes the nine light networks of the onnx package as folders in the layout of the ONNX test data:

    OUTDIR/light_NAME/{model.onnx, test_data_set_0/{input_0.pb, output_0.pb}}

The package ships the models and the outputs, but no inputs: its backend test makes them as it runs, and not at
random but as a ramp (onnx/backend/test/runner, generate_dummy_data): arange(n) / n in float64, then rounded to
float32. The same is done here, by the same arithmetic, so the shipped outputs are the reference.

The large weights in these models are all 0.02, and measured with ONNX Runtime none of the nine outputs depends on
the input at all: each is one number, the same for every class. They check that a real graph imports, compiles and
runs, not that it computes; test/Benchmark/randomise_weights.py makes copies, with reference outputs, that do.

With --check, ONNX Runtime runs each and has to agree at the tolerance of the backend test.
"""

import argparse
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import numpy_helper

LIGHT = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
RTOL, ATOL = 1e-3, 1e-7  # onnx.backend.test.loader's for models


def inputs_of(model):
    """The graph's inputs without the initialisers, which these old models list as inputs too."""
    initialised = {i.name for i in model.graph.initializer}
    return [i for i in model.graph.input if i.name not in initialised]


def ramp(value):
    shape = [d.dim_value if d.HasField("dim_value") else 1 for d in value.type.tensor_type.shape.dim]
    count = np.prod(shape)
    return (np.arange(count).reshape(shape) / count).astype(np.float32)


def prepare(source, folder):
    """Writes one network's folder."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    model = onnx.load(source)
    shutil.copyfile(source, folder / "model.onnx")
    for i, value in enumerate(inputs_of(model)):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(ramp(value), value.name).SerializeToString())
    for i in range(len(model.graph.output)):
        shutil.copyfile(source.with_name(f"{source.stem}_output_{i}.pb"), data / f"output_{i}.pb")


def read(path):
    return numpy_helper.to_array(onnx.load_tensor(path))


def agrees(folder):
    """Runs the folder's model on its input with ONNX Runtime and prints how far it is from the shipped outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    data = folder / "test_data_set_0"
    feeds = {v.name: read(data / f"input_{i}.pb") for i, v in enumerate(session.get_inputs())}
    good = True
    for i, got in enumerate(session.run(None, feeds)):
        expected = read(data / f"output_{i}.pb")
        same = got.shape == expected.shape and np.allclose(got, expected, rtol=RTOL, atol=ATOL)
        good &= same
        print(f"{folder.name}: output {i} {list(expected.shape)} in [{expected.min():.4g}, {expected.max():.4g}], "
              f"largest difference {np.abs(got - expected).max():.2g}: {'agrees' if same else 'DIFFERS'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", type=pathlib.Path, metavar="OUTDIR")
    parser.add_argument("--check", action="store_true", help="compare the shipped outputs with ONNX Runtime")
    arguments = parser.parse_args()

    sources = sorted(LIGHT.glob("light_*.onnx"))
    if not sources:
        sys.exit(f"light_nets.py: no light models in {LIGHT}")
    good = True
    for source in sources:
        folder = arguments.outdir / source.stem
        prepare(source, folder)
        if arguments.check:
            good &= agrees(folder)
        else:
            print(folder)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
