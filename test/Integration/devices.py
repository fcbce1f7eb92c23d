"""What the tests of the targets opencl and wgsl share: where the devices are, and whether there are any."""

import json
import os
import pathlib
import re
import shutil
import subprocess

SWIFTSHADER = pathlib.Path("/usr/lib/chromium")  # of Debian's package

# What nacre says where a device or the way to it is missing. Anything else that stops a run is a failure.
MISSING = [
    r"--target: target '\w+' is not in this build",
    r"no OpenCL platform is installed",
    r"no OpenCL device",
    r"target 'wgsl' runs through node, which is not installed",
    r"node: the npm package 'webgpu' is missing",
    r"node: no WebGPU adapter",
]

PROBE = """func.func @main(%x: tensor<2xf32> {lazy.name = "x"}) -> (tensor<2xf32> {lazy.name = "y"}) {
  %y = lazy.neg %x : tensor<2xf32>
  return %y : tensor<2xf32>
}
"""


def environment(scratch):
    """Variables for nacre: caches in the folder `scratch`, npm packages of $NACRE_NPM, else those of the build, and
    where the user names no backend, chromium's SwiftShader in place of a GPU."""
    env = dict(os.environ, XDG_RUNTIME_DIR=str(scratch))
    for variable, folder in [("POCL_CACHE_DIR", "pocl"), ("NACRE_CACHE_DIR", "kernels")]:
        path = pathlib.Path(scratch, folder)
        path.mkdir(exist_ok=True)
        env[variable] = str(path)
    for npm in [os.environ.get("NACRE_NPM"), os.environ.get("NACRE_BUILD_NPM")]:
        if npm and pathlib.Path(npm, "node_modules", "webgpu").is_dir():
            env["NACRE_WEBGPU_MODULE"] = npm
            break
    if "NACRE_WEBGPU_BACKEND" not in env and (SWIFTSHADER / "vk_swiftshader_icd.json").exists():
        env["NACRE_WEBGPU_BACKEND"] = "vulkan"
        env["VK_ICD_FILENAMES"] = str(SWIFTSHADER / "vk_swiftshader_icd.json")
        # For Vulkan's loader, which may not be installed otherwise.
        env["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(SWIFTSHADER), env.get("LD_LIBRARY_PATH")]))
    return env


def missing(nacre, target, env, scratch):
    """Why nothing can be run on the target here, or None; and the device's name."""
    probe = pathlib.Path(scratch, "probe.mlir")
    probe.write_text(PROBE)
    done = subprocess.run([nacre, "run", probe, "--target", target, "--input", "x=random"], env=env,
                          capture_output=True, text=True, timeout=300)
    name = re.search(r"^nacre: on (.*)$", done.stderr, re.M) or re.search(r"^nacre: (.*)$", done.stderr, re.M)
    if done.returncode == 0:
        if target == "wgsl":
            return None, adapter(nacre, env, scratch)
        return None, name[1] if name else ""
    reason = re.sub(r"^error: ", "", done.stderr.strip().splitlines()[-1])
    if any(re.search(pattern, reason) for pattern in MISSING):
        return reason, None
    raise SystemExit(f"FAIL {target}: a probe of one op ends with exit code {done.returncode}: {done.stderr}")


def adapter(nacre, env, scratch):
    """The name of the WebGPU adapter, by the runner that nacre starts."""
    bundle, data = pathlib.Path(scratch, "probe"), pathlib.Path(scratch, "probe_data")
    data.mkdir(exist_ok=True)
    (data / "input_0.bin").write_bytes(bytes(8))
    subprocess.run([nacre, "compile", pathlib.Path(scratch, "probe.mlir"), "--target", "wgsl", "-o", bundle], env=env,
                   capture_output=True, check=True)
    runner = pathlib.Path(__file__).resolve().parent.parent.parent / "runtime/webgpu/node.mjs"
    done = subprocess.run(["node", runner, bundle, "--inputs", data, "--outputs", data], env=env, capture_output=True,
                          text=True, timeout=300)
    return json.loads(done.stdout)["adapter"] if done.returncode == 0 else "unknown"


def can_validate(env):
    """Whether Dawn's null backend is here, which checks WGSL without a GPU."""
    return shutil.which("node") is not None and "NACRE_WEBGPU_MODULE" in env
