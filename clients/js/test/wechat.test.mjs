import assert from "node:assert/strict";
import test from "node:test";

import { ChatClient } from "../chatd-client.js";
import { webSocketOf } from "../chatd-client-wechat.js";

const IN = { messageType: "notice", action: "in", userId: "ann", nickName: "Ann", roomName: "lobby", count: 1 };

/** As WeChat documents wx, as far as it goes. */
class Wx {
  tasks = [];
  limit = 5;

  connectSocket = ({ url, success, fail }) => {
    if (this.tasks.length >= this.limit) {
      fail({ errMsg: "connectSocket:fail exceed max task count" });
      return undefined;
    }
    const task = new Task(url);
    this.tasks.push(task);
    success({ errMsg: "connectSocket:ok" });
    return task;
  };
}

class Task {
  sent = [];
  closed = null;
  isOpen = false;
  breaks = false;
  #listeners = {};

  constructor(url) {
    this.url = url;
  }

  onOpen = (listener) => (this.#listeners.open = listener);
  onMessage = (listener) => (this.#listeners.message = listener);
  onClose = (listener) => (this.#listeners.close = listener);
  onError = (listener) => (this.#listeners.error = listener);

  send({ data, fail }) {
    if (this.breaks) fail({ errMsg: "sendSocketMessage:fail" });
    else this.sent.push(JSON.parse(data));
  }

  close({ code }) {
    if (this.isOpen) this.closed = code; // before it has opened, nothing comes of it
  }

  tell(type, what) {
    this.isOpen = type === "open" || (this.isOpen && type === "message");
    this.#listeners[type](what);
  }
}

function play(wx) {
  const options = { url: "wss://chat.example/", name: "Ann", userId: "ann", roomName: "lobby", retry: { first: 0 } };
  const client = new ChatClient({ ...options, WebSocket: webSocketOf(wx) });
  const reaches = (state) => new Promise((resolve) => client.on("state", (event) => event.state === state && resolve(event)));
  client.connect();
  return { client, reaches };
}

function letIn(task) {
  task.tell("open", {});
  task.tell("message", { data: JSON.stringify(IN) });
}

test("it speaks and hears by wx", async (t) => {
  const wx = new Wx();
  const { client } = play(wx);
  t.after(() => client.close());
  const [task] = wx.tasks;
  assert.match(task.url, /^wss:\/\/chat\.example\/\?name=Ann&senderType=GROUP&/);
  const { receipt, clientMessageId } = client.say("hello");
  letIn(task);
  assert.equal(client.state, "joined");
  const said = task.sent.find(({ messageType }) => messageType === "text");
  task.tell("message", { data: JSON.stringify({ ...said, eventType: "ordinary", messageId: "1", createUser: "ann" }) });
  assert.equal((await receipt).clientMessageId, clientMessageId);
  client.close();
  assert.equal(task.closed, 1000);
});

test("a mini program in the background loses its connection with 1000, and gets another one", async (t) => {
  const wx = new Wx();
  const { client, reaches } = play(wx);
  t.after(() => client.close());
  letIn(wx.tasks[0]);
  const again = reaches("connecting");
  wx.tasks[0].tell("close", { code: 1000, reason: "interrupted" });
  await again;
  letIn(wx.tasks[1]);
  assert.equal(client.state, "joined");
});

test("an end that is told twice is one", async (t) => {
  const wx = new Wx();
  const { client, reaches } = play(wx);
  t.after(() => client.close());
  letIn(wx.tasks[0]);
  const lost = reaches("waiting");
  wx.tasks[0].tell("error", { errMsg: "network changed" });
  wx.tasks[0].tell("close", { code: 1006, reason: "abnormal closure" });
  assert.equal((await lost).reason, "network changed");
});

test("a refusal's close code is known", async () => {
  const wx = new Wx();
  const { client, reaches } = play(wx);
  const over = reaches("closed");
  wx.tasks[0].tell("open", {});
  wx.tasks[0].tell("close", { code: 4401, reason: "Wrong account or password." });
  assert.deepEqual(await over, { state: "closed", code: 4401, reason: "Wrong account or password." });
  assert.equal(client.state, "closed");
});

test("one that cannot be had is a loss", async (t) => {
  const wx = new Wx();
  wx.limit = 0;
  const { client, reaches } = play(wx);
  t.after(() => client.close());
  assert.equal((await reaches("waiting")).reason, "connectSocket:fail exceed max task count");
});

test("what cannot be sent is a loss", async (t) => {
  const wx = new Wx();
  const { client, reaches } = play(wx);
  t.after(() => client.close());
  const lost = reaches("waiting");
  wx.tasks[0].breaks = true;
  letIn(wx.tasks[0]);
  assert.equal((await lost).reason, "sendSocketMessage:fail");
  assert.equal(wx.tasks[0].closed, 1000); // it may be there still
});

test("one that is closed before it has opened is closed when it has", () => {
  const wx = new Wx();
  const { client } = play(wx);
  client.close();
  wx.tasks[0].tell("open", {});
  assert.equal(wx.tasks[0].closed, 1000);
  assert.equal(client.state, "closed");
});
