CREATE TABLE reports (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,  -- the order of keeping; none is given twice
    id           TEXT NOT NULL UNIQUE,
    room         TEXT NOT NULL,
    container_id TEXT NOT NULL,  -- empty: of the room
    created      INTEGER NOT NULL,  -- milliseconds since the epoch
    body         BLOB NOT NULL  -- what is sent, JSON
);

CREATE INDEX reports_by_conversation ON reports (room, container_id, seq);
