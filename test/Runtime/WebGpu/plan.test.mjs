// Manifests that are wrong: what is said, to the letter. No device is needed, as
// nothing is created before the plan is accepted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, NacreError } from '../../../runtime/webgpu/nacre.mjs';
import * as bundles from './bundles.mjs';

/** A GPU that must not be asked. */
const untouched = {
  requestAdapter() {
    throw new Error('the GPU was asked');
  },
};
const asked = 'no WebGPU adapter: the GPU was asked';

const load = (source) => Model.load(source, { gpu: untouched });
const refused = (source, message, status = 'E_FORMAT') =>
  assert.rejects(load(source), { name: 'NacreError', status, message });

/** A manifest with one place changed; undefined takes the key away. */
function edited(bundle, path, value) {
  const manifest = structuredClone(bundle.manifest),
    keys = path.split('.');
  const last = keys.pop(),
    at = keys.reduce((place, key) => place[key], manifest);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return { ...bundle, manifest: JSON.stringify(manifest).replaceAll('"1e999"', '1e999') };
}

const plain = bundles.addition(),
  weighted = bundles.weighted(),
  open = bundles.symbolic();
const hex = 'a'.repeat(64);

const cases = [
  // Version and target.
  [plain, 'nacre_bundle', 2, 'nacre_bundle: expected version 1, got 2', 'E_ABI'],
  [plain, 'nacre_bundle', 0, 'nacre_bundle: expected version 1, got 0', 'E_ABI'],
  [plain, 'nacre_bundle', '1', "nacre_bundle: expected version 1, got '1'"],
  [plain, 'nacre_bundle', undefined, 'nacre_bundle: expected version 1, got nothing'],
  [plain, 'target', 'opencl', "target: expected 'wgsl', got 'opencl'"],
  [plain, 'target', ['wgsl'], "target: expected 'wgsl', got a list"],
  [plain, 'target', undefined, "target: expected 'wgsl', got nothing"],
  // Wrong kinds and missing keys.
  [plain, 'name', undefined, 'name: expected text, got nothing'],
  [plain, 'name', 5, 'name: expected text, got 5'],
  [plain, 'name', 'x'.repeat(65537), 'name: longer than 65536 characters'],
  [plain, 'inputs', undefined, 'inputs: expected a list, got nothing'],
  [plain, 'inputs', {}, 'inputs: expected a list, got an object'],
  [plain, 'strings', {}, 'strings: expected a list, got an object'],
  [plain, 'strings', ['a', 1], 'strings[1]: expected a string, got 1'],
  [plain, 'strings', ['a', '', 'a'], 'strings: one is there twice'],
  [plain, 'inputs.0', null, 'inputs[0]: expected an object, got null'],
  [plain, 'inputs.0', [], 'inputs[0]: expected an object, got a list'],
  [plain, 'outputs', 'none', "outputs: expected a list, got 'none'"],
  [plain, 'kernels', undefined, 'kernels: expected a list, got nothing'],
  [plain, 'kernels.0', 7, 'kernels[0]: expected an object, got 7'],
  [plain, 'limits', undefined, 'limits: expected an object, got nothing'],
  [plain, 'limits.groups', undefined, 'limits.groups: expected a natural number, got nothing'],
  [plain, 'limits.invocations', -1, 'limits.invocations: expected a natural number, got -1'],
  [plain, 'files', undefined, 'files: expected an object, got nothing'],
  [plain, 'files.kernels', undefined, 'files.kernels: expected an object, got nothing'],
  [weighted, 'files.weights', undefined, 'files.weights: expected an object, got nothing'],
  // Numbers.
  [plain, 'memory_bytes', undefined, 'memory_bytes: expected a natural number, got nothing'],
  [plain, 'memory_bytes', -1, 'memory_bytes: expected a natural number, got -1'],
  [plain, 'memory_bytes', 1.5, 'memory_bytes: expected a natural number, got 1.5'],
  [plain, 'memory_bytes', '1e999', 'memory_bytes: expected a natural number, got Infinity'],
  [plain, 'memory_bytes', 2 ** 53, 'memory_bytes: expected a natural number, got 9007199254740992'],
  [plain, 'memory_bytes', 100, 'inputs[1]: ends at 272, memory_bytes is 100'],
  [plain, 'weights_bytes', true, 'weights_bytes: expected a natural number, got true'],
  [plain, 'weights_bytes', 5, 'chunk_bytes: expected a natural number, got nothing'],
  [weighted, 'chunk_bytes', 0, 'chunk_bytes: 0 is below 16'],
  [weighted, 'chunk_bytes', 24, 'chunk_bytes: 24 is no multiple of 16'],
  [weighted, 'weights_bytes', 1e9, 'chunk_bytes: 62500000 chunks are above 4096'],
  [weighted, 'weights_bytes', 1000, 'files.weights.bytes: 116, but weights_bytes is 1000'],
  // Tensors.
  [plain, 'inputs.0.name', undefined, 'inputs[0].name: expected text, got nothing'],
  [plain, 'inputs.1.name', 'a', "inputs[1].name: 'a' is there twice"],
  [plain, 'inputs.0.dtype', 'f8', "inputs[0].dtype: expected an element type, got 'f8'"],
  [
    plain,
    'inputs.0.dtype',
    'constructor',
    "inputs[0].dtype: expected an element type, got 'constructor'",
  ],
  [plain, 'inputs.0.dtype', { f32: 1 }, 'inputs[0].dtype: expected an element type, got an object'],
  [plain, 'inputs.0.shape', 4, 'inputs[0].shape: expected a list, got 4'],
  [plain, 'inputs.0.shape', [-4], 'inputs[0].shape[0]: expected a natural number, got -4'],
  [plain, 'inputs.0.shape', [5], 'inputs[0].bytes: 16, but f32[5] takes 20'],
  [plain, 'inputs.0.shape', Array(65).fill(1), 'inputs[0].shape: rank 65 is above 64'],
  [
    plain,
    'inputs.0.shape',
    [2 ** 52, 2 ** 52],
    'inputs[0].bytes: 16, but f32[4503599627370496, 4503599627370496] takes 8.112963841460668e+31',
  ],
  [plain, 'inputs.0.bytes', 12, 'inputs[0].bytes: 12, but f32[4] takes 16'],
  [plain, 'inputs.0.offset', 4, 'inputs[0].offset: 4 is no multiple of 256'],
  [plain, 'inputs.0.offset', 1024, 'inputs[0]: ends at 1040, memory_bytes is 1024'],
  [plain, 'outputs.0.offset', 2 ** 40, 'outputs[0]: ends at 1099511627792, memory_bytes is 1024'],
  [plain, 'inputs.0.dims', [0], 'inputs[0].dims[0]: 0, but the number of dims is 0'],
  [plain, 'inputs.0.dims', [-1, -1], 'inputs[0].dims: 2 entries for rank 1'],
  [plain, 'inputs.0.dims', [-2], 'inputs[0].dims[0]: expected a natural number, got -2'],
  // Dims.
  [open, 'dims', 'N', "dims: expected a list, got 'N'"],
  [open, 'dims', [], 'inputs[0].dims[0]: 0, but the number of dims is 0'],
  [open, 'dims.0.name', 3, 'dims[0].name: expected text, got 3'],
  [open, 'dims.0.bound', 9, "inputs[0].shape[0]: 8, but dim 'N' has the bound 9"],
  [open, 'dims.0.bound', 2 ** 31, 'dims[0].bound: 2147483648 is above 2147483647'],
  [
    open,
    'dims',
    [
      { name: 'N', bound: 8 },
      { name: 'N', bound: 8 },
    ],
    "dims[1].name: 'N' is there twice",
  ],
  // Files.
  [
    plain,
    'files.kernels.name',
    '../kernels.wgsl',
    "files.kernels.name: expected a file name, got '../kernels.wgsl'",
  ],
  [
    plain,
    'files.kernels.name',
    '/etc/passwd',
    "files.kernels.name: expected a file name, got '/etc/passwd'",
  ],
  [plain, 'files.kernels.name', 'a\\b', "files.kernels.name: expected a file name, got 'a\\\\b'"],
  [plain, 'files.kernels.name', '..', "files.kernels.name: expected a file name, got '..'"],
  [
    plain,
    'files.kernels.name',
    'http://x',
    "files.kernels.name: expected a file name, got 'http://x'",
  ],
  [
    plain,
    'files.kernels.name',
    'a\0b',
    "files.kernels.name: expected a file name, got 'a\\u0000b'",
  ],
  [plain, 'files.kernels.name', '', "files.kernels.name: expected a file name, got ''"],
  [plain, 'files.kernels.sha256', 'abc', "files.kernels.sha256: expected 64 hex digits, got 'abc'"],
  [
    plain,
    'files.kernels.sha256',
    hex.toUpperCase(),
    `files.kernels.sha256: expected 64 hex digits, got '${hex.toUpperCase().slice(0, 60)}...'`,
  ],
  [
    plain,
    'files.kernels.bytes',
    '285',
    "files.kernels.bytes: expected a natural number, got '285'",
  ],
  // Launches.
  [plain, 'kernels.0.entry', undefined, 'kernels[0].entry: expected text, got nothing'],
  [plain, 'kernels.0.entry', 'add(', "kernels[0].entry: expected an identifier, got 'add('"],
  [plain, 'kernels.0.flops', -1, 'kernels[0].flops: expected a natural number, got -1'],
  [plain, 'kernels.0.tasks', null, 'kernels[0].tasks: expected a natural number, got null'],
  [
    plain,
    'kernels.0.tasks',
    2 ** 52,
    'kernels[0].tasks: 70368744177664 groups are above 65535 * 65535',
  ],
  [plain, 'kernels.0.task_dim', 0, 'kernels[0].task_dim: 0, but the number of dims is 0'],
  [open, 'kernels.0.task_dim', 1, 'kernels[0].task_dim: 1, but the number of dims is 1'],
  [plain, 'kernels.0.tasks_per_group', 0, 'kernels[0].tasks_per_group: 0 is below 1'],
  [plain, 'kernels.0.local', [64], 'kernels[0].local: 1 extents, expected 3'],
  [plain, 'kernels.0.local', [64, 0, 1], 'kernels[0].local[1]: 0 is below 1'],
  [open, 'kernels.0.dims', [1], 'kernels[0].dims[0]: 1, but the number of dims is 1'],
  [open, 'kernels.0.params', [2 ** 32], 'kernels[0].params[0]: 4294967296 is above 4294967295'],
  [
    open,
    'kernels.0.params',
    Array(16384).fill(0),
    'kernels[0].params: 65552 bytes with the dims, the most is 65536',
  ],
  [plain, 'kernels.0.bindings', undefined, 'kernels[0].bindings: expected a list, got nothing'],
  [
    plain,
    'kernels.0.bindings',
    [{ space: 'local' }],
    "kernels[0].bindings[0].space: expected 'memory', 'weights' or 'status', got 'local'",
  ],
  [
    plain,
    'kernels.0.bindings',
    [{ space: 'weights', chunk: 0 }],
    'kernels[0].bindings[0].chunk: 0, but the number of chunks is 0',
  ],
  [
    weighted,
    'kernels.0.bindings.1',
    { space: 'weights' },
    'kernels[0].bindings[1].chunk: expected a natural number, got nothing',
  ],
  [
    weighted,
    'kernels.0.bindings.1',
    { space: 'weights', chunk: 3 },
    'kernels[0].bindings[1].chunk: 3, but the number of chunks is 3',
  ],
  [
    plain,
    'kernels.0.bindings',
    [bundles.memory, bundles.memory],
    'kernels[0].bindings: memory is bound twice',
  ],
  [
    plain,
    'kernels.0.bindings',
    [bundles.status, bundles.status],
    'kernels[0].bindings: status is bound twice',
  ],
  [
    bundles.chain(),
    'kernels.2.bindings',
    [bundles.memory, bundles.status],
    'kernels[2].bindings: other spaces than kernels[0], which has the same entry',
  ],
];

for (const [bundle, path, value, message, status] of cases)
  test(message.slice(0, 100), () =>
    refused(edited(bundle, path, value), `manifest.json: ${message}`, status),
  );

const texts = [
  ['', 'no JSON, or cut short (0 bytes)'],
  ['<!doctype html>', 'no JSON, or cut short (15 bytes)'],
  ['[]', 'expected an object, got a list'],
  ['null', 'expected an object, got null'],
  ['1', 'expected an object, got 1'],
  ['"text"', "expected an object, got 'text'"],
  ['{}', 'nacre_bundle: expected version 1, got nothing'],
  ['['.repeat(100000) + ']'.repeat(100000), 'expected an object, got a list'],
  [
    '{"nacre_bundle":' + '['.repeat(100000) + ']'.repeat(100000) + '}',
    'nacre_bundle: expected version 1, got a list',
  ],
  ['{"a":'.repeat(5000), 'no JSON, or cut short (25000 bytes)'],
  [`{"nacre_bundle":${'9'.repeat(100000)}}`, 'nacre_bundle: expected version 1, got Infinity'],
  [
    '{"__proto__":{"nacre_bundle":1,"target":"wgsl"}}',
    'nacre_bundle: expected version 1, got nothing',
  ],
];
for (const [manifest, message] of texts)
  test(`text ${manifest.slice(0, 40)}`, () =>
    refused({ ...plain, manifest }, `manifest.json: ${message}`));

test('a manifest that is no UTF-8', () =>
  refused({ ...plain, manifest: new Uint8Array([0x7b, 0xff, 0x7d]) }, 'manifest.json: not UTF-8'));

test('a manifest without an end', { timeout: 20000 }, () => {
  const manifest = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(1 << 20));
    },
  });
  return refused({ ...plain, manifest }, 'manifest.json: more than 67108864 bytes');
});

test('a manifest that breaks off', () => {
  const manifest = new ReadableStream({
    pull(controller) {
      controller.error(new Error('connection reset'));
    },
  });
  return refused({ ...plain, manifest }, 'manifest.json: connection reset', 'E_IO');
});

for (const [name, bundle] of Object.entries({ plain, weighted, open }))
  test(`a manifest cut at every place: ${name}`, async () => {
    const whole = JSON.stringify(bundle.manifest);
    for (let length = 0; length < whole.length; ++length)
      await refused(
        { ...bundle, manifest: whole.slice(0, length) },
        `manifest.json: no JSON, or cut short (${length} bytes)`,
      );
    await refused({ ...bundle, manifest: whole }, asked, 'E_DEVICE');
  });

// Every value of the manifest, replaced by every hostile one: a NacreError with
// the place in it, or a plan that is as good.
const hostile = [
  null,
  true,
  -1,
  0,
  0.5,
  2 ** 53 - 1,
  '1e999',
  '',
  'text',
  '__proto__',
  [],
  {},
  [[]],
  [null],
  [-1],
];
for (const [name, bundle] of Object.entries({ plain, weighted, open, gather: bundles.gather() }))
  test(`every value by every hostile one: ${name}`, async () => {
    const paths = [];
    const visit = (value, path) => {
      if (path) paths.push(path);
      if (value !== null && typeof value === 'object')
        for (const key of Object.keys(value)) visit(value[key], path ? `${path}.${key}` : key);
    };
    visit(bundle.manifest, '');
    let accepted = 0;
    for (const path of paths)
      for (const value of [undefined, ...hostile])
        await load(edited(bundle, path, value)).then(
          () => assert.fail(path),
          (error) => {
            assert.ok(error instanceof NacreError, `${path}: ${error.stack}`);
            if (error.message === asked || error.status === 'E_LIMIT') ++accepted;
            else assert.match(error.message, /^manifest\.json: /, path);
          },
        );
    // Free text, counts for people, and limits are all that may be anything.
    assert.ok(accepted < paths.length * 6, `${accepted} of ${paths.length} places`);
  });

test('sources that are none', async () => {
  const wrong = (source, message) => assert.rejects(load(source), { name: 'TypeError', message });
  await wrong(
    undefined,
    'source: expected a folder, a URL or {manifest, kernels, weights}, got nothing',
  );
  await wrong(null, 'source: expected a folder, a URL or {manifest, kernels, weights}, got null');
  await wrong(5, 'source: expected a folder, a URL or {manifest, kernels, weights}, got 5');
  await wrong({}, 'source.manifest: expected text, bytes, a Blob or a stream, got nothing');
});

test('a signal that was given up', async () => {
  await assert.rejects(Model.load(plain, { gpu: untouched, signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
  const controller = new AbortController();
  const manifest = new ReadableStream({
    pull() {
      controller.abort(new Error('enough'));
      return new Promise(() => {});
    },
  });
  await assert.rejects(
    Model.load({ ...plain, manifest }, { gpu: untouched, signal: controller.signal }),
    { message: 'enough' },
  );
});

test('no WebGPU', async () => {
  await assert.rejects(Model.load(plain), {
    name: 'NacreError',
    status: 'E_DEVICE',
    message: 'no WebGPU here: navigator.gpu is missing',
  });
  await assert.rejects(Model.load(plain, { gpu: { requestAdapter: async () => null } }), {
    status: 'E_DEVICE',
    message: 'no WebGPU adapter',
  });
});

test('a device that is too small', async () => {
  const limits = {
    maxBufferSize: 512,
    maxStorageBufferBindingSize: 134217728,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupSizeY: 256,
    maxComputeWorkgroupSizeZ: 64,
    maxComputeWorkgroupsPerDimension: 65535,
  };
  const small = (changes) => ({
    requestAdapter: async () => ({
      limits: { ...limits, ...changes },
      requestDevice() {},
      features: new Set(),
    }),
  });
  const wrong = (bundle, changes, message) =>
    assert.rejects(Model.load(bundle, { gpu: small(changes) }), {
      name: 'NacreError',
      status: 'E_LIMIT',
      message,
    });
  await wrong(plain, {}, 'the model needs maxBufferSize 1024, the adapter has 512');
  await wrong(
    edited(plain, 'limits.storage_buffers', 9),
    { maxBufferSize: 1024 },
    'the model needs maxStorageBuffersPerShaderStage 9, the adapter has 8',
  );
  await wrong(
    edited(plain, 'limits.workgroup_bytes', 32768),
    { maxBufferSize: 1024 },
    'the model needs maxComputeWorkgroupStorageSize 32768, the adapter has 16384',
  );
  await wrong(
    edited(plain, 'kernels.0.local', [1, 1, 65]),
    { maxBufferSize: 1024 },
    'the model needs maxComputeWorkgroupSizeZ 65, the adapter has 64',
  );
  await assert.rejects(Model.load(plain, { device: { limits } }), {
    message: 'the model needs maxBufferSize 1024, the device has 512',
  });
});

test('limits above the defaults are asked for, and no others', async () => {
  const asks = async (bundle, have) => {
    let asked;
    const adapter = {
      limits: have,
      features: new Set(['timestamp-query', 'shader-f16']),
      async requestDevice(descriptor) {
        asked = descriptor;
        throw new Error('enough');
      },
    };
    await assert.rejects(Model.load(bundle, { gpu: {}, adapter }), {
      status: 'E_DEVICE',
      message: 'no WebGPU device: enough',
    });
    return asked;
  };
  const much = {
    maxBufferSize: 2 ** 32,
    maxStorageBufferBindingSize: 2 ** 31,
    maxComputeWorkgroupStorageSize: 32768,
  };
  assert.deepEqual(await asks(plain, {}), {
    requiredLimits: {},
    requiredFeatures: ['timestamp-query'],
  });
  assert.deepEqual(await asks(edited(plain, 'memory_bytes', 2 ** 28), much), {
    requiredLimits: { maxStorageBufferBindingSize: 2 ** 28 },
    requiredFeatures: ['timestamp-query'],
  });
  assert.deepEqual(
    (await asks(edited(plain, 'limits.workgroup_bytes', 20000), much)).requiredLimits,
    { maxComputeWorkgroupStorageSize: 20000 },
  );
});

test('manifests with a byte changed', async () => {
  const whole = Buffer.from(JSON.stringify(weighted.manifest));
  let state = 1;
  const random = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 0; i < 4000; ++i) {
    const manifest = Buffer.from(whole);
    manifest[random(whole.length)] = random(4) ? 32 + random(95) : random(256);
    await load({ ...weighted, manifest }).then(
      () => assert.fail(manifest.toString()),
      (error) => assert.ok(error instanceof NacreError, `${error.stack}\n${manifest}`),
    );
  }
});
