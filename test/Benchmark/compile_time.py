"""Times compiling and measures its memory, and writes a Markdown table.

    compile_time.py [--models FILE.onnx]... [--chains 200,2000] [--kinds mixed,elementwise,residual]
                    [--rounds 3] [--nacre PATH] [--out FILE]

A chain is a generated network of so many nodes one behind the other, each with weights of its own:
  mixed        3x3 convolution, scale, add, Relu, and every fourth time a matrix product and a normalisation
  elementwise  sums, products and functions only
  residual     two elementwise nodes and a sum with what went into them

Processor seconds are those of `nacre compile` to an object, user and system, the least of the rounds; memory is the
most that the process held, of which mapped files are a part. `growth` compares with the shorter chain of the kind: 1 is
linear in nodes. A busy machine changes processor time by a few percent, elapsed time by anything.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CHANNELS, PIXELS = 8, 12


class Chain:
    """Nodes one behind the other; `last` is the end of the chain."""

    def __init__(self):
        self.numbers = np.random.default_rng(0)
        self.nodes, self.initializers, self.last = [], [], "x"

    def weight(self, *shape):
        name = f"w{len(self.initializers)}"
        values = self.numbers.standard_normal(shape, dtype=np.float32) * np.float32(0.1)
        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def add(self, op, *more, **attributes):
        made = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *more], [made], name=made, **attributes))
        self.last = made

    def model(self):
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, CHANNELS, PIXELS, PIXELS])
        y = helper.make_tensor_value_info(self.last, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "chain", [x], [y], self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mixed(chain):
    chain.add("Conv", chain.weight(CHANNELS, CHANNELS, 3, 3), pads=[1, 1, 1, 1])
    chain.add("Mul", chain.weight(CHANNELS, 1, 1))
    chain.add("Add", chain.weight(CHANNELS, 1, 1))
    chain.add("Relu")
    if len(chain.nodes) // 4 % 4 == 3:
        chain.add("MatMul", chain.weight(PIXELS, PIXELS))
        chain.add("LayerNormalization", chain.weight(PIXELS), axis=-1)


def elementwise(chain):
    chain.add("Mul", chain.weight(CHANNELS, 1, 1))
    chain.add("Add", chain.weight(CHANNELS, PIXELS, PIXELS))
    chain.add("Sigmoid")


def residual(chain):
    before = chain.last
    chain.add("Mul", chain.weight(CHANNELS, 1, 1))
    chain.add("Tanh")
    chain.add("Add", before)


KINDS = {"mixed": mixed, "elementwise": elementwise, "residual": residual}


def generate(kind, nodes, path):
    chain = Chain()
    while len(chain.nodes) < nodes:
        KINDS[kind](chain)
    onnx.save(chain.model(), path)
    return len(chain.nodes)


def compile_once(nacre, model, folder):
    """Processor seconds, bytes held at most, and the report."""
    command = [nacre, "compile", model, "--json", "-o", os.path.join(folder, "made.o")]
    with open(os.path.join(folder, "report.json"), "w+") as report:
        child = subprocess.Popen(command, stdout=report, stderr=subprocess.PIPE)
        said = child.stderr.read().decode()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"compile_time.py: {' '.join(command)}: exit code {child.returncode}\n{said}")
        report.seek(0)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, json.load(report)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", action="append", default=[], type=pathlib.Path)
    parser.add_argument("--chains", default="200,2000", help="numbers of nodes; empty: none")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nacre", default="build/bin/nacre")
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    lines = [
        "| model | nodes | kernels | weights, MB | processor, s | growth | peak, MB | import, fuse, schedule, emit, write, ms |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]

    def measure(name, nodes, model, folder, shorter):
        rounds = [compile_once(options.nacre, str(model), folder) for _ in range(options.rounds)]
        seconds = min(seconds for seconds, _, _ in rounds)
        report = rounds[0][2]
        growth = f"{seconds / shorter[1] / (nodes / shorter[0]):.2f}" if shorter else ""
        phases = ", ".join(f"{report['phase_ms'].get(p, 0):.0f}" for p in ("import", "fuse", "schedule", "emit", "write"))
        lines.append(
            f"| {name} | {nodes} | {len(report['kernels'])} | {report['weights_bytes'] / 1e6:.0f} | {seconds:.2f} "
            f"| {growth} | {max(held for _, held, _ in rounds) / 1e6:.0f} | {phases} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
        return nodes, seconds

    with tempfile.TemporaryDirectory() as folder:
        for model in options.models:
            nodes = len(onnx.load(model, load_external_data=False).graph.node)
            measure(f"{model.parent.name}/{model.stem}", nodes, model, folder, None)
        for kind in options.kinds.split(",") if options.chains else []:
            shorter = None
            for count in sorted(int(text) for text in options.chains.split(",")):
                path = os.path.join(folder, f"{kind}.onnx")
                nodes = generate(kind, count, path)
                shorter = measure(f"chain, {kind}", nodes, path, folder, shorter)
    text = "\n".join(lines) + "\n"
    options.out.write_text(text) if options.out else print(text)


if __name__ == "__main__":
    main()
