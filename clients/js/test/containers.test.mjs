import assert from "node:assert/strict";
import test from "node:test";

import { Play } from "./played.mjs";

const asked = (play, more) =>
  play.message(undefined, { eventType: "createContainer", messageType: undefined, createUser: "carl", ...more });
const inCarl = (play, more = {}) => play.in({ containerId: "carl", ...more });
const outAll = (play) => inCarl(play, { action: "outAll", userId: "carl", count: 0 });

function customer(options = {}) {
  return new Play({ containerId: "ann", targetId: "order-1", roomName: "agnes", ...options });
}

// -- customers --------------------------------------------------------------------------------------

test("a customer asks, is told to wait, and is answered (D3)", async () => {
  const play = customer().join();
  assert.deepEqual([...play.client.containers], ["ann"]);
  const created = play.client.createContainer("agnes", "order-7");
  const frame = play.server.frame();
  const { clientMessageId, ...request } = frame;
  assert.deepEqual(request, { eventType: "createContainer", acceptId: "agnes", targetId: "order-7" });
  const copy = play.copy(frame, { containerId: "ann", messageType: undefined });
  play.server.say(copy, play.error("agent_offline", frame));
  assert.equal((await created).messageId, copy.messageId);
  assert.deepEqual(play.told("error").map(({ code, eventType }) => [code, eventType]), [
    ["agent_offline", "createContainer"],
  ]);
  play.server.say(play.in({ userId: "agnes", nickName: "Agnes", containerId: "ann" }));
  play.server.say(play.message("How may I help?", { containerId: "ann", createUser: "agnes" }));
  assert.deepEqual(play.texts, [undefined, "How may I help?"]);
});

test("agent_offline that overtakes the copy rejects nothing (M7)", async () => {
  const play = customer().join();
  const created = play.client.createContainer("agnes");
  const frame = play.server.frame();
  play.server.say(play.error("agent_offline", frame), play.copy(frame, { containerId: "ann" }));
  assert.equal((await created).eventType, "createContainer");
});

test("a customer's conversation is recovered by the connect URL", () => {
  const play = customer().join();
  play.server.say(play.message("1", { containerId: "ann" }));
  play.lose();
  assert.deepEqual([play.server.parameters.after, play.server.parameters.containerId], ["000001", "ann"]);
  play.letIn();
  const [missed, live] = ["missed", "live"].map((text) => play.message(text, { containerId: "ann" }));
  play.server.say(live, play.page([missed, live], { containerId: "ann", more: true }));
  const { after, containerId } = play.server.frame();
  assert.deepEqual([after, containerId], [live.messageId, "ann"]);
  play.server.say(play.page([], { containerId: "ann" }));
  assert.deepEqual(play.texts, ["1", "missed", "live"]);
});

test("a customer whose conversation is closed is still in it: the next message begins a new one (K3)", () => {
  const play = customer().join();
  play.server.say(play.in({ action: "outAll", userId: "ann", containerId: "ann" }));
  assert.deepEqual([...play.client.containers], ["ann"]);
  play.client.say("one more thing");
  play.server.say(play.copy(play.server.frame(), { containerId: "ann" }));
  assert.deepEqual(play.texts, ["one more thing"]);
});

// -- agents -----------------------------------------------------------------------------------------

test("an agent hears each request once, however often it is told (D3)", () => {
  const play = new Play().join();
  const request = asked(play, { acceptId: "ann", containerId: "carl" });
  play.server.say(request);
  play.loseAndJoin();
  play.server.say(request, asked(play, { acceptId: "ann", containerId: "carl" }));
  assert.deepEqual(play.told("request").map((message) => message.messageId), ["000001", "000002"]);
  assert.deepEqual(play.told("message"), []);
  assert.deepEqual([...play.client.containers], []);
});

test("addContainer resolves with the in; what was said before follows, and what was told is not told again (D4)", async () => {
  const play = new Play().join();
  const added = play.client.addContainer("carl");
  const { clientMessageId, ...frame } = play.server.frame();
  assert.deepEqual(frame, { eventType: "addContainer", containerId: "carl" });
  play.server.say(inCarl(play, { userId: "agnes" })); // another agent
  const notice = inCarl(play);
  const before = play.message("in need", { containerId: "carl", createUser: "carl" });
  play.server.say(notice, before);
  assert.deepEqual(await added, notice);
  assert.deepEqual([...play.client.containers], ["carl"]);
  const again = play.client.addContainer("carl");
  play.server.say(notice, before, play.message("missing until now", { containerId: "carl" }));
  await again;
  assert.deepEqual(play.texts, ["in need", "missing until now"]);
});

test("an addContainer whose notice was lost is asked for again", async () => {
  const play = new Play().join();
  const added = play.client.addContainer("carl");
  play.client.say("hello", { containerId: "carl" });
  const request = play.server.frame();
  play.loseAndJoin();
  assert.deepEqual(play.server.frame(), request);
  const notice = inCarl(play); // as a returning member, or as the answer
  play.server.say(notice, play.message("in need", { containerId: "carl" }), notice);
  assert.deepEqual(await added, notice);
  assert.equal(play.server.frame().messageContent, "hello"); // what was said after it is said after it
  assert.deepEqual(play.texts, ["in need"]);
});

test("an in as a returning member that comes first is no answer that is missed", async () => {
  const play = new Play().join();
  const added = play.client.addContainer("carl");
  play.lose();
  play.letIn();
  const notice = inCarl(play);
  play.server.say(notice);
  assert.deepEqual([...play.client.containers], ["carl"]);
  play.server.say(play.page([]));
  assert.deepEqual(play.server.frames().map((frame) => frame.eventType).sort(), ["addContainer", "history"]);
  play.server.say(notice, play.message("in need", { containerId: "carl" }));
  await added;
  assert.deepEqual(play.texts, ["in need"]);
});

test("what was said before that cannot be read is a gap, and no error of the request", async () => {
  const play = new Play().join();
  const added = play.client.addContainer("carl");
  const frame = play.server.frame();
  play.server.say(inCarl(play), play.error("storage_unavailable", frame));
  await added;
  assert.deepEqual([play.told("gap"), play.told("error")], [[{ containerId: "carl" }], []]);
});

test("an addContainer that is refused rejects", async () => {
  const play = new Play().join();
  const added = play.client.addContainer("carl");
  play.server.say(play.error("not_found", play.server.frame()));
  await assert.rejects(added, { code: "not_found" });
});

test("each container is recovered after a loss, what is said live in it held back, and the room's is not", () => {
  const play = new Play().join();
  play.server.say(inCarl(play), inCarl(play, { containerId: "dora" }));
  play.newest(); // carl
  play.newest(); // dora
  const said = (text, containerId) => play.message(text, { containerId });
  play.server.say(said("c1", "carl"), said("d1", "dora"), play.message("r1"));
  play.lose();
  play.letIn();
  const [c2, c3, c4, r2] = [said("c2", "carl"), said("c3", "carl"), said("c4", "carl"), play.message("r2")];
  play.server.say(play.page([]), c4, r2);
  assert.deepEqual(play.texts.slice(3), ["r2"]);
  const first = play.server.frame();
  assert.deepEqual([first.containerId, first.after], ["carl", "000001"]);
  play.client.say("waits");
  play.server.say(play.page([c2, c3], { containerId: "carl", more: true }));
  assert.equal(play.server.frame().containerId, "dora");
  play.server.say(play.page([], { containerId: "dora" }));
  const last = play.server.frame();
  assert.deepEqual([last.containerId, last.after], ["carl", c3.messageId]);
  play.server.say(play.page([c4], { containerId: "carl" }));
  assert.deepEqual(play.texts.slice(3), ["r2", "c2", "c3", "c4"]);
  assert.equal(play.server.frame().messageContent, "waits");
});

test("a container that is gone after a loss: a gap, and it is forgotten", () => {
  const play = new Play().join();
  play.server.say(inCarl(play), play.message("c1", { containerId: "carl" }));
  play.newest();
  let known;
  play.client.on("gap", () => (known = [...play.client.containers]));
  play.loseAndJoin();
  play.server.say(play.error("not_found", play.server.frame()));
  assert.deepEqual(play.told("gap"), [{ containerId: "carl" }]);
  assert.deepEqual(known, []);
  play.loseAndJoin();
  assert.deepEqual(play.server.frames(), []);
});

for (const code of [1006, 1011]) {
  test(`a container whose recovery is interrupted by ${code} is asked for once more, and once`, () => {
    const play = new Play().join();
    play.server.say(inCarl(play), play.message("c1", { containerId: "carl" }));
    play.newest();
    play.loseAndJoin();
    assert.equal(play.server.frame().containerId, "carl");
    play.lose(code);
    play.letIn();
    play.server.say(play.page([]));
    assert.equal(play.server.frame().containerId, "carl");
    play.server.say(play.page([], { containerId: "carl" }));
    assert.deepEqual(play.server.frames(), []);
    assert.deepEqual(play.told("gap"), []);
  });
}

test("a request from a container that one is in is not told again as what was missed", () => {
  const play = new Play().join();
  const request = asked(play, { acceptId: "ann", containerId: "carl" });
  play.server.say(inCarl(play), request);
  play.newest();
  assert.equal(play.told("request").length, 1);
  play.loseAndJoin();
  const { after } = play.server.frame();
  assert.equal(after, request.messageId);
  play.server.say(play.page([request], { containerId: "carl" }));
  assert.deepEqual(play.told("message"), []);
});

test("outAll forgets a container, in the middle of its recovery too", () => {
  const play = new Play().join();
  play.server.say(inCarl(play), play.message("c1", { containerId: "carl" }));
  play.newest();
  play.loseAndJoin();
  const question = play.server.frame();
  play.client.say("waits");
  play.server.say(play.message("held", { containerId: "carl" }), outAll(play));
  assert.deepEqual(play.texts, ["c1", "held"]);
  assert.equal(play.told("notice").at(-1).action, "outAll");
  assert.deepEqual([...play.client.containers], []);
  assert.equal(play.server.frame().messageContent, "waits");
  play.server.say(play.error("not_found", question));
  assert.deepEqual([play.told("gap"), play.told("error")], [[], []]);
});

test("what was missed in it is not told after its end", () => {
  const play = new Play().join();
  play.server.say(inCarl(play), play.message("c1", { containerId: "carl" }));
  play.newest();
  play.loseAndJoin();
  play.server.frames();
  const late = play.message("late", { containerId: "carl" });
  play.server.say(outAll(play), play.page([late], { containerId: "carl" }));
  assert.deepEqual(play.texts, ["c1"]);
});

test("removeContainer resolves with outAll", async () => {
  const play = new Play().join();
  play.server.say(inCarl(play));
  play.newest();
  const removed = play.client.removeContainer("carl");
  const { clientMessageId, ...frame } = play.server.frame();
  assert.deepEqual(frame, { eventType: "removeContainer", containerId: "carl" });
  const notice = outAll(play);
  play.server.say(notice);
  assert.deepEqual(await removed, notice);
  assert.deepEqual([...play.client.containers], []);
});

test("a removeContainer that was done, but whose notice was lost, resolves all the same", async () => {
  const play = new Play().join();
  const removed = play.client.removeContainer("carl");
  play.loseAndJoin();
  play.server.say(play.error("not_found", play.server.frame()));
  const { action, containerId, count } = await removed;
  assert.deepEqual([action, containerId, count], ["outAll", "carl", 0]);
  assert.equal(play.told("notice").at(-1).action, "outAll");
});

test("one that names what never was rejects", async () => {
  const play = new Play().join();
  const removed = play.client.removeContainer("carl");
  play.server.say(play.error("not_found", play.server.frame()));
  await assert.rejects(removed, { code: "not_found" });
});

test("autoReturn resolves with what was said (D5)", async () => {
  const play = new Play().join();
  const said = play.client.autoReturn("hours", "carl");
  const frame = play.server.frame();
  const { clientMessageId, ...request } = frame;
  assert.deepEqual(request, { eventType: "autoReturn", messageContent: "hours", containerId: "carl" });
  play.server.say(play.copy(frame, { messageType: "text", messageContent: "9 to 6" }));
  assert.equal((await said).messageContent, "9 to 6");
});

test("containers stay with the room that is left", async () => {
  const play = new Play().join();
  play.server.say(inCarl(play));
  play.newest();
  const changed = play.client.changeRoom("attic");
  play.server.say(play.in({ roomName: "attic" }));
  await changed;
  assert.deepEqual([...play.client.containers], []);
});

test("a container that another tab has joined is known by what is said in it", () => {
  const play = new Play().join();
  play.server.say(play.message("hello", { containerId: "carl" }));
  assert.deepEqual([...play.client.containers], ["carl"]);
});
