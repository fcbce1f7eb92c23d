// device.mjs - finds a device that the plan fits and puts pipelines and weights
// on it.
import { decode, join, readChecked, Weights } from './files.mjs';
import { defaultLimits, roundUp } from './plan.mjs';
import { fail, quote } from './status.mjs';

const COMPUTE_STAGE = 4; // WebGPU's constants; node has no globals for them

function checkLimits(needed, have, whose) {
  for (const [key, value] of Object.entries(needed))
    if (value > (have[key] ?? defaultLimits[key]))
      fail(
        'E_LIMIT',
        `the model needs ${key} ${value}, the ${whose} has ${have[key] ?? defaultLimits[key]}`,
      );
}

// In node the object that `create` of the package webgpu makes owns Dawn's worker
// threads, but neither adapters nor devices hold it: when it is collected these
// threads crash the process, at any time. So it is never collected; in a browser
// there is one only.
const kept = new Set();

export async function findDevice(plan, options) {
  if (options.gpu) kept.add(options.gpu);
  if (options.device) {
    checkLimits(plan.limits, options.device.limits, 'device');
    return { device: options.device, owned: false };
  }
  const gpu = options.gpu ?? globalThis.navigator?.gpu;
  if (!gpu)
    fail(
      'E_DEVICE',
      'no WebGPU here: navigator.gpu is missing' +
        (globalThis.isSecureContext === false ? ', a page needs https or localhost' : ''),
    );
  let adapter;
  try {
    adapter =
      typeof options.adapter?.requestDevice === 'function'
        ? options.adapter
        : await gpu.requestAdapter(options.adapter);
  } catch (error) {
    fail('E_DEVICE', `no WebGPU adapter: ${error?.message ?? error}`, error);
  }
  if (!adapter) fail('E_DEVICE', 'no WebGPU adapter');
  checkLimits(plan.limits, adapter.limits, 'adapter');
  const requiredLimits = {};
  for (const [key, value] of Object.entries(plan.limits))
    if (value > defaultLimits[key]) requiredLimits[key] = value;
  const requiredFeatures = adapter.features.has('timestamp-query') ? ['timestamp-query'] : [];
  try {
    return {
      device: await adapter.requestDevice({ requiredLimits, requiredFeatures }),
      owned: true,
    };
  } catch (error) {
    fail('E_DEVICE', `no WebGPU device: ${error?.message ?? error}`, error);
  }
}

/** Runs `body` (which must not wait) and settles when WebGPU has judged it. */
export function scoped(device, body) {
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  let value,
    thrown,
    failed = false;
  try {
    value = body();
  } catch (error) {
    failed = true;
    thrown = error;
  }
  const memory = device.popErrorScope(),
    validation = device.popErrorScope();
  return Promise.all([memory, validation]).then(
    ([oom, invalid]) => {
      if (failed) throw thrown;
      if (oom) fail('E_NOMEM', `out of GPU memory: ${oom.message}`);
      if (invalid) fail('E_FORMAT', `WebGPU: ${invalid.message}`);
      return value;
    },
    (error) => fail('E_DEVICE', `WebGPU: ${error?.message ?? error}`, error),
  );
}

/** The function around a place of the kernel text, for messages. */
function around(code, line) {
  const before = code.split('\n').slice(0, line).join('\n');
  return [...before.matchAll(/\bfn\s+(\w+)/g)].at(-1)?.[1];
}

export async function buildPipelines(device, plan, code) {
  const file = plan.kernelsFile.name;
  const entries = new Map();
  for (const launch of plan.launches)
    if (!entries.has(launch.entry)) entries.set(launch.entry, launch);
  const functions = new Set(Array.from(code.matchAll(/\bfn\s+(\w+)/g), (match) => match[1]));
  for (const { entry, name } of entries.values())
    if (!functions.has(entry))
      fail('E_FORMAT', `${file}: no function ${quote(entry)}, the entry of kernel ${quote(name)}`);
  // A module with errors is reported by its messages, below, with more detail.
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code, label: plan.name });
  const invalid = device.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const first = messages.find((message) => message.type === 'error');
  if (first) {
    const entry = around(code, first.lineNum),
      kernel = entries.get(entry)?.name;
    fail(
      'E_FORMAT',
      `${file}:${first.lineNum}:${first.linePos}: ` +
        (kernel === undefined
          ? entry
            ? `in ${quote(entry)}: `
            : ''
          : `kernel ${quote(kernel)}: `) +
        first.message,
    );
  }
  const problem = await invalid;
  if (problem) fail('E_FORMAT', `${file}: ${problem.message}`);

  const layouts = new Map();
  const layoutOf = ({ bindings }) => {
    const key = bindings.map((binding) => binding.space).join();
    if (!layouts.has(key))
      layouts.set(
        key,
        device.createBindGroupLayout({
          entries: [
            { binding: 0, visibility: COMPUTE_STAGE, buffer: { type: 'uniform' } },
            ...bindings.map(({ space }, i) => ({
              binding: i + 1,
              visibility: COMPUTE_STAGE,
              buffer: { type: space === 'weights' ? 'read-only-storage' : 'storage' },
            })),
          ],
        }),
      );
    return layouts.get(key);
  };
  const built = new Map();
  await scoped(device, () => {
    for (const launch of entries.values()) layoutOf(launch);
  });
  await Promise.all(
    Array.from(entries.values(), async (launch) => {
      const group = layoutOf(launch);
      try {
        const pipeline = await device.createComputePipelineAsync({
          label: launch.entry,
          layout: device.createPipelineLayout({ bindGroupLayouts: [group] }),
          compute: { module, entryPoint: launch.entry },
        });
        built.set(launch.entry, { pipeline, group });
      } catch (error) {
        fail(
          'E_FORMAT',
          `kernel ${quote(launch.name)} (entry ${quote(launch.entry)}): ${error?.message ?? error}`,
          error,
        );
      }
    }),
  );
  return built;
}

/** Streams the weights into one buffer a chunk. */
export async function uploadWeights(device, plan, chunks, open, signal, progress) {
  if (!plan.weightsBytes) return;
  const slab = new Uint8Array(Math.min(1 << 20, roundUp(plan.chunkBytes, 4)));
  let filled = 0,
    chunk = 0,
    at = 0,
    pending = 0;
  const flush = () => {
    slab.fill(0, filled, roundUp(filled, 4));
    device.queue.writeBuffer(chunks[chunk], at, slab, 0, roundUp(filled, 4));
    pending += filled;
    at += filled;
    filled = 0;
    if (at >= plan.chunkBytes) [chunk, at] = [chunk + 1, 0];
  };
  const weights = new Weights(plan, async (piece) => {
    while (piece.length) {
      const n = Math.min(slab.length - filled, plan.chunkBytes - at - filled, piece.length);
      slab.set(piece.subarray(0, n), filled);
      filled += n;
      piece = piece.subarray(n);
      if (filled === slab.length || at + filled === plan.chunkBytes) flush();
    }
    if (pending >= 32 << 20) {
      // do not let the queue hold all of them
      pending = 0;
      device.queue.submit([]);
      await device.queue.onSubmittedWorkDone();
    }
  });
  await readChecked(open, 'weights', plan.weightsFile, signal, async (piece) => {
    await weights.push(piece);
    progress(piece.length, 'weights');
  });
  if (filled) flush();
}
