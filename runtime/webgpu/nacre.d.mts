// Types of nacre.mjs. The WebGPU types are those of the browser's library or of
// the npm package @webgpu/types; without them GPU objects are `any`.

/** Element types; a bool is a byte 0 or 1, f16, bf16 and what is narrower are passed as their bits. */
export type Dtype =
  | 'f32'
  | 'f64'
  | 'f16'
  | 'bf16'
  | 'i8'
  | 'u8'
  | 'i16'
  | 'u16'
  | 'i32'
  | 'u32'
  | 'i64'
  | 'u64'
  | 'bool'
  | 'i4'
  | 'u4'
  | 'i2'
  | 'u2'
  | 'f8e4m3fn'
  | 'f8e4m3fnuz'
  | 'f8e5m2'
  | 'f8e5m2fnuz'
  | 'f8e8m0'
  | 'f4e2m1'
  | 'string';

/** f32 Float32Array, f64 Float64Array, f16 bf16 u16 Uint16Array, u8 bool Uint8Array and what is narrower, i64 BigInt64Array, ... */
export type Data =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Dense row-major elements, or these with their shape, which binds open dims. */
export type Input<T extends Data = Data> = T | { data: T; shape: readonly number[] };

/** How something ended: the names of nacre_status in nacre/model.h. */
export type Status =
  | 'E_ARG'
  | 'E_INDEX'
  | 'E_SHAPE'
  | 'E_DTYPE'
  | 'E_NOMEM'
  | 'E_IO'
  | 'E_FORMAT'
  | 'E_ABI'
  | 'E_ARITH'
  | 'E_LIMIT'
  | 'E_DEVICE';

/**
 * E_FORMAT a file is malformed, cut short or not the one of the manifest, or
 * WebGPU refuses the kernels; E_ABI another version; E_LIMIT the device is too
 * small; E_IO a file cannot be read; E_DEVICE there is no WebGPU, or the device
 * was lost; E_NOMEM the device's memory is full; E_INDEX an index in the data of
 * a run is out of range; E_ARG a dim is outside its bound, or the model was
 * destroyed.
 */
export class NacreError extends Error {
  readonly name: 'NacreError';
  readonly status: Status;
  constructor(status: Status, message: string, options?: { cause?: unknown });
}

/** A part of a bundle that is not in a folder. */
export type Part = string | ArrayBuffer | ArrayBufferView | Blob | ReadableStream<Uint8Array>;

/** A folder or URL, or the three parts; the manifest may be parsed already. */
export type Source =
  string | URL | { manifest: Part | object; kernels: Part; weights?: Part | null };

export interface LoadOptions {
  /** A device of the caller's; it is not destroyed with the model. */
  device?: any;
  /** An adapter, or options for requestAdapter. */
  adapter?: any;
  /**
   * In place of navigator.gpu; in node `create([])` of the npm package webgpu. It
   * is kept to the end, as node crashes when it is collected; who gives a device
   * or an adapter without it must keep it himself.
   */
  gpu?: any;
  /** Called for every piece of the kernels and weights. */
  onProgress?(loadedBytes: number, totalBytes: number, what: 'kernels' | 'weights'): void;
  signal?: AbortSignal;
}

export interface Tensor {
  readonly name: string;
  readonly dtype: Dtype;
  /** Extents; of an open dim its bound. */
  readonly shape: readonly number[];
  /** Per axis the name of its open dim, or null. */
  readonly dims: readonly (string | null)[];
  /** Size with every dim at its bound. */
  readonly bytes: number;
}

export interface RunOptions<Dims extends string = string> {
  /** Extents of open dims, 0 to their bounds; those of {data, shape} inputs are known. */
  dims?: Partial<Record<Dims, number>>;
}

export interface Profile<Outputs> {
  outputs: Outputs;
  /** The whole run, on the clock of the caller. */
  ms: number;
  /** Per launch, or null when the device has no timestamp-query. */
  kernels:
    | { name: string; entry: string; computes: string; flops: number; bytes: number; ms: number }[]
    | null;
}

export class Model<
  Inputs extends object = Record<string, Input>,
  Outputs extends object = Record<string, Data>,
  Dims extends string = string,
> {
  /**
   * Loads a bundle and makes it ready to run: everything is checked, the weights
   * are on the device, the pipelines are built. Throws NacreError, TypeError for
   * a wrong source, and the signal's reason.
   */
  static load<
    Inputs extends object = Record<string, Input>,
    Outputs extends object = Record<string, Data>,
    Dims extends string = string,
  >(source: Source, options?: LoadOptions): Promise<Model<Inputs, Outputs, Dims>>;
  private constructor();
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly dims: readonly { readonly name: string; readonly bound: number }[];
  /**
   * What the elements of a 'string' tensor, an Int32Array, mean: below its length
   * a place in this list, from there on any other string, as the caller likes, the
   * same number for the same string.
   */
  readonly strings: readonly string[];
  /** The GPUDevice. */
  readonly device: any;
  /**
   * Runs once. The inputs are read before this returns, so the arrays may be
   * used again at once; calls may overlap and end in order. Throws TypeError for
   * inputs that are missing, unknown, of another type or length, and NacreError.
   */
  run(inputs: Inputs, options?: RunOptions<Dims>): Promise<Outputs>;
  /** A run with a stopwatch around every kernel, where the device has one. */
  profile(inputs: Inputs, options?: RunOptions<Dims>): Promise<Profile<Outputs>>;
  /** Frees the GPU memory; runs under way fail with E_ARG. */
  destroy(): void;
  [Symbol.dispose](): void;
}
