// page.mjs - the part of bench.mjs that runs in the browser.
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
};
const powerPreference = 'high-performance';

function toArray({ dtype, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new arrays[dtype](bytes.buffer);
}

async function loadNacre({ name }) {
  const folder = `/bundles/${name}`;
  const { Model } = await import(`${folder}/nacre.mjs`);
  const model = await Model.load(new URL(folder, location.href), { adapter: { powerPreference } });
  return {
    run: async (arrays) => {
      const outputs = await model.run(
        Object.fromEntries(model.inputs.map(({ name }, i) => [name, arrays[i]])),
      );
      return model.outputs.map(({ name }) => outputs[name]);
    },
    free: () => model.destroy(),
  };
}

async function loadOrt({ name, inputs }, file, provider, notes) {
  const ort = await import(`/ort/${file}`);
  ort.env.wasm.wasmPaths = '/ort/';
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  if (ort.env.webgpu) ort.env.webgpu.powerPreference = powerPreference;
  const create = (extra) =>
    ort.InferenceSession.create(`/models/${name}/model.onnx`, {
      executionProviders: [provider],
      graphOptimizationLevel: 'all',
      ...extra,
    });
  let session;
  if (provider === 'wasm') session = await create({});
  else
    try {
      session = await create({ extra: { session: { disable_cpu_ep_fallback: '1' } } });
    } catch (error) {
      if (!String(error).includes('fallback')) throw error;
      session = await create({});
      notes.push('ORT runs some nodes on the CPU');
    }
  return {
    run: async (arrays) => {
      const outputs = await session.run(
        Object.fromEntries(
          session.inputNames.map((name, i) => [
            name,
            new ort.Tensor(inputs[i].dtype, arrays[i], inputs[i].dims),
          ]),
        ),
      );
      return session.outputNames.map((name) => outputs[name].data);
    },
    free: () => session.release(),
  };
}

/** Counts what `body` asks of WebGPU. */
async function counting(body) {
  const counts = { submits: 0, dispatches: 0, writes: 0, passes: 0 };
  const restore = [];
  const patch = (type, method, key) => {
    const original = type.prototype[method];
    type.prototype[method] = function (...args) {
      ++counts[key];
      return original.apply(this, args);
    };
    restore.push(() => {
      type.prototype[method] = original;
    });
  };
  patch(GPUQueue, 'submit', 'submits');
  patch(GPUQueue, 'writeBuffer', 'writes');
  patch(GPUCommandEncoder, 'beginComputePass', 'passes');
  patch(GPUComputePassEncoder, 'dispatchWorkgroups', 'dispatches');
  patch(GPUComputePassEncoder, 'dispatchWorkgroupsIndirect', 'dispatches');
  try {
    await body();
  } finally {
    for (const undo of restore) undo();
  }
  return counts;
}

/** Largest |a - b| over what is allowed; at most 1 is right. */
function distance(got, expected) {
  if (got.length !== expected.length) return Infinity;
  const all = Array.from(expected, Number);
  const largest = all.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let worst = 0;
  for (let i = 0; i < all.length; ++i) {
    const off = Math.abs(Number(got[i]) - all[i]);
    const part = off / (1e-3 * Math.abs(all[i]) + 1e-5 * largest);
    if (off !== 0 && !(part <= worst)) worst = part;
  }
  return worst;
}
const furthest = (got, expected) => Math.max(...expected.map((e, i) => distance(got[i], e)));

const sorted = (values) => values.sort((a, b) => a - b);
const at = (values, part) => values[Math.min(values.length - 1, Math.floor(part * values.length))];

globalThis.measure = async (job) => {
  const inputs = job.inputs.map(toArray),
    expected = job.outputs.map(toArray);
  const notes = [],
    wrong = [];
  const sides = {};
  for (const [side, load] of Object.entries({
    nacre: () => loadNacre(job),
    webgpu: () => loadOrt(job, job.ortFile, 'webgpu', notes),
    // A build of its own: the one with webgpu is slower on the CPU.
    wasm: () => loadOrt(job, 'ort.wasm.min.mjs', 'wasm', notes),
  })) {
    const begin = performance.now();
    const runner = await load();
    sides[side] = { ...runner, loadMs: performance.now() - begin, times: [] };
  }
  const check = async (when) => {
    const outputs = {};
    for (const [side, { run }] of Object.entries(sides)) {
      outputs[side] = await run(inputs);
      const off = furthest(outputs[side], expected);
      sides[side].off = Math.max(sides[side].off ?? 0, off);
      if (!(off <= 1)) wrong.push(`${side} is wrong ${when} (${off.toPrecision(3)})`);
    }
    // Each may be off by 1 from what is expected.
    const apart = furthest(outputs.nacre, outputs.webgpu);
    if (!(apart <= 2)) wrong.push(`nacre and ORT differ ${when} (${apart.toPrecision(3)})`);
  };
  await check('at first');
  for (const side of Object.values(sides)) {
    for (let i = 0; i < 5; ++i) await side.run(inputs);
    side.counts = await counting(() => side.run(inputs));
  }
  if (!sides.webgpu.counts.dispatches) wrong.push('ORT did not use WebGPU');
  if (!sides.nacre.counts.dispatches) wrong.push('Nacre did not use WebGPU');
  const order = Object.values(sides);
  for (let round = 0; round < job.rounds; ++round) {
    order.push(order.shift());
    for (const { run, times } of order) {
      await run(inputs); // not timed: caches are the other's
      const until = performance.now() + job.roundMs;
      for (let i = 0; i < 3 || performance.now() < until; ++i) {
        const begin = performance.now();
        await run(inputs);
        times.push(performance.now() - begin);
      }
    }
  }
  await check('at last');
  const adapter = await navigator.gpu.requestAdapter({ powerPreference });
  const { vendor, architecture, device, description } = adapter.info;
  const result = {
    adapter: [vendor, architecture, device, description].filter(Boolean).join(' '),
    notes,
    wrong,
    sides: {},
  };
  for (const [side, { times, counts, loadMs, off, free }] of Object.entries(sides)) {
    sorted(times);
    result.sides[side] = {
      median: at(times, 0.5),
      least: times[0],
      p90: at(times, 0.9),
      runs: times.length,
      load_ms: loadMs,
      error: off,
      counts,
    };
    await free();
  }
  return result;
};
