// The numbers of the administration: what the metrics tell, each in its place.

import { el } from "./dom.js";
import { has, locale, t } from "./i18n.js";
import { quantile } from "./metrics.js";
import { duration } from "./times.js";

const SLOW = 0.1; // seconds of lag that are too many

const at = (id) => document.getElementById(id);

/** A number as the reader writes it. */
export const number = (value, digits = 0) => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);

/** Put a text somewhere; a status that is the same is not told again. */
export function say(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

/** Whether new clients are welcome, and if not, why. */
export function showReadiness({ ready, reasons }) {
  at("ready").className = `badge ${ready ? "good" : "danger"}`;
  const why = Object.entries(reasons).map(([name, sentence]) => (has(`admin.reason-${name}`) ? t(`admin.reason-${name}`) : sentence));
  say("ready", ready ? t("admin.ready") : t("admin.not-ready"));
  at("ready").title = why.join(" ");
  fact("readiness", ready ? t("admin.ready") : why.join(" "), !ready);
}

/** The large numbers. */
export function showTiles(metrics) {
  const waiting = metrics.sum("chatd_containers", { state: "asked" });
  tile("users", metrics.sum("chatd_users"));
  tile("connections", metrics.sum("chatd_connections"));
  tile("rooms", metrics.sum("chatd_rooms"));
  tile("containers", metrics.sum("chatd_containers"), waiting ? t("admin.waiting", { count: number(waiting) }) : "");
}

function tile(name, value, note = "") {
  const id = `tile-${name}`;
  if (!at(id)) {
    const figure = el("span.figure", { id });
    const row = el("div.tile", {}, el("dt", { text: t(`admin.${name}`) }), el("dd", {}, figure, " ", el("span.small.soft", { id: `${id}-note` })));
    at("tiles").append(row);
  }
  say(id, number(value));
  say(`${id}-note`, note);
}

/**
 * How the server's process is.
 *
 * @param {Metrics} metrics of now
 * @param {number} date the server's time, in milliseconds.
 * @param {object[]} samples of the last minute, the newest last.
 */
export function showFacts(metrics, date, samples) {
  const [sample, before] = [samples.at(-1), samples.at(-2)];
  const lag = quantile(0.99, samples[0].lag, sample.lag);
  fact("lag", lag === undefined ? "…" : lagText(lag), lag > SLOW);
  fact("cpu", before ? t("admin.percent", { number: number((100 * (sample.cpu - before.cpu)) / (sample.time - before.time)) }) : "…");
  fact("memory", t("admin.mebibytes", { number: number(metrics.sum("process_resident_memory_bytes") / 2 ** 20) }));
  const queue = number(metrics.sum("chatd_store_queue"));
  const failing = metrics.sum("chatd_store_failing") === 1;
  fact("store", failing ? t("admin.store-fails") : t("admin.store-queue", { count: queue }), failing);
  fact("unsent", t("admin.kibibytes", { number: number(metrics.sum("chatd_unsent_bytes") / 1024) }));
  fact("uptime", uptime(date / 1000 - sample.started));
  fact("version", metrics.labels("chatd_build_info").version ?? "");
}

function fact(name, text, isBad = false) {
  const id = `fact-${name}`;
  if (!at(id)) at("facts").append(el("dt", { text: t(`admin.fact-${name}`) }), el("dd", { id }));
  say(id, text);
  at(id).classList.toggle("bad", isBad);
}

function lagText(bound) {
  const last = 5; // seconds: the largest bound there is
  if (bound === Infinity) return t("admin.more-than", { number: number(1000 * last) });
  return t("admin.at-most", { number: number(1000 * bound, 1) });
}

function uptime(seconds) {
  const days = Math.floor(seconds / 86_400);
  const rest = duration(seconds - days * 86_400);
  return days ? t("admin.days", { count: days, time: rest }) : rest;
}
