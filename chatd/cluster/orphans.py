"""Rooms that nobody owns, as nobody is there, but that have conversations: somebody has to end them (K1)."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chatd.cluster.calls import NoAnswer
from chatd.cluster.finding import Finder
from chatd.interfaces import IMessageStore
from chatd.logs import Log

log = Log()

AGAIN_SECONDS = 60.0


class Orphans:
    """Has such rooms live on this node, as long as it leads: at the beginning, when a node is gone, and now
    and then.

    :param closing: whether nothing more is to be taken.
    """

    def __init__(
        self, clock: IReactorTime, store: IMessageStore, finder: Finder, closing: Callable[[], bool]
    ) -> None:
        self._clock = clock
        self._store = store
        self._finder = finder
        self._closing = closing
        self._leads = False
        self._looking = False
        self._due = 0.0

    def lead(self) -> None:
        """See :class:`chatd.cluster.leader.Task`."""
        self._leads = True
        self.look_now()

    def follow(self) -> None:
        """See :class:`chatd.cluster.leader.Task`."""
        self._leads = False

    def look(self) -> None:
        """See :class:`chatd.cluster.leader.Task`."""
        if self._clock.seconds() >= self._due:
            self.look_now()

    def look_now(self) -> None:
        """A node is gone: some of its rooms may be left."""
        self._due = 0.0
        if self._leads and not self._looking:
            self._looking = True
            self._due = self._clock.seconds() + AGAIN_SECONDS
            looking = Deferred.fromCoroutine(self._look())
            looking.addErrback(
                lambda failure: log.failure("a bug in looking after what nobody owns", failure)
            )

    async def _look(self) -> None:
        claimed = 0
        try:
            for room in await self._store.kept_rooms():
                if not self._leads or self._closing():
                    break
                claimed += await self._finder.adopt(room)
        except NoAnswer:  # it is done again
            self._due = 0.0
        except Exception as error:  # whatever the database's module raises
            self._due = 0.0
            reason = " ".join(str(error).split())
            log.warn("rooms that nobody owns cannot be looked for: {error}", error=reason)
        finally:
            self._looking = False
        if claimed:
            log.info("{count} rooms that nobody owned are this node's now", count=claimed)
