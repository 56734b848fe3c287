"""``python -m bench.publishing``: Redis's CPU for one publication, by who hears it and by its size.

A client runs chatd's own script: a hundred times before it looks at an answer, so that Redis reads and writes
much at once, as it does when it is busy; or once, so that every hearer costs a write of its own. Others read
all that is published. The figures go into ``bench/fleet.py``.
"""

import argparse
import selectors
import socket
import statistics
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product

import hiredis

from bench import procfs
from bench.machine import describe
from bench.tables import Table, number
from chatd.cluster.scripts import OWN, PUBLISH, Names
from tests.cluster.redis import PASSWORD, Redis

COUNT = 4_000
AT_ONCE = (100, 1)
HEARERS = (0, 1, 4, 16, 64)
SIZES = (400, 4_000, 40_000)  # bytes
NAMES = Names("bench")


class Client:
    """A connection that waits for its answers."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._reader = hiredis.Reader()
        self.ask([("AUTH", PASSWORD)])

    def ask(self, commands: list[tuple[bytes | str | int, ...]]) -> list[object]:
        """Send all, then read the answers."""
        self.socket.sendall(b"".join(map(hiredis.pack_command, commands)))
        answers: list[object] = []
        while len(answers) < len(commands):
            self._reader.feed(self.socket.recv(1 << 20))
            while (answer := self._reader.gets()) is not False:
                answers.append(answer)
        return answers


@contextmanager
def _hearing(port: int, count: int, channel: bytes) -> Iterator[None]:
    """So many subscribers, who read and forget what they hear."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for _ in range(count):
            client = Client(port)
            stack.callback(client.socket.close)
            client.ask([("SUBSCRIBE", channel)])
            selector.register(client.socket, selectors.EVENT_READ)
        ours, theirs = socket.socketpair()
        selector.register(theirs, selectors.EVENT_READ)

        def read() -> None:
            while True:
                for key, _ in selector.select():
                    if key.fileobj is theirs:
                        return
                    key.fileobj.recv(1 << 20)  # type: ignore[union-attr]

        reading = threading.Thread(target=read)
        reading.start()
        try:
            yield
        finally:
            ours.close()
            reading.join()


def measure(redis: Redis, hearers: int, size: int, at_once: int) -> float:
    """Microseconds of Redis's CPU for one publication."""
    client = Client(redis.port)
    keys, channel = NAMES.keys("a room"), NAMES.room("a room")
    client.ask([("DEL", *keys), ("EVAL", OWN.text, 2, *keys, "me", 1, 0, 0)])
    client.ask([("SCRIPT", "LOAD", PUBLISH.text)])
    seq, payload = 0, b"x" * size
    with _hearing(redis.port, hearers, channel):
        before = 0.0
        for turn in range(COUNT // at_once + 10):
            if turn == 10:
                before = procfs.cpu_seconds(redis.pid)
            words = []
            for _ in range(at_once):
                seq += 1
                words.append(("EVALSHA", PUBLISH.sha1, 2, *keys, "me", 1, seq, channel, payload))
            if any(answer != b"done" for answer in client.ask(words)):
                raise SystemExit("Redis did not publish")
        spent = procfs.cpu_seconds(redis.pid) - before
    client.socket.close()
    return spent * 1e6 / COUNT


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.publishing", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rst", action="store_true", help="print the table for the documentation")
    arguments = parser.parse_args()
    samples: dict[tuple[int, int, int], list[float]] = {}
    with Redis() as redis:
        for _ in range(arguments.runs):
            for key in product(AT_ONCE, SIZES, HEARERS):
                at_once, size, hearers = key
                samples.setdefault(key, []).append(measure(redis, hearers, size, at_once))
                print(*key, number(samples[key][-1]), file=sys.stderr)
    rows = [
        [f"{size:,}", str(at_once), *(number(statistics.median(samples[at_once, size, n])) for n in HEARERS)]
        for at_once, size in product(AT_ONCE, SIZES)
    ]
    about = "Microseconds of Redis's CPU for a publication by chatd's script, by how many nodes hear it."
    table = Table(
        "A publication", about, ["bytes", "at once", *(f"{hearers} nodes" for hearers in HEARERS)], rows
    )
    print(table.rst() if arguments.rst else table.text())
    print("", *(f"{what}: {which}" for what, which in describe([])), sep="\n")


if __name__ == "__main__":
    main()
