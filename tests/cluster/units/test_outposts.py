"""Whose a room is that is not here, and how it becomes this node's."""

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from chatd.cluster import wire
from chatd.cluster.outpost import Outpost
from chatd.cluster.outposts import Outposts
from chatd.cluster.reception import Reception
from chatd.cluster.scripts import CLAIM, OWN, Names
from chatd.model import NO_RIGHTS
from chatd.turn import Claimed
from tests.channel import ListChannel, connection
from tests.cluster.units.said import HERE, ROOM, identity, sync
from tests.cluster.units.test_host import Hall
from tests.cluster.units.willing import WillingRedis

THERE, YONDER = "there", "yonder"
LEASE = 10.0


class Net:
    """A node among two others. What it posts to them is in ``posts``; ``alive`` is what Redis would say."""

    me = HERE

    def __init__(self) -> None:
        self.posts: list[tuple[str, wire.ToNode]] = []
        self.alive = frozenset({HERE, THERE, YONDER})
        self.unknown: frozenset[str] = frozenset()
        self.collect: Any = None

    def post(self, node: str, message: wire.ToNode) -> None:
        self.posts.append((node, message))

    def wake(self) -> None:
        """There is something to say."""

    async def living(self, nodes: set[str]) -> set[str]:
        """Which asks Redis about those that are not known."""
        self.alive |= self.unknown & nodes
        return nodes & self.alive

    async def is_alive(self, node: str) -> bool:
        return bool(await self.living({node}))


class Camp:
    """Ann wants to come into a room, of which Redis tells whose it is: ``redis.replies[CLAIM]``."""

    def __init__(self, *reply: bytes) -> None:
        self.redis: Any = WillingRedis()
        self.redis.replies[CLAIM] = list(reply)
        self.nodes: Any = Net()
        self.hall = hall = Hall(self.redis)
        self.claimed: Deferred[Claimed] = succeed(Claimed(2, "", []))
        store: Any = SimpleNamespace(claim=lambda room, node: self.claimed)
        subscriber: Any = SimpleNamespace(subscribe=succeed, unsubscribe=lambda channel: None)
        rooms = hall.chat, hall.registry, hall.outbox, hall.stamp, hall.host
        reception = Reception(hall.clock, *rooms, HERE, post=self.nodes.post, send=self.nodes.post)
        self.outposts = Outposts(
            hall.clock,
            hall.host,
            reception,
            store,
            self.redis,
            subscriber,
            self.nodes,
            Names("chatd"),
            LEASE,
        )
        self.ann = connection("ann", ROOM)
        self.ann.number = 1
        self.outpost: Outpost = self.outposts.open(ROOM)
        self.outpost.join(self.ann, None)
        self.settle()

    def settle(self) -> None:
        """What is under way is done, as far as it goes."""
        for _ in range(3):
            self.hall.settle()

    def heard(self) -> list[tuple[str, str]]:
        """Who came and went, as Ann heard."""
        assert isinstance(self.ann.channel, ListChannel)
        return [(frame["action"], frame["userId"]) for frame in self.ann.channel.frames()]


def roster(**users: str) -> list[bytes]:
    """Who was online: ``there_4="bob"``."""
    return [
        word
        for key, user in users.items()
        for word in (key.replace("_", ":").encode(), wire.encode_identity(identity(user)))
    ]


def begins(node: str, user: str) -> wire.Sync:
    """A node with one connection, number 4, in the room."""
    return sync(node=node, guests=[wire.Guest(4, identity(user), NO_RIGHTS)])


@pytest.fixture
def camp() -> Camp:
    """The room is to be this node's; there are people on both others, of which neither has said so yet."""
    return Camp(HERE.encode(), *roster(there_4="bob", yonder_4="cid"))


def test_a_room_becomes_this_nodes_when_the_others_have_said_whom_they_have(camp: Camp) -> None:
    assert ROOM not in camp.hall.host.rooms
    for node, user in ((THERE, "bob"), (YONDER, "cid")):
        camp.outpost.visit(begins(node, user))
    camp.settle()
    assert camp.hall.host.rooms[ROOM].edges.keys() == {THERE, YONDER}
    assert camp.hall.registry.rooms[ROOM].users.keys() == {"ann", "bob", "cid"}


def test_who_was_on_a_node_that_goes_before_the_room_is_this_nodes_leaves(camp: Camp) -> None:
    camp.outpost.visit(begins(THERE, "bob"))
    camp.nodes.alive -= {THERE}
    camp.outpost.visit(begins(YONDER, "cid"))
    camp.settle()
    assert camp.hall.host.rooms[ROOM].edges.keys() == {YONDER}
    assert camp.hall.registry.rooms[ROOM].users.keys() == {"ann", "cid"}
    assert camp.heard() == [("in", "ann"), ("out", "bob")]


def test_where_nobody_else_is_left_the_roster_ends(camp: Camp) -> None:
    camp.nodes.alive -= {THERE, YONDER}
    camp.hall.clock.advance(LEASE)
    camp.settle()
    assert camp.hall.registry.rooms[ROOM].users.keys() == {"ann"}
    rosters = [words[3:] for script, words in camp.redis.ran if script is OWN]
    assert rosters[-1] == [1]  # it is written anew, and there is nobody in it


def test_a_node_that_goes_meanwhile_leaves_the_room_to_the_next_owner(camp: Camp) -> None:
    camp.outposts.is_closing = True
    for node, user in ((THERE, "bob"), (YONDER, "cid")):
        camp.outpost.visit(begins(node, user))
    camp.settle()
    assert ROOM not in camp.hall.host.rooms


def test_a_room_that_another_node_took_while_the_others_were_waited_for_is_not_this_nodes(
    camp: Camp,
) -> None:
    camp.redis.replies |= {OWN: 0, CLAIM: [THERE.encode()]}
    for node, user in ((THERE, "bob"), (YONDER, "cid")):
        camp.outpost.visit(begins(node, user))
    camp.settle()
    assert (camp.hall.host.rooms, camp.heard()) == ({}, [])
    camp.hall.clock.advance(1.0)
    assert camp.outpost.owner == THERE
    assert camp.nodes.posts[-1] == (THERE, camp.outpost.sync())


def test_a_node_that_began_a_moment_ago_is_not_taken_for_dead() -> None:
    camp = Camp(THERE.encode())
    assert camp.outpost.owner == THERE
    camp.nodes.alive, camp.nodes.unknown = camp.nodes.alive - {THERE}, frozenset({THERE})
    camp.redis.ran.clear()
    camp.outposts.startService()
    camp.hall.clock.advance(1.0)
    assert camp.outpost.owner == THERE
    assert [words for script, words in camp.redis.ran if script is CLAIM] == [[HERE.encode(), b""]]
    camp.outposts.stopService()
