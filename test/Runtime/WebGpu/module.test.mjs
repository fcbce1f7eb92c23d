// A bundle as a module: model.mjs loads what lies beside it, and its types hold
// what they say.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as bundles from './bundles.mjs';
import { gpu, noAdapter } from './gpu.mjs';
import { typesText } from './model_text.mjs';

test('model.mjs', { skip: noAdapter, timeout: 60000 }, async () => {
  const folder = bundles.writeModule(bundles.digits());
  const { load, NacreError } = await import(pathToFileURL(join(folder, 'model.mjs')));
  const model = await load({ gpu });
  for (let digit = 0; digit < 10; ++digit) {
    const npy = readFileSync(
      new URL(`../../../models/digits/pictures/${digit}.npy`, import.meta.url),
    );
    const picture = new Float32Array(
      npy.buffer.slice(npy.byteOffset + npy.length - 256, npy.byteOffset + npy.length),
    );
    const { probabilities } = await model.run({ picture });
    assert.equal(probabilities.indexOf(Math.max(...probabilities)), digit);
    assert.ok(Math.abs(probabilities.reduce((a, b) => a + b) - 1) < 1e-5);
  }
  model.destroy();
  await assert.rejects(model.run({ picture: new Float32Array(64) }), NacreError);
});

const compiler = resolve(process.env.NACRE_NPM ?? '.', 'node_modules/typescript/bin/tsc');
const noCompiler = existsSync(compiler)
  ? false
  : 'the npm package typescript is missing: run fetch_webgpu.sh';

function check(folder, text) {
  writeFileSync(join(folder, 'use.mts'), text);
  const { stdout } = spawnSync(
    process.execPath,
    [
      compiler,
      '--noEmit',
      '--strict',
      '--target',
      'es2022',
      '--lib',
      'es2022,dom,esnext.disposable',
      '--module',
      'nodenext',
      join(folder, 'use.mts'),
    ],
    { encoding: 'utf8', cwd: folder },
  );
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/^.*use\.mts/, 'use.mts'));
}

test('types', { skip: noCompiler, timeout: 120000 }, () => {
  const bundle = bundles.symbolic();
  bundle.manifest.name = 'open';
  bundle.manifest.inputs[0].name = 'it\'s "x"';
  const folder = bundles.writeModule(bundle);
  assert.deepEqual(
    check(
      folder,
      `
import { load, NacreError, type Inputs } from './model.mjs';
import { Model } from './nacre.mjs';
const model = await load({ onProgress: (done, all, what) => console.log(done / all, what) });
const inputs: Inputs = { "it's \\"x\\"": { data: new Int32Array(3), shape: [1, 3] } };
const y: Int32Array = (await model.run(inputs)).y;
await model.run({ "it's \\"x\\"": new Int32Array(3) }, { dims: { N: 1 } });
const ms: number | undefined = (await model.profile(inputs)).kernels?.[0].ms;
const any = await Model.load(new URL('file:///x'), { signal: AbortSignal.timeout(5) });
const bound: number = any.dims[0].bound;
try { model.destroy(); } catch (error) { if (error instanceof NacreError && error.status === 'E_INDEX') console.log(y, ms, bound); }
`,
    ),
    [],
  );
  const errors = check(
    folder,
    `
import { load } from './model.mjs';
const model = await load();
await model.run({ x: new Int32Array(3) });
await model.run({ "it's \\"x\\"": new Float32Array(3) });
await model.run({ "it's \\"x\\"": new Int32Array(3) }, { dims: { M: 1 } });
(await model.run({ "it's \\"x\\"": new Int32Array(3) })).z;
`,
  );
  assert.deepEqual(
    errors
      .filter((line) => line.startsWith('use.mts'))
      .map((line) => line.slice(0, line.indexOf(','))),
    ['use.mts(4', 'use.mts(5', 'use.mts(6', 'use.mts(7'],
  );
});

test('names cannot end a comment', () => {
  const { manifest } = bundles.symbolic();
  manifest.dims[0].name = 'a*/b\n';
  assert.match(typesText(manifest), /\/\*\* i32 \[a\*\\\/b\\n<=8, 3\] \*\//);
});
