// The demo page in a real browser:
//
//   node page.test.mjs [BUNDLE [ARTEFACTS]]
//
// BUNDLE is a compiled models/digits (default: a stand-in of the same signature),
// and screenshots go to the folder ARTEFACTS. NACRE_CHROMIUM is the browser, by
// default Debian's, with SwiftShader for a GPU; NACRE_NPM has playwright-core.
// Where one of them is missing all is skipped; with a BUNDLE by exit code 77.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, normalize, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as bundles from './bundles.mjs';

const [bundle = bundles.writeModule(bundles.digits()), artefacts = null] = process.argv.slice(2);
const standIn = process.argv.length < 3;
const demo = fileURLToPath(new URL('../../../docs/demo', import.meta.url));
const browserPath = process.env.NACRE_CHROMIUM ?? '/usr/bin/chromium';

const playwright = await (async () => {
  try {
    return (
      await import(
        pathToFileURL(
          createRequire(resolve(process.env.NACRE_NPM ?? '.', 'x')).resolve('playwright-core'),
        )
      )
    ).default;
  } catch {
    return null;
  }
})();
const skip = !playwright
  ? 'the npm package playwright-core is missing: run fetch_webgpu.sh'
  : !existsSync(browserPath)
    ? `no browser at ${browserPath}: set NACRE_CHROMIUM`
    : false;
if (skip && !standIn) {
  console.log(`skipped: ${skip}`);
  process.exit(77);
}

const kinds = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.mjs': 'text/javascript',
  '.json': 'application/json',
};

/** docs/demo at /, BUNDLE at /digits/, and a damaged copy at /damaged/. */
function serve(request, response) {
  const path = normalize(new URL(request.url, 'http://x').pathname);
  const [, folder, name] = path.match(/^\/(digits|damaged)\/([^/]+)$/) ?? [];
  const file = folder ? join(bundle, name) : join(demo, path === '/' ? 'index.html' : path);
  let bytes;
  try {
    bytes = readFileSync(file);
  } catch {
    response.statusCode = 404;
    return response.end('not here');
  }
  if (folder === 'damaged' && name === 'kernels.wgsl') bytes = bytes.subarray(1);
  response.setHeader('Content-Type', kinds[extname(file)] ?? 'application/octet-stream');
  response.end(bytes);
}

describe('the demo page', { skip, timeout: 240000 }, () => {
  let server, browser, base;

  before(async () => {
    server = createServer(serve);
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${server.address().port}/`;
    // The loader of run.sh is for node; the browser brings its own.
    const { LD_LIBRARY_PATH, VK_ICD_FILENAMES, ...env } = process.env;
    browser = await playwright.chromium.launch({
      executablePath: browserPath,
      env,
      args: [
        '--headless=new',
        '--no-sandbox',
        '--enable-unsafe-webgpu',
        '--enable-features=Vulkan',
        '--use-vulkan=swiftshader',
        '--use-angle=swiftshader',
      ],
    });
  });

  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function open(query = '', options = {}) {
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, ...options });
    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') page.problems.push(message.text());
    });
    await page.goto(base + query);
    return page;
  }

  const ready = (page) => page.locator('#measure:not([disabled])').waitFor({ timeout: 60000 });
  const answer = (page, text) =>
    page.locator('#answer', { hasText: text }).waitFor({ timeout: 20000 });
  const shoot = async (page, name) => {
    if (!artefacts) return;
    mkdirSync(artefacts, { recursive: true });
    await page.screenshot({ path: join(artefacts, `${name}.png`), fullPage: true });
  };

  test('loads, runs, says what it sees', async () => {
    const page = await open();
    await ready(page);
    await answer(page, /^This is 7, \d+\.\d % sure\. Next: \d, \d+\.\d %\.$/);
    assert.equal(await page.locator('#loading').isVisible(), false);
    assert.match(await page.locator('#load-time').textContent(), /^\d+(\.\d)? ms$/);
    assert.match(await page.locator('#first-time').textContent(), /^\d+(\.\d)? (ms|µs)$/);
    assert.match(await page.locator('#median-time').textContent(), /^\d+(\.\d)? (ms|µs), \d+ runs$/);
    await shoot(page, 'light');
    for (let digit = 0; digit < 10; ++digit) {
      await page.getByRole('button', { name: `Sample ${digit}` }).click();
      await answer(page, new RegExp(`^This is ${digit}, `));
      assert.equal(
        await page.getByRole('button', { name: `Sample ${digit}`, pressed: true }).count(),
        1,
      );
      assert.equal(await page.locator('#classes .first').count(), 1);
    }
    assert.equal(await page.getByRole('listitem').count(), 10);
    assert.equal(await page.getByRole('alert').textContent(), '');
    assert.deepEqual(page.problems, []);
    await page.close();
  });

  test('by keyboard alone', async () => {
    const page = await open();
    await ready(page);
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'picture');
    await page.keyboard.press('Delete');
    await answer(page, /^The picture is empty\.$/);
    // A one: two columns of ink from top to bottom.
    for (const key of ['Home', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', ' '])
      await page.keyboard.press(key);
    assert.equal(await page.locator('#cell').textContent(), 'Row 1, column 5: ink');
    for (let i = 0; i < 7; ++i) await page.keyboard.press('Shift+ArrowDown');
    assert.equal(await page.locator('#cell').textContent(), 'Row 8, column 5: ink');
    await page.keyboard.press('Shift+ArrowRight');
    for (let i = 0; i < 7; ++i) await page.keyboard.press('Shift+ArrowUp');
    await answer(page, /^This is 1, /);
    await shoot(page, 'keyboard');
    await page.keyboard.press(' ');
    assert.equal(await page.locator('#cell').textContent(), 'Row 1, column 6: empty');
    await page.keyboard.press('ArrowUp');
    assert.equal(await page.locator('#cell').textContent(), 'Row 1, column 6: empty');
    // On to the tools and a sample.
    for (
      let i = 0;
      i < 20 && (await page.evaluate(() => document.activeElement.ariaLabel)) !== 'Sample 3';
      ++i
    )
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await answer(page, /^This is 3, /);
    assert.deepEqual(page.problems, []);
    await page.close();
  });

  test('by mouse: pen, eraser, clear', async () => {
    const page = await open();
    await ready(page);
    await page.getByRole('button', { name: 'Clear' }).click();
    await answer(page, /^The picture is empty\.$/);
    const box = await page.locator('#picture').boundingBox(),
      x = (f) => box.x + f * box.width,
      y = (f) => box.y + f * box.height;
    const stroke = async (...points) => {
      await page.mouse.move(x(points[0][0]), y(points[0][1]));
      await page.mouse.down();
      for (const [px, py] of points.slice(1)) await page.mouse.move(x(px), y(py), { steps: 2 });
      await page.mouse.up();
    };
    const ring = Array.from({ length: 25 }, (_, i) => [
      0.5 + 0.24 * Math.sin((i * Math.PI) / 12),
      0.5 - 0.42 * Math.cos((i * Math.PI) / 12),
    ]);
    await stroke(...ring);
    await answer(page, /^This is 0, /);
    await shoot(page, 'drawn');
    assert.equal(await page.getByRole('button', { pressed: true }).count(), 0);
    await page.getByRole('radio', { name: 'Eraser' }).check();
    await stroke(
      ...ring,
      [0.45, 0.1],
      [0.55, 0.1],
      ...ring.map(([a, b]) => [a * 0.9 + 0.05, b * 0.9 + 0.05]),
      ...ring.map(([a, b]) => [a * 1.1 - 0.05, b * 1.1 - 0.05]),
    );
    await answer(page, /^The picture is empty\.$/);
    assert.deepEqual(page.problems, []);
    await page.close();
  });

  test('dark, narrow, without motion', async () => {
    const page = await open('', {
      colorScheme: 'dark',
      reducedMotion: 'reduce',
      viewport: { width: 360, height: 800 },
    });
    await ready(page);
    assert.equal(
      await page.evaluate(
        () => getComputedStyle(document.querySelector('.bar i')).transitionProperty,
      ),
      'none',
    );
    assert.ok(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      'no sideways scrolling',
    );
    await shoot(page, 'narrow');
    await page.setViewportSize({ width: 1100, height: 900 });
    await shoot(page, 'dark');
    await page.close();
  });

  test('errors are said', async () => {
    const alert = async (query, text, init) => {
      const page = await browser.newPage();
      if (init) await page.addInitScript(init);
      await page.goto(base + query);
      await page.getByRole('alert').filter({ hasText: text }).waitFor({ timeout: 30000 });
      assert.equal(await page.locator('#loading').isVisible(), false);
      assert.equal(await page.locator('#answer').textContent(), 'No answer.');
      if (init) await shoot(page, 'error');
      await page.close();
    };
    await alert('?model=none', "The model does not run: there is no bundle in the folder 'none'.");
    await alert('?model=../x', "The model does not run: '../x' is no name of a folder.");
    await alert(
      '?model=damaged',
      /^The model does not run: kernels\.wgsl: \d+ bytes, manifest\.json says \d+\.$/,
    );
    await alert(
      '',
      /^The model does not run: no WebGPU here: navigator\.gpu is missing\. This browser has no WebGPU\./,
      () => Object.defineProperty(Navigator.prototype, 'gpu', { get: () => undefined }),
    );
    await alert(
      '',
      /^The model does not run: no WebGPU adapter\. This browser knows WebGPU/,
      () => {
        GPU.prototype.requestAdapter = async () => null;
      },
    );
  });

  test('the accessibility tree', async () => {
    const page = await open();
    await ready(page);
    const tree = await page.locator('body').ariaSnapshot();
    for (const part of [
      'heading "Which digit is this?" [level=1]',
      'application "Picture, 8 by 8 cells"',
      'radio "Pen" [checked]',
      'group "Sample pictures"',
      'button "Sample 7" [pressed]',
      '- alert',
      '- status:',
      'list "Probabilities"',
      'term: Load',
      'contentinfo',
    ])
      assert.ok(tree.includes(part), `${part} in\n${tree}`);
    await page.close();
  });
});
