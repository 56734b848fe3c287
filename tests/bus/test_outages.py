"""Redis goes away, or says nothing, and comes back: links on real servers that are stopped and paused."""

import pytest
from pytest_twisted import ensureDeferred
from twisted.logger import LogEvent, formatEvent

from chatd.bus.redis import RedisAway
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server

SHORT = 0.6  # seconds, after which a server that is paused is noticed


@ensureDeferred
async def test_a_paused_server_is_noticed_by_a_command_and_comes_back(server: Server, links: Links) -> None:
    redis = links.redis(server.url, SHORT)
    await redis.up()
    server.pause()
    with pytest.raises(RedisAway, match=r"no answer in 0\.6 seconds"):
        await soon(redis.link.call("SET", "key", 1))
    assert "no answer in 0.6 seconds" in await redis.down()
    server.resume()
    await redis.up()
    assert await redis.link.call("PING") == b"PONG"


@ensureDeferred
async def test_a_paused_server_is_noticed_when_nobody_says_anything(server: Server, links: Links) -> None:
    redis = links.redis(server.url, SHORT)
    subscriber, _ = links.subscriber(server.url, SHORT)
    await redis.up()
    await subscriber.up()
    server.pause()
    assert "no answer in 0.6 seconds" in await redis.down()
    assert "no answer in 0.6 seconds" in await subscriber.down()
    server.resume()
    await redis.up()
    await subscriber.up()


@ensureDeferred
async def test_a_quiet_server_that_lives_is_left_alone(server: Server, links: Links) -> None:
    redis = links.redis(server.url, timeout=0.3)
    subscriber, _ = links.subscriber(server.url, timeout=0.3)
    await redis.up()
    await subscriber.up()
    waiter = links.redis(server.url)
    await waiter.up()
    await waiter.link.call("BLPOP", "nothing", 0.5)  # longer than the others' timeout
    assert not redis.has_changed
    assert not subscriber.has_changed


@ensureDeferred
async def test_a_restart_is_survived(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    subscriber, heard = links.subscriber(server.url)
    await redis.up()
    await subscriber.up()
    await soon(subscriber.link.subscribe(b"news"))
    server.stop()
    await redis.down()
    await subscriber.down()
    server.start()
    await redis.up()
    await subscriber.up()
    assert await redis.link.call("PUBLISH", "news", "again") == 1
    assert await heard.next() == (b"news", b"again")


@ensureDeferred
async def test_an_outage_is_one_line_and_its_end_another(
    server: Server, links: Links, log: list[LogEvent]
) -> None:
    redis = links.redis(server.url)
    await redis.up()
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    await redis.down()
    await redis.up()
    where = f"Redis at 127.0.0.1:{server.port} (commands)"
    assert [formatEvent(event) for event in log if "chatd.bus" in event["log_namespace"]] == [
        f"{where}: works",
        f"{where}: it closed the connection",
        f"{where}: works",
    ]


@ensureDeferred
async def test_a_replica_is_left_for_who_is_master_then(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    server.ask("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(RedisAway, match="READONLY"):
        await redis.link.call("SET", "key", 1)
    assert "READONLY" in await redis.down()
    server.ask("REPLICAOF", "NO", "ONE")
    await redis.up()
    assert await redis.link.call("SET", "key", 1) == b"OK"


@ensureDeferred
async def test_a_bug_in_who_is_told_does_not_end_the_link(
    server: Server, links: Links, log: list[LogEvent]
) -> None:
    redis = links.redis(server.url)
    await redis.up()

    def buggy(trouble: str) -> None:
        raise ZeroDivisionError

    redis.link.down = buggy
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    await redis.up()
    (event,) = [event for event in log if "log_failure" in event]
    assert formatEvent(event) == "a bug in what follows the link to Redis"
    log.remove(event)
