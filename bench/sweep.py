"""``python -m bench.sweep``: what a sweep costs, by how many are connected and by how many of them are due.

The whole house in memory, on a clock turned by hand: real connections in rooms of ten, which send their
bytes nowhere. All but a few give signs of life; a sweep pings these few, and a later one gives them up. One
more, at once, finds nobody. The turn after that tells their rooms ``out``. Then others take their places, and
all of it begins again.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from twisted.internet.address import UNIXAddress
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

from bench.machine import describe
from bench.tables import Table, number
from chatd import logs
from chatd.build import build
from chatd.config import Config
from chatd.protocol import ChatProtocol
from chatd.store.none import NoStore

ROOM = 10
DUE = {100: (0, 1, 10, 100), 10_000: (0, 1, 10, 100, 1_000)}
HEADER = ["connections", "due", "pings them", "gives them up", "once more", "the turn after"]


class Nowhere(StringTransport):
    """A transport that drops what is written."""

    def write(self, data: bytes) -> None:
        """See ITransport."""


class Crowd:
    """A house and its connections.

    :param size: how many.
    """

    def __init__(self, size: int) -> None:
        self.clock = MemoryReactorClock()
        self._heartbeat = Config().heartbeat
        endpoints = [("memory", TCP4ServerEndpoint(self.clock, 9326))]
        house = build(Config(), self.clock, endpoints, NoStore(time.time, 0, 0))
        house.privilegedStartService()
        self._factory = self.clock.tcpServers[0][1]
        self._sweeper = house.getServiceNamed("sweeper")
        self._connections = [self._joined(at) for at in range(size)]
        self.clock.advance(0)

    def _joined(self, at: int) -> ChatProtocol:
        protocol: ChatProtocol = self._factory.buildProtocol(None)
        protocol.makeConnection(Nowhere(peerAddress=UNIXAddress(None)))
        query = f"name=n&senderType=GROUP&icon=&userId={at}&roomName={at // ROOM}"
        protocol.dataReceived(
            f"GET /?{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return protocol

    def measure(self, due: int) -> list[int]:
        """Nanoseconds: the sweep that pings so many, the one that gives them up, one more, the turn after."""
        silent = range(0, len(self._connections), len(self._connections) // due)[:due] if due else range(0)
        spoken = [one for at, one in enumerate(self._connections) if at not in silent]
        took = []
        for connection in self._connections:
            self._sweeper.heard(connection)
        for intervals in (1, self._heartbeat.misses - 1):
            self.clock.advance(self._heartbeat.interval * intervals)
            for connection in spoken:
                self._sweeper.heard(connection)
            took.append(_took(self._sweeper.sweep))
        took.append(_took(self._sweeper.sweep))
        took.append(_took(lambda: self.clock.advance(0)))
        for at in silent:
            assert self._connections[at].connection is None, "given up"
            self._connections[at].connectionLost(Failure(ConnectionDone()))
            self._connections[at] = self._joined(at)
        assert len(self._factory.open) == len(self._connections), "and nobody else"
        self.clock.advance(0)
        return took


def _took(what: Callable[[], object]) -> int:
    started = time.perf_counter_ns()
    what()
    return time.perf_counter_ns() - started


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.sweep", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="sweeps of each kind (200)")
    rounds = parser.parse_args().rounds
    logs.set_level("warn")
    rows = []
    for size, dues in DUE.items():
        crowd = Crowd(size)
        for due in dues:
            samples = zip(*(crowd.measure(due) for _ in range(rounds)), strict=True)
            medians = [number(statistics.median(sample) / 1e3) for sample in samples]
            rows.append([f"{size:,}", f"{due:,}", *medians])
    print(*(f"{what}: {which}" for what, which in describe([])), "", sep="\n")
    print(Table(f"Medians of {rounds} rounds, µs", "", HEADER, rows).text())


if __name__ == "__main__":
    main()
