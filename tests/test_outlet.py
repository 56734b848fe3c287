"""The last step to a client's socket, on real sockets whose reactor is turned by hand (M7, C2: 1013)."""

import socket
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress

import pytest
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.python.failure import Failure

from chatd.outlet import DirectOutlet, Outlet, may_send_directly

LIMIT = 200_000


class Owner:
    """Counts how often it is told that its client does not read."""

    told = 0

    def overflowed(self) -> None:
        """See :class:`chatd.outlet.Owner`."""
        self.told += 1


class Reactor(MemoryReactor):
    """Keeps its writers where most of Twisted's reactors have them."""

    @property
    def _writes(self) -> Collection[object]:
        return self.writers


class Line:
    """A TCP connection over loopback: the server's transport, with an outlet, and the client's socket."""

    def __init__(self, kind: type[Outlet], reactor: type[MemoryReactor] = Reactor) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.client = socket.socket()
            self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.client.connect(listening.getsockname())
            accepted, address = listening.accept()
        self._accepted = accepted
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.client.setblocking(False)
        self.reactor = reactor()
        protocol = Protocol()
        port = Port(0, Factory(), reactor=self.reactor)
        self.transport = Server(accepted, protocol, address, port, 1, self.reactor)
        protocol.makeConnection(self.transport)
        self.owner = Owner()
        self.outlet = kind(self.transport, self.owner, LIMIT)

    @property
    def waits(self) -> bool:
        """Whether the transport wants to be told when the kernel takes more."""
        return self.transport in self.reactor.getWriters()

    def turn(self) -> None:
        """The reactor finds the socket writable."""
        if self.waits:
            reason = self.transport.doWrite()
            if reason is not None:
                self.transport.connectionLost(Failure(reason))

    def read(self) -> bytes:
        """What has arrived."""
        try:
            return self.client.recv(1 << 20)
        except BlockingIOError:
            return b""

    def read_all(self, length: int) -> bytes:
        """Everything, while the reactor turns. It fails by the test's timeout."""
        read = b""
        while len(read) < length:
            self.turn()
            read += self.read()
        return read

    def fill(self) -> bytes:
        """Write until the kernel takes no more. :returns: all that was written."""
        written = b""
        while True:
            piece = b"%07d\n" % len(written) * 1000
            self.outlet.write(piece)
            written += piece
            self.turn()
            if self.waits:
                return written

    def close(self) -> None:
        """The end of the test."""
        self.client.close()
        self._accepted.close()


@pytest.fixture(
    params=[(Outlet, Reactor), (DirectOutlet, Reactor), (DirectOutlet, MemoryReactor)],
    ids=["by the transport", "direct", "direct, with a reactor that does not tell"],
)
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    """Both twins must keep the same promises."""
    line = Line(*request.param)
    yield line
    line.close()


@pytest.fixture
def direct() -> Iterator[Line]:
    """The one that does not wait for the reactor."""
    line = Line(DirectOutlet)
    yield line
    line.close()


def test_what_is_written_arrives(line):
    line.outlet.write(b"hello")
    line.outlet.write(b" there")
    assert line.read_all(11) == b"hello there"
    assert not line.waits


def test_what_the_kernel_does_not_take_waits_and_arrives_in_order(line):
    written = line.fill()
    line.outlet.write(b"the end")
    assert line.read_all(len(written) + 7) == written + b"the end"
    line.turn()
    assert not line.waits


def test_what_is_written_does_not_overtake_what_waits(line):
    """Though the kernel would take it by now."""
    written = line.fill()
    read = line.read()
    line.outlet.write(b"the end")
    assert read + line.read_all(len(written) + 7 - len(read)) == written + b"the end"


def test_what_another_wrote_to_the_transport_is_not_overtaken(line):
    written = line.fill()
    line.read_all(len(written))
    line.transport.write(b"theirs")
    line.outlet.write(b"ours")
    assert line.read_all(10) == b"theirsours"


def test_what_the_kernel_does_not_take_is_unsent_until_it_does(line):
    assert line.outlet.unsent == 0
    line.fill()
    before = line.outlet.unsent
    assert before > 0
    line.outlet.write(b"x" * 50_000)
    assert line.outlet.unsent == before + 50_000
    line.read_all(1)
    line.turn()
    assert line.outlet.unsent < before + 50_000
    while line.waits:
        line.read()
        line.turn()
    assert line.outlet.unsent == 0


def test_bytes_that_are_held_go_before_the_next_write(line):
    line.outlet.hold(b"one ")
    assert line.outlet.unsent == 4
    line.turn()
    assert line.outlet.holds
    assert line.read() == b""
    line.outlet.write(b"two ")
    line.outlet.write(b"three")
    assert not line.outlet.holds
    assert line.read_all(13) == b"one two three"


def test_after_a_jam_all_goes_on_as_before(line):
    for _ in range(3):
        written = line.fill()
        assert line.read_all(len(written)) == written
        line.turn()
    line.outlet.write(b"hello")
    assert line.read_all(5) == b"hello"


def test_the_owner_is_told_once_of_a_client_that_does_not_read(line):
    line.fill()
    written = 0
    while written < LIMIT:
        line.outlet.write(b"x" * 10_000)
        written += 10_000
    assert line.owner.told == 0
    for _ in range(20):
        line.outlet.write(b"x" * 10_000)
    assert line.owner.told == 1


def test_the_owner_is_not_told_of_a_client_that_reads_late(line):
    for _ in range(5):
        written = line.fill()
        for _ in range(15):
            line.outlet.write(b"x" * 10_000)
        line.read_all(len(written) + 150_000)
        line.turn()
    assert line.owner.told == 0


def test_a_client_that_is_gone_makes_no_noise(line):
    line.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    line.client.close()
    for _ in range(5):
        line.outlet.write(b"hello")
        line.turn()
    assert line.transport.disconnected
    line.outlet.write(b"hello")
    assert line.owner.told == 0


def test_what_is_written_before_a_close_arrives(line):
    written = line.fill()
    line.transport.loseConnection()
    assert line.read_all(len(written)) == written
    line.turn()
    assert line.client.recv(100) == b""


def test_a_direct_one_needs_no_turn_of_the_reactor(direct):
    direct.outlet.write(b"hello")
    assert not direct.waits
    assert direct.read_all(5) == b"hello"


def test_a_direct_one_loses_nothing_to_a_kernel_that_takes_nothing(direct):
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += direct.transport.socket.send(b"x" * 1000)
    direct.outlet.write(b"hello")
    assert direct.waits
    assert direct.read_all(filled + 5) == b"x" * filled + b"hello"


def test_only_a_plain_tcp_connection_is_sent_to_directly(direct):
    assert may_send_directly(direct.transport)
    assert not may_send_directly(StringTransport())
    direct.transport.TLS = True  # what startTLS sets
    assert not may_send_directly(direct.transport)
