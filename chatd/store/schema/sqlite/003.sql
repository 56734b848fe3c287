CREATE TABLE owners (
    room  TEXT NOT NULL PRIMARY KEY,
    epoch INTEGER NOT NULL,  -- raised by each claim
    node  TEXT NOT NULL  -- who claimed it last, for people to read
) WITHOUT ROWID;
