"""Writes large networks with random weights, in the layout of the ONNX test data.

    large_models.py OUTDIR [--only NAME]... [--small] [--seed N]

    OUTDIR/NAME/{model.onnx, test_data_set_0/{input_*.pb, output_*.pb}}

    bert_base       12 layers of width 768, batch 1, 128 words of which the last 16 are masked (440 MB)
    gpt2_decode     GPT-2 124M, one token behind a cache of 256 (500 MB)
    lstm_stack      3 LSTM layers of 512, 64 steps, batch 1 (25 MB)

Everything follows from the seed, and nothing is fetched. The outputs are ONNX Runtime's. --small writes the same
graphs with two layers and narrow ones, of less than 1 MB together, for tests.
"""

import argparse
import pathlib

import numpy as np
from onnx import numpy_helper

import architectures
from randomise_weights import run

SMALL = {
    "bert_base": architectures.Bert(words=100, width=64, heads=4, layers=2, hidden=128, length=32, positions=64),
    "gpt2_decode": architectures.Gpt2(words=100, width=64, heads=4, layers=2, positions=64),
    "lstm_stack": architectures.Lstm(hidden=32, layers=2, length=8),
}
FULL = {"bert_base": architectures.Bert(), "gpt2_decode": architectures.Gpt2(), "lstm_stack": architectures.Lstm()}
MASKED = 8  # one word of so many, the last ones


def bert_base(size, random, seed):
    mask = np.ones((1, size.length), np.int64)
    mask[:, size.length - size.length // MASKED:] = 0
    feeds = {"input_ids": random.integers(0, size.words, (1, size.length)), "attention_mask": mask,
             "token_type_ids": np.arange(size.length)[None] // (size.length // 2)}
    return architectures.bert(size, seed), feeds


def gpt2_decode(size, random, seed):
    shape = (1, size.heads, size.positions // 4, size.width // size.heads)
    feeds = {"ids": random.integers(0, size.words, (1, 1))}
    return architectures.gpt2(size, seed), feeds | {f"past.{c}": random.standard_normal(shape, np.float32)
                                                    for c in size.caches}


def lstm_stack(size, random, seed):
    return architectures.lstm(size, seed), {"x": random.standard_normal((size.length, 1, size.hidden), np.float32)}


MODELS = {function.__name__: function for function in (bert_base, gpt2_decode, lstm_stack)}


def write_tensors(folder, kind, names, values):
    for i, (name, value) in enumerate(zip(names, values)):
        (folder / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(value, name).SerializeToString())


def prepare(name, folder, small=False, seed=0):
    """Writes one model's folder; raises ValueError if an output is not finite."""
    size = (SMALL if small else FULL)[name]
    model, feeds = MODELS[name](size, np.random.default_rng(seed + 1), seed)
    outputs = run(model, feeds)
    if not all(np.isfinite(o).all() for o in outputs):
        raise ValueError(f"{name}: an output is not finite")
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    write_tensors(data, "input", feeds, feeds.values())
    write_tensors(data, "output", [o.name for o in model.graph.output], outputs)
    # The model last: a folder that has it is whole.
    (folder / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", type=pathlib.Path, metavar="OUTDIR")
    parser.add_argument("--only", action="append", choices=sorted(MODELS), metavar="NAME", help="may be repeated")
    parser.add_argument("--small", action="store_true", help="the same graphs, tiny")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    for name in arguments.only or MODELS:
        prepare(name, arguments.outdir / name, arguments.small, arguments.seed)
        print(arguments.outdir / name)


if __name__ == "__main__":
    main()
