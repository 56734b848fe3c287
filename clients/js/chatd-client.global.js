// window.chatd, for <script src>. Built by build.mjs from the modules beside it; do not edit.
"use strict";
globalThis.chatd = (() => {
// chatd-client-events.js
/** Who listens to a client, and what a page has to tell one. */

class Listeners {
  #listeners = new Map();

  /** @returns ends it */
  add(type, listener) {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** A listener that throws harms neither the others nor us: its error is reported as any that nobody caught. */
  tell(type, ...what) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(...what);
      } catch (error) {
        report(error);
      }
    }
  }
}

function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else setTimeout(() => { throw error; });
}

/** Calls `wake` when timers may have been late: the page is seen again, or the network is back. @returns ends it */
function onWake(wake) {
  const { document, addEventListener } = globalThis;
  if (document === undefined || addEventListener === undefined) return () => {};
  const seen = () => document.visibilityState === "visible" && wake();
  const listen = (method) => {
    document[`${method}EventListener`]("visibilitychange", seen);
    for (const type of ["online", "pageshow"]) globalThis[`${method}EventListener`](type, wake);
  };
  listen("add");
  return () => listen("remove");
}

// chatd-client-lane.js
/**
 * Requests that go to the server one at a time, each when the one before it has its answer: so they keep their
 * order whatever becomes of connections and of single requests.
 */

const FIRST = 1_000; // ms to wait after a refusal that does not last, doubled with each
const MOST = 30_000;

/** What the server, or the client itself, has against a request. */
class ChatError extends Error {
  constructor(code, message, { eventType, clientMessageId, retry = false } = {}) {
    super(message);
    this.name = "ChatError";
    this.code = code;
    this.retry = retry;
    if (eventType !== undefined) this.eventType = eventType;
    if (clientMessageId !== undefined) this.clientMessageId = clientMessageId;
  }
}

/** A clientMessageId (M6). Mini programs, and pages that came by http, have no crypto.randomUUID. */
function newId() {
  const bytes = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(bytes);
  else bytes.forEach((_, i) => (bytes[i] = Math.random() * 256));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Something that the server is asked to do. */
class Request {
  #fields;
  /** Whether it was sent, on this connection or one before. */
  wasSent = false;
  /** Whether it was sent more than once. */
  wasRepeated = false;
  /** How often it was refused for a while. */
  tries = 0;

  /**
   * @param fields of the frame; a clientMessageId is filled in
   * @param answeredBy whether a frame is the answer, beside the copy with our clientMessageId
   * @param isRenewed whether it is another request each time that it is sent
   * @param isOurs whether it belongs to a connection, and is gone with it
   * @param isUrgent whether it goes before those that are not
   * @param isMessage whether it stands in `unsent`
   * @param mayTry how often it is sent again after storage_unavailable
   * @param done called with the answer
   * @param failed called with a ChatError
   */
  constructor(fields, how) {
    Object.assign(this, { answeredBy: () => false, mayTry: Infinity }, how);
    this.#fields = { ...fields, clientMessageId: fields.clientMessageId || newId() };
    this.text = JSON.stringify(this.#fields); // now: the caller may change what it gave us
  }

  get id() {
    return this.#fields.clientMessageId;
  }

  get eventType() {
    return this.#fields.eventType;
  }

  get fields() {
    return JSON.parse(this.text);
  }

  /** What an error about it has to tell. */
  get about() {
    return { eventType: this.eventType, clientMessageId: this.id };
  }

  /** Whether a refusal does not last. */
  mayBeRepeatedAfter(code) {
    return code === "rate_limited" || (code === "storage_unavailable" && this.tries < this.mayTry);
  }

  renew() {
    this.#fields = { ...this.fields, clientMessageId: newId() };
    this.text = JSON.stringify(this.#fields);
  }
}

class Lane {
  #settings;
  #send;
  #isOpen;
  #rest = null;
  requests = [];
  /** The one under way. */
  current = null;
  /** How often the current one was refused for a while. */
  refusals = 0;

  /**
   * @param settings { clock, random }
   * @param send sends a text
   * @param isOpen whether anything may be sent now
   */
  constructor(settings, send, isOpen) {
    this.#settings = settings;
    this.#send = send;
    this.#isOpen = isOpen;
  }

  add(request) {
    const isFirst = (other) => other === this.current || other.isUrgent;
    const at = request.isUrgent ? this.requests.filter(isFirst).length : this.requests.length;
    this.requests.splice(at, 0, request);
    this.pump();
  }

  /** Sends what is next, if it may. */
  pump() {
    const next = this.requests[0];
    if (next === undefined || this.current !== null || this.#rest !== null || !this.#isOpen()) return;
    if (next.wasSent && next.isRenewed) next.renew();
    next.wasRepeated = next.wasSent;
    next.wasSent = true;
    this.current = next;
    this.#send(next.text);
  }

  find(clientMessageId) {
    return this.requests.find((request) => request.id === clientMessageId);
  }

  done(request, answer) {
    this.#remove(request);
    request.done(answer);
    this.pump();
  }

  fail(request, error) {
    this.#remove(request);
    request.failed(error);
    this.pump();
  }

  /** The current one was refused for a while: it goes out again later, and nothing before it. */
  again() {
    const { clock, random } = this.#settings;
    this.current.tries += 1;
    this.current = null;
    const wait = Math.min(MOST, FIRST * 2 ** Math.min(this.refusals, 10)) * (1 + random() / 2);
    this.refusals += 1;
    this.#rest = clock.setTimeout(() => {
      this.#rest = null;
      this.pump();
    }, wait);
  }

  /** The connection is gone: what was under way is sent again on the next one. */
  lost() {
    this.current = null;
    this.#wakeUp();
    this.requests = this.requests.filter((request) => !request.isOurs);
  }

  /** It is over: everything fails. */
  end(error) {
    this.lost();
    const requests = this.requests;
    this.requests = [];
    for (const request of requests) request.failed(error(request));
  }

  #remove(request) {
    this.requests = this.requests.filter((other) => other !== request);
    if (this.current === request) this.current = null;
    this.refusals = 0;
  }

  #wakeUp() {
    if (this.#rest !== null) this.#settings.clock.clearTimeout(this.#rest);
    this.#rest = null;
    this.refusals = 0;
  }
}

// chatd-client-md5.js
/** The MD5 of a text's UTF-8, in lower-case hexadecimal: what the protocol wants of a password (C3). */
function md5(text) {
  const [words, bytes] = padded(utf8(text));
  let [a, b, c, d] = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let at = 0; at < bytes / 4; at += 16) {
    const before = [a, b, c, d];
    for (let i = 0; i < 64; i++) {
      const [mixed, word] = step(i, b, c, d);
      const sum = (a + mixed + SINES[i] + words[at + word]) | 0;
      const shift = SHIFTS[i >> 4][i & 3];
      [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
    }
    [a, b, c, d] = [a + before[0], b + before[1], c + before[2], d + before[3]].map((sum) => sum | 0);
  }
  return [a, b, c, d].map(hexadecimal).join("");
}

const SHIFTS = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
];
const SINES = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

/** What the step `i` of 64 mixes, and which word of the block it takes. */
function step(i, b, c, d) {
  if (i < 16) return [(b & c) | (~b & d), i];
  if (i < 32) return [(d & b) | (~d & c), (5 * i + 1) % 16];
  if (i < 48) return [b ^ c ^ d, (3 * i + 5) % 16];
  return [c ^ (b | ~d), (7 * i) % 16];
}

/** The bytes as little-endian words of whole blocks: a one, zeros, the length in bits. */
function padded(bytes) {
  const length = (((bytes.length + 8) >> 6) + 1) * 64;
  const words = new Int32Array(length / 4);
  [...bytes, 0x80].forEach((byte, i) => (words[i >> 2] |= byte << (8 * (i % 4))));
  words[length / 4 - 2] = bytes.length << 3;
  words[length / 4 - 1] = bytes.length >>> 29;
  return [words, length];
}

/** Without TextEncoder, which mini programs do not have. */
function utf8(text) {
  const bytes = [];
  for (const character of text) {
    const code = character.codePointAt(0);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code >> 6), tail(code));
    else bytes.push(0xf0 | (code >> 18), tail(code >> 12), tail(code >> 6), tail(code));
  }
  return bytes;
}

function tail(code) {
  return 0x80 | (code & 0x3f);
}

function hexadecimal(word) {
  return [0, 8, 16, 24].map((shift) => ((word >>> shift) & 0xff).toString(16).padStart(2, "0")).join("");
}

// chatd-client-link.js
/**
 * A WebSocket at a time to one server: kept alive, given up when the server is silent, and made again.
 * What is said on it is its owner's affair.
 */

/** The heartbeat's frame (H1). */
const HEARTBEAT = "d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97";

const BUGS = new Set([1002, 1003, 1007, 1008]); // of the client: the same would happen again
const MISSED_HEARTBEATS = 4408;
const TOO_FAST = 4429;
const OVERLOADED = 1013;
const LOST = 1006;

const OPENING = 20_000; // ms in which a WebSocket must open
const PROBE = 10_000; // ms in which a server that is asked must answer
const STEADY = 60_000; // ms in the room after which a loss is the first one again
const PAUSE = 1_000; // ms between two attempts, whoever wakes us
const LONG_PAUSE = 5_000; // the same after 1013 and 4429

/** Whether connecting again after a close code is of no use: the same would happen again. */
function isFinal(code) {
  return BUGS.has(code) || (code >= 4000 && code !== MISSED_HEARTBEATS && code !== TOO_FAST);
}

class Link {
  #settings;
  #owner;
  #socket = null;
  #isOpen = false;
  #answers = false; // whether this server answers heartbeats
  #deadline = Infinity; // when the server counts as dead, if nothing is heard
  #timer = null;
  #losses = 0; // in a row
  #dialedAt = -Infinity;
  #joinedAt = 0;
  #notBefore = 0;

  state = "idle";

  /**
   * @param settings { WebSocket, clock, random, heartbeat, silence, first, most }: times in ms
   * @param owner { url(), heard(text), lost(code, reason): whether to connect again, changed(event) }
   */
  constructor(settings, owner) {
    this.#settings = settings;
    this.#owner = owner;
  }

  start() {
    if (this.state === "idle" || this.state === "closed") this.#dial();
  }

  /** Ends it. */
  stop(event = {}) {
    if (this.state === "closed") return;
    this.#release(1000);
    this.#become({ state: "closed", ...event });
  }

  /** The owner has been let into its room. */
  joined() {
    this.#joinedAt = this.#now();
    this.#become({ state: "joined" });
  }

  send(text) {
    this.#socket?.send(text);
  }

  /** The page is seen again, or the network is back: do not wait for timers, which may be late. */
  wake() {
    const now = this.#now();
    if (this.state === "waiting") {
      const earliest = Math.max(this.#notBefore, this.#dialedAt + PAUSE);
      if (now >= earliest) this.#dial();
      else this.#after(Math.min(earliest - now, LONG_PAUSE), () => this.#dial()); // the clock may have been set back
    } else if (this.#isOpen) {
      this.#deadline = this.#answers ? now + PROBE : Math.max(this.#deadline, now + PROBE);
      this.#beat();
    } else if (this.state === "connecting" && now - this.#dialedAt >= LONG_PAUSE) {
      this.#drop("no answer");
    }
  }

  // -- one connection -------------------------------------------------------------------------------

  #dial() {
    this.#dialedAt = this.#now();
    this.#become({ state: "connecting" });
    if (this.state !== "connecting") return; // a listener has closed us
    let socket;
    try {
      socket = new (this.#settings.WebSocket ?? globalThis.WebSocket)(this.#owner.url());
    } catch (error) {
      this.#lost(undefined, error.message, true); // the address is none, or not allowed to this page
      return;
    }
    const ifOurs = (act) => (event) => this.#socket === socket && act(event);
    socket.onopen = ifOurs(() => this.#opened());
    socket.onmessage = ifOurs((event) => this.#heard(event.data));
    socket.onclose = ifOurs((event) => this.#lost(event.code ?? LOST, event.reason ?? ""));
    socket.onerror = () => {}; // the close follows
    this.#socket = socket;
    this.#after(OPENING, () => this.#drop("no answer"));
  }

  #opened() {
    this.#isOpen = true;
    this.#answers = false;
    this.#prove();
    this.#rest();
  }

  #heard(text) {
    this.#prove();
    if (text === HEARTBEAT) this.#answers = true;
    else if (typeof text === "string") this.#owner.heard(text);
  }

  /** A frame has come: the server lives. */
  #prove() {
    this.#deadline = this.#settings.silence > 0 ? this.#now() + this.#settings.silence : Infinity;
  }

  #rest() {
    const { heartbeat } = this.#settings;
    const wait = Math.max(0, Math.min(heartbeat, this.#deadline - this.#now()));
    const planned = this.#now() + wait;
    this.#after(wait, () => this.#check(planned));
  }

  /** Time to look after the connection, unless the clock was kept from us: by a tab that is hidden, by sleep. */
  #check(planned) {
    const now = this.#now();
    const { heartbeat, silence } = this.#settings;
    if (silence > 0) this.#deadline = Math.min(this.#deadline, now + silence); // the clock may have been set back
    if (now - planned > heartbeat / 2) {
      this.#deadline = Math.max(this.#deadline, now + PROBE); // what has come meanwhile may not have been read yet
    }
    if (now >= this.#deadline) this.#drop("the server is silent");
    else this.#beat();
  }

  #beat() {
    this.send(HEARTBEAT);
    if (this.#isOpen) this.#rest();
  }

  /** Gives up a connection without waiting for the other side. */
  #drop(reason) {
    this.#lost(LOST, reason);
  }

  #lost(code, reason, isOver = false) {
    const now = this.#now();
    if (this.state === "joined" && now - this.#joinedAt >= STEADY) this.#losses = 0;
    this.#release();
    if (!this.#owner.lost(code, reason, isOver)) {
      this.#become({ state: "closed", code, reason });
      return;
    }
    const { first, most, random } = this.#settings;
    const least = code === OVERLOADED || code === TOO_FAST ? LONG_PAUSE : 0;
    const retryIn = Math.round(least + random() * Math.min(most, first * 2 ** Math.min(this.#losses, 30)));
    this.#losses += 1;
    this.#notBefore = now + least;
    this.#after(retryIn, () => this.#dial());
    this.#become({ state: "waiting", code, reason, retryIn });
  }

  #release(code) {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    this.#after(0, null);
    if (socket === null) return;
    try {
      if (code === undefined) socket.close();
      else socket.close(code);
    } catch {
      // it never came about
    }
  }

  // -- the clock ------------------------------------------------------------------------------------

  #now() {
    return this.#settings.clock.now();
  }

  /** The one timer: what was planned before is off. */
  #after(wait, act) {
    const { clock } = this.#settings;
    if (this.#timer !== null) clock.clearTimeout(this.#timer);
    this.#timer = act && clock.setTimeout(() => {
      this.#timer = null;
      act();
    }, wait);
  }

  #become(event) {
    if (this.state === event.state) return;
    this.state = event.state;
    this.#owner.changed(event);
  }
}

// chatd-client-scopes.js
/**
 * What has been heard of the room and of each container, and how what was missed is fetched (R1): all of it once,
 * and before what is said live meanwhile.
 */

const REMEMBERED = 1_000; // messageIds; a server tells an agent again at most some hundred (D4)
const PAGE = 200;
const TRIES = 4; // where a store is known to be there

/** The messageIds heard last. */
class Heard {
  #ids = new Set();

  /** Whether a message is news; it is none from now on. */
  take(id) {
    if (id === undefined) return true;
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > REMEMBERED) this.#ids.delete(this.#ids.values().next().value);
    return true;
  }
}

/** The room (key null) or a container. */
class Scope {
  #heard = new Heard();
  #held = null;

  /** @param position the highest messageId that is known; undefined: unknown */
  constructor(key, position) {
    this.key = key;
    this.position = position;
  }

  get isHeld() {
    return this.#held !== null;
  }

  take(message) {
    if (!this.#heard.take(message.messageId)) return false;
    this.reach(message.messageId ?? "");
    return true;
  }

  /** messageIds are compared as strings. */
  reach(messageId) {
    if (this.position === undefined || messageId > this.position) this.position = messageId;
  }

  /** Tells a notice: now, or once what was missed is told. */
  notice(act) {
    if (this.#held !== null) this.#held.push({ act });
    else act();
  }

  /** The same for a message. */
  message(message, act) {
    if (this.#held !== null) this.#held.push({ act, message });
    else if (this.take(message)) act();
  }

  hold() {
    this.#held = [];
  }

  /** What was missed has been told, up to the position, or cannot be had: now for what was said meanwhile. */
  release() {
    const held = this.#letGo();
    const told = this.position ?? "";
    for (const { act, message } of held) {
      if (message === undefined || (!(message.messageId <= told) && this.take(message))) act();
    }
  }

  /** The connection is lost: the messages will be fetched from the position on, but notices are stored nowhere. */
  lost() {
    for (const { act, message } of this.#letGo()) if (message === undefined) act();
  }

  #letGo() {
    const held = this.#held ?? [];
    this.#held = null;
    return held;
  }
}

class Scopes {
  #main;
  #ask;
  #owner;
  #scopes = new Map();
  #hasJoined = false;
  #hasStore = false;

  /** Whether the page asked for by the connect URL is still to come. */
  isAwaitingPage = false;

  /**
   * @param main a customer's container; null: the room
   * @param after the messageId of the last message that is known, if any
   * @param ask asks for a page: ask(query, { mayTry, isUrgent }, done, failed)
   * @param owner { recovered(message, scope), gap(key), forgotten(key) }
   */
  constructor(main, after, ask, owner) {
    this.#main = main;
    this.#ask = ask;
    this.#owner = owner;
    this.#scopes.set(main, new Scope(main, after));
  }

  /** What the connect URL asks for. */
  get after() {
    return this.#scopes.get(this.#main).position;
  }

  get isCaughtUp() {
    return !this.isAwaitingPage && [...this.#scopes.values()].every((scope) => !scope.isHeld);
  }

  get(key) {
    return this.#scopes.get(key);
  }

  /** The scope of a container that this user turns out to be a member of. */
  meet(key) {
    if (!this.#scopes.has(key)) {
      this.#scopes.set(key, new Scope(key, undefined));
      this.#fix(this.#scopes.get(key));
    }
    return this.#scopes.get(key);
  }

  forget(key) {
    const scope = this.#scopes.get(key);
    if (scope === undefined || key === this.#main) return;
    this.#scopes.delete(key);
    scope.release();
  }

  /** Another room. */
  move() {
    this.#scopes = new Map([[this.#main, new Scope(this.#main, undefined)]]);
    this.#fix(this.#scopes.get(this.#main));
  }

  /** @param after what the connect URL had asked for */
  joined(after) {
    const scopes = [...this.#scopes.values()];
    this.isAwaitingPage = after !== undefined;
    for (const scope of scopes) if (scope.position !== undefined) scope.hold();
    for (const scope of scopes) {
      if (scope.position === undefined) {
        if (this.#hasJoined) this.#owner.gap(scope.key); // lost before we knew where we were
        this.#fix(scope);
      } else if (scope.key !== this.#main) this.#fetch(scope, scope.position);
    }
    this.#hasJoined = true;
  }

  /** The page asked for by the connect URL, or the error in its place. */
  page(frame, error) {
    this.isAwaitingPage = false;
    const scope = this.#scopes.get(this.#main);
    if (frame !== null) this.#take(scope, frame);
    else if (this.#hasStore) this.#fetch(scope, scope.position);
    else this.#fail(scope, error);
  }

  lost() {
    this.isAwaitingPage = false;
    for (const scope of this.#scopes.values()) scope.lost();
  }

  /** Finds out where we are, so that a later loss costs nothing. */
  #fix(scope) {
    const done = (page) => {
      this.#hasStore = true;
      scope.reach(last(page) ?? "");
    };
    this.#ask({ containerId: scope.key ?? undefined, limit: 1 }, { mayTry: 0 }, done, () => {});
  }

  #fetch(scope, after) {
    const query = { containerId: scope.key ?? undefined, after, limit: PAGE };
    const how = { mayTry: this.#hasStore ? TRIES : 0, isUrgent: true };
    this.#ask(query, how, (page) => this.#take(scope, page), (error) => this.#fail(scope, error));
  }

  #take(scope, page) {
    if (this.#scopes.get(scope.key) !== scope) return;
    this.#hasStore = true;
    for (const message of page.messages) this.#owner.recovered(message, scope);
    if (page.more && page.messages.length > 0) this.#fetch(scope, last(page));
    else scope.release();
  }

  #fail(scope, error) {
    if (this.#scopes.get(scope.key) !== scope) return;
    const isGone = error.code === "not_found" || error.code === "not_member";
    if (isGone && scope.key !== this.#main) {
      this.#scopes.delete(scope.key);
      this.#owner.forgotten(scope.key);
    }
    this.#owner.gap(scope.key);
    scope.release();
  }
}

function last({ messages }) {
  return messages[messages.length - 1]?.messageId;
}

// chatd-client-session.js
/** A user's stay in a room, over connections that may be lost. */


const CLOCK = {
  now: () => Date.now(),
  setTimeout: (act, wait) => setTimeout(act, wait),
  clearTimeout: (timer) => clearTimeout(timer),
};
const DELIVERED = new Set(["ordinary", "createContainer", "autoReturn", "updateUserInfo"]);
const MALFORMED = new Set(["bad_json", "bad_message", "unknown_event"]);
const GONE = new Set(["not_found", "not_member"]);
const ABUSIVE = 1008;
const TOO_BIG = 1009;
const SERVER_BUG = 1011;

class Session {
  #options;
  #tell;
  #link;
  #scopes;
  #requested = new Heard(); // createContainer
  #added = new Map(); // clientMessageId -> container, of the last addContainer that were done
  #after; // as the last connect URL had it
  #refusal = null; // the error frame before a close
  #isJoined = false;
  #isClosed = false;
  #stopWaking = () => {};

  /** What is said and done, in order. */
  talk;
  /** Questions, which wait for nothing that is said. */
  asks;
  containers = new Set();
  count = undefined;

  /** @param tell tells those who listen: tell(type, ...what) */
  constructor(options, tell) {
    this.#options = options;
    this.#tell = tell;
    this.userId = options.userId;
    this.name = options.name;
    this.icon = options.icon ?? "";
    this.roomName = options.roomName;
    if (options.containerId) this.containers.add(options.containerId);
    const { clock = CLOCK, random = Math.random, retry = {}, heartbeat = 30_000, silence = 90_000 } = options;
    const { first = 500, most = 30_000 } = retry;
    this.#link = new Link({ WebSocket: options.WebSocket, clock, random, heartbeat, silence, first, most }, {
      url: () => this.#url(),
      heard: (text) => this.#heard(text),
      lost: (code, reason, isOver) => this.#lost(code, reason, isOver),
      changed: (event) => tell("state", event),
    });
    const send = (text) => this.#link.send(text);
    this.talk = new Lane({ clock, random }, send, () => this.#isJoined && this.#scopes.isCaughtUp);
    this.asks = new Lane({ clock, random }, send, () => this.#isJoined && !this.#scopes.isAwaitingPage);
    this.#scopes = new Scopes(options.containerId || null, options.after, (...page) => this.#page(...page), {
      recovered: (message, scope) => this.#recovered(message, scope),
      gap: (containerId) => tell("gap", containerId === null ? {} : { containerId }),
      forgotten: (containerId) => this.containers.delete(containerId),
    });
  }

  get state() {
    return this.#link.state;
  }

  connect() {
    if (this.#isClosed) return;
    this.#stopWaking();
    this.#stopWaking = onWake(() => this.wake());
    this.#link.start();
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isJoined = false;
    this.#link.stop({ code: 1000, reason: "" });
    this.#end(closed("The client is closed."));
  }

  wake() {
    this.#link.wake();
  }

  add(lane, request) {
    if (this.state === "closed") request.failed(about(request, closed("The client is closed.")));
    else lane.add(request);
  }

  /** A page that the scopes ask for. */
  #page(query, how, done, failed) {
    const answeredBy = (frame) => frame.messageType === "history";
    this.asks.add(new Request({ eventType: "history", ...query }, { ...how, answeredBy, isOurs: true, done, failed }));
  }

  // -- what the link tells --------------------------------------------------------------------------

  #url() {
    const { url, userId, containerId, targetId, clientType, account, password } = this.#options;
    const optional = { containerId, targetId, clientType, account, password };
    const parameters = { name: this.name, senderType: "GROUP", userId, roomName: this.roomName, icon: this.icon };
    for (const [key, value] of Object.entries(optional)) if (value) parameters[key] = value;
    this.#after = this.#scopes.after;
    if (this.#after !== undefined) parameters.after = this.#after;
    const query = Object.entries(parameters).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    this.#refusal = null;
    return `${url}${url.includes("?") ? "&" : "?"}${query.join("&")}`;
  }

  /** @returns whether to connect again */
  #lost(code, reason, isOver) {
    const underWay = this.talk.current ?? this.asks.current;
    const isStoreFailing = code === ABUSIVE && this.talk.refusals > 0; // it wants no more tries: no bug of ours
    this.#isJoined = false;
    this.talk.lost();
    this.asks.lost();
    this.#scopes.lost();
    if ((code === TOO_BIG || code === SERVER_BUG) && underWay !== null && !underWay.isOurs) {
      const error = new ChatError(code === TOO_BIG ? "too_large" : "internal_error", reason || `close code ${code}`);
      this.#laneOf(underWay).fail(underWay, about(underWay, error)); // the same would happen again
    }
    if (this.#isClosed) return false;
    if (!isOver && (isStoreFailing || !isFinal(code))) return true;
    this.#end(this.#refusal ?? closed(reason || `close code ${code}`));
    return false;
  }

  #end(error) {
    this.#stopWaking();
    this.#stopWaking = () => {};
    for (const lane of [this.talk, this.asks]) lane.end((request) => about(request, error));
  }

  // -- what the server says -------------------------------------------------------------------------

  #heard(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // nothing that a chatd says
    }
    const { messageType, eventType } = frame ?? {};
    if (messageType === "error") this.#error(frame);
    else if (messageType === "notice") this.#notice(frame);
    else if (messageType === "history" && this.#scopes.isAwaitingPage) this.#scopes.page(frame);
    else if (messageType === "history" || messageType === "online") this.#answered(this.asks, frame);
    else if (DELIVERED.has(eventType)) this.#message(frame);
    this.asks.pump();
    this.talk.pump();
  }

  /** The frame may be what the request under way waits for. @returns that request, if so */
  #answered(lane, frame) {
    const { current } = lane;
    if (!current?.answeredBy(frame)) return undefined;
    lane.done(current, frame);
    return current;
  }

  #notice(notice) {
    const { containerId, action } = notice;
    if (isOwnIn(notice, this.userId)) this.#cameIn(notice);
    if (containerId === undefined) this.count = notice.count;
    const scope = this.#scopes.get(containerId ?? this.#options.containerId ?? null);
    const tell = () => this.#tell("notice", notice);
    if (scope === undefined) tell();
    else scope.notice(tell);
    if (action === "outAll" && containerId !== this.#options.containerId) {
      this.containers.delete(containerId);
      this.#scopes.forget(containerId);
    }
    const request = this.#answered(this.talk, notice);
    if (request?.eventType === "addContainer") this.#added.set(request.id, containerId);
    if (this.#added.size > 50) this.#added.delete(this.#added.keys().next().value);
  }

  #cameIn({ containerId, roomName, nickName }) {
    if (containerId !== undefined) {
      this.containers.add(containerId);
      this.#scopes.meet(containerId);
    } else if (!this.#isJoined) {
      this.#isJoined = true;
      this.name = nickName; // an account may have another (C3)
      this.roomName = roomName;
      this.#link.joined();
      if (this.#isJoined) this.#scopes.joined(this.#after); // else a listener has closed us
    } else if (roomName !== this.roomName) {
      this.roomName = roomName;
      this.containers.clear();
      this.#scopes.move();
    }
  }

  #message(message) {
    this.#settle(message, false);
    const { eventType, acceptId, createUser, nickName, userIcon = "" } = message;
    const key = message.containerId ?? this.#options.containerId ?? null;
    if (eventType === "updateUserInfo" && createUser === this.userId) {
      this.name = nickName;
      this.icon = userIcon;
    }
    if (eventType === "createContainer" && acceptId === this.userId) {
      if (this.#requested.take(message.messageId)) this.#tell("request", message);
      this.#scopes.get(key)?.message(message, () => {});
      return;
    }
    if (key !== null) this.containers.add(key);
    this.#scopes.meet(key).message(message, () => this.#tellMessage(message, false));
  }

  #recovered(message, scope) {
    this.#settle(message, true);
    if (scope.take(message)) this.#tellMessage(message, true);
  }

  #tellMessage(message, recovered) {
    this.#tell("message", message, { recovered, own: message.createUser === this.userId });
  }

  /** A message of ours with its clientMessageId is its receipt (M5, M6). */
  #settle(message, isRecovered) {
    const id = message.clientMessageId;
    const request = id === undefined ? undefined : this.talk.find(id);
    if (request !== undefined && !(isRecovered && request.isRenewed)) this.talk.done(request, message);
  }

  #error(frame) {
    const { code, messageContent, eventType, clientMessageId } = frame;
    const error = new ChatError(code, messageContent ?? code, { eventType, clientMessageId });
    if (!this.#isJoined) this.#refusal = error;
    const request = this.#accused(frame);
    const lane = this.#laneOf(request);
    if (this.#scopes.isAwaitingPage && eventType === "history") this.#scopes.page(null, error);
    else if (code === "too_large" && this.talk.current !== null) return; // the close that follows is told to that one
    else if (code === "agent_offline" || request === undefined) this.#stray(error);
    else if (request === lane.current && request.mayBeRepeatedAfter(code)) lane.again();
    else if (eventType === "removeContainer" && request.wasRepeated && GONE.has(code)) this.#removed(request);
    else lane.fail(request, error);
  }

  /** The request that an error is about. */
  #accused({ code, clientMessageId }) {
    if (clientMessageId === undefined) return (MALFORMED.has(code) && this.talk.current) || undefined;
    return this.talk.find(clientMessageId) ?? this.asks.find(clientMessageId);
  }

  #laneOf(request) {
    return this.asks.requests.includes(request) ? this.asks : this.talk;
  }

  /** An error that no promise waits for. */
  #stray(error) {
    const isReplay = error.code === "storage_unavailable" && error.eventType === "addContainer";
    const containerId = isReplay ? this.#added.get(error.clientMessageId) : undefined;
    if (containerId === undefined) this.#tell("error", error);
    else this.#tell("gap", { containerId }); // what was said before cannot be had (D4)
  }

  /** The container is gone: the first try did it, and its notice was lost with the connection. */
  #removed({ fields: { containerId } }) {
    const notice = { messageType: "notice", nickName: this.name, count: 0, userId: containerId, action: "outAll" };
    this.#notice({ ...notice, messageContent: "", roomName: this.roomName, containerId });
  }
}

/** Whether a frame is the notice `in` of a user itself, in a room or a container. */
function isOwnIn({ messageType, action, userId }, whose) {
  return messageType === "notice" && action === "in" && userId === whose;
}

function closed(sentence) {
  return new ChatError("closed", sentence);
}

/** The error as that of a request that was not looked at, or whose fate is unknown. */
function about(request, { code, message }) {
  return new ChatError(code, message, { ...request.about, retry: code !== "too_large" && code !== "internal_error" });
}

// chatd-client.js
/**
 * A client of chatd for browsers, Node and mini programs. chatd-client.d.ts is its contract; docs/clients.rst has
 * examples. It stays connected, sends each message until it has its receipt, and tells each message once, in order,
 * whatever becomes of the connections below it.
 */



const SENDABLE = [undefined, "ordinary", "createContainer", "autoReturn"]; // the rest have methods of their own

class ChatClient {
  #listeners = new Listeners();
  #session;

  constructor(options) {
    this.#session = new Session(options, (...event) => this.#listeners.tell(...event));
  }

  get state() {
    return this.#session.state;
  }

  get name() {
    return this.#session.name;
  }

  get icon() {
    return this.#session.icon;
  }

  get userId() {
    return this.#session.userId;
  }

  get roomName() {
    return this.#session.roomName;
  }

  get count() {
    return this.#session.count;
  }

  get containers() {
    return this.#session.containers;
  }

  get unsent() {
    return this.#session.talk.requests.filter((request) => request.isMessage).map((request) => request.fields);
  }

  // -- the connection -------------------------------------------------------------------------------

  connect() {
    this.#session.connect();
  }

  close() {
    this.#session.close();
  }

  wake() {
    this.#session.wake();
  }

  on(type, listener) {
    return this.#listeners.add(type, listener);
  }

  // -- messages -------------------------------------------------------------------------------------

  send(message) {
    if (!SENDABLE.includes(message.eventType)) throw new TypeError(`use the method for ${message.eventType}`);
    const { request, promise } = this.#promised(this.#session.talk, message, { isMessage: true });
    promise.catch(() => {}); // who does not look at the receipt wants no "unhandled rejection"
    return { clientMessageId: request.id, receipt: promise };
  }

  say(text, where = {}) {
    return this.send({ messageType: "text", messageContent: text, ...where });
  }

  sendPicture(picture, where = {}) {
    return this.send({ messageType: "picture", accessoryContent: picture, ...where });
  }

  sendVideo(video, where = {}) {
    return this.send({ messageType: "video", accessoryContent: video, ...where });
  }

  sendVoice(voice, where = {}) {
    return this.send({ messageType: "voice", accessoryContent: voice, ...where });
  }

  sendEvent(event, where = {}) {
    return this.send({ messageType: "event", accessoryContent: event, ...where });
  }

  // -- M3 -------------------------------------------------------------------------------------------

  rename({ name, icon }) {
    const fields = { eventType: "updateUserInfo", messageContent: name, userIconUpdate: icon };
    return this.#do(fields, { isRenewed: true }); // a name goes with its connection: done again, not repeated
  }

  changeRoom(roomName) {
    const answeredBy = (frame) => isOwnIn(frame, this.userId) && frame.containerId === undefined;
    return this.#do({ eventType: "updateRoomName", messageContent: roomName }, { answeredBy });
  }

  createContainer(acceptId, targetId) {
    return this.#do({ eventType: "createContainer", acceptId, targetId });
  }

  addContainer(containerId) {
    const answeredBy = (frame) => isOwnIn(frame, this.userId) && frame.containerId === containerId;
    return this.#do({ eventType: "addContainer", containerId }, { answeredBy });
  }

  removeContainer(containerId) {
    const answeredBy = (frame) => frame.action === "outAll" && frame.containerId === containerId;
    return this.#do({ eventType: "removeContainer", containerId }, { answeredBy });
  }

  autoReturn(code, containerId) {
    return this.#do({ eventType: "autoReturn", messageContent: code, containerId });
  }

  // -- questions ------------------------------------------------------------------------------------

  history(query = {}) {
    return this.#ask({ ...query, eventType: "history" }, { mayTry: 0 });
  }

  online(query = {}) {
    return this.#ask({ ...query, eventType: "online" });
  }

  #do(fields, how) {
    return this.#promised(this.#session.talk, fields, how).promise;
  }

  #ask(fields, how) {
    const answeredBy = (frame) => frame.messageType === fields.eventType;
    return this.#promised(this.#session.asks, fields, { answeredBy, ...how }).promise;
  }

  #promised(lane, fields, how) {
    let request;
    const promise = new Promise((done, failed) => {
      request = new Request(fields, { ...how, done, failed });
    });
    this.#session.add(lane, request);
    return { request, promise };
  }
}

return { ChatClient, ChatError, md5 };
})();
