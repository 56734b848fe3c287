"""What a node at the edge of a room says is done once, though it was taken for gone meanwhile."""

import pytest

from chatd.cluster import wire
from chatd.cluster.scripts import PUBLISH
from chatd.model import NO_RIGHTS
from chatd.wire.commands import Command, dumped
from tests.cluster.units.desk import Desk
from tests.cluster.units.said import HERE, ROOM, identity, sync

THERE = "there"
BOB = 4


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.heard()
    return desk


def joins() -> wire.Join:
    return wire.Join(BOB, identity("bob"), NO_RIGHTS, None)


def says(content: str) -> wire.Say:
    return wire.Say(BOB, dumped(Command(message_type="text", message_content=content)))


def test_what_was_done_for_a_node_that_was_given_up_is_not_done_again(desk: Desk) -> None:
    requests = [joins(), says("once")]
    desk.serve(sync(requests=requests))
    assert desk.heard() == ["in", "once"]
    for attempt in (3, 4):
        desk.reception.nodes_gone(frozenset({THERE}))
        desk.settle()
        assert desk.heard() == ["out"]
        desk.serve(sync(attempt=attempt, requests=[*requests, says("now")]))
        assert desk.heard() == (["in", "now"] if attempt == 3 else ["in"])


def test_a_node_that_is_gone_before_it_has_said_all_that_again_is_not_done_it_again_either(
    desk: Desk,
) -> None:
    requests = [joins(), says("once")]
    desk.serve(sync(requests=requests))
    for _ in range(2):
        desk.reception.nodes_gone(frozenset({THERE}))
        desk.reception.serve(sync(attempt=3, requests=requests))  # and nothing comes of it yet
    desk.settle()
    assert desk.heard().count("once") == 1


def test_what_it_asks_in_another_stream_is_done(desk: Desk) -> None:
    desk.serve(sync(requests=[joins(), says("once")]))
    desk.reception.nodes_gone(frozenset({THERE}))
    desk.serve(sync(stream=7, attempt=8, requests=[joins(), says("twice")]))
    assert desk.heard() == ["in", "once", "out", "in", "twice"]


def test_who_takes_a_room_for_this_nodes_is_told_that_it_is_not_and_redis_too(desk: Desk) -> None:
    disowned: list[str] = []
    desk.hall.host.disown = disowned.append  # type: ignore[method-assign]
    desk.serve(sync(room="another"))
    assert (desk.posts, disowned) == ([(THERE, wire.Stranger(HERE, "another"))], ["another"])
    desk.serve(sync(room=ROOM))
    assert disowned == ["another"]


def test_who_comes_when_the_last_one_has_gone_hears_the_room_and_is_heard_of(desk: Desk) -> None:
    """Somebody loads a page again, on the only node on which anybody was."""
    desk.serve(sync(requests=[joins()]))
    desk.hall.chat.leave(desk.ann)
    desk.settle()
    again = wire.Join(5, identity("bob"), NO_RIGHTS, None)
    others = wire.Join(6, identity("cid"), NO_RIGHTS, None)
    word = wire.Say(6, dumped(Command(message_type="text", message_content="hello")))
    desk.serve(wire.Requests(THERE, ROOM, 1, 1, 1, [wire.Leave(BOB), again, others, word], 1))
    published = [wire.decode_publication(words[4]) for script, words in desk.redis.ran if script is PUBLISH]
    assert b"hello" in published[-1].feed
    rosters = [words[5:] for script, words in desk.redis.ran if script is PUBLISH]
    assert b"there:5" in rosters[-1]


def test_a_room_is_nobodys_when_its_last_edge_has_ended(desk: Desk) -> None:
    desk.serve(sync(requests=[joins()]))
    desk.hall.chat.leave(desk.ann)
    desk.serve(wire.Requests(THERE, ROOM, 1, 1, 1, [wire.Leave(BOB)], 1))
    assert (desk.owned.edges, desk.hall.registry.rooms, desk.hall.host.rooms) == ({}, {}, {})


def test_a_room_is_nobodys_when_the_node_of_its_last_edge_is_gone(desk: Desk) -> None:
    desk.serve(sync(requests=[joins()]))
    desk.hall.chat.leave(desk.ann)
    desk.reception.nodes_gone(frozenset({THERE}))
    desk.settle()
    assert (desk.owned.edges, desk.hall.registry.rooms, desk.hall.host.rooms) == ({}, {}, {})
