"""Moves what one store keeps into another, empty one, while no chatd runs on either:

python -m chatd.store copy FROM TO

FROM and TO are what store.url may be, such as sqlite:chatd.sqlite and postgresql://chatd@localhost/chatd.
"""

import sqlite3
import sys
from contextlib import closing
from typing import Any

from chatd.store import sql
from chatd.store.adbapi import DatabaseStore
from chatd.store.urls import database
from chatd.turn import StoreError

BATCH = 1000


def copy(source: DatabaseStore, target: DatabaseStore) -> tuple[int, int]:
    """Copy all messages, in the order of keeping, all containers, and the reports that wait; all of it or
    nothing.

    :returns: how many messages and containers there were.
    :raises StoreError: if a store cannot be opened, the source is empty, or the target is not.
    """
    with (
        closing(source),
        closing(target),
        closing(source.connect()) as reading,
        closing(target.connect()) as writing,
    ):
        return _copy(source.cursor(reading.cursor()), target.cursor(writing.cursor()), writing)


def _copy(reading: sql.Cursor, writing: sql.Cursor, target: Any) -> tuple[int, int]:
    before = sql.restore(writing)
    if before.last_id or before.containers or before.reports:
        raise StoreError("the store to copy to is not empty")
    count, place = 0, 0
    while batch := sql.all_messages(reading, place, BATCH):
        sql.add_messages(writing, (message for _, message in batch))
        count += len(batch)
        place = batch[-1][0]
    known = sql.restore(reading)
    containers = known.containers
    if not (count or containers or known.reports):
        raise StoreError("the store to copy from is empty")
    sql.save_containers(writing, containers)
    place = 0
    while reports := sql.all_reports(reading, place, BATCH):
        sql.add_reports(writing, (report for _, report in reports))
        place = reports[-1][0]
    target.commit()
    return count, len(containers)


def _is_of_a_database(error: Exception) -> bool:
    """As a full disk is, or a server that ends in the middle."""
    psycopg: Any = sys.modules.get("psycopg")  # an extra
    return isinstance(error, sqlite3.Error) or (psycopg is not None and isinstance(error, psycopg.Error))


def main(arguments: list[str]) -> int:
    """The command."""
    match arguments:
        case ["copy", source, target]:
            try:
                messages, containers = copy(database(source, 0, False), database(target, 0, True))
            except Exception as error:
                if not (isinstance(error, StoreError) or _is_of_a_database(error)):
                    raise
                print(f"chatd.store: {' '.join(str(error).split())}", file=sys.stderr)
                return 1
            print(f"copied {messages} messages and {containers} containers")
            return 0
        case _:
            print((__doc__ or "").strip(), file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
