"""The peers: what can run an ONNX model on this processor, each behind the same few lines.

    Peer(model, inputs, threads, scratch)   compiles or loads; inputs in the order of the graph, scratch a folder
    run()                                   one run, complete when it returns
    outputs()                               the outputs of the last run, in the order of the graph

A peer gets every optimisation it has that keeps f32 and needs no search of hours: no peer may compute in bf16. What
it imports, it imports when it is made, because environment variables have to be set before; an exception there means
that it cannot take the model, or is not installed.
"""

import os
import pathlib
import subprocess
import sys
import types

import numpy as np


def as_list(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


class OnnxRuntime:
    title = "ONNX Runtime"
    package = "onnxruntime"

    def __init__(self, model, inputs, threads, scratch):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        # Inputs and outputs are bound beforehand, so that a run copies nothing.
        self.binding = self.session.io_binding()
        for name, array in inputs.items():
            self.binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(array))
        for output, value in zip(self.session.get_outputs(), self.session.run(None, inputs)):
            place = onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(value))
            self.binding.bind_ortvalue_output(output.name, place)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def outputs(self):
        return self.binding.copy_outputs_to_cpu()


class OpenVino:
    title = "OpenVINO"
    package = "openvino"

    def __init__(self, model, inputs, threads, scratch):
        import openvino

        # Where the processor has bf16, OpenVINO's default is to use it.
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": "1",
                    "INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
        compiled = openvino.Core().compile_model(model, "CPU", settings)
        self.request = compiled.create_infer_request()
        for port, array in zip(compiled.inputs, inputs.values()):
            self.request.set_tensor(port, openvino.Tensor(np.ascontiguousarray(array)))

    def run(self):
        self.request.infer()

    def outputs(self):
        return [tensor.data.copy() for tensor in self.request.output_tensors]


class Iree:
    title = "IREE"
    package = "iree-base-runtime"

    def __init__(self, model, inputs, threads, scratch):
        import iree.compiler  # in the first place to say that it is missing
        import iree.runtime
        import iree.runtime.flags

        tools = pathlib.Path(sys.executable).parent
        code = scratch / "model.vmfb"
        if not code.exists():
            quiet(tools / "iree-import-onnx", model, "-o", scratch / "model.mlir")
            quiet(tools / "iree-compile", scratch / "model.mlir", "-o", scratch / "part.vmfb", "--iree-opt-level=O3",
                  "--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu",
                  "--iree-llvmcpu-target-cpu=host", "--iree-llvmcpu-stack-allocation-limit=1048576")
            (scratch / "part.vmfb").rename(code)
        if threads > 1:
            cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
            iree.runtime.flags.parse_flags(f"--task_topology_cpu_ids={cpus}")
        config = iree.runtime.Config("local-task" if threads > 1 else "local-sync")
        module = iree.runtime.load_vm_module(iree.runtime.VmModule.mmap(config.vm_instance, str(code)), config)
        names = [n for n in module.vm_module.function_names if not n.startswith("__") and not n.endswith("$async")]
        self.function = module[names[0]]
        self.inputs = [iree.runtime.asdevicearray(config.device, array) for array in inputs.values()]

    def run(self):
        self.results = self.function(*self.inputs)

    def outputs(self):
        return [np.asarray(value) for value in as_list(self.results)]


def quiet(*command):
    """Runs a tool; an error is its first line that says so."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        said = [line for line in lines if "error" in line.lower()] or lines[-1:] or ["no message"]
        raise RuntimeError(f"{command[0].name}: {said[0]}")


class Tvm:
    title = "TVM"
    package = "apache-tvm"

    def __init__(self, model, inputs, threads, scratch):
        os.environ["TVM_NUM_THREADS"] = str(threads)
        import onnx
        import tvm
        from tvm import relax
        from tvm.relax.frontend.onnx import from_onnx
        from tvm.target.codegen import llvm_get_system_cpu

        target = tvm.target.Target({"kind": "llvm", "mcpu": llvm_get_system_cpu(), "num-cores": threads})
        module = from_onnx(onnx.load(model), keep_params_in_input=False)
        code = tvm.compile(module, target, relax_pipeline=relax.get_default_pipeline(target))
        self.main = relax.VirtualMachine(code, tvm.cpu())["main"]
        self.inputs = [tvm.runtime.tensor(array) for array in inputs.values()]

    def run(self):
        self.results = self.main(*self.inputs)

    def outputs(self):
        several = not hasattr(self.results, "numpy")
        return [value.numpy() for value in self.results] if several else [self.results.numpy()]


class Tinygrad:
    title = "tinygrad"
    package = "tinygrad"

    def __init__(self, model, inputs, threads, scratch):
        os.environ.update(DEV="CPU", NUM_CPU_THREADS=str(threads), XDG_CACHE_HOME=str(scratch))
        os.environ.setdefault("CC", "clang-22")
        from tinygrad import Device, Tensor, TinyJit
        from tinygrad.nn.onnx import OnnxRunner

        runner = OnnxRunner(model)
        self.device = Device["CPU"]
        self.inputs = {name: Tensor(array).realize() for name, array in inputs.items()}
        self.call = TinyJit(lambda **values: [value.realize() for value in runner(values).values()])
        for _ in range(2):  # the first run is eager, the second is recorded
            self.run()

    def run(self):
        self.results = self.call(**self.inputs)
        self.device.synchronize()

    def outputs(self):
        return [value.numpy() for value in self.results]


class TorchCompile:
    title = "torch.compile"
    package = "torch"

    def __init__(self, model, inputs, threads, scratch):
        os.environ.update(OMP_NUM_THREADS=str(threads), TORCHINDUCTOR_CACHE_DIR=str(scratch))
        import torch
        import torch._inductor.config
        from torch.fx.experimental.proxy_tensor import make_fx

        if "torchvision" not in sys.modules:  # onnx2torch imports it for NonMaxSuppression and RoiAlign alone
            vision = types.ModuleType("torchvision")
            vision.ops = types.ModuleType("torchvision.ops")
            vision.ops.roi_align = None
            sys.modules |= {"torchvision": vision, "torchvision.ops": vision.ops}
        import onnx2torch

        torch.set_num_threads(threads)
        torch._inductor.config.freezing = True  # weights are constants, packed beforehand
        torch._inductor.config.compile_threads = 1
        self.inputs = [torch.from_numpy(array.copy()) for array in inputs.values()]
        self.inference = torch.inference_mode
        # Extents are tensors to onnx2torch; traced with these inputs they become numbers.
        network = onnx2torch.convert(model).eval()
        with torch.no_grad():
            traced = make_fx(network, _error_on_data_dependent_ops=False)(*self.inputs)
        self.network = torch.compile(traced.eval())

    def run(self):
        with self.inference():
            self.results = self.network(*self.inputs)

    def outputs(self):
        return [value.numpy() for value in as_list(self.results)]


PEERS = {"onnxruntime": OnnxRuntime, "openvino": OpenVino, "iree": Iree, "tvm": Tvm, "tinygrad": Tinygrad,
         "torch": TorchCompile}
