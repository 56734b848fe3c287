/**
 * A WebSocket at a time to one server: kept alive, given up when the server is silent, and made again.
 * What is said on it is its owner's affair.
 */

/** The heartbeat's frame (H1). */
export const HEARTBEAT = "d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97";

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
export function isFinal(code) {
  return BUGS.has(code) || (code >= 4000 && code !== MISSED_HEARTBEATS && code !== TOO_FAST);
}

export class Link {
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
