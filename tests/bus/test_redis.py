"""Commands and scripts, on a real Redis server."""

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import gatherResults

from chatd.bus.redis import RedisAway, RedisError, Script
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server

APPEND = Script("return redis.call('RPUSH', KEYS[1], ARGV[1])")


@ensureDeferred
async def test_a_command_is_answered(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    assert await redis.link.call("SET", b"key", "ü") == b"OK"
    assert await redis.link.call("GET", "key") == "ü".encode()
    assert await redis.link.call("INCRBY", "count", 5) == 5
    assert await redis.link.call("GET", "nothing") is None
    assert await redis.link.call("MGET", "key", "nothing", "count") == ["ü".encode(), None, b"5"]


@ensureDeferred
async def test_what_is_called_in_one_turn_is_one_write_answered_in_order(
    server: Server, links: Links
) -> None:
    redis = links.redis(server.url)
    await redis.up()
    before = reads(server)
    replies = await gatherResults([redis.link.call("ECHO", number) for number in range(1000)])
    assert replies == [str(number).encode() for number in range(1000)]
    # Redis reads up to 16 kB at a time; one by one it would have to read a thousand times
    assert reads(server) - before < 20


def reads(server: Server) -> int:
    """How often the server has read from its clients."""
    line = next(line for line in server.ask("INFO", "stats").splitlines() if "total_reads_processed" in line)
    return int(line.partition(":")[2])


@ensureDeferred
async def test_an_error_is_that_of_its_command_alone(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    first, wrong, last = (
        redis.link.call(*words) for words in (("SET", "a", 1), ("LPUSH", "a", 1), ("GET", "a"))
    )
    assert await first == b"OK"
    with pytest.raises(RedisError) as raised:
        await wrong
    assert raised.value.code == "WRONGTYPE"
    assert await last == b"1"


@ensureDeferred
async def test_a_script_is_known_by_its_sha1(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    assert await redis.link.run(APPEND, [b"list"], [b"first"]) == 1
    assert await redis.link.run(APPEND, [b"list"], [2]) == 2
    assert await redis.link.call("LRANGE", "list", 0, -1) == [b"first", b"2"]
    assert "cmdstat_eval:calls=1," in server.ask("INFO", "commandstats")


@ensureDeferred
async def test_scripts_that_redis_has_lost_are_run_in_the_order_of_calling(
    server: Server, links: Links
) -> None:
    redis = links.redis(server.url)
    await redis.up()
    await redis.link.run(APPEND, [b"other"], [0])
    server.ask("SCRIPT", "FLUSH")
    done = [redis.link.run(APPEND, [b"list"], [1])]
    known = redis.link.call("ECHO", "by now it is known that the script is lost")
    redis.link.call("BLPOP", "nothing", 0.2)  # what follows is answered later
    done.append(redis.link.run(APPEND, [b"list"], [2]))
    await known
    done.append(redis.link.run(APPEND, [b"list"], [3]))
    assert await soon(gatherResults(done)) == [1, 2, 3]
    assert await redis.link.call("LRANGE", "list", 0, -1) == [b"1", b"2", b"3"]


@ensureDeferred
async def test_a_script_that_redis_does_not_know_is_run_before_a_later_one_that_it_knows(
    server: Server, links: Links
) -> None:
    first = links.redis(server.url)
    await first.up()
    await first.link.run(APPEND, [b"other"], [0])
    second = links.redis(server.url)
    await second.up()
    count = Script("return redis.call('LLEN', KEYS[1])")
    before, _ = second.link.run(count, [b"list"], []), second.link.run(APPEND, [b"list"], [1])
    assert await soon(before) == 0


@ensureDeferred
async def test_an_error_inside_a_script_is_no_missing_script(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    with pytest.raises(RedisError, match="no good"):
        await redis.link.run(Script("return redis.error_reply('NO no good')"), [], [])
    with pytest.raises(RedisError, match="NOSCRIPT"):
        await redis.link.call("EVALSHA", "0" * 40, 0)


@ensureDeferred
async def test_without_a_connection_a_command_fails_at_once(server: Server, links: Links) -> None:
    server.stop()
    redis = links.redis(server.url)
    assert redis.link.trouble == "Redis is not connected yet"
    with pytest.raises(RedisAway, match="not connected yet"):
        await redis.link.call("PING")
    trouble = await redis.down()
    assert trouble == redis.link.trouble
    assert trouble.startswith(f"Redis at 127.0.0.1:{server.port} is away: Connection was refused")
    with pytest.raises(RedisAway, match="refused"):
        await redis.link.call("PING")


@ensureDeferred
async def test_a_connection_that_is_closed_takes_what_waits_with_it(server: Server, links: Links) -> None:
    redis = links.redis(server.url)
    await redis.up()
    waiting = redis.link.call("BLPOP", "nothing", 0)
    await redis.link.stopService()
    with pytest.raises(RedisAway):
        await waiting
    with pytest.raises(RedisAway):
        await redis.link.call("PING")
