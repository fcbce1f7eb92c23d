#!/usr/bin/env python3
"""handwritten.py FOLDER - the conformance models as OpenCL bundles by hand.

They test the suite and the runtime without the compiler: what fails here is not
the compiler's fault.
"""
import hashlib
import json
import pathlib
import struct
import sys

READ = "#define F(b, o) ((global float *)((b) + (o)))\n"


def tensor(name, dtype, shape, offset, dims=None):
    size = {"f32": 4, "i64": 8}[dtype]
    for extent in shape:
        size *= extent
    result = {"name": name, "dtype": dtype, "shape": shape, "offset": offset, "bytes": size}
    return result if dims is None else result | {"dims": dims}


def buffer(offset, size, write=False, space="memory"):
    return {"space": space, "offset": offset, "bytes": size, "write": write}


def launch(entry, tasks, local, buffers, **more):
    return {"name": entry, "entry": entry, "computes": entry, "flops": tasks, "bytes": 8 * tasks,
            "tasks": tasks, "task_dim": -1, "tasks_per_group": local, "local": [local, 1, 1],
            "buffers": buffers, "status": False, "dims": []} | more


def write(folder, name, kernels, launches, inputs, outputs, memory, weights=b"", dims=()):
    folder = folder / name
    folder.mkdir(parents=True)
    files = {}

    def add(kind, file, data):
        (folder / file).write_bytes(data)
        files[kind] = {"name": file, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    add("kernels", "kernels.cl", (READ + kernels).encode())
    if weights:
        header = json.dumps({"weights": {"dtype": "U8", "shape": [len(weights)], "data_offsets": [0, len(weights)]}})
        header = header.ljust(-(-(len(header) + 8) // 64) * 64 - 8)
        add("weights", "weights.safetensors", struct.pack("<Q", len(header)) + header.encode() + weights)
    manifest = {"nacre_bundle": 1, "target": "opencl", "name": name, "inputs": inputs, "outputs": outputs,
                "dims": list(dims), "memory_bytes": memory, "weights_bytes": len(weights), "files": files,
                "limits": {"storage_buffers": 3, "binding_bytes": memory, "workgroup_bytes": 0,
                           "invocations": 8, "groups": 8},
                "kernels": launches}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))


def main():
    folder = pathlib.Path(sys.argv[1])
    write(folder, "affine", """
kernel void scale(global char *x, ulong xo, global char *w, ulong wo, global char *y, ulong yo) {
  size_t i = get_global_id(0);
  if (i < 12)
    F(y, yo)[i] = 2 * F(x, xo)[i] + F(w, wo)[i % 3];
}
kernel void rows(global char *y, ulong yo, global char *s, ulong so) {
  size_t i = get_global_id(0);
  F(s, so)[i] = F(y, yo)[3 * i] + F(y, yo)[3 * i + 1] + F(y, yo)[3 * i + 2];
}
""", [launch("scale", 12, 8, [buffer(0, 48), buffer(0, 12, space="weights"), buffer(256, 48, True)]),
      launch("rows", 4, 4, [buffer(256, 48), buffer(512, 16, True)])],
          [tensor("x", "f32", [4, 3], 0)],
          [tensor("y", "f32", [4, 3], 256), tensor("s", "f32", [4], 512)], 768,
          weights=struct.pack("<3f", 0, 2, 4))
    write(folder, "batch", """
kernel void twice(global char *x, ulong xo, global char *y, ulong yo, int n) {
  size_t i = get_global_id(0);
  if (i < 5 * (size_t)n)
    F(y, yo)[i] = F(x, xo)[i] + F(x, xo)[i];
}
kernel void columns(global char *x, ulong xo, global char *s, ulong so, int n) {
  size_t j = get_global_id(0);
  float sum = 0;
  for (int i = 0; i < n; ++i)
    sum += F(x, xo)[5 * i + j];
  F(s, so)[j] = sum;
}
""", [launch("twice", 5, 8, [buffer(0, 180), buffer(256, 180, True)], task_dim=0, dims=[0]),
      launch("columns", 5, 5, [buffer(0, 180), buffer(512, 20, True)], dims=[0])],
          [tensor("x", "f32", [9, 5], 0, [0, -1])],
          [tensor("y", "f32", [9, 5], 256, [0, -1]), tensor("s", "f32", [5], 512)], 768,
          dims=[{"name": "N", "bound": 9}])
    write(folder, "lookup", """
kernel void gather(global char *x, ulong xo, global char *i, ulong io, global char *y, ulong yo,
                   global int *status) {
  size_t t = get_global_id(0);
  long at = ((global long *)(i + io))[t];
  if (at < 0)
    at += 4;
  if (at < 0 || at >= 4)
    *status = 2;
  else
    F(y, yo)[t] = F(x, xo)[at];
}
""", [launch("gather", 2, 2, [buffer(0, 16), buffer(256, 16), buffer(512, 8, True)], status=True)],
          [tensor("x", "f32", [4], 0), tensor("i", "i64", [2], 256)],
          [tensor("y", "f32", [2], 512)], 768)


main()
