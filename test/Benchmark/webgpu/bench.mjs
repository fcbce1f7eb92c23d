// bench.mjs - times bundles for WebGPU beside ONNX Runtime Web in a real browser:
//
//   node bench.mjs --models DIR [--only NAME,NAME] [--bundles DIR | --nacre FILE]
//                  [--rounds N] [--round-ms MS] [--adapter swiftshader|default]
//                  [--ort asyncify|jspi] [--json FILE]
//
//   --models     folder of networks in the layout of the ONNX test data,
//                NAME/{model.onnx, test_data_set_0/{input,output}_*.pb}; static shapes
//   --only       networks to measure, by default all of DIR
//   --bundles    folder of compiled bundles, DIR/NAME; without it every network is
//                compiled with --nacre (default $NACRE, or nacre of the PATH)
//   --rounds     rounds of a network, 15 by default; in each round every runtime is
//                run for --round-ms (200) or three times, whichever takes longer
//   --adapter    swiftshader (default) is Chromium's software adapter, so that any
//                machine can measure; default is the one the browser takes
//   --ort        build of ONNX Runtime Web: asyncify (the one its users get) or jspi
//   --json       writes all figures to FILE
//
// Needs the npm packages playwright-core and onnxruntime-web in $NACRE_NPM
// (test/Runtime/WebGpu/fetch_webgpu.sh) and a Chromium, $NACRE_CHROMIUM or Debian's.
//
// To be fair, one page holds all three: Nacre's bundle, ONNX Runtime Web with its
// execution provider webgpu, and, for context, with wasm on one thread. They get the
// same arrays, a run lasts from typed arrays to typed arrays, and rounds alternate in
// rotating order, so that all see the same weather; medians are over all runs. Both
// use the browser's high-performance adapter. The page is cross-origin isolated,
// without which the browser's clock ticks in 100 us. WebGPU's submissions and
// dispatches are counted in a run before the timing; ONNX Runtime is made to refuse
// the model when a node falls back to the CPU and, where it does refuse, loaded
// without that, and the table says so. Before and after the timing, outputs must be
// within rtol 1e-3 and atol 1e-5 of the largest magnitude of the expected ones.
//
// The exit code is 1 if a network failed or an output is wrong.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { cpus, tmpdir } from 'node:os';
import { dirname, extname, join, normalize, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readTensor } from './tensor_proto.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const browserPath = process.env.NACRE_CHROMIUM ?? '/usr/bin/chromium';

function leave(text) {
  console.error(`error: ${text}`);
  process.exit(2);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        models: { type: 'string' },
        only: { type: 'string' },
        bundles: { type: 'string' },
        nacre: { type: 'string', default: process.env.NACRE ?? 'nacre' },
        rounds: { type: 'string', default: '15' },
        'round-ms': { type: 'string', default: '200' },
        adapter: { type: 'string', default: 'swiftshader' },
        ort: { type: 'string', default: 'asyncify' },
        json: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return leave(error.message);
  }
}

const options = readOptions();
if (!options.models) leave('--models is missing');
const rounds = Number(options.rounds),
  roundMs = Number(options['round-ms']);
if (!(rounds >= 1 && roundMs >= 0)) leave('--rounds and --round-ms are numbers');
if (!['swiftshader', 'default'].includes(options.adapter))
  leave('--adapter is swiftshader or default');
const ortFile = { asyncify: 'ort.webgpu.min.mjs', jspi: 'ort.jspi.min.mjs' }[options.ort];
if (!ortFile) leave('--ort is asyncify or jspi');
const names =
  options.only?.split(',') ??
  readdirSync(options.models)
    .filter((name) => existsSync(join(options.models, name, 'model.onnx')))
    .sort();
for (const name of names)
  if (!existsSync(join(options.models, name, 'model.onnx'))) leave(`there is no network ${name}`);

const npm = createRequire(resolve(process.env.NACRE_NPM ?? '.', 'x'));
function packageFile(name, file) {
  try {
    return join(npm.resolve.paths(name).find((p) => existsSync(join(p, name))), name, file);
  } catch {
    return leave(`the npm package ${name} is missing: run fetch_webgpu.sh, or set NACRE_NPM`);
  }
}
const ortFolder = packageFile('onnxruntime-web', 'dist');
const { default: playwright } = await import(
  pathToFileURL(packageFile('playwright-core', 'index.js'))
);
if (!existsSync(browserPath)) leave(`no browser at ${browserPath}: set NACRE_CHROMIUM`);

const scratch = options.bundles ? null : mkdtempSync(join(tmpdir(), 'nacre-bench-'));
const bundles = options.bundles ?? scratch;
// onnxruntime-web has a package.json, but does not export it.
const ortVersion = JSON.parse(readFileSync(join(ortFolder, '..', 'package.json'), 'utf8')).version;

const kinds = {
  '.html': 'text/html; charset=utf-8',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};
const folders = { page: here, ort: ortFolder, bundles, models: options.models };

function serve(request, response) {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://x').pathname));
  const [, folder, name] = path.match(/^\/(\w+)\/(.+)$/) ?? [];
  let bytes;
  try {
    bytes = readFileSync(join(folders[folder], name));
  } catch {
    response.statusCode = 404;
    return response.end('not here');
  }
  response.setHeader('Content-Type', kinds[extname(path)] ?? 'application/octet-stream');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
  response.end(bytes);
}

/** What the page needs of test_data_set_0. */
function testData(name) {
  const folder = join(options.models, name, 'test_data_set_0');
  const read = (kind) =>
    readdirSync(folder)
      .filter((file) => file.startsWith(`${kind}_`))
      .sort((a, b) => parseInt(a.slice(kind.length + 1)) - parseInt(b.slice(kind.length + 1)))
      .map((file) => readTensor(readFileSync(join(folder, file))));
  return { inputs: read('input'), outputs: read('output') };
}

async function measure(browser, base, name) {
  if (scratch)
    execFileSync(
      options.nacre,
      ['compile', join(options.models, name, 'model.onnx')]
        .concat('--target', 'wgsl', '-o', join(scratch, name)),
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
  const page = await browser.newPage();
  try {
    page.on('pageerror', (error) => console.error(`${name}: ${error}`));
    await page.goto(`${base}page/page.html`);
    return await page.evaluate((job) => globalThis.measure(job), {
      name,
      ortFile,
      rounds,
      roundMs,
      ...testData(name),
    });
  } finally {
    await page.close();
  }
}

const server = createServer(serve);
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const base = `http://127.0.0.1:${server.address().port}/`;
// The loader of run.sh is for node; the browser brings its own.
const { LD_LIBRARY_PATH, VK_ICD_FILENAMES, ...env } = process.env;
const browser = await playwright.chromium.launch({
  executablePath: browserPath,
  env,
  args: [
    '--headless=new',
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    '--enable-features=Vulkan',
    ...(options.adapter === 'swiftshader'
      ? ['--use-vulkan=swiftshader', '--use-angle=swiftshader']
      : []),
  ],
});

const results = {};
let failed = false;
try {
  for (const name of names) {
    try {
      results[name] = await measure(browser, base, name);
    } catch (error) {
      results[name] = { error: String(error.message ?? error).split('\n')[0] };
    }
    if (results[name].error || results[name].wrong.length) failed = true;
  }
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
  if (scratch) rmSync(scratch, { recursive: true, force: true });
}

const ms = (value) => value.toFixed(value < 10 ? 2 : 1);
const rows = [
  ['network', 'Nacre ms', 'ORT webgpu ms', 'ORT / Nacre', 'ORT wasm ms', 'dispatches', 'notes'],
];
const total = { nacre: 0, webgpu: 0, wasm: 0 };
let logs = 0,
  counted = 0;
for (const [name, result] of Object.entries(results)) {
  if (result.error) {
    rows.push([name, '-', '-', '-', '-', '-', result.error]);
    continue;
  }
  const { nacre, webgpu, wasm } = result.sides;
  for (const side of Object.keys(total)) total[side] += result.sides[side].median;
  logs += Math.log(webgpu.median / nacre.median);
  ++counted;
  rows.push([
    name,
    ms(nacre.median),
    ms(webgpu.median),
    (webgpu.median / nacre.median).toFixed(2),
    ms(wasm.median),
    `${nacre.counts.dispatches}, ${webgpu.counts.dispatches}`,
    [...result.wrong, ...result.notes].join('; '),
  ]);
}
if (counted)
  rows.push([
    'total',
    ms(total.nacre),
    ms(total.webgpu),
    (total.webgpu / total.nacre).toFixed(2),
    ms(total.wasm),
    '',
    `geometric mean ${Math.exp(logs / counted).toFixed(2)}`,
  ]);
console.log(`| ${rows[0].join(' | ')} |\n|---|${'---:|'.repeat(5)}---|`);
for (const row of rows.slice(1)) console.log(`| ${row.join(' | ')} |`);

const first = Object.values(results).find((result) => result.adapter);
const setting = {
  adapter: first?.adapter ?? null,
  browser: browser.version(),
  onnxruntime_web: `${ortVersion} ${options.ort}`,
  cpu: `${cpus().length} x ${cpus()[0]?.model}`,
  rounds,
  round_ms: roundMs,
};
console.log(
  `\nadapter ${setting.adapter}; Chromium ${setting.browser}; ` +
    `onnxruntime-web ${setting.onnxruntime_web}; ${setting.cpu}`,
);
if (options.json)
  writeFileSync(options.json, `${JSON.stringify({ setting, total, results }, null, 1)}\n`);
process.exit(failed ? 1 : 0);
