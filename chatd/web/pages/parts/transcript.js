// A conversation on the page: in order, each message once, the reader's place kept.
//
// The rows are in blocks whose layout the browser skips while they are out of sight (content-visibility in chat.css):
// what thousands of rows cost is then that of the few blocks to be seen.

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { Place } from "./place.js";
import { failRow, messageRow, nameDays, noticeRow, pendingRow, plainRow, retryRow } from "./rows.js";

const BLOCK = 20; // rows
const LIKELY = 54; // px that a row is high, until it has been seen
const PASSING = 500; // rows of who came and went that are kept, where nobody closes the page for weeks
const SAID = 5000; // messages that are kept while the reader is at the end, where earlier ones can be fetched again
const AT_ONCE = 100; // of those too many that are taken away together
const AHEAD = 600; // px before the top at which earlier ones are asked for

export class Transcript {
  #blocks = [];
  #ids = new Set();
  #names = new Map(); // userId → the last name heard
  #pending = new Map(); // clientMessageId → row
  #passing = []; // the rows that are stored nowhere
  #loading = false;
  #generation = 0; // of rooms: what is loaded for an earlier one is not wanted any more

  /**
   * @param {HTMLElement} root an empty element; it becomes the conversation and fills its flex parent.
   * @param {object} options
   * @param {string} options.me the reader's userId: whose messages are his own.
   * @param {() => Promise<boolean>} [options.earlier] fetches earlier messages (before `oldest`; the newest while that is
   *   undefined), gives them to `prepend`, and says whether there are more. Called when the reader comes near the top.
   *   If it fails, a button asks him to try again.
   * @param {string} [options.label] of the conversation, for screen readers.
   */
  constructor(root, { me, earlier, label } = {}) {
    this.me = me;
    this.earlier = earlier;
    this.more = Boolean(earlier);
    this.beginning = t("transcript.beginning"); // what stands above the first message of all
    this.sentinel = el("div.earlier", {}, el("span"));
    this.log = el("div.log", { role: "log", "aria-live": "polite", "aria-label": label ?? t("transcript.label") });
    this.waiting = el("div.waiting");
    root.classList.add("transcript");
    this.place = new Place(root, el("div.content", {}, this.sentinel, this.log, this.waiting), label ?? t("transcript.label"));
    const near = { root: this.place.scroller, rootMargin: `${AHEAD}px 0px 0px` };
    // On a busy machine it tells of several frames at once, the latest last.
    this.watch = new IntersectionObserver((entries) => entries.at(-1).isIntersecting && this.loadEarlier(), near);
    if (earlier) this.watch.observe(this.sentinel);
    document.addEventListener("visibilitychange", this.#nameDays);
  }

  /** It is wanted no more: nothing on the page is to hold on to it. */
  end() {
    document.removeEventListener("visibilitychange", this.#nameDays);
    this.watch.disconnect();
    this.place.end();
  }

  /** The messageId of the first message here; undefined while there is none. */
  get oldest() {
    for (const row of this.#rows()) if (row.id) return row.id;
    return undefined;
  }

  /** Whether a message is here. */
  has(messageId) {
    return this.#ids.has(messageId);
  }

  /**
   * A delivered message (D1), at its place in the order. One that is here already changes nothing.
   *
   * @param {object} message
   * @param {{recovered?: boolean}} [about] `recovered`: it is an older one, which no screen reader need tell.
   */
  add(message, { recovered } = {}) {
    this.#unpend(message.clientMessageId);
    if (this.#ids.has(message.messageId)) return;
    if (recovered) this.#hush();
    const row = messageRow(message, this.me, this.#names.get(message.createUser));
    this.#names.set(message.createUser, message.nickName);
    this.#ids.add(message.messageId);
    this.#insert(row);
    if (message.createUser !== this.me) this.place.receive(row);
    if (this.#ids.size >= SAID + AT_ONCE) this.#trim();
    this.place.settle();
  }

  /** Somebody came or went (N1, N4). */
  addNotice(notice) {
    this.#pass(noticeRow(notice));
  }

  /** A line of the page's own, such as "You are now in the room …". */
  addLine(text) {
    this.#pass(plainRow(text));
  }

  /** Earlier messages, in ascending order, before all that are here. The reader's place stays. */
  prepend(messages) {
    const names = new Map();
    const rows = [];
    for (const message of messages) {
      if (!this.#ids.has(message.messageId)) {
        rows.push(messageRow(message, this.me, names.get(message.createUser)));
        this.#ids.add(message.messageId);
      }
      this.#unpend(message.clientMessageId);
      names.set(message.createUser, message.nickName);
      if (!this.#names.has(message.createUser)) this.#names.set(message.createUser, message.nickName);
    }
    if (!rows.length) return;
    this.#hush();
    const after = this.#blocks[0]?.rows[0];
    const blocks = [];
    rows.forEach((row, at) => {
      row.follow(rows[at - 1]);
      if (at % BLOCK === 0) blocks.push(newBlock());
      addRow(blocks.at(-1), row);
    });
    this.#blocks.unshift(...blocks);
    this.place.hold(() => {
      this.log.prepend(...blocks.map((block) => block.element));
      after?.follow(rows.at(-1));
    });
  }

  /**
   * A message that was just sent: shown at the end until it comes back. Its receipt settles it, a refusal fails it.
   *
   * @param {{clientMessageId: string, receipt: Promise<object>}} sent
   * @param {object} draft what was sent.
   * @param {() => void} [again] sends it once more; offered if the refusal may pass.
   */
  pend(sent, draft, again) {
    const row = pendingRow(draft, this.me);
    row.follow(this.#lastRow());
    this.#pending.set(sent.clientMessageId, row);
    this.waiting.append(row.element);
    this.place.unmark();
    this.place.toEnd();
    sent.receipt?.then((message) => this.settle(sent.clientMessageId, message), (error) => this.fail(sent.clientMessageId, error, again));
  }

  /** The server's copy of a pending message is there. */
  settle(clientMessageId, message) {
    this.#unpend(clientMessageId);
    if (message?.messageId) this.add(message);
  }

  /** A pending message was refused. `again`, if given, is offered as a button; it removes the row. */
  fail(clientMessageId, error, again) {
    const row = this.#pending.get(clientMessageId);
    if (!row) return;
    const retry = again && (() => {
      this.#unpend(clientMessageId);
      again();
    });
    failRow(row, error, error?.retry === false ? undefined : retry);
  }

  /** A failed message is on its way again, under its old clientMessageId. */
  retry(clientMessageId) {
    const row = this.#pending.get(clientMessageId);
    if (row) retryRow(row);
  }

  /** Empty, as for another room. Earlier ones are asked for anew. */
  clear() {
    this.#blocks = [];
    this.#ids.clear();
    this.#names.clear();
    this.#pending.clear();
    this.#passing = [];
    this.place.unmark();
    this.#generation += 1;
    this.#loading = false;
    this.log.replaceChildren();
    this.waiting.replaceChildren();
    this.more = Boolean(this.earlier);
    this.#showSentinel("");
    this.place.toEnd();
    this.#rewatch();
  }

  /** Fetch earlier messages, unless that is under way or there are none. */
  async loadEarlier() {
    if (this.#loading || !this.more) return;
    const generation = this.#generation;
    this.#loading = true;
    this.#showSentinel(t("transcript.loading"));
    let failed = false;
    let more = true;
    try {
      more = await this.earlier();
    } catch {
      failed = true;
    }
    if (generation !== this.#generation) return; // cleared meanwhile
    this.#loading = false;
    this.more = more;
    if (failed) this.#offerEarlier();
    else {
      this.#showSentinel(more ? "" : this.beginning);
      this.#rewatch(); // the top may be in sight still
    }
  }

  // -- rows -----------------------------------------------------------------------------------------

  *#rows() {
    for (const block of this.#blocks) yield* block.rows;
  }

  #lastRow() {
    return [...this.#pending.values()].at(-1) ?? this.#blocks.at(-1)?.rows.at(-1);
  }

  // In the order of the messageIds; what has none comes last. Nearly always the place is the end.
  #insert(row) {
    let block = this.#blocks.at(-1);
    let at = block?.rows.length ?? 0;
    if (row.id) {
      let probe = [this.#blocks.length - 1, at - 1];
      let later;
      while (probe[0] >= 0) {
        const other = this.#blocks[probe[0]].rows[probe[1]];
        if (other?.id && other.id < row.id) break;
        if (other?.id) later = probe;
        probe = probe[1] > 0 ? [probe[0], probe[1] - 1] : [probe[0] - 1, (this.#blocks[probe[0] - 1]?.rows.length ?? 0) - 1];
      }
      if (later) [block, at] = [this.#blocks[later[0]], later[1]];
    }
    if (!block || (at >= BLOCK && at === block.rows.length)) {
      block = newBlock();
      at = 0;
      this.#blocks.push(block);
      this.log.append(block.element);
    }
    addRow(block, row, at);
    const index = this.#blocks.indexOf(block);
    row.follow(block.rows[at - 1] ?? this.#blocks[index - 1]?.rows.at(-1));
    (block.rows[at + 1] ?? this.#blocks[index + 1]?.rows[0])?.follow(row);
    this.#pending.values().next().value?.follow(this.#blocks.at(-1).rows.at(-1));
    if (row.separator) this.#nameDays(); // another day has begun, perhaps
  }

  #nameDays = () => nameDays(this.log);

  // What is old is no news for a screen reader.
  #hush() {
    if (this.log.getAttribute("aria-live") === "off") return;
    this.log.setAttribute("aria-live", "off");
    requestAnimationFrame(() => this.log.setAttribute("aria-live", "polite"));
  }

  #pass(row) {
    this.#insert(row);
    this.#passing.push(row);
    if (this.#passing.length >= PASSING + AT_ONCE) this.place.hold(() => this.#remove(new Set(this.#passing.splice(0, AT_ONCE))));
    this.place.settle();
  }

  #remove(gone) {
    let last;
    for (const block of this.#blocks) {
      for (const row of block.rows) if (gone.has(row)) row.element.remove();
      block.rows = block.rows.filter((row) => !gone.has(row));
      if (block.rows.length) guess(block);
      else block.element.remove();
      for (const row of block.rows) {
        row.follow(last);
        last = row;
      }
    }
    this.#blocks = this.#blocks.filter((block) => block.rows.length);
    this.#pending.values().next().value?.follow(last);
  }

  // Who is at the end does not see the first ones go, and who goes up to them has them fetched.
  #trim() {
    if (!this.earlier || this.#loading || !this.place.isAtEnd) return;
    this.place.hold(() => {
      while (this.#ids.size > SAID) {
        const block = this.#blocks.shift();
        for (const row of block.rows) this.#ids.delete(row.id);
        block.element.remove();
      }
      this.#blocks[0].rows[0].follow();
    });
    this.#passing = this.#passing.filter((row) => row.element.isConnected);
    this.more = true;
    this.#showSentinel("");
    this.#rewatch();
  }

  #unpend(clientMessageId) {
    const row = this.#pending.get(clientMessageId);
    if (!row) return;
    row.element.remove();
    this.#pending.delete(clientMessageId);
  }

  // -- the top ----------------------------------------------------------------------------------------

  #rewatch() {
    if (!this.earlier) return;
    this.watch.unobserve(this.sentinel);
    if (this.more) this.watch.observe(this.sentinel);
  }

  #showSentinel(text) {
    this.sentinel.replaceChildren(el("span", { text }));
  }

  #offerEarlier() {
    this.sentinel.replaceChildren(el("button.button.small", { text: t("transcript.load-earlier"), on: { click: () => this.loadEarlier() } }));
  }
}

const newBlock = () => ({ element: el("div.block"), rows: [] });

function addRow(block, row, at = block.rows.length) {
  block.element.insertBefore(row.element, block.rows[at]?.element ?? null);
  block.rows.splice(at, 0, row);
  guess(block);
}

function guess(block) {
  block.element.style.containIntrinsicHeight = `auto ${block.rows.length * LIKELY}px`;
}
