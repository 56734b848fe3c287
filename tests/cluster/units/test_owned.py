"""A room that lives here, and its publications: on a real Redis, whose scripts answer."""

from collections.abc import Callable
from typing import Any

import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent

from chatd.bus.redis import Redis, Subscriber
from chatd.cluster import wire
from chatd.cluster.edge import Edge
from chatd.cluster.owned import RING, Owned
from chatd.cluster.scripts import AGAIN, CLAIM, DONE, FENCED, LOST, PUBLISH, Names
from chatd.counts import ClusterCounts
from chatd.model import NO_RIGHTS
from chatd.room import Room
from tests.bus.conftest import TIMEOUT, Links
from tests.bus.links import Heard, Watched, soon
from tests.bus.servers import Server
from tests.channel import connection
from tests.cluster.units.said import HERE, READ, ROOM, identity, sync

NAMES = Names("chatd")
OWNER, ROSTER = NAMES.keys(ROOM)
THERE = "there"


class Place:
    """The room, its part that other nodes see, and what they hear of it.

    Who comes is told at once, as if nothing were on the road.
    """

    def __init__(self, link: Watched[Redis], subscriber: Watched[Subscriber], heard: Heard) -> None:
        self.link, self.subscriber = link, subscriber
        self.redis = redis = link.link
        self._heard = heard
        self.room = Room(ROOM)
        self.fenced: Deferred[Owned] = Deferred()
        self.later: list[Callable[[], object]] = []
        self.touched: list[Owned] = []
        self.owned = Owned(
            ROOM,
            1,
            HERE,
            redis,
            NAMES,
            {ROOM: self.room}.get,
            lambda seconds, call: self.later.append(call),
            ClusterCounts(),
            lambda note: note(),
            self.touched.append,
            self.fenced.callback,
        )

    def come(self, user: str, number: int, edge: Edge | None = None) -> None:
        """Somebody comes to the room: here, or at an edge."""
        if edge is not None:
            somebody = edge.enter(number, identity(user), NO_RIGHTS)
        else:
            somebody = connection(user, ROOM)  # type: ignore[assignment]
            somebody.number = number
        self.room.enter(somebody)
        self.room.attach(somebody)

    def edge(self, node: str = THERE, listener: int = 1) -> Edge:
        """A node that has begun, with Ann on it, who listens."""
        edge = self.owned.add_edge(node, self.room)
        edge.begin(sync(node=node))
        self.come("ann", listener, edge)
        edge.synced(2, lambda: dict(self.owned.people))
        edge.heard(0)
        self.owned.flush()
        return edge

    def tell(self, frames: bytes) -> None:
        """A turn of the room."""
        self.owned.feed(frames)
        self.owned.flush()

    async def next(self) -> wire.Publication:
        """What the nodes hear next of the room."""
        channel, payload = await self._heard.next()
        assert channel == NAMES.room(ROOM)
        return wire.decode_publication(payload)

    async def feeds(self, count: int) -> list[tuple[int, bytes]]:
        """Numbers and feeds of the next publications."""
        told = [await self.next() for _ in range(count)]
        return [(publication.seq, publication.feed) for publication in told]

    async def roster(self) -> set[str]:
        """Who is online, as Redis knows. What was said before has been done."""
        reply = await soon(self.redis.run(READ, [ROSTER], ()))
        pairs = zip(reply[::2], reply[1::2], strict=True)
        return {f"{key.decode()} {wire.decode_identity(value).name}" for key, value in pairs}

    async def owner(self) -> dict[str, str]:
        """Whose the room is, as Redis knows."""
        reply = await soon(self.redis.run(READ, [OWNER], ()))
        return {key.decode(): value.decode() for key, value in zip(reply[::2], reply[1::2], strict=True)}


async def placed(server: Server, links: Links, within: float = TIMEOUT) -> Place:
    """A room of this node's, to which somebody listens."""
    redis, (subscriber, heard) = links.redis(server.url, within), links.subscriber(server.url)
    await redis.up()
    await subscriber.up()
    await soon(subscriber.link.subscribe(NAMES.room(ROOM)))
    place = Place(redis, subscriber, heard)
    assert await soon(place.owned.own()) == 1
    return place


@pytest_twisted.async_fixture
async def place(redis_server: Server, links: Links) -> Place:
    """The room, on the Redis that all tests share."""
    return await placed(redis_server, links)


async def publish(place: Place, seq: int, node: str = HERE, epoch: int = 1) -> bytes:
    words = [node.encode(), epoch, seq, b"channel", b"payload"]
    reply: bytes = await soon(place.redis.run(PUBLISH, NAMES.keys(ROOM), words))
    return reply


# -- what the script answers ------------------------------------------------------------------------


@ensureDeferred
async def test_each_number_is_published_once(place: Place) -> None:
    assert [await publish(place, seq) for seq in (1, 1, 2, 1, 2)] == [DONE, AGAIN, DONE, AGAIN, AGAIN]


@ensureDeferred
async def test_who_is_not_the_owner_or_not_any_more_is_fenced(place: Place) -> None:
    assert await publish(place, 1, node="another") == FENCED
    assert await publish(place, 1, epoch=2) == FENCED
    assert await publish(place, 1) == DONE


@ensureDeferred
async def test_a_room_of_which_redis_knows_nothing_or_no_epoch_is_lost(place: Place) -> None:
    await soon(place.redis.call("DEL", OWNER))
    assert await publish(place, 1) == LOST
    await soon(place.redis.run(CLAIM, NAMES.keys(ROOM), [HERE.encode(), b""]))
    assert await publish(place, 1) == LOST


@ensureDeferred
async def test_a_room_is_claimed_by_one_until_that_is_no_more(place: Place) -> None:
    async def claim(node: str, dead: str = "") -> list[bytes]:
        words = [node.encode(), dead.encode()]
        reply: list[bytes] = await soon(place.redis.run(CLAIM, NAMES.keys(ROOM), words))
        return reply

    assert await claim("another") == [HERE.encode()]
    assert await claim("another", dead="a third") == [HERE.encode()]
    place.edge()
    assert await claim("another") == [HERE.encode()]  # and whom it has is the owner's alone
    assert [len(reply) for reply in (await claim(HERE), await claim("another", dead=HERE))] == [3, 3]
    assert await claim(HERE) == [b"another"]
    assert await soon(place.owned.own()) == 0


# -- publications -----------------------------------------------------------------------------------


@ensureDeferred
async def test_a_turn_of_a_room_with_an_edge_is_one_publication(place: Place) -> None:
    edge = place.edge()
    begun = await place.next()
    assert (begun.owner, begun.epoch, begun.seq, begun.came) == (HERE, 1, 1, {"ann": "Ann"})
    place.owned.last = "0a"
    place.owned.feed(b"one ")
    place.owned.feed(b"two")
    edge.tell(1, b"a letter")
    place.owned.flush()
    told = await place.next()
    assert (told.seq, told.feed, told.last, told.came, told.went) == (2, b"one two", "0a", {}, [])
    parcel = wire.decode_parcel(told.parcels[THERE])
    assert parcel.letters == {1: b"a letter"}


@ensureDeferred
async def test_what_nobody_hears_elsewhere_is_not_published(place: Place) -> None:
    edge = place.owned.add_edge(THERE, place.room)
    edge.begin(sync())
    place.owned.flush()
    place.tell(b"nobody listens")
    assert (place.owned.seq, place.touched) == (0, [])


@ensureDeferred
async def test_an_edge_without_listeners_costs_its_room_no_feed(place: Place) -> None:
    edge = place.edge()
    edge.leave(1)
    place.owned.touch(THERE)
    assert not place.owned.listens


@ensureDeferred
async def test_who_came_went_and_was_renamed_is_told_with_the_turn(place: Place) -> None:
    edge = place.edge()
    place.come("dan", 2, edge)
    place.come("bob", 1)
    place.come("bob", 2)
    place.room.rename("ann", "Anna", "")
    place.owned.flush()
    await place.next()
    assert (await place.next()).came == {"dan": "Dan", "bob": "Bob", "ann": "Anna"}
    assert place.owned.people == {"dan": "Dan", "bob": "Bob", "ann": "Anna"}
    for name in ("bob", "ann"):
        place.room.leave(place.room.users[name][0])
    edge.leave(1)
    place.owned.flush()
    told = await place.next()
    assert (told.came, told.went) == ({"bob": "Bob"}, ["ann"])  # Bob is there once more
    assert place.owned.people == {"dan": "Dan", "bob": "Bob"}


@ensureDeferred
async def test_what_is_said_again_before_the_answer_is_heard_once(place: Place) -> None:
    place.edge()
    place.tell(b"hello")
    place.owned.resume()
    place.owned.resume()
    place.tell(b"bye")
    assert await place.feeds(3) == [(1, b""), (2, b"hello"), (3, b"bye")]


@ensureDeferred
async def test_what_was_answered_is_not_said_again(place: Place) -> None:
    place.edge()
    await place.owner()  # so it has been
    await soon(place.redis.call("HSET", OWNER, "seq", 0))
    place.owned.resume()
    place.tell(b"hello")
    assert await place.feeds(2) == [(1, b""), (2, b"hello")]


@ensureDeferred
async def test_a_room_that_is_another_nodes_says_so_and_publishes_nothing(place: Place) -> None:
    place.edge()
    await place.next()
    await soon(place.redis.call("HSET", OWNER, "node", "another"))
    place.tell(b"lost")
    assert await soon(place.fenced) is place.owned
    await soon(place.redis.call("HSET", OWNER, "node", HERE))
    place.tell(b"lost")
    place.owned.resume()
    await soon(place.redis.call("PUBLISH", NAMES.room(ROOM), wire.encode(told_by_hand())))
    assert (await place.next()).owner == "by hand"


def told_by_hand() -> wire.Publication:
    return wire.Publication("by hand", 1, 99, "", b"", {}, {}, [])


@ensureDeferred
async def test_it_is_fenced_once(place: Place) -> None:
    place.edge()
    await soon(place.redis.call("HSET", OWNER, "epoch", 2))
    for _ in range(3):
        place.tell(b"lost")
    await soon(place.fenced)
    await place.owner()  # all three have been answered; the Deferred would not fire twice


# -- an outage --------------------------------------------------------------------------------------


@ensureDeferred
async def test_what_a_redis_that_was_away_has_forgotten_is_told_again_in_order(
    server: Server, links: Links
) -> None:
    place = await placed(server, links)
    place.edge()
    place.come("bob", 1)
    place.owned.flush()
    assert await place.feeds(2) == [(1, b""), (2, b"")]
    server.stop()
    await place.link.down()
    await place.subscriber.down()
    for word in (b"one", b"two"):
        place.tell(word)
    server.start()
    await place.link.up()
    await place.subscriber.up()
    place.owned.resume()
    place.tell(b"three")
    assert await place.feeds(3) == [(3, b"one"), (4, b"two"), (5, b"three")]
    assert await place.owner() == {"node": HERE, "epoch": "1", "seq": "5"}
    assert await place.roster() == {"here:1 Bob", "there:1 Ann"}


@ensureDeferred
async def test_what_was_on_its_way_when_redis_stood_still_is_heard_once(server: Server, links: Links) -> None:
    place = await placed(server, links, within=0.6)
    place.edge()
    assert await place.feeds(1) == [(1, b"")]
    server.pause()
    place.tell(b"one")
    await place.link.down()
    place.tell(b"two")
    server.resume()
    await place.link.up()
    place.tell(b"three")  # waits for what was before it
    place.owned.resume()
    assert await place.feeds(3) == [(2, b"one"), (3, b"two"), (4, b"three")]


@ensureDeferred
async def test_what_redis_refuses_is_said_again_later(
    place: Place, redis_server: Server, log: list[LogEvent]
) -> None:
    place.edge()
    await place.next()
    redis_server.ask("CONFIG", "SET", "maxmemory", "1")
    place.tell(b"one")
    place.tell(b"two")
    await place.owner()
    redis_server.ask("CONFIG", "SET", "maxmemory", "0")
    (resume,) = place.later
    resume()
    assert await place.feeds(2) == [(2, b"one"), (3, b"two")]
    assert any("Redis refuses" in (event["log_format"] or "") for event in log)


@ensureDeferred
async def test_what_redis_did_not_answer_is_said_again_though_nobody_tells_that_it_is_there(
    server: Server, links: Links
) -> None:
    place = await placed(server, links)
    server.stop()
    await place.link.down()
    await place.subscriber.down()
    for _ in range(2):
        place.owned.announce()
    (retry,) = place.later
    retry()  # not yet
    server.start()
    await place.link.up()
    await place.subscriber.up()
    await soon(place.owned.own())
    await soon(place.redis.call("HSET", ROSTER, "there:1", wire.encode_identity(identity("ann"))))
    (_, retry) = place.later
    retry()
    assert await place.feeds(2) == [(1, b""), (2, b"")]
    assert await place.roster() == {"there:1 Ann"}  # as the room is about to live here, with whoever that is
    assert len(place.later) == 2


@ensureDeferred
async def test_a_room_without_edges_learns_that_it_is_another_nodes(place: Place) -> None:
    await soon(place.redis.call("HSET", OWNER, "node", "another"))
    place.owned.resume()
    assert await soon(place.fenced) is place.owned


@ensureDeferred
async def test_a_room_learns_it_when_the_last_edge_goes(place: Place) -> None:
    place.edge()
    await place.next()
    await soon(place.redis.call("HSET", OWNER, "node", "another"))
    place.owned.drop_edge(THERE)
    assert await soon(place.fenced) is place.owned


# -- the roster -------------------------------------------------------------------------------------


@ensureDeferred
async def test_the_roster_begins_with_the_first_edge_and_ends_with_the_last(place: Place) -> None:
    place.come("bob", 1)
    assert place.room.elsewhere is None
    assert await place.roster() == set()
    edges = [place.edge(), place.edge("yonder", 7)]
    assert await place.roster() == {"here:1 Bob", "there:1 Ann", "yonder:7 Ann"}
    for edge, number in zip(edges, (1, 7), strict=True):
        edge.next = 1
        guest = edge.leave(number)
        assert guest is not None
        place.room.leave(guest)
        edge.heard(1)
        place.owned.flush()
        left = {"here:1 Bob", "yonder:7 Ann"} if number == 1 else set()
        assert await place.roster() == left
    assert (place.owned.edges, place.room.elsewhere) == ({}, None)
    assert (await place.owner())["seq"] == str(place.owned.seq)  # whose the room is stays known


@ensureDeferred
async def test_who_comes_later_is_in_it_by_its_last_name_and_who_goes_is_not(place: Place) -> None:
    place.edge()
    place.come("bob", 1)
    place.come("cid", 2)
    place.room.rename("bob", "Bobby", "")
    place.room.leave(place.room.users["cid"][0])
    place.owned.flush()
    assert await place.roster() == {"here:1 Bobby", "there:1 Ann"}


@ensureDeferred
async def test_a_room_that_is_released_is_nobodys(place: Place) -> None:
    place.edge()
    assert await soon(place.owned.release()) == 1
    assert (await place.owner(), await place.roster()) == ({}, set())
    assert await soon(place.redis.run(CLAIM, NAMES.keys(ROOM), [b"another", b""])) == [b"another"]
    assert await soon(place.owned.release()) == 0


@ensureDeferred
async def test_a_new_owner_says_so_to_the_edges(place: Place) -> None:
    place.owned.announce()
    told = await place.next()
    assert (told.owner, told.epoch, told.parcels) == (HERE, 1, {})


# -- for who has missed something -------------------------------------------------------------------


def missed(place: Place, edge: Edge, **fields: Any) -> list[tuple[int, bytes]] | None:
    """Numbers and feeds of what an edge is told that has missed something."""
    says = sync(**{"attempt": 3, "epoch": 1} | fields)
    found = place.owned.missed_by(edge, says)
    if found is None:
        return None
    told = [wire.decode_publication(payload) for payload in found]
    return [(publication.seq, publication.feed) for publication in told]


@ensureDeferred
async def test_who_has_missed_publications_is_told_them_again(place: Place) -> None:
    edge = place.edge()
    for word in (b"one", b"two"):
        place.tell(word)
    assert missed(place, edge, seq=1) == [(2, b"one"), (3, b"two")]
    assert missed(place, edge, seq=2) == [(3, b"two")]
    assert missed(place, edge, seq=3) == []


@ensureDeferred
async def test_who_has_not_heard_the_answer_is_told_it_and_all_since(place: Place) -> None:
    edge = place.edge()
    place.tell(b"one")
    assert missed(place, edge, attempt=2, epoch=0, seq=0) == [(1, b""), (2, b"one")]


@ensureDeferred
async def test_publications_alone_do_not_do(place: Place) -> None:
    edge = place.edge()
    place.tell(b"one")
    edge.next = 5
    assert missed(place, edge, seq=1, first=5) == [(2, b"one")]
    assert missed(place, edge, seq=1, first=6) is None  # requests of which nothing is known here
    assert missed(place, edge, seq=1, stream=9) is None  # of other requests
    assert missed(place, edge, seq=1, epoch=2) is None  # of another owner
    assert missed(place, edge, seq=0) is None  # of before it began
    edge.begin(sync(attempt=3))
    assert missed(place, edge, attempt=3, seq=1) is None  # it is not answered yet


@ensureDeferred
async def test_so_many_bytes_are_remembered_and_older_ones_are_not(place: Place) -> None:
    edge = place.edge()
    for _ in range(4):
        place.tell(b"x" * (RING // 3))
    assert missed(place, edge, seq=2) is None
    told = missed(place, edge, seq=3)
    assert told is not None
    assert [seq for seq, _ in told] == [4, 5]


@ensureDeferred
async def test_without_edges_nothing_is_remembered(place: Place) -> None:
    edge = place.edge()
    place.tell(b"one")
    place.owned.drop_edge(THERE)
    place.owned.add_edge("yonder", place.room)
    assert missed(place, edge, seq=1) is None
