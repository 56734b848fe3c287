// The agent's screen: who waits, the conversations side by side, the room.

import { Alerts } from "./alerts.js";
import { connectionBar } from "./connection.js";
import { confirm } from "./dialogs.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { DeskBar, DeskList } from "./desk-list.js";
import { Pane } from "./pane.js";
import { explain } from "./refusals.js";
import { Roster } from "./roster.js";
import { serverConfig } from "./server.js";
import { parseTime } from "./times.js";

const WIDEST = 460; // px that a pane wants beside others
const MOST_PANES = 3;
const REPLIES_EVERY = 60_000; // ms: an operator may change them
const REPLAY = 10_000; // ms after we came into a conversation in which what was said before is told (D4)
const ROOM = null;

export class Desk {
  #client;
  #panes = new Map();
  #shown = []; // the ids of the panes to be seen, from the left
  #active; // the one that the agent works in
  #replies = {};
  #roomUnread = 0;
  #drawing = false;
  #cameIn = -Infinity; // when we came into a conversation last

  /**
   * @param {HTMLElement} root an empty element.
   * @param {import("../chatd-client.js").ChatClient} client not yet connected.
   * @param {{replies: object, leave: () => void}} what `leave`: to the form again.
   */
  constructor(root, client, { replies, leave }) {
    this.#client = client;
    this.#replies = replies ?? {};
    this.alerts = new Alerts(t("agent.title"));
    this.roster = new Roster(() => this.#draw());
    this.bar = new DeskBar(client, { alerts: this.alerts, leave });
    this.list = new DeskList(client, { accept: (id) => this.#accept(id), show: (id) => this.#show(id, true) });
    this.empty = el("div.panes-empty", {}, el("p", { text: t("agent.empty") }), el("p.soft", { text: t("agent.empty-how", { room: client.roomName, user: client.userId }) }));
    this.panes = el("main.panes", { "aria-label": t("agent.conversations") }, this.empty);
    const place = el("div.desk-bar");
    root.replaceChildren(el("div.desk", {}, this.bar.root, place, this.list.root, this.panes));
    this.root = root.firstChild;
    connectionBar(place, client, { again: leave, focus: () => this.#panes.get(this.#active)?.focus() });
    this.#listen();
    this.#pane(ROOM, null);
    this.#draw();
  }

  #listen() {
    const client = this.#client;
    client.on("state", ({ state }) => state === "joined" && this.#joined());
    client.on("request", (message) => this.#asked(message));
    client.on("message", (message, about) => this.#said(message, about));
    client.on("notice", (notice) => this.#noticed(notice));
    client.on("gap", ({ containerId }) => queueMicrotask(() => this.#gone(containerId))); // by then it is forgotten
    new ResizeObserver(() => this.#arrange()).observe(this.panes);
    for (const type of ["visibilitychange", "focus"]) {
      (type === "focus" ? window : document).addEventListener(type, () => this.#cameBack());
    }
    for (const type of ["pointerdown", "keydown"]) addEventListener(type, () => this.alerts.allow());
    document.addEventListener("keydown", (event) => this.#typed(event));
    setInterval(() => this.#askReplies(), REPLIES_EVERY);
  }

  // -- told by the server -------------------------------------------------------------------------------

  #joined() {
    this.roster.ask(this.#client);
    this.#askReplies();
    for (const { id } of this.roster.in("open")) this.#check(id);
  }

  async #asked(message) {
    const id = message.containerId;
    const open = this.roster.get(id)?.state === "open" && (await isMember(this.#client, id));
    if (this.roster.asked(message, open)) this.alerts.sound("request");
  }

  // Of a conversation that is forgotten, as by a server without a store, nobody tells.
  async #check(id) {
    if (!(await isMember(this.#client, id)) && this.roster.get(id)?.state === "open") this.roster.closed(id);
  }

  #said(message, { recovered, own }) {
    const id = message.containerId ?? ROOM;
    if (message.eventType === "createContainer") return;
    const conversation = id === ROOM ? null : this.roster.of(id);
    conversation?.learn(message);
    if (conversation?.state === "waiting" && this.#client.containers.has(id)) this.roster.opened(id);
    this.#pane(id, conversation).transcript.add(message, { recovered: recovered || this.#isReplayed(message) });
    if (!own && message.createUser !== this.#client.userId && !this.#sees(id)) {
      if (conversation) conversation.unread += 1;
      else this.#roomUnread += 1;
    }
    if (!own && !recovered && message.createUser !== this.#client.userId) this.alerts.sound("message");
    this.#draw();
  }

  // By our clock, which may be wrong: so only for a while.
  #isReplayed(message) {
    return Date.now() - this.#cameIn < REPLAY && parseTime(message.createTime) < this.#cameIn;
  }

  #noticed(notice) {
    const id = notice.containerId;
    if (id === undefined) {
      const conversation = this.roster.moved(notice);
      if (conversation?.state === "open") this.#pane(conversation.id, conversation).transcript.addNotice(notice);
      else if (!conversation) this.#pane(ROOM, null).transcript.addNotice(notice);
      this.roster.ask(this.#client);
    } else if (notice.action === "outAll") {
      this.#panes.get(id)?.transcript.addNotice(notice);
      this.roster.closed(id);
    } else {
      const mine = notice.userId === this.#client.userId;
      if (mine) this.#cameIn = Date.now();
      if (mine && notice.action === "in") this.#opened(id);
      if (!mine) this.#pane(id, this.roster.of(id)).transcript.addNotice(notice);
    }
  }

  #opened(id) {
    this.#pane(id, this.roster.opened(id)).update();
    this.#arrange();
    this.roster.ask(this.#client);
  }

  // Nobody told us, but it is there no more.
  #gone(containerId) {
    if (containerId && !this.#client.containers.has(containerId)) this.roster.closed(containerId);
  }

  async #askReplies() {
    try {
      const { replies } = await serverConfig();
      this.#replies = replies ?? {};
      for (const [id, pane] of this.#panes) if (id !== ROOM) pane.offer(this.#replies);
    } catch {
      // those that we have stay
    }
  }

  // -- what the agent does ------------------------------------------------------------------------------

  async #accept(id) {
    try {
      await this.#client.addContainer(id);
      this.#opened(id);
      this.#show(id, true);
    } catch (error) {
      if (["forbidden", "not_found"].includes(error.code)) this.roster.closed(id);
      this.list.tell(explain(error));
    }
  }

  async #end(conversation) {
    const sure = await confirm({ title: t("agent.end-title", { name: conversation.name }), text: t("agent.end-sure"), submit: t("agent.end"), danger: true });
    if (!sure) return;
    try {
      await this.#client.removeContainer(conversation.id);
    } catch (error) {
      if (error.code === "not_found") this.roster.closed(conversation.id);
      else this.list.tell(explain(error));
    }
  }

  #dismiss(id) {
    this.#panes.get(id)?.end();
    this.#panes.delete(id);
    this.#hide(id);
    if (this.roster.get(id)?.state === "closed") this.roster.forget(id); // who asks again meanwhile waits on
  }

  // Alt and an arrow: to the next conversation, to the one before.
  #typed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!event.altKey || !step) return;
    const ids = [...this.roster.in("open").map((conversation) => conversation.id), ROOM];
    const at = ids.indexOf(this.#active);
    event.preventDefault();
    this.#show(ids[(at + step + ids.length) % ids.length] ?? ROOM, true);
  }

  // -- what is to be seen -------------------------------------------------------------------------------

  get #capacity() {
    return Math.min(MOST_PANES, Math.max(1, Math.floor(this.panes.clientWidth / WIDEST)));
  }

  #pane(id, conversation) {
    let pane = this.#panes.get(id);
    if (pane && (!conversation || pane.conversation === conversation)) return pane;
    pane?.end(); // of an earlier conversation, which is forgotten
    pane = new Pane(this.#client, conversation, {
      back: () => this.#back(),
      end: () => this.#end(conversation),
      dismiss: () => this.#dismiss(id),
      touched: () => this.#touched(id),
    });
    if (conversation) pane.offer(this.#replies);
    this.#panes.set(id, pane);
    this.panes.append(pane.root);
    return pane;
  }

  #show(id, focus) {
    if (!this.#shown.includes(id)) {
      const at = this.#shown.indexOf(this.#active);
      if (this.#shown.length < this.#capacity) this.#shown.push(id);
      else this.#shown.splice(Math.max(0, at), 1, id);
    }
    this.#pane(id, this.roster.get(id) ?? null);
    this.root.classList.add("in-pane");
    this.#active = id;
    this.#arrange();
    if (focus) this.#panes.get(id).focus();
  }

  #hide(id) {
    this.#shown = this.#shown.filter((shown) => shown !== id);
    if (this.#active === id) this.#active = this.#shown[0];
    if (!this.#shown.length) this.root.classList.remove("in-pane");
    this.#arrange();
  }

  #back() {
    this.root.classList.remove("in-pane");
    this.list.focus(this.#active);
    this.#draw();
  }

  #arrange() {
    while (this.#shown.length > this.#capacity) {
      const at = this.#shown.findLastIndex((id) => id !== this.#active);
      this.#shown.splice(at, 1);
    }
    for (const { id } of this.roster.in("open")) {
      if (this.#shown.length < this.#capacity && !this.#shown.includes(id)) this.#shown.push(id);
    }
    if (!this.#shown.includes(this.#active)) this.#active = this.#shown[0];
    for (const [id, { root }] of this.#panes) {
      root.hidden = !this.#shown.includes(id);
      root.style.order = String(this.#shown.indexOf(id));
      root.classList.toggle("beside", this.#shown.indexOf(id) > 0);
      root.classList.toggle("active", id === this.#active && this.#shown.length > 1);
    }
    this.empty.hidden = this.#shown.length > 0;
    this.#looked();
  }

  #touched(id) {
    if (this.#active === id) return;
    this.#active = id;
    this.#arrange();
  }

  // Whether the agent sees what is said in a conversation at the moment.
  #sees(id) {
    const looks = document.visibilityState === "visible" && document.hasFocus();
    return looks && this.#shown.includes(id) && this.#panes.get(id).root.checkVisibility();
  }

  #looked() {
    for (const id of this.#shown) {
      if (!this.#sees(id)) continue;
      if (id === ROOM) this.#roomUnread = 0;
      else if (this.roster.get(id)) this.roster.get(id).unread = 0;
    }
    this.#draw();
  }

  #cameBack() {
    this.#looked();
    if (document.visibilityState === "visible") this.#askReplies();
  }

  // Once for all that happens in a turn.
  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      const { roster } = this;
      this.list.update(roster, { shown: this.#shown, active: this.#active, roomUnread: this.#roomUnread });
      this.bar.update(roster);
      for (const pane of this.#panes.values()) pane.update();
      this.alerts.unread(roster.unread + this.#roomUnread);
    });
  }
}

async function isMember(client, containerId) {
  try {
    await client.online({ containerId, limit: 1 });
    return true;
  } catch (error) {
    return error.code !== "not_found" && error.code !== "not_member";
  }
}
