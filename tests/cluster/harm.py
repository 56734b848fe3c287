"""What may happen to a cluster while people talk."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random

from tests.cluster.crowd import Chronicle
from tests.cluster.nodes import LEASE, Cluster

Harm = Callable[["Fault"], Awaitable[None]]


class Fault:
    """One fault, drawn from a seed.

    :param kind: one of :data:`KINDS`.
    :param nodes: how many there are.
    """

    def __init__(self, kind: str, cluster: Cluster, nodes: int, chance: Random, chronicle: Chronicle) -> None:
        self.kind = kind
        self._cluster, self._chronicle = cluster, chronicle
        self.node = chance.randrange(nodes)
        self.seconds = round(chance.uniform(*SECONDS[kind]), 1)
        self.how = chance.choice(("drop", "hold"))
        self.killed_at: float | None = None

    def __str__(self) -> str:
        where = "" if "redis" in self.kind else f" of node{self.node}"
        how = f", {self.how}" if self.kind == "cut" else ""
        return f"{self.kind}{where}{how}, {self.seconds} seconds"

    @property
    def ends_node(self) -> bool:
        """Whether connections of the node end."""
        return self.kind in ("kill", "kill and restart", "restart")

    def may_be_given_up(self, node: int) -> bool:
        """Whether the others may take a node for dead, though it lives."""
        return node == self.node and self.kind in ("pause", "cut") and self.seconds > LEASE / 2

    async def happen(self) -> None:
        """From the beginning to the end."""
        self._note("begins")
        await HARMS[self.kind](self)
        self._note("is over")

    def _note(self, what: str) -> None:
        self._chronicle.note("FAULT", f"{self}: {what}")

    async def _kill(self) -> None:
        self.killed_at = self._chronicle.now
        await asyncio.to_thread(self._cluster.kill, self.node)

    async def _kill_and_restart(self) -> None:
        await self._kill()
        await asyncio.sleep(self.seconds)
        await asyncio.to_thread(self._cluster.restart, self.node)

    async def _restart(self) -> None:
        await asyncio.to_thread(self._cluster.nodes[self.node].end, signal.SIGTERM)
        await asyncio.sleep(self.seconds)
        await asyncio.to_thread(self._cluster.restart, self.node)

    async def _pause(self) -> None:
        self._cluster.nodes[self.node].signal(signal.SIGSTOP)
        await asyncio.sleep(self.seconds)
        self._cluster.nodes[self.node].signal(signal.SIGCONT)

    async def _cut(self) -> None:
        self._cluster.cut(self.node, "drop" if self.how == "drop" else "hold")
        await asyncio.sleep(self.seconds)
        self._cluster.mend(self.node)

    async def _restart_redis(self) -> None:
        assert self._cluster.redis is not None
        self._cluster.redis.stop()
        await asyncio.sleep(self.seconds)
        await asyncio.to_thread(self._cluster.redis.start)

    async def _pause_redis(self) -> None:
        assert self._cluster.redis is not None
        self._cluster.redis.pause()
        await asyncio.sleep(self.seconds)
        self._cluster.redis.resume()


HARMS: dict[str, Harm] = {
    "kill": Fault._kill,
    "kill and restart": Fault._kill_and_restart,
    "restart": Fault._restart,
    "pause": Fault._pause,
    "cut": Fault._cut,
    "redis restart": Fault._restart_redis,
    "redis pause": Fault._pause_redis,
}
KINDS = tuple(HARMS)
WITHOUT_REDIS = ("kill and restart", "restart", "pause")
SECONDS = {
    "kill": (0, 0),
    "kill and restart": (0, 4),
    "restart": (0, 1),
    "pause": (1, 6),
    "cut": (1, 15),
    "redis restart": (0, 3),
    "redis pause": (1, 6),
}
