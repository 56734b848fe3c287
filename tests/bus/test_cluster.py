"""Commands, scripts and publications on a real Redis Cluster of three masters."""

from collections.abc import Iterator

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import gatherResults

from chatd.bus.redis import RedisAway, RedisError, Script
from chatd.bus.slots import slot_of
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server

SHORT = 0.6  # seconds, after which a server that is paused is noticed
APPEND = Script("redis.call('PUBLISH', 'news', ARGV[1]) return redis.call('RPUSH', KEYS[1], ARGV[1])")


def url(servers: list[Server]) -> str:
    """A cluster, of which one server is known."""
    return f"redis+cluster://127.0.0.1:{servers[0].port}"


@pytest.fixture
def key(cluster: list[Server]) -> Iterator[bytes]:
    """A key of the first server, which has its slot again after the test."""
    yield b"{a}list" if slot_of(b"a") < 5461 else b"{b}list"
    for server in cluster:
        server.ask("FLUSHALL")


def owner_of(cluster: list[Server], slot: int) -> Server:
    """The server that has a slot."""
    for line in cluster[0].ask("CLUSTER", "NODES").splitlines():
        _, place, _, _, _, _, _, _, *ranges = line.split()
        for text in ranges:
            first, _, last = text.partition("-")
            if not text.startswith("[") and int(first) <= slot <= int(last or first):
                port = int(place.partition("@")[0].rpartition(":")[2])
                return next(server for server in cluster if server.port == port)
    raise AssertionError(f"nobody has {slot}")


class Move:
    """A slot that moves to another server, as an operator's tools move it."""

    def __init__(self, cluster: list[Server], slot: int) -> None:
        self.slot = str(slot)
        self.source = owner_of(cluster, slot)
        self.target = next(server for server in cluster if server is not self.source)
        self._ids = [server.ask("CLUSTER", "MYID") for server in (self.source, self.target)]

    def begin(self) -> None:
        """Keys may go, and new ones are the target's."""
        self.target.ask("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self._ids[0])
        self.source.ask("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self._ids[1])

    def carry(self) -> None:
        """The keys go."""
        for key in self.source.ask("CLUSTER", "GETKEYSINSLOT", self.slot, "100").split():
            self.source.ask("MIGRATE", "127.0.0.1", str(self.target.port), key, "0", "5000")

    def end(self) -> None:
        """The slot is the target's."""
        for server in (self.target, self.source):
            server.ask("CLUSTER", "SETSLOT", self.slot, "NODE", self._ids[1])


@ensureDeferred
async def test_commands_find_the_master_of_their_key(cluster: list[Server], links: Links) -> None:
    redis = links.redis(url(cluster))
    await redis.up()
    keys = [f"key-{number}" for number in range(300)]
    assert await gatherResults([redis.link.call("SET", key, key) for key in keys]) == [b"OK"] * 300
    assert await gatherResults([redis.link.call("GET", key) for key in keys]) == [
        key.encode() for key in keys
    ]
    sizes = [int(server.ask("DBSIZE")) for server in cluster]
    assert sum(sizes) == 300 and min(sizes) > 0
    assert await redis.link.call("PING") == b"PONG"
    for server in cluster:
        assert "errorstat_MOVED" not in server.ask("INFO", "errorstats")
        server.ask("FLUSHALL")


@ensureDeferred
async def test_what_scripts_publish_anywhere_is_heard_everywhere(cluster: list[Server], links: Links) -> None:
    redis = links.redis(url(cluster))
    hearing = [links.subscriber(f"redis+cluster://127.0.0.1:{server.port}") for server in cluster]
    await redis.up()
    for subscriber, _ in hearing:
        await soon(subscriber.link.subscribe(b"news"))
    words = [str(number).encode() for number in range(30)]
    await gatherResults([redis.link.run(APPEND, [b"key-" + word], [word]) for word in words])
    for _, heard in hearing:
        assert sorted(await heard.payloads(30)) == sorted(words)
    for server in cluster:
        server.ask("FLUSHALL")


@ensureDeferred
async def test_a_slot_that_has_moved_is_found_and_order_is_kept(
    cluster: list[Server], links: Links, key: bytes
) -> None:
    redis = links.redis(url(cluster))
    await redis.up()
    assert await redis.link.run(APPEND, [key], [0]) == 1
    move = Move(cluster, slot_of(key))
    move.begin()
    move.carry()
    move.end()
    done = [redis.link.run(APPEND, [key], [1])]
    near = next(
        b"near-%d" % n for n in range(100) if owner_of(cluster, slot_of(b"near-%d" % n)) is move.source
    )
    known = redis.link.call("ECHO", near)  # by its answer it is known that the slot has moved
    redis.link.call("BLPOP", near, 0.2)  # what follows is answered later
    done.append(redis.link.run(APPEND, [key], [2]))
    await known
    done.append(redis.link.run(APPEND, [key], [3]))
    assert await soon(gatherResults(done)) == [2, 3, 4]
    assert await redis.link.call("LRANGE", key, 0, -1) == [b"0", b"1", b"2", b"3"]
    assert owner_of(cluster, slot_of(key)) is move.target
    assert redis.link.trouble is None


@ensureDeferred
async def test_a_slot_that_is_moving_is_no_trouble(cluster: list[Server], links: Links, key: bytes) -> None:
    redis = links.redis(url(cluster))
    await redis.up()
    await redis.link.run(APPEND, [key], [0])
    move = Move(cluster, slot_of(key))
    move.begin()
    assert await redis.link.run(APPEND, [key], [1]) == 2  # it is still there
    tag = key.partition(b"}")[0] + b"}"
    assert await redis.link.run(APPEND, [tag + b"new"], [1]) == 1  # asks the target
    pair = redis.link.call("MGET", key, tag + b"other", tag + b"new")  # some here, some there: not now
    pair.addErrback(lambda failure: failure.value)
    move.carry()
    assert await redis.link.run(APPEND, [key], [2]) == 3  # asks the target
    move.end()
    assert await redis.link.run(APPEND, [key], [3]) == 4
    assert isinstance(await soon(pair), list | RedisError)


@ensureDeferred
async def test_a_master_that_is_away_is_trouble_for_its_keys(cluster: list[Server], links: Links) -> None:
    redis = links.redis(url(cluster), SHORT)
    await redis.up()
    last = cluster[2]
    last.pause()
    trouble = await redis.down()
    assert f"127.0.0.1:{last.port}" in trouble
    slots = {slot: b"key-%d" % number for number in range(100) for slot in [slot_of(b"key-%d" % number)]}
    away = next(key for slot, key in slots.items() if owner_of(cluster, slot) is last)
    with pytest.raises(RedisAway):
        await redis.link.call("GET", away)
    last.resume()
    await redis.up()
    assert await redis.link.call("GET", away) is None


@ensureDeferred
async def test_a_replica_that_takes_over_is_found(cluster_with_replica: list[Server], links: Links) -> None:
    first, *_, replica = cluster_with_replica
    place = f"redis+cluster://127.0.0.1:{first.port},127.0.0.1:{replica.port}"
    redis = links.redis(place)
    subscriber, heard = links.subscriber(place)
    await redis.up()
    await subscriber.up()
    await soon(subscriber.link.subscribe(b"news"))
    key = next(key for key in (b"a", b"b", b"c", b"d", b"e", b"f") if slot_of(key) < 5461)
    assert await redis.link.call("SET", key, 1) == b"OK"
    first.stop()
    await redis.down()
    await subscriber.down()
    await subscriber.up()  # at another
    await redis.up()
    assert "role:master" in replica.ask("INFO", "replication")
    assert await redis.link.run(APPEND, [b"{" + key + b"}list"], [1]) == 1
    assert await heard.payloads(1) == [b"1"]


@ensureDeferred
async def test_a_user_needs_little_more_on_a_cluster(cluster: list[Server], links: Links) -> None:
    rights = ["-@all", "+ping", "+cluster|slots", "+cluster|info", "+asking"]
    task = ["+publish", "+subscribe", "+unsubscribe", "+eval", "+evalsha", "+rpush"]
    for server in cluster:
        server.ask("ACL", "SETUSER", "chatd", "on", ">secret", "allchannels", "allkeys", *rights, *task)
    place = url(cluster).replace("://", "://chatd:secret@")
    redis = links.redis(place)
    subscriber, heard = links.subscriber(place)
    await redis.up()
    await soon(subscriber.link.subscribe(b"news"))
    assert await redis.link.run(APPEND, [b"another list"], [1]) == 1
    assert await heard.payloads(1) == [b"1"]


@ensureDeferred
async def test_a_server_without_a_cluster_says_so(server: Server, links: Links) -> None:
    redis = links.redis(f"redis+cluster://127.0.0.1:{server.port}")
    assert "cluster support disabled" in await redis.down()
    subscriber, _ = links.subscriber(f"redis+cluster://127.0.0.1:{server.port}")
    assert "cluster support disabled" in await subscriber.down()


@ensureDeferred
async def test_a_known_server_that_is_away_does_not_matter_while_another_is_there(
    cluster: list[Server], server: Server, links: Links
) -> None:
    server.stop()
    place = f"redis+cluster://127.0.0.1:{server.port},127.0.0.1:{cluster[1].port}"
    redis = links.redis(place)
    subscriber, heard = links.subscriber(place)
    await redis.up()
    await soon(subscriber.link.subscribe(b"news"))
    await redis.link.call("PUBLISH", "news", 1)
    assert await heard.payloads(1) == [b"1"]
