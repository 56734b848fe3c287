// Four people who talk while their server is killed: two in a room, a customer and an agent in a container.
// They tell of their receipts by lines of JSON, and, once told to finish, of all that they have heard.

import { once } from "node:events";
import { createInterface } from "node:readline";

import { ChatClient } from "../../clients/js/chatd-client.js";

const [url] = process.argv.slice(2);
const retry = { first: 50, most: 400 };
const heard = {};
const receipted = {};
const troubles = [];
const losses = {};
let receipts = 0;
let isFinishing = false;
let changed = () => {};

function come(userId, roomName, more = {}) {
  const client = new ChatClient({ url, name: userId, userId, roomName, retry, ...more });
  heard[userId] = [];
  receipted[userId] = [];
  losses[userId] = 0;
  client.on("message", ({ messageId, messageType, messageContent }, { recovered }) => {
    if (messageType === "text") heard[userId].push({ messageId, messageContent, recovered });
    changed();
  });
  client.on("error", (error) => troubles.push(`${userId}: ${error.code}`));
  client.on("gap", (where) => troubles.push(`${userId}: gap ${JSON.stringify(where)}`));
  client.connect();
  return client;
}

function joined(client) {
  return new Promise((resolve) => client.on("state", ({ state }) => state === "joined" && resolve()));
}

/** Says something, and the next thing once that has its receipt; and some more when the connection is lost. */
function talk(client, where) {
  const { userId } = client;
  let said = 0;
  const say = async () => {
    const { messageId, messageContent } = await client.say(`${userId} ${(said += 1)}`, where).receipt;
    receipted[userId].push({ messageId, messageContent });
    console.log(JSON.stringify({ receipts: (receipts += 1) }));
    changed();
  };
  const goOn = async () => {
    while (!isFinishing) await say();
  };
  client.on("state", ({ state }) => {
    if (state !== "waiting" || isFinishing) return;
    losses[userId] += 1;
    for (let more = 0; more < 3; more++) say();
  });
  goOn();
}

function until(condition) {
  return new Promise((resolve) => {
    changed = () => condition() && resolve();
    changed();
  });
}

const ann = come("ann", "lobby");
const bob = come("bob", "lobby");
const agnes = come("agnes", "agnes");
await Promise.all([ann, bob, agnes].map(joined));
const asked = new Promise((resolve) => agnes.on("request", resolve));
const carl = come("carl", "agnes", { containerId: "carl", targetId: "order-1" });
await carl.createContainer("agnes");
await agnes.addContainer((await asked).containerId);

talk(ann);
talk(bob);
talk(carl);
talk(agnes, { containerId: "carl" });

await once(createInterface(process.stdin), "line");
isFinishing = true;
const clients = [ann, bob, carl, agnes];
await until(() => clients.every((client) => client.unsent.length === 0));
const count = (...users) => users.reduce((sum, user) => sum + receipted[user].length, 0);
await until(() => [["ann", "bob"], ["carl", "agnes"]].every((users) => users.every((user) => heard[user].length >= count(...users))));
for (const client of clients) client.close();
console.log(JSON.stringify({ end: { heard, receipted, troubles, losses } }));
process.stdin.destroy();
