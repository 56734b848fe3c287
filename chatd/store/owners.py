"""A cluster's part of the SQL stores: who owns a room.

The functions take a cursor, as those of :mod:`chatd.store.sql` do.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chatd.store import sql
from chatd.turn import Claimed, Fenced


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """What is said differently to SQLite and to PostgreSQL."""

    many: Callable[[Sequence[str]], Any]
    """Several texts as one value."""
    begin: str = ""
    """What a transaction begins with that must not be overtaken by a claim."""
    epochs: str
    """The epochs of many rooms, which stay as they are to the transaction's end."""


SQLITE = Dialect(
    many=lambda texts: msgspec.json.encode(texts).decode(),
    begin="BEGIN IMMEDIATE",
    epochs="SELECT room, epoch FROM owners WHERE room IN (SELECT value FROM json_each(%s))",
)
POSTGRES = Dialect(
    many=list,
    epochs="SELECT room, epoch FROM owners WHERE room = ANY(%s) ORDER BY room FOR SHARE",
)


def check(cursor: sql.Cursor, dialect: Dialect, fences: Sequence[tuple[str, int]]) -> None:
    """See to it that rooms are still of the epochs that are told, and stay so until the transaction ends.

    :raises Fenced: if any is not.
    """
    if dialect.begin:
        cursor.execute(dialect.begin)
    cursor.execute(dialect.epochs, (dialect.many(sorted({room for room, _ in fences})),))
    epochs = dict(cursor.fetchall())
    lost = {room for room, epoch in fences if epochs.get(room) != epoch}
    if lost:
        raise Fenced(sorted(lost))


def claim(cursor: sql.Cursor, room: str, node: str) -> Claimed:
    """Give a room a new owner. Waits for a turn of the former one that is being kept, and sees it."""
    cursor.execute(
        "INSERT INTO owners (room, epoch, node) VALUES (%s, 1, %s) "
        "ON CONFLICT (room) DO UPDATE SET epoch = owners.epoch + 1, node = excluded.node",
        (room, node),
    )
    cursor.execute("SELECT epoch FROM owners WHERE room = %s", (room,))
    epoch = sum(epoch for (epoch,) in cursor.fetchall())
    cursor.execute("SELECT max(id || '') FROM messages WHERE room = %s", (room,))
    last_id = "".join(id for (id,) in cursor.fetchall() if id is not None)
    return Claimed(epoch, last_id, sql.containers(cursor, room))


def kept_rooms(cursor: sql.Cursor) -> list[str]:
    """The rooms that have containers."""
    cursor.execute("SELECT DISTINCT room FROM containers ORDER BY room")
    return [room for (room,) in cursor.fetchall()]
