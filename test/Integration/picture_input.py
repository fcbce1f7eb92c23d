"""picture_input.py MODEL.onnx OUTDIR: a data set of a picture instead of noise, with ONNX Runtime's outputs.

The shipped data of some detectors is uniform noise. On it their scores sit where a sigmoid is 1e-5, and ONNX
Runtime's sigmoid is an approximation with an absolute error of that size, so no other implementation can agree at
a tolerance relative to the output. On a picture, which is what they are for, the scores are large.

The picture is scikit-image's astronaut where that package is, else a smooth one made here: a bright disc and two
bars on a gradient. For a text detector it is a page with a word on it in block letters. Preprocessing is each
network's own: lines want 0..255 and a plane of ones, text (x - 0.5) / 0.25.

OUTDIR gets test_data_set_0/{input_N,output_N}.pb.
"""

import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def picture(height, width):
    """[height, width, 3] in 0..1."""
    try:
        from skimage import data

        source = data.astronaut() / 255.0
    except ImportError:
        y, x = np.mgrid[0:512, 0:512] / 512.0
        disc = 1 / (1 + np.exp(60 * (np.hypot(x - 0.5, y - 0.4) - 0.2)))
        bars = 1 / (1 + np.exp(60 * (np.abs(x - 0.3) - 0.03))) + 1 / (1 + np.exp(60 * (np.abs(y - 0.8) - 0.03)))
        source = np.clip(np.stack([0.3 * x + 0.6 * disc, 0.3 * y + 0.5 * bars, 0.4 * disc + 0.2], -1), 0, 1)
    rows = (np.arange(height) * source.shape[0] // height).clip(0, source.shape[0] - 1)
    columns = (np.arange(width) * source.shape[1] // width).clip(0, source.shape[1] - 1)
    return source[rows][:, columns]


LETTERS = {  # five columns a letter, the lowest bit on top
    "N": (0x7F, 0x02, 0x0C, 0x10, 0x7F),
    "A": (0x7E, 0x11, 0x11, 0x11, 0x7E),
    "C": (0x3E, 0x41, 0x41, 0x41, 0x22),
    "R": (0x7F, 0x09, 0x19, 0x29, 0x46),
    "E": (0x7F, 0x49, 0x49, 0x49, 0x41),
}


def page(height, width):
    """Dark words on a bright page, [height, width, 3] in 0..1."""
    columns = [c for letter in "NACRE" for c in (*LETTERS[letter], 0)]
    word = np.array([[column >> row & 1 for column in columns] for row in range(7)])
    result = np.full((height, width, 3), 0.9)
    for scale, top, left in ((5, 30, 40), (3, 120, 150), (7, 200, 60)):
        block = np.kron(word, np.ones((scale, scale)))[..., None]
        result[top:top + block.shape[0], left:left + block.shape[1]] -= 0.8 * block
    return result


def like(shipped):
    """The picture in the layout of a shipped input, preprocessed."""
    shape = shipped.shape
    channels_last = shape[-1] in (3, 4)
    height, width = (shape[1], shape[2]) if channels_last else (shape[2], shape[3])
    channels = shape[-1] if channels_last else shape[1]
    if channels == 4:
        image = np.concatenate([np.round(picture(height, width) * 255), np.ones((height, width, 1))], -1)
    else:
        image = (page(height, width) - 0.5) / 0.25
    image = image[None] if channels_last else image.transpose(2, 0, 1)[None]
    return image.astype(shipped.dtype)


def main():
    model, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]) / "test_data_set_0"
    shipped = model.parent / "test_data_set_0"
    out.mkdir(parents=True, exist_ok=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = {}
    for i, value in enumerate(session.get_inputs()):
        given = numpy_helper.to_array(onnx.load_tensor(shipped / f"input_{i}.pb"))
        feeds[value.name] = like(given) if given.ndim == 4 else given
        (out / f"input_{i}.pb").write_bytes(numpy_helper.from_array(feeds[value.name], value.name).SerializeToString())
    for i, (value, result) in enumerate(zip(session.get_outputs(), session.run(None, feeds))):
        (out / f"output_{i}.pb").write_bytes(numpy_helper.from_array(result, value.name).SerializeToString())


if __name__ == "__main__":
    main()
