import assert from "node:assert/strict";
import test from "node:test";

import { HEARTBEAT } from "../chatd-client-link.js";
import { Play, settled } from "./played.mjs";

const SECOND = 1_000;

test("the connect URL has all parameters, percent-encoded, and none that is empty (C1)", () => {
  const customer = { containerId: "ann", targetId: "order 7+8", clientType: "shop", account: "ann", password: "ab" };
  const play = new Play({ name: "安 & Co", icon: "https://cdn.example/a.png?x=1", ...customer });
  play.client.connect();
  const expected = { name: "安 & Co", senderType: "GROUP", userId: "ann", roomName: "lobby", ...customer };
  assert.deepEqual(play.server.parameters, { ...expected, icon: "https://cdn.example/a.png?x=1" });
  assert.match(play.server.url.search, /order%207%2B8/);

  const plain = new Play({ url: "wss://chat.example/chat?via=proxy" });
  plain.client.connect();
  const { via, ...parameters } = plain.server.parameters;
  assert.equal(via, "proxy");
  assert.deepEqual(parameters, { name: "Ann", senderType: "GROUP", userId: "ann", roomName: "lobby", icon: "" });
});

test("the states on the way in, and connect is idempotent", () => {
  const play = new Play();
  assert.equal(play.client.state, "idle");
  play.client.connect();
  play.client.connect();
  assert.equal(play.client.state, "connecting");
  play.server.open();
  assert.equal(play.client.state, "connecting");
  play.server.say(play.in({ nickName: "Ann of accounts", count: 3 }));
  play.client.connect();
  assert.deepEqual(play.states, ["connecting", "joined"]);
  assert.equal(play.connections.length, 1);
  assert.equal(play.client.count, 3);
  assert.equal(play.client.name, "Ann of accounts"); // an account may have its own (C3)
});

test("the in of another user lets nobody in", () => {
  const play = new Play();
  play.client.connect();
  play.server.open();
  play.server.say(play.in({ userId: "bob" }));
  assert.equal(play.client.state, "connecting");
});

// -- heartbeats -------------------------------------------------------------------------------------

test("a heartbeat goes out every 30 seconds, and its answer is told nobody (H1)", () => {
  const play = new Play().join();
  play.clock.pass(29 * SECOND);
  assert.equal(play.server.heartbeats, 0);
  for (const beats of [1, 2, 3, 4, 5]) {
    play.clock.pass(beats === 1 ? SECOND : 30 * SECOND);
    assert.equal(play.server.heartbeats, beats);
    const before = play.events.length;
    play.server.say(HEARTBEAT);
    assert.equal(play.events.length, before);
  }
  assert.equal(play.client.state, "joined");
});

test("a server that is silent for 90 seconds counts as dead", () => {
  const play = new Play().join();
  const dead = play.server;
  play.clock.pass(89 * SECOND);
  assert.equal(play.client.state, "joined");
  play.clock.pass(SECOND);
  assert.deepEqual(play.told("state").at(-1), {
    state: "waiting", code: 1006, reason: "the server is silent", retryIn: 500,
  });
  assert.notEqual(dead.closedWith, null);
  dead.say(play.message("too late")); // what it says then is heard on the next connection
  assert.deepEqual(play.texts, []);
});

test("any frame puts that off", () => {
  const play = new Play().join();
  play.clock.pass(80 * SECOND);
  play.server.say(play.message("still here"));
  play.clock.pass(89 * SECOND);
  assert.equal(play.client.state, "joined");
  play.clock.pass(SECOND);
  assert.equal(play.client.state, "waiting");
});

test("silence: 0 takes a server that answers no heartbeats for alive", () => {
  const play = new Play({ silence: 0 }).join();
  play.clock.pass(3_600 * SECOND);
  assert.equal(play.client.state, "joined");
  assert.equal(play.server.heartbeats, 120);
});

test("a WebSocket that does not open within 20 seconds is given up", () => {
  const play = new Play();
  play.client.connect();
  play.clock.pass(20 * SECOND);
  assert.deepEqual(play.told("state").at(-1), { state: "waiting", code: 1006, reason: "no answer", retryIn: 500 });
  play.clock.pass(SECOND);
  assert.equal(play.connections.length, 2);
});

test("one that opens, but is never let in, is given up as a silent one", () => {
  const play = new Play();
  play.client.connect();
  play.server.open();
  play.clock.pass(90 * SECOND);
  assert.equal(play.client.state, "waiting");
});

test("a tab whose timers were throttled takes no server for dead before it has asked", () => {
  const play = new Play().join();
  play.clock.freeze(600 * SECOND); // frames may have come meanwhile that were not read yet
  play.clock.pass(0);
  assert.equal(play.client.state, "joined");
  assert.equal(play.server.heartbeats, 1);
  play.server.say(HEARTBEAT);
  play.clock.pass(80 * SECOND);
  assert.equal(play.client.state, "joined");
});

test("and finds a dead one out within 10 seconds", () => {
  const play = new Play().join();
  play.clock.freeze(600 * SECOND);
  play.clock.pass(0);
  play.clock.pass(10 * SECOND);
  assert.equal(play.client.state, "waiting");
});

test("timers that act once a minute keep a connection alive", () => {
  const play = new Play().join();
  for (let minute = 1; minute < 20; minute++) {
    play.clock.freeze(60 * SECOND);
    play.clock.pass(0);
    play.server.say(HEARTBEAT);
    assert.equal(play.client.state, "joined");
  }
  assert.equal(play.server.heartbeats, 19);
});

// -- close codes ------------------------------------------------------------------------------------

for (const code of [1000, 1001, 1005, 1006, 1009, 1011, 1012, 1013, 4408, 4429]) {
  test(`after ${code} it connects again`, () => {
    const play = new Play().join();
    play.server.end(code, "why");
    const slow = code === 1013 || code === 4429 ? 5_000 : 0;
    assert.deepEqual(play.told("state").at(-1), { state: "waiting", code, reason: "why", retryIn: 500 + slow });
    play.clock.pass(499 + slow);
    assert.equal(play.connections.length, 1);
    play.clock.pass(1);
    assert.equal(play.connections.length, 2);
  });
}

for (const code of [1002, 1003, 1007, 1008, 4400, 4401, 4403, 4409, 4444]) {
  test(`after ${code} it does not`, async () => {
    const play = new Play().join();
    const { receipt } = play.client.say("hello");
    play.server.end(code, "why");
    assert.deepEqual(play.told("state").at(-1), { state: "closed", code, reason: "why" });
    assert.ok(play.clock.isIdle);
    await assert.rejects(receipt, { name: "ChatError", code: "closed", message: "why", retry: true });
  });
}

test("a refusal says why: as an event, in the state, and to those who wait", async () => {
  const play = new Play();
  const { receipt, clientMessageId } = play.client.say("hello");
  play.client.connect();
  play.server.open();
  play.server.say(play.error("unauthorized"));
  play.server.end(4401, "about unauthorized");
  assert.deepEqual(play.states, ["connecting", "closed"]);
  assert.equal(play.told("error")[0].code, "unauthorized");
  await assert.rejects(receipt, { code: "unauthorized", message: "about unauthorized", clientMessageId });
});

test("a refusal that was waited out is not taken for the reason of a later end", async () => {
  const play = new Play();
  play.client.connect();
  play.server.open();
  play.server.say(play.error("storage_unavailable"));
  play.lose(1013);
  play.letIn();
  const { receipt } = play.client.say("hello");
  play.server.end(4409, "displaced by a newer connection");
  await assert.rejects(receipt, { code: "closed", message: "displaced by a newer connection" });
});

test("after a refusal connect() tries again, after close() it does not", () => {
  const play = new Play().join();
  play.server.end(4409);
  play.client.connect();
  play.letIn();
  assert.equal(play.client.state, "joined");
  play.client.close();
  play.client.connect();
  assert.equal(play.client.state, "closed");
  assert.equal(play.connections.length, 2);
});

test("an address that is none closes it with the reason", () => {
  class Picky {
    constructor() {
      throw new SyntaxError("The URL 'nonsense' is invalid.");
    }
  }
  const play = new Play({ WebSocket: Picky });
  play.client.connect();
  const told = { state: "closed", code: undefined, reason: "The URL 'nonsense' is invalid." };
  assert.deepEqual(play.told("state").at(-1), told);
});

// -- pauses -----------------------------------------------------------------------------------------

test("pauses double from 0.5 to 30 seconds, at random below that", () => {
  const play = new Play();
  const pauses = [];
  play.client.on("state", ({ retryIn }) => retryIn === undefined || pauses.push(retryIn));
  play.client.connect();
  for (let loss = 0; loss < 9; loss++) {
    play.server.end();
    play.clock.pass(pauses.at(-1));
  }
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  play.chance = 0.25;
  play.server.end();
  assert.equal(pauses.at(-1), 7_500);
});

test("a minute in the room makes the next loss the first one, less does not", () => {
  const play = new Play();
  play.client.connect();
  play.server.end();
  play.clock.pass(500);
  play.letIn();
  play.clock.pass(59 * SECOND);
  play.server.end();
  assert.equal(play.told("state").at(-1).retryIn, 1_000);
  play.clock.pass(SECOND);
  play.letIn();
  play.clock.pass(60 * SECOND);
  play.server.end();
  assert.equal(play.told("state").at(-1).retryIn, 500);
});

test("retry sets the pauses", () => {
  const play = new Play({ retry: { first: 10, most: 15 } });
  play.client.connect();
  play.server.end();
  play.clock.pass(10);
  play.server.end();
  assert.deepEqual(play.told("state").map((event) => event.retryIn).filter(Boolean), [10, 15]);
});

// -- waking -----------------------------------------------------------------------------------------

test("wake ends a pause, but does not hammer", () => {
  const play = new Play().join();
  play.clock.pass(SECOND);
  play.server.end();
  play.client.wake();
  assert.equal(play.connections.length, 2);
  play.server.end();
  play.client.wake();
  assert.equal(play.connections.length, 2); // not within a second
  play.clock.pass(SECOND);
  assert.equal(play.connections.length, 3);
});

test("wake waits 5 seconds after 1013", () => {
  const play = new Play();
  play.client.connect();
  for (let loss = 0; loss < 6; loss++) play.lose();
  play.letIn();
  play.server.end(1013);
  assert.equal(play.told("state").at(-1).retryIn, 35_000);
  play.client.wake();
  play.clock.pass(4_999);
  assert.equal(play.connections.length, 7);
  play.clock.pass(1);
  assert.equal(play.connections.length, 8);
});

test("wake asks a server that answers heartbeats for a sign of life within 10 seconds", () => {
  const play = new Play().join();
  play.clock.pass(30 * SECOND);
  play.server.say(HEARTBEAT);
  play.client.wake();
  assert.equal(play.server.heartbeats, 2);
  play.clock.pass(10 * SECOND);
  assert.equal(play.client.state, "waiting");
});

test("and lets one that answers live", () => {
  const play = new Play().join();
  play.clock.pass(30 * SECOND);
  play.server.say(HEARTBEAT);
  play.client.wake();
  play.server.say(HEARTBEAT);
  play.clock.pass(10 * SECOND);
  assert.equal(play.client.state, "joined");
});

test("wake does not take one for dead that has never answered a heartbeat", () => {
  const play = new Play().join();
  play.client.wake();
  play.clock.pass(11 * SECOND);
  assert.equal(play.client.state, "joined");
});

test("nor one that answered before it was started anew", () => {
  const play = new Play().join();
  play.server.say(HEARTBEAT);
  play.loseAndJoin();
  play.client.wake();
  play.clock.pass(11 * SECOND);
  assert.equal(play.client.state, "joined");
});

test("a clock that is set back postpones no attempt", () => {
  const play = new Play().join();
  play.server.end();
  play.clock.freeze(-3_600 * SECOND);
  play.client.wake();
  play.clock.pass(5 * SECOND);
  assert.equal(play.connections.length, 2);
});

test("nor does it let a silent server live", () => {
  const play = new Play().join();
  play.clock.freeze(-3_600 * SECOND);
  play.client.wake();
  play.clock.pass(120 * SECOND);
  assert.equal(play.client.state, "waiting");
});

test("wake gives up an attempt that hangs", () => {
  const play = new Play();
  play.client.connect();
  play.client.wake();
  assert.equal(play.client.state, "connecting");
  play.clock.pass(6 * SECOND);
  play.client.wake();
  assert.equal(play.client.state, "waiting");
});

test("wake does nothing before connect and after close", () => {
  const play = new Play();
  play.client.wake();
  play.client.close();
  play.client.wake();
  assert.deepEqual(play.connections, []);
});

test("pages wake it: visibilitychange, online, pageshow", (t) => {
  const page = new EventTarget();
  const document = Object.assign(new EventTarget(), { visibilityState: "hidden" });
  globalThis.document = document;
  globalThis.addEventListener = page.addEventListener.bind(page);
  globalThis.removeEventListener = page.removeEventListener.bind(page);
  t.after(() => ["document", "addEventListener", "removeEventListener"].forEach((name) => delete globalThis[name]));

  const play = new Play();
  play.client.connect();
  for (let loss = 0; loss < 7; loss++) play.lose(); // pauses are 30 seconds by now
  const wakes = (target, type) => {
    play.server.end();
    play.clock.pass(2 * SECOND);
    const before = play.connections.length;
    target.dispatchEvent(new Event(type));
    return play.connections.length > before;
  };
  assert.equal(wakes(document, "visibilitychange"), false); // it has been hidden
  document.visibilityState = "visible";
  assert.equal(wakes(document, "visibilitychange"), true);
  assert.equal(wakes(page, "online"), true);
  assert.equal(wakes(page, "pageshow"), true);
  play.client.close();
  assert.equal(wakes(page, "online"), false);
});

// -- the end ----------------------------------------------------------------------------------------

test("close is for good: 1000, no timers, and all that waits is rejected", async () => {
  const play = new Play().join();
  const { receipt } = play.client.say("hello");
  const questions = [play.client.history(), play.client.rename({ name: "Anna" })];
  play.client.close();
  play.client.close();
  assert.equal(play.server.closedWith, 1000);
  assert.deepEqual(play.told("state").at(-1), { state: "closed", code: 1000, reason: "" });
  assert.ok(play.clock.isIdle);
  for (const promise of [receipt, ...questions]) await assert.rejects(promise, { code: "closed", retry: true });
  await assert.rejects(play.client.say("late").receipt, { code: "closed" });
  await assert.rejects(play.client.history(), { code: "closed" });
  play.server.say(play.message("late"));
  play.server.end();
  assert.deepEqual(play.texts, []);
});

for (const moment of ["connecting", "joined", "waiting"]) {
  test(`a listener may close it when it is ${moment}`, () => {
    const play = new Play();
    play.client.on("state", ({ state }) => state === moment && play.client.close());
    play.client.connect();
    if (moment !== "connecting") play.letIn();
    if (moment === "waiting") play.server.end();
    assert.equal(play.client.state, "closed");
    assert.ok(play.clock.isIdle);
  });
}

test("one that a listener closes when it comes back tells nothing more", () => {
  const play = new Play();
  play.client.connect();
  play.letIn();
  play.lose(); // before it knew where it was
  play.client.on("state", ({ state }) => state === "joined" && play.client.close());
  play.letIn();
  assert.deepEqual(play.told("gap"), []);
});

test("a receipt that nobody looks at is no unhandled rejection", async () => {
  const unhandled = [];
  const note = (error) => unhandled.push(error);
  process.on("unhandledRejection", note);
  const play = new Play().join();
  play.client.say("hello");
  play.client.close();
  await settled();
  process.off("unhandledRejection", note);
  assert.deepEqual(unhandled, []);
});

test("a listener that throws harms neither the others nor the client", async (t) => {
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  t.after(() => delete globalThis.reportError);
  const play = new Play();
  play.client.on("message", () => {
    throw new Error("oops");
  });
  const heard = [];
  const stop = play.client.on("message", (message) => heard.push(message.messageContent));
  play.join();
  play.server.say(play.message("one"), play.message("two"));
  stop();
  play.server.say(play.message("three"));
  assert.deepEqual(heard, ["one", "two"]);
  assert.deepEqual(reported, ["oops", "oops", "oops"]);
});

test("frames that are no chatd's, or of a later one, are ignored", () => {
  const play = new Play().join();
  const before = play.events.length;
  play.server.say("nonsense", "null", "7", "[]", { messageType: "typing" }, { eventType: "reaction", messageId: "1" });
  play.server.onmessage({ data: new ArrayBuffer(3) });
  assert.equal(play.events.length, before);
});
