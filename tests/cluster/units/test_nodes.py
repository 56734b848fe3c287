"""A node's lease, and what nodes say to each other, on a real Redis. Its clock is turned by hand."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.task import Clock

from chatd.bus.redis import Redis, RedisAway, RedisUrl, Subscriber
from chatd.cluster import wire
from chatd.cluster.nodes import Nodes
from chatd.cluster.scripts import Names
from tests.bus.conftest import TIMEOUT, Links
from tests.bus.links import soon
from tests.bus.servers import Server

LEASE = 60.0  # seconds; no test takes so long
NAMES = Names("chatd")


class Peer:
    """A node, and what it learns of others."""

    def __init__(
        self, name: str, redis: Redis, subscriber: Subscriber, clock: Clock, soon: Callable[..., object]
    ) -> None:
        self.clock = clock
        self._soon = soon
        self.subscriber = subscriber
        self.nodes = Nodes(clock, redis, subscriber, NAMES, name, LEASE)
        self._renewals: DeferredQueue[bool] = DeferredQueue()
        self.gone: DeferredQueue[frozenset[str]] = DeferredQueue()
        self.changes: list[frozenset[str]] = []
        self.received: DeferredQueue[Any] = DeferredQueue()
        self.called: DeferredQueue[Any] = DeferredQueue()
        self.nodes.renewed = lambda had: self._soon(self._renewals.put, had)
        self.nodes.gone = self.gone.put
        self.nodes.changed = self.changes.append
        self.nodes.received = self.received.put
        self.nodes.called = self.called.put

    @property
    def me(self) -> str:
        return self.nodes.me

    async def renewed(self) -> bool:
        """Until the next renewal has done all it does. :returns: whether the lease had lasted."""
        return await soon(self._renewals.get())

    async def renew(self) -> bool:
        self.nodes.renew()
        return await self.renewed()


@pytest_twisted.async_yield_fixture
async def peer(redis_server: Server, links: Links) -> Callable[[str], Any]:
    """Starts nodes, which have their leases when that returns."""
    from twisted.internet import reactor

    peers: list[Peer] = []
    subscribers: list[Subscriber] = []

    async def started(name: str) -> Peer:
        redis = links.redis(redis_server.url)
        await redis.up()
        heard = lambda channel, payload: peer.nodes.take(channel, payload)  # noqa: E731
        subscriber = Subscriber(reactor, RedisUrl.parse(redis_server.url), heard, TIMEOUT)
        subscriber.startService()
        subscribers.append(subscriber)
        peer = Peer(name, redis.link, subscriber, Clock(), partial(reactor.callLater, 0))
        peers.append(peer)
        peer.nodes.startService()
        assert await peer.renewed()
        peer.clock.advance(2 * LEASE)  # for so long who begins is patient with the others
        assert await peer.renewed()
        await soon(subscriber.subscribe(NAMES.node(peer.me)))  # holds when this fires
        await soon(subscriber.subscribe(NAMES.farewells))
        return peer

    yield started
    for subscriber in subscribers:
        await subscriber.stopService()


def lapse(server: Server, *nodes: Peer) -> None:
    """The leases of some nodes end."""
    for node in nodes:
        server.ask("ZADD", "chatd:nodes", str(time.time_ns() // 1_000_000 - 1000), node.me)


# -- the lease --------------------------------------------------------------------------------------


@ensureDeferred
async def test_a_node_has_a_new_identity_at_each_start(peer) -> None:
    first, second = await peer("node"), await peer("node")
    assert first.me != second.me
    assert first.me.startswith("node-")


@ensureDeferred
async def test_nodes_know_of_each_other(peer) -> None:
    first, second = await peer("a"), await peer("b")
    assert second.nodes.alive == {first.me, second.me}
    assert first.nodes.alive == {first.me}
    assert await first.renew()
    assert first.nodes.alive == {first.me, second.me}
    assert first.changes == [frozenset(), frozenset()]  # itself, and the other


@ensureDeferred
async def test_nothing_has_changed_where_all_is_as_it_was(peer) -> None:
    node = await peer("a")
    await node.renew()
    assert len(node.changes) == 1


@ensureDeferred
async def test_the_lease_is_renewed_in_time_and_counts_from_the_asking(peer) -> None:
    node = await peer("a")
    assert node.nodes.valid_until == 3 * LEASE
    for turn in (1, 2):
        node.clock.advance(LEASE / 4)
        assert await node.renewed()
        assert node.nodes.valid_until == 3 * LEASE + turn * LEASE / 4


@ensureDeferred
async def test_who_comes_too_late_learns_that_its_lease_had_ended(peer, redis_server: Server) -> None:
    node = await peer("a")
    lapse(redis_server, node)
    assert not await node.renew()
    assert await node.renew()


@ensureDeferred
async def test_a_redis_that_has_forgotten_all_had_no_lease(peer, redis_server: Server) -> None:
    node = await peer("a")
    redis_server.ask("FLUSHALL")
    assert not await node.renew()


@ensureDeferred
async def test_a_node_that_is_not_heard_of_is_gone(peer, redis_server: Server) -> None:
    first, second = await peer("a"), await peer("b")
    await first.renew()
    lapse(redis_server, second)
    await first.renew()
    assert await soon(first.gone.get()) == {second.me}
    assert first.nodes.alive == {first.me}
    assert first.changes[-1] == {second.me}


@ensureDeferred
async def test_after_an_outage_others_have_two_leases_to_come_back(peer, redis_server: Server) -> None:
    first, second = await peer("a"), await peer("b")
    await first.renew()
    lapse(redis_server, first, second)
    assert not await first.renew()
    for _ in range(7):
        first.clock.advance(LEASE / 4)
        await first.renewed()
    assert first.nodes.alive == {first.me, second.me}
    first.clock.advance(LEASE / 4)
    await first.renewed()
    assert await soon(first.gone.get()) == {second.me}


@ensureDeferred
async def test_after_an_outage_who_said_farewell_is_not_waited_for(peer, redis_server: Server) -> None:
    first, second = await peer("a"), await peer("b")
    await first.renew()
    first.nodes.left(second.me)
    assert await soon(first.gone.get()) == {second.me}
    lapse(redis_server, first, second)
    await first.renew()
    assert first.nodes.alive == {first.me}


@ensureDeferred
async def test_the_smallest_leads_as_long_as_its_lease_lasts(peer) -> None:
    first, second = await peer("a"), await peer("b")
    assert first.nodes.is_leader
    assert not second.nodes.is_leader
    first.clock.advance(LEASE)
    assert not first.nodes.is_leader


@ensureDeferred
async def test_redis_is_asked_about_a_node_of_which_nothing_is_known(peer) -> None:
    first, second = await peer("a"), await peer("b")
    assert await soon(Deferred.fromCoroutine(first.nodes.is_alive(second.me)))
    assert not await soon(Deferred.fromCoroutine(first.nodes.is_alive("nobody")))


# -- farewell ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_who_says_farewell_is_gone_at_once(peer, redis_server: Server) -> None:
    first, second = await peer("a"), await peer("b")
    await first.renew()
    await soon(Deferred.fromCoroutine(second.nodes.farewell()))
    assert await soon(first.gone.get()) == {second.me}
    assert redis_server.ask("ZSCORE", "chatd:nodes", second.me).strip() == ""
    assert not await soon(Deferred.fromCoroutine(first.nodes.is_alive(second.me)))


@ensureDeferred
async def test_who_has_said_farewell_asks_for_no_lease_any_more(peer, redis_server: Server) -> None:
    node = await peer("a")
    node.nodes.renew()  # its answer comes after the farewell
    await soon(Deferred.fromCoroutine(node.nodes.farewell()))
    node.nodes.renew()
    assert node.clock.getDelayedCalls() == []
    assert redis_server.ask("ZSCORE", "chatd:nodes", node.me).strip() == ""


@ensureDeferred
async def test_who_has_said_farewell_does_not_ask_who_is_there_either(peer, redis_server: Server) -> None:
    node = await peer("a")
    await soon(Deferred.fromCoroutine(node.nodes.farewell()))
    with pytest.raises(RedisAway):
        await soon(Deferred.fromCoroutine(node.nodes.look()))
    assert redis_server.ask("ZSCORE", "chatd:nodes", node.me).strip() == ""


@ensureDeferred
async def test_an_answer_of_before_a_farewell_brings_nobody_back(peer) -> None:
    first, second = await peer("a"), await peer("b")
    first.nodes.left(second.me)  # before it was known, too; its lease is there still
    await first.renew()
    assert first.nodes.alive == {first.me}
    assert first.gone.pending == []


@ensureDeferred
async def test_nobody_is_gone_twice(peer) -> None:
    first, second = await peer("a"), await peer("b")
    await first.renew()
    for _ in range(2):
        first.nodes.left(second.me)
    first.nodes.left(first.me)
    assert await soon(first.gone.get()) == {second.me}
    assert first.gone.pending == []
    assert first.nodes.alive == {first.me}


# -- what they say ----------------------------------------------------------------------------------


@ensureDeferred
async def test_all_that_is_said_to_a_node_in_a_turn_is_heard_at_once_and_in_order(peer) -> None:
    first, second = await peer("a"), await peer("b")
    said: list[wire.OfRooms] = [wire.Stranger(first.me, room) for room in ("a", "b", "c")]
    for each in said[:2]:
        first.nodes.post(second.me, each)
    first.nodes.collect = lambda: first.nodes.post(second.me, said[2])
    first.clock.advance(0)
    assert await soon(second.received.get()) == said
    first.nodes.collect = lambda: None
    first.nodes.post(second.me, said[0])
    first.clock.advance(0)
    assert await soon(second.received.get()) == said[:1]


@ensureDeferred
async def test_what_is_said_at_once_does_not_wait_for_the_turn(peer) -> None:
    first, second = await peer("a"), await peer("b")
    waits, comes = (wire.Stranger(first.me, room) for room in ("a", "b"))
    first.nodes.post(second.me, waits)
    first.nodes.send(second.me, comes)
    assert await soon(second.received.get()) == [comes]
    first.clock.advance(0)
    assert await soon(second.received.get()) == [waits]


@ensureDeferred
async def test_calls_and_answers_are_told_apart_from_what_is_of_rooms(peer) -> None:
    first, second = await peer("a"), await peer("b")
    call, answer = wire.Call(first.me, 1, "echo", b"?"), wire.Answer(1, True, b"!")
    for each in (call, wire.Stranger(first.me, "a"), answer):
        first.nodes.post(second.me, each)
    first.clock.advance(0)
    assert await soon(second.received.get()) == [wire.Stranger(first.me, "a")]
    assert [await soon(second.called.get()) for _ in range(2)] == [call, answer]


@ensureDeferred
async def test_what_is_on_other_channels_is_not_theirs(peer) -> None:
    node = await peer("a")
    assert not node.nodes.take(NAMES.room("lobby"), b"")
    assert node.nodes.take(NAMES.farewells, b"nobody")
