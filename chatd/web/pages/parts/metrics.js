// Prometheus's text format, as far as chatd writes it: https://prometheus.io/docs/instrumenting/exposition_formats/

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** The samples of one scrape. */
export class Metrics {
  #samples = new Map();

  /** @param {string} text */
  constructor(text) {
    for (const line of text.split("\n")) {
      const found = line.startsWith("#") ? null : LINE.exec(line);
      if (!found) continue;
      const labels = Object.fromEntries([...(found[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
      const value = found[3] === "+Inf" ? Infinity : Number(found[3]);
      if (!this.#samples.has(found[1])) this.#samples.set(found[1], []);
      this.#samples.get(found[1]).push({ labels, value });
    }
  }

  /** The sum of a metric's samples that have these labels; undefined: there is no such metric. */
  sum(name, labels = {}) {
    const samples = this.#samples.get(name);
    if (!samples) return undefined;
    const wanted = Object.entries(labels);
    return samples.reduce(
      (sum, sample) => (wanted.every(([label, values]) => [values].flat().includes(sample.labels[label])) ? sum + sample.value : sum),
      0,
    );
  }

  /** The labels of a metric that has but one sample. */
  labels(name) {
    return this.#samples.get(name)?.[0].labels ?? {};
  }

  /** A histogram's buckets: how many values were at most each bound, ascending. */
  buckets(name) {
    const samples = this.#samples.get(`${name}_bucket`) ?? [];
    return samples.map(({ labels, value }) => ({ bound: labels.le === "+Inf" ? Infinity : Number(labels.le), count: value }));
  }
}

/**
 * The bound below which a share of the values between two scrapes was.
 *
 * @param {{bound: number, count: number}[]} before the buckets of the earlier one.
 * @returns {number|undefined} undefined: there were no values.
 */
export function quantile(share, before, now) {
  const counts = now.map(({ count }, at) => count - (before[at]?.count ?? 0));
  const all = counts.at(-1) ?? 0;
  if (all <= 0) return undefined;
  return now[counts.findIndex((count) => count >= share * all)].bound;
}
