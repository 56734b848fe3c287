// node ws. Messages go to ws as a Buffer, encoded once; ws sets TCP_NODELAY itself.
import { WebSocket, WebSocketServer } from "ws";

const rooms = new Map();
let lastId = 0;

function identify(url) {
  const query = new URL(url, "ws://localhost").searchParams;
  for (const key of ["name", "senderType", "userId", "roomName", "icon"])
    if (query.getAll(key).length !== 1) return null;
  const who = { name: query.get("name").trim(), userId: query.get("userId"),
                room: query.get("roomName"), icon: query.get("icon") };
  const fits = (text, limit) => text.length > 0 && text.length <= limit;
  if (query.get("senderType") !== "GROUP" || !fits(who.name, 64) || !fits(who.userId, 128) || !fits(who.room, 128))
    return null;
  return who;
}

function stamp(who, payload) {
  let message;
  try {
    message = JSON.parse(payload);
  } catch {
    return null;
  }
  if (message === null || message.messageType !== "text" || typeof message.messageContent !== "string"
      || message.messageContent === "")
    return null;
  const now = Date.now();
  lastId = Math.max(lastId + 1, now * 1000);
  return Buffer.from(JSON.stringify({
    messageType: "text", messageContent: message.messageContent, nickName: who.name, createUser: who.userId,
    userIcon: message.userIcon || who.icon, roomName: who.room, createTime: new Date(now).toISOString(),
    messageId: lastId.toString(16).padStart(14, "0"), acceptId: message.acceptId,
  }));
}

const server = new WebSocketServer({
  host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096, perMessageDeflate: false, clientTracking: false,
});
const asText = { binary: false };

server.on("connection", (socket, request) => {
  const who = identify(request.url);
  if (who === null) {
    socket.close(4400, "bad connect URL");
    return;
  }
  let room = rooms.get(who.room);
  if (room === undefined) rooms.set(who.room, (room = new Set()));
  room.add(socket);
  socket.send(JSON.stringify({ messageType: "notice", action: "in", nickName: who.name, userId: who.userId,
                               count: room.size, roomName: who.room }));
  socket.on("message", (payload) => {
    const message = stamp(who, payload);
    if (message === null) return;
    for (const member of room)
      if (member.readyState === WebSocket.OPEN) member.send(message, asText);
  });
  socket.on("close", () => {
    room.delete(socket);
    if (room.size === 0) rooms.delete(who.room);
  });
  socket.on("error", () => {});
});
