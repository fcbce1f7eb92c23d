// files.mjs - where the bytes of a bundle come from, piece by piece, and whether
// they are the right ones: sizes, SHA-256, the safetensors header.
import { readPlan, roundUp } from './plan.mjs';
import { fail, NacreError, show } from './status.mjs';

const maxManifest = 64 << 20;
const maxHeader = 1 << 20;

/** SHA-256 of bytes that come in pieces; crypto.subtle wants them all at once. */
export class Sha256 {
  static rounds = Sha256.#constants();
  #state = new Int32Array([
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ]);
  #block = new Uint8Array(64);
  #view = new DataView(this.#block.buffer);
  #words = new Int32Array(64);
  #length = 0;

  // The fractional parts of the cube roots of the first 64 primes.
  static #constants() {
    const result = new Int32Array(64);
    for (let n = 2, i = 0; i < 64; ++n) {
      let prime = true;
      for (let d = 2; d * d <= n; ++d) prime &&= n % d !== 0;
      if (!prime) continue;
      // Exactly, by Newton's method on n * 2^96.
      const target = BigInt(n) << 96n;
      let root = 1n << 36n;
      for (let next; (next = (2n * root + target / (root * root)) / 3n) < root;) root = next;
      result[i++] = Number(BigInt.asIntN(32, root));
    }
    return result;
  }

  update(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length;) {
      const used = this.#length % 64,
        n = Math.min(64 - used, bytes.length - at);
      if (n === 64) {
        this.#mix(view, at);
      } else {
        this.#block.set(bytes.subarray(at, at + n), used);
        if (used + n === 64) this.#mix(this.#view, 0);
      }
      at += n;
      this.#length += n;
    }
  }

  #mix(view, at) {
    const w = this.#words,
      k = Sha256.rounds,
      s = this.#state;
    for (let i = 0; i < 16; ++i) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; ++i) {
      const x = w[i - 15],
        y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    let a = s[0],
      b = s[1],
      c = s[2],
      d = s[3],
      e = s[4],
      f = s[5],
      g = s[6],
      h = s[7];
    for (let i = 0; i < 64; ++i) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
  }

  hex() {
    const bits = BigInt(this.#length) * 8n;
    const tail = new Uint8Array(roundUp((this.#length % 64) + 9, 64) - (this.#length % 64));
    tail[0] = 0x80;
    new DataView(tail.buffer).setBigUint64(tail.length - 8, bits);
    this.update(tail);
    return Array.from(this.#state, (n) => (n >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

const inNode = typeof process === 'object' && !!process.versions?.node;

/** Pieces of a ReadableStream; not every browser can iterate over one. */
async function* pieces(stream) {
  const reader = stream.getReader();
  try {
    for (let part; !(part = await reader.read()).done;) yield part.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function* fetched(url, name, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) fail('E_IO', `${name}: HTTP ${response.status}`);
  if (response.body) yield* pieces(response.body);
}

async function* read(path, signal) {
  // The names are variables so that bundlers for browsers leave them alone.
  const fs = 'node:fs',
    { createReadStream, promises } = await import(/* @vite-ignore */ fs);
  const entry = await promises.stat(path).catch((error) => {
    throw error.code === 'ENOENT' ? new Error('no such file', { cause: error }) : error;
  });
  if (!entry.isFile()) throw new Error('not a file');
  yield* createReadStream(path, { highWaterMark: 1 << 20, signal });
}

async function* once(bytes) {
  yield bytes;
}

function given(value, key) {
  if (typeof value === 'string') return once(new TextEncoder().encode(value));
  if (ArrayBuffer.isView(value))
    return once(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  if (value instanceof ArrayBuffer) return once(new Uint8Array(value));
  if (typeof value?.stream === 'function') return pieces(value.stream());
  if (typeof value?.getReader === 'function') return pieces(value);
  throw new TypeError(
    `source.${key}: expected text, bytes, a Blob or a stream, got ${show(value)}`,
  );
}

/** Returns open(key, name, signal), which gives the pieces of a file. */
export function opener(source) {
  if (typeof source === 'string' || source instanceof URL) {
    const base = String(source);
    if (/^[a-z][a-z0-9+.-]+:/i.test(base) || !inNode) {
      const here = globalThis.document?.baseURI ?? globalThis.location?.href;
      const folder = new URL(base, here);
      if (!folder.pathname.endsWith('/')) folder.pathname += '/';
      return (key, name, signal) => {
        const url = new URL(encodeURIComponent(name), folder);
        return url.protocol === 'file:' && inNode ? read(url, signal) : fetched(url, name, signal);
      };
    }
    return (key, name, signal) => read(`${base || '.'}/${name}`, signal);
  }
  if (source === null || typeof source !== 'object')
    throw new TypeError(
      `source: expected a folder, a URL or {manifest, kernels, weights}, got ${show(source)}`,
    );
  return (key) => given(source[key], key);
}

/** Hands every piece of a file to `take`, at most `max` bytes. */
async function readPieces(open, key, name, max, signal, take) {
  const parts = open(key, name, signal);
  // A stream that stalls is left when the signal says so.
  let abort;
  const aborted = new Promise((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal?.addEventListener('abort', abort);
  aborted.catch(() => {});
  let total = 0;
  try {
    signal?.throwIfAborted();
    for (;;) {
      let part;
      try {
        part = await Promise.race([parts.next(), aborted]);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof NacreError) throw error;
        fail('E_IO', `${name}: ${error?.message ?? error}`, error);
      }
      if (part.done) return total;
      total += part.value.length;
      if (total > max) fail('E_FORMAT', `${name}: more than ${max} bytes`);
      await take(part.value);
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    parts.return().catch(() => {});
  }
}

/** The same for a file of the manifest: its size and hash must be right. */
export async function readChecked(open, key, file, signal, take) {
  const hash = new Sha256();
  const total = await readPieces(open, key, file.name, file.bytes, signal, async (piece) => {
    hash.update(piece);
    await take(piece);
  });
  if (total !== file.bytes)
    fail('E_FORMAT', `${file.name}: ${total} bytes, manifest.json says ${file.bytes}`);
  const hex = hash.hex();
  if (hex !== file.sha256)
    fail('E_FORMAT', `${file.name}: sha256 is ${hex}, manifest.json says ${file.sha256}`);
}

export function decode(bytes, name) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    fail('E_FORMAT', `${name}: not UTF-8`, error);
  }
}

export function join(parts) {
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export async function loadPlan(source, open, signal) {
  let manifest = typeof source === 'object' ? source?.manifest : undefined;
  if (
    typeof manifest !== 'object' ||
    ArrayBuffer.isView(manifest) ||
    manifest instanceof ArrayBuffer ||
    typeof manifest?.stream === 'function' ||
    typeof manifest?.getReader === 'function'
  ) {
    const parts = [];
    await readPieces(
      open,
      'manifest',
      'manifest.json',
      maxManifest,
      signal,
      (piece) => void parts.push(piece),
    );
    const bytes = join(parts);
    const content = decode(bytes, 'manifest.json');
    try {
      manifest = JSON.parse(content);
    } catch (error) {
      fail('E_FORMAT', `manifest.json: no JSON, or cut short (${bytes.length} bytes)`, error);
    }
  }
  return readPlan(manifest);
}

/** Reads a safetensors file that comes in pieces; the data goes to `take`. */
export class Weights {
  #name;
  #bytes;
  #fileBytes;
  #take;
  #head = new Uint8Array(8);
  #filled = 0;
  #data = false;

  constructor(plan, take) {
    this.#name = plan.weightsFile.name;
    this.#fileBytes = plan.weightsFile.bytes;
    this.#bytes = plan.weightsBytes;
    this.#take = take;
  }

  async push(piece) {
    while (!this.#data && piece.length) {
      const n = Math.min(this.#head.length - this.#filled, piece.length);
      this.#head.set(piece.subarray(0, n), this.#filled);
      this.#filled += n;
      piece = piece.subarray(n);
      if (this.#filled === this.#head.length) this.#header();
    }
    if (piece.length) await this.#take(piece);
  }

  #header() {
    const name = this.#name;
    if (this.#filled === 8) {
      const size = new DataView(this.#head.buffer).getBigUint64(0, true);
      if (size < 2n || size > BigInt(Math.min(maxHeader, this.#fileBytes - 8)))
        fail('E_FORMAT', `${name}: a header of ${size} bytes`);
      const head = new Uint8Array(8 + Number(size));
      head.set(this.#head);
      this.#head = head;
      return;
    }
    let header;
    try {
      header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(this.#head.subarray(8)));
    } catch (error) {
      fail('E_FORMAT', `${name}: the header is no JSON`, error);
    }
    const tensor = header?.weights,
      n = this.#bytes;
    if (
      tensor?.dtype !== 'U8' ||
      tensor.shape?.length !== 1 ||
      tensor.shape[0] !== n ||
      tensor.data_offsets?.length !== 2 ||
      tensor.data_offsets[0] !== 0 ||
      tensor.data_offsets[1] !== n
    )
      fail('E_FORMAT', `${name}: expected one tensor 'weights' of U8[${n}] at the front`);
    if (this.#head.length + n !== this.#fileBytes)
      fail(
        'E_FORMAT',
        `${name}: the file has ${this.#fileBytes - this.#head.length} bytes of data, expected ${n}`,
      );
    this.#data = true;
  }
}
