"""``python -m bench.soak --minutes 30``: does chatd stay as it is, when people come and go for long?

Group rooms whose members change, customers who ask agents, chat and go, connections that break off or never
finish their handshake. Every user, room of a shop and conversation is new, so what is not let go shows as
memory that grows. Every message must come back to who said it. The server's log may tell of no error.
"""

import argparse
import asyncio
import json
import random
import socket
import statistics
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect

from bench import procfs
from bench.machine import describe
from bench.processes import Cores, running
from bench.servers import ALL
from bench.tables import Table, number
from tests.ports import free_port

ROOMS, MEMBERS, SHOPS = 20, 10, 10
STAY = (5.0, 60.0)  # seconds that a member stays
PAUSE = (1.0, 4.0)  # seconds between two words of one person
SAMPLE_SECONDS = 10.0
CONFIG = """
[containers]
idle_timeout = 60
[store]
url = "sqlite:chatd.sqlite"
keep_days = 0.003
"""


class Soak:
    """People who come, talk and go until the time is over."""

    def __init__(self, port: int, seconds: float, dice: random.Random) -> None:
        self._port = port
        self._end = time.monotonic() + seconds
        self._dice = dice
        self._numbers = count()
        self.messages = self.comings = 0

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    async def run(self) -> None:
        """All of it."""
        async with asyncio.TaskGroup() as group:
            for room in range(ROOMS):
                for _ in range(MEMBERS):
                    group.create_task(self._seat(f"room-{room}"))
            for _ in range(SHOPS):
                group.create_task(self._shop())
            group.create_task(self._rude())

    async def _seat(self, room: str) -> None:
        """One member after the other."""
        while not self.is_over:
            async with self._connect(room) as (user, socket):
                leave = time.monotonic() + self._dice.uniform(*STAY)
                await asyncio.sleep(self._dice.uniform(*PAUSE))
                while time.monotonic() < leave and not self.is_over:
                    await self._say(socket, user, self._dice.choice(("word", "long word " * 40)))
                    await asyncio.sleep(self._dice.uniform(*PAUSE))
                if self._dice.random() < 0.3:
                    await self._ask(socket, {"eventType": "history", "limit": 50}, "messages")
                if self._dice.random() < 0.3:
                    await self._ask(
                        socket, {"eventType": "updateRoomName", "messageContent": f"{room}-b"}, "action", user
                    )

    async def _shop(self) -> None:
        """An agent, in a room of its own, and one customer after the other."""
        while not self.is_over:
            shop = f"shop-{next(self._numbers)}"
            async with self._connect(shop) as (agent, desk):
                for _ in range(5):
                    await self._serve(shop, agent, desk)

    async def _serve(self, shop: str, agent: str, desk: ClientConnection) -> None:
        async with self._connect(shop, customer=True) as (customer, socket):
            await socket.send(json.dumps({"eventType": "createContainer", "acceptId": agent}))
            await self._ask(desk, None, "eventType", "createContainer")
            await desk.send(json.dumps({"eventType": "addContainer", "containerId": customer}))
            for _ in range(5):
                await self._say(socket, customer, "where is my parcel?")
                await self._say(desk, agent, "on its way", containerId=customer)
                await asyncio.sleep(self._dice.uniform(0.2, 1.0))
            if self._dice.random() < 0.8:
                await desk.send(json.dumps({"eventType": "removeContainer", "containerId": customer}))
                await self._ask(socket, None, "action", "outAll")

    async def _rude(self) -> None:
        """Connections that end as none should."""
        while not self.is_over:
            with socket.create_connection(("127.0.0.1", self._port)) as stream:
                stream.sendall(
                    self._dice.choice((b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"", b"x" * 20_000))
                )
                await asyncio.sleep(self._dice.uniform(0.1, 0.5))
            user = f"rude-{next(self._numbers)}"
            rude = await connect(self._url("room-0", user, ""), compression=None)
            rude.transport.abort()
            with suppress(Exception):
                await rude.wait_closed()

    # -- one client ---------------------------------------------------------------------------------

    def _url(self, room: str, user: str, container: str) -> str:
        query = {"name": user, "senderType": "GROUP", "userId": user, "roomName": room, "icon": ""}
        if container:
            query |= {"containerId": container, "targetId": "order-1"}
        return f"ws://127.0.0.1:{self._port}/?{urlencode(query)}"

    def _connect(self, room: str, customer: bool = False) -> "Coming":
        user = f"user-{next(self._numbers)}"
        self.comings += 1
        return Coming(self._url(room, user, user if customer else ""), user)

    async def _say(self, socket: ClientConnection, user: str, content: str, **fields: str) -> None:
        said = f"{next(self._numbers)} {content}"
        await socket.send(json.dumps({"messageType": "text", "messageContent": said, **fields}))
        await self._ask(socket, None, "messageContent", said)
        self.messages += 1

    async def _ask(
        self, socket: ClientConnection, request: dict[str, Any] | None, key: str, value: str | None = None
    ) -> None:
        """Read until a frame has a key, with a value if one is given (of a notice: of whom)."""
        if request is not None:
            await socket.send(json.dumps(request))
        async with asyncio.timeout(30):
            while True:
                frame = json.loads(await socket.recv())
                if frame.get("messageType") == "error":
                    raise AssertionError(frame)
                if key in frame and value in (None, frame[key], frame.get("userId")):
                    return


class Coming:
    """A client for an ``async with`` block, that has heard its own ``in``."""

    def __init__(self, url: str, user: str) -> None:
        self._connecting = connect(url, compression=None, max_queue=None)
        self._user = user

    async def __aenter__(self) -> tuple[str, ClientConnection]:
        self._socket = await self._connecting
        frame = json.loads(await self._socket.recv())
        assert frame["userId"] == self._user, frame
        return self._user, self._socket

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()


async def sample(pid: int, soak: Soak) -> list[dict[str, float]]:
    """What the server has and had, every few seconds."""
    samples: list[dict[str, float]] = []
    began, cpu = time.monotonic(), procfs.cpu_seconds(pid)
    while not soak.is_over:
        await asyncio.sleep(SAMPLE_SECONDS)
        used = procfs.cpu_seconds(pid)
        samples.append(
            {
                "seconds": time.monotonic() - began,
                "rss": procfs.memory(pid),
                "cpu": (used - cpu) / SAMPLE_SECONDS,
                "messages": soak.messages,
                "comings": soak.comings,
            }
        )
        cpu = used
    return samples


async def measure(pid: int, port: int, seconds: float) -> list[dict[str, float]]:
    """The whole soak."""
    soak = Soak(port, seconds, random.Random(9326))
    sampling = asyncio.create_task(sample(pid, soak))
    await soak.run()
    return await sampling


def slope(samples: list[dict[str, float]]) -> float:
    """KiB a minute by which the memory grows, by linear regression."""
    minutes = [each["seconds"] / 60 for each in samples]
    return statistics.linear_regression(minutes, [each["rss"] / 1024 for each in samples]).slope


def main() -> None:
    """Soak, and print."""
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", type=Path, help="where the samples go")
    given = parser.parse_args()
    cores = Cores.pick()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        folder, port = Path(directory), free_port()
        command = ALL["chatd"].command(port, folder)
        (folder / "chatd.toml").write_text(CONFIG)
        with running(command, {"PYTHONUNBUFFERED": "1"}, port, folder, cores.server) as process:
            samples = asyncio.run(measure(process.pid, port, given.minutes * 60))
        log = (folder / "log").read_text()
    wrong = [
        line for line in log.split("\n") if any(word in line for word in ("Traceback", "#error", "#critical"))
    ]
    if given.json:
        given.json.write_text(json.dumps(samples))
    warm = samples[len(samples) // 2 :]
    rows = [
        [
            number(each["seconds"] / 60),
            number(each["rss"] / (1 << 20)),
            f"{each['cpu']:.0%}",
            f"{each['messages']:,.0f}",
            f"{each['comings']:,.0f}",
        ]
        for each in samples[:: max(1, len(samples) // 15)]
    ]
    print(Table("Soak", "", ["minute", "RSS MiB", "CPU", "messages", "comings"], rows).text())
    print(f"after the first half the memory grows by {slope(warm):.1f} KiB a minute")
    print(f"lines of the log that tell of an error: {len(wrong)}", *wrong[:10], sep="\n")
    print(*(f"{what}: {which}" for what, which in describe([])), sep="\n")


if __name__ == "__main__":
    main()
