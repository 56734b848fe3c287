"""A node that was cut off looks at its rooms before it goes on; one that goes leaves rosters as they are."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.cluster.scripts import Names
from chatd.cluster.switchboard import Switchboard
from tests.cluster.units.said import HERE, ROOM, sync
from tests.cluster.units.test_host import Hall
from tests.cluster.units.willing import WillingRedis


class Board:
    """A node's switchboard. Whether its rooms are still its, a test tells when it is asked."""

    def __init__(self) -> None:
        redis: Any = WillingRedis()
        self.hall = Hall(redis)
        self.subscriber: Any = SimpleNamespace(trouble=None)
        self.checks: list[Deferred[bool]] = []
        self.hall.host.check_all = self._check_all  # type: ignore[method-assign]
        nodes: Any = SimpleNamespace(me=HERE, valid_until=60.0, alive=frozenset({HERE}))
        outposts: Any = SimpleNamespace(rooms={}, is_closing=False, number=lambda: 1)
        self.switchboard = Switchboard(
            self.hall.clock,
            self.hall.chat,
            self.hall.host,
            SimpleNamespace(),  # type: ignore[arg-type]
            outposts,
            redis,
            self.subscriber,
            nodes,
            Names("chatd"),
            1.0,
        )
        self.renewed = nodes.renewed

    def _check_all(self) -> "Deferred[bool]":
        self.checks.append(Deferred())
        return self.checks[-1]

    @property
    def is_cut_off(self) -> bool:
        return self.switchboard._outage.lasts


@pytest.fixture
def board() -> Board:
    return Board()


def test_who_begins_has_nothing_to_look_at(board: Board) -> None:
    board.renewed(True)
    assert (board.is_cut_off, board.checks) == (False, [])


def test_that_the_lease_had_ended_is_remembered_until_publications_are_heard_too(board: Board) -> None:
    board.subscriber.trouble = "Redis is away."
    board.renewed(False)
    assert board.checks == []
    board.subscriber.trouble = None
    board.renewed(True)
    (check,) = board.checks
    check.callback(True)
    assert not board.is_cut_off
    board.renewed(True)
    assert len(board.checks) == 1


def test_nothing_goes_on_before_all_rooms_were_looked_at(board: Board) -> None:
    for had in (False, True):
        board.renewed(had)
    (check,) = board.checks
    assert board.is_cut_off
    assert board.switchboard.trouble == "The rooms are looked at anew."  # nobody new is sent here yet
    check.callback(True)
    assert not board.is_cut_off
    assert board.switchboard.trouble is None


def test_rooms_that_could_not_be_looked_at_are_at_the_next_renewal(board: Board) -> None:
    board.renewed(False)
    board.checks[0].callback(False)
    assert board.is_cut_off
    board.renewed(True)
    board.checks[1].callback(True)
    assert not board.is_cut_off


@pytest.mark.parametrize("has_edge", [True, False])
def test_who_leaves_while_the_node_goes_stays_in_the_roster_if_there_is_one(
    board: Board, has_edge: bool
) -> None:
    hall = board.hall
    hall.store.claim(ROOM, HERE)
    owned = hall.own()
    ann = hall.come("ann", 1)
    hall.settle()
    if has_edge:
        owned.add_edge("there", hall.registry.rooms[ROOM]).begin(sync())
    hall.chat.close()
    board.switchboard.close()
    board.switchboard.leave(ann)
    hall.settle()
    assert (ann.room is not None, ROOM in hall.host.rooms) == (has_edge, has_edge)
