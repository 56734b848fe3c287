/**
 * A client of chatd: for browsers, Node 20 and later, and, by an adapter, mini programs. No dependencies.
 * ```js import { ChatClient } from "./chatd-client.js";  const client = new ChatClient({ url:
 * "ws://localhost:9326/", name: "Ann", userId: "ann", roomName: "lobby" }); client.on("message", (message) =>
 * console.log(message.nickName, message.messageContent)); client.connect(); client.say("hello"); ```  Letters
 * with numbers (M5, R1 …) are rules of docs/protocol.rst. All times are in milliseconds.
 */

/**
 * - `idle`: not told to connect yet
 * - `connecting`: until the server has let us into the room
 * - `joined`: in the room
 * - `waiting`: the connection is lost; there will be another try
 * - `closed`: over, by {@link ChatClient.close} or because the server would refuse again
 */
export type State = "idle" | "connecting" | "joined" | "waiting" | "closed";

export interface Options {
  /** The server: `ws://host:9326/`, or `wss://`. */
  url: string;
  /** Nickname, 1–64 characters (C1). */
  name: string;
  /** Who this is, 1–128 characters (C1). */
  userId: string;
  /** The room, 1–128 characters. Customer service: the agent's userId (C1). */
  roomName: string;
  /** URL of the avatar (C1). */
  icon?: string;
  /** Customers: their own userId (C1). Such a client is heard in its own conversation only. */
  containerId?: string;
  /** Business key: the order, shop, ticket … (C1). createContainer needs one, here or there. */
  targetId?: string;
  /** The project whose account it is (C3). */
  clientType?: string;
  account?: string;
  /** {@link md5} of the password (C3). */
  password?: string;
  /**
   * messageId of the last message of the room (a customer: of its conversation) that you have; `""`: none,
   * tell me all. What was said since is told first, as `message` with `recovered`. Left out: nothing earlier
   * is told.
   */
  after?: string;
  /** A heartbeat each so often (H1). 30 000. */
  heartbeat?: number;
  /**
   * The server counts as dead when nothing came for so long (H2). 90 000; 0: never, which a server needs that
   * is set not to answer heartbeats.
   */
  silence?: number;
  /**
   * Pauses before connecting again: at random between 0 and `first` (500), doubled with each loss up to
   * `most` (30 000); 5 s more where the protocol wants them (1013, 4429). After a minute in the room a loss
   * is the first one again.
   */
  retry?: { first?: number; most?: number };
  /** In place of the global one: an adapter for a mini program, or a package for old versions of Node. */
  WebSocket?: WebSocketConstructor;
  /** In place of the real one, for tests. */
  clock?: Clock;
  /** In place of Math.random, for tests. */
  random?: () => number;
}

/** The part of the standard interface that is used. */
export interface WebSocketLike {
  onopen: ((event: any) => any) | null;
  /** With `data`. */
  onmessage: ((event: any) => any) | null;
  /** With `code` (1006 if left out) and `reason`. Not called from within the constructor, `send` or `close`. */
  onclose: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  send(text: string): void;
  close(code?: number): void;
}
export type WebSocketConstructor = new (url: string) => WebSocketLike;

export interface Clock {
  /** ms since any moment. */
  now(): number;
  setTimeout(act: () => void, ms: number): any;
  clearTimeout(timer: any): void;
}

/** Where a message goes, and what goes with it (M1, M4). */
export interface Where {
  /** The conversation. Left out: a customer's own; else the room. */
  containerId?: string;
  targetId?: string;
  /** Avatar for this message only. */
  userIcon?: string;
  acceptId?: string;
}

export type MessageType = "text" | "picture" | "video" | "voice" | "event";

/** Members beside those named pass through unchanged (M2). */
export interface Picture {
  /** URL. chatd takes no uploads: put the file on a server of yours first. */
  file: string;
  previewUrl?: string;
  [other: string]: unknown;
}
export interface Video extends Picture {
  /** In a unit of your choice; chatd looks at nothing but that it is not negative. The pages take seconds. */
  duration?: number;
}
export interface Voice {
  file: string;
  duration?: number;
  [other: string]: unknown;
}
export interface CustomEventContent {
  eventType?: string;
  eventDescription?: string;
  customContent?: unknown;
  [other: string]: unknown;
}

/** A message to be sent (M1, M2). */
export interface Draft extends Where {
  messageType?: MessageType;
  /** Left out: `ordinary`. The other events of M3 have methods of their own. */
  eventType?: "ordinary" | "createContainer" | "autoReturn";
  messageContent?: string;
  accessoryContent?: Picture | Video | Voice | CustomEventContent;
  /**
   * Up to 64 characters, never used before (M6). Left out: made for you. Give one to send again what an
   * earlier page had in its `unsent`.
   */
  clientMessageId?: string;
}
export type Outgoing = Draft & { clientMessageId: string };

export interface Sent {
  clientMessageId: string;
  /**
   * Your own message as everybody got it (M5): the server has it. Rejects with a {@link ChatError}: it has
   * been refused, or the client was closed before. Need not be looked at.
   */
  receipt: Promise<Message>;
}

/** A delivered message (D1). Fields without a value are left out. */
export interface Message {
  messageType?: MessageType;
  eventType: "ordinary" | "createContainer" | "autoReturn" | "updateUserInfo";
  messageContent?: string;
  accessoryContent?: any;
  /** Name of the sender. */
  nickName: string;
  /** userId of the sender. */
  createUser: string;
  /** ISO 8601 in UTC, unless the server is set to another format (D2). */
  createTime: string;
  userIcon?: string;
  roomName: string;
  /** The conversation; left out in the room. */
  containerId?: string;
  acceptId?: string;
  targetId?: string;
  /** Unique; compared as strings, a room's sort by creation. */
  messageId: string;
  /** In your own ones. */
  clientMessageId?: string;
}

/** Somebody came or went (N1–N4). */
export interface Notice {
  messageType: "notice";
  action: "in" | "out" | "outAll";
  nickName: string;
  /** `outAll`: the container's id. */
  userId: string;
  /** Users online: of the container if there is a containerId, else of the room. */
  count: number;
  /** For people; do not parse it. */
  messageContent: string;
  roomName: string;
  containerId?: string;
}

/** (R1) */
export interface HistoryQuery {
  /** A container you are in. A customer may leave it out for its own. */
  containerId?: string;
  /** Only what came after this messageId, the oldest first; `""`: from the first on. */
  after?: string;
  /** Only what came before this messageId, the newest of that. */
  before?: string;
  /** 1–200; 50. */
  limit?: number;
}
export interface History {
  messageType: "history";
  roomName: string;
  containerId?: string;
  /** Ascending. */
  messages: Message[];
  /** Whether there are further ones in the direction asked. */
  more: boolean;
}

/** (R2) */
export interface OnlineQuery {
  containerId?: string;
  /** 1–1000; 200. */
  limit?: number;
}
export interface OnlineUser {
  userId: string;
  nickName: string;
  userIcon?: string;
  /** Customers. */
  containerId?: string;
}
export interface Online {
  messageType: "online";
  roomName: string;
  containerId?: string;
  /** All of them, also if `users` was cut at the limit. */
  count: number;
  /** Those who came first, in the order of coming. Notices tell what changes from then on: ask when `joined`, once. */
  users: OnlineUser[];
}

/** What the server, or the client itself, has against a request. */
export class ChatError extends Error {
  constructor(
    code: string,
    message: string,
    about?: { eventType?: string; clientMessageId?: string; retry?: boolean },
  );
  /**
   * E1's (`not_member`, `forbidden` …); `closed`: the client is closed; `internal_error`: a bug of the server
   * (1011).
   */
  code: string;
  /** Of the request. */
  eventType?: string;
  clientMessageId?: string;
  /** Whether the same may be sent again unchanged, by another client: it may not have been looked at. */
  retry: boolean;
}

export interface StateEvent {
  state: State;
  /** `waiting`, `closed`: the close code; left out if there was no connection at all. */
  code?: number;
  /** Why, for developers. */
  reason?: string;
  /** `waiting`: ms until the next try. */
  retryIn?: number;
}

export interface Events {
  state: (event: StateEvent) => void;
  /**
   * A message, each messageId once and in order within its room or conversation: what was missed
   * (`recovered`) comes before what is said live meanwhile. Your own ones too (`own`), those of your other
   * tabs as well. Know one that you have sent by its clientMessageId; one that came by a connection which was
   * lost at once may lack it: its receipt then has the same messageId.
   *
   * Later versions may add messageTypes: show such a one as what it is, a message of an unknown kind.
   */
  message: (message: Message, how: { recovered: boolean; own: boolean }) => void;
  /**
   * After the messages of its room or conversation that came before. Your own `in` is one: what you missed
   * comes first.
   */
  notice: (notice: Notice) => void;
  /**
   * A customer asks for you (createContainer): {@link ChatClient.addContainer} with its containerId. Those
   * that waited are told again whenever you come (D3); here once.
   */
  request: (message: Message) => void;
  /**
   * What belongs to no promise: why a connection is refused; `agent_offline`: the customer's request waits
   * for an agent who is not there (D3); what a server of a later version may say.
   */
  error: (error: ChatError) => void;
  /**
   * What was said in the room (or a container) while the connection was lost cannot be had: the server stores
   * nothing, or the container is gone, and then no longer among `containers`. What you show is incomplete here.
   */
  gap: (where: { containerId?: string }) => void;
}

/**
 * A user in a room.
 *
 * What is said and done (everything but `history` and `online`) goes out in
 * its order, one at a time, each when the one before it has its receipt or its refusal; it waits while there
 * is no connection, is sent again after one was lost (with its clientMessageId, so that nobody gets it twice:
 * M6), and again after `rate_limited` and `storage_unavailable`, from a second on. So promises settle late
 * rather than reject; all that have not settled reject when the client is closed.
 */
export class ChatClient {
  constructor(options: Options);

  readonly state: State;
  /** As they are now: see {@link rename}. An account may have a name of its own (C3). */
  readonly name: string;
  readonly icon: string;
  readonly userId: string;
  /** As it is now: see {@link changeRoom}. */
  readonly roomName: string;
  /** Users online in the room, when last heard of. A customer hears of it only when it comes (N3). */
  readonly count: number | undefined;
  /** Containers this user is known to be in; a customer: its own. */
  readonly containers: ReadonlySet<string>;
  /** Sent by {@link send} and the like, without receipt yet; oldest first. Copies. */
  readonly unsent: readonly Outgoing[];

  /** Connects, and stays connected. Does nothing if it does so already; after a refusal, tries again. */
  connect(): void;
  /** Ends it for good. */
  close(): void;
  /**
   * Tries now rather than at the end of a pause. Pages need not call it: visibilitychange, online and
   * pageshow do.
   */
  wake(): void;

  /** @throws TypeError for an eventType that has a method of its own. */
  send(message: Draft): Sent;
  say(text: string, where?: Where): Sent;
  sendPicture(picture: Picture, where?: Where): Sent;
  sendVideo(video: Video, where?: Where): Sent;
  sendVoice(voice: Voice, where?: Where): Sent;
  sendEvent(event: CustomEventContent, where?: Where): Sent;

  /** Another name and/or avatar (updateUserInfo), kept when connecting again. `icon: ""`: none. */
  rename(change: { name?: string; icon?: string }): Promise<Message>;
  /**
   * Into another room (updateRoomName), kept when connecting again. Containers belong to the room that is
   * left.
   */
  changeRoom(roomName: string): Promise<Notice>;
  /**
   * A customer asks for an agent. Resolves also if that one is not there: the request waits, see the event
   * `error`.
   */
  createContainer(acceptId: string, targetId?: string): Promise<Message>;
  /**
   * An agent joins a conversation. Resolves with its `in`; what was said before follows as `message`s (D4).
   */
  addContainer(containerId: string): Promise<Notice>;
  /** Ends a conversation for everybody. */
  removeContainer(containerId: string): Promise<Notice>;
  /** Says the server's text for a code in a conversation (D5). */
  autoReturn(code: string, containerId: string): Promise<Message>;

  /**
   * What was said before (R1). Rejects with `storage_unavailable` if the server stores nothing. No event
   * tells of it.
   */
  history(query?: HistoryQuery): Promise<History>;
  /** Who is there (R2). `unknown_event`: the server is older than that. */
  online(query?: OnlineQuery): Promise<Online>;

  /** @returns ends it */
  on<Type extends keyof Events>(type: Type, listener: Events[Type]): () => void;
}

/** MD5 of the text's UTF-8, in lower-case hexadecimal. */
export function md5(text: string): string;
