"""peers.py [--resnet MODEL.onnx]: PyTorch and tinygrad on the same GPU, one JSON line each.

sgemm of 512 to 4096 and ResNet-50 at batch 1 and 32 in f32 without TF32, data on the device, medians; PyTorch replays
a captured graph, tinygrad runs its JIT on the OpenCL backend. tinygrad is left out when it is not installed.
"""
import argparse
import json
import os
import statistics
import sys
import time

SIZES = (512, 1024, 2048, 4096)


def median_ms(run, wait, least=10, seconds=1.0, times=5):
    run()
    wait()
    samples, start = [], time.perf_counter()
    while len(samples) < least or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        for _ in range(times):
            run()
        wait()
        samples.append((time.perf_counter() - before) * 1e3 / times)
    return statistics.median(samples)


def pytorch():
    import torch
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize
    for n in SIZES:
        a, b = (torch.rand(n, n, device="cuda") - 0.5 for _ in range(2))
        ms = median_ms(lambda: torch.mm(a, b), wait)
        print(json.dumps({"pytorch": f"sgemm{n}", "ms": round(ms, 4), "gflops": round(2e-6 * n**3 / ms, 1)}), flush=True)
    import torchvision
    for batch in (1, 32):
        for layout in (torch.contiguous_format, torch.channels_last):
            with torch.inference_mode():
                model = torchvision.models.resnet50(weights=None).cuda().eval().to(memory_format=layout)
                x = torch.rand(batch, 3, 224, 224, device="cuda").to(memory_format=layout)
                side = torch.cuda.Stream()
                with torch.cuda.stream(side):
                    for _ in range(3):
                        model(x)
                torch.cuda.current_stream().wait_stream(side)
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    model(x)
                ms = median_ms(graph.replay, wait)
            name = "NCHW" if layout == torch.contiguous_format else "NHWC"
            print(json.dumps({"pytorch": f"resnet50 batch {batch} {name}", "ms": round(ms, 3)}), flush=True)
    print(json.dumps({"torch": torch.__version__, "gpu": torch.cuda.get_device_name()}), flush=True)


def tinygrad(resnet):
    os.environ.setdefault("CL", "1")
    os.environ.setdefault("DEV", "CL")
    import numpy as np
    import tinygrad as tg
    from tinygrad import Device, Tensor, TinyJit
    device = Device[Device.DEFAULT]
    print(json.dumps({"tinygrad device": Device.DEFAULT}), flush=True)
    for n in SIZES:
        a, b = (Tensor(np.random.rand(n, n).astype(np.float32) - 0.5).realize() for _ in range(2))
        jit = TinyJit(lambda x, y: (x @ y).realize())
        for _ in range(3):
            jit(a, b)
        ms = median_ms(lambda: jit(a, b), device.synchronize, least=5)
        print(json.dumps({"tinygrad": f"sgemm{n}", "ms": round(ms, 4), "gflops": round(2e-6 * n**3 / ms, 1)}), flush=True)
    if not resnet:
        return
    from tinygrad.nn.onnx import OnnxRunner
    for batch in (1, 32):
        runner = OnnxRunner(resnet.replace("BATCH", str(batch)))
        name = next(iter(runner.graph_inputs))
        jit = TinyJit(lambda x: next(iter(runner({name: x}).values())).realize())
        x = Tensor(np.random.rand(batch, 3, 224, 224).astype(np.float32)).realize()
        for _ in range(3):
            jit(x)
        ms = median_ms(lambda: jit(x), device.synchronize, least=5)
        print(json.dumps({"tinygrad": f"resnet50 batch {batch}", "ms": round(ms, 3)}), flush=True)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--resnet", help="ONNX file for tinygrad; BATCH in its name stands for 1 and 32")
parser.add_argument("--only")
args = parser.parse_args()
for name, part in (("pytorch", pytorch), ("tinygrad", lambda: tinygrad(args.resnet))):
    if args.only in (None, name):
        try:
            part()
        except Exception as error:  # a peer that is missing or fails is said, not hidden
            print(json.dumps({name: "failed", "error": f"{type(error).__name__}: {error}"[:600]}), flush=True)
