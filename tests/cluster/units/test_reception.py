"""What a node at the edge of a room says is done once, though it was taken for gone meanwhile."""

from typing import Any

import pytest

from chatd.cluster import wire
from chatd.cluster.reception import Reception
from chatd.model import NO_RIGHTS
from chatd.wire.commands import Command, dumped
from tests.channel import ListChannel
from tests.cluster.units.said import HERE, ROOM, identity, sync
from tests.cluster.units.test_host import Hall
from tests.cluster.units.willing import WillingRedis

THERE = "there"
BOB = 4


class Desk:
    """A room of this node's, in which Ann is, with a node at its edge."""

    def __init__(self) -> None:
        redis: Any = WillingRedis()
        self.hall = hall = Hall(redis)
        self.posts: list[tuple[str, wire.ToNode]] = []
        self.reception = Reception(
            hall.clock,
            hall.chat,
            hall.registry,
            hall.outbox,
            hall.stamp,
            hall.host,
            HERE,
            lambda node, message: self.posts.append((node, message)),
        )
        hall.store.claim(ROOM, HERE)
        self.owned = hall.own()
        self.ann = hall.come("ann", 1)
        hall.settle()

    def serve(self, message: wire.Requests | wire.Sync) -> None:
        """Another node says something, and all that comes of it is done."""
        self.reception.serve(message)
        self.hall.settle()
        self.hall.settle()

    def heard(self) -> list[str]:
        """What Ann heard of what was said, and who came and went."""
        assert isinstance(self.ann.channel, ListChannel)
        frames = self.ann.channel.frames()
        return [frame.get("action") or frame["messageContent"] for frame in frames]


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
        desk.hall.settle()
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
    desk.hall.settle()
    desk.hall.settle()
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
