// The runner as the compiler starts it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as bundles from './bundles.mjs';
import { environment, noAdapter, noPackage, packageUrl, runner } from './gpu.mjs';

function start(args, env = environment, cwd = undefined) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [runner, ...args], {
    env,
    cwd,
    encoding: 'utf8',
    timeout: 60000,
  });
  assert.equal(signal, null, 'killed by the time limit');
  // Dawn writes warnings of its own.
  const errors = stderr.split('\n').filter((line) => line.startsWith('error: '));
  return {
    status,
    report: stdout ? JSON.parse(stdout) : null,
    lines: stdout.split('\n').length - 1,
    errors,
  };
}

function folders(bundle, inputs) {
  const folder = bundles.write(bundle),
    given = join(folder, 'in');
  mkdirSync(given);
  inputs.forEach((data, i) => writeFileSync(join(given, `input_${i}.bin`), data));
  return {
    folder,
    args: [folder, '--inputs', given, '--outputs', join(folder, 'out')],
    output: (i) => readFileSync(join(folder, 'out', `output_${i}.bin`)),
  };
}

const onDevice = (name, body) => test(name, { skip: noAdapter, timeout: 120000 }, body);
const bytes = (data) => Buffer.from(data.buffer);

onDevice('a run', () => {
  const { args, output } = folders(bundles.addition(), [
    new Float32Array([1, 2, 3, 4]),
    new Float32Array([5, 6, 7, 8]),
  ]);
  const { status, report, lines, errors } = start(args);
  assert.deepEqual(errors, []);
  assert.equal(status, 0);
  assert.equal(lines, 1);
  assert.deepEqual(Object.keys(report), ['adapter', 'status', 'load_ms', 'run_ms', 'error']);
  assert.equal(report.status, 'OK');
  assert.equal(report.error, null);
  assert.equal(report.run_ms.length, 1);
  assert.ok(report.load_ms > 0 && report.adapter.length > 0);
  assert.deepEqual(output(0), bytes(new Float32Array([6, 8, 10, 12])));
});

onDevice('repeated and profiled runs', () => {
  const { args, output } = folders(bundles.chain(), [
    Int32Array.from({ length: 100 }, (_, i) => i),
  ]);
  const { report } = start([...args, '--repeat', '0.05', '--profile']);
  assert.ok(report.run_ms.length > 1);
  if (report.kernels)
    assert.deepEqual(
      report.kernels.map(({ name }) => name),
      ['first', 'second', 'third'],
    );
  assert.deepEqual(output(0), bytes(Int32Array.from({ length: 100 }, (_, i) => 2 * i + 3)));
});

onDevice('open dims', () => {
  const { args, output } = folders(bundles.symbolic(), [new Int32Array([1, 2, 3, 4, 5, 6])]);
  assert.equal(start([...args, '--dims', '{"N":2}']).status, 0);
  assert.deepEqual(output(0), bytes(new Int32Array([7, 14, 21, 28, 35, 42])));
  const { status, report, errors } = start([...args, '--dims', '{"N":9}']);
  assert.deepEqual(
    [status, report.status, errors],
    [1, 'E_ARG', ["error: dim 'N': 9 is outside 0 to 8"]],
  );
});

onDevice('an index that is out of range', () => {
  const { args } = folders(bundles.gather(), [new Int32Array(5), new Int32Array([0, 5, 0])]);
  const { status, report, errors } = start(args);
  assert.deepEqual(
    [status, report.status, report.error, errors],
    [1, 'E_INDEX', 'index out of range', ['error: index out of range']],
  );
});

onDevice('wrong input files', () => {
  const fails = (inputs, expected, line) => {
    const { status, report, errors } = start(folders(bundles.addition(), inputs).args);
    assert.deepEqual([status, report.status, errors], [1, expected, [`error: ${line}`]]);
  };
  const right = new Float32Array(4);
  fails([right, new Float32Array(3)], 'E_ARG', "input 'b': expected 4 elements [4], got 3");
  fails([right, new Uint8Array(15)], 'E_SHAPE', 'input_1.bin: 15 bytes are no whole number of f32');
  const { status, report } = start(folders(bundles.addition(), [right]).args);
  assert.deepEqual([status, report.status], [1, 'E_IO']);
  assert.match(report.error, /^input_1\.bin: ENOENT/);
});

test('--validate', { skip: noPackage }, () => {
  const { status, report } = start([bundles.write(bundles.weighted()), '--validate']);
  assert.deepEqual([status, report.status, report.run_ms], [0, 'OK', []]);
  const bad = bundles.addition();
  bad.manifest.files.kernels.sha256 = bundles.sha256(
    (bad.kernels = bad.kernels.replace('id.x >=', 'id.q >=')),
  );
  const {
    status: code,
    report: { error },
    errors,
  } = start([bundles.write(bad), '--validate']);
  assert.equal(code, 1);
  assert.match(error, /^kernels\.wgsl:4:10: kernel 'add': /);
  assert.deepEqual(errors, [`error: ${error}`]);
});

test('no adapter', { skip: noPackage }, () => {
  const { status, report } = start(
    [bundles.write(bundles.addition()), '--inputs', '.', '--outputs', '.'],
    { ...environment, NACRE_WEBGPU_BACKEND: 'd3d11' },
  );
  assert.deepEqual(
    [status, report.adapter, report.status, report.error],
    [1, null, 'E_DEVICE', 'no WebGPU adapter for NACRE_WEBGPU_BACKEND=d3d11'],
  );
});

test('no package', () => {
  const folder = bundles.write(bundles.addition());
  const env = { PATH: process.env.PATH, NACRE_WEBGPU_MODULE: folder };
  const { status, report, errors } = start([folder, '--validate'], env, folder);
  assert.deepEqual(
    [status, report, errors],
    [
      3,
      null,
      [
        "error: the npm package 'webgpu' is missing: npm install -g webgpu, or set NACRE_WEBGPU_MODULE to its folder",
      ],
    ],
  );
});

test('the command line', () => {
  const usage =
    '; usage: node node.mjs BUNDLE (--inputs DIR --outputs DIR [--dims JSON] [--repeat SECONDS] [--profile] | --validate)';
  for (const [args, line] of [
    [[], 'a bundle is missing'],
    [['a', 'b'], "one bundle, got 'a' and 'b'"],
    [['a'], '--inputs and --outputs are needed'],
    [['a', '--inputs'], '--inputs needs a value'],
    [['a', '--what'], "unknown option '--what'"],
    [['a', '--inputs', '.', '--outputs', '.', '--dims', '{'], '--dims is no JSON'],
    [
      ['a', '--inputs', '.', '--outputs', '.', '--repeat', '-1'],
      '--repeat is no number of seconds',
    ],
  ]) {
    const { status, errors } = start(args);
    assert.deepEqual([status, errors], [2, [`error: ${line}${usage}`]]);
  }
});

// Without the reference that load keeps, node crashes or hangs here.
onDevice('what create gave outlives its last reference', () => {
  const script = `
const [runtime, library, bundle, backend] = process.argv.slice(1);
const { Model } = await import(runtime);
const { create } = await import(library);
const model = await Model.load(bundle, { gpu: create(backend ? ['backend=' + backend] : []) });
const collect = () => (gc(), new Promise((done) => setTimeout(done, 5)));
for (let i = 0; i < 5; ++i) {
  await collect();
  await model.run({ a: new Float32Array(4), b: new Float32Array(4) });
}
model.destroy();
for (let i = 0; i < 5; ++i) await collect();
console.log('done');
process.exit();
`;
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [
      '--expose-gc',
      '--input-type=module',
      '-e',
      script,
      new URL('nacre.mjs', pathToFileURL(runner)).href,
      packageUrl.href,
      bundles.write(bundles.addition()),
      process.env.NACRE_WEBGPU_BACKEND ?? '',
    ],
    { env: environment, encoding: 'utf8', timeout: 60000 },
  );
  assert.deepEqual([status, signal, stdout], [0, null, 'done\n']);
});
