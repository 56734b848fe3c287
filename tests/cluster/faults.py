"""A cluster while people talk and something breaks: ``python -m tests.cluster.faults --seed 0 --rounds 50``.

Each round has a cluster of its own, two rooms and a customer-service desk whose people are on all nodes,
and one fault; its seed picks what breaks, where, and for how long, and who writes when. What is wrong at the
end is printed, and everything that anybody heard, and what the nodes logged, is left in files. See
:mod:`tests.cluster.findings` for what must hold.
"""

import argparse
import asyncio
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.cluster.crowd import Chronicle, Guest, Member
from tests.cluster.crowd import Door as MemberDoor
from tests.cluster.findings import Findings, kept
from tests.cluster.harm import KINDS, WITHOUT_REDIS, Fault
from tests.cluster.nodes import LEASE, Cluster
from tests.durability.postgres import Cluster as Postgres
from tests.durability.postgres import programs

ROUND_SECONDS = 110  # far more than any takes: who waits that long waits forever
CALM_SECONDS = LEASE + 8  # after which nothing more is to come
ROOMS = ("red", "blue", "shop")
CONFIG = "[limits]\nrate = 100000.0\nburst = 100000\n"


class Round:
    """One seed's round.

    :param folder: for the nodes.
    :param nodes: how many; 1: without Redis.
    """

    def __init__(self, seed: int, folder: Path, postgres: Postgres, nodes: int = 3) -> None:
        self._chance = Random(seed)
        self._postgres = postgres
        redis = False if nodes == 1 else None
        self.cluster = Cluster(folder, postgres.database(), nodes, CONFIG, redis)
        self.chronicle = Chronicle()
        kinds = WITHOUT_REDIS if nodes == 1 else KINDS
        self.fault = Fault(kinds[seed % len(kinds)], self.cluster, nodes, self._chance, self.chronicle)
        self._is_over = False  # writing
        self._end = asyncio.Event()  # of sitting
        self.members: list[Member] = []
        self.sitters: list[Guest] = []
        self.visitors: list[Guest] = []

    async def play(self) -> list[str]:
        """Play it. :returns: what was wrong."""
        with self.cluster:
            self._invite()
            try:
                async with asyncio.timeout(ROUND_SECONDS), asyncio.TaskGroup() as group:
                    for member in self.members:
                        group.create_task(member.live())
                    for sitter in self.sitters:
                        group.create_task(sitter.stay(self._end.wait))
                    await self._gather()
                    await self._talk(group)
                    found = await self._calm(group)
                    self._end.set()
                    for member in self.members:
                        await member.leave()
            except TimeoutError:
                return [f"after {ROUND_SECONDS} seconds: {self.members}"]
        return found

    # -- who is there -------------------------------------------------------------------------------

    def _invite(self) -> None:
        count = len(self.cluster.nodes)
        for room in ROOMS[:2]:
            self.members += [self._member(f"{room}{node}", room, node) for node in range(max(count, 2))]
        agnes, *customers = self._chance.sample(range(3), 3)
        self.agnes = self._member("agnes", "shop", agnes, write_to="carl")
        self.customers = [
            self._member(user, "shop", node, container=user)
            for user, node in zip(("carl", "cora"), customers, strict=True)
        ]
        self.members += [self.agnes, *self.customers]
        self.sitters = [
            self._guest(f"{room}-sitter{node}", room, node) for room in ROOMS for node in range(count)
        ]

    def _member(self, user: str, room: str, node: int, **options: str) -> Member:
        node %= len(self.cluster.nodes)
        chance = Random(self._chance.random())
        door = MemberDoor(self.cluster.nodes[node].port, self.cluster.port, chance)
        return Member(door, self.chronicle, chance, node, user, room, **options)

    def _guest(self, user: str, room: str, node: int) -> Guest:
        return Guest(self.chronicle, self.cluster.nodes[node].port, node, user, room)

    async def _gather(self) -> None:
        """All are there, and Agnes has opened the customers' containers."""
        for member in self.members:
            await member.until(lambda member=member: not member.home.catching_up)  # type: ignore[misc]
        for sitter in self.sitters:
            await sitter.until(lambda sitter=sitter: sitter.came_at is not None)  # type: ignore[misc]
        for customer in self.customers:
            await customer.ask("createContainer", acceptId="agnes")
            await customer.until(lambda customer=customer: "agnes" in customer.met)  # type: ignore[misc]
        await self.agnes.until(lambda: len(self.agnes.conversations) == 3)

    # -- what they do -------------------------------------------------------------------------------

    async def _talk(self, group: asyncio.TaskGroup) -> None:
        """All write and some come and go, while something breaks."""
        talking = [group.create_task(member.talk(lambda: self._is_over)) for member in self.members]
        coming = group.create_task(self._come_and_go(group))
        await asyncio.sleep(self._chance.uniform(0.5, 1.5))
        await self.fault.happen()
        await asyncio.sleep(self._chance.uniform(1, 3))
        self._is_over = True
        await asyncio.gather(*talking, coming)
        self.chronicle.note("ALL", "have written what they had to say")

    async def _come_and_go(self, group: asyncio.TaskGroup) -> None:
        visits = []
        while not self._is_over:
            node = self._chance.randrange(len(self.cluster.nodes))
            visitor = self._guest(f"visitor{len(self.visitors)}", self._chance.choice(ROOMS), node)
            self.visitors.append(visitor)
            seconds, abruptly = self._chance.uniform(0, 1), self._chance.random() < 0.5
            visits.append(group.create_task(visitor.stay(_waiting(seconds), abruptly)))
            await asyncio.sleep(self._chance.uniform(0.2, 0.8))
        await asyncio.gather(*visits)

    async def _calm(self, group: asyncio.TaskGroup) -> list[str]:
        """Wait until all is as it must be, or has had the time to be. :returns: what is wrong."""
        await _eventually(lambda: all(member.is_done and member.is_caught_up for member in self.members))
        rows = kept(self._postgres, self.cluster.url)
        findings = Findings(self, rows)
        await _eventually(lambda: not findings.all())
        found = findings.all()
        newcomers = [self._guest(f"{room}-newcomer", room, self._living_node()) for room in ROOMS]
        for newcomer in newcomers:
            group.create_task(newcomer.stay(self._end.wait))
        await _eventually(lambda: not findings.of_newcomers(newcomers))
        self.chronicle.note("ALL", "are calm")
        return found + findings.of_newcomers(newcomers)

    def _living_node(self) -> int:
        return self._chance.choice([n for n, node in enumerate(self.cluster.nodes) if node.is_up])


def _waiting(seconds: float) -> Callable[[], object]:
    return lambda: asyncio.sleep(seconds)


async def _eventually(condition: Callable[[], bool]) -> None:
    """Wait until something holds, or until it is clear that it will not."""
    end = asyncio.get_running_loop().time() + CALM_SECONDS
    while not condition() and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def play(seed: int, folder: Path, postgres: Postgres, nodes: int = 3) -> list[str]:
    """Play a seed's round, and leave its history in the folder. :returns: what was wrong."""

    async def played() -> list[str]:
        round = Round(seed, folder, postgres, nodes)
        found = ["the round ended by an exception"]
        try:
            found = await round.play()
        except AssertionError:  # of a node's end: its log, or its status
            found = [traceback.format_exc()[-2000:]]
        finally:
            heading = [f"seed {seed}: {round.fault}", *(f"WRONG {line}" for line in found), ""]
            (folder / "history").write_text("\n".join(heading + round.chronicle.lines))
            for node in round.cluster.nodes:
                (folder / f"{node.name}.log").write_text(node.log)
        print(f"seed {seed}: {round.fault}: {len(found)} wrong", flush=True)
        return found

    return asyncio.run(played())


def main() -> int:
    """The command line. :returns: the exit status: 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.faults")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--step", type=int, default=1, help=f"from seed to seed; {len(KINDS)}: one kind")
    parser.add_argument("--nodes", type=int, default=3, help="1: without Redis")
    options = parser.parse_args()
    where = Path(tempfile.mkdtemp(prefix="chatd-faults-"))
    found = programs()
    assert found is not None
    wrong = 0
    with Postgres(found) as postgres:
        for seed in range(options.seed, options.seed + options.rounds * options.step, options.step):
            folder = where / str(seed)
            folder.mkdir()
            lines = play(seed, folder, postgres, options.nodes)
            for line in lines[:20]:
                print(f"    {line}", flush=True)
            if lines:
                print(f"    history: {folder}/history", flush=True)
            wrong += bool(lines)
    print(f"{options.rounds} rounds, {wrong} with something wrong; {where}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
