"""Messages in PostgreSQL, through psycopg 3 (the extra ``postgres``)."""

import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from twisted.enterprise.adbapi import ConnectionPool

from chatd.store import owners, sql
from chatd.store.adbapi import DatabaseStore, closed_on_error
from chatd.turn import StoreError

CONNECT_SECONDS = 5
STOPPED_SECONDS = 5.0  # that the server waits for the rest of a transaction
CLAIM_SECONDS = 10.0  # that a claim waits for a turn of the former owner
_WATCHED = {  # so that a database that is cut off without a word is given up, rather than waited for
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_LOCK = 9326  # of pg_advisory_xact_lock: two nodes that start together upgrade one after the other
_SCHEMA = sql.schema("postgres")


class PostgresStore(DatabaseStore):
    """Keeps messages in a database.

    :param url: ``postgresql://…``, as libpq takes it.
    :param repeat_window: seconds (M6).
    :param now: the time in seconds since the epoch.
    :raises StoreError: if libpq cannot read the URL. What libpq says of it may hold a part of the password.
    """

    dialect = owners.POSTGRES
    has_aside = True

    def __init__(self, url: str, repeat_window: float, now: Callable[[], float] = time.time) -> None:
        super().__init__(repeat_window, now)
        try:
            given = conninfo_to_dict(url)
            readable = "@" not in str(given.get("host"))
        except psycopg.Error:
            readable = False
        if not readable:
            raise StoreError(
                "expected postgresql://user:password@host:port/database; "
                "a % @ : / in a password is written %25 %40 %3A %2F"
            )
        self._url = url
        own = {key: value for key, value in _WATCHED.items() if key not in given}
        self._options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS, **own}

    def connect(self) -> "psycopg.Connection[Any]":
        """See :meth:`chatd.store.adbapi.DatabaseStore.connect`."""
        try:
            connection = psycopg.connect(self._url, **self._options)
            with closed_on_error(connection):
                _upgrade(connection)
        except psycopg.Error as error:
            reason = " ".join(str(error).split())
            raise StoreError(f"store.url: {reason}") from None
        except StoreError as error:
            raise StoreError(f"store.url: {error}") from None
        return connection

    def make_pool(self, aside: bool) -> ConnectionPool:
        """See :meth:`chatd.store.adbapi.DatabaseStore.make_pool`."""
        return ConnectionPool(
            "psycopg",
            self._url,
            **self._options,
            cp_min=0 if aside else 1,
            cp_max=1,
            cp_name="store aside" if aside else "store",
            cp_noisy=False,
            cp_openfun=_prepare_aside if aside else _prepare,
            cp_reconnect=True,
        )


def _prepare(connection: "psycopg.Connection[Any]") -> None:
    """Whoever waits for a row's lock sees then what was kept meanwhile; and who stops in the middle of a
    transaction loses its locks after a while, so that another node can claim its rooms."""
    connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.execute(f"SET idle_in_transaction_session_timeout = {int(STOPPED_SECONDS * 1000)}".encode())
    connection.commit()


def _prepare_aside(connection: "psycopg.Connection[Any]") -> None:
    _prepare(connection)
    connection.execute(f"SET lock_timeout = {int(CLAIM_SECONDS * 1000)}".encode())
    connection.commit()


def _upgrade(connection: "psycopg.Connection[Any]") -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    cursor.execute("CREATE TABLE IF NOT EXISTS chatd_schema (version INTEGER NOT NULL)")
    cursor.execute("SELECT version FROM chatd_schema")
    row = cursor.fetchone()
    for step in sql.steps_from(row[0] if row else 0, _SCHEMA):
        cursor.execute(step.encode())
    cursor.execute("DELETE FROM chatd_schema")
    cursor.execute("INSERT INTO chatd_schema VALUES (%s)", (len(_SCHEMA),))
    connection.commit()
