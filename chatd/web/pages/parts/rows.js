// One line of a conversation: a message, one that is being sent, or something that happened.

import { contents } from "./contents.js";
import { avatar, el, icon } from "./dom.js";
import { lang, t } from "./i18n.js";
import { explain } from "./refusals.js";
import { clockTime, dayKey, dayName, fullTime, parseTime } from "./times.js";

const RUN = 5 * 60 * 1000; // messages of one author so close to each other are under one name

/**
 * A line and what its neighbours need to know of it.
 *
 * `id` is the messageId ("" for what has none), `author` the userId whose run it may belong to (undefined: nobody's),
 * `date` may be undefined.
 */
export class Row {
  constructor({ id = "", author, date, element, head }) {
    Object.assign(this, { id, author, date, element, head });
    this.day = date && dayKey(date);
  }

  /** Follow another row (undefined: be the first): under the same name or not, on the same day or not. */
  follow(previous) {
    const newDay = this.day !== undefined && this.day !== previous?.lastDay;
    this.lastDay = this.day ?? previous?.lastDay;
    const run =
      !newDay && !this.unread && this.author !== undefined && previous?.author === this.author && this.date - previous.date < RUN;
    this.element.classList.toggle("first", !run);
    this.separator?.remove();
    this.separator = newDay ? daySeparator(this.date) : undefined;
    if (newDay) this.element.prepend(this.separator);
  }

  /** Put an element above it that says that the unread ones begin here; undefined: take it away. */
  setUnread(element) {
    this.unread?.remove();
    this.unread = element;
    if (!element) return;
    this.element.prepend(element);
    this.element.classList.add("first");
  }
}

function daySeparator(date) {
  const name = dayName(date);
  return el("div.day", { role: "separator", "aria-label": name, data: { time: date.getTime() } }, el("span", { text: name, "aria-hidden": "true" }));
}

/** Name the days below an element anew: what was today is yesterday at midnight. */
export function nameDays(root) {
  for (const separator of root.querySelectorAll(".day")) {
    const name = dayName(new Date(Number(separator.dataset.time)));
    if (separator.firstChild.textContent === name) continue;
    separator.firstChild.textContent = name;
    separator.setAttribute("aria-label", name);
  }
}

/** A delivered message. `known` is the name that its author had before it, if that is known. */
export function messageRow(message, me, known) {
  const date = parseTime(message.createTime);
  const happened = happening(message, known);
  if (happened) return new Row({ id: message.messageId, date, element: happeningElement(happened, date, "event") });
  const own = message.createUser === me;
  const { element, head } = bubble(message, own, date);
  if (message.eventType === "autoReturn") head.append(el("span.badge", { text: t("transcript.automatic") }));
  return new Row({ id: message.messageId, author: message.createUser, date, element, head });
}

/** A message that the server has not confirmed yet: at the end, and marked so. */
export function pendingRow(draft, me) {
  const date = new Date();
  const { element, body } = bubble({ ...draft, createUser: me }, true, date);
  const status = el("p.status", {}, icon("clock"), el("span.sr-only", { text: t("transcript.sending") }));
  element.classList.add("pending");
  body.append(status);
  const row = new Row({ author: me, date, element });
  row.status = status;
  return row;
}

/** Say on a pending row why it was not sent, and offer to try `again` if that may help. */
export function failRow(row, error, again) {
  row.element.classList.add("failed");
  const retry = again && el("button.link-button", { text: t("transcript.again"), on: { click: again } });
  row.status.setAttribute("role", "alert");
  row.status.replaceChildren(icon("warning"), el("span", { text: t("transcript.not-sent", { why: explain(error) }) }), retry || "");
}

/** A pending row is on its way again. */
export function retryRow(row) {
  row.element.classList.remove("failed");
  row.status.removeAttribute("role");
  row.status.replaceChildren(icon("clock"), el("span.sr-only", { text: t("transcript.sending") }));
}

/** Somebody came or went. It is not stored, so no day begins with it. */
export function noticeRow(notice) {
  return new Row({ element: happeningElement(noticeText(notice), new Date(), "notice") });
}

/** A line of the page's own. */
export function plainRow(text) {
  return new Row({ element: happeningElement(text, undefined, "notice") });
}

/**
 * The sentence of a notice. It is the server's, whose operator may have written it. The protocol's own Chinese ones,
 * known by being exactly these, are told in the reader's language.
 */
export function noticeText({ action, nickName, count, messageContent, containerId }) {
  const original = action === "in" ? `${nickName} 进来了，现在共有【${count}】人在线` : `${nickName}, 离开了，现在共有【${count}】人在线`;
  if (lang === "zh" || messageContent !== original) return String(messageContent ?? "");
  return t(action === "outAll" && containerId ? "notice.outAll" : `notice.${action}`, { name: nickName });
}

function happening(message, known) {
  const name = message.nickName;
  if (message.eventType === "createContainer") return t("transcript.asked", { name, target: message.targetId ?? "" });
  if (message.eventType !== "updateUserInfo") return "";
  if (!message.messageContent) return t("transcript.new-avatar", { name });
  return known && known !== name ? t("transcript.renamed", { old: known, name }) : t("transcript.named", { name });
}

function happeningElement(text, date, kind) {
  return el(`div.row.happening.${kind}`, {}, el("p", { title: date ? fullTime(date) : null }, el("span", { dir: "auto", text })));
}

function bubble(message, own, date) {
  const { element: said, bare } = contents(message);
  const time = date && el("time", { datetime: date.toISOString(), title: fullTime(date), text: clockTime(date) });
  const name = el("span.author", { dir: "auto", text: own ? t("transcript.you") : message.nickName });
  const head = el("header.row-head", {}, name, time || "");
  const body = el("div.row-body", {}, head, el(bare ? "div.bubble.bare" : "div.bubble", { title: date ? fullTime(date) : null }, said));
  const element = el(own ? "article.row.said.own" : "article.row.said", {}, own ? null : avatar(message.nickName, message.userIcon, message.createUser), body);
  return { element, head, body };
}
