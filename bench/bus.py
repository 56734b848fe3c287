"""``python -m bench.bus``: what a message costs on its way through Redis, in CPU of its two ends.

A publisher has a script publish so many messages in a turn of the reactor, and begins again when all are
answered. A subscriber, in another process, hears them, checks that none is missing, and does nothing else.
Both spend the first tenth getting warm. Links are measured one after the other, again and again; the medians
are shown.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from bench.machine import describe
from bench.tables import Table, number
from tests.ports import free_port

LINKS = {
    "chatd": "chatd.bus.redis",
    "txredisapi": "txredisapi with hiredis",
    "txredisapi-plain": "txredisapi without hiredis",
}
BATCHES = {1: 2_000, 10: 6_000, 100: 12_000}
"""Messages in a turn, and how many of them in all."""
PAYLOAD = 300  # bytes
CHANNEL = b"news"
SCRIPT = "redis.call('INCR', KEYS[1]) return redis.call('PUBLISH', ARGV[1], ARGV[2])"


class Cpu:
    """The CPU that a process spends after its first tenth."""

    def __init__(self, count: int) -> None:
        self._warm = count // 10
        self._count = count
        self._at = 0
        self._began = 0.0
        self.done: Deferred[None] = Deferred()

    def one(self, _: object = None) -> None:
        """Another message."""
        self._at += 1
        if self._at == self._warm:
            self._began = _spent()
        elif self._at == self._count:
            micros = (_spent() - self._began) * 1e6 / (self._count - self._warm)
            print(json.dumps(micros), flush=True)
            self.done.callback(None)


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


Run = Callable[[bytes], "Deferred[Any]"]
Received = Callable[[bytes, bytes], None]


async def _chatd_publisher(port: int) -> Run:
    from chatd.bus.redis import Redis, RedisUrl, Script

    script, up = Script(SCRIPT), Deferred()
    redis = Redis(reactor, RedisUrl.parse(f"redis://127.0.0.1:{port}"), 10.0)
    redis.up = lambda: up.callback(None)
    redis.startService()
    await up
    return lambda payload: redis.run(script, [b"count"], [CHANNEL, payload])


async def _chatd_subscriber(port: int, received: Received) -> None:
    from chatd.bus.redis import RedisUrl, Subscriber

    subscriber = Subscriber(reactor, RedisUrl.parse(f"redis://127.0.0.1:{port}"), received, 10.0)
    subscriber.startService()
    await subscriber.subscribe(CHANNEL)


async def _txredisapi_publisher(port: int) -> Run:
    import txredisapi

    redis = await txredisapi.Connection("127.0.0.1", port, charset=None)
    sha1 = await redis.script_load(SCRIPT)
    sha1 = sha1.decode() if isinstance(sha1, bytes) else sha1
    return lambda payload: redis.evalsha(sha1, [b"count"], [CHANNEL, payload])


async def _txredisapi_subscriber(port: int, received: Received) -> None:
    import txredisapi

    subscribed: Deferred[None] = Deferred()

    class Hearing(txredisapi.SubscriberProtocol):
        def connectionMade(self) -> None:  # noqa: N802
            super().connectionMade()
            self.subscribe([CHANNEL]).addCallback(lambda _: subscribed.callback(None))

        def messageReceived(self, _: None, channel: bytes, message: bytes) -> None:  # noqa: N802
            received(channel, message)

    factory = txredisapi.SubscriberFactory()
    factory.protocol = Hearing
    factory.charset = None
    await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    await subscribed


async def _publish(link: str, port: int, batch: int, count: int) -> None:
    run = await (_chatd_publisher if link == "chatd" else _txredisapi_publisher)(port)
    cpu, at, missing = Cpu(count), 0, 0
    filling = b"x" * (PAYLOAD - 8)

    def turn() -> None:
        nonlocal at, missing
        missing = batch
        for _ in range(batch):
            at += 1
            run(b"%08d" % at + filling).addCallback(answered)

    def answered(reply: object) -> None:
        nonlocal missing
        missing -= 1
        cpu.one()
        if not missing and at < count:
            reactor.callLater(0, turn)

    turn()
    await cpu.done


async def _hear(link: str, port: int, count: int) -> None:
    cpu, at = Cpu(count), 0

    def received(channel: bytes, payload: bytes) -> None:
        nonlocal at
        at += 1
        if len(payload) != PAYLOAD or int(payload[:8]) != at:
            print(f"expected number {at}, got {payload[:8]!r}", file=sys.stderr)
            os._exit(1)
        cpu.one()

    await (_chatd_subscriber if link == "chatd" else _txredisapi_subscriber)(port, received)
    print("ready", flush=True)
    await cpu.done


def _child(link: str, role: str, port: int, batch: int, count: int) -> None:
    if link == "txredisapi-plain":
        sys.modules["hiredis"] = None  # type: ignore[assignment]  # it does without
    role_of = _publish(link, port, batch, count) if role == "publisher" else _hear(link, port, count)
    done = Deferred.fromCoroutine(role_of)
    done.addErrback(lambda failure: failure.printTraceback())
    done.addBoth(lambda _: reactor.stop())
    reactor.run()


def _start(link: str, role: str, port: int, batch: int, cpu: int) -> "subprocess.Popen[str]":
    words = ["--child", link, role, str(port), str(batch), str(BATCHES[batch])]
    process = subprocess.Popen([sys.executable, "-m", "bench.bus", *words], stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {cpu})
    return process


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit("a publisher or subscriber has ended")
    return line


def _measure(link: str, port: int, batch: int) -> tuple[float, float]:
    """CPU of publisher and subscriber, in microseconds a message."""
    first, *_, last = sorted(os.sched_getaffinity(0)) * 2
    with _start(link, "subscriber", port, batch, last) as subscriber:
        assert _line(subscriber) == "ready"
        with _start(link, "publisher", port, batch, first) as publisher:
            return json.loads(_line(publisher)), json.loads(_line(subscriber))


@contextmanager
def _server() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(folder)) as process:
            try:
                assert process.stdout is not None
                if not any("Ready to accept" in line for line in process.stdout):
                    raise SystemExit("redis-server does not start")
                yield port
            finally:
                process.terminate()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.bus", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rst", action="store_true", help="print the table for the documentation")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        link, role, *numbers = arguments.child
        _child(link, role, *map(int, numbers))
        return
    samples: defaultdict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    with _server() as port:
        for _ in range(arguments.runs):
            for batch in BATCHES:
                for link in LINKS:
                    samples[link, batch].append(_measure(link, port, batch))
                    print(link, batch, *map(number, samples[link, batch][-1]), file=sys.stderr)
    table = _table(samples)
    print(table.rst() if arguments.rst else table.text())
    print("", *(f"{what}: {which}" for what, which in describe([])), sep="\n")


def _table(samples: dict[tuple[str, int], list[tuple[float, float]]]) -> Table:
    rows = []
    for link, title in LINKS.items():
        cells = [title]
        for batch in BATCHES:
            publisher, subscriber = (
                statistics.median(each) for each in zip(*samples[link, batch], strict=True)
            )
            cells += [number(publisher), number(subscriber), number(publisher + subscriber)]
        rows.append(cells)
    header = [
        "link",
        *(f"{what}, {batch}" for batch in BATCHES for what in ("publisher", "subscriber", "both")),
    ]
    about = f"Microseconds of CPU for a message of {PAYLOAD} bytes, by how many are published in a turn."
    return Table("The link to Redis", about, header, rows)


if __name__ == "__main__":
    main()
