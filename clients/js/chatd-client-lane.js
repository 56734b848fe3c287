/**
 * Requests that go to the server one at a time, each when the one before it has its answer: so they keep their
 * order whatever becomes of connections and of single requests.
 */

const FIRST = 1_000; // ms to wait after a refusal that does not last, doubled with each
const MOST = 30_000;

/** What the server, or the client itself, has against a request. */
export class ChatError extends Error {
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
export class Request {
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

export class Lane {
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
