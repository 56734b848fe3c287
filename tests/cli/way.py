"""The way to a server that is a test: an endpoint in memory, and WebSocket bytes on it."""

import base64
import hashlib

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import StringTransport
from zope.interface import implementer


class Transport(StringTransport):
    """A TCP connection, of which its other end is a test."""

    aborting = False

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.aborting = True

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See ITCPTransport."""

    def unregisterProducer(self) -> None:
        """See IConsumer. Autobahn does so without having registered one."""


@implementer(IStreamClientEndpoint)
class Way:
    """Leads to a test."""

    def connect(self, factory: Factory) -> "Deferred[object]":
        """See IStreamClientEndpoint."""
        self.protocol = factory.buildProtocol(None)
        self.transport = Transport()
        self.protocol.makeConnection(self.transport)
        return succeed(self.protocol)

    def answer(self) -> str:
        """Let the handshake succeed. :returns: its request."""
        request = self.transport.value().decode()
        self.transport.clear()
        key = request.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        self.protocol.dataReceived(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %s\r\n\r\n" % base64.b64encode(digest)
        )
        return request

    def sent(self) -> list[bytes]:
        """The payloads of the frames that were sent, since last asked."""
        data, payloads = self.transport.value(), []
        self.transport.clear()
        while data:
            length, start = data[1] & 0x7F, 2
            if length == 126:
                length, start = int.from_bytes(data[2:4]), 4
            assert length < 127 or start == 4
            mask, start = data[start : start + 4], start + 4
            masked = data[start : start + length]
            payloads.append(bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)))
            data = data[start + length :]
        return payloads
