// A customer's conversation with an agent: what it is about, how far it is, and the client that carries it. No elements
// here.

import { ChatClient } from "../chatd-client.js";

/**
 * How far a conversation is:
 * new: not begun · asking: on the way · waiting: an agent is asked · offline: no agent is there, the request waits ·
 * talking: an agent is in it · away: the agent has gone for now · closed: by the agent or the customer ·
 * refused: the server does not let us in, see `reason`.
 * @typedef {"new" | "asking" | "waiting" | "offline" | "talking" | "away" | "closed" | "refused"} Progress
 */

/** One customer's conversation, and after it the next. */
export class Support {
  /** @type {Progress} */
  progress = "new";
  /** @type {{code: number, reason: string} | undefined} why it is refused. */
  reason;
  /** Who closed it, or "". */
  closedBy = "";
  /** @type {Map<string, {name: string, icon: string, here: boolean}>} the agents in it, by userId. */
  agents = new Map();
  /** @type {ChatClient | undefined} while it is connected or tries to be. */
  client;

  #where;
  #visit;
  #view;
  #first; // messageId of the conversation's first message
  #news; // of the first one that came since we asked for that

  /**
   * @param {{url: string, room: string, agent: string, target: string}} where
   * @param {import("./visit.js").Visit} visit
   * @param {object} view told of all that happens: `progressed()`, `said(message, about)`, `noticed(notice)`,
   *   `connected(client)`.
   */
  constructor(where, visit, view) {
    this.#where = where;
    this.#visit = visit;
    this.#view = view;
  }

  /** Whether messages may be written in it. */
  get isUnderWay() {
    return !["new", "closed", "refused"].includes(this.progress);
  }

  /** Ask for an agent. What is sent from now on is a part of the conversation. */
  begin(name) {
    this.#visit.name = name;
    this.#visit.underWay = true;
    this.closedBy = "";
    this.#connect(name, "");
    this.#ask();
  }

  /** Go on with the conversation that was under way when the page was left. */
  resume() {
    this.#connect(this.#visit.name, "");
    this.#become("asking");
  }

  /** The customer has had enough. */
  async end() {
    await this.client.removeContainer(this.#visit.userId);
  }

  /** Forget the one that is over. */
  renew() {
    this.#disconnect();
    this.#become("new");
  }

  /** Let go of the server, without a word: the page goes. */
  leave() {
    this.#disconnect();
  }

  #connect(name, after) {
    const { url, room, target } = this.#where;
    const { userId } = this.#visit;
    this.#disconnect();
    this.#first = undefined;
    this.agents.clear();
    const client = new ChatClient({ url, name, userId, roomName: room, containerId: userId, targetId: target, after });
    this.client = client;
    client.on("state", (state) => client === this.client && this.#stateChanged(state));
    client.on("message", (message, about) => this.#said(message, about));
    client.on("notice", (notice) => this.#noticed(notice));
    client.on("error", (error) => error.code === "agent_offline" && this.#offline());
    client.on("gap", () => this.#ask());
    this.#view.connected(client);
    client.connect();
  }

  #disconnect() {
    const { client } = this;
    this.client = undefined; // first: what a client that we close has to say is no news
    client?.close();
  }

  #become(progress) {
    this.progress = progress;
    this.#view.progressed();
  }

  // Asking again does no harm: the agent is told again.
  #ask() {
    const { client } = this;
    this.#become("asking");
    client.createContainer(this.#where.agent, this.#where.target).then(
      () => this.progress === "asking" && this.#become("waiting"),
      () => {}, // it was closed meanwhile
    );
  }

  #offline() {
    if (this.progress === "asking" || this.progress === "waiting") this.#become("offline");
  }

  #stateChanged({ state, code, reason }) {
    if (state === "joined") this.#returned().catch(() => {});
    if (state === "closed" && this.isUnderWay) {
      this.reason = { code, reason };
      this.#become("refused");
    }
  }

  // Connected, perhaps again. The conversation may be over, without anybody having told us; else who is in it?
  async #returned() {
    const { client } = this;
    const begun = this.#first;
    this.#news = undefined;
    const [oldest] = (await client.history({ after: "", limit: 1 })).messages;
    if (client !== this.client) return;
    const first = oldest?.messageId ?? this.#news; // a store that is slow may not have seen what has come meanwhile
    if (first === undefined && !client.unsent.length) return this.#over("");
    this.#first = first;
    if (begun !== undefined && first !== begun) {
      this.agents.clear(); // ours is over, and what was unsent has begun another one: nobody has been asked into it
      this.#become("asking");
    }
    const { users } = await client.online();
    if (client !== this.client || !this.isUnderWay) return;
    const here = new Set(users.map((user) => user.userId));
    for (const [userId, agent] of this.agents) agent.here = here.has(userId);
    for (const { userId, nickName, userIcon } of users) {
      if (userId !== client.userId) this.agents.set(userId, { name: nickName, icon: userIcon ?? "", here: true });
    }
    if (this.agents.size) this.#attended();
    else if (this.progress === "asking") this.#ask();
  }

  #attended() {
    this.#become([...this.agents.values()].some((agent) => agent.here) ? "talking" : "away");
  }

  #said(message, about) {
    this.#first ??= message.messageId;
    if (!about.recovered) this.#news ??= message.messageId;
    const { createUser, nickName, userIcon } = message;
    if (createUser !== this.#visit.userId) {
      const known = this.agents.get(createUser);
      this.agents.set(createUser, { name: nickName, icon: userIcon ?? "", here: known?.here ?? !about.recovered });
    }
    this.#view.said(message, about);
  }

  #noticed(notice) {
    if (notice.containerId !== this.#visit.userId) return;
    const { action, userId, nickName } = notice;
    if (action === "outAll") {
      this.#over(nickName);
    } else if (userId !== this.#visit.userId) {
      const icon = this.agents.get(userId)?.icon ?? "";
      this.agents.set(userId, { name: nickName, icon, here: action === "in" });
      this.#view.noticed(notice);
      this.#attended();
    }
  }

  #over(by) {
    this.#visit.underWay = false;
    this.closedBy = by;
    this.#become("closed");
    this.#disconnect();
  }
}
