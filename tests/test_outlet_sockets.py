"""The last step to a client's socket, on the real reactor: both twins over TCP, and the one that fits any
transport over a UNIX socket and over TLS too (M7, C2: 1013)."""

import datetime
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_twisted import blockon, ensureDeferred
from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    SSL4ServerEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from chatd.outlet import DirectOutlet, Outlet, may_send_directly
from chatd.websocket import LeanFactory, LeanProtocol

LIMIT = 300_000
SMALL = 8192  # for the kernel's buffer, so that it seldom takes all of a write


class Server(Protocol):
    """The server's end: an outlet, and its owner.

    :param kind: of the outlet.
    """

    def __init__(self, kind: type[Outlet]) -> None:
        self._kind = kind
        self.told = 0
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
        with suppress(AttributeError):  # not on a UNIX socket
            self.transport.setTcpNoDelay(True)
        self.outlet = self._kind(self.transport, self, LIMIT)
        self.outlet.write(b"!")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    def overflowed(self) -> None:
        """See :class:`chatd.outlet.Owner`."""
        self.told += 1


class Client(Protocol):
    """The client's end; it reads from the beginning."""

    def __init__(self) -> None:
        self.lost: Deferred[None] = Deferred()
        self._received = b""
        self._wanted = 0
        self._come: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)

    def read(self, length: int) -> "Deferred[bytes]":
        """Fires with the next so many bytes, when they have come."""
        self._wanted, self._come = length, Deferred()
        come = self._come
        self._look()
        return come

    def _look(self) -> None:
        if self._wanted and len(self._received) >= self._wanted:
            read, self._received = self._received[: self._wanted], self._received[self._wanted :]
            self._wanted = 0
            self._come.callback(read)


class Line:
    """A connection, both of whose ends are on this reactor."""

    server: Server
    client: Client
    _port: IListeningPort

    async def open(
        self, kind: type[Outlet], listening: IStreamServerEndpoint, to: Callable[[Any], IStreamClientEndpoint]
    ) -> None:
        """Connect the two, and hear the server's first byte."""

        def serve() -> Server:
            self.server = Server(kind)
            return self.server

        self._port = await listening.listen(Factory.forProtocol(serve))
        self.client = await to(self._port.getHost()).connect(Factory.forProtocol(Client))
        assert await self.client.read(1) == b"!"

    async def close(self) -> None:
        """The end of the test."""
        if not self.client.lost.called:
            self.client.transport.abortConnection()
        await self.server.lost
        await self.client.lost
        await self._port.stopListening()

    @property
    def is_jammed(self) -> bool:
        """Whether the kernel has taken less than was written."""
        transport = getattr(self.server.transport, "transport", self.server.transport)  # below TLS
        return bool(transport.dataBuffer or transport._tempDataBuffer)

    def write(self, length: int, piece: int = 1000) -> bytes:
        """Write in pieces of so many bytes, all different. :returns: all of them."""
        written = b"".join(b"%07d\n" % number for number in range(length // 8))
        for at in range(0, length, piece):
            self.server.outlet.write(written[at : at + piece])
        return written


def tls_endpoints(reactor: Any) -> tuple[Any, Any]:
    """TLS over TCP, with a certificate made for the test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    certificate = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server = ssl.PrivateCertificate.loadPEM(pem + key_pem).options()
    client = ssl.optionsForClientTLS("localhost", ssl.Certificate.loadPEM(pem))
    return (
        SSL4ServerEndpoint(reactor, 0, server, interface="127.0.0.1"),
        lambda host: wrapClientTLS(client, TCP4ClientEndpoint(reactor, "127.0.0.1", host.port)),
    )


def endpoints(kind: str, directory: Path) -> tuple[Any, Any]:
    """Where to listen, and from there where to connect to."""
    from twisted.internet import reactor

    if kind == "tls":
        return tls_endpoints(reactor)
    if kind == "unix":
        path = str(directory / "socket")
        return UNIXServerEndpoint(reactor, path), lambda host: UNIXClientEndpoint(reactor, path)
    return (
        TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"),
        lambda host: TCP4ClientEndpoint(reactor, "127.0.0.1", host.port),
    )


WAYS = {"tcp, directly": ("tcp", DirectOutlet)} | {kind: (kind, Outlet) for kind in ("tcp", "unix", "tls")}


async def opened(way: str, directory: Path) -> Line:
    """A line with one of the twins."""
    kind, outlet = WAYS[way]
    line = Line()
    await line.open(outlet, *endpoints(kind, directory))
    return line


@pytest.fixture(params=WAYS)
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    """Every way keeps the same promises."""
    line = blockon(Deferred.fromCoroutine(opened(request.param, tmp_path)))
    yield line
    blockon(Deferred.fromCoroutine(line.close()))


@ensureDeferred
async def test_many_writes_arrive_complete_and_in_order(line):
    for _ in range(20):
        written = line.write(50_000)
        assert await line.client.read(50_000) == written
    assert line.server.told == 0


@ensureDeferred
async def test_of_a_large_write_the_kernel_takes_a_part_and_the_rest_follows(line):
    line.client.transport.pauseProducing()
    written = line.write(400_000, piece=200_000)
    assert line.is_jammed
    line.client.transport.resumeProducing()
    assert await line.client.read(400_000) == written


@ensureDeferred
async def test_what_a_client_does_not_read_arrives_in_order_when_it_does(line):
    line.client.transport.pauseProducing()
    written = line.write(200_000)
    assert line.is_jammed
    written += line.write(100_000)
    line.client.transport.resumeProducing()
    assert await line.client.read(300_000) == written


@ensureDeferred
async def test_what_a_client_does_not_read_is_unsent_until_it_does(line):
    line.client.transport.pauseProducing()
    line.write(LIMIT)
    assert 0 < line.server.outlet.unsent <= LIMIT * 1.1  # TLS adds its own
    line.client.transport.resumeProducing()
    await line.client.read(LIMIT)
    assert line.server.outlet.unsent == 0


@ensureDeferred
async def test_nothing_overtakes_what_the_transport_holds(line):
    """What the handshake, pongs and close frames are written to is the same outlet; but a byte that is on the
    transport already goes first."""
    line.server.transport.write(b"first")
    line.server.outlet.write(b"second")
    assert await line.client.read(11) == b"firstsecond"


@ensureDeferred
async def test_a_client_that_does_not_read_is_told_of_once(line):
    line.client.transport.pauseProducing()
    line.write(LIMIT)
    assert line.server.told == 0
    for _ in range(10):
        line.write(LIMIT)
    assert line.server.told == 1


@ensureDeferred
async def test_a_client_that_reads_all_now_and_then_is_not_told_of(line):
    for _ in range(5):
        line.client.transport.pauseProducing()
        written = line.write(LIMIT)
        assert line.is_jammed
        line.client.transport.resumeProducing()
        assert await line.client.read(LIMIT) == written
    assert line.server.told == 0


@ensureDeferred
async def test_what_waits_for_a_client_to_read_can_be_counted(line):
    assert line.server.outlet.unsent == 0
    line.client.transport.pauseProducing()
    written = line.write(400_000, piece=200_000)
    waiting = line.server.outlet.unsent
    assert 100_000 < waiting < 401_000  # the kernel has the rest, and TLS makes it a little more
    line.write(100_000, piece=100_000)
    assert waiting + 100_000 <= line.server.outlet.unsent < waiting + 101_000
    line.client.transport.resumeProducing()
    await line.client.read(len(written) + 100_000)
    assert line.server.outlet.unsent == 0


@ensureDeferred
async def test_after_a_jam_what_is_read_at_once_is_not_counted(line):
    line.client.transport.pauseProducing()
    written = line.write(LIMIT)
    line.client.transport.resumeProducing()
    assert await line.client.read(LIMIT) == written
    for _ in range(LIMIT // 25_000):
        written = line.write(50_000)
        assert await line.client.read(50_000) == written
    assert line.server.told == 0


@ensureDeferred
async def test_who_was_told_of_and_read_all_can_be_told_of_again(line):
    for round_ in range(1, 3):
        line.client.transport.pauseProducing()
        written = line.write(LIMIT * 2)
        assert line.server.told == round_
        line.client.transport.resumeProducing()
        assert await line.client.read(LIMIT * 2) == written


@ensureDeferred
async def test_what_is_unsent_is_sent_before_the_connection_is_lost(line):
    line.client.transport.pauseProducing()
    written = line.write(200_000)
    assert line.is_jammed
    line.server.transport.unregisterProducer()  # as Autobahn does before
    line.server.transport.loseConnection()
    line.client.transport.resumeProducing()
    assert await line.client.read(200_000) == written


@ensureDeferred
async def test_a_reset_raises_nothing_and_is_heard_of(line):
    line.client.transport.pauseProducing()
    line.write(100_000)
    underneath = line.client.transport.socket
    underneath.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.client.transport.abortConnection()
    line.write(100_000)  # the kernel knows of the reset, or not yet
    await line.server.lost
    line.write(100_000)
    assert line.server.told == 0


@ensureDeferred
async def test_a_write_in_the_turn_of_an_end_raises_nothing(line):
    """Who is closed while a turn's frames are written to it gets some more of them."""
    line.write(50_000)
    line.server.transport.unregisterProducer()
    line.server.transport.loseConnection()
    line.write(50_000)
    line.server.transport.abortConnection()
    line.write(50_000)
    await line.server.lost
    assert line.server.told == 0


@pytest.mark.parametrize("way", WAYS)
@ensureDeferred
async def test_only_plain_tcp_is_sent_on_directly(way, tmp_path):
    line = await opened(way, tmp_path)
    assert may_send_directly(line.server.transport) == way.startswith("tcp")
    await line.close()


@pytest.mark.parametrize(("direct_send", "kind"), [(True, DirectOutlet), (False, Outlet)])
@ensureDeferred
async def test_the_factory_chooses_as_it_is_told(direct_send, kind):
    """(the setting server.direct_send)"""
    from twisted.internet import reactor

    made: list[LeanProtocol] = []

    class Noted(LeanProtocol):
        """Says something, so that the client knows that it is made."""

        def connectionMade(self) -> None:
            super().connectionMade()
            made.append(self)
            self.outlet.write(b"!")

    options = {"message_size": 1000, "max_connections": 0, "send_buffer": 1000}
    factory = LeanFactory(reactor, Noted, "chatd/x", direct_send=direct_send, **options)
    port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory)
    to = TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port)
    client = await to.connect(Factory.forProtocol(Client))
    assert await client.read(1) == b"!"
    assert type(made[0].outlet) is kind
    made[0].transport.loseConnection()
    await client.lost
    await port.stopListening()
