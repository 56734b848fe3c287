"""What the SQL stores share: every statement, and the transaction of a turn.

The functions take a cursor of any DB-API module (PEP 249) whose place for a value is ``%s``, or of one that a
store wraps so. They run in the store's own thread and know nothing of Twisted.
"""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, Protocol

import msgspec

from chatd.model import Message
from chatd.turn import (
    ContainerState,
    Kept,
    Page,
    PageFound,
    Report,
    Restored,
    StoreError,
    Turn,
    Waiting,
    WaitingFound,
    new_reports,
    take,
    take_waiting,
)

_COLUMNS = "id, room, container_id, created, user_id, event, client_message_id, body"
# Many rows a statement: a thread that gives up the interpreter's lock for each row waits for it for each row.
_SIZES = (64, 32, 16, 8, 4, 2, 1)


def _inserts(table: str, columns: str) -> dict[int, str]:
    row = f"({', '.join(['%s'] * len(columns.split(',')))})"
    return {size: f"INSERT INTO {table} ({columns}) VALUES {', '.join([row] * size)}" for size in _SIZES}


_INSERT_MESSAGES = _inserts("messages", _COLUMNS)
_INSERT_REPORTS = _inserts("reports", "id, room, container_id, created, body")
_encode = msgspec.json.Encoder().encode
_decode_message = msgspec.json.Decoder(Message).decode
_decode_container = msgspec.json.Decoder(ContainerState).decode


class Cursor(Protocol):
    """The part of PEP 249 that is used."""

    def execute(self, sql: str, values: Sequence[Any] = ..., /) -> Any: ...

    def executemany(self, sql: str, rows: Any, /) -> Any: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


# -- the schema -------------------------------------------------------------------------------------


def schema(dialect: str) -> tuple[str, ...]:
    """The steps to the newest schema, one for each version.

    Read when a store's module is imported, for by the time a store is opened the process may be another
    user's, who cannot read the files.

    :param dialect: the folder of the numbered SQL files.
    """
    folder = files("chatd.store") / "schema" / dialect
    steps = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name
    )
    return tuple(step.read_text(encoding="utf-8") for step in steps)


def steps_from(version: int, schema: Sequence[str]) -> Sequence[str]:
    """The steps that a database is short of.

    :param version: the database's; 0 for an empty one.
    :raises StoreError: for a version that this code does not know.
    """
    if version > len(schema):
        raise StoreError(
            f"the store's schema is version {version}, and this chatd knows {len(schema)} at most: "
            "it was written by a newer chatd, which is the one to run"
        )
    return schema[version:]


# -- a turn -----------------------------------------------------------------------------------------


def keep(cursor: Cursor, turn: Turn, repeats_since: int) -> Kept:
    """Do all that a turn asks.

    :param repeats_since: from when on a clientMessageId counts as a repeat (M6), in milliseconds since
        the epoch.
    """
    if turn.undone:
        cursor.executemany(
            "DELETE FROM messages WHERE room = %s AND container_id = %s AND id = %s AND user_id = %s",
            turn.undone,
        )
    repeats = _repeats(cursor, turn.messages, repeats_since)
    add_messages(cursor, (message for at, message in enumerate(turn.messages) if at not in repeats))
    save_containers(cursor, turn.saved)
    if turn.gone:
        cursor.executemany("DELETE FROM containers WHERE room = %s AND id = %s", turn.gone)
    if turn.unreported:
        cursor.executemany("DELETE FROM reports WHERE id = %s", [(id,) for id in turn.unreported])
    reports = new_reports(turn, repeats)
    add_reports(cursor, reports)
    return Kept(repeats, [find(cursor, page) for page in turn.pages], len(reports))


def add_messages(cursor: Cursor, messages: Iterable[Message]) -> None:
    """Insert messages."""
    rows: list[tuple[Any, ...]] = [
        (
            message.id,
            message.room,
            message.container_id or "",
            message.created,
            message.user_id,
            message.event,
            message.client_message_id,
            _encode(message),
        )
        for message in messages
    ]
    _insert(cursor, _INSERT_MESSAGES, rows)


def _insert(cursor: Cursor, statements: dict[int, str], rows: list[tuple[Any, ...]]) -> None:
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            values = [value for row in rows[at : at + size] for value in row]
            cursor.execute(statements[size], values)
            at += size


def save_containers(cursor: Cursor, containers: Iterable[ContainerState]) -> None:
    """Insert containers, or replace them."""
    rows = [(container.room, container.id, _encode(container)) for container in containers]
    if rows:
        cursor.executemany(
            "INSERT INTO containers (room, id, body) VALUES (%s, %s, %s) "
            "ON CONFLICT (room, id) DO UPDATE SET body = excluded.body",
            rows,
        )


def _repeats(cursor: Cursor, messages: Sequence[Message], since: int) -> dict[int, Message]:
    """Which messages repeat an earlier clientMessageId, of the store or of the same turn (M6)."""
    firsts: dict[tuple[str, str, str], Message] = {}
    repeats: dict[int, Message] = {}
    for at, message in enumerate(messages):
        if message.client_message_id is None:
            continue
        key = (message.room, message.user_id, message.client_message_id)
        first = firsts.get(key) or _first(cursor, key, since)
        if first is None:
            firsts[key] = message
        else:
            firsts[key] = repeats[at] = first
    return repeats


def _first(cursor: Cursor, key: tuple[str, str, str], since: int) -> Message | None:
    cursor.execute(
        "SELECT body FROM messages WHERE room = %s AND user_id = %s AND client_message_id = %s "
        "AND created >= %s ORDER BY id LIMIT 1",
        (*key, since),
    )
    rows = cursor.fetchall()
    return _decode_message(rows[0][0]) if rows else None


# -- reading ----------------------------------------------------------------------------------------


def find(cursor: Cursor, page: Page) -> PageFound:
    """The messages of a page (R1)."""
    cursor.execute(*page_query(page))
    messages, more = take((_decode_message(row[0]) for row in iter(cursor.fetchone, None)), page)
    return PageFound(tuple(messages if page.after is not None else reversed(messages)), more)


def page_query(page: Page) -> tuple[str, tuple[Any, ...]]:
    """The statement that finds a page, with one message more than its limit.

    It has one bound on each side: of two, SQLite would seek one in the index, and look at every message
    between it and the other.
    """
    above, first = ">=", page.since
    if page.after is not None and page.after >= page.since:
        above, first = ">", page.after
    below, last = "<=", page.until
    if page.before is not None and page.before <= page.until:
        below, last = "<", page.before
    conditions = f"room = %s AND container_id = %s AND id {above} %s AND id {below} %s"
    if page.said_only:
        conditions += " AND event IN ('ordinary', 'autoReturn')"
    direction = "DESC" if page.after is None else "ASC"
    sql = f"SELECT body FROM messages WHERE {conditions} ORDER BY id {direction} LIMIT %s"
    return sql, (page.room, page.container_id or "", first, last, page.limit + 1)


def restore(cursor: Cursor, with_containers: bool = True) -> Restored:
    """What is known at start."""
    cursor.execute("SELECT id FROM messages ORDER BY seq DESC LIMIT 1")
    last = cursor.fetchall()
    found = containers(cursor) if with_containers else []
    return Restored(last[0][0] if last else "", found, count_waiting(cursor))


def containers(cursor: Cursor, room: str | None = None) -> list[ContainerState]:
    """All containers, or a room's."""
    of_room, values = ("", ()) if room is None else ("WHERE room = %s ", (room,))
    cursor.execute(f"SELECT body FROM containers {of_room}ORDER BY room, id", values)
    return [_decode_container(row[0]) for row in cursor.fetchall()]


def forget(cursor: Cursor, created_before: int, most: int) -> int:
    """Delete the oldest messages, a few at a time. :returns: how many were deleted.

    :param created_before: in milliseconds since the epoch.
    """
    cursor.execute("SELECT seq, created FROM messages ORDER BY seq LIMIT %s", (most,))
    old = [(seq,) for seq, created in cursor.fetchall() if created < created_before]
    if old:
        cursor.executemany("DELETE FROM messages WHERE seq = %s", old)
    return len(old)


def all_messages(cursor: Cursor, after: int, most: int) -> list[tuple[int, Message]]:
    """A piece of all messages in the order of keeping, each with its place in it.

    :param after: the place after which it begins.
    """
    cursor.execute("SELECT seq, body FROM messages WHERE seq > %s ORDER BY seq LIMIT %s", (after, most))
    return [(seq, _decode_message(body)) for seq, body in cursor.fetchall()]


# -- reports ----------------------------------------------------------------------------------------


def count_waiting(cursor: Cursor) -> int:
    """How many reports there are."""
    cursor.execute("SELECT count(*) FROM reports")
    return sum(count for (count,) in cursor.fetchall())


def add_reports(cursor: Cursor, reports: Iterable[Report]) -> None:
    """Insert reports."""
    rows: list[tuple[Any, ...]] = [
        (report.id, report.room, report.container_id or "", report.time, report.body) for report in reports
    ]
    _insert(cursor, _INSERT_REPORTS, rows)


def waiting(cursor: Cursor, after: int, most: int, line: tuple[str, str] | None) -> WaitingFound:
    """The first reports after a place, of all or of one line."""
    of_line = "" if line is None else "room = %s AND container_id = %s AND "
    cursor.execute(
        "SELECT seq, id, room, container_id, body FROM reports "
        f"WHERE {of_line}seq > %s ORDER BY seq LIMIT %s",
        (*(line or ()), after, most + 1),
    )
    return take_waiting((Waiting(*row) for row in iter(cursor.fetchone, None)), most)


def sent(cursor: Cursor, places: Sequence[int]) -> None:
    """Delete reports."""
    cursor.executemany("DELETE FROM reports WHERE seq = %s", [(place,) for place in places])


def drop(cursor: Cursor, created_before: int, surplus: int, most: int) -> list[int]:
    """Delete the oldest reports, a few at a time. :returns: the places of those that were deleted."""
    cursor.execute("SELECT seq, created FROM reports ORDER BY seq LIMIT %s", (most,))
    places = [
        seq for at, (seq, created) in enumerate(cursor.fetchall()) if at < surplus or created < created_before
    ]
    if places:
        sent(cursor, places)
    return places


def all_reports(cursor: Cursor, after: int, most: int) -> list[tuple[int, Report]]:
    """A piece of all reports in the order of keeping, each with its place in it."""
    cursor.execute(
        "SELECT seq, id, created, room, container_id, body FROM reports WHERE seq > %s ORDER BY seq LIMIT %s",
        (after, most),
    )
    return [
        (seq, Report(id=id, time=created, room=room, container_id=container_id or None, body=bytes(body)))
        for seq, id, created, room, container_id, body in cursor.fetchall()
    ]
