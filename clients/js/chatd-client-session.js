/** A user's stay in a room, over connections that may be lost. */

import { onWake } from "./chatd-client-events.js";
import { ChatError, Lane, Request } from "./chatd-client-lane.js";
import { isFinal, Link } from "./chatd-client-link.js";
import { Heard, Scopes } from "./chatd-client-scopes.js";

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

export class Session {
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
export function isOwnIn({ messageType, action, userId }, whose) {
  return messageType === "notice" && action === "in" && userId === whose;
}

function closed(sentence) {
  return new ChatError("closed", sentence);
}

/** The error as that of a request that was not looked at, or whose fate is unknown. */
function about(request, { code, message }) {
  return new ChatError(code, message, { ...request.about, retry: code !== "too_large" && code !== "internal_error" });
}
