// gpu.mjs - WebGPU for the tests, or the reason why there is none.
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const runner = fileURLToPath(new URL('../../../runtime/webgpu/node.mjs', import.meta.url));

/** The npm package webgpu, or null. */
export const packageUrl = (() => {
  const folder = process.env.NACRE_NPM ?? process.env.NACRE_WEBGPU_MODULE ?? process.cwd();
  try {
    return pathToFileURL(createRequire(resolve(folder, 'x')).resolve('webgpu'));
  } catch {
    return null;
  }
})();

const found = packageUrl && (await import(packageUrl).catch(() => null));
const backend = process.env.NACRE_WEBGPU_BACKEND;

/** Only validates; null without the package. */
export const nullGpu = found?.create(['backend=null']) ?? null;
/** Exported to be kept: what `create` gave must not be collected (device.mjs). */
export const real = found?.create(backend ? [`backend=${backend}`] : []);
const adapter = await real?.requestAdapter();
/** Runs; null without the package or an adapter. */
export const gpu = adapter ? real : null;

const npm = 'the npm package webgpu is missing: run fetch_webgpu.sh, or set NACRE_NPM';
/** For `skip` of a test that needs the package, or an adapter. */
export const noPackage = found ? false : npm;
export const noAdapter = !found
  ? npm
  : adapter
    ? false
    : 'no WebGPU adapter: set NACRE_WEBGPU_BACKEND and VK_ICD_FILENAMES';

// When the tests are over and their results are told, the process is to end at
// once: node would take Dawn apart, whose threads still run. Of the listeners of
// 'exit' this is to be the last, so it comes when all others are there.
if (found) process.once('beforeExit', () => process.once('exit', () => process.exit()));

/** For a process that a test starts. */
export const environment = {
  // Without it some drivers of Vulkan grumble on stderr.
  XDG_RUNTIME_DIR: tmpdir(),
  ...process.env,
  ...(process.env.NACRE_NPM && { NACRE_WEBGPU_MODULE: process.env.NACRE_NPM }),
};
