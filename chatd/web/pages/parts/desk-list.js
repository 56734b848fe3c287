// Beside the conversations: the bar above them, who waits, which conversations there are, who is in the room.

import { avatar, el, freshId, icon } from "./dom.js";
import { t } from "./i18n.js";
import { clockTime } from "./times.js";

const MOST_PEOPLE = 50; // shown

/** The bar: who the agent is, how many are online, the sound. */
export class DeskBar {
  constructor(client, { alerts, leave }) {
    this.alerts = alerts;
    this.count = el("span.badge");
    this.sound = el("button.button.quiet.icon-only", { on: { click: () => this.#toggle() } });
    this.root = el(
      "header.app-bar",
      {},
      avatar(client.name, client.icon, client.userId),
      el("div.grow", {}, el("h1.truncate", { dir: "auto", text: client.name }), el("p.small.soft.truncate", { dir: "auto", text: t(client.roomName === client.userId ? "agent.at" : "agent.at-as", { room: client.roomName, user: client.userId }) })),
      this.count,
      this.sound,
      el("button.button.quiet.icon-only", { "aria-label": t("agent.leave"), title: t("agent.leave"), on: { click: leave } }, icon("leave")),
    );
    this.#label();
  }

  update(roster) {
    this.count.hidden = !roster.count;
    this.count.textContent = t("agent.online", { count: roster.count });
  }

  #toggle() {
    this.alerts.muted = !this.alerts.muted;
    if (!this.alerts.muted) this.alerts.sound("message");
    this.#label();
  }

  #label() {
    const { muted } = this.alerts;
    const label = t("agent.sound");
    this.sound.setAttribute("aria-label", label);
    this.sound.setAttribute("aria-pressed", String(!muted));
    this.sound.title = muted ? t("agent.sound-off") : t("agent.sound-on");
    this.sound.replaceChildren(icon(muted ? "bell-off" : "bell"));
  }
}

/** The lists. What changes in them changes in place: the focus stays where it is. */
export class DeskList {
  #client;
  #acts;
  #entries = new Map(); // key → element
  #news = "";

  /** @param {{accept: (id: string) => void, show: (id: string | null) => void}} acts */
  constructor(client, acts) {
    this.#client = client;
    this.#acts = acts;
    this.told = el("p.form-error", { role: "alert", hidden: true });
    this.live = el("p.sr-only", { role: "status" });
    this.waiting = group("agent.waiting", "agent.nobody-waits");
    this.open = group("agent.conversations", "agent.no-conversations");
    this.closed = group("agent.closed");
    this.people = group("agent.people");
    this.root = el("nav.desk-list", { "aria-label": t("agent.lists") }, this.told, this.live, this.waiting.root, this.open.root, this.closed.root, this.people.root);
  }

  /** Say what went wrong. */
  tell(text) {
    this.told.textContent = text;
    this.told.hidden = false;
    setTimeout(() => (this.told.hidden = true), 8000);
  }

  /** Put the focus on a conversation. */
  focus(id) {
    (this.#entries.get(`open ${id}`) ?? this.#entries.get("room"))?.querySelector("button")?.focus();
  }

  update(roster, { shown, roomUnread }) {
    const waiting = roster.in("waiting").sort((one, other) => one.asked - other.asked);
    this.#fill(this.waiting, waiting.map((conversation) => this.#request(conversation)));
    const open = roster.in("open").map((conversation) => this.#conversation(conversation, shown));
    this.#fill(this.open, [...open, this.#room(shown, roomUnread)]);
    this.#fill(this.closed, roster.in("closed").map((conversation) => this.#conversation(conversation, shown)));
    this.#fill(this.people, roster.people.slice(0, MOST_PEOPLE).map((person) => this.#person(person)));
    this.waiting.root.classList.toggle("calls", waiting.length > 0);
    this.closed.root.hidden = !roster.in("closed").length;
    this.people.root.hidden = !roster.people.length;
    this.people.count.textContent = roster.count || roster.people.length;
    this.open.count.textContent = open.length || "";
    const news = waiting.length ? t("agent.waiting-now", { count: waiting.length }) : "";
    if (news !== this.#news) this.live.textContent = this.#news = news;
  }

  // -- entries ------------------------------------------------------------------------------------------

  #request(conversation) {
    return this.#entry(`waiting ${conversation.id}`, JSON.stringify([conversation.name, conversation.icon, conversation.targetId, conversation.here, conversation.asked]), () => {
      const since = clockTime(new Date(conversation.asked));
      return [
        face(conversation),
        el("div.grow", {}, el("p.entry-name.truncate", { dir: "auto", text: conversation.name }), el("p.entry-about.truncate", { dir: "auto", text: conversation.targetId, title: conversation.targetId }), el("p.entry-about", { text: conversation.here ? t("agent.since", { time: since }) : t("agent.since-gone", { time: since }) })),
        el("button.button.primary.small", { "aria-label": t("agent.accept-name", { name: conversation.name }), text: t("agent.accept"), on: { click: () => this.#acts.accept(conversation.id) } }),
      ];
    });
  }

  #conversation(conversation, shown) {
    const { id, name, unread, here, state } = conversation;
    const isShown = shown.includes(id);
    return this.#entry(`open ${id}`, JSON.stringify([name, conversation.icon, conversation.targetId, unread, here, state, isShown]), () => [
      this.#button(id, isShown, unread, [
        face(conversation),
        el("span.grow", {}, el("span.entry-name.truncate", { dir: "auto", text: name }), el("span.entry-about.truncate", { dir: "auto", text: state === "closed" ? t("agent.state-closed") : conversation.targetId })),
      ]),
    ]);
  }

  #room(shown, unread) {
    const isShown = shown.includes(null);
    return this.#entry("room", JSON.stringify([unread, isShown]), () => [
      this.#button(null, isShown, unread, [
        el("span.pane-mark", {}, icon("group")),
        el("span.grow", {}, el("span.entry-name.truncate", { text: t("agent.room-talk") }), el("span.entry-about.truncate", { text: t("agent.room-short") })),
      ]),
    ]);
  }

  #person({ userId, nickName, userIcon, containerId }) {
    const kind = userId === this.#client.userId ? t("agent.you") : containerId ? t("agent.customer") : t("agent.colleague");
    return this.#entry(`person ${userId}`, JSON.stringify([nickName, userIcon, kind]), () => [
      avatar(nickName, userIcon, userId),
      el("span.grow", {}, el("span.entry-name.truncate", { dir: "auto", text: nickName })),
      el("span.entry-about", { text: kind }),
    ]);
  }

  #button(id, isShown, unread, content) {
    const mark = unread > 0 && el("span.badge.accent", {}, el("span", { text: unread > 99 ? "99+" : unread, "aria-hidden": "true" }), el("span.sr-only", { text: t("agent.unread", { count: unread }) }));
    return el("button.entry-button", { "aria-current": isShown && "true", on: { click: () => this.#acts.show(id) } }, ...content, mark);
  }

  // An element is made anew only if it is to look otherwise; then the focus goes along.
  #entry(key, looks, make) {
    let element = this.#entries.get(key);
    if (!element) {
      element = el("li.desk-entry");
      this.#entries.set(key, element);
    }
    if (element.looks !== looks) {
      const hadFocus = element.contains(document.activeElement);
      element.looks = looks;
      element.key = key;
      element.replaceChildren(...make());
      if (hadFocus) element.querySelector("button")?.focus();
    }
    return element;
  }

  #fill({ list, count, none }, elements) {
    count.textContent = elements.length || "";
    if (none) none.hidden = elements.length > (list === this.open.list ? 1 : 0);
    const kept = new Set(elements);
    for (const element of [...list.children]) {
      if (kept.has(element)) continue;
      element.remove();
      this.#entries.delete(element.key);
    }
    elements.forEach((element, at) => {
      if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
    });
  }
}

function group(title, nothing) {
  const id = freshId("group");
  const count = el("span.badge");
  const list = el("ul");
  const none = nothing && el("p.desk-none", { text: t(nothing) });
  const root = el("section.desk-group", { "aria-labelledby": id }, el("h2", { id }, el("span", { text: t(title) }), " ", count), none, list);
  return { root, list, count, none };
}

function face({ name, icon: picture, id, here }) {
  return el("span.face", {}, avatar(name, picture, id), el(here ? "span.dot.on" : "span.dot", { title: here ? t("agent.here") : t("agent.away") }));
}
