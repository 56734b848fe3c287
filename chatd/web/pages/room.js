// The group room: everybody in it hears everybody (NtoN).

import { ChatClient, md5 } from "./chatd-client.js";
import { Composer } from "./parts/composer.js";
import { connectionBar } from "./parts/connection.js";
import { ask } from "./parts/dialogs.js";
import { icon } from "./parts/dom.js";
import { entryForm, keepIdentity, readIdentity } from "./parts/entry.js";
import { localize, t } from "./parts/i18n.js";
import { menuButton } from "./parts/menu.js";
import { People } from "./parts/people.js";
import { explain, explainClose } from "./parts/refusals.js";
import { serverConfig } from "./parts/server.js";
import { toast } from "./parts/toast.js";
import { Transcript } from "./parts/transcript.js";

const KEY = "chatd.room";
const PAGE = 50; // messages fetched at once

const at = (id) => document.getElementById(id);

/** The page of one who is in a room, from his coming to his leaving. */
class Room {
  #rejoined = false;
  #unseen = 0;

  constructor(url, identity, leave) {
    this.identity = identity;
    this.leave = leave;
    this.room = identity.room;
    this.client = new ChatClient({
      url,
      name: identity.name,
      userId: identity.userId,
      roomName: identity.room,
      icon: identity.icon,
      ...(identity.account ? { account: identity.account, password: md5(identity.password), clientType: identity.clientType } : {}),
    });
    this.joined = new Promise((resolve) => (this.enter = resolve));
    this.transcript = new Transcript(at("transcript"), { me: identity.userId, earlier: () => this.#earlier(), label: t("transcript.label") });
    this.people = new People(at("online"), at("others"), identity.userId);
    this.composer = new Composer(at("write"), { onText: (text) => this.#say({ messageType: "text", messageContent: text }), onMedia: (draft) => this.#say(draft) });
    this.#menu();
    this.#listen();
    this.#title();
    connectionBar(at("connection"), this.client, { again: () => this.#leave(), focus: () => this.composer.focus() });
    this.client.connect();
    this.composer.focus();
  }

  // -- what is heard --------------------------------------------------------------------------------

  #listen() {
    this.client.on("state", (change) => this.#state(change));
    this.client.on("message", (message, about) => this.#message(message, about));
    this.client.on("notice", (notice) => this.#notice(notice));
    this.client.on("error", (error) => toast(explain(error)));
    document.addEventListener("visibilitychange", this.seen);
  }

  #state({ state, code, reason }) {
    if (state === "joined") {
      this.enter();
      this.#ask();
    } else if (state === "closed" && code !== 1000) {
      this.composer.disable(explainClose(code, reason));
      if (!this.#rejoined) this.#leave(explainClose(code, reason)); // never been in: the form says why
    }
  }

  #message(message, about) {
    if (message.containerId) return;
    this.transcript.add(message, about);
    this.people.update(message);
    if (document.hidden && message.createUser !== this.identity.userId) {
      this.#unseen += 1;
      this.#title();
    }
  }

  #notice(notice) {
    if (notice.containerId) return;
    const own = notice.userId === this.identity.userId;
    if (own && notice.action === "in" && notice.roomName !== this.room) this.#moved(notice.roomName);
    this.people.hear(notice);
    this.#count(notice.count);
    if (!(own && this.#rejoined)) this.transcript.addNotice(notice);
    if (own) this.#rejoined = true; // a later one of ours only says that the connection is back
  }

  // Who is here, asked anew with each connection and room: what was missed of their coming and going is then in it.
  async #ask() {
    try {
      const { roomName, users, count } = await this.client.online();
      if (roomName !== this.room) return;
      this.people.fill(users);
      this.#count(count);
    } catch {
      // an older server, or the connection is lost again: the notices tell
    }
  }

  async #earlier() {
    await this.joined;
    const room = this.room;
    try {
      const before = this.transcript.oldest;
      const page = await this.client.history({ limit: PAGE, ...(before ? { before } : {}) });
      if (room === this.room) this.transcript.prepend(page.messages);
      return page.more;
    } catch (error) {
      if (error.code !== "storage_unavailable") throw error;
      this.transcript.beginning = t("room.no-history");
      return false;
    }
  }

  // -- what is done -----------------------------------------------------------------------------------

  #say(draft) {
    this.transcript.pend(this.client.send(draft), draft, () => {
      this.#say(draft);
      this.composer.focus();
    });
  }

  #moved(room) {
    this.room = this.identity.room = room;
    keepIdentity({ key: KEY, identity: this.identity });
    this.transcript.clear();
    this.people.clear();
    this.#title();
    toast(t("room.moved", { room }));
    this.#ask();
  }

  async #rename() {
    const change = await ask({
      title: t("room.rename"),
      submit: t("room.save"),
      fields: [
        { name: "name", label: t("room.rename-name"), value: this.client.name, required: true, maxlength: 64 },
        { name: "icon", label: t("room.rename-picture"), value: this.client.icon, type: "url", maxlength: 2048 },
      ],
    });
    if (!change) return;
    await this.#attempt(this.client.rename(change));
    Object.assign(this.identity, { name: this.client.name, icon: this.client.icon });
    keepIdentity({ key: KEY, identity: this.identity });
    this.#title();
  }

  async #change() {
    const fields = [{ name: "room", label: t("entry.room"), required: true, maxlength: 128 }];
    const to = await ask({ title: t("room.change"), text: t("room.change-text"), submit: t("room.go"), fields });
    if (to && to.room !== this.room) await this.#attempt(this.client.changeRoom(to.room));
    this.composer.focus();
  }

  async #attempt(request) {
    try {
      await request;
    } catch (error) {
      toast(explain(error));
    }
  }

  #leave(error) {
    this.client.close();
    document.removeEventListener("visibilitychange", this.seen);
    this.leave(error);
  }

  // -- what is shown ------------------------------------------------------------------------------------

  #menu() {
    const { root } = menuButton({
      label: t("room.more"),
      icon: "more",
      items: [
        { icon: "edit", text: t("room.rename"), choose: () => this.#rename() },
        { icon: "swap", text: t("room.change"), choose: () => this.#change() },
        { icon: "leave", text: t("room.leave"), choose: () => this.#leave() },
      ],
    });
    at("more").replaceChildren(root);
  }

  #count(count) {
    at("count").textContent = t("room.online", { count });
    this.people.show(count);
  }

  #title() {
    at("name").textContent = this.room;
    document.title = `${this.#unseen ? `(${this.#unseen}) ` : ""}${this.room} – chatd`;
    const query = new URLSearchParams(location.search);
    query.set("room", this.room); // a copied address invites into this room
    for (const key of ["name", "icon"]) if (query.has(key)) query.set(key, this.identity[key]); // and a reload is the same person
    history.replaceState(null, "", `?${query}`);
  }

  seen = () => {
    if (document.hidden || !this.#unseen) return;
    this.#unseen = 0;
    this.#title();
  };
}

/** The list of who is online, where it is over the conversation. */
function setUpSide() {
  const side = at("side");
  const people = at("people");
  const show = (open) => {
    side.classList.toggle("open", open);
    people.setAttribute("aria-expanded", String(open));
    (open ? at("side-close") : people).focus();
  };
  people.append(icon("group"));
  at("side-close").append(icon("close"));
  people.addEventListener("click", () => show(!side.classList.contains("open")));
  at("side-close").addEventListener("click", () => show(false));
  side.addEventListener("keydown", (event) => event.key === "Escape" && show(false));
  document.addEventListener("pointerdown", (event) => side.classList.contains("open") && !side.contains(event.target) && !people.contains(event.target) && show(false));
}

function enter(url, identity) {
  keepIdentity({ key: KEY, identity: { ...identity, entered: true } });
  at("entry").hidden = true;
  at("room").hidden = false;
  for (const id of ["connection", "transcript", "write"]) at(id).replaceChildren();
  new Room(url, identity, (error) => {
    keepIdentity({ key: KEY, identity: { entered: false } });
    form(url, identity, error);
  });
}

function form(url, identity, error) {
  at("room").hidden = true;
  at("entry").hidden = false;
  document.title = `${t("room.title")} – chatd`;
  entryForm(at("entry").firstElementChild, {
    title: t("room.entry-title"),
    text: t("room.entry-text"),
    identity,
    error,
    onEnter: (entered) => enter(url, entered),
  });
}

async function begin() {
  localize();
  at("home").append(icon("back"));
  at("skip").addEventListener("click", (event) => {
    event.preventDefault();
    at("write").querySelector("textarea").focus();
  });
  setUpSide();
  const identity = readIdentity({ key: KEY, defaults: { room: "lobby" } });
  try {
    const { websocket } = await serverConfig();
    if (identity.given) enter(websocket, identity);
    else form(websocket, identity);
  } catch {
    form("", identity, t("room.not-found"));
  }
}

begin();
