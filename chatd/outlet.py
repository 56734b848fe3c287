"""The last step of the road: bytes to a client's socket, in order, with what is unsent bounded.

Two twins. :class:`Outlet` hands everything to the transport, as any Twisted protocol would.
:class:`DirectOutlet` sends on the socket at once while nothing is waiting, which spares a buffer, two calls
of epoll and a turn of the reactor for each write; what the kernel does not take goes the way of its twin.
"""

from collections.abc import Collection
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.tcp import Server
from zope.interface import implementer


class Owner(Protocol):
    """Whose outlet it is."""

    def overflowed(self) -> None:
        """The client has not read what was sent to it, and more is unsent than may be."""


@implementer(IPushProducer)
class Outlet:
    """Writes to a transport.

    The transport says when it has more than it likes (64 KiB with Twisted's defaults) and when all of it
    is gone; what is written between the two is counted.

    :param limit: bytes that may be written while the transport has too much.
    """

    __slots__ = ("_first", "_full", "_limit", "_owner", "_transport", "_unsent")

    def __init__(self, transport: ITransport, owner: Owner, limit: int) -> None:
        self._transport = transport
        self._owner = owner
        self._limit = limit
        self._full = False
        self._unsent = 0
        self._first = b""
        transport.registerProducer(self, True)  # type: ignore[attr-defined]

    @property
    def holds(self) -> bool:
        """Whether bytes wait for the next write, which begins with them: see :meth:`hold`."""
        return bool(self._first)

    def hold(self, data: bytes) -> None:
        """Keep bytes for the next write to begin with, so that they need none of their own."""
        self._first += data

    @property
    def unsent(self) -> int:
        """Bytes that wait for the client to read; those that the kernel has taken are none of them."""
        return len(self._first) + _waiting(self._transport)

    def write(self, data: bytes) -> None:
        """Send, or keep until the client reads. Never raises; a transport that is gone drops the bytes."""
        if self._first:
            data, self._first = self._first + data, b""
        full = self._full  # before: a single write, however large, is not yet a client that does not read
        self._transport.write(data)
        if full and self._unsent <= self._limit:  # the owner is told once
            self._unsent += len(data)
            if self._unsent > self._limit:
                self._owner.overflowed()

    def pauseProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        self._full = True

    def resumeProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`."""
        self._full = False
        self._unsent = 0

    def stopProducing(self) -> None:
        """See :class:`twisted.internet.interfaces.IPushProducer`. The transport is gone."""
        self._full = False


_LOOK_CLOSER: Collection[object] = (None,)


class DirectOutlet(Outlet):
    """Sends on the transport's socket while nothing waits in the transport's buffers.

    A transport with anything in them is among the reactor's writers. Nearly always nobody is; only when
    somebody is, the transport itself is looked at.

    :param transport: a plain TCP connection: see :func:`may_send_directly`.
    """

    __slots__ = ("_send", "_tcp", "_writers")

    def __init__(self, transport: Server, owner: Owner, limit: int) -> None:
        super().__init__(transport, owner, limit)
        self._tcp = transport
        self._send = transport.socket.send
        self._writers: Collection[object] = _writers_of(transport)

    def hold(self, data: bytes) -> None:
        """See :meth:`Outlet.hold`."""
        super().hold(data)
        self._writers = _LOOK_CLOSER

    def write(self, data: bytes) -> None:
        """See :meth:`Outlet.write`."""
        if self._writers:
            if self._first:
                data, self._first = self._first + data, b""
                self._writers = _writers_of(self._tcp)
            if self._is_busy():
                super().write(data)
                return
        try:
            sent = self._send(data)
        except OSError:  # the kernel's buffer is full; or an error, which the reactor is to find
            sent = 0
        if sent != len(data):
            super().write(data[sent:])

    def _is_busy(self) -> bool:
        tcp = self._tcp
        return bool(tcp._tempDataBuffer or tcp.dataBuffer or tcp.disconnecting or tcp.disconnected)


def _waiting(transport: Any) -> int:
    """Bytes in a transport's buffers, and in those of the transport below it, which TLS has."""
    below = getattr(transport, "transport", None)
    if below is not None:
        return sum(map(len, transport._appSendBuffer)) + _waiting(below)
    return len(transport.dataBuffer) - transport.offset + transport._tempDataLen  # type: ignore[no-any-return]


def _writers_of(transport: Server) -> Collection[object]:
    """Whom the transport's reactor will tell that they may write."""
    return getattr(transport.reactor, "_writes", _LOOK_CLOSER)


def may_send_directly(transport: object) -> bool:
    """Whether a transport is a plain TCP connection: nothing between it and its socket, as TLS would be."""
    return type(transport) is Server and not getattr(transport, "TLS", False)
