CREATE TABLE messages (
    seq               INTEGER PRIMARY KEY,  -- the order of keeping
    id                TEXT NOT NULL,  -- sorts by creation; unique within a room
    room              TEXT NOT NULL,
    container_id      TEXT NOT NULL,  -- empty: said to the room
    created           INTEGER NOT NULL,  -- milliseconds since the epoch
    user_id           TEXT NOT NULL,
    event             TEXT NOT NULL,
    client_message_id TEXT,
    body              BLOB NOT NULL  -- the whole message, JSON
);

CREATE UNIQUE INDEX messages_by_conversation ON messages (room, container_id, id);

CREATE INDEX messages_by_client_message_id ON messages (room, user_id, client_message_id)
    WHERE client_message_id IS NOT NULL;

CREATE TABLE containers (
    room  TEXT NOT NULL,
    id    TEXT NOT NULL,
    body  BLOB NOT NULL,  -- members, request and all, JSON
    PRIMARY KEY (room, id)
) WITHOUT ROWID;
