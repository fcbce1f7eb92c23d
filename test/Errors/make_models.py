#!/usr/bin/env python3
"""Writes the wrong models of this folder.

Each is small and wrong in one way. expected.txt holds, for each file, the exit
code and the exact message of `nacre compile`. Path attacks on external data
need links and pipes, which a repository cannot hold well; the test makes those
when it runs. Needs the Python package onnx; the models are kept, so only who
adds one runs this.
"""
import itertools
import os

import wrong_files
import wrong_layers
import wrong_ops
import wrong_values

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")


def main():
    os.makedirs(HERE, exist_ok=True)
    modules = (wrong_files, wrong_ops, wrong_layers, wrong_values)
    for name, content in itertools.chain(*(module.cases() for module in modules)):
        data = content if isinstance(content, bytes) else (
            content.SerializeToString(deterministic=True))
        with open(os.path.join(HERE, name + ".onnx"), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
