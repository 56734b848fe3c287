/**
 * What has been heard of the room and of each container, and how what was missed is fetched (R1): all of it once,
 * and before what is said live meanwhile.
 */

const REMEMBERED = 1_000; // messageIds; a server tells an agent again at most some hundred (D4)
const PAGE = 200;
const TRIES = 4; // where a store is known to be there

/** The messageIds heard last. */
export class Heard {
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

export class Scopes {
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
