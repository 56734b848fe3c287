"""The rooms that live here, as Redis sees them when this node goes, or nobody is there any more."""

from typing import Any

from pytest_twisted import ensureDeferred
from twisted.internet.task import Clock

from chatd.bus.redis import Redis
from chatd.chat import Chat
from chatd.cluster.host import Host
from chatd.cluster.owned import Owned
from chatd.cluster.scripts import CLAIM, RELEASE, Names
from chatd.conversations import Conversations
from chatd.interfaces import IMessageStore
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.room import Connection
from chatd.stamp import Stamp
from chatd.turn import Turn
from chatd.wire.events import Encoder
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server
from tests.channel import ListChannel, connection
from tests.cluster.units.said import HERE, READ, ROOM, sync
from tests.cluster.units.willing import WillingRedis
from tests.outbox import no_store
from tests.stores import HeldStore, PromptStore

NAMES = Names("chatd")
OWNER, ROSTER = NAMES.keys(ROOM)


class Hall:
    """A node on which a room lives, with what makes it a room."""

    def __init__(self, redis: Redis, store: IMessageStore | None = None) -> None:
        self.clock = Clock()
        registry, bus, texts = Registry(Encoder().encode), ToHost(), NoticeTexts()
        self.store = store or no_store()
        outbox, stamp = Outbox(self.clock, bus, self.store), Stamp(self.clock.seconds)
        conversations = Conversations(registry, outbox, stamp, texts, {}, 100, 600.0, 10**6)
        self.registry, self.outbox, self.stamp = registry, outbox, stamp
        self.chat = Chat(registry, outbox, self.clock, stamp, texts, conversations)
        self.host = Host(self.clock, self.chat, registry, outbox, redis, NAMES, HERE, Encoder().encode)
        bus.publish = self.host.deliver

    def own(self) -> Owned:
        """The room is this node's."""
        owned = self.host.rooms[ROOM] = self.host.make(ROOM, 1)
        return owned

    def come(self, user: str, number: int) -> Connection:
        somebody = connection(user, ROOM)
        somebody.number = number
        self.chat.join(somebody)
        return somebody

    def settle(self) -> None:
        """All that is to be told has been told."""
        self.clock.pump([0, 0, 0])


class ToHost:
    """The road's end, once there is one."""

    trouble = None


async def linked(server: Server, links: Links) -> Redis:
    """Redis, which knows the script that releases a room: it is done in its order then."""
    link = links.redis(server.url)
    await link.up()
    await soon(link.link.run(RELEASE, [OWNER, ROSTER], [b"nobody"]))
    return link.link


async def online(redis: Redis) -> list[bytes]:
    """Who is online, as Redis knows. What was said before has been done."""
    return sorted((await soon(redis.run(READ, [ROSTER], ())))[::2])


@ensureDeferred
async def test_who_is_here_when_the_node_goes_stays_in_the_roster_for_the_next_owner(
    redis_server: Server, links: Links
) -> None:
    link = links.redis(redis_server.url)
    await link.up()
    hall = Hall(link.link)
    owned = hall.own()
    await soon(owned.own())
    ann, bob, cid = (hall.come(user, number) for number, user in enumerate(("ann", "bob", "cid"), 1))
    hall.settle()
    owned.add_edge("there", hall.registry.rooms[ROOM]).begin(sync())
    hall.settle()
    hall.chat.leave(cid)  # before it goes: that is told
    hall.chat.close()
    hall.clock.advance(0)
    hall.host.close()
    for somebody in (ann, bob):
        hall.chat.leave(somebody)
    hall.settle()
    assert await online(link.link) == [b"here:1", b"here:2"]
    assert await soon(link.link.call("HGET", OWNER, "node")) == HERE.encode()


@ensureDeferred
async def test_a_room_stays_until_what_the_store_failed_to_do_there_is_done(
    redis_server: Server, links: Links
) -> None:
    redis = await linked(redis_server, links)
    store = HeldStore(PromptStore())
    store.open()
    store.claim(ROOM, HERE)
    hall = Hall(redis, store)
    await soon(hall.own().own())
    hall.outbox.keep(ROOM, "carl", None)  # a conversation ends, and its last members leave
    hall.host.discard(ROOM)
    hall.settle()
    store.fail()
    for _ in range(3):
        hall.clock.advance(1.0)
        hall.settle()
        assert ROOM in hall.host.rooms
        if store.is_busy:
            store.fail()
    hall.clock.advance(1.0)
    store.keep()
    assert _forgets(store.turns[-1])
    hall.clock.pump([1.0, 0, 0])
    assert ROOM not in hall.host.rooms
    assert await soon(redis.run(READ, [OWNER], ())) == []


def _forgets(turn: Turn) -> bool:
    """Whether Carl's container is forgotten, as the room's owner may do."""
    return (turn.gone, turn.fences) == ([(ROOM, "carl")], [(ROOM, 1)])


@ensureDeferred
async def test_a_room_of_which_only_redis_thinks_that_it_is_here_is_nobodys(
    redis_server: Server, links: Links
) -> None:
    redis = await linked(redis_server, links)
    hall = Hall(redis)
    owned = hall.own()
    await soon(owned.own())
    del hall.host.rooms[ROOM]  # and what told Redis so was lost
    hall.host.disown(ROOM)
    assert await soon(redis.run(READ, [OWNER], ())) == []
    await soon(redis.run(CLAIM, [OWNER, ROSTER], [b"another", b""]))
    hall.host.disown(ROOM)
    assert await soon(redis.call("HGET", OWNER, "node")) == b"another"


def test_what_happened_before_a_room_became_another_nodes_is_heard_by_who_is_here() -> None:
    redis: Any = WillingRedis()
    hall = Hall(redis)
    owned = hall.own()
    ann = hall.come("ann", 1)
    hall.settle()
    demoted: list[Connection] = []
    hall.host.demoted = lambda owned, connections, people: demoted.extend(connections)
    bob = hall.come("bob", 2)
    owned.fence()
    hall.settle()
    assert demoted == [ann, bob]
    for somebody in demoted:
        assert isinstance(somebody.channel, ListChannel)
        assert somebody.channel.frames()[-1]["userId"] == "bob"
