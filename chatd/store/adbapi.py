"""A store on a database that Twisted's adbapi reaches: one thread, so turns keep their order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from chatd.database import PooledConnection, interrupt
from chatd.interfaces import IMessageStore
from chatd.store import sql
from chatd.turn import Kept, Restored, StoreError, Turn, WaitingFound

T = TypeVar("T")


@contextmanager
def closed_on_error(connection: Any) -> Iterator[None]:
    """Close a new connection if what is done with it first fails."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


@implementer(IMessageStore)
class DatabaseStore:
    """Keeps turns in a database.

    :param repeat_window: seconds for which a clientMessageId is remembered (M6).
    :param now: the time in seconds since the epoch.
    """

    gathers = True

    def __init__(self, repeat_window: float, now: Callable[[], float]) -> None:
        self._now = now
        self._repeat_window_ms = int(repeat_window * 1000)
        self._pool: ConnectionPool | None = None
        self._under_way = 0

    # -- for the databases --------------------------------------------------------------------------

    def connect(self) -> Any:
        """A new connection, its schema the newest. Called at start, before the thread.

        :raises StoreError: with the one line to print.
        """
        raise NotImplementedError

    def make_pool(self) -> ConnectionPool:
        """The pool of one connection."""
        raise NotImplementedError

    def cursor(self, transaction: Any) -> sql.Cursor:
        """A transaction's cursor, for statements whose place for a value is ``%s``."""
        return transaction  # type: ignore[no-any-return]

    # -- IMessageStore ------------------------------------------------------------------------------

    def open(self) -> Restored:
        """See :meth:`chatd.interfaces.IMessageStore.open`."""
        connection = self.connect()
        try:
            restored = sql.restore(self.cursor(connection.cursor()))
            connection.commit()
        finally:
            connection.close()
        self._pool = self.make_pool()
        self._pool.connectionFactory = PooledConnection
        self._pool.start()
        return restored

    def commit(self, turn: Turn) -> "Deferred[Kept]":
        """See :meth:`chatd.interfaces.IMessageStore.commit`."""
        since = int(self._now() * 1000) - self._repeat_window_ms
        return self._run(lambda cursor: sql.keep(cursor, turn, since))

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.forget`."""
        return self._run(lambda cursor: sql.forget(cursor, created_before, most))

    def waiting(self, after: int, most: int, line: tuple[str, str] | None = None) -> "Deferred[WaitingFound]":
        """See :meth:`chatd.interfaces.IMessageStore.waiting`."""
        return self._run(lambda cursor: sql.waiting(cursor, after, most, line))

    def sent(self, places: Sequence[int]) -> "Deferred[None]":
        """See :meth:`chatd.interfaces.IMessageStore.sent`."""
        return self._run(lambda cursor: sql.sent(cursor, places))

    def drop(self, created_before: int, surplus: int, most: int) -> "Deferred[list[int]]":
        """See :meth:`chatd.interfaces.IMessageStore.drop`."""
        return self._run(lambda cursor: sql.drop(cursor, created_before, surplus, most))

    def close(self) -> None:
        """See :meth:`chatd.interfaces.IMessageStore.close`."""
        pool, self._pool = self._pool, None
        if pool is not None:
            if self._under_way:  # nobody may wait forever for a database that does not answer
                for connection in tuple(pool.connections.values()):
                    interrupt(connection)
            pool.close()

    def _run(self, work: Callable[[sql.Cursor], T]) -> "Deferred[T]":
        if self._pool is None:
            return fail(StoreError("the store is closed"))
        self._under_way += 1
        done = self._pool.runInteraction(lambda transaction: work(self.cursor(transaction)))
        return done.addBoth(self._is_done)  # type: ignore[no-any-return]

    def _is_done(self, result: T) -> T:
        self._under_way -= 1
        return result
