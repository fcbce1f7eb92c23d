// plan.mjs - checks manifest.json, which nobody vouches for, and copies what it
// accepts; the rest of the runtime sees the copy only. And checks the inputs of a
// run against it.
import { fail, quote, show } from './status.mjs';

/** What every WebGPU device has. */
export const defaultLimits = {
  maxBufferSize: 268435456,
  maxStorageBufferBindingSize: 134217728,
  maxStorageBuffersPerShaderStage: 8,
  maxComputeWorkgroupStorageSize: 16384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupSizeZ: 64,
  maxComputeWorkgroupsPerDimension: 65535,
  maxUniformBufferBindingSize: 65536,
};

/** Groups beyond these go to the next row of a launch. */
export const groupsPerRow = 65535;
const maxChunks = 4096;
const maxRank = 64;
export const roundUp = (n, to) => Math.ceil(n / to) * to;

/** The typed array of an element type; f16, bf16 and what is narrower as their bits. */
export const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
  i4: Uint8Array,
  u4: Uint8Array,
  i2: Uint8Array,
  u2: Uint8Array,
  f8e4m3fn: Uint8Array,
  f8e4m3fnuz: Uint8Array,
  f8e5m2: Uint8Array,
  f8e5m2fnuz: Uint8Array,
  f8e8m0: Uint8Array,
  f4e2m1: Uint8Array,
  string: Int32Array, // codes, see Model.strings
};

const wrong = (path, what) => fail('E_FORMAT', `manifest.json: ${path}: ${what}`);

const expected = (path, what, value) => wrong(path, `expected ${what}, got ${show(value)}`);

function natural(value, path, max = Number.MAX_SAFE_INTEGER, min = 0) {
  if (!Number.isSafeInteger(value) || value < 0) expected(path, 'a natural number', value);
  if (value > max) wrong(path, `${value} is above ${max}`);
  if (value < min) wrong(path, `${value} is below ${min}`);
  return value;
}

/** An index into a list of `count` things. */
function index(value, path, count, what) {
  if (natural(value, path) >= count) wrong(path, `${value}, but the number of ${what} is ${count}`);
  return value;
}

const indexOrNone = (value, ...rest) => (value === -1 ? -1 : index(value, ...rest));

function text(value, path, max = 65536) {
  if (typeof value !== 'string') expected(path, 'text', value);
  if (value.length > max) wrong(path, `longer than ${max} characters`);
  return value;
}

function record(value, path) {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    expected(path, 'an object', value);
  return value;
}

function list(value, path, each) {
  if (!Array.isArray(value)) expected(path, 'a list', value);
  return value.map((item, i) => each(item, `${path}[${i}]`));
}

function distinct(items, path, names = items.map((item) => item.name)) {
  const seen = new Set();
  names.forEach((name, i) => {
    if (seen.has(name)) wrong(`${path}[${i}].name`, `${quote(name)} is there twice`);
    seen.add(name);
  });
  return items;
}

function readTensor(value, path, dims, memoryBytes) {
  const { name, dtype, shape, dims: axes, offset, bytes } = record(value, path);
  const tensor = {
    name: text(name, `${path}.name`),
    dtype: Object.hasOwn(arrays, dtype)
      ? dtype
      : expected(`${path}.dtype`, 'an element type', dtype),
    shape: list(shape, `${path}.shape`, (extent, at) => natural(extent, at)),
    axes:
      axes === undefined
        ? null
        : list(axes, `${path}.dims`, (dim, at) => indexOrNone(dim, at, dims.length, 'dims')),
    offset: natural(offset, `${path}.offset`),
    bytes: natural(bytes, `${path}.bytes`),
  };
  const { shape: extents } = tensor;
  if (extents.length > maxRank)
    wrong(`${path}.shape`, `rank ${extents.length} is above ${maxRank}`);
  tensor.axes ??= extents.map(() => -1);
  if (tensor.axes.length !== extents.length)
    wrong(`${path}.dims`, `${tensor.axes.length} entries for rank ${extents.length}`);
  tensor.axes.forEach((dim, i) => {
    if (dim >= 0 && dims[dim].bound !== extents[i])
      wrong(
        `${path}.shape[${i}]`,
        `${extents[i]}, but dim ${quote(dims[dim].name)} has the bound ${dims[dim].bound}`,
      );
  });
  const size = extents.reduce((a, b) => a * b, arrays[dtype].BYTES_PER_ELEMENT);
  if (size !== tensor.bytes)
    wrong(`${path}.bytes`, `${tensor.bytes}, but ${dtype}[${extents.join(', ')}] takes ${size}`);
  if (tensor.offset % 256) wrong(`${path}.offset`, `${tensor.offset} is no multiple of 256`);
  if (tensor.offset + tensor.bytes > memoryBytes)
    wrong(path, `ends at ${tensor.offset + tensor.bytes}, memory_bytes is ${memoryBytes}`);
  return tensor;
}

function readFile(value, path) {
  const { name, bytes, sha256 } = record(value, path);
  text(name, `${path}.name`, 255);
  // A name that is no folder, no drive and no URL.
  if (!/^[^/\\:\0]+$/.test(name) || name === '.' || name === '..')
    expected(`${path}.name`, 'a file name', name);
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    expected(`${path}.sha256`, '64 hex digits', sha256);
  return { name, bytes: natural(bytes, `${path}.bytes`), sha256 };
}

function readLaunch(value, path, dims, chunkCount) {
  const launch = record(value, path);
  const result = {
    name: text(launch.name, `${path}.name`),
    entry: text(launch.entry, `${path}.entry`, 256),
    computes: launch.computes === undefined ? '' : text(launch.computes, `${path}.computes`),
    flops: natural(launch.flops, `${path}.flops`),
    bytes: natural(launch.bytes, `${path}.bytes`),
    tasks: natural(launch.tasks, `${path}.tasks`),
    taskDim: indexOrNone(launch.task_dim, `${path}.task_dim`, dims.length, 'dims'),
    tasksPerGroup: natural(launch.tasks_per_group, `${path}.tasks_per_group`, undefined, 1),
    local: list(launch.local, `${path}.local`, (n, at) => natural(n, at, 65536, 1)),
    dims: list(launch.dims ?? [], `${path}.dims`, (dim, at) => index(dim, at, dims.length, 'dims')),
    params: list(launch.params ?? [], `${path}.params`, (n, at) => natural(n, at, 0xffffffff)),
    bindings: list(launch.bindings, `${path}.bindings`, (item, at) => {
      const { space, chunk } = record(item, at);
      if (space !== 'memory' && space !== 'weights' && space !== 'status')
        expected(`${at}.space`, "'memory', 'weights' or 'status'", space);
      return {
        space,
        chunk: space === 'weights' ? index(chunk, `${at}.chunk`, chunkCount, 'chunks') : 0,
      };
    }),
  };
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(result.entry))
    expected(`${path}.entry`, 'an identifier', result.entry);
  if (result.local.length !== 3)
    wrong(`${path}.local`, `${result.local.length} extents, expected 3`);
  // A writable buffer may be bound once only.
  for (const space of ['memory', 'status'])
    if (result.bindings.filter((b) => b.space === space).length > 1)
      wrong(`${path}.bindings`, `${space} is bound twice`);
  result.blockBytes = roundUp(Math.max(4 * (result.params.length + result.dims.length), 16), 16);
  if (result.blockBytes > defaultLimits.maxUniformBufferBindingSize)
    wrong(`${path}.params`, `${result.blockBytes} bytes with the dims, the most is 65536`);
  const bound = result.taskDim < 0 ? 1 : dims[result.taskDim].bound;
  const groups = Math.ceil((result.tasks * bound) / result.tasksPerGroup);
  if (groups > groupsPerRow * groupsPerRow)
    wrong(`${path}.tasks`, `${groups} groups are above ${groupsPerRow} * ${groupsPerRow}`);
  return result;
}

/** Checks a parsed manifest and returns the plan. */
export function readPlan(manifest) {
  if (manifest === null || typeof manifest !== 'object' || Array.isArray(manifest))
    fail('E_FORMAT', `manifest.json: expected an object, got ${show(manifest)}`);
  if (manifest.nacre_bundle !== 1)
    fail(
      Number.isInteger(manifest.nacre_bundle) ? 'E_ABI' : 'E_FORMAT',
      `manifest.json: nacre_bundle: expected version 1, got ${show(manifest.nacre_bundle)}`,
    );
  if (manifest.target !== 'wgsl') expected('target', "'wgsl'", manifest.target);
  const name = text(manifest.name, 'name');
  const dims = distinct(
    list(manifest.dims ?? [], 'dims', (item, at) => ({
      name: text(record(item, at).name, `${at}.name`),
      bound: natural(item.bound, `${at}.bound`, 0x7fffffff),
    })),
    'dims',
  );
  const strings = list(manifest.strings ?? [], 'strings', (item, at) =>
    typeof item === 'string' ? item : expected(at, 'a string', item),
  );
  if (new Set(strings).size !== strings.length) wrong('strings', 'one is there twice');
  const memoryBytes = natural(manifest.memory_bytes, 'memory_bytes');
  const weightsBytes = natural(manifest.weights_bytes, 'weights_bytes');
  const chunkBytes = weightsBytes
    ? natural(manifest.chunk_bytes, 'chunk_bytes', undefined, 16)
    : 16;
  if (chunkBytes % 16) wrong('chunk_bytes', `${chunkBytes} is no multiple of 16`);
  const chunkCount = Math.ceil(weightsBytes / chunkBytes);
  if (chunkCount > maxChunks) wrong('chunk_bytes', `${chunkCount} chunks are above ${maxChunks}`);
  const tensors = (key) =>
    distinct(
      list(manifest[key], key, (item, at) => readTensor(item, at, dims, memoryBytes)),
      key,
    );
  const inputs = tensors('inputs'),
    outputs = tensors('outputs');
  const files = record(manifest.files, 'files');
  const kernelsFile = readFile(files.kernels, 'files.kernels');
  const weightsFile = weightsBytes ? readFile(files.weights, 'files.weights') : null;
  if (weightsFile && weightsFile.bytes < weightsBytes)
    wrong('files.weights.bytes', `${weightsFile.bytes}, but weights_bytes is ${weightsBytes}`);
  const most = record(manifest.limits, 'limits');
  const limit = (key) => natural(most[key], `limits.${key}`);
  const launches = list(manifest.kernels, 'kernels', (item, at) =>
    readLaunch(item, at, dims, chunkCount),
  );
  // Launches that share a function share its pipeline.
  const first = new Map();
  launches.forEach((launch, i) => {
    const spaces = launch.bindings.map((binding) => binding.space).join();
    const seen = first.get(launch.entry);
    if (!seen) first.set(launch.entry, { spaces, i });
    else if (seen.spaces !== spaces)
      wrong(
        `kernels[${i}].bindings`,
        `other spaces than kernels[${seen.i}], which has the same entry`,
      );
  });
  // What is needed of the device: what the manifest says, or what it does.
  const largest = (values, least = 0) => values.reduce((a, b) => Math.max(a, b), least);
  const buffer = Math.max(memoryBytes, Math.min(chunkBytes, weightsBytes));
  const limits = {
    maxBufferSize: Math.max(buffer, limit('binding_bytes')),
    maxStorageBufferBindingSize: Math.max(buffer, limit('binding_bytes')),
    maxStorageBuffersPerShaderStage: largest(
      launches.map((l) => l.bindings.length),
      limit('storage_buffers'),
    ),
    maxComputeWorkgroupStorageSize: limit('workgroup_bytes'),
    maxComputeInvocationsPerWorkgroup: largest(
      launches.map((l) => l.local[0] * l.local[1] * l.local[2]),
      limit('invocations'),
    ),
    maxComputeWorkgroupSizeX: largest(launches.map((l) => l.local[0])),
    maxComputeWorkgroupSizeY: largest(launches.map((l) => l.local[1])),
    maxComputeWorkgroupSizeZ: largest(launches.map((l) => l.local[2])),
    maxComputeWorkgroupsPerDimension: Math.min(limit('groups'), groupsPerRow),
  };
  return {
    name,
    dims,
    strings,
    memoryBytes,
    weightsBytes,
    chunkBytes,
    chunkCount,
    inputs,
    outputs,
    kernelsFile,
    weightsFile,
    limits,
    launches,
  };
}

//===- Inputs of a run -------------------------------------------------------===

const kindOf = (value) =>
  ArrayBuffer.isView(value)
    ? (value[Symbol.toStringTag] ?? 'DataView')
    : Array.isArray(value)
      ? 'Array'
      : value === null
        ? 'null'
        : typeof value;

/** The extents of a tensor in a run. */
export const shapeOf = (tensor, extents) =>
  tensor.shape.map((extent, i) => (tensor.axes[i] < 0 ? extent : extents[tensor.axes[i]]));

/** Checks the inputs of a run; returns their data in order and the run's extents. */
export function checkInputs(plan, inputs, options) {
  if (
    inputs === null ||
    typeof inputs !== 'object' ||
    ArrayBuffer.isView(inputs) ||
    Array.isArray(inputs)
  )
    throw new TypeError(`inputs: expected an object of typed arrays, got ${kindOf(inputs)}`);
  const { dims, inputs: tensors } = plan;
  for (const key of Object.keys(inputs))
    if (!tensors.some((tensor) => tensor.name === key))
      throw new TypeError(
        `unknown input ${quote(key)}, the model has ${
          tensors.map((tensor) => quote(tensor.name)).join(', ') || 'none'
        }`,
      );
  const extents = dims.map(() => undefined),
    whence = dims.map(() => '');
  const bind = (dim, extent, by) => {
    const { name, bound } = dims[dim];
    if (!Number.isSafeInteger(extent))
      throw new TypeError(`dim ${quote(name)}: expected a natural number, got ${show(extent)}`);
    if (extent < 0 || extent > bound)
      fail('E_ARG', `dim ${quote(name)}: ${extent} is outside 0 to ${bound}`);
    if (extents[dim] !== undefined && extents[dim] !== extent)
      throw new TypeError(
        `dim ${quote(name)}: ${extents[dim]} by ${whence[dim]}, but ${extent} by ${by}`,
      );
    [extents[dim], whence[dim]] = [extent, by];
  };
  const wanted = options?.dims ?? {};
  for (const key of Object.keys(wanted)) {
    const dim = dims.findIndex(({ name }) => name === key);
    if (dim < 0)
      throw new TypeError(
        `unknown dim ${quote(key)}, the model has ${
          dims.map(({ name }) => quote(name)).join(', ') || 'none'
        }`,
      );
    bind(dim, wanted[key], 'options.dims');
  }
  const data = tensors.map((tensor) => {
    const who = `input ${quote(tensor.name)}`;
    if (!Object.hasOwn(inputs, tensor.name)) throw new TypeError(`${who} is missing`);
    let value = inputs[tensor.name];
    if (
      value !== null &&
      typeof value === 'object' &&
      !ArrayBuffer.isView(value) &&
      Array.isArray(value.shape)
    ) {
      const { shape } = value;
      if (shape.length !== tensor.shape.length)
        throw new TypeError(`${who}: expected rank ${tensor.shape.length}, got ${shape.length}`);
      shape.forEach((extent, i) => {
        if (tensor.axes[i] >= 0) bind(tensor.axes[i], extent, who);
        else if (extent !== tensor.shape[i])
          throw new TypeError(
            `${who}: expected extent ${tensor.shape[i]} of axis ${i}, got ${show(extent)}`,
          );
      });
      value = value.data;
    }
    const kind = arrays[tensor.dtype].name;
    if (kindOf(value) !== kind)
      throw new TypeError(`${who}: expected ${kind}, got ${kindOf(value)}`);
    return value;
  });
  extents.forEach((extent, i) => {
    if (extent === undefined)
      throw new TypeError(
        `dim ${quote(dims[i].name)}: no extent, give options.dims or an input as {data, shape}`,
      );
  });
  tensors.forEach((tensor, i) => {
    const shape = shapeOf(tensor, extents),
      count = shape.reduce((a, b) => a * b, 1);
    if (data[i].length !== count)
      throw new TypeError(
        `input ${quote(tensor.name)}: expected ${count} elements [${shape.join(', ')}], got ${data[i].length}`,
      );
  });
  return { data, extents };
}
