"""Messages in one SQLite file: nothing to set up, nothing beside chatd to run."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

from twisted.enterprise.adbapi import ConnectionPool

from chatd.store import owners, sql
from chatd.store.adbapi import DatabaseStore, closed_on_error
from chatd.turn import StoreError

BUSY_SECONDS = 5.0  # to wait for somebody who looks into the file, such as a backup
PAGE_BYTES = 8192
LOG_PAGES = 2000  # of the write-ahead log, before they are copied into the file
_SCHEMA = sql.schema("sqlite")


class SqliteStore(DatabaseStore):
    """Keeps messages in a file, with a write-ahead log beside it.

    A third file is locked for as long as it is used: a second server on the same messages would give out ids,
    and end conversations, of which the first one knows nothing.

    :param path: of the file; it is made if there is none.
    :param repeat_window: seconds (M6).
    :param flush: whether each transaction waits for the disk, so that it survives a loss of power too.
        Without, it survives the end of the process, whatever ends it.
    :param now: the time in seconds since the epoch.
    """

    dialect = owners.SQLITE

    def __init__(
        self, path: str, repeat_window: float, flush: bool, now: Callable[[], float] = time.time
    ) -> None:
        super().__init__(repeat_window, now)
        self._path = path
        self._flush = flush
        self._lock: IO[bytes] | None = None

    def connect(self) -> sqlite3.Connection:
        """See :meth:`chatd.store.adbapi.DatabaseStore.connect`."""
        try:
            self._take()
            connection = sqlite3.connect(self._path)
            with closed_on_error(connection):
                self._prepare(connection)
                _upgrade(connection)
        except (sqlite3.Error, StoreError) as error:
            raise StoreError(f"store.url: {self._path}: {error}") from None
        return connection

    def _take(self) -> None:
        if self._lock is not None or self._path == ":memory:":
            return
        try:
            lock = open(f"{self._path}-lock", "rb", opener=_made)  # noqa: SIM115  as long as the store
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError("it is in use: stop the chatd that has it, or name another file") from None
        except OSError as error:
            raise StoreError(error.strerror) from None
        except ValueError as error:  # a NUL in the path
            raise StoreError(str(error)) from None
        self._lock = lock

    def close(self) -> None:
        """See :meth:`chatd.interfaces.IMessageStore.close`."""
        super().close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def make_pool(self, aside: bool) -> ConnectionPool:
        """See :meth:`chatd.store.adbapi.DatabaseStore.make_pool`."""
        return ConnectionPool(
            "sqlite3",
            self._path,
            check_same_thread=False,
            cp_min=1,
            cp_max=1,
            cp_name="store",
            cp_noisy=False,
            cp_openfun=self._prepare,
        )

    def cursor(self, transaction: Any) -> sql.Cursor:
        """See :meth:`chatd.store.adbapi.DatabaseStore.cursor`."""
        return _Cursor(transaction)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # heard by a new file alone
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._flush else 'NORMAL'}")


def _made(path: str, flags: int) -> int:
    """Not for writing: an idle server is to keep no file system from becoming read-only."""
    return os.open(path, flags | os.O_CREAT, 0o666)


class _Cursor:
    """A cursor whose place for a value is ``%s``."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.fetchone = cursor.fetchone
        self.fetchall = cursor.fetchall

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        self._cursor.execute(statement.replace("%s", "?"), values)

    def executemany(self, statement: str, rows: Any) -> None:
        self._cursor.executemany(statement.replace("%s", "?"), rows)


def _upgrade(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(sql.steps_from(version, _SCHEMA), version + 1):
        connection.executescript(f"BEGIN; {step} PRAGMA user_version = {number}; COMMIT;")
