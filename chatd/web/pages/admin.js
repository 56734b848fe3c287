// The administration: the server at a glance, for who has the token of the admin API.

import { Chart } from "./parts/chart.js";
import { el, icon } from "./parts/dom.js";
import { number, say, showFacts, showReadiness, showTiles } from "./parts/figures.js";
import { locale, localize, t } from "./parts/i18n.js";
import { Metrics } from "./parts/metrics.js";
import { Office, Refused } from "./parts/office.js";
import { serverConfig } from "./parts/server.js";
import { keep, kept } from "./parts/storage.js";
import { Table } from "./parts/table.js";

const KEPT = "chatd.admin.token";
const PERIOD = 2000; // ms
const SHARE = 20; // a server that takes its time to answer is asked less often: so many times as long as that
const LONGEST = 30_000; // ms
const MINUTE = 60; // seconds over which the event loop's lag is told
const SPAN = 300; // seconds that the chart has
const ROOMS = 1000; // that are asked for
const SHOWN = 100; // of which so many are shown
const MESSAGES = ["text", "picture", "video", "voice", "event"];
const HOW = '[admin]\nlisten = "tcp:9329:interface=127.0.0.1"\ntoken_file = "/etc/chatd/admin.token"';

const at = (id) => document.getElementById(id);
const perSecond = (value) => t("admin.per-second", { number: number(value, value < 10 ? 1 : 0) });

let office; // who asks, once there is a token
let timer; // until the next time
let asked = 0; // of which round the answers count
let failures = 0; // in a row
let samples = []; // of the last minutes
let rooms = [];
let more = false; // rooms than were asked for
let order = { key: "online", descending: true };
let chart;

// -- the gate -------------------------------------------------------------------------------------

function askForToken(refusal = "") {
  leave();
  keep("sessionStorage", KEPT, null);
  at("none").hidden = true;
  at("ask").hidden = at("gate").hidden = false;
  at("refused").textContent = refusal && t(refusal);
  at("refused").hidden = !refusal;
  at("token").setAttribute("aria-invalid", String(Boolean(refusal)));
  at("token").value = "";
  at("token").focus();
}

function sayThereIsNone(why) {
  leave();
  at("ask").hidden = true;
  at("none").hidden = at("gate").hidden = false;
  at("none-title").textContent = t(`admin.${why}`);
  at("none-text").textContent = t(`admin.${why}-text`);
  at("none-how").textContent = HOW;
  at("none-how").hidden = why !== "off";
}

async function enter(event) {
  event.preventDefault();
  const token = at("token").value.trim();
  const button = at("ask").querySelector("button");
  button.disabled = true;
  try {
    if (!Office.couldBe(token)) throw new Refused(401, "no token");
    await new Office(token).get("v1/rooms?limit=1");
    keep("sessionStorage", KEPT, token);
    begin(token);
  } catch (error) {
    refuse(error);
  } finally {
    button.disabled = false;
  }
}

/** What the page says of an answer that it did not want; false: nothing, it is to be asked again. */
function refuse(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.status === 401) askForToken(office ? "admin.wrong-now" : "admin.wrong");
  else if (error.status === 429) askForToken("admin.too-many");
  else if (error.status === 404) sayThereIsNone("off");
  else if (error.status === 403) sayThereIsNone("forbidden");
  else if (!office) askForToken("admin.no-answer");
  else return false;
  return true;
}

// -- the round ------------------------------------------------------------------------------------

function begin(token) {
  office = new Office(token);
  samples = [];
  failures = 0;
  at("gate").hidden = true;
  at("board").hidden = false;
  chart = new Chart(at("chart"), {
    number: (value) => number(value, 1),
    label: (now, most) => t("admin.chart", { now: perSecond(now), most: perSecond(most) }),
    point: (time, value) => t("admin.point", { time: wallClock(time), number: perSecond(value) }),
    first: t("admin.minutes-ago", { count: SPAN / 60 }),
    last: t("admin.now"),
  }, { seconds: SPAN });
  look();
}

function leave() {
  clearTimeout(timer);
  asked += 1;
  office = undefined;
  at("board").hidden = true;
  if (at("who").open) at("who").close();
}

/** Ask for everything, show it, and do so again after a while; a page that nobody sees waits. */
async function look() {
  clearTimeout(timer);
  if (!office || document.hidden) return;
  const round = ++asked;
  const began = performance.now();
  let wait;
  try {
    const answers = await Promise.all([
      office.get("metrics").then(async (answer) => ({ date: Date.parse(answer.headers.get("Date")), metrics: new Metrics(await answer.text()) })),
      office.read("readyz", [503]),
      office.read(`v1/rooms?limit=${ROOMS}`),
      office.read(`v1/containers?limit=${SHOWN}`),
    ]);
    if (round !== asked) return;
    failures = 0;
    show(...answers);
    wait = Math.max(PERIOD, SHARE * (performance.now() - began));
  } catch (error) {
    if (round !== asked || (error instanceof Refused && refuse(error))) return;
    failures += 1;
    wait = PERIOD * 2 ** failures;
  }
  say("trouble", failures ? t("admin.no-answer-now") : "");
  timer = setTimeout(look, Math.min(wait, LONGEST));
}

// -- what is shown --------------------------------------------------------------------------------

function show({ date, metrics }, ready, roomsPage, containersPage) {
  const sample = {
    time: performance.now() / 1000,
    started: metrics.sum("process_start_time_seconds"),
    messages: metrics.sum("chatd_messages_in_total", { type: MESSAGES }),
    cpu: metrics.sum("process_cpu_seconds_total"),
    lag: metrics.buckets("chatd_lag_seconds"),
  };
  if (samples.length && samples.at(-1).started !== sample.started) samples = []; // another process
  const before = samples.at(-1);
  samples.push(sample);
  while (samples.length > 2 && samples[1].time < sample.time - MINUTE) samples.shift();
  if (before) {
    const rate = Math.max(0, sample.messages - before.messages) / (sample.time - before.time);
    chart.add(sample.time, rate);
    at("rate").textContent = perSecond(rate);
  }
  showReadiness(ready);
  showTiles(metrics);
  showFacts(metrics, date, samples);
  rooms = roomsPage.rooms;
  more = roomsPage.next !== null;
  showRooms();
  showContainers(containersPage, metrics);
}

const wallClock = (time) => new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(Date.now() - performance.now() + time * 1000);

// -- rooms and containers -------------------------------------------------------------------------

const byName = new Intl.Collator(locale(), { numeric: true }).compare;

const roomTable = new Table(document.querySelector("#rooms tbody"), [
  { head: true, value: (room) => room.name, press: (room) => showWho(room.name) },
  { number: true, value: (room) => number(room.online) },
  { number: true, value: (room) => number(room.containers) },
]);

const containerTable = new Table(document.querySelector("#containers tbody"), [
  { head: true, value: (container) => container.id },
  { value: (container) => container.room },
  { value: (container) => t(`admin.state-${container.state}`) },
  { value: (container) => container.members.join(", ") },
  { number: true, value: (container) => number(container.online) },
]);

function showRooms() {
  const part = at("filter").value.trim().toLowerCase();
  const direction = order.descending ? -1 : 1;
  const found = rooms
    .filter((room) => room.name.toLowerCase().includes(part))
    .sort((one, other) => (order.key === "name" ? direction * byName(one.name, other.name) : direction * (one[order.key] - other[order.key]) || byName(one.name, other.name)));
  roomTable.show(found.slice(0, SHOWN), (room) => room.name);
  let rest = "";
  if (!found.length) rest = t(part ? "admin.no-such-room" : "admin.no-rooms");
  else if (found.length > SHOWN) rest = t("admin.shown", { shown: SHOWN, count: number(found.length) });
  if (more) rest = `${rest} ${t("admin.more-rooms", { count: number(ROOMS) })}`.trim();
  say("rooms-rest", rest);
}

function showContainers({ containers, next }, metrics) {
  containerTable.show(containers, (container) => `${container.room}\n${container.id}`);
  const all = number(metrics.sum("chatd_containers"));
  const rest = next ? t("admin.shown", { shown: containers.length, count: all }) : containers.length ? "" : t("admin.no-containers");
  say("containers-rest", rest);
}

function sortBy(key) {
  order = { key, descending: order.key === key ? !order.descending : key !== "name" };
  showOrder();
  showRooms();
}

function showOrder() {
  for (const button of document.querySelectorAll(".sort")) {
    const head = button.closest("th");
    if (button.dataset.key === order.key) head.setAttribute("aria-sort", order.descending ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

/** Who is in a room, as it is now. */
async function showWho(name) {
  let room;
  try {
    room = await office.read(`v1/rooms/${encodeURIComponent(name)}?limit=${SHOWN}`, [404]);
  } catch (error) {
    if (!(error instanceof Refused && refuse(error))) say("trouble", t("admin.no-answer-now"));
    return;
  }
  const members = room.members ?? []; // it may be gone by now
  at("who-title").textContent = name;
  at("who-count").textContent = t("admin.who", { count: number(room.online ?? 0), connections: number(room.connections ?? 0) });
  at("who-list").replaceChildren(
    ...members.map((member) => el("li", {}, el("span", { text: member.name, dir: "auto" }), el("span.small.soft", { text: member.userId, dir: "auto" }))),
    ...(room.next ? [el("li.soft", { text: "…" })] : []),
  );
  at("who").showModal();
}

// -- the beginning --------------------------------------------------------------------------------

async function start() {
  localize();
  document.title = `${t("admin.title")} · chatd`;
  at("home").append(icon("back"));
  at("forget").append(icon("leave"));
  at("ask").addEventListener("submit", enter);
  at("forget").addEventListener("click", () => askForToken());
  at("filter").addEventListener("input", showRooms);
  for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sortBy(button.dataset.key));
  document.addEventListener("visibilitychange", look);
  showOrder();
  try {
    const { admin } = await serverConfig();
    const token = kept("sessionStorage", KEPT);
    if (!admin) sayThereIsNone("off");
    else if (token) begin(token);
    else askForToken();
  } catch {
    sayThereIsNone("away");
  }
}

start();
