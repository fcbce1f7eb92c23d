// bundles.mjs - hand-written bundles for the tests.
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { modelText, runtimeFiles, typesText } from './model_text.mjs';

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const sizes = {
  f32: 4,
  f64: 8,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  bool: 1,
};

/** A tensor of a manifest; an axis is an extent or {dim, bound}. */
export function tensor(name, dtype, axes, offset) {
  const shape = axes.map((axis) => axis.bound ?? axis);
  const result = { name, dtype, shape, offset, bytes: shape.reduce((a, b) => a * b, sizes[dtype]) };
  if (axes.some((axis) => typeof axis === 'object'))
    result.dims = axes.map((axis) => axis.dim ?? -1);
  return result;
}

export const memory = { space: 'memory' },
  status = { space: 'status' };
export const weights = (chunk) => ({ space: 'weights', chunk });

export const launch = (entry, fields) => ({
  name: entry,
  entry,
  computes: '',
  flops: 0,
  bytes: 0,
  tasks: 1,
  task_dim: -1,
  tasks_per_group: 64,
  local: [64, 1, 1],
  status: false,
  dims: [],
  bindings: [memory],
  params: [],
  ...fields,
});

export function safetensors(bytes) {
  let header = JSON.stringify({
    weights: { dtype: 'U8', shape: [bytes.length], data_offsets: [0, bytes.length] },
  });
  header = header.padEnd(Math.ceil(header.length / 8) * 8);
  const file = Buffer.alloc(8 + header.length + bytes.length);
  file.writeBigUInt64LE(BigInt(header.length));
  file.write(header, 8);
  file.set(bytes, 8 + header.length);
  return file;
}

/** {manifest, kernels, weights}: `weights` are the image's bytes, or null. */
export function bundle({
  inputs,
  outputs,
  memory_bytes,
  kernels,
  code,
  image = null,
  chunk_bytes,
  dims = [],
  name = 'test',
}) {
  const file = image && safetensors(new Uint8Array(image.buffer));
  const files = {
    kernels: { name: 'kernels.wgsl', bytes: Buffer.byteLength(code), sha256: sha256(code) },
  };
  if (file)
    files.weights = { name: 'weights.safetensors', bytes: file.length, sha256: sha256(file) };
  const manifest = {
    nacre_bundle: 1,
    target: 'wgsl',
    name,
    inputs,
    outputs,
    dims,
    memory_bytes,
    weights_bytes: image ? image.byteLength : 0,
    files,
    limits: {
      storage_buffers: 4,
      binding_bytes: memory_bytes,
      workgroup_bytes: 0,
      invocations: 64,
      groups: 1,
    },
    kernels,
  };
  if (image) manifest.chunk_bytes = chunk_bytes;
  return { manifest, kernels: code, weights: file };
}

const made = [];
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-webgpu-'));
  made.push(folder);
  return folder;
}
after(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** Writes a bundle to a folder (default: a temporary one) and returns it. */
export function write({ manifest, kernels, weights: file }, folder = temporary()) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'manifest.json'),
    typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
  );
  if (kernels !== null) writeFileSync(join(folder, 'kernels.wgsl'), kernels);
  if (file) writeFileSync(join(folder, 'weights.safetensors'), file);
  return folder;
}

/** Adds what makes a bundle a module: the runtime, model.mjs and its types. */
export function writeModule(bundle, folder = temporary()) {
  write(bundle, folder);
  for (const name of runtimeFiles)
    copyFileSync(
      fileURLToPath(new URL(`../../../runtime/webgpu/${name}`, import.meta.url)),
      join(folder, name),
    );
  writeFileSync(join(folder, 'model.mjs'), modelText(bundle.manifest));
  writeFileSync(join(folder, 'model.d.mts'), typesText(bundle.manifest));
  return folder;
}

/** sum = a + b, f32[n]. */
export function addition(n = 4) {
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<u32>;
@compute @workgroup_size(64) fn add(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= ${n}u) { return; }
  memory[id.x + ${512 / 4}u] = bitcast<u32>(bitcast<f32>(memory[id.x]) + bitcast<f32>(memory[id.x + ${256 / 4}u]));
}
`;
  return bundle({
    code,
    memory_bytes: 1024,
    inputs: [tensor('a', 'f32', [n], 0), tensor('b', 'f32', [n], 256)],
    outputs: [tensor('sum', 'f32', [n], 512)],
    kernels: [launch('add', { tasks: n })],
  });
}

/** twice = (x + 1) * 2 by one function with other params, then a second one. */
export function chain() {
  const code = `
struct Params { source: u32, target_: u32, count: u32, }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> memory: array<i32>;
@compute @workgroup_size(64) fn increment(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.count) { return; }
  memory[p.target_ + id.x] = memory[p.source + id.x] + 1;
}
@compute @workgroup_size(64) fn twice(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.count) { return; }
  memory[p.target_ + id.x] = memory[p.source + id.x] * 2;
}
`;
  return bundle({
    code,
    memory_bytes: 2048,
    inputs: [tensor('x', 'i32', [100], 512)],
    outputs: [tensor('twice', 'i32', [100], 1024)],
    kernels: [
      launch('increment', { name: 'first', tasks: 100, params: [128, 0, 100] }),
      launch('twice', { name: 'second', tasks: 100, params: [0, 384, 100] }),
      launch('increment', { name: 'third', tasks: 100, params: [384, 256, 100] }),
    ],
  });
}

/** y = x + w, f32[12]; w lies in chunks of 16 bytes. */
export function weighted() {
  const image = Float32Array.from({ length: 11 }, (_, i) => 1000 + i);
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<f32>;
@group(0) @binding(2) var<storage, read> first: array<f32>;
@group(0) @binding(3) var<storage, read> second: array<f32>;
@group(0) @binding(4) var<storage, read> third: array<vec4<f32>>;
@compute @workgroup_size(64) fn bias(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= 11u) { return; }
  var w = 0.0;
  if (id.x < 4u) { w = first[id.x]; } else if (id.x < 8u) { w = second[id.x - 4u]; } else { w = third[0][id.x - 8u]; }
  memory[64u + id.x] = memory[id.x] + w;
}
`;
  return bundle({
    code,
    image,
    chunk_bytes: 16,
    memory_bytes: 512,
    inputs: [tensor('x', 'f32', [11], 0)],
    outputs: [tensor('y', 'f32', [11], 256)],
    kernels: [
      launch('bias', { tasks: 11, bindings: [memory, weights(0), weights(1), weights(2)] }),
    ],
  });
}

/** y[n, i] = x[n, i] * s, with open N <= 8. */
export function symbolic() {
  const code = `
struct Params { factor: u32, n: u32, }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> memory: array<i32>;
@compute @workgroup_size(2) fn scale(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= 3u * p.n) { return; }
  memory[64u + id.x] = memory[id.x] * i32(p.factor);
}
`;
  const n = { dim: 0, bound: 8 };
  return bundle({
    code,
    memory_bytes: 512,
    dims: [{ name: 'N', bound: 8 }],
    inputs: [tensor('x', 'i32', [n, 3], 0)],
    outputs: [tensor('y', 'i32', [n, 3], 256)],
    kernels: [
      launch('scale', {
        tasks: 3,
        task_dim: 0,
        tasks_per_group: 2,
        local: [2, 1, 1],
        params: [7],
        dims: [0],
      }),
    ],
  });
}

/** y[i] = table[index[i]], with a status. */
export function gather() {
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<i32>;
@group(0) @binding(2) var<storage, read_write> status: atomic<i32>;
@compute @workgroup_size(64) fn pick(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= 3u) { return; }
  let index = memory[64u + id.x];
  if (index < 0 || index >= 5) { atomicStore(&status, 2); return; }
  memory[128u + id.x] = memory[index];
}
`;
  return bundle({
    code,
    memory_bytes: 1024,
    inputs: [tensor('table', 'i32', [5], 0), tensor('index', 'i32', [3], 256)],
    outputs: [tensor('y', 'i32', [3], 512)],
    kernels: [launch('pick', { tasks: 3, status: true, bindings: [memory, status] })],
  });
}

/** Copies inputs of every dtype, five elements each, word by word. */
export function copies() {
  const dtypes = Object.keys(sizes);
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<u32>;
@compute @workgroup_size(64) fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < ${64 * dtypes.length}u) { memory[id.x + ${64 * dtypes.length}u] = memory[id.x]; }
}
`;
  return bundle({
    code,
    memory_bytes: 512 * dtypes.length,
    inputs: dtypes.map((dtype, i) => tensor(`in ${dtype}`, dtype, [5], 256 * i)),
    outputs: dtypes.map((dtype, i) =>
      tensor(`out ${dtype}`, dtype, [5], 256 * (dtypes.length + i)),
    ),
    kernels: [launch('copy', { tasks: 64 * dtypes.length })],
  });
}

/** models/digits by its signature: it compares with the ten sample pictures. */
export function digits() {
  const folder = new URL('../../../models/digits/pictures/', import.meta.url);
  const image = new Float32Array(640);
  for (let digit = 0; digit < 10; ++digit) {
    const npy = readFileSync(new URL(`${digit}.npy`, folder));
    image.set(
      new Float32Array(
        npy.buffer.slice(npy.byteOffset + npy.length - 256, npy.byteOffset + npy.length),
      ),
      64 * digit,
    );
  }
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<f32>;
@group(0) @binding(2) var<storage, read> pictures: array<f32>;
@compute @workgroup_size(16) fn compare(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= 10u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < 64u; i++) {
    let difference = memory[64u + i] - pictures[64u * id.x + i];
    sum += difference * difference;
  }
  memory[id.x] = exp(-0.6 * sum);
}
@group(0) @binding(1) var<storage, read_write> scores: array<f32>;
@compute @workgroup_size(16) fn normalise(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= 10u) { return; }
  var sum = 0.0;
  for (var i = 0u; i < 10u; i++) { sum += scores[i]; }
  scores[128u + id.x] = scores[id.x] / sum;
}
`;
  return bundle({
    code,
    image,
    chunk_bytes: 4096,
    memory_bytes: 768,
    name: 'digits',
    inputs: [tensor('picture', 'f32', [1, 1, 8, 8], 256)],
    outputs: [tensor('probabilities', 'f32', [1, 10], 512)],
    kernels: [
      launch('compare', {
        tasks: 10,
        local: [16, 1, 1],
        tasks_per_group: 16,
        bindings: [memory, weights(0)],
      }),
      launch('normalise', { tasks: 10, local: [16, 1, 1], tasks_per_group: 16 }),
    ],
  });
}
