// An agent and a customer on a server that stores nothing, and what the server refuses.

import assert from "node:assert/strict";

import { ChatClient } from "../../clients/js/chatd-client.js";

const [url] = process.argv.slice(2);
let socket; // of the agent's newest connection
class Noted extends WebSocket {
  constructor(address) {
    super(address);
    socket = this;
  }
}

const told = { gap: [], error: [] };
const who = { url, roomName: "agnes", retry: { first: 10 } };
const agnes = new ChatClient({ ...who, name: "Agnes", userId: "agnes", WebSocket: Noted });
const carl = new ChatClient({ ...who, name: "Carl", userId: "carl", containerId: "carl", targetId: "order-1" });
for (const type of ["gap", "error"]) agnes.on(type, (what) => told[type].push(what));
const asked = new Promise((resolve) => agnes.on("request", resolve));
agnes.connect();
carl.connect();
await carl.createContainer("agnes");
await agnes.addContainer((await asked).containerId);
await agnes.say("hello", { containerId: "carl" }).receipt;
await agnes.say("to the room").receipt;
await assert.rejects(agnes.history(), { code: "storage_unavailable" });
const before = told.gap.length;

socket.close();
assert.equal((await agnes.say("after a loss").receipt).messageContent, "after a loss");
assert.deepEqual(told.gap.slice(before), [{}, { containerId: "carl" }]);

await assert.rejects(agnes.say("half a pair: \ud800").receipt, { code: "bad_json" });
await assert.rejects(agnes.say("x".repeat(70_000)).receipt, { code: "too_large" });
assert.equal((await agnes.say("still here").receipt).messageContent, "still here");
await assert.rejects(agnes.addContainer("nobody"), { code: "not_found" });
await assert.rejects(carl.addContainer("carl"), { code: "forbidden" });
await assert.rejects(agnes.autoReturn("none", "carl"), { code: "unknown_reply" });
await agnes.rename({ name: "Agnes B." });
await agnes.changeRoom("attic");
socket.close();
const { nickName, roomName } = await agnes.say("up here").receipt;
assert.deepEqual([nickName, roomName], ["Agnes B.", "attic"]);
assert.deepEqual(told.error, []);
agnes.close();
carl.close();
