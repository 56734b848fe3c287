"""Deletes old messages, a few at a time, so that nobody waits for it."""

from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from chatd.interfaces import IMessageStore
from chatd.logs import Log

log = Log()

BATCH = 500
PAUSE_SECONDS = 1.0
IDLE_BATCHES = 600  # pauses after a batch that was not full


class Retention(Service):
    """Keeps messages for some days.

    :param now: the time in seconds since the epoch.
    :param may: whether this node is to do it, if there are several.
    """

    name = "retention"

    def __init__(
        self,
        clock: IReactorTime,
        store: IMessageStore,
        days: float,
        now: Callable[[], float],
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._days = days
        self._now = now
        self._may = may
        self._rest = 0
        self._deleted = 0
        self._loop = LoopingCall(self._delete)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin to delete."""
        super().startService()
        self._loop.start(PAUSE_SECONDS, now=False).addErrback(
            lambda failure: log.failure("old messages are deleted no more", failure)
        )

    def stopService(self) -> None:
        """Delete no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _delete(self) -> "Deferred[None] | None":
        """One batch, at most once per pause; a long rest when nothing is old."""
        if not self._may():
            return None
        if self._rest:
            self._rest -= 1
            return None
        before = int((self._now() - self._days * 86_400) * 1000)
        return self._store.forget(before, BATCH).addCallbacks(self._deleted_some, self._failed)

    def _deleted_some(self, count: int) -> None:
        self._deleted += count
        if count < BATCH:
            self._rest = IDLE_BATCHES
            if self._deleted:
                log.info("deleted {count} old messages", count=self._deleted)
            self._deleted = 0

    def _failed(self, failure: Failure) -> None:
        self._rest = IDLE_BATCHES // 10
        log.warn("old messages could not be deleted: {reason}", reason=failure.getErrorMessage())
