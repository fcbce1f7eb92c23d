// demo.mjs - loads a compiled classifier of digits and keeps its answer beside
// the picture. ?model=NAME takes the bundle in the folder NAME beside this page.
import { Drawing, paint } from './drawing.mjs';
import { pictures } from './pictures.mjs';

const at = (id) => document.getElementById(id);
const percent = (p) => `${(100 * p).toFixed(1)} %`;
const duration = (ms) =>
  ms < 1
    ? `${(1000 * ms).toFixed(0)} µs`
    : ms < 100
      ? `${ms.toFixed(1)} ms`
      : `${ms.toFixed(0)} ms`;

let model = null;

//===- The picture ----------------------------------------------------------===

const drawing = new Drawing(
  at('picture'),
  () => {
    choose(null);
    classify();
  },
  (text) => {
    at('cell').textContent = text;
  },
);

for (const tool of document.querySelectorAll('input[name=tool]'))
  tool.addEventListener('change', () => {
    drawing.erasing = tool.value === 'eraser';
  });
at('clear').addEventListener('click', () => {
  drawing.grey = Array(64).fill(0);
});

const samples = pictures.map((grey, digit) => {
  const button = document.createElement('button'),
    canvas = document.createElement('canvas');
  button.type = 'button';
  button.setAttribute('aria-label', `Sample ${digit}`);
  [canvas.width, canvas.height] = [8, 8];
  button.append(canvas);
  button.addEventListener('click', () => {
    drawing.grey = grey;
    choose(digit);
  });
  at('samples').append(button);
  return { button, canvas, grey };
});

function choose(digit) {
  samples.forEach(({ button }, i) => button.setAttribute('aria-pressed', i === digit));
}

function repaint() {
  drawing.show();
  for (const { canvas, grey } of samples) paint(canvas, grey, 1);
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);

//===- The answer -----------------------------------------------------------===

const rows = pictures.map((_, digit) => {
  const row = document.createElement('li'),
    bar = document.createElement('span'),
    share = document.createElement('span');
  const label = document.createElement('span'),
    level = document.createElement('i');
  label.textContent = digit;
  [bar.className, share.className] = ['bar', 'percent'];
  bar.ariaHidden = 'true';
  bar.append(level);
  row.append(label, bar, share);
  at('classes').append(row);
  return { row, level, share };
});

function show(probabilities) {
  const order = Array.from(probabilities.keys()).sort(
    (a, b) => probabilities[b] - probabilities[a],
  );
  const [first, second] = order;
  rows.forEach(({ row, level, share }, digit) => {
    row.classList.toggle('first', digit === first);
    level.style.transform = `scaleX(${probabilities[digit]})`;
    share.textContent = percent(probabilities[digit]);
  });
  const digit = document.createElement('strong');
  digit.textContent = first;
  const next = document.createElement('span');
  next.textContent = `Next: ${second}, ${percent(probabilities[second])}.`;
  at('answer').replaceChildren(
    'This is ',
    digit,
    `, ${percent(probabilities[first])} sure. `,
    next,
  );
}

function showNone(why) {
  for (const { row, level, share } of rows) {
    row.classList.remove('first');
    level.style.transform = 'scaleX(0)';
    share.textContent = '–';
  }
  at('answer').textContent = why;
}

/** Says what is wrong, and what one can do. */
function report(error) {
  console.error(error);
  const hint = !isSecureContext
    ? ' WebGPU needs https or localhost.'
    : !navigator.gpu
      ? ' This browser has no WebGPU. Chrome and Edge have it, Safari from 26, Firefox on Windows and on Apple silicon.'
      : /adapter/.test(error.message)
        ? ' This browser knows WebGPU but finds no graphics adapter it trusts.'
        : '';
  at('error').textContent = `The model does not run: ${error.message}.${hint}`;
  at('loading').hidden = true;
  showNone('No answer.');
}

//===- The model ------------------------------------------------------------===

async function run() {
  const [input] = model.inputs,
    [output] = model.outputs;
  const data = Float32Array.from(drawing.grey, (value) => value / 16);
  return (await model.run({ [input.name]: { data, shape: [1, 1, 8, 8] } }))[output.name];
}

let running = false,
  again = false;

/** Classifies the picture; while a run is under way, only the newest one waits. */
async function classify() {
  if (!model) return;
  again = true;
  if (running) return;
  running = true;
  try {
    while (again) {
      again = false;
      if (drawing.grey.every((value) => value === 0)) showNone('The picture is empty.');
      else show(await run());
    }
  } catch (error) {
    model = null;
    report(error);
  } finally {
    running = false;
  }
}

/** The median of at most 50 runs, or of half a second. */
async function measure() {
  const button = at('measure'),
    times = [];
  button.disabled = true;
  try {
    for (
      const end = performance.now() + 500;
      times.length < 50 && (times.length < 3 || performance.now() < end);
    ) {
      const start = performance.now();
      await run();
      times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    at('median-time').textContent = `${duration(times[times.length >> 1])}, ${times.length} runs`;
    button.disabled = false;
  } catch (error) {
    report(error);
  }
}
at('measure').addEventListener('click', measure);

/** One picture of 8x8 in, ten probabilities out. */
function checkSignature({ inputs, outputs }) {
  const shape = (tensor) =>
    tensor.shape.map((extent, i) => (tensor.dims[i] === null ? extent : 1)).join();
  if (
    inputs.length !== 1 ||
    inputs[0].dtype !== 'f32' ||
    shape(inputs[0]) !== '1,1,8,8' ||
    outputs.length !== 1 ||
    outputs[0].dtype !== 'f32' ||
    shape(outputs[0]) !== '1,10'
  )
    throw new Error('it does not take f32[1, 1, 8, 8] and give f32[1, 10]');
}

async function start() {
  const name = new URLSearchParams(location.search).get('model') ?? 'digits';
  if (!/^[\w-][\w.-]*$/.test(name)) throw new Error(`'${name}' is no name of a folder`);
  const begin = performance.now();
  const { load } = await import(new URL(`${name}/model.mjs`, import.meta.url)).catch((cause) => {
    throw new Error(`there is no bundle in the folder '${name}'`, { cause });
  });
  const loaded = await load({
    onProgress: (bytes, total) => {
      at('progress').value = bytes / total;
    },
  });
  checkSignature(loaded);
  at('load-time').textContent = duration(performance.now() - begin);
  model = loaded;
  const before = performance.now();
  await run();
  at('first-time').textContent = duration(performance.now() - before);
  at('loading').hidden = true;
  const { description, device, vendor, architecture } = model.device.adapterInfo ?? {};
  const on = description || device || [vendor, architecture].filter(Boolean).join(' ');
  at('device').textContent = on && `on ${on}`;
  await classify();
  await measure();
}

drawing.grey = pictures[7];
choose(7);
repaint();
start().catch(report);
