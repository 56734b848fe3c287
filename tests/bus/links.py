"""What tests see of a link: when it works and when it does not, and what it hears."""

from typing import Generic, TypeVar

from twisted.internet.defer import Deferred, DeferredQueue

from chatd.bus.redis import Redis, Subscriber

Link = TypeVar("Link", Redis, Subscriber)
PATIENCE = 30  # seconds


class Watched(Generic[Link]):
    """A link, and its changes as they come."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._changes: DeferredQueue[str] = DeferredQueue()
        link.up = lambda: self._changes.put("")
        link.down = self._changes.put

    async def up(self) -> None:
        """It works; that is the next change."""
        assert await soon(self._changes.get()) == ""
        assert self.link.trouble is None

    async def down(self) -> str:
        """It does not work; that is the next change. :returns: why."""
        trouble = await soon(self._changes.get())
        assert trouble != ""
        assert self.link.trouble is not None
        return trouble

    @property
    def has_changed(self) -> bool:
        """Whether there is a change that nobody has awaited."""
        return bool(self._changes.pending)


class Heard:
    """Publications, in the order of hearing."""

    def __init__(self) -> None:
        self._publications: DeferredQueue[tuple[bytes, bytes]] = DeferredQueue()

    def __call__(self, channel: bytes, payload: bytes) -> None:
        self._publications.put((channel, payload))

    async def next(self) -> tuple[bytes, bytes]:
        """The next one."""
        return await soon(self._publications.get())

    async def payloads(self, count: int) -> list[bytes]:
        """What the next ones say."""
        return [(await self.next())[1] for _ in range(count)]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing more."""
        return not self._publications.pending


def soon(deferred: "Deferred") -> "Deferred":
    """Give up if nothing comes."""
    from twisted.internet import reactor

    return deferred.addTimeout(PATIENCE, reactor)
