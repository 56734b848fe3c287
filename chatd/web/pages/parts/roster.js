// Who an agent talks with: the requests that wait, the conversations, who else is in the room. No elements here.

import { parseTime } from "./times.js";

const PEOPLE_AFTER = 200; // ms, and
const PER_PERSON = 2; // ms: a long list is asked for less often
const MOST_PEOPLE = 1000; // that a server tells of

/** One customer's conversation, as an agent knows it. */
export class Conversation {
  constructor(id) {
    this.id = id;
    this.name = id;
    this.icon = "";
    this.targetId = "";
    /** @type {"waiting" | "open" | "closed"} */
    this.state = "waiting";
    this.here = false;
    this.unread = 0;
    this.asked = Date.now();
    this.last = "";
  }

  /** What a message tells of its customer. */
  learn(message) {
    if (message.createUser !== this.id) return;
    this.name = message.nickName || this.name;
    this.icon = message.userIcon ?? "";
    this.targetId = message.targetId || this.targetId;
  }
}

/** All conversations of one agent, each with its state. `changed` is called after every change. */
export class Roster {
  #conversations = new Map();
  #people = [];
  #asking;

  constructor(changed) {
    this.changed = changed;
    this.count = 0;
  }

  /** Those in a state, the oldest first. */
  in(state) {
    return [...this.#conversations.values()].filter((conversation) => conversation.state === state);
  }

  /** The conversation of that id, if there is one. */
  get(id) {
    return this.#conversations.get(id);
  }

  /** The conversation of that id; from now on there is one. */
  of(id) {
    let conversation = this.#conversations.get(id);
    if (!conversation) {
      conversation = new Conversation(id);
      this.#conversations.set(id, conversation);
      const person = this.#people.find((someone) => someone.userId === id);
      if (person) this.#meet(conversation, person);
    }
    return conversation;
  }

  /** Somebody asks: again, perhaps, after the conversation was closed. @returns whether that is news. */
  asked(message, open) {
    const conversation = this.of(message.containerId);
    conversation.learn(message);
    conversation.here = true;
    const news = !open && conversation.state !== "waiting";
    const fresh = conversation.requestId === undefined;
    conversation.requestId = message.messageId;
    if (!open) {
      conversation.state = "waiting";
      conversation.asked = parseTime(message.createTime)?.getTime() ?? Date.now();
    }
    this.changed();
    return news || fresh;
  }

  /** The agent is in it now. */
  opened(id) {
    const conversation = this.of(id);
    conversation.state = "open";
    this.changed();
    return conversation;
  }

  /** It was closed, by whom it may be. */
  closed(id) {
    const conversation = this.#conversations.get(id);
    if (!conversation) return;
    if (conversation.state === "waiting") this.#conversations.delete(id);
    else conversation.state = "closed";
    this.changed();
  }

  /** Show it no more. */
  forget(id) {
    this.#conversations.delete(id);
    this.changed();
  }

  /** Ask who is in the room: once for all who come and go at about the same time. */
  ask(client) {
    this.#asking ??= setTimeout(async () => {
      this.#asking = undefined;
      try {
        const { users, count } = await client.online({ limit: MOST_PEOPLE });
        this.count = count;
        this.#meetAll(users, users.length >= count);
      } catch {
        // asked again when the next one comes
      }
    }, PEOPLE_AFTER + PER_PERSON * this.#people.length);
  }

  // Who is in the room, as the server says. Of those whom a list leaves out that is not whole, only notices tell.
  #meetAll(people, areAll) {
    this.#people = people;
    const here = new Map(people.map((person) => [person.userId, person]));
    for (const conversation of this.#conversations.values()) {
      const person = here.get(conversation.id);
      if (person) this.#meet(conversation, person);
      else if (areAll) conversation.here = false;
    }
    this.changed();
  }

  /** Who is in the room: those who came first, where they are very many. */
  get people() {
    return this.#people;
  }

  /** A room notice: a customer came or went. @returns its conversation, if there is one. */
  moved(notice) {
    this.count = notice.count;
    const conversation = this.#conversations.get(notice.userId);
    if (conversation) {
      conversation.here = notice.action === "in";
      if (notice.action === "in") conversation.name = notice.nickName || conversation.name;
    }
    this.changed();
    return conversation;
  }

  /** How many messages and requests nobody has looked at. */
  get unread() {
    let sum = this.in("waiting").length;
    for (const conversation of this.#conversations.values()) sum += conversation.unread;
    return sum;
  }

  #meet(conversation, person) {
    conversation.name = person.nickName || conversation.name;
    conversation.icon = person.userIcon ?? conversation.icon;
    conversation.here = true;
  }
}
