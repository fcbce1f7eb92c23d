// model_text.mjs - what the compiler writes beside the runtime into a bundle:
// model.mjs and its types. The tests' own bundles get them from here, and the
// compiler's text is to be the same.

const types = {
  f32: 'Float32Array',
  f64: 'Float64Array',
  f16: 'Uint16Array',
  bf16: 'Uint16Array',
  i8: 'Int8Array',
  u8: 'Uint8Array',
  i16: 'Int16Array',
  u16: 'Uint16Array',
  i32: 'Int32Array',
  u32: 'Uint32Array',
  i64: 'BigInt64Array',
  u64: 'BigUint64Array',
  bool: 'Uint8Array',
};

/** The files of runtime/webgpu that go into every bundle. */
export const runtimeFiles = [
  'nacre.mjs',
  'nacre.d.mts',
  'device.mjs',
  'files.mjs',
  'plan.mjs',
  'status.mjs',
];

const first = (name) => `// Written by nacre: the model '${name}' for WebGPU.\n`;

export const modelText = ({ name }) => `${first(name)}import { Model } from './nacre.mjs';
export { NacreError } from './nacre.mjs';

/** Loads the files beside this one. nacre.d.mts has the options. */
export function load(options) {
  return Model.load(new URL('./', import.meta.url), options);
}
`;

// Names are JSON text, which is TypeScript's too. A name may hold the end of a
// comment; the slash of it is escaped, as JSON allows.
const quoted = (text) => JSON.stringify(text);
const inComment = (text) => quoted(text).slice(1, -1).replaceAll('*/', '*\\/');

function fields(tensors, dims, wrap) {
  return tensors
    .map(({ name, dtype, shape, dims: axes }) => {
      const extents = shape.map((extent, i) =>
        (axes?.[i] ?? -1) < 0 ? extent : `${inComment(dims[axes[i]].name)}<=${extent}`,
      );
      return `  /** ${dtype} [${extents.join(', ')}] */\n  ${quoted(name)}: ${wrap(types[dtype])};\n`;
    })
    .join('');
}

export const typesText = ({
  name,
  inputs,
  outputs,
  dims = [],
}) => `${first(name)}import type { Input, LoadOptions, Model } from './nacre.mjs';
export { NacreError } from './nacre.mjs';

export interface Inputs {
${fields(inputs, dims, (type) => `Input<${type}>`)}}

export interface Outputs {
${fields(outputs, dims, (type) => type)}}

/** The open dims. */
export type Dims = ${dims.map(({ name: dim }) => quoted(dim)).join(' | ') || 'never'};

/** Loads the files beside this one. */
export function load(options?: LoadOptions): Promise<Model<Inputs, Outputs, Dims>>;
`;
