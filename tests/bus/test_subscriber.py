"""Publications, from a real Redis server."""

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import CancelledError, gatherResults
from twisted.logger import LogEvent, formatEvent

from chatd.bus.redis import Script
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server

PUBLISH = Script("return redis.call('PUBLISH', KEYS[1], ARGV[1])")


@ensureDeferred
async def test_what_is_published_is_heard_in_order(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    await soon(subscriber.link.subscribe(b"news"))
    published = gatherResults([redis.link.run(PUBLISH, [b"news"], [number]) for number in range(300)])
    assert await heard.payloads(300) == [str(number).encode() for number in range(300)]
    assert await published == [1] * 300


@ensureDeferred
async def test_only_what_is_subscribed_to_is_heard(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    await gatherResults([subscriber.link.subscribe(channel) for channel in (b"a", b"b")])
    assert await redis.link.call("PUBLISH", "a", 1) == 1
    assert await redis.link.call("PUBLISH", "c", 2) == 0
    subscriber.link.unsubscribe(b"a")
    await soon(subscriber.link.subscribe(b"d"))  # by then Redis has done what was asked before
    assert await redis.link.call("PUBLISH", "a", 3) == 0
    assert await redis.link.call("PUBLISH", "b", 4) == 1
    assert [await heard.next(), await heard.next()] == [(b"a", b"1"), (b"b", b"4")]


@ensureDeferred
async def test_subscribing_is_in_force_once_however_often_it_is_asked_for(
    server: Server, links: Links
) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    early = subscriber.link.subscribe(b"news")  # before there is a connection
    again = subscriber.link.subscribe(b"news")
    assert not early.called
    await soon(gatherResults([early, again]))
    assert subscriber.link.subscribe(b"news").called
    await redis.link.call("PUBLISH", "news", 1)
    await redis.link.call("PUBLISH", "news", 2)
    assert await heard.payloads(2) == [b"1", b"2"]


@ensureDeferred
async def test_a_channel_given_up_and_wanted_again_is_heard(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    await subscriber.up()
    given_up = subscriber.link.subscribe(b"news")
    subscriber.link.unsubscribe(b"news")
    with pytest.raises(CancelledError):
        await given_up
    await soon(subscriber.link.subscribe(b"news"))
    assert await redis.link.call("PUBLISH", "news", 1) == 1
    assert await heard.payloads(1) == [b"1"]
    subscriber.link.unsubscribe(b"never heard of")


@ensureDeferred
async def test_it_is_up_when_all_subscriptions_are_in_force_again(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    await subscriber.up()
    channels = [f"room-{number}".encode() for number in range(2500)]
    await soon(gatherResults([subscriber.link.subscribe(channel) for channel in channels]))
    server.ask("CLIENT", "KILL", "TYPE", "pubsub")
    await subscriber.down()
    fresh = subscriber.link.subscribe(b"fresh")  # during the outage
    subscriber.link.unsubscribe(channels.pop())
    await subscriber.up()
    assert fresh.called
    found = await gatherResults([redis.link.call("PUBLISH", channel, 1) for channel in channels])
    assert found == [1] * len(channels)
    assert sorted([(await heard.next())[0] for _ in channels]) == sorted(channels)


@ensureDeferred
async def test_who_does_not_keep_up_is_cut_off_and_comes_back(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url, timeout=30)  # it is Redis that ends it
    await redis.up()
    await subscriber.up()
    await soon(subscriber.link.subscribe(b"news"))
    server.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 100000 100000 0")
    # more than sockets' buffers hold, in one turn, in which nobody reads
    flood = "for i = 1, 200 do redis.call('PUBLISH', 'news', ARGV[1]) end return 200"
    assert server.ask("EVAL", flood, "0", "x" * 100_000) == "200"
    await subscriber.down()
    await subscriber.up()
    assert await redis.link.call("PUBLISH", "news", "after") == 1
    payload = b""
    while payload != b"after":
        _, payload = await heard.next()


@ensureDeferred
async def test_a_bug_in_who_hears_costs_one_publication(
    server: Server, links: Links, log: list[LogEvent]
) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()

    def received(channel: bytes, payload: bytes) -> None:
        heard(channel, bytes([int(payload) // (int(payload) - 2)]))

    subscriber.link._received = received
    await soon(subscriber.link.subscribe(b"news"))
    for number in (2, 4):
        await redis.link.call("PUBLISH", "news", number)
    assert await heard.payloads(1) == [b"\x02"]
    (event,) = [event for event in log if "log_failure" in event]
    assert formatEvent(event) == "a bug in taking a publication"
    log.remove(event)
