#!/usr/bin/env python3
"""A GPT-2 of the size of the smallest one, with random weights and a cache for each layer.

    model.py FILE.onnx      writes it (500 MB)
    model.py --states       prints the options that make its cache states
"""
import pathlib
import sys

import onnx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import architectures

if sys.argv[1] == "--states":
    print(*(f"--state present.{c}=past.{c}" for c in architectures.Gpt2().caches))
else:
    onnx.save(architectures.gpt2(architectures.Gpt2(positions=2048)), sys.argv[1])
