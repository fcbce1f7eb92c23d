// drawing.mjs - the picture: 8x8 cells of grey 0 to 16. As in the scans the
// network was trained on, a cell counts the inked dots among 4x4 finer ones, and
// these are what the pen draws.
const cells = 8,
  fine = 4,
  dots = cells * fine;
const penRadius = 2.3;

/** Draws 64 grey values over a whole canvas, `side` pixels a cell. */
export function paint(canvas, grey, side) {
  const style = getComputedStyle(document.documentElement),
    context = canvas.getContext('2d');
  context.globalAlpha = 1;
  context.fillStyle = style.getPropertyValue('--paper');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = style.getPropertyValue('--ink');
  grey.forEach((value, i) => {
    context.globalAlpha = value / 16;
    context.fillRect((i % cells) * side, Math.floor(i / cells) * side, side, side);
  });
  context.globalAlpha = 1;
}

/** Makes `canvas` a drawing; calls changed() and, for the keyboard, told(text). */
export class Drawing {
  #canvas;
  #changed;
  #told;
  #ink = new Uint8Array(dots * dots);
  #row = 0;
  #column = 0;
  #last = null;
  erasing = false;

  constructor(canvas, changed, told) {
    this.#canvas = canvas;
    this.#changed = changed;
    this.#told = told;
    canvas.addEventListener('pointerdown', (event) => this.#begin(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture'])
      canvas.addEventListener(end, () => {
        this.#last = null;
      });
    canvas.addEventListener('keydown', (event) => this.#key(event));
    for (const change of ['focus', 'blur']) canvas.addEventListener(change, () => this.show());
  }

  /** The 64 grey values, 0 to 16. */
  get grey() {
    return Array.from({ length: cells * cells }, (_, i) =>
      this.#count(Math.floor(i / cells), i % cells),
    );
  }

  set grey(values) {
    values.forEach((value, i) => this.#fill(Math.floor(i / cells), i % cells, value));
    this.#update();
  }

  show() {
    const { width } = this.#canvas,
      side = width / cells,
      context = this.#canvas.getContext('2d');
    const style = getComputedStyle(document.documentElement);
    paint(this.#canvas, this.grey, side);
    context.strokeStyle = style.getPropertyValue('--line');
    context.lineWidth = 1;
    context.beginPath();
    for (let i = 1; i < cells; ++i) {
      context.moveTo(i * side, 0);
      context.lineTo(i * side, width);
      context.moveTo(0, i * side);
      context.lineTo(width, i * side);
    }
    context.stroke();
    if (document.activeElement !== this.#canvas || !this.#canvas.matches(':focus-visible')) return;
    // Two tones, to be seen on ink and on paper.
    for (const [colour, line] of [
      ['--paper', 14],
      ['--accent', 8],
    ]) {
      context.strokeStyle = style.getPropertyValue(colour);
      context.lineWidth = line;
      context.strokeRect(this.#column * side + 7, this.#row * side + 7, side - 14, side - 14);
    }
  }

  #count(row, column) {
    let sum = 0;
    for (let y = 0; y < fine; ++y)
      for (let x = 0; x < fine; ++x) sum += this.#ink[(row * fine + y) * dots + column * fine + x];
    return sum;
  }

  /** Inks `count` dots of a cell. */
  #fill(row, column, count) {
    for (let i = 0; i < fine * fine; ++i)
      this.#ink[(row * fine + Math.floor(i / fine)) * dots + column * fine + (i % fine)] =
        i < count ? 1 : 0;
  }

  #update() {
    this.show();
    this.#changed(this.grey);
  }

  #begin(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#last = null;
    this.#stroke(event);
  }

  #move(event) {
    if (!this.#last) return;
    for (const part of event.getCoalescedEvents?.() ?? []) this.#stroke(part, false);
    this.#stroke(event);
  }

  /** Inks the dots near the way from the last place to this one. */
  #stroke(event, update = true) {
    const box = this.#canvas.getBoundingClientRect();
    const to = {
      x: ((event.clientX - box.left) / box.width) * dots,
      y: ((event.clientY - box.top) / box.height) * dots,
    };
    const from = this.#last ?? to,
      dx = to.x - from.x,
      dy = to.y - from.y,
      length = dx * dx + dy * dy;
    for (let y = 0; y < dots; ++y)
      for (let x = 0; x < dots; ++x) {
        const px = x + 0.5 - from.x,
          py = y + 0.5 - from.y;
        const along = length ? Math.min(Math.max((px * dx + py * dy) / length, 0), 1) : 0;
        if (Math.hypot(px - along * dx, py - along * dy) <= penRadius)
          this.#ink[y * dots + x] = this.erasing ? 0 : 1;
      }
    this.#last = to;
    if (update) this.#update();
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key],
      stay = (n) => Math.min(Math.max(n, 0), cells - 1);
    let painted = false;
    if (step) {
      this.#row = stay(this.#row + step[0]);
      this.#column = stay(this.#column + step[1]);
      painted = event.shiftKey;
      if (painted) this.#fill(this.#row, this.#column, this.erasing ? 0 : 16);
    } else if (event.key === 'Home' || event.key === 'End') {
      this.#column = event.key === 'Home' ? 0 : cells - 1;
    } else if (event.key === ' ') {
      painted = true;
      this.#fill(this.#row, this.#column, this.#count(this.#row, this.#column) >= 8 ? 0 : 16);
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      painted = true;
      this.#ink.fill(0);
    } else {
      return;
    }
    event.preventDefault();
    const count = this.#count(this.#row, this.#column);
    this.#told(
      `Row ${this.#row + 1}, column ${this.#column + 1}: ${
        count === 0 ? 'empty' : count === 16 ? 'ink' : `${Math.round(count / 0.16)} % ink`
      }`,
    );
    if (painted) this.#update();
    else this.show();
  }
}
