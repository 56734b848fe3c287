import assert from "node:assert/strict";
import test from "node:test";

import { Play, settled } from "./played.mjs";

test("each kind of message has the protocol's shape (M1, M2)", () => {
  const play = new Play().join();
  const { client } = play;
  const where = { containerId: "carl", targetId: "order-7" };
  const media = { file: "https://cdn.example/a", previewUrl: "https://cdn.example/p", duration: 3 };
  const custom = { eventType: "order.paid", eventDescription: "paid", customContent: { order: 7 } };
  const said = [
    [() => client.say("hi", where), { messageType: "text", messageContent: "hi", ...where }],
    [() => client.sendPicture({ file: "f" }), { messageType: "picture", accessoryContent: { file: "f" } }],
    [() => client.sendVideo(media), { messageType: "video", accessoryContent: media }],
    [() => client.sendVoice(media, where), { messageType: "voice", accessoryContent: media, ...where }],
    [() => client.sendEvent(custom), { messageType: "event", accessoryContent: custom }],
    [() => client.send({ messageType: "text", messageContent: "x", clientMessageId: "mine" }),
      { messageType: "text", messageContent: "x", clientMessageId: "mine" }],
  ];
  const ids = new Set();
  for (const [say, expected] of said) {
    const { clientMessageId } = say();
    const frame = play.server.frame();
    assert.deepEqual(frame, { clientMessageId, ...expected });
    ids.add(clientMessageId);
    play.server.say(play.copy(frame));
  }
  assert.equal(ids.size, said.length);
  assert.ok([...ids].every((id) => id.length <= 64));
});

test("clientMessageIds are made without crypto too, as mini programs have none", (t) => {
  const { crypto } = globalThis;
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  t.after(() => Object.defineProperty(globalThis, "crypto", { value: crypto, configurable: true }));
  const { client } = new Play();
  const ids = Array.from({ length: 100 }, () => client.say("x").clientMessageId);
  assert.equal(new Set(ids).size, 100);
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
});

test("send refuses what has a method of its own", () => {
  const { client } = new Play();
  for (const eventType of ["addContainer", "updateRoomName", "updateUserInfo", "history"]) {
    assert.throws(() => client.send({ eventType, messageContent: "x" }), TypeError);
  }
});

test("the copy of a message is its receipt, and is told once as a message (M5)", async () => {
  const play = new Play().join();
  const { clientMessageId, receipt } = play.client.say("hello");
  assert.deepEqual(play.client.unsent, [{ messageType: "text", messageContent: "hello", clientMessageId }]);
  const copy = play.copy(play.server.frame());
  play.server.say(copy, copy);
  assert.deepEqual(await receipt, copy);
  assert.deepEqual(play.client.unsent, []);
  assert.deepEqual(play.events.filter(({ type }) => type === "message"), [
    { type: "message", what: copy, how: { recovered: false, own: true } },
  ]);
});

test("what is said before the connection is there goes out when it is, in order, one after the other", () => {
  const play = new Play();
  for (const text of ["1", "2", "3"]) play.client.say(text);
  play.client.connect();
  play.client.say("4");
  play.server.open();
  play.client.say("5");
  assert.deepEqual(play.server.frames(), []);
  play.server.say(play.in());
  play.client.say("6");
  const sent = [];
  for (let n = 0; n < 6; n++) {
    const said = play.server.frames().filter(({ eventType }) => eventType !== "history");
    assert.equal(said.length, 1);
    sent.push(said[0].messageContent);
    play.server.say(play.copy(said[0]));
  }
  assert.deepEqual(sent, ["1", "2", "3", "4", "5", "6"]);
  assert.deepEqual(play.texts, sent);
});

test("a message is sent as it was when it was given", () => {
  const play = new Play();
  const picture = { file: "before" };
  play.client.sendPicture(picture);
  picture.file = "after";
  play.client.connect();
  play.letIn();
  const [, sent] = play.server.frames();
  assert.equal(sent.accessoryContent.file, "before");
});

test("what has no receipt when the connection is lost is sent again, in order, with its id (M6)", async () => {
  const play = new Play().join();
  const receipts = ["1", "2", "3"].map((text) => play.client.say(text).receipt);
  const first = play.server.frame();
  play.server.say(play.copy(first));
  const second = play.server.frame();
  play.lose();
  assert.equal(play.server.parameters.after, "000001");
  play.letIn();
  assert.deepEqual(play.server.frames(), []); // what was missed comes first
  play.server.say(play.page([]));
  const again = play.server.frame();
  assert.deepEqual(again, second);
  play.server.say(play.copy(again));
  play.server.say(play.copy(play.server.frame()));
  assert.deepEqual((await Promise.all(receipts)).map((message) => message.messageContent), ["1", "2", "3"]);
});

test("a receipt may come by what was missed: then it is not sent again", async () => {
  const play = new Play({ after: "" });
  play.client.connect();
  play.letIn();
  play.server.say(play.page([]));
  const { receipt } = play.client.say("hello");
  play.client.say("and this");
  const copy = play.copy(play.server.frame());
  play.lose();
  play.letIn();
  play.server.say(play.page([play.message("meanwhile"), copy]));
  assert.deepEqual(await receipt, copy);
  assert.deepEqual(play.texts, ["meanwhile", "hello"]);
  assert.equal(play.server.frame().messageContent, "and this");
});

test("one delivered by the old connection after the new one joined is told once", async () => {
  const play = new Play().join();
  const { receipt } = play.client.say("hello");
  const frame = play.server.frame();
  play.loseAndJoin();
  const { clientMessageId, ...plain } = play.copy(frame);
  play.server.say(plain); // as to another tab of ours
  assert.deepEqual(play.server.frame(), frame);
  play.server.say({ ...plain, clientMessageId }); // the first one's copy (M6)
  assert.equal((await receipt).messageId, plain.messageId);
  assert.deepEqual(play.texts, ["hello"]);
});

// -- errors -----------------------------------------------------------------------------------------

test("an error about a message rejects its receipt, and the next one goes out (E1)", async () => {
  const play = new Play().join();
  const { receipt, clientMessageId } = play.client.say("hello", { containerId: "carl" });
  play.client.say("next");
  play.server.say(play.error("not_member", play.server.frame()));
  await assert.rejects(receipt, { code: "not_member", message: "about not_member", clientMessageId, retry: false });
  assert.equal(play.server.frame().messageContent, "next");
  assert.deepEqual(play.told("error"), []);
  assert.equal(play.client.unsent.length, 1);
});

test("an error without clientMessageId is about what is under way, if it is of its kind", async () => {
  const play = new Play().join();
  const { receipt } = play.client.say("\ud800");
  play.server.say(play.error("bad_json"));
  await assert.rejects(receipt, { code: "bad_json" });
});

test("an error about nothing of ours is told", () => {
  const play = new Play().join();
  play.client.say("hello");
  play.server.say(play.error("rate_limited"), play.error("novelty", { clientMessageId: "?" })); // of a heartbeat
  assert.deepEqual(play.told("error").map((error) => error.code), ["rate_limited", "novelty"]);
  assert.equal(play.client.unsent.length, 1);
});

for (const code of ["rate_limited", "storage_unavailable"]) {
  test(`${code}: the message goes out again later, later each time, and before all others`, async () => {
    const play = new Play().join();
    play.chance = 0;
    const { receipt } = play.client.say("1");
    play.client.say("2");
    const first = play.server.frame();
    for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
      play.server.say(play.error(code, first));
      play.clock.pass(pause - 1);
      assert.deepEqual(play.server.frames(), []);
      play.clock.pass(1);
      assert.deepEqual(play.server.frame(), first);
      play.server.say(play.message("alive"));
    }
    play.server.say(play.copy(first));
    await receipt;
    const second = play.server.frame();
    assert.equal(second.messageContent, "2");
    play.server.say(play.error(code, second));
    play.clock.pass(1_000);
    assert.deepEqual(play.server.frame(), second);
    assert.deepEqual(play.told("error"), []);
  });
}

test("a pause after rate_limited ends with its connection", () => {
  const play = new Play().join();
  play.client.say("1");
  play.server.say(play.error("rate_limited", play.server.frame()));
  play.loseAndJoin();
  assert.equal(play.server.frame().messageContent, "1");
  play.clock.pass(5_000);
  assert.deepEqual(play.server.frames(), []);
});

test("a pause after rate_limited ends with the client", () => {
  const play = new Play().join();
  play.client.say("1");
  play.server.say(play.error("rate_limited", play.server.frame()));
  play.client.close();
  assert.ok(play.clock.isIdle);
});

test("1008 while a store fails for long is no reason to give up", () => {
  const play = new Play().join();
  play.client.say("1");
  play.server.say(play.error("storage_unavailable", play.server.frame()));
  play.server.end(1008, "too many erroneous messages in a row");
  assert.equal(play.client.state, "waiting");
});

for (const [code, error] of [[1009, "too_large"], [1011, "internal_error"]]) {
  test(`after ${code} the message under way is not sent again, the next one is`, async () => {
    const play = new Play().join();
    const { receipt } = play.client.say("x".repeat(100));
    play.client.say("next");
    play.server.frames();
    if (code === 1009) play.server.say(play.error("too_large"));
    play.lose(code);
    await assert.rejects(receipt, { code: error, retry: false });
    assert.deepEqual(play.told("error"), []);
    play.letIn();
    play.server.say(play.page([]));
    assert.equal(play.server.frame().messageContent, "next");
  });
}

// -- names ------------------------------------------------------------------------------------------

test("rename is kept when connecting again (updateUserInfo)", async () => {
  const play = new Play().join();
  const renamed = play.client.rename({ name: "Anna", icon: "https://cdn.example/anna.png" });
  const { clientMessageId, ...frame } = play.server.frame();
  const asked = { eventType: "updateUserInfo", messageContent: "Anna", userIconUpdate: "https://cdn.example/anna.png" };
  assert.deepEqual(frame, asked);
  assert.equal(play.client.name, "Ann");
  const told = { eventType: "updateUserInfo", nickName: "Anna", userIcon: "https://cdn.example/anna.png" };
  play.server.say(play.copy({ clientMessageId }, told));
  assert.equal((await renamed).nickName, "Anna");
  assert.deepEqual([play.client.name, play.client.icon], ["Anna", "https://cdn.example/anna.png"]);
  play.lose();
  assert.equal(play.server.parameters.name, "Anna");
  assert.equal(play.server.parameters.icon, "https://cdn.example/anna.png");
});

test("a rename whose outcome is unknown is done again, not repeated: the new connection has the old name", async () => {
  const play = new Play({ after: "" });
  play.client.connect();
  play.letIn();
  play.server.say(play.page([]));
  const renamed = play.client.rename({ name: "Anna" });
  const frame = play.server.frame();
  play.lose();
  assert.equal(play.server.parameters.name, "Ann");
  play.letIn();
  play.server.say(play.page([play.copy(frame, { eventType: "updateUserInfo", nickName: "Anna" })]));
  const again = play.server.frame();
  assert.equal(again.messageContent, "Anna");
  assert.notEqual(again.clientMessageId, frame.clientMessageId); // else the server would not do it (M6)
  play.server.say(play.copy(again, { eventType: "updateUserInfo", nickName: "Anna" }));
  assert.equal((await renamed).clientMessageId, again.clientMessageId);
  assert.equal(play.client.name, "Anna");
});

test("another tab's rename renames this one too, another user's does not", () => {
  const play = new Play().join();
  play.server.say(play.copy({}, { eventType: "updateUserInfo", nickName: "Anna" }));
  play.server.say(play.message("Robert", { eventType: "updateUserInfo", nickName: "Robert" }));
  assert.equal(play.client.name, "Anna");
});

// -- rooms ------------------------------------------------------------------------------------------

test("changeRoom is kept when connecting again; what is said after it is said there", async () => {
  const play = new Play().join();
  play.server.say(play.message("in the lobby"));
  play.client.say("still here");
  const changed = play.client.changeRoom("attic");
  play.client.say("up here");
  play.server.say(play.copy(play.server.frame()));
  const { eventType, messageContent } = play.server.frame();
  assert.deepEqual([eventType, messageContent], ["updateRoomName", "attic"]);
  assert.equal(play.client.roomName, "lobby");
  const notice = play.in({ roomName: "attic", count: 1 });
  play.server.say(notice);
  assert.deepEqual(await changed, notice);
  assert.deepEqual([play.client.roomName, play.client.count], ["attic", 1]);
  const [asked, said] = play.server.frames().sort((a) => (a.eventType === "history" ? -1 : 1));
  assert.equal(asked.eventType, "history"); // where it is in the new room
  assert.equal(said.messageContent, "up here");
  play.server.say(play.page([play.message("before you came")]));
  play.lose();
  assert.equal(play.server.parameters.roomName, "attic");
  assert.equal(play.server.parameters.after, "000003");
});

test("a changeRoom whose outcome is unknown is asked for again", async () => {
  const play = new Play().join();
  const changed = play.client.changeRoom("attic");
  play.server.frames();
  play.lose();
  assert.equal(play.server.parameters.roomName, "lobby");
  play.letIn();
  await settled();
  assert.equal(play.client.roomName, "lobby"); // the in of the lobby is not the answer
  play.server.say(play.page([]));
  assert.equal(play.server.frame().messageContent, "attic");
  play.server.say(play.in({ roomName: "attic" }));
  assert.equal((await changed).roomName, "attic");
});

test("a changeRoom that is refused rejects", async () => {
  const play = new Play().join();
  const changed = play.client.changeRoom("vault");
  play.server.say(play.error("forbidden", play.server.frame()));
  await assert.rejects(changed, { code: "forbidden", eventType: "updateRoomName" });
  assert.equal(play.client.roomName, "lobby");
});
