"""Who comes to Redis, and how: users, passwords, databases, TLS, UNIX sockets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet.defer import gatherResults
from twisted.logger import LogEvent, formatEvent

from chatd.bus.redis import RedisError
from tests.bus.conftest import Links
from tests.bus.links import soon
from tests.bus.servers import Server, with_tls
from tests.certificates import Authority

Start = Callable[..., Server]


@ensureDeferred
async def test_a_user_may_do_what_the_acl_says(start: Start, links: Links) -> None:
    server = start("--user", *["chatd", "on", ">p@ss:/word", "~chatd:*", "&chatd:*", "+@all", "-@dangerous"])
    url = f"redis://chatd:p%40ss%3A%2Fword@127.0.0.1:{server.port}"
    redis = links.redis(url)
    subscriber, heard = links.subscriber(url)
    await redis.up()
    await subscriber.up()
    await soon(subscriber.link.subscribe(b"chatd:news"))
    assert await redis.link.call("PUBLISH", "chatd:news", 1) == 1
    assert await heard.next() == (b"chatd:news", b"1")
    with pytest.raises(RedisError, match="NOPERM"):
        await redis.link.call("SET", "others", 1)


@ensureDeferred
async def test_beside_its_task_a_user_needs_ping_alone(start: Start, links: Links) -> None:
    rights = ["-@all", "+ping", "+publish", "+subscribe", "+unsubscribe"]
    server = start("--user", "chatd", "on", ">secret", "allchannels", *rights)
    url = f"redis://chatd:secret@127.0.0.1:{server.port}"
    redis = links.redis(url)
    subscriber, heard = links.subscriber(url)
    await redis.up()
    await soon(subscriber.link.subscribe(b"news"))
    assert await redis.link.call("PUBLISH", "news", 1) == 1
    assert await heard.next() == (b"news", b"1")


@ensureDeferred
async def test_a_channel_that_one_may_not_hear_is_said(start: Start, links: Links) -> None:
    server = start("--user", *["chatd", "on", ">secret", "~*", "&chatd:*", "+@all"])
    subscriber, _ = links.subscriber(f"redis://chatd:secret@127.0.0.1:{server.port}")
    await subscriber.up()
    subscriber.link.subscribe(b"others")
    assert "NOPERM" in await subscriber.down()


@ensureDeferred
async def test_a_wrong_password_is_one_line_without_it(
    start: Start, links: Links, log: list[LogEvent]
) -> None:
    server = start("--requirepass", "right")
    redis = links.redis(f"redis://:wrongpass@127.0.0.1:{server.port}")
    trouble = await redis.down()
    assert trouble.endswith("away: WRONGPASS invalid username-password pair or user is disabled.")
    before = server.ask("-a", "right", "INFO", "stats")
    while server.ask("-a", "right", "INFO", "stats") == before:  # it tries again
        await turn()
    lines = [formatEvent(event) for event in log if "chatd.bus" in event["log_namespace"]]
    assert len(lines) == 1
    assert "wrongpass" not in lines[0]


@ensureDeferred
async def test_a_missing_password_is_said_and_one_too_many_too(start: Start, links: Links) -> None:
    closed, open = start("--requirepass", "right"), start()
    assert "NOAUTH Authentication required" in await links.redis(closed.url).down()
    redis = links.redis(f"redis://:tell-nobody@127.0.0.1:{open.port}")
    trouble = await redis.down()
    assert "without any password configured" in trouble
    assert "tell-nobody" not in trouble


@ensureDeferred
async def test_a_server_that_quotes_what_it_is_told_gives_no_password_away(
    start: Start, links: Links
) -> None:
    server = start("--rename-command", "AUTH", "")
    trouble = await links.redis(f"redis://:tell-nobody@127.0.0.1:{server.port}").down()
    assert "unknown command" in trouble
    assert "tell-nobody" not in trouble


@ensureDeferred
async def test_a_database_is_chosen(server: Server, links: Links) -> None:
    redis = links.redis(f"{server.url}/3")
    await redis.up()
    await redis.link.call("SET", "key", 1)
    assert server.ask("-n", "3", "EXISTS", "key") == "1"
    assert server.ask("EXISTS", "key") == "0"
    assert "DB index is out of range" in await links.redis(f"{server.url}/99").down()


@ensureDeferred
async def test_a_unix_socket_will_do(start: Start, links: Links) -> None:
    server = start("--requirepass", "secret", "--port", "0")
    for url in (f"unix://:secret@{server.socket}?db=1",):
        redis = links.redis(url)
        subscriber, heard = links.subscriber(url)
        await redis.up()
        await soon(subscriber.link.subscribe(b"news"))
        await redis.link.call("PUBLISH", "news", 1)
        assert await heard.next() == (b"news", b"1")
    server.stop()
    assert (await redis.down()).startswith(f"Redis at {server.socket} is away: ")


@ensureDeferred
async def test_tls_is_trusted_by_its_authority_and_its_host_name(
    start: Start, links: Links, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server = start()  # for its port
    server.stop()
    tls = start(*with_tls(authority.issue("localhost", "127.0.0.1")), "--tls-port", str(server.port))
    place = f"rediss://localhost:{server.port}?ca_file={authority.file}"
    redis = links.redis(place, timeout=10)
    subscriber, heard = links.subscriber(place, timeout=10)
    await redis.up()
    await soon(subscriber.link.subscribe(b"news"))
    published = gatherResults(
        [redis.link.call("PUBLISH", "news", "x" * 1000 + str(number)) for number in range(100)]
    )
    assert [payload[1000:] for payload in await heard.payloads(100)] == [str(n).encode() for n in range(100)]
    assert await published == [1] * 100
    by_address = links.redis(f"rediss://127.0.0.1:{server.port}?ca_file={authority.file}", timeout=10)
    await by_address.up()
    stranger = links.redis(f"rediss://localhost:{server.port}", timeout=10)
    assert "no authority that is trusted here has signed it" in await stranger.down()
    tls.stop()


@ensureDeferred
async def test_tls_with_another_hosts_certificate_is_refused(
    start: Start, links: Links, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server = start()
    server.stop()
    start(*with_tls(authority.issue("redis.example")), "--tls-port", str(server.port))
    redis = links.redis(f"rediss://localhost:{server.port}?ca_file={authority.file}", timeout=10)
    assert (await redis.down()).endswith("is away: certificate refused: it is another host's")


@ensureDeferred
async def test_authorities_that_cannot_be_read_are_said(server: Server, links: Links, tmp_path: Path) -> None:
    redis = links.redis(f"rediss://127.0.0.1:{server.port}?ca_file={tmp_path}/none.pem")
    assert "none.pem: No such file" in await redis.down()


@ensureDeferred
async def test_what_is_no_redis_is_said(links: Links) -> None:
    from twisted.internet import reactor
    from twisted.internet.protocol import Factory, Protocol

    class Greeter(Protocol):
        def connectionMade(self) -> None:
            self.transport.write(b"220 mail.example ESMTP\r\n")

    port = reactor.listenTCP(0, Factory.forProtocol(Greeter), interface="127.0.0.1")
    redis = links.redis(f"redis://127.0.0.1:{port.getHost().port}")
    assert "does not speak Redis's protocol" in await redis.down()
    await redis.link.stopService()
    await port.stopListening()


async def turn() -> None:
    """A turn of the reactor."""
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    await deferLater(reactor, 0)
