"""Two servers on one database, behind a balancer, are restarted one after the other while people talk."""

import asyncio
import json
import os
import random
import signal
import socket
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.durability.balancer import HAPROXY, Balancer
from tests.durability.phoenix import Phoenix
from tests.durability.postgres import Cluster
from tests.house import target
from tests.ports import free_port

ROUNDS = int(os.environ.get("CHATD_ROUNDS", "1"))
PEOPLE, ROOMS = 12, 3
TOKEN = "a-token-of-the-rolling-restart"
RECONNECT = "the server is going away: reconnect"
RETRY_SECONDS = 0.05
CONFIG = """
[server]
drain_seconds = 0.5
[limits]
rate = 100000.0
burst = 100000
[admin]
listen = "tcp:{admin}:interface=127.0.0.1"
token_file = "{token}"
[store]
url = "{url}"
"""

pytestmark = pytest.mark.skipif(HAPROXY is None, reason="there is no haproxy (Debian: haproxy)")


class Person:
    """Somebody who says one thing after the other, each until there is a receipt for it, whatever happens."""

    def __init__(self, number: int, port: int, chance: random.Random) -> None:
        self.user, self.room = f"p{number}", f"room-{number % ROOMS}"
        self._port = port
        self._window = chance.choice((1, 4, 16))
        self._unreceipted: dict[str, dict[str, Any]] = {}
        self._over = False
        self.said: list[str] = []
        self.ends: Counter[tuple[int, str]] = Counter()
        """How its connections ended."""

    async def talk(self) -> None:
        """Until :meth:`stop`, and all that was said has a receipt."""
        while not (self._over and not self._unreceipted):
            try:
                tcp = await self._dial()
                url = f"ws://127.0.0.1:{self._port}" + target(
                    userId=self.user, name=self.user, roomName=self.room
                )
                async with connect(url, sock=tcp, compression=None, max_size=None) as connection:
                    await self._attend(connection)
            except ConnectionClosed as end:
                if end.rcvd is not None:
                    self.ends[end.rcvd.code, end.rcvd.reason] += 1
                else:
                    self.ends[1006, ""] += 1
            except (OSError, WebSocketException):  # refused: nobody is ready
                pass
            await asyncio.sleep(RETRY_SECONDS)

    async def _dial(self) -> socket.socket:
        tcp = socket.socket()
        tcp.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(tcp, ("127.0.0.1", self._port))
        except BaseException:
            tcp.close()
            raise
        return tcp

    def stop(self) -> None:
        """Say nothing new."""
        self._over = True

    async def _attend(self, connection: ClientConnection) -> None:
        for message in tuple(self._unreceipted.values()):
            await connection.send(json.dumps(message))
        while not (self._over and not self._unreceipted):
            while len(self._unreceipted) < self._window and not self._over:
                id = str(len(self.said))
                self.said.append(f"{self.user} {id}")
                self._unreceipted[id] = {
                    "messageType": "text",
                    "messageContent": self.said[-1],
                    "clientMessageId": id,
                }
                await connection.send(json.dumps(self._unreceipted[id]))
            frame = json.loads(await connection.recv())
            if frame.get("messageType") == "error":  # both servers had the same idea of a messageId
                assert frame["code"] == "storage_unavailable", frame
                await connection.send(json.dumps(self._unreceipted[frame["clientMessageId"]]))
            if frame.get("createUser") == self.user:
                self._unreceipted.pop(frame.get("clientMessageId", ""), None)


class Pair:
    """The two servers and who stands before them."""

    def __init__(self, folder: Path, url: str) -> None:
        token = folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        self.nodes, ports = [], []
        for name in ("a", "b"):
            admin = free_port()
            (folder / name).mkdir()
            node = Phoenix(folder / name, CONFIG.format(admin=admin, token=token, url=url))
            self.nodes.append(node)
            ports.append((node.port, admin))
        self.balancer = Balancer(folder, free_port(), ports, TOKEN)

    async def restart(self, number: int) -> None:
        """As a careful operator does: the next one only when this one is back."""
        await self.nodes[number].end(signal.SIGTERM)
        await asyncio.to_thread(self.balancer.wait_until, number, "DOWN")
        await self.nodes[number].start()
        await asyncio.to_thread(self.balancer.wait_until, number, "UP")


async def play(seed: int, folder: Path, cluster: Cluster) -> None:
    chance = random.Random(seed)
    url = cluster.database()
    pair = Pair(folder, url)
    with pair.balancer:
        for number, node in enumerate(pair.nodes):
            await node.start()
            await asyncio.to_thread(pair.balancer.wait_until, number, "UP")
        people = [Person(number, pair.balancer.port, chance) for number in range(PEOPLE)]
        try:
            async with asyncio.timeout(100), asyncio.TaskGroup() as group:
                for person in people:
                    group.create_task(person.talk())
                for number in chance.sample((0, 1), 2):
                    await asyncio.sleep(chance.uniform(0.1, 0.3))  # into whatever they are doing
                    await pair.restart(number)
                for person in people:
                    person.stop()
        finally:
            for node in pair.nodes:
                await node.end(signal.SIGTERM)
    stored = Counter((row.user, row.content) for row in cluster.rows(url))
    assert stored == Counter((person.user, said) for person in people for said in person.said)
    ends = sum((person.ends for person in people), Counter[tuple[int, str]]())
    assert set(ends) == {(1001, RECONNECT)}, ends
    assert sum(ends.values()) >= PEOPLE  # each was on one of them


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_rolling_restart_loses_nothing_and_says_nothing_twice(
    seed: int, tmp_path: Path, cluster: Cluster
) -> None:
    with suppress(KeyboardInterrupt):
        asyncio.run(play(seed, tmp_path, cluster))
