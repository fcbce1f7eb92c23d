// The rules of docs/runtime.md for the WebGPU runtime; conformance.c has them for
// native objects and OpenCL, with the same models and the same numbers:
//
//   node webgpu.test.mjs FOLDER
//
// FOLDER holds the bundles affine, batch and lookup (conformance.sh makes them).
// Exit code 77: node has no WebGPU here.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Model } from '../../../runtime/webgpu/nacre.mjs';
import { gpu, noAdapter } from '../WebGpu/gpu.mjs';

const folder = process.argv[2] && resolve(process.argv[2]);
if (!folder) {
  console.error('usage: node webgpu.test.mjs FOLDER');
  process.exit(2);
}
if (noAdapter) {
  console.log(`skipped: ${noAdapter}`);
  process.exit(77);
}

//===- The models ------------------------------------------------------------===

const bound = 9;
const guard = 0xa5;

/** Typed data of `values` at byte `at` of a buffer that is full of guards. */
function place(type, values, at) {
  const bytes = values.length * type.BYTES_PER_ELEMENT;
  const buffer = new Uint8Array(bytes + 192).fill(guard).buffer;
  const data = new type(buffer, at, values.length);
  data.set(values);
  return data;
}

const floats = (values, at = 4) => place(Float32Array, values, at);
const iota = (n) => Array.from({ length: n }, (_, i) => i);

/** Inputs of a run and what it is to give; `shift` moves the data in its buffer. */
const nets = {
  affine(seed, _, shift = 0) {
    const x = iota(12).map((k) => seed + 3 * Math.floor(k / 3) - (k % 3));
    const y = x.map((value, k) => 2 * value + 2 * (k % 3));
    const s = iota(4).map((i) => y[3 * i] + y[3 * i + 1] + y[3 * i + 2]);
    return { inputs: [floats(x, 4 + shift)], expected: [y, s] };
  },
  batch(seed, n, shift = 0) {
    const x = iota(5 * n).map((i) => seed - i),
      sums = [0, 0, 0, 0, 0];
    x.forEach((value, i) => {
      sums[i % 5] += value;
    });
    return {
      inputs: [floats(x, 4 + shift)],
      expected: [x.map((value) => 2 * value), sums],
      options: { dims: { N: n } },
    };
  },
  lookup(seed, _, shift = 0) {
    const first = ((seed % 4) + 4) % 4;
    return {
      inputs: [
        floats(
          iota(4).map((i) => seed + 10 * i),
          4 + shift,
        ),
        place(BigInt64Array, [BigInt(first), -1n /* from the end */], 8 + shift),
      ],
      expected: [[seed + 10 * first, seed + 30]],
    };
  },
};
const names = Object.keys(nets);

//===- Runs ------------------------------------------------------------------===

/** The status of an error, as README.md of the runtime has it. */
const statusOf = (error) => (error instanceof TypeError ? 'E_ARG' : error.status);

const whole = (data) => Buffer.from(data.buffer.slice(0));

/** Starts a run; `finish` checks numbers, guards and inputs when it has ended. */
function start(model, { inputs, expected, options }) {
  const before = inputs.map(whole);
  const given = Object.fromEntries(model.inputs.map(({ name }, i) => [name, inputs[i]]));
  const running = model.run(given, options);
  const intact = () =>
    inputs.forEach((data, i) =>
      assert.ok(before[i].equals(whole(data)), 'an input was changed, or bytes beside it'),
    );
  return {
    async finish() {
      const outputs = Object.values(await running);
      assert.deepEqual(
        outputs.map((data) => Array.from(data)),
        expected,
        'the numbers are wrong',
      );
      for (const data of outputs)
        assert.equal(data.byteLength, data.buffer.byteLength, 'an output is a part of more');
      intact();
      return outputs;
    },
    async refused(status) {
      await assert.rejects(running, (error) => statusOf(error) === status, `is not ${status}`);
      intact();
    },
  };
}

const goodRun = (model, net, seed, n = bound, shift = 0) =>
  start(model, nets[net](seed, n, shift)).finish();

/** Refused with E_ARG; earlier outputs stay what they were, the next run works. */
async function refused(model, net, call) {
  const [kept] = await goodRun(model, net, 3),
    copy = kept.slice();
  await assert.rejects(
    async () => call(),
    (error) => statusOf(error) === 'E_ARG',
    'is not E_ARG',
  );
  assert.deepEqual(kept, copy, 'a refused run wrote');
  await goodRun(model, net, 4);
}

//===- The rules -------------------------------------------------------------===

const rules = [];
/** `without` names what of a rule JavaScript has no way to break, and why. */
const rule = (name, body, without = {}) => rules.push({ name, body, without });

const tensor = (name, dtype, shape, dims = shape.map(() => null)) => ({
  name,
  dtype,
  shape,
  dims,
  bytes: shape.reduce((a, b) => a * b, dtype === 'i64' ? 8 : 4),
});

rule(
  'table',
  async ({ models }) => {
    const { affine, batch, lookup } = models;
    for (const name of names) assert.equal(models[name].name, name);
    assert.deepEqual(affine.inputs, [tensor('input0', 'f32', [4, 3])]);
    assert.deepEqual(affine.outputs, [
      tensor('output0', 'f32', [4, 3]),
      tensor('output1', 'f32', [4]),
    ]);
    assert.deepEqual(affine.dims, []);
    assert.deepEqual(batch.inputs, [tensor('input0', 'f32', [bound, 5], ['N', null])]);
    assert.deepEqual(batch.outputs, [
      tensor('output0', 'f32', [bound, 5], ['N', null]),
      tensor('output1', 'f32', [5]),
    ]);
    assert.deepEqual(batch.dims, [{ name: 'N', bound }]);
    assert.deepEqual(lookup.inputs, [tensor('input0', 'f32', [4]), tensor('input1', 'i64', [2])]);
    assert.deepEqual(lookup.outputs, [tensor('output0', 'f32', [2])]);
    assert.deepEqual(lookup.dims, []);
  },
  { 'ABI version, count of kernels': 'a Model does not show them; the manifest has them' },
);

rule('repeated', async ({ models }) => {
  for (let i = 0; i < 50; ++i) for (const net of names) await goodRun(models[net], net, 7);
});

rule('independent', async ({ models }) => {
  for (let seed = -20; seed < 20; ++seed)
    for (const net of names) await goodRun(models[net], net, seed);
});

rule('reopened', async ({ models, open }) => {
  for (let i = 0; i < 3; ++i) {
    const second = await open('affine');
    await goodRun(second, 'affine', i);
    await goodRun(models.affine, 'affine', i + 1);
    second.destroy();
    await goodRun(models.affine, 'affine', i + 2);
  }
});

rule(
  'concurrent',
  async ({ models }) => {
    // Six callers that do not wait for each other, and in each of them ten runs
    // under way at a time.
    const caller = async (net, seed) => {
      for (let i = 0; i < 40; i += 10)
        await Promise.all(
          iota(10).map((k) => goodRun(models[net], net, seed + i + k, (i + k) % (bound + 1))),
        );
    };
    await Promise.all(iota(6).map((i) => caller(names[i % 3], 100 * i)));
  },
  { threads: 'a GPUDevice stays in its thread; runs overlap in it' },
);

rule('extents', async ({ models }) => {
  const some = [1, 0, bound, 3, 0, 1];
  for (const [i, n] of some.entries()) await goodRun(models.batch, 'batch', 5 + i, n);
});

rule('extents-outside', async ({ models: { batch } }) => {
  const bad = [-1, bound + 1, -(2 ** 63), 2 ** 63, 2 ** 32, Number.MAX_SAFE_INTEGER];
  for (const n of bad) {
    const { inputs } = nets.batch(3, bound);
    await refused(batch, 'batch', () => batch.run({ input0: inputs[0] }, { dims: { N: n } }));
  }
  // With as much data as the extent asks for.
  const n = bound + 1,
    [data] = nets.batch(3, n).inputs;
  await refused(batch, 'batch', () => batch.run({ input0: data }, { dims: { N: n } }));
  await refused(batch, 'batch', () => batch.run({ input0: { data, shape: [n, 5] } }));
});

rule(
  'no-tables',
  async ({ models }) => {
    for (const net of names) {
      const { options } = nets[net](3, bound);
      for (const none of [undefined, null])
        await refused(models[net], net, () => models[net].run(none, options));
    }
    const [x] = nets.batch(3, bound).inputs;
    for (const none of [undefined, null, {}, { dims: null }, { dims: {} }])
      await refused(models.batch, 'batch', () => models.batch.run({ input0: x }, none));
  },
  { outputs: 'a run returns them, a caller gives none' },
);

rule(
  'no-entries',
  async ({ models: { lookup } }) => {
    const [input0] = nets.lookup(3).inputs;
    for (const inputs of [{ input0 }, { input0, input1: null }, { input0, input1: undefined }])
      await refused(lookup, 'lookup', () => lookup.run(inputs));
  },
  { outputs: 'a run returns them, a caller gives none' },
);

const badIndices = [4n, -5n, (1n << 63n) - 1n, -(1n << 63n), 1n << 32n];

function wrongIndex(i) {
  const exchange = nets.lookup(i);
  exchange.inputs[1][i & 1] = badIndices[i];
  return exchange;
}

rule('wrong-index', async ({ models }) => {
  for (const i of badIndices.keys()) {
    await start(models.lookup, wrongIndex(i)).refused('E_INDEX');
    await goodRun(models.lookup, 'lookup', i);
    await goodRun(models.affine, 'affine', i);
  }
});

rule('after-error', async ({ models: { batch, lookup } }) => {
  for (const i of badIndices.keys()) {
    await start(lookup, wrongIndex(i)).refused('E_INDEX');
    await start(lookup, wrongIndex(i)).refused('E_INDEX');
    await goodRun(lookup, 'lookup', i);
    await assert.rejects(lookup.run(null));
    await goodRun(lookup, 'lookup', i + 1);
    const { inputs } = nets.batch(i, bound);
    await assert.rejects(batch.run({ input0: inputs[0] }, { dims: { N: bound + 1 } }));
    await goodRun(batch, 'batch', i, i);
  }
  // A wrong one between two good ones that are under way with it.
  const runs = [nets.lookup(1), wrongIndex(2), nets.lookup(3)].map((x) => start(lookup, x));
  await Promise.all([runs[0].finish(), runs[1].refused('E_INDEX'), runs[2].finish()]);
});

rule('inputs', async ({ models }) => {
  // The same arrays again and again: each run finds in them what was put there.
  for (const net of names) {
    const exchange = nets[net](11, bound),
      at = exchange.inputs.map(whole);
    for (let i = 0; i < 5; ++i) await start(models[net], exchange).finish();
    exchange.inputs.forEach((data, i) => assert.ok(at[i].equals(whole(data))));
  }
  await start(models.lookup, wrongIndex(0)).refused('E_INDEX');
});

rule(
  'outputs',
  async ({ models }) => {
    for (const net of names) {
      const kept = await goodRun(models[net], net, 1),
        copies = kept.map((data) => data.slice());
      for (const [i, n] of [bound, 0, 4].entries()) await goodRun(models[net], net, 20 + i, n);
      assert.deepEqual(kept, copies, 'a later run wrote into outputs of an earlier one');
      // What a caller does with them is his own affair.
      for (const data of kept) data.fill(NaN);
      await goodRun(models[net], net, 2);
    }
  },
  { 'bytes beside them': 'every output is an array of its own' },
);

rule('alignment', async ({ models }) => {
  for (let shift = 0; shift < 64; shift += 8)
    for (const net of names) {
      await goodRun(models[net], net, 9 + shift, bound, shift);
      if (net !== 'lookup') await goodRun(models[net], net, 10 + shift, 3, shift + 4);
    }
});

//===- The ways to open a model ----------------------------------------------===

let shared;
const ways = {
  'a folder': (name) => Model.load(join(folder, name), { gpu }),
  // With the bundle's own copy of the runtime.
  'the module of the bundle': async (name) =>
    (await import(pathToFileURL(join(folder, name, 'model.mjs')))).load({ gpu }),
  'parts, on one device of the caller': async (name) => {
    shared ??= await (await gpu.requestAdapter()).requestDevice();
    const part = (file) => readFileSync(join(folder, name, file));
    const manifest = JSON.parse(part('manifest.json'));
    const weights = manifest.files.weights && part(manifest.files.weights.name);
    return Model.load(
      { manifest, kernels: part(manifest.files.kernels.name), weights },
      { device: shared },
    );
  },
};

for (const [way, open] of Object.entries(ways))
  describe(`webgpu, from ${way}`, { timeout: 300000 }, () => {
    const models = {};
    before(async () => {
      for (const name of names) models[name] = await open(name);
    });
    after(() => {
      for (const model of Object.values(models)) model.destroy();
    });
    for (const { name, body } of rules) test(name, () => body({ models, open }));
  });

test('what does not apply', (t) => {
  for (const { name, without } of rules)
    for (const [what, why] of Object.entries(without)) t.diagnostic(`${name}, ${what}: ${why}`);
});

after(() => shared?.destroy());
