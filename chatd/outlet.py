"""The last step of the road: bytes to a client's socket, in order, with what is unsent bounded.

Two twins. :class:`Outlet` hands everything to the transport, as any Twisted protocol would.
:class:`DirectOutlet` sends on the socket at once while nothing is waiting, which spares a buffer, two calls
of epoll and a turn of the reactor for each write; what the kernel does not take goes the way of its twin.
"""

from typing import Protocol

from twisted.internet.interfaces import IPushProducer, ITransport
from twisted.internet.tcp import Server
from zope.interface import implementer


class Writer(Protocol):
    """What takes a client's bytes."""

    def write(self, data: bytes) -> None:
        """Send, or keep until the client reads."""


class Owner(Protocol):
    """Whose outlet it is."""

    outlet: "Writer"

    def overflowed(self) -> None:
        """The client has not read what was sent to it, and more is unsent than may be."""


@implementer(IPushProducer)
class Outlet:
    """Writes to a transport.

    The transport says when it has more than it likes (64 KiB with Twisted's defaults) and when all of it
    is gone; what is written between the two is counted.

    :param limit: bytes that may be written while the transport has too much.
    """

    __slots__ = ("_full", "_limit", "_owner", "_transport", "_unsent")

    def __init__(self, transport: ITransport, owner: Owner, limit: int) -> None:
        self._transport = transport
        self._owner = owner
        self._limit = limit
        self._full = False
        self._unsent = 0
        transport.registerProducer(self, True)  # type: ignore[attr-defined]

    def write(self, data: bytes) -> None:
        """Send, or keep until the client reads. Never raises; a transport that is gone drops the bytes."""
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


class DirectOutlet(Outlet):
    """Sends on the transport's socket while nothing waits in the transport's buffers.

    :param transport: a plain TCP connection: see :func:`may_send_directly`.
    """

    __slots__ = ("_send", "_tcp")

    def __init__(self, transport: Server, owner: Owner, limit: int) -> None:
        super().__init__(transport, owner, limit)
        self._tcp = transport
        self._send = transport.socket.send

    def write(self, data: bytes) -> None:
        """See :meth:`Outlet.write`."""
        tcp = self._tcp
        if not (tcp._tempDataBuffer or tcp.dataBuffer or tcp.disconnecting or tcp.disconnected):
            try:
                sent = self._send(data)
            except OSError:  # the kernel's buffer is full; or an error, which the reactor is to find
                sent = 0
            if sent == len(data):
                return
            data = data[sent:]
        super().write(data)


class FirstWrite:
    """Stands before an owner's outlet until the first write, which begins with bytes that waited for it.

    :param waiting: the bytes.
    """

    __slots__ = ("_outlet", "_owner", "_waiting")

    def __init__(self, owner: Owner, waiting: bytes) -> None:
        self._owner = owner
        self._outlet = owner.outlet
        self._waiting = waiting
        owner.outlet = self

    def write(self, data: bytes) -> None:
        """See :meth:`Outlet.write`."""
        self._owner.outlet = self._outlet
        self._outlet.write(self._waiting + data)


def may_send_directly(transport: object) -> bool:
    """Whether a transport is a plain TCP connection: nothing between it and its socket, as TLS would be."""
    return type(transport) is Server and not getattr(transport, "TLS", False)
