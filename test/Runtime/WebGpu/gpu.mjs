// gpu.mjs - WebGPU for the tests, or the reason why there is none.
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const runner = fileURLToPath(new URL('../../../runtime/webgpu/node.mjs', import.meta.url));

async function library() {
  const folder = process.env.NACRE_NPM ?? process.env.NACRE_WEBGPU_MODULE ?? process.cwd();
  try {
    return await import(pathToFileURL(createRequire(resolve(folder, 'x')).resolve('webgpu')));
  } catch {
    return null;
  }
}

const found = await library();
const backend = process.env.NACRE_WEBGPU_BACKEND;

/** Only validates; null without the package. */
export const nullGpu = found?.create(['backend=null']) ?? null;
const real = found?.create(backend ? [`backend=${backend}`] : []);
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
// Without XDG_RUNTIME_DIR some drivers of Vulkan grumble on stderr.
export const environment = {
  XDG_RUNTIME_DIR: tmpdir(),
  ...process.env,
  ...(process.env.NACRE_NPM && { NACRE_WEBGPU_MODULE: process.env.NACRE_NPM }),
};
