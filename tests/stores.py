"""Stores for tests: one without a thread, and one that keeps a turn when the test says so."""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.interfaces import IMessageStore
from chatd.store import sql
from chatd.store.sqlite import SqliteStore
from chatd.turn import Claimed, Kept, Restored, Turn, WaitingFound


class PromptStore(SqliteStore):
    """SQLite's store without its thread: whatever it is asked is done when the call returns.

    :param now: the time in seconds since the epoch; where there is none, all time is one.
    """

    def __init__(self, path: str = ":memory:", now: Callable[[], float] | None = None) -> None:
        super().__init__(path, repeat_window=300, flush=False, now=now or (lambda: 0.0))
        self._connection: Any = None

    def open(self, containers: bool = True) -> Restored:
        """See IMessageStore."""
        self._connection = self.connect()
        return sql.restore(self.cursor(self._connection.cursor()), containers)

    def contents(self, container: str | None = None) -> list[str]:
        """What was said in a container, or to rooms, in its order."""
        kept = sql.all_messages(self.cursor(self._connection.cursor()), 0, 10_000)
        return [message.content for _, message in kept if message.container_id == container]

    def close(self) -> None:
        """See IMessageStore."""
        self._connection.close()
        super().close()

    def _run(self, work: Callable[[sql.Cursor], Any], aside: bool = False) -> "Deferred[Any]":
        try:
            with self._connection:
                return succeed(work(self.cursor(self._connection.cursor())))
        except Exception:
            return fail()


@implementer(IMessageStore)
class HeldStore:
    """Does as another store, but keeps a turn, or fails to, when the test lets it.

    :param store: where turns are kept.
    """

    def __init__(self, store: IMessageStore) -> None:
        self.behind = store
        """Where turns are kept, past the hold."""
        self._waiting: tuple[Turn, Deferred[Kept]] | None = None
        self.turns: list[Turn] = []
        """All that it was asked to keep."""

    @property
    def gathers(self) -> bool:
        """See IMessageStore."""
        return self.behind.gathers

    @property
    def is_busy(self) -> bool:
        """Whether a turn waits to be kept."""
        return self._waiting is not None

    def keep(self) -> None:
        """The turn that waits is kept now."""
        turn, kept = self._taken()
        self.behind.commit(turn).chainDeferred(kept)

    def fail(self, reason: str = "disk full") -> None:
        """The turn that waits is not kept."""
        _, kept = self._taken()
        kept.errback(Failure(OSError(reason)))

    def fail_though_kept(self) -> None:
        """The turn that waits is kept, but that is not known here: so a server ends between the two."""
        turn, kept = self._taken()
        self.behind.commit(turn).addCallback(lambda _: Failure(OSError("gone"))).chainDeferred(kept)

    def _taken(self) -> "tuple[Turn, Deferred[Kept]]":
        assert self._waiting is not None, "nothing waits to be kept"
        taken, self._waiting = self._waiting, None
        return taken

    # -- IMessageStore ------------------------------------------------------------------------------

    def open(self, containers: bool = True) -> Restored:
        """See IMessageStore."""
        return self.behind.open(containers)

    def commit(self, turn: Turn) -> "Deferred[Kept]":
        """See IMessageStore."""
        assert self._waiting is None, "one at a time"
        kept: Deferred[Kept] = Deferred()
        self._waiting = turn, kept
        self.turns.append(turn)
        return kept

    def claim(self, room: str, node: str) -> "Deferred[Claimed]":
        """See IMessageStore."""
        return self.behind.claim(room, node)

    def kept_rooms(self) -> "Deferred[list[str]]":
        """See IMessageStore."""
        return self.behind.kept_rooms()

    def forget(self, created_before: int, most: int) -> "Deferred[int]":
        """See IMessageStore."""
        return self.behind.forget(created_before, most)

    def waiting(self, after: int, most: int, line: tuple[str, str] | None = None) -> "Deferred[WaitingFound]":
        """See IMessageStore."""
        return self.behind.waiting(after, most, line)

    def count_waiting(self) -> "Deferred[int]":
        """See IMessageStore."""
        return self.behind.count_waiting()

    def sent(self, places: Sequence[int]) -> "Deferred[None]":
        """See IMessageStore."""
        return self.behind.sent(places)

    def drop(self, created_before: int, surplus: int, most: int) -> "Deferred[list[int]]":
        """See IMessageStore."""
        return self.behind.drop(created_before, surplus, most)

    def close(self) -> None:
        """See IMessageStore."""
        self.behind.close()
