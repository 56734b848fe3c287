"""Whole nodes in memory, to which everything happens, step by step and by chance: at the end everybody who
stayed has heard what was kept, once and in its order, and each coming and going with the right count.

``CHATD_FLEETS`` is how many rounds of each kind are played; thousands take some minutes.
"""

import os
from collections.abc import Callable, Sequence
from random import Random

import pytest

from tests.cluster.units.fleet import LEASE, Fleet, Node
from tests.cluster.units.heard import frames, known, words
from tests.cluster.units.said import ROOM

ROUNDS = int(os.environ.get("CHATD_FLEETS", "60"))
ACTS = 200  # in a round

Act = Callable[[Fleet, Node], None]

KINDS: dict[str, Sequence[Act]] = {
    "nothing": (),
    "cut": (Fleet.cut, Fleet.heal, Fleet.heal),
    "pause": (Fleet.pause, Fleet.resume),
    "redis": (Fleet.restart_redis, Fleet.heal, Fleet.heal, Fleet.heal),
    "kill": (Fleet.kill, Fleet.begin),
    "stop": (Fleet.stop, Fleet.begin),
    "store": (Fleet.fail,),
}
KINDS["all"] = [act for acts in KINDS.values() for act in acts]


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_hears_what_was_kept_and_who_is_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(ROUNDS):
        play(seed, KINDS[kind], monkeypatch)


def play(seed: int, breaks: Sequence[Act], monkeypatch: pytest.MonkeyPatch) -> None:
    """A round, and what must hold at its end."""
    chance = Random(seed)
    fleet = Fleet(chance, monkeypatch)
    before = fleet.people
    for guest in fleet.stayers:
        assert frames(guest)
    for _ in range(ACTS):
        act(fleet, chance, breaks)
    fleet.heal_all()
    fleet.settle(3 * LEASE)
    fleet.say(fleet.serving[0])
    fleet.settle()
    kept, there = fleet.kept.contents(), fleet.people
    owners = [node for node in fleet.serving if ROOM in node.cluster.host.rooms]
    if there:
        (owner,) = owners
        assert set(owner.registry.rooms[ROOM].users) == there
    for node in fleet.serving:
        for guest in node.guests:
            told = frames(guest)
            if guest in fleet.stayers:
                assert words(told) == kept
                assert known(before, told) == there
            else:
                # Its own first words may be from before it came in, if what became of them was not heard.
                mine = f"{guest.identity.user_id}: "
                heard = [word for word in words(told) if not word.startswith(mine)]
                of_others = [word for word in kept if not word.startswith(mine)]
                assert heard == of_others[len(of_others) - len(heard) :]


def act(fleet: Fleet, chance: Random, breaks: Sequence[Act]) -> None:
    """Something happens: mostly what is under way comes to pass."""
    node, what = chance.choice(fleet.nodes), chance.random()
    if what < 0.6:
        for _ in range(chance.randint(1, 30)):
            fleet.move(chance.choice(fleet.nodes))
    elif what < 0.7:
        fleet.pass_time(chance.choice((0.05, 0.3, 0.7, 1.25 * LEASE)))
    elif what < 0.8:
        fleet.say(node)
    elif what < 0.85:
        fleet.come(node)
    elif what < 0.88:
        fleet.go(node)
    elif breaks:
        chance.choice(breaks)(fleet, node)
