// Runs on a real adapter: exact numbers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, NacreError } from '../../../runtime/webgpu/nacre.mjs';
import * as bundles from './bundles.mjs';
import { gpu, noAdapter } from './gpu.mjs';

const onDevice = (name, body) => test(name, { skip: noAdapter, timeout: 60000 }, body);
const load = (bundle, options) => Model.load(bundle, { gpu, ...options });
const iota = (n) => Int32Array.from({ length: n }, (_, i) => i);

onDevice('one kernel', async () => {
  const model = await load(bundles.addition());
  const { sum } = await model.run({
    a: new Float32Array([1, 2, 3, 4]),
    b: new Float32Array([0.5, -2, 0, 1e9]),
  });
  assert.deepEqual(sum, new Float32Array([1.5, 0, 3, 1e9 + 4]));
  assert.deepEqual(model.inputs, [
    { name: 'a', dtype: 'f32', shape: [4], dims: [null], bytes: 16 },
    { name: 'b', dtype: 'f32', shape: [4], dims: [null], bytes: 16 },
  ]);
  assert.equal(model.outputs[0].name, 'sum');
  assert.equal(model.name, 'test');
  model.destroy();
});

onDevice('kernels see what those before them wrote; a function is launched twice', async () => {
  const model = await load(bundles.chain());
  for (let i = 0; i < 3; ++i) {
    const { twice } = await model.run({ x: iota(100).map((x) => x + i) });
    assert.deepEqual(
      twice,
      iota(100).map((x) => 2 * (x + i + 1) + 1),
    );
  }
  model.destroy();
});

onDevice('weights in three chunks, the last one short', async () => {
  const seen = [];
  const bundle = bundles.weighted();
  const model = await load(bundles.write(bundle), { onProgress: (...args) => seen.push(args) });
  const { y } = await model.run({ x: new Float32Array(11).fill(0.25) });
  assert.deepEqual(
    y,
    Float32Array.from({ length: 11 }, (_, i) => 1000.25 + i),
  );
  const total = bundle.manifest.files.kernels.bytes + bundle.weights.length;
  assert.deepEqual(seen.at(-1).slice(0, 2), [total, total]);
  assert.deepEqual(new Set(seen.map(([, , what]) => what)), new Set(['kernels', 'weights']));
  model.destroy();
});

onDevice('weights that come in pieces of any length', async () => {
  const bundle = bundles.weighted();
  for (const size of [1, 3, 7, 64]) {
    const weights = new ReadableStream({
      start(controller) {
        for (let at = 0; at < bundle.weights.length; at += size)
          controller.enqueue(new Uint8Array(bundle.weights.subarray(at, at + size)));
        controller.close();
      },
    });
    const model = await load({ ...bundle, weights });
    const { y } = await model.run({ x: new Float32Array(11) });
    assert.deepEqual(
      y,
      Float32Array.from({ length: 11 }, (_, i) => 1000 + i),
    );
    model.destroy();
  }
});

onDevice('open dims, from the options and from the data', async () => {
  const model = await load(bundles.symbolic());
  assert.deepEqual(model.dims, [{ name: 'N', bound: 8 }]);
  assert.deepEqual(model.inputs[0].dims, ['N', null]);
  for (const n of [8, 1, 3, 0, 5]) {
    const x = iota(3 * n),
      expected = x.map((v) => 7 * v);
    assert.deepEqual((await model.run({ x }, { dims: { N: n } })).y, expected);
    assert.deepEqual((await model.run({ x: { data: x, shape: [n, 3] } })).y, expected);
  }
  const many = [1, 2, 3, 4, 5, 6, 7, 8].map((n) =>
    model.run({ x: iota(3 * n) }, { dims: { N: n } }),
  );
  (await Promise.all(many)).forEach(({ y }, i) =>
    assert.deepEqual(
      y,
      iota(3 * i + 3).map((v) => 7 * v),
    ),
  );
  const wrong = (inputs, options, name, message) =>
    assert.rejects(model.run(inputs, options), { name, message });
  const x = iota(6);
  await wrong(
    { x },
    {},
    'TypeError',
    "dim 'N': no extent, give options.dims or an input as {data, shape}",
  );
  await wrong({ x }, { dims: { N: 9 } }, 'NacreError', "dim 'N': 9 is outside 0 to 8");
  await wrong({ x }, { dims: { N: -1 } }, 'NacreError', "dim 'N': -1 is outside 0 to 8");
  await wrong(
    { x },
    { dims: { N: 1.5 } },
    'TypeError',
    "dim 'N': expected a natural number, got 1.5",
  );
  await wrong({ x }, { dims: { M: 1 } }, 'TypeError', "unknown dim 'M', the model has 'N'");
  await wrong(
    { x },
    { dims: { N: 3 } },
    'TypeError',
    "input 'x': expected 9 elements [3, 3], got 6",
  );
  await wrong(
    { x: { data: x, shape: [2, 3] } },
    { dims: { N: 3 } },
    'TypeError',
    "dim 'N': 3 by options.dims, but 2 by input 'x'",
  );
  await wrong({ x: { data: x, shape: [6] } }, {}, 'TypeError', "input 'x': expected rank 2, got 1");
  await wrong(
    { x: { data: x, shape: [3, 2] } },
    {},
    'TypeError',
    "input 'x': expected extent 3 of axis 1, got 2",
  );
  model.destroy();
});

onDevice('a status of a kernel is an error, and the next run is clean', async () => {
  const model = await load(bundles.gather());
  const table = new Int32Array([10, 11, 12, 13, 14]);
  const pick = (...index) => model.run({ table, index: new Int32Array(index) });
  assert.deepEqual((await pick(4, 0, 2)).y, new Int32Array([14, 10, 12]));
  for (const bad of [
    [5, 0, 0],
    [0, -1, 0],
    [0, 0, 2147483647],
  ])
    await assert.rejects(pick(...bad), {
      name: 'NacreError',
      status: 'E_INDEX',
      message: 'index out of range',
    });
  const [first, second, third] = await Promise.allSettled([
    pick(1, 1, 1),
    pick(7, 7, 7),
    pick(2, 2, 2),
  ]);
  assert.deepEqual(first.value.y, new Int32Array([11, 11, 11]));
  assert.equal(second.reason.status, 'E_INDEX');
  assert.deepEqual(third.value.y, new Int32Array([12, 12, 12]));
  model.destroy();
});

const samples = {
  f32: new Float32Array([0, -1.5, Infinity, 1e-45, 3e38]),
  f64: new Float64Array([0, -1.5, Infinity, 5e-324, 1e308]),
  f16: new Uint16Array([0, 1, 0x3c00, 0x7c00, 0xffff]),
  bf16: new Uint16Array([0, 1, 0x3f80, 0x7f80, 0xffff]),
  i8: new Int8Array([0, 1, -1, 127, -128]),
  u8: new Uint8Array([0, 1, 127, 128, 255]),
  i16: new Int16Array([0, 1, -1, 32767, -32768]),
  u16: new Uint16Array([0, 1, 32767, 32768, 65535]),
  i32: new Int32Array([0, 1, -1, 2147483647, -2147483648]),
  u32: new Uint32Array([0, 1, 2, 2147483648, 4294967295]),
  i64: new BigInt64Array([0n, 1n, -1n, (1n << 63n) - 1n, -(1n << 63n)]),
  u64: new BigUint64Array([0n, 1n, 2n, 1n << 63n, (1n << 64n) - 1n]),
  bool: new Uint8Array([0, 1, 1, 0, 1]),
};

onDevice('every element type comes back bit by bit', async () => {
  const model = await load(bundles.copies());
  const outputs = await model.run(
    Object.fromEntries(Object.entries(samples).map(([dtype, data]) => [`in ${dtype}`, data])),
  );
  for (const [dtype, data] of Object.entries(samples))
    assert.deepEqual(outputs[`out ${dtype}`], data, dtype);
  // A view into the middle of a buffer, at an odd place.
  const odd = new Int8Array(new Int8Array([9, 9, 9, 1, 2, 3, 4, 5]).buffer, 3, 5);
  const again = await model.run(
    Object.fromEntries(
      Object.entries(samples).map(([dtype, data]) => [`in ${dtype}`, dtype === 'i8' ? odd : data]),
    ),
  );
  assert.deepEqual(again['out i8'], new Int8Array([1, 2, 3, 4, 5]));
  model.destroy();
});

onDevice('wrong inputs', async () => {
  const model = await load(bundles.addition());
  const a = new Float32Array(4);
  const cases = [
    [undefined, 'inputs: expected an object of typed arrays, got undefined'],
    [null, 'inputs: expected an object of typed arrays, got null'],
    [a, 'inputs: expected an object of typed arrays, got Float32Array'],
    [[a, a], 'inputs: expected an object of typed arrays, got Array'],
    [{}, "input 'a' is missing"],
    [{ a }, "input 'b' is missing"],
    [{ a, b: a, c: a }, "unknown input 'c', the model has 'a', 'b'"],
    [{ a, b: [1, 2, 3, 4] }, "input 'b': expected Float32Array, got Array"],
    [{ a, b: new Float64Array(4) }, "input 'b': expected Float32Array, got Float64Array"],
    [{ a, b: new DataView(new ArrayBuffer(16)) }, "input 'b': expected Float32Array, got DataView"],
    [{ a, b: null }, "input 'b': expected Float32Array, got null"],
    [{ a, b: 'text' }, "input 'b': expected Float32Array, got string"],
    [{ a, b: {} }, "input 'b': expected Float32Array, got object"],
    [{ a, b: { shape: [4] } }, "input 'b': expected Float32Array, got undefined"],
    [{ a, b: { data: a, shape: [5] } }, "input 'b': expected extent 4 of axis 0, got 5"],
    [{ a, b: new Float32Array(3) }, "input 'b': expected 4 elements [4], got 3"],
    [{ a, b: new Float32Array(0) }, "input 'b': expected 4 elements [4], got 0"],
  ];
  for (const [inputs, message] of cases)
    await assert.rejects(model.run(inputs), { name: 'TypeError', message });
  assert.deepEqual((await model.run({ a, b: { data: a, shape: [4] } })).sum, a);
  model.destroy();
});

onDevice('inputs are read before run returns', async () => {
  const model = await load(bundles.addition());
  const a = new Float32Array(4),
    b = new Float32Array(4),
    results = [];
  for (let i = 0; i < 20; ++i) {
    a.fill(i);
    results.push(model.run({ a, b }));
  }
  (await Promise.all(results)).forEach(({ sum }, i) =>
    assert.deepEqual(sum, new Float32Array(4).fill(i)),
  );
  model.destroy();
});

onDevice('profile', async () => {
  const model = await load(bundles.chain());
  const { outputs, ms, kernels } = await model.profile({ x: iota(100) });
  assert.deepEqual(
    outputs.twice,
    iota(100).map((x) => 2 * x + 3),
  );
  assert.ok(ms > 0);
  if (kernels) {
    assert.deepEqual(
      kernels.map(({ name }) => name),
      ['first', 'second', 'third'],
    );
    for (const kernel of kernels) assert.ok(kernel.ms >= 0);
  }
  model.destroy();
});

onDevice('a device of the caller stays, an own one goes', async () => {
  const device = await (await gpu.requestAdapter()).requestDevice();
  const model = await load(bundles.addition(), { device });
  assert.equal(model.device, device);
  model.destroy();
  model.destroy();
  const ones = new Float32Array(4).fill(1);
  await assert.rejects(model.run({ a: ones, b: ones }), {
    status: 'E_ARG',
    message: 'the model was destroyed',
  });
  const again = await load(bundles.addition(), { device });
  assert.deepEqual((await again.run({ a: ones, b: ones })).sum, new Float32Array(4).fill(2));
  const late = again.run({ a: ones, b: ones });
  again.destroy();
  await assert.rejects(late, {
    name: 'NacreError',
    status: 'E_ARG',
    message: 'the model was destroyed',
  });
  device.destroy();
});

onDevice('a device that is lost', async () => {
  const model = await load(bundles.addition()),
    ones = new Float32Array(4);
  const under = model.run({ a: ones, b: ones });
  model.device.destroy();
  await assert.rejects(
    under,
    (error) => error instanceof NacreError && error.status === 'E_DEVICE',
  );
  await assert.rejects(
    model.run({ a: ones, b: ones }),
    (error) =>
      error instanceof NacreError &&
      error.status === 'E_DEVICE' &&
      error.message.startsWith('the device was lost: '),
  );
  model.destroy();
});

onDevice('more groups than a row has, and no tasks at all', async () => {
  const n = 65535 * 2 + 5;
  const code = `
@group(0) @binding(1) var<storage, read_write> memory: array<u32>;
@compute @workgroup_size(1) fn number(@builtin(workgroup_id) id: vec3<u32>) {
  let task = id.y * 65535u + id.x;
  if (task < ${n}u) { memory[task] = task + 1u; }
}
@compute @workgroup_size(1) fn spoil() { memory[0] = 77u; }
`;
  const model = await load(
    bundles.bundle({
      code,
      memory_bytes: 4 * n,
      inputs: [],
      outputs: [bundles.tensor('y', 'u32', [n], 0)],
      kernels: [
        bundles.launch('number', { tasks: n, tasks_per_group: 1, local: [1, 1, 1] }),
        bundles.launch('spoil', { tasks: 0 }),
      ],
    }),
  );
  const { y } = await model.run({});
  assert.ok(y.every((value, i) => value === i + 1));
  model.destroy();
});

onDevice('a model without weights, inputs or launches', async () => {
  const model = await load(
    bundles.bundle({ code: '', memory_bytes: 0, inputs: [], outputs: [], kernels: [] }),
  );
  assert.deepEqual(await model.run({}), {});
  assert.deepEqual((await model.profile({})).outputs, {});
  model.destroy();
});

onDevice('names that are names of objects', async () => {
  const bundle = bundles.addition();
  bundle.manifest.inputs[0].name = '__proto__';
  bundle.manifest.inputs[1].name = 'constructor';
  bundle.manifest.outputs[0].name = '__proto__';
  const model = await load(bundles.write(bundle));
  await assert.rejects(model.run({}), { message: "input '__proto__' is missing" });
  const ones = new Float32Array(4).fill(1);
  const outputs = await model.run({ ['__proto__']: ones, constructor: ones });
  assert.deepEqual(Object.entries(outputs), [['__proto__', new Float32Array(4).fill(2)]]);
  model.destroy();
});
