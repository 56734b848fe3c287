/** A clock that stands still until it is moved, and a server that says what a test wants. */

import { ChatClient } from "../chatd-client.js";
import { HEARTBEAT } from "../chatd-client-link.js";

export class Clock {
  #now = 1_000_000;
  #timers = new Map();
  #next = 1;

  now() {
    return this.#now;
  }

  setTimeout(act, wait) {
    this.#timers.set(this.#next, { at: this.#now + wait, act });
    return this.#next++;
  }

  clearTimeout(timer) {
    this.#timers.delete(timer);
  }

  get isIdle() {
    return this.#timers.size === 0;
  }

  /** Time goes by, and timers act when they are due. */
  pass(ms) {
    const end = this.#now + ms;
    for (let due; (due = this.#due(end)) !== undefined; ) {
      this.#now = due.at;
      due.act();
    }
    this.#now = end;
  }

  /** Time goes by while timers are kept from acting: a tab that is hidden, a machine asleep. */
  freeze(ms) {
    this.#now += ms;
  }

  #due(end) {
    const [first] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
    if (first === undefined) return undefined;
    this.#timers.delete(first[0]);
    return { act: first[1].act, at: Math.max(first[1].at, this.#now) };
  }
}

/** One connection, seen from the server. */
class Connection {
  onopen = null;
  onmessage = null;
  onclose = null;
  texts = [];
  closedWith = null;
  #read = 0;

  constructor(url) {
    this.url = new URL(url);
  }

  // what a client uses
  send(text) {
    this.texts.push(text);
  }

  close(code = 1005) {
    this.closedWith = code;
  }

  // what a server does
  get parameters() {
    return Object.fromEntries(this.url.searchParams);
  }

  open() {
    this.onopen?.({});
  }

  say(...frames) {
    for (const frame of frames) {
      this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
    }
  }

  end(code = 1006, reason = "") {
    this.onclose?.({ code, reason });
  }

  get heartbeats() {
    return this.texts.filter((text) => text === HEARTBEAT).length;
  }

  /** The frames that the client has sent since they were looked at last, heartbeats apart. */
  frames() {
    const frames = this.texts.slice(this.#read).filter((text) => text !== HEARTBEAT);
    this.#read = this.texts.length;
    return frames.map((text) => JSON.parse(text));
  }

  /** The only frame, beside questions where the client is. */
  frame() {
    const frames = this.frames().filter(({ eventType, limit }) => !(eventType === "history" && limit === 1));
    if (frames.length !== 1) throw new Error(`not one frame but ${JSON.stringify(frames)}`);
    return frames[0];
  }
}

/** A client of a played server, with all that it tells. */
export class Play {
  clock = new Clock();
  connections = [];
  events = [];
  chance = 1;
  #lastId = 0;

  constructor(options = {}) {
    const { connections } = this;
    class Played extends Connection {
      constructor(url) {
        super(url);
        connections.push(this);
      }
    }
    const ann = { url: "ws://chat.example:9326/", name: "Ann", userId: "ann", roomName: "lobby" };
    const world = { WebSocket: Played, clock: this.clock, random: () => this.chance };
    this.client = new ChatClient({ ...ann, ...world, ...options });
    for (const type of ["state", "message", "notice", "request", "error", "gap"]) {
      this.client.on(type, (what, how) => this.events.push({ type, what, how }));
    }
  }

  /** The newest connection. */
  get server() {
    return this.connections.at(-1);
  }

  told(type) {
    return this.events.filter((event) => event.type === type).map((event) => event.what);
  }

  /** The texts of the messages told. */
  get texts() {
    return this.told("message").map((message) => message.messageContent);
  }

  get states() {
    return this.told("state").map((event) => event.state);
  }

  /** Lets the client in, without a question where it is. */
  join() {
    this.client.connect();
    this.letIn();
    this.newest();
    return this;
  }

  letIn() {
    this.server.open();
    this.server.say(this.in());
  }

  /** Answers the question where the client is, if it was asked. @param message the newest, if there is one */
  newest(...messages) {
    const asked = this.server.frames();
    for (const { eventType, limit, containerId } of asked) {
      if (eventType !== "history" || limit !== 1) throw new Error(`asked: ${JSON.stringify(asked)}`);
      this.server.say(this.page(messages, { containerId }));
    }
  }

  /** The connection is lost, and the client is let in by another one, which knows what was missed. */
  loseAndJoin(...missed) {
    this.lose();
    this.letIn();
    this.server.say(this.page(missed));
  }

  /** The connection is lost, and there is another one. */
  lose(code = 1006) {
    this.server.end(code);
    this.clock.pass(this.told("state").at(-1).retryIn);
  }

  // -- frames -----------------------------------------------------------------------------------------

  in(more = {}) {
    const { name, userId, roomName } = this.client;
    const notice = { messageType: "notice", action: "in", nickName: name, userId, roomName, count: 2 };
    return { ...notice, messageContent: "…", ...more };
  }

  message(text, more = {}) {
    const messageId = String((this.#lastId += 1)).padStart(6, "0");
    const bob = { messageType: "text", eventType: "ordinary", nickName: "Bob", createUser: "bob", roomName: "lobby" };
    return { messageContent: text, ...bob, messageId, ...more };
  }

  /** The copy of what the client has sent. */
  copy(frame, more = {}) {
    const { messageContent, ...rest } = frame;
    const { name, userId } = this.client;
    return this.message(messageContent, { ...rest, nickName: name, createUser: userId, ...more });
  }

  page(messages, more = {}) {
    return { messageType: "history", roomName: this.client.roomName, messages, more: false, ...more };
  }

  error(code, frame = {}) {
    const { eventType, clientMessageId } = frame;
    return { messageType: "error", code, messageContent: `about ${code}`, eventType, clientMessageId };
  }
}

/** Lets promises settle. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
