"""What is measured: each scenario is one run of the load generator with certain options."""

from dataclasses import dataclass, field

GROUPS = ("closed", "paced", "idle", "handshakes", "growth", "stalled")


@dataclass(frozen=True)
class Effort:
    """How long and how often.

    :param runs: of every scenario with every server; the results are medians.
    :param warm: seconds before the measured window.
    :param seconds: length of the measured window.
    :param stalled: the same where one member has stopped reading.
    """

    runs: int = 3
    warm: float = 1.0
    seconds: float = 4.0
    stalled: float = 8.0
    idle: int = 10_000
    handshakes: int = 5_000
    closed: tuple[int, ...] = (10, 100, 1000)
    paced: tuple[tuple[int, int], ...] = ((1, 50), (100, 100), (1000, 20))
    members: tuple[int, ...] = (10, 100, 1000, 5000)
    rooms: tuple[int, ...] = (1, 10, 100, 1000)


QUICK = Effort(
    runs=1,
    warm=0.2,
    seconds=0.5,
    stalled=4.0,
    idle=1_000,
    handshakes=500,
    closed=(10, 100, 1000),
    paced=((100, 100),),
    members=(10, 100, 1000),
    rooms=(1, 100),
)


@dataclass(frozen=True)
class Scenario:
    """One column of a table.

    :param key: the same key is measured once, whichever groups want it.
    :param load: options of the load generator.
    :param few: only chatd and the limits unless servers are named: it tells how the cost grows.
    """

    key: str
    group: str
    heading: str
    load: dict[str, object] = field(default_factory=dict)
    few: bool = False


def _closed(members: int, group: str, effort: Effort) -> Scenario:
    load = {"mode": "closed", "members": members, "warm": effort.warm, "seconds": effort.seconds}
    return Scenario(f"closed-{members}", group, f"N = {members:,}", load, group == "growth")


def _rooms(rooms: int, effort: Effort) -> Scenario:
    """Every room has a sender (one room: ten); so all of them are busy."""
    load: dict[str, object] = {"mode": "closed", "members": 10, "rooms": rooms, "senders": max(10, rooms)}
    load |= {"warm": effort.warm, "seconds": effort.seconds}
    return Scenario(f"rooms-{rooms}", "growth", f"{rooms:,} × 10", load, True)


def _paced(members: int, rate: int, effort: Effort) -> Scenario:
    load: dict[str, object] = {"mode": "paced", "members": members, "rate": rate}
    load |= {"warm": effort.warm, "seconds": effort.seconds}
    return Scenario(f"paced-{members}", "paced", f"{rate}/s to {members:,}", load)


def _single(group: str, effort: Effort) -> Scenario:
    if group == "idle":
        rooms = effort.idle // 10
        load: dict[str, object] = {"mode": "idle", "rooms": rooms, "members": 10, "sources": 8}
        return Scenario("idle", group, f"{effort.idle:,} idle", load)
    if group == "handshakes":
        load = {"mode": "handshakes", "count": effort.handshakes, "sources": 8, "concurrency": 32}
        return Scenario("handshakes", group, f"{effort.handshakes:,} handshakes", load)
    # Large messages, or the kernel's own buffers would hide for minutes that somebody does not read.
    load = {"mode": "stalled", "members": 100, "rate": 100, "size": 16_000, "seconds": effort.stalled}
    return Scenario("stalled", group, "one of 100 stalled", load)


def scenarios(groups: tuple[str, ...], effort: Effort) -> list[Scenario]:
    """The scenarios of the groups, none twice."""
    found: dict[str, Scenario] = {}
    for group in groups:
        if group == "closed":
            made = [_closed(members, group, effort) for members in effort.closed]
        elif group == "paced":
            made = [_paced(members, rate, effort) for members, rate in effort.paced]
        elif group == "growth":
            made = [_closed(members, group, effort) for members in effort.members]
            made += [_rooms(rooms, effort) for rooms in effort.rooms]
        else:
            made = [_single(group, effort)]
        for scenario in made:
            found.setdefault(scenario.key, scenario)
    return list(found.values())
