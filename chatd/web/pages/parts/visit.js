// Who a customer is, for the next page and the next visit: kept by the browser, for one server and room.

import { keep, kept } from "./storage.js";

/** A customer's userId and name, and what the widget must know after a reload. */
export class Visit {
  #key;
  #kept;

  /**
   * @param {string} server the WebSocket's address.
   * @param {string} room
   * @param {string} [userId] who the page says it is; else one is made and kept.
   */
  constructor(server, room, userId) {
    this.#key = `chatd.widget ${server} ${room}${userId ? ` ${userId}` : ""}`;
    this.#kept = read("localStorage", this.#key);
    this.userId = userId || this.#kept.userId || `guest-${random()}`;
    if (!userId && this.#kept.userId !== this.userId) this.#keep({ userId: this.userId });
  }

  /** The name that the customer gave, or "". */
  get name() {
    return this.#kept.name ?? "";
  }

  set name(name) {
    this.#keep({ name });
  }

  /** Whether a conversation was begun and is not closed. */
  get underWay() {
    return this.#kept.underWay ?? false;
  }

  set underWay(underWay) {
    this.#keep({ underWay });
  }

  /** The messageId up to which the customer has read. */
  get read() {
    return this.#kept.read ?? "";
  }

  set read(messageId) {
    if (messageId > this.read) this.#keep({ read: messageId });
  }

  /** Whether the widget was open on the page that this window showed before. */
  get open() {
    return read("sessionStorage", this.#key).open ?? false;
  }

  set open(open) {
    write("sessionStorage", this.#key, { open });
  }

  // Another window may have kept something meanwhile.
  #keep(changes) {
    this.#kept = { ...this.#kept, ...read("localStorage", this.#key), ...changes };
    write("localStorage", this.#key, this.#kept);
  }
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read(storage, key) {
  try {
    const value = JSON.parse(kept(storage, key));
    return value instanceof Object ? value : {};
  } catch {
    return {};
  }
}

function write(storage, key, value) {
  keep(storage, key, JSON.stringify(value));
}
