// node.mjs - runs a bundle on the files of a folder; `nacre` starts it for the
// target wgsl.
//
//   node node.mjs BUNDLE --inputs DIR --outputs DIR [--dims JSON]
//                        [--repeat SECONDS] [--profile]
//   node node.mjs BUNDLE --validate
//
// DIR/input_0.bin and so on are raw dense little-endian elements in model
// order, and so are DIR/output_0.bin. One line of JSON goes to stdout:
//   adapter   what it ran on, text, or null
//   status    "OK", or a name of nacre_status
//   load_ms   bundle, device, pipelines and weights
//   run_ms    every run, the first one too; --repeat goes on until SECONDS of
//             runs after the first have passed
//   kernels   --profile: per launch `name` and the median `ms` of five runs or
//             more; null on a device without timestamps
//   error     null, or the line that stderr has
// Exit codes: 0 ok, 1 an error, 2 the command line, 3 no npm package `webgpu`.
// The line is the last thing but for freeing the device, so where it says OK the
// outputs are whole, however the process ends.
//
// NACRE_WEBGPU_MODULE   folder of the package, or a folder with node_modules
// NACRE_WEBGPU_BACKEND  vulkan, metal, d3d12, null, ...; default Dawn's choice
import { existsSync, readFileSync, writeFileSync, writeSync, mkdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Model, NacreError } from './nacre.mjs';
import { arrays } from './plan.mjs';

const oneLine = (error) =>
  String(error?.message ?? error)
    .trim()
    .replace(/\s*\n\s*/g, '; ');

function leave(code, line) {
  if (line) writeSync(2, `error: ${line}\n`);
  // Dawn's threads can keep a process alive, so the end is said aloud.
  process.exit(code);
}

const usage = (line) =>
  leave(
    2,
    `${line}; usage: node node.mjs BUNDLE (--inputs DIR --outputs DIR ` +
      `[--dims JSON] [--repeat SECONDS] [--profile] | --validate)`,
  );

function readArguments(words) {
  const result = {
    bundle: null,
    inputs: null,
    outputs: null,
    dims: null,
    repeat: 0,
    profile: false,
    validate: false,
  };
  for (let i = 0; i < words.length; ++i) {
    const key = words[i].slice(2);
    if (!words[i].startsWith('--')) {
      if (result.bundle !== null) usage(`one bundle, got '${result.bundle}' and '${words[i]}'`);
      result.bundle = words[i];
    } else if (key === 'profile' || key === 'validate') {
      result[key] = true;
    } else if (key === 'inputs' || key === 'outputs' || key === 'dims' || key === 'repeat') {
      if (++i === words.length) usage(`--${key} needs a value`);
      result[key] = words[i];
    } else {
      usage(`unknown option '${words[i]}'`);
    }
  }
  if (result.bundle === null) usage('a bundle is missing');
  if (!result.validate && (result.inputs === null || result.outputs === null))
    usage('--inputs and --outputs are needed');
  if (result.dims !== null) {
    try {
      result.dims = JSON.parse(result.dims);
    } catch {
      usage('--dims is no JSON');
    }
  }
  result.repeat = Number(result.repeat);
  if (!(result.repeat >= 0 && result.repeat < 1e6)) usage('--repeat is no number of seconds');
  return result;
}

/** The file of the npm package `webgpu`, or null. */
function findPackage() {
  const named = process.env.NACRE_WEBGPU_MODULE;
  if (named) {
    if (existsSync(named) && statSync(named).isFile()) return resolve(named);
    if (
      existsSync(join(named, 'package.json')) &&
      JSON.parse(readFileSync(join(named, 'package.json'), 'utf8')).name === 'webgpu'
    )
      return createRequire(resolve(named, 'x')).resolve(resolve(named));
  }
  const prefix = dirname(dirname(process.execPath));
  const folders = [
    process.cwd(),
    import.meta.dirname ?? dirname(new URL(import.meta.url).pathname),
    process.env.npm_config_prefix && join(process.env.npm_config_prefix, 'lib'),
    process.env.APPDATA && join(process.env.APPDATA, 'npm'),
    join(prefix, 'lib'),
    dirname(process.execPath),
    '/usr/local/lib',
    '/usr/lib',
  ];
  for (const folder of named ? [named] : folders.filter(Boolean)) {
    try {
      // Looks into NODE_PATH too.
      return createRequire(resolve(folder, 'x')).resolve('webgpu');
    } catch {
      /* the next one */
    }
  }
  return null;
}

async function findGpu(validate) {
  const file = findPackage();
  const hint = 'npm install -g webgpu, or set NACRE_WEBGPU_MODULE to its folder';
  if (!file) leave(3, `the npm package 'webgpu' is missing: ${hint}`);
  const backend = validate ? 'null' : process.env.NACRE_WEBGPU_BACKEND;
  if (backend === 'null' && !validate)
    leave(3, 'NACRE_WEBGPU_BACKEND=null runs nothing, it only validates');
  let library;
  try {
    library = await import(pathToFileURL(file));
  } catch (error) {
    leave(3, `the npm package 'webgpu' cannot be loaded: ${oneLine(error)}; ${hint}`);
  }
  // Rounded to 65 us they would say little of a kernel.
  return library.create([
    'disable-dawn-features=timestamp_quantization',
    ...(backend ? [`backend=${backend}`] : []),
  ]);
}

function readInput(folder, i, tensor) {
  const name = `input_${i}.bin`;
  let bytes;
  try {
    bytes = readFileSync(join(folder, name));
  } catch (error) {
    throw new NacreError('E_IO', `${name}: ${oneLine(error)}`);
  }
  const type = arrays[tensor.dtype];
  if (bytes.length % type.BYTES_PER_ELEMENT)
    throw new NacreError(
      'E_SHAPE',
      `${name}: ${bytes.length} bytes are no whole number of ${tensor.dtype}`,
    );
  return new type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Per launch the median of at least five runs, and of --repeat seconds. */
async function profile(inputs, options) {
  const runs = [];
  for (
    const end = performance.now() + 1000 * args.repeat;
    runs.length < 5 || performance.now() < end;
  ) {
    const { kernels } = await model.profile(inputs, options);
    if (!kernels) return null;
    runs.push(kernels);
  }
  return runs[0].map(({ name }, i) => {
    const times = runs.map((kernels) => kernels[i].ms).sort((a, b) => a - b);
    return { name, ms: times[times.length >> 1] };
  });
}

const args = readArguments(process.argv.slice(2));
const report = { adapter: null, status: 'OK', load_ms: 0, run_ms: [], error: null };
let model;
try {
  const gpu = await findGpu(args.validate);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter)
    throw new NacreError(
      'E_DEVICE',
      `no WebGPU adapter${
        process.env.NACRE_WEBGPU_BACKEND
          ? ` for NACRE_WEBGPU_BACKEND=${process.env.NACRE_WEBGPU_BACKEND}`
          : ', is a Vulkan, Metal or Direct3D 12 driver installed?'
      }`,
    );
  const { vendor, architecture, device, description } = adapter.info ?? {};
  report.adapter =
    description || device || [vendor, architecture].filter(Boolean).join(' ') || 'unknown';
  const start = performance.now();
  model = await Model.load(args.bundle, { gpu, adapter, validateOnly: args.validate }); // keeps gpu
  report.load_ms = performance.now() - start;
  if (!args.validate) {
    const inputs = Object.fromEntries(
      model.inputs.map((tensor, i) => [tensor.name, readInput(args.inputs, i, tensor)]),
    );
    const options = args.dims ? { dims: args.dims } : {};
    const timed = async () => {
      const before = performance.now();
      const outputs = await model.run(inputs, options);
      report.run_ms.push(performance.now() - before);
      return outputs;
    };
    const outputs = await timed();
    for (const end = performance.now() + 1000 * args.repeat; performance.now() < end;)
      await timed();
    if (args.profile) report.kernels = await profile(inputs, options);
    mkdirSync(args.outputs, { recursive: true });
    model.outputs.forEach(({ name }, i) => {
      const { buffer, byteOffset, byteLength } = outputs[name];
      writeFileSync(
        join(args.outputs, `output_${i}.bin`),
        new Uint8Array(buffer, byteOffset, byteLength),
      );
    });
  }
} catch (error) {
  report.status =
    error instanceof NacreError ? error.status : error instanceof TypeError ? 'E_ARG' : 'E_DEVICE';
  report.error = oneLine(error);
}
writeSync(1, `${JSON.stringify(report)}\n`);
model?.destroy();
leave(report.error === null ? 0 : 1, report.error);
