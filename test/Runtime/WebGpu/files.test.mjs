// Kernels and weights that are wrong, against Dawn's null backend, which
// validates everything and runs nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { Sha256 } from '../../../runtime/webgpu/files.mjs';
import { Model, NacreError } from '../../../runtime/webgpu/nacre.mjs';
import * as bundles from './bundles.mjs';
import { noPackage, nullGpu } from './gpu.mjs';

const { sha256 } = bundles;
const onNull = (name, body) => test(name, { skip: noPackage, timeout: 60000 }, body);
const load = (source, options) => Model.load(source, { gpu: nullGpu, ...options });
const refused = (source, message, status = 'E_FORMAT') =>
  assert.rejects(load(source), { name: 'NacreError', status, message });

/** A bundle with other kernels or weights, the manifest as it should be then. */
function honest(bundle, parts, edit = () => {}) {
  const manifest = structuredClone(bundle.manifest);
  for (const [key, bytes] of Object.entries(parts))
    Object.assign(manifest.files[key], { bytes: Buffer.byteLength(bytes), sha256: sha256(bytes) });
  edit(manifest);
  return { ...bundle, ...parts, manifest };
}

test("SHA-256 is node's", () => {
  for (let n = 0; n < 300; ++n) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => i * 7 + n),
      hash = new Sha256();
    for (let at = 0; at < n; at += 37) hash.update(bytes.subarray(at, at + 37));
    assert.equal(hash.hex(), createHash('sha256').update(bytes).digest('hex'));
  }
});

const plain = bundles.addition(),
  weighted = bundles.weighted();

onNull('missing files', async () => {
  const folder = bundles.temporary();
  await refused(folder, 'manifest.json: no such file', 'E_IO');
  await refused(bundles.write({ ...plain, kernels: null }), 'kernels.wgsl: no such file', 'E_IO');
  await refused(
    bundles.write({ ...weighted, weights: null }),
    'weights.safetensors: no such file',
    'E_IO',
  );
  bundles.write({ ...plain, kernels: null }, folder);
  bundles.write(plain, `${folder}/kernels.wgsl`);
  await refused(folder, 'kernels.wgsl: not a file', 'E_IO');
});

onNull('kernels that are not those of the manifest', async () => {
  const { bytes, sha256: hash } = plain.manifest.files.kernels;
  await refused(
    { ...plain, kernels: plain.kernels.slice(0, -1) },
    `kernels.wgsl: ${bytes - 1} bytes, manifest.json says ${bytes}`,
  );
  await refused({ ...plain, kernels: '' }, `kernels.wgsl: 0 bytes, manifest.json says ${bytes}`);
  await refused(
    { ...plain, kernels: plain.kernels + ' ' },
    `kernels.wgsl: more than ${bytes} bytes`,
  );
  const other = plain.kernels.replace('+', '-');
  await refused(
    { ...plain, kernels: other },
    `kernels.wgsl: sha256 is ${sha256(other)}, manifest.json says ${hash}`,
  );
  const latin = new Uint8Array([0xff, 0xfe]);
  await refused(honest(plain, { kernels: latin }), 'kernels.wgsl: not UTF-8');
});

onNull('kernels that WebGPU refuses', async () => {
  const wrong = (code, expected, edit) =>
    assert.rejects(load(honest(plain, { kernels: code }, edit)), (error) => {
      assert.ok(error instanceof NacreError);
      assert.equal(error.status, 'E_FORMAT');
      assert.equal(error.message.slice(0, expected.length), expected);
      return true;
    });
  const code = plain.kernels;
  await wrong('', "kernels.wgsl: no function 'add', the entry of kernel 'add'");
  await wrong(
    code.replace('fn add', 'fn addition'),
    "kernels.wgsl: no function 'add', the entry of kernel 'add'",
  );
  await wrong(
    code.replace('id.x]) +', 'nothing]) +'),
    "kernels.wgsl:5:58: kernel 'add': unresolved value 'nothing'",
  );
  await wrong('fn helper() -> u32 { return 1.5; }\n' + code, "kernels.wgsl:1:29: in 'helper': ");
  await wrong('this is no WGSL; fn add', 'kernels.wgsl:1:1: ');
  await wrong(
    code.replace('@compute @workgroup_size(64)', '').replace('@builtin(global_invocation_id) ', ''),
    "kernel 'add' (entry 'add'): ",
  );
  await wrong(code.replace('@binding(1)', '@binding(7)'), "kernel 'add' (entry 'add'): ");
  await wrong(code.replace('@workgroup_size(64)', '@workgroup_size(100000)'), 'kernel');
});

onNull('weights that are not those of the manifest', async () => {
  const { bytes, sha256: hash } = weighted.manifest.files.weights,
    file = weighted.weights;
  for (let length = 0; length < bytes; ++length)
    await assert.rejects(load({ ...weighted, weights: file.subarray(0, length) }), {
      name: 'NacreError',
      status: 'E_FORMAT',
      message: `weights.safetensors: ${length} bytes, manifest.json says ${bytes}`,
    });
  await refused(
    { ...weighted, weights: Buffer.concat([file, Buffer.alloc(4)]) },
    `weights.safetensors: more than ${bytes} bytes`,
  );
  const other = Buffer.from(file);
  other[bytes - 1] ^= 1;
  await refused(
    { ...weighted, weights: other },
    `weights.safetensors: sha256 is ${sha256(other)}, manifest.json says ${hash}`,
  );
  await assert.rejects(load({ ...weighted, weights: undefined }), {
    name: 'TypeError',
    message: 'source.weights: expected text, bytes, a Blob or a stream, got nothing',
  });
});

onNull('safetensors that are none', async () => {
  const data = weighted.weights.subarray(-44);
  const file = (header, size = header.length) => {
    const result = Buffer.alloc(8 + header.length + 44);
    result.writeBigUInt64LE(BigInt(size));
    result.write(header, 8);
    result.set(data, 8 + header.length);
    return result;
  };
  const wrong = (weights, message) =>
    refused(honest(weighted, { weights }), `weights.safetensors: ${message}`);
  const entry = (fields) =>
    JSON.stringify({ weights: { dtype: 'U8', shape: [44], data_offsets: [0, 44], ...fields } });
  await load(honest(weighted, { weights: file(entry()) })).then((model) => model.destroy());
  await load(honest(weighted, { weights: file('  ' + entry() + ' ') })).then((model) =>
    model.destroy(),
  );
  await wrong(file(entry(), 0), 'a header of 0 bytes');
  await wrong(file(entry(), 2 ** 40), 'a header of 1099511627776 bytes');
  await wrong(Buffer.alloc(60, 255), 'a header of 18446744073709551615 bytes');
  await wrong(file(entry(), 10), 'the header is no JSON');
  await wrong(file(''.padEnd(60)), 'the header is no JSON');
  await wrong(file('['.repeat(100)), 'the header is no JSON');
  const expected = "expected one tensor 'weights' of U8[44] at the front";
  for (const header of [
    'null',
    '{}',
    '[]',
    '5 ',
    '{"weights":5}',
    '{"weights":{}}',
    '{"weights":null}',
    entry({ dtype: 'F32' }),
    entry({ shape: [11] }),
    entry({ shape: [44, 1] }),
    entry({ shape: '44' }),
    entry({ data_offsets: [4, 48] }),
    entry({ data_offsets: [0, 40] }),
    entry({ data_offsets: [0, '44'] }),
    entry({ data_offsets: null }),
  ])
    await wrong(file(header), expected);
  await wrong(
    Buffer.concat([file(entry()), Buffer.alloc(1)]),
    'the file has 45 bytes of data, expected 44',
  );
});

onNull('a weights file that breaks off or stalls', async () => {
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(weighted.weights.subarray(0, 50)));
    },
    pull(controller) {
      controller.error(new Error('connection reset'));
    },
  });
  await refused({ ...weighted, weights: broken }, 'weights.safetensors: connection reset', 'E_IO');
  const controller = new AbortController();
  const stalled = new ReadableStream({
    pull() {
      return new Promise(() => {});
    },
  });
  setTimeout(() => controller.abort(new Error('enough')), 50);
  await assert.rejects(load({ ...weighted, weights: stalled }, { signal: controller.signal }), {
    message: 'enough',
  });
  // An error elsewhere ends the wait too.
  await refused(
    {
      ...weighted,
      kernels: '',
      weights: new ReadableStream({
        pull() {
          return new Promise(() => {});
        },
      }),
    },
    `kernels.wgsl: 0 bytes, manifest.json says ${weighted.manifest.files.kernels.bytes}`,
  );
});

onNull('what onProgress throws comes through', () =>
  assert.rejects(
    load(plain, {
      onProgress() {
        throw new RangeError('mine');
      },
    }),
    { name: 'RangeError', message: 'mine' },
  ),
);

onNull('over HTTP', async () => {
  const served = {
    manifest: JSON.stringify(weighted.manifest),
    kernels: weighted.kernels,
    weights: weighted.weights,
  };
  const server = createServer((request, response) => {
    const key = request.url.match(/^\/models\/w\/(manifest|kernels|weights)\./)?.[1];
    if (key && served[key]) return response.end(served[key]);
    response.statusCode = 404;
    response.end('not here');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const base = `http://127.0.0.1:${server.address().port}/models`;
  try {
    for (const url of [`${base}/w`, `${base}/w/`, new URL(`${base}/w`)])
      (await load(url)).destroy();
    await refused(`${base}/none`, 'manifest.json: HTTP 404', 'E_IO');
    served.weights = null;
    await refused(`${base}/w`, 'weights.safetensors: HTTP 404', 'E_IO');
  } finally {
    server.closeAllConnections();
    server.close();
  }
  await refused(`${base}/w`, 'manifest.json: fetch failed', 'E_IO');
});

onNull('parts as bytes, Blob and parsed', async () => {
  const { manifest, kernels, weights } = weighted;
  const bytes = new Uint8Array(weights);
  for (const source of [
    { manifest, kernels, weights: bytes.buffer },
    {
      manifest: JSON.stringify(manifest),
      kernels: Buffer.from(kernels),
      weights: new Blob([bytes]),
    },
    {
      manifest: new Blob([JSON.stringify(manifest)]),
      kernels: new Blob([kernels]),
      weights: new DataView(bytes.buffer),
    },
  ])
    (await load(source)).destroy();
});

onNull('a file: URL', async () => {
  const folder = bundles.write(weighted);
  (await load(new URL(`file://${folder}`))).destroy();
  (await load(`file://${folder}/`)).destroy();
});

// Dawn gives the memory of its null backend freely; a device of our own does not.
onNull('out of memory', async () => {
  const device = await (await nullGpu.requestAdapter()).requestDevice();
  const scopes = [];
  const full = new Proxy(device, {
    get(target, key) {
      if (key === 'pushErrorScope')
        return (filter) => {
          scopes.push(filter);
          target.pushErrorScope(filter);
        };
      if (key === 'popErrorScope')
        return async () => {
          const filter = scopes.pop();
          const error = await target.popErrorScope();
          return filter === 'out-of-memory' ? { message: 'no room' } : error;
        };
      const value = target[key];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  await assert.rejects(load(plain, { device: full }), {
    name: 'NacreError',
    status: 'E_NOMEM',
    message: 'out of GPU memory: no room',
  });
  device.destroy();
});

onNull('a device that is lost while loading', async () => {
  const device = await (await nullGpu.requestAdapter()).requestDevice();
  const weights = new ReadableStream({
    async pull() {
      device.destroy();
      await device.lost;
      throw new Error('too late');
    },
  });
  await assert.rejects(
    load({ ...weighted, weights }, { device }),
    (error) =>
      error instanceof NacreError &&
      error.status === 'E_DEVICE' &&
      error.message.startsWith('the device was lost: '),
  );
});
