"""``python -m bench.fleet``: what the nodes of a large fleet would say to each other through Redis.

An estimate, not a measurement: rooms with heavy-tailed sizes are drawn (the same for the same seed), and what
they say is counted with the costs that ``bench.publishing`` and ``bench.nodes`` measure. Arrivals are taken
as independent, so it tells of an ordinary hour and of no storm.
"""

import argparse
import random
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from bench.tables import Table, number

LARGEST = 100_000  # members of a room
TAIL = 1.2  # of the sizes: the exponent of a Pareto distribution
SMALLEST = 2


@dataclass(frozen=True)
class Fleet:
    """What people do, and where they are.

    :param says: messages a second of each member, as long as ``liveliest`` of its room is not reached.
    :param session: seconds that a connection lasts.
    :param turn: seconds within which what happens in a room is one publication.
    :param hashed: the largest room whose connections the balancer brings to one node; 0: none.
    :param coalesced: seconds within which comings and goings of a room are told at once; 0: each is told.
    :param servers: of Redis.
    :param groups: whether each server has nodes and rooms of its own; else they are a Redis Cluster.
    """

    nodes: int = 1_000
    connections: int = 5_000_000
    says: float = 1 / 120
    liveliest: float = 10.0
    session: float = 1_800.0
    turn: float = 0.005
    hashed: int = 0
    coalesced: float = 0.0
    servers: int = 1
    groups: bool = False

    @property
    def reach(self) -> int:
        """Over how many nodes the members of a room may be spread."""
        return self.nodes // self.servers if self.groups else self.nodes


@dataclass(frozen=True)
class Costs:
    """Microseconds of CPU; see docs/scaling.rst for where they come from. Sizes are in bytes."""

    publication: tuple[float, float] = (10.0, 27.0)
    """Of Redis: where it does much at once, and where it does one thing after the other."""
    hearing: tuple[float, float] = (0.65, 8.5)
    """Likewise, for each node that hears it."""
    byte_in: float = 0.0029
    byte_out: float = 0.0006
    forwarded: float = 5.0
    """Of each server of a Redis Cluster for a publication that came to another one: assumed, not measured."""
    message: float = 100.0
    """Of a node, for a message that it owns: read, checked, kept, told."""
    publish: float = 25.0
    hear: float = 25.0
    request: float = 25.0
    """Of each end, for what somebody at an edge asks."""
    write: float = 12.0
    """For what is written to one connection."""
    said: int = 330
    notice: int = 250
    envelope: int = 120


COSTS = Costs()


@dataclass(frozen=True)
class Traffic:
    """What rooms cause in a second."""

    publications: float = 0.0
    hearings: float = 0.0
    requests: float = 0.0
    bytes_in: float = 0.0
    bytes_out: float = 0.0
    owner: float = 0.0
    """Seconds of CPU of the node that owns the room."""
    spread: float = 0.0
    """The same of all nodes where its members are."""

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __mul__(self, times: float) -> "Traffic":
        return Traffic(*(getattr(self, each.name) * times for each in fields(self)))


def sizes(connections: int, seed: int) -> Counter[int]:
    """How many rooms of which size so many connections make."""
    drawn: Counter[int] = Counter()
    source = random.Random(seed)
    left = connections
    while left > 0:
        size = min(LARGEST, int(SMALLEST * source.paretovariate(TAIL)), left)
        drawn[size] += 1
        left -= size
    return drawn


def edges(size: int, nodes: int) -> float:
    """How many nodes beside its owner have members of a room, if chance puts them anywhere."""
    return nodes * (1 - (1 - 1 / nodes) ** size) - 1


def together(events: float, turn: float) -> float:
    """How many turns so many events a second are, of which one holds all that happens until it ends."""
    return events / (1 + events * turn)


def room(size: int, fleet: Fleet, costs: Costs = COSTS) -> Traffic:
    """What a room of a size causes."""
    messages = min(size * fleet.says, fleet.liveliest)
    moves = 2 * size / fleet.session
    told = min(moves, 1 / fleet.coalesced) if fleet.coalesced else moves
    turns = together(messages + told, fleet.turn)
    owner = costs.message * (messages + moves)
    writes = costs.write * size * turns
    if size <= fleet.hashed:
        return Traffic(owner=owner / 1e6, spread=writes / 1e6)
    others = edges(size, fleet.reach)
    requests = (messages + moves) * (1 - 1 / fleet.reach)
    bytes_of_turns = messages * costs.said + told * costs.notice + turns * costs.envelope
    bytes_of_requests = messages * costs.said + moves * costs.notice
    heard = costs.hear * turns * others + costs.request * requests
    return Traffic(
        publications=turns,
        hearings=turns * others,
        requests=requests,
        bytes_in=bytes_of_turns + bytes_of_requests,
        bytes_out=bytes_of_turns * others + bytes_of_requests,
        owner=(owner + costs.publish * turns + costs.request * requests) / 1e6,
        spread=(writes + heard) / 1e6,
    )


def redis(traffic: Traffic, fleet: Fleet, costs: Costs = COSTS) -> tuple[float, float]:
    """Seconds of CPU a second of each server, at least and at most."""
    said = traffic.publications + traffic.requests
    lines = costs.byte_in * traffic.bytes_in + costs.byte_out * traffic.bytes_out
    forwarded = 0.0
    if fleet.servers > 1 and not fleet.groups:
        forwarded = costs.forwarded * said * (fleet.servers - 1)
    low, high = (
        (publication * said + hearing * (traffic.hearings + traffic.requests) + lines + forwarded)
        for publication, hearing in zip(costs.publication, costs.hearing, strict=True)
    )
    return low / 1e6 / fleet.servers, high / 1e6 / fleet.servers


def loads(rooms: Counter[int], fleet: Fleet, seed: int) -> list[float]:
    """Seconds of CPU a second of each node: owners by chance, and what is spread in equal parts but for the
    rooms that are on one node."""
    source = random.Random(seed)
    nodes = [0.0] * fleet.nodes
    shared = 0.0
    for size, count in rooms.items():
        traffic = room(size, fleet)
        mine = traffic.owner
        if size <= fleet.hashed:
            mine += traffic.spread
        else:
            shared += traffic.spread * count
        for at in source.choices(range(fleet.nodes), k=count):
            nodes[at] += mine
    return [node + shared / fleet.nodes for node in nodes]


def whole(rooms: Counter[int], fleet: Fleet) -> Traffic:
    """What all rooms cause."""
    return sum((room(size, fleet) * count for size, count in rooms.items()), Traffic())


def _variants(fleet: Fleet, hashed: int, servers: int) -> Iterable[tuple[str, Fleet]]:
    for where, split in (
        ("one Redis", {"servers": 1}),
        (f"Redis Cluster of {servers}", {"servers": servers}),
        (f"{servers} groups of nodes, a Redis each", {"servers": servers, "groups": True}),
    ):
        for how, together_ in (("at random", {}), (f"rooms up to {hashed:,} hashed", {"hashed": hashed})):
            for told, calm in (("", {}), (", presence once a second", {"coalesced": 1.0})):
                yield f"{where}; {how}{told}", replace(fleet, **split, **together_, **calm)


def table(fleet: Fleet, seed: int, hashed: int, servers: int) -> Table:
    """A row for each way to run it."""
    rooms = sizes(fleet.connections, seed)
    count = rooms.total()
    rows = []
    for title, variant in _variants(fleet, hashed, servers):
        traffic, busy = whole(rooms, variant), loads(rooms, variant, seed)
        mean = (
            sum(edges(size, variant.reach) * n for size, n in rooms.items() if size > variant.hashed) / count
        )
        low, high = redis(traffic, variant)
        rows.append([
            title,
            number((traffic.publications + traffic.requests) / 1e3),
            number((traffic.hearings + traffic.requests) / 1e3),
            f"{number(traffic.bytes_in / 1e6)} / {number(traffic.bytes_out / 1e6)}",
            f"{low:.0%} to {high:.0%}",
            number(mean),
            f"{statistics.median(busy):.0%} / {max(busy):.0%}",
        ])  # fmt: skip
    about = (
        f"{fleet.nodes:,} nodes, {fleet.connections:,} connections in {count:,} rooms of {SMALLEST} to "
        f"{max(rooms):,} (half of the connections in rooms of {_middle(rooms):,} or more). Each says a "
        f"message in {1 / fleet.says:.0f} seconds, a room no more than {fleet.liveliest:.0f} a second, and "
        f"stays for {fleet.session / 60:.0f} minutes."
    )
    header = ["", "1000 publications/s", "1000 heard/s", "MB/s in / out", "CPU of each Redis", "edges a room"]
    return Table("A large fleet", about, [*header, "CPU of a node: median / busiest"], rows)


def _middle(rooms: Counter[int]) -> int:
    """The size from which on half of the connections are."""
    left = sum(size * count for size, count in rooms.items()) / 2
    for size in sorted(rooms, reverse=True):
        left -= size * rooms[size]
        if left <= 0:
            return size
    return 0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, default=Fleet.nodes)
    parser.add_argument("--connections", type=int, default=Fleet.connections)
    parser.add_argument("--hashed", type=int, default=1_000, help="the largest room that is kept on one node")
    parser.add_argument("--servers", type=int, default=8, help="of Redis, where there are several")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rst", action="store_true", help="print the table for the documentation")
    arguments = parser.parse_args()
    fleet = Fleet(nodes=arguments.nodes, connections=arguments.connections)
    found = table(fleet, arguments.seed, arguments.hashed, arguments.servers)
    print(found.rst() if arguments.rst else f"{found.text()}\n\n{found.about}")


if __name__ == "__main__":
    main()
