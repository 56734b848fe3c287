// A line over the last minutes.

import { el } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [600, 160];

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** The least of 1, 2, 5, 10, 20, 50 … that is not below a value. */
export function ceiling(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 2, 5, 10].find((step) => step * power >= value) * power;
}

/** One chart. */
export class Chart {
  #points = [];
  #words;
  #seconds;
  #gap;
  #svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", class: "chart-lines" });
  #area = shape("path", { class: "chart-area" });
  #line = shape("path", { class: "chart-line" });
  #mark = shape("path", { class: "chart-mark" });
  #scale = [el("span"), el("span"), el("span")];
  #readout = el("p.chart-readout.small.soft");

  /**
   * @param {Element} root
   * @param {object} words
   * @param {(number: number) => string} words.number a value as it is written.
   * @param {(now: number, most: number) => string} words.label what a screen reader says of all of it.
   * @param {(time: number, value: number) => string} words.point what is written of the point under the pointer.
   * @param {string} words.first what is written at the left end of the time.
   * @param {string} words.last and at the right.
   * @param {object} [span]
   * @param {number} [span.seconds] how many are shown.
   * @param {number} [span.gap] seconds without a point that are left open.
   */
  constructor(root, words, { seconds = 300, gap = 40 } = {}) {
    this.#words = words;
    this.#seconds = seconds;
    this.#gap = gap;
    for (const y of [0, HEIGHT / 2, HEIGHT]) this.#svg.append(shape("path", { class: "chart-grid", d: `M0 ${y}H${WIDTH}` }));
    this.#svg.append(this.#area, this.#line, this.#mark);
    const plot = el("div.chart-plot", {}, el("div.chart-scale.small.soft", { "aria-hidden": "true" }, ...this.#scale), this.#svg);
    const times = el("div.chart-times.small.soft", { "aria-hidden": "true" }, el("span", { text: words.first }), el("span", { text: words.last }));
    root.replaceChildren(plot, times, this.#readout);
    this.#svg.addEventListener("pointermove", (event) => this.#point(event));
    this.#svg.addEventListener("pointerleave", () => this.#unpoint());
    this.#draw();
  }

  /** One more value. @param {number} time in seconds. */
  add(time, value) {
    this.#points.push({ time, value });
    while (this.#points[0].time < time - this.#seconds - this.#gap) this.#points.shift();
    this.#draw();
  }

  get #now() {
    return this.#points.at(-1)?.time ?? 0;
  }

  get #most() {
    return this.#points.reduce((most, { value }) => Math.max(most, value), 0);
  }

  #x(time) {
    return Math.round((1 - (this.#now - time) / this.#seconds) * WIDTH * 10) / 10;
  }

  #y(value) {
    return Math.round((1 - value / ceiling(this.#most)) * HEIGHT * 10) / 10;
  }

  #draw() {
    const top = ceiling(this.#most);
    for (const [at, share] of [1, 0.5, 0].entries()) this.#scale[at].textContent = this.#words.number(top * share);
    let [line, area, start] = ["", "", 0];
    for (const [at, { time, value }] of this.#points.entries()) {
      const [x, y] = [this.#x(time), this.#y(value)];
      const goesOn = at > 0 && time - this.#points[at - 1].time <= this.#gap;
      if (!goesOn) start = x;
      line += `${goesOn ? "L" : "M"}${x} ${y}`;
      area += goesOn ? `L${x} ${y}` : `M${x} ${HEIGHT}L${x} ${y}`;
      const next = this.#points[at + 1];
      if (!next || next.time - time > this.#gap) area += `L${x} ${HEIGHT}L${start} ${HEIGHT}Z`;
    }
    this.#line.setAttribute("d", line);
    this.#area.setAttribute("d", area);
    this.#svg.setAttribute("aria-label", this.#words.label(this.#points.at(-1)?.value ?? 0, this.#most));
  }

  #point(event) {
    const box = this.#svg.getBoundingClientRect();
    const time = this.#now - (1 - (event.clientX - box.left) / box.width) * this.#seconds;
    const distance = (point) => Math.abs(point.time - time);
    const found = this.#points.reduce((best, point) => (best && distance(best) <= distance(point) ? best : point), undefined);
    if (!found) return;
    this.#mark.setAttribute("d", `M${this.#x(found.time)} 0V${HEIGHT}`);
    this.#readout.textContent = this.#words.point(found.time, found.value);
  }

  #unpoint() {
    this.#mark.removeAttribute("d");
    this.#readout.textContent = "";
  }
}
