// nacre.mjs - runs a bundle compiled for WebGPU, in browsers and in node.
//
// A bundle is a plan (manifest.json), WGSL text and weights; docs/bundles.md is
// the format. plan.mjs checks the plan, files.mjs the files, device.mjs puts them
// on a device, and this file runs them.
//
// A run is one submission: inputs are written to the one `memory` buffer, every
// launch goes into one compute pass (WebGPU puts a barrier between dispatches),
// outputs and status are copied to a staging buffer. As the queue keeps the
// order, runs may overlap without a lock; each has its own staging buffer.
import { buildPipelines, findDevice, scoped, uploadWeights } from './device.mjs';
import { decode, join, loadPlan, opener, readChecked } from './files.mjs';
import { arrays, checkInputs, groupsPerRow, roundUp, shapeOf } from './plan.mjs';
import { fail, failRun, NacreError } from './status.mjs';

export { NacreError };

// WebGPU's constants; node has no globals for them.
const MAP_READ = 1,
  COPY_SRC = 4,
  COPY_DST = 8,
  UNIFORM = 0x40,
  STORAGE = 0x80;
const QUERY_RESOLVE = 0x200,
  MAP_MODE_READ = 1;

const describe = (tensor, dims) =>
  Object.freeze({
    name: tensor.name,
    dtype: tensor.dtype,
    shape: Object.freeze([...tensor.shape]),
    dims: Object.freeze(tensor.axes.map((dim) => (dim < 0 ? null : dims[dim].name))),
    bytes: tensor.bytes,
  });

const failLost = ({ message, reason }, cause) =>
  fail('E_DEVICE', `the device was lost: ${message || reason}`, cause);

function makeChunks(plan, isShared, create) {
  const make = (i) => {
    const left = plan.weightsBytes - i * plan.chunkBytes;
    const size = roundUp(Math.min(plan.chunkBytes, left), 16);
    return create(`weights ${i}`, size, STORAGE | COPY_DST);
  };
  if (!isShared || plan.chunkCount === 0)
    return Array.from({ length: plan.chunkCount }, (_, i) => make(i));
  return new Array(plan.chunkCount).fill(make(0));
}

export class Model {
  #plan;
  #device;
  #owned;
  #buffers;
  #launches;
  #block;
  #blockWords;
  #extents;
  #staging = [];
  #stagingBytes;
  #places;
  #lost = null;
  #destroyed = false;
  #queries = null;

  /**
   * Loads a bundle. See nacre.d.mts for the options; node.mjs has one more, validateOnly: all chunks
   * of the weights are one buffer, and the model is not to be run.
   */
  static async load(source, options = {}) {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const open = opener(source);
    const plan = await loadPlan(source, open, signal);
    const { device, owned } = await findDevice(plan, options);
    const buffers = [];
    let lost = null;
    device.lost.then((info) => {
      lost = info;
    });
    // One failure stops the other downloads.
    const stop = new AbortController();
    const abort = () => stop.abort(signal.reason);
    signal?.addEventListener('abort', abort);
    try {
      signal?.throwIfAborted();
      const create = (label, size, usage) => {
        const buffer = device.createBuffer({ label, size, usage });
        buffers.push(buffer);
        return buffer;
      };
      const align = device.limits.minUniformBufferOffsetAlignment;
      let blockBytes = 0;
      const blocks = plan.launches.map((launch) => {
        const at = blockBytes;
        blockBytes += roundUp(launch.blockBytes, align);
        return at;
      });
      const made = await scoped(device, () => ({
        memory: create(
          'memory',
          roundUp(Math.max(plan.memoryBytes, 16), 16),
          STORAGE | COPY_SRC | COPY_DST,
        ),
        status: create('status', 16, STORAGE | COPY_SRC | COPY_DST),
        block: create('params', Math.max(blockBytes, 16), UNIFORM | COPY_DST),
        chunks: makeChunks(plan, options.validateOnly, create),
      }));
      const total = plan.kernelsFile.bytes + (plan.weightsFile?.bytes ?? 0);
      let loaded = 0;
      const progress = (bytes, what) => {
        loaded += bytes;
        onProgress?.(loaded, total, what);
      };
      const kernels = async () => {
        const parts = [];
        await readChecked(open, 'kernels', plan.kernelsFile, stop.signal, (piece) => {
          parts.push(piece);
          progress(piece.length, 'kernels');
        });
        return buildPipelines(device, plan, decode(join(parts), plan.kernelsFile.name));
      };
      const work = [
        kernels(),
        uploadWeights(device, plan, made.chunks, open, stop.signal, progress),
      ];
      let built;
      try {
        [built] = await Promise.all(work);
      } catch (error) {
        stop.abort(error);
        await Promise.allSettled(work);
        throw error;
      }
      const buffer = {
        memory: () => made.memory,
        status: () => made.status,
        weights: (c) => made.chunks[c],
      };
      const launches = await scoped(device, () =>
        plan.launches.map((launch, i) => {
          const { pipeline, group } = built.get(launch.entry);
          return {
            ...launch,
            pipeline,
            group: device.createBindGroup({
              label: launch.name,
              layout: group,
              entries: [
                {
                  binding: 0,
                  resource: { buffer: made.block, offset: blocks[i], size: launch.blockBytes },
                },
                ...launch.bindings.map(({ space, chunk }, at) => ({
                  binding: at + 1,
                  resource: { buffer: buffer[space](chunk) },
                })),
              ],
            }),
            blockAt: blocks[i],
          };
        }),
      );
      signal?.throwIfAborted();
      return new Model(plan, device, owned, buffers, made, launches);
    } catch (error) {
      for (const buffer of buffers) buffer.destroy();
      if (lost && !signal?.aborted) failLost(lost, error);
      if (owned) device.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Use Model.load. */
  constructor(plan, device, owned, buffers, made, launches) {
    this.#plan = plan;
    this.#device = device;
    this.#owned = owned;
    this.#buffers = { ...made, all: buffers };
    this.#launches = launches;
    this.#block = new Uint8Array(made.block.size);
    this.#blockWords = new Uint32Array(this.#block.buffer);
    launches.forEach((launch) => this.#blockWords.set(launch.params, launch.blockAt / 4));
    device.queue.writeBuffer(made.block, 0, this.#block);
    this.#extents = plan.dims.map(() => 0);
    // Staging: the status, then the outputs at multiples of 16.
    let at = 16;
    this.#places = plan.outputs.map((output) => {
      const place = at;
      at += roundUp(output.bytes, 16);
      return place;
    });
    this.#stagingBytes = at;
    this.name = plan.name;
    this.inputs = Object.freeze(plan.inputs.map((tensor) => describe(tensor, plan.dims)));
    this.outputs = Object.freeze(plan.outputs.map((tensor) => describe(tensor, plan.dims)));
    this.dims = Object.freeze(plan.dims.map((dim) => Object.freeze({ ...dim })));
    this.strings = Object.freeze([...plan.strings]);
    device.lost.then((info) => {
      this.#lost = info;
    });
  }

  get device() {
    return this.#device;
  }

  /** Runs the model once. Reads the inputs before it returns. */
  async run(inputs, options) {
    return this.#finish(this.#submit(inputs, options, false));
  }

  /** A run with a stopwatch around every kernel, where the device has one. */
  async profile(inputs, options) {
    const timed = this.#device.features.has('timestamp-query');
    const start = performance.now();
    const job = this.#submit(inputs, options, timed);
    const outputs = await this.#finish(job);
    const ms = performance.now() - start;
    if (!timed) return { outputs, ms, kernels: null };
    let stamps;
    try {
      await job.stamps.mapAsync(MAP_MODE_READ);
      stamps = new BigUint64Array(job.stamps.getMappedRange().slice(0));
    } finally {
      for (const item of job.garbage) item.destroy();
    }
    return {
      outputs,
      ms,
      kernels: this.#launches.map((launch, i) => ({
        name: launch.name,
        entry: launch.entry,
        computes: launch.computes,
        flops: launch.flops,
        bytes: launch.bytes,
        ms: Math.max(Number(stamps[2 * i + 1] - stamps[2 * i]), 0) / 1e6,
      })),
    };
  }

  /** Frees the GPU memory; runs under way fail with E_ARG. */
  destroy() {
    if (this.#destroyed) return;
    this.#destroyed = true;
    for (const buffer of [...this.#buffers.all, ...this.#staging]) buffer.destroy();
    if (this.#owned) this.#device.destroy();
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.destroy();
  }

  #alive() {
    if (this.#destroyed) fail('E_ARG', 'the model was destroyed');
    if (this.#lost) failLost(this.#lost);
  }

  #submit(inputs, options, timed) {
    this.#alive();
    const { data, extents } = checkInputs(this.#plan, inputs, options);
    const { memory, status } = this.#buffers,
      device = this.#device,
      plan = this.#plan;
    let staging,
      stamps,
      garbage = [];
    const outputs = plan.outputs.map((tensor, i) => ({
      tensor,
      at: this.#places[i],
      count: shapeOf(tensor, extents).reduce((a, b) => a * b, 1),
    }));
    const judged = scoped(device, () => {
      staging =
        this.#staging.pop() ??
        device.createBuffer({
          label: 'outputs',
          size: this.#stagingBytes,
          usage: MAP_READ | COPY_DST,
        });
      this.#setExtents(extents);
      plan.inputs.forEach((tensor, i) => write(device.queue, memory, tensor.offset, data[i]));
      const encoder = device.createCommandEncoder();
      encoder.clearBuffer(status);
      if (timed) ({ stamps, garbage } = this.#encodeTimed(encoder, extents));
      else {
        const pass = encoder.beginComputePass();
        let pipeline;
        for (const launch of this.#launches) {
          if (launch.pipeline !== pipeline) pass.setPipeline((pipeline = launch.pipeline));
          dispatch(pass, launch, extents);
        }
        pass.end();
      }
      encoder.copyBufferToBuffer(status, 0, staging, 0, 4);
      for (const { tensor, at, count } of outputs) {
        const bytes = roundUp(count * arrays[tensor.dtype].BYTES_PER_ELEMENT, 4);
        if (bytes) encoder.copyBufferToBuffer(memory, tensor.offset, staging, at, bytes);
      }
      device.queue.submit([encoder.finish()]);
    });
    // The map is asked for now, so that it waits for this submission only.
    const mapped = staging ? staging.mapAsync(MAP_MODE_READ) : Promise.resolve();
    mapped.catch(() => {});
    return { staging, stamps, garbage, outputs, judged, mapped };
  }

  #setExtents(extents) {
    if (extents.every((extent, i) => extent === this.#extents[i])) return;
    for (const { blockAt, params, dims } of this.#launches)
      dims.forEach((dim, i) => {
        this.#blockWords[blockAt / 4 + params.length + i] = extents[dim];
      });
    this.#device.queue.writeBuffer(this.#buffers.block, 0, this.#block);
    this.#extents = extents;
  }

  #encodeTimed(encoder, extents) {
    const device = this.#device,
      count = this.#launches.length,
      most = 2048;
    const garbage = [],
      bytes = Math.max(16 * count, 16);
    const resolved = device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    const stamps = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
    garbage.push(resolved, stamps);
    for (let begin = 0; begin < count; begin += most) {
      const part = this.#launches.slice(begin, begin + most);
      const querySet = device.createQuerySet({ type: 'timestamp', count: 2 * part.length });
      garbage.push(querySet);
      part.forEach((launch, i) => {
        const pass = encoder.beginComputePass({
          timestampWrites: {
            querySet,
            beginningOfPassWriteIndex: 2 * i,
            endOfPassWriteIndex: 2 * i + 1,
          },
        });
        pass.setPipeline(launch.pipeline);
        dispatch(pass, launch, extents);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, 2 * part.length, resolved, 16 * begin);
    }
    encoder.copyBufferToBuffer(resolved, 0, stamps, 0, bytes);
    return { stamps, garbage };
  }

  async #finish({ staging, garbage, outputs, judged, mapped }) {
    try {
      await judged;
      await mapped;
      this.#alive();
      const code = new Int32Array(staging.getMappedRange(0, 16))[0];
      if (code) failRun(code);
      return Object.fromEntries(
        outputs.map(({ tensor, at, count }) => {
          const type = arrays[tensor.dtype],
            bytes = count * type.BYTES_PER_ELEMENT;
          return [
            tensor.name,
            bytes
              ? new type(staging.getMappedRange(at, roundUp(bytes, 4)).slice(0, bytes))
              : new type(0),
          ];
        }),
      );
    } catch (error) {
      for (const item of garbage) item.destroy();
      // When the device goes, the map fails before the reason is known.
      if (!(error instanceof NacreError) && !this.#destroyed)
        await Promise.race([this.#device.lost, new Promise((done) => setTimeout(done, 200))]);
      await null;
      this.#alive();
      if (error instanceof NacreError) throw error;
      fail('E_DEVICE', `WebGPU: ${error?.message ?? error}`, error);
    } finally {
      this.#giveBack(staging);
    }
  }

  #giveBack(staging) {
    if (!staging) return;
    const usable = staging.mapState === 'mapped' && !this.#destroyed && !this.#lost;
    if (staging.mapState === 'mapped') staging.unmap();
    if (usable && this.#staging.length < 2) this.#staging.push(staging);
    else staging.destroy();
  }
}

/** Writes elements; a size that is no multiple of four goes by a copy. */
function write(queue, buffer, offset, data) {
  const bytes = data.byteLength;
  if (bytes % 4 === 0)
    return bytes && queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, bytes);
  const padded = new Uint8Array(roundUp(bytes, 4));
  padded.set(new Uint8Array(data.buffer, data.byteOffset, bytes));
  queue.writeBuffer(buffer, offset, padded);
}

function dispatch(pass, { group, tasks, taskDim, tasksPerGroup }, extents) {
  const groups = Math.ceil((tasks * (taskDim < 0 ? 1 : extents[taskDim])) / tasksPerGroup);
  if (!groups) return;
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(Math.min(groups, groupsPerRow), Math.ceil(groups / groupsPerRow));
}
