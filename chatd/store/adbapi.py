"""A store on a database that Twisted's adbapi reaches: one thread, so turns keep their order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, fail
from zope.interface import implementer

from chatd.database import PooledConnection, interrupt
from chatd.interfaces import IMessageStore
from chatd.store import owners, sql
from chatd.turn import Claimed, Kept, Restored, StoreError, Turn, WaitingFound

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
    dialect: owners.Dialect
    has_aside = False
    """Whether what a cluster asks beside turns has a connection of its own, lest turns wait for it."""

    def __init__(self, repeat_window: float, now: Callable[[], float]) -> None:
        self._now = now
        self._repeat_window_ms = int(repeat_window * 1000)
        self._pools: list[ConnectionPool] = []
        self._under_way = 0

    # -- for the databases --------------------------------------------------------------------------

    def connect(self) -> Any:
        """A new connection, its schema the newest. Called at start, before the thread.

        :raises StoreError: with the one line to print.
        """
        raise NotImplementedError

    def make_pool(self, aside: bool) -> ConnectionPool:
        """A pool of one connection.

        :param aside: it is the one for what may wait for others, and has no thread until then.
        """
        raise NotImplementedError

    def cursor(self, transaction: Any) -> sql.Cursor:
        """A transaction's cursor, for statements whose place for a value is ``%s``."""
        return transaction  # type: ignore[no-any-return]

    # -- IMessageStore ------------------------------------------------------------------------------

    def open(self, containers: bool = True) -> Restored:
        """See :meth:`chatd.interfaces.IMessageStore.open`."""
        connection = self.connect()
        try:
            restored = sql.restore(self.cursor(connection.cursor()), containers)
            connection.commit()
        finally:
            connection.close()
        self._pools = [self.make_pool(aside) for aside in (False, True)[: 1 + self.has_aside]]
        for pool in self._pools:
            pool.connectionFactory = PooledConnection
            pool.start()
        return restored

    def commit(self, turn: Turn) -> "Deferred[Kept]":
        """See :meth:`chatd.interfaces.IMessageStore.commit`."""
        since = int(self._now() * 1000) - self._repeat_window_ms
        return self._run(lambda cursor: self._keep(cursor, turn, since))

    def _keep(self, cursor: sql.Cursor, turn: Turn, since: int) -> Kept:
        if turn.fences:
            owners.check(cursor, self.dialect, turn.fences)
        return sql.keep(cursor, turn, since)

    def claim(self, room: str, node: str) -> "Deferred[Claimed]":
        """See :meth:`chatd.interfaces.IMessageStore.claim`."""
        return self._run(lambda cursor: owners.claim(cursor, room, node), aside=True)

    def kept_rooms(self) -> "Deferred[list[str]]":
        """See :meth:`chatd.interfaces.IMessageStore.kept_rooms`."""
        return self._run(owners.kept_rooms, aside=True)

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.forget`."""
        return self._run(lambda cursor: sql.forget(cursor, created_before, most))

    def waiting(self, after: int, most: int, line: tuple[str, str] | None = None) -> "Deferred[WaitingFound]":
        """See :meth:`chatd.interfaces.IMessageStore.waiting`."""
        return self._run(lambda cursor: sql.waiting(cursor, after, most, line))

    def count_waiting(self) -> "Deferred[int]":
        """See :meth:`chatd.interfaces.IMessageStore.count_waiting`."""
        return self._run(sql.count_waiting)

    def sent(self, places: Sequence[int]) -> "Deferred[None]":
        """See :meth:`chatd.interfaces.IMessageStore.sent`."""
        return self._run(lambda cursor: sql.sent(cursor, places))

    def drop(self, created_before: int, surplus: int, most: int) -> "Deferred[list[int]]":
        """See :meth:`chatd.interfaces.IMessageStore.drop`."""
        return self._run(lambda cursor: sql.drop(cursor, created_before, surplus, most))

    def close(self) -> None:
        """See :meth:`chatd.interfaces.IMessageStore.close`."""
        pools, self._pools = self._pools, []
        for pool in pools:
            if self._under_way:  # nobody may wait forever for a database that does not answer
                for connection in tuple(pool.connections.values()):
                    interrupt(connection)
            pool.close()

    def _run(self, work: Callable[[sql.Cursor], T], aside: bool = False) -> "Deferred[T]":
        if not self._pools:
            return fail(StoreError("the store is closed"))
        self._under_way += 1
        done = self._pools[-1 if aside else 0].runInteraction(
            lambda transaction: work(self.cursor(transaction))
        )
        return done.addBoth(self._is_done)  # type: ignore[no-any-return]

    def _is_done(self, result: T) -> T:
        self._under_way -= 1
        return result
