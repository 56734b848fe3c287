/**
 * A client of chatd for browsers, Node and mini programs. chatd-client.d.ts is its contract; docs/clients.rst has
 * examples. It stays connected, sends each message until it has its receipt, and tells each message once, in order,
 * whatever becomes of the connections below it.
 */

import { Listeners } from "./chatd-client-events.js";
import { ChatError, Request } from "./chatd-client-lane.js";
import { md5 } from "./chatd-client-md5.js";
import { isOwnIn, Session } from "./chatd-client-session.js";

export { ChatError, md5 };

const SENDABLE = [undefined, "ordinary", "createContainer", "autoReturn"]; // the rest have methods of their own

export class ChatClient {
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
