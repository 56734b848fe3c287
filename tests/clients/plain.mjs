// Two people in a room who talk by a `chat` that is given, while their server is killed. See talkers.mjs.

import { once } from "node:events";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [file, url] = process.argv.slice(2);
const { chat } = await import(pathToFileURL(file));
const heard = { ann: [], bob: [] };
const said = { ann: 0, bob: 0 };
const troubles = [];
const there = new Set();
const beginnings = [];
let receipts = 0;
let isFinishing = false;
let finished = () => {};

function isDone() {
  const all = said.ann + said.bob;
  return isFinishing && heard.ann.length === all && heard.bob.length === all;
}

function come(userId) {
  const sayNext = () => say(`${userId} ${(said[userId] += 1)}`);
  const show = (frame) => {
    const { messageType, messageId, messageContent, clientMessageId, createUser } = frame;
    if (messageType === "error") troubles.push(frame);
    if (messageType === "notice") return arrived(userId);
    if (messageType !== "text") return;
    heard[userId].push({ messageId, messageContent });
    if (createUser === userId) {
      console.log(JSON.stringify({ receipts: (receipts += 1) }));
      if (!isFinishing) sayNext();
    }
    if (isDone()) finished();
  };
  const who = { name: userId, userId, roomName: "lobby", pauses: [50, 400] };
  const say = chat(url, who, show, (code) => troubles.push({ code }));
  beginnings.push(sayNext, sayNext);
}

// Who comes for the first time is told the newest 50 messages: nobody says more before both are there.
function arrived(userId) {
  there.add(userId);
  if (there.size === 2) for (const sayNext of beginnings.splice(0)) sayNext();
}

come("ann");
come("bob");
await once(createInterface(process.stdin), "line");
isFinishing = true;
await new Promise((resolve) => {
  finished = resolve;
  if (isDone()) resolve();
});
console.log(JSON.stringify({ end: { heard, said, troubles } }));
process.exit();
