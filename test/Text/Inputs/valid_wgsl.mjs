// node valid_wgsl.mjs < MODULE.wgsl
//
// Compiles a module and makes a pipeline of every entry point, on a device that
// does nothing. Skipped without the npm package `webgpu`, which is looked for
// at NACRE_WEBGPU_MODULE and then as an import.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

let webgpu;
try {
  const path = process.env.NACRE_WEBGPU_MODULE;
  webgpu = await import(path ? pathToFileURL(join(path, 'index.js')).href : 'webgpu');
} catch (error) {
  console.log(`skipped: no package webgpu (${error.code ?? error.message})`);
  process.exit(0);
}
const code = readFileSync(0, 'utf8');
const adapter = await webgpu.create(['backend=null']).requestAdapter();
const device = await adapter.requestDevice();
let failures = 0;
device.pushErrorScope('validation');
const module = device.createShaderModule({ code });
for (const { type, lineNum, linePos, message } of (await module.getCompilationInfo()).messages) {
  console.error(`${lineNum}:${linePos}: ${type}: ${message}`);
  failures++;
}
if (await device.popErrorScope()) failures++;
const entries = [...code.matchAll(/@compute[^]*?\bfn (\w+)/g)].map((match) => match[1]);
for (const entryPoint of failures ? [] : entries) {
  device.pushErrorScope('validation');
  device.createComputePipeline({ layout: 'auto', compute: { module, entryPoint } });
  const error = await device.popErrorScope();
  if (error) {
    console.error(`${entryPoint}: ${error.message}`);
    failures++;
  }
}
if (!failures) console.log(`valid: ${entries.length} entry points`);
process.exit(failures ? 1 : 0);
