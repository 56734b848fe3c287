import assert from "node:assert/strict";
import test from "node:test";

import { Play } from "./played.mjs";

const kinds = (play) => play.events.filter(({ type }) => type !== "state").map(({ type, what }) => {
  return type === "message" ? what.messageContent : type === "notice" ? `${what.nickName} ${what.action}` : type;
});
const flags = (play) => play.events.filter(({ type }) => type === "message").map(({ how }) => how.recovered);

test("without after, nothing earlier is asked for; but where the room is", () => {
  const play = new Play();
  play.client.connect();
  play.letIn();
  assert.equal("after" in play.server.parameters, false);
  const { clientMessageId, ...question } = play.server.frames()[0];
  assert.deepEqual(question, { eventType: "history", limit: 1 });
  play.server.say(play.page([play.message("earlier")]));
  assert.deepEqual(play.texts, []);
  play.lose();
  assert.equal(play.server.parameters.after, "000001"); // nothing is missed although nothing was said here
});

test("a room in which nothing was said yet is recovered from its beginning", () => {
  const play = new Play().join();
  play.lose();
  assert.equal(play.server.parameters.after, "");
});

test("what is said before that answer counts", () => {
  const play = new Play();
  play.client.connect();
  play.letIn();
  const earlier = play.message("earlier");
  play.server.say(play.message("now"), play.page([earlier]));
  play.lose();
  assert.equal(play.server.parameters.after, "000002");
});

test("after in the options asks for what was said since, page by page", () => {
  const play = new Play({ after: "000000" });
  play.client.connect();
  assert.equal(play.server.parameters.after, "000000");
  play.letIn();
  assert.deepEqual(play.server.frames(), []);
  const messages = ["1", "2", "3", "4"].map((text) => play.message(text));
  play.server.say(play.page(messages.slice(0, 2), { more: true }));
  const { clientMessageId, ...question } = play.server.frame();
  assert.deepEqual(question, { eventType: "history", after: "000002", limit: 200 });
  play.server.say(play.page(messages.slice(2, 3), { more: true }));
  assert.equal(play.server.frame().after, "000003");
  play.server.say(play.page(messages.slice(3)));
  assert.deepEqual(play.server.frames(), []);
  assert.deepEqual(kinds(play), ["1", "2", "3", "4", "Ann in"]);
  assert.deepEqual(flags(play), [true, true, true, true]);
});

test("what is said live meanwhile comes after it, once; notices keep their place", () => {
  const play = new Play().join();
  play.server.say(play.message("before"));
  play.lose();
  play.letIn();
  const [missed, both, live] = ["missed", "both", "live"].map((text) => play.message(text));
  play.server.say(play.page([missed], { more: true }), both);
  play.server.say(play.in({ userId: "carl", nickName: "Carl" }), live);
  assert.deepEqual(kinds(play).slice(1), ["before", "missed"]);
  play.server.say(play.page([both]));
  assert.deepEqual(kinds(play).slice(1), ["before", "missed", "both", "Ann in", "Carl in", "live"]);
  assert.deepEqual(flags(play), [false, true, true, false]);
  play.lose();
  assert.equal(play.server.parameters.after, live.messageId);
});

test("a flood, more than is remembered, that is held and recovered is told once", () => {
  const play = new Play().join();
  play.lose();
  play.letIn();
  const messages = Array.from({ length: 3_000 }, (_, n) => play.message(String(n)));
  play.server.say(...messages.slice(100)); // live, while pages bring all but the newest
  for (let at = 0; at < 2_800; at += 200) {
    play.server.say(play.page(messages.slice(at, at + 200), { more: at < 2_600 }));
  }
  assert.deepEqual(play.texts, messages.map((message) => message.messageContent));
});

test("a connection lost in the middle of it goes on where it was", () => {
  const play = new Play().join();
  const [missed, held, later] = ["missed", "held", "later"].map((text) => play.message(text));
  play.lose();
  play.letIn();
  play.server.say(play.page([missed], { more: true }), later, play.in({ userId: "carl", nickName: "Carl" }));
  play.lose();
  assert.deepEqual(kinds(play), ["Ann in", "missed", "Ann in", "Carl in"]); // notices are stored nowhere
  assert.equal(play.server.parameters.after, missed.messageId);
  play.letIn();
  play.server.say(play.page([held, later]));
  assert.deepEqual(play.texts, ["missed", "held", "later"]);
});

test("close in the middle of it: nothing more is told", () => {
  const play = new Play().join();
  play.lose();
  play.letIn();
  const { server } = play;
  server.say(play.message("held"));
  play.client.close();
  server.say(play.page([play.message("missed")]));
  assert.deepEqual(play.texts, []);
  assert.ok(play.clock.isIdle);
});

test("a listener that closes in the middle of a page: nothing is sent any more", () => {
  const play = new Play().join();
  play.client.on("message", () => play.client.close());
  play.lose();
  play.letIn();
  play.server.say(play.page([play.message("1")], { more: true }));
  assert.deepEqual(play.server.frames(), []);
  assert.equal(play.client.state, "closed");
});

test("a message that comes twice is told once, in the room and in each container", () => {
  const play = new Play().join();
  const here = play.message("here");
  const there = play.message("there", { containerId: "carl" });
  play.server.say(here, there, here, there, here);
  assert.deepEqual(play.texts, ["here", "there"]);
});

// -- gaps -------------------------------------------------------------------------------------------

test("a server without a store: a gap after each loss, and what is said goes out", () => {
  const play = new Play();
  play.client.connect();
  play.letIn();
  play.server.say(play.error("storage_unavailable", play.server.frames()[0]));
  assert.deepEqual(play.told("gap"), []); // nothing was missed yet
  play.lose();
  assert.equal("after" in play.server.parameters, false);
  play.letIn();
  assert.deepEqual(play.told("gap"), [{}]);
  play.server.say(play.message("known"), play.error("storage_unavailable", play.server.frames()[0]));
  play.lose();
  assert.equal(play.server.parameters.after, "000001");
  play.letIn();
  play.client.say("hello");
  play.server.say(play.message("live"));
  play.server.say(play.error("storage_unavailable", { eventType: "history" }));
  assert.deepEqual(play.told("gap"), [{}, {}]);
  assert.deepEqual(kinds(play).slice(-3), ["gap", "Ann in", "live"]);
  assert.equal(play.server.frame().messageContent, "hello");
  assert.deepEqual(play.told("error"), []);
});

test("a store that is known to be there is asked again before that counts as a gap", () => {
  const play = new Play().join();
  play.lose();
  play.letIn();
  play.server.say(play.error("storage_unavailable", { eventType: "history" }));
  const question = play.server.frame();
  assert.deepEqual([question.eventType, question.after, question.limit], ["history", "", 200]);
  play.server.say(play.error("storage_unavailable", question));
  play.clock.pass(1_500);
  assert.deepEqual(play.server.frame(), question);
  play.server.say(play.page([play.message("missed")]));
  assert.deepEqual([play.texts, play.told("gap")], [["missed"], []]);
});

test("but not for ever", () => {
  const play = new Play().join();
  play.lose();
  play.letIn();
  play.server.say(play.error("storage_unavailable", { eventType: "history" }));
  for (let tries = 0; tries < 5; tries++) {
    const question = play.server.frame();
    play.server.say(play.error("storage_unavailable", question), play.message("alive"));
    play.clock.pass(45_000);
  }
  assert.deepEqual(play.server.frames(), []);
  assert.deepEqual(play.told("gap"), [{}]);
});

test("a page that is refused as too fast is asked for again", () => {
  const play = new Play().join();
  play.lose();
  play.letIn();
  play.server.say(play.page([play.message("1")], { more: true }));
  const question = play.server.frame();
  play.server.say(play.error("rate_limited", question));
  play.clock.pass(2_000);
  assert.deepEqual(play.server.frame(), question);
});

test("a connection that is lost before it knows where it is leaves a gap", () => {
  const play = new Play();
  play.client.connect();
  play.letIn();
  play.lose();
  play.letIn();
  assert.deepEqual(play.told("gap"), [{}]);
});

// -- history and online -----------------------------------------------------------------------------

test("history and online ask one after the other, and do not wait for what is said (R1, R2)", async () => {
  const play = new Play().join();
  play.client.say("slow");
  const first = play.client.history({ before: "000009", limit: 20 });
  const second = play.client.online({ containerId: "carl" });
  const [said, asked, ...rest] = play.server.frames();
  assert.deepEqual([said.messageContent, asked.eventType, asked.before, asked.limit, rest.length], [
    "slow", "history", "000009", 20, 0,
  ]);
  const page = play.page([play.message("1")], { more: true });
  play.server.say(page);
  assert.deepEqual(await first, page);
  assert.deepEqual(play.texts, []); // it is the asker's alone
  const { eventType, containerId } = play.server.frame();
  assert.deepEqual([eventType, containerId], ["online", "carl"]);
  const answer = { messageType: "online", roomName: "lobby", count: 1, users: [{ userId: "ann", nickName: "Ann" }] };
  play.server.say(answer);
  assert.deepEqual(await second, answer);
});

test("a question is asked again after a loss, behind what was missed", async () => {
  const play = new Play({ after: "" });
  play.client.connect();
  play.letIn();
  play.server.say(play.page([]));
  const answer = play.client.history({ limit: 5 });
  play.server.frames();
  play.lose();
  play.letIn();
  assert.deepEqual(play.server.frames(), []);
  play.server.say(play.page([play.message("missed")], { more: true }));
  assert.equal(play.server.frame().after, "000001");
  play.server.say(play.page([]));
  assert.equal(play.server.frame().limit, 5);
  const page = play.page([play.message("1")]);
  play.server.say(page);
  assert.deepEqual(await answer, page);
  assert.deepEqual(play.texts, ["missed"]);
});

test("a question that is refused rejects", async () => {
  const play = new Play().join();
  const answers = [play.client.history(), play.client.online()];
  play.server.say(play.error("storage_unavailable", play.server.frames()[0]));
  await assert.rejects(answers[0], { code: "storage_unavailable", eventType: "history" });
  play.server.say(play.error("unknown_event", play.server.frame()));
  await assert.rejects(answers[1], { code: "unknown_event" });
});
