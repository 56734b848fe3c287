CREATE TABLE owners (
    room  TEXT COLLATE "C" PRIMARY KEY,
    epoch BIGINT NOT NULL,  -- raised by each claim
    node  TEXT NOT NULL  -- who claimed it last, for people to read
);

-- For the highest id of a room, and nothing else: by an index on the id itself a page of one conversation might be
-- looked for among all that was said in its room.
CREATE INDEX messages_by_room ON messages (room, (id || ''));
