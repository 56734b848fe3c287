"""A connection to Redis that hears publications."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed

from chatd.bus.connecting import Connection
from chatd.bus.hosts import Hosts
from chatd.bus.resp import Link, RedisError
from chatd.bus.single import NOT_YET
from chatd.bus.telling import tell
from chatd.bus.url import RedisUrl
from chatd.logs import Log

log = Log()

AT_ONCE = 1000
"""So many channels are subscribed to with one command."""


class Subscriber(Service):
    """Hears publications, on any channels.

    :param received: is called with channel and payload of each publication.
    :param timeout: seconds of silence after which the connection is given up; the server is asked for a sign
        of life before that.

    ``trouble``, ``up`` and ``down`` are as :class:`chatd.bus.redis.Redis` has them. When ``up`` is called,
    all that was subscribed to is so again; whatever was published since the connection was lost has been
    missed. Redis itself ends a connection that does not keep up (client-output-buffer-limit).
    """

    name = "redis-subscriber"

    def __init__(
        self, reactor: Any, url: RedisUrl, received: Callable[[bytes, bytes], None], timeout: float = 5.0
    ) -> None:
        self.up: Callable[[], None] = _nobody
        self.down: Callable[[str], None] = _nobody
        self.trouble: str | None = NOT_YET
        self._received = received
        self._link: Link | None = None
        self._wanted: dict[bytes, list[Deferred[None]]] = {}  # and who waits until it is in force
        self._unconfirmed: defaultdict[bytes, int] = defaultdict(int)
        self._restoring: set[bytes] = set()
        self._down = False
        self._hosts = Hosts(url)
        self._connection = Connection(
            reactor,
            url,
            self._hosts.next,
            "publications",
            timeout,
            self._opened,
            self._closed,
            self._hosts.prepare,
        )

    def startService(self) -> None:
        """Begin to connect."""
        super().startService()
        self._connection.start()

    def stopService(self) -> "Deferred[None]":
        """Close. A subscription that is not in force yet will never be."""
        super().stopService()
        return self._connection.stop()

    def subscribe(self, channel: bytes) -> "Deferred[None]":
        """Hear what is published on a channel, until :meth:`unsubscribe`.

        :returns: fires when that is in force, which may be when Redis is there again.
        """
        new = channel not in self._wanted
        waiting = self._wanted.setdefault(channel, [])
        if not new and self._link is not None and channel not in self._unconfirmed:
            return succeed(None)
        in_force: Deferred[None] = Deferred()
        waiting.append(in_force)
        if new and self._link is not None:
            self._ask([channel])
        return in_force

    def unsubscribe(self, channel: bytes) -> None:
        """Hear a channel no more. What :meth:`subscribe` returned is cancelled if it has not fired."""
        waiting = self._wanted.pop(channel, None)
        if waiting is None:
            return
        if self._link is not None:
            self._link.tell("UNSUBSCRIBE", channel)
            self._restored(channel)
        for in_force in waiting:
            in_force.cancel()

    def _opened(self, link: Link) -> None:
        self._link = link
        link.take = self._take
        channels = list(self._wanted)
        self._restoring = set(channels)
        for start in range(0, len(channels), AT_ONCE):
            self._ask(channels[start : start + AT_ONCE])
        if not channels:
            self._is_up()

    def _closed(self, reason: str) -> None:
        self._link, self.trouble = None, reason
        self._unconfirmed.clear()
        self._restoring.clear()
        if not self._down and self.running:
            self._down = True
            tell(self.down, reason)

    def _ask(self, channels: list[bytes]) -> None:
        assert self._link is not None
        for channel in channels:
            self._unconfirmed[channel] += 1
        self._link.tell("SUBSCRIBE", *channels)

    def _take(self, reply: Any) -> None:
        is_list = isinstance(reply, list)
        if is_list and reply[0] == b"message":
            if reply[1] in self._wanted:
                try:
                    self._received(reply[1], reply[2])
                except Exception:
                    log.failure("a bug in taking a publication")
        elif is_list and reply[0] == b"subscribe":
            self._confirmed(reply[1])
        elif isinstance(reply, RedisError):  # it does not say what it is about
            self._connection.drop(str(reply))
        elif not is_list and (trouble := self._hosts.trouble(reply)) is not None:
            self._connection.drop(trouble)

    def _confirmed(self, channel: bytes) -> None:
        self._unconfirmed[channel] -= 1
        if self._unconfirmed[channel] > 0:  # it was given up meanwhile, and asked for again
            return
        del self._unconfirmed[channel]
        if channel in self._wanted:
            waiting, self._wanted[channel] = self._wanted[channel], []
            for in_force in waiting:
                in_force.callback(None)
        self._restored(channel)

    def _restored(self, channel: bytes) -> None:
        if channel in self._restoring:
            self._restoring.remove(channel)
            if not self._restoring:
                self._is_up()

    def _is_up(self) -> None:
        self.trouble, self._down = None, False
        tell(self.up)


def _nobody(*_: object) -> None:
    """Nobody wants to know."""
