"""URLs of Redis."""

import pytest

from chatd.bus.url import RedisUrl


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("redis://shop", RedisUrl((("shop", 6379),))),
        ("redis://shop:7000/2", RedisUrl((("shop", 7000),), db=2)),
        ("redis://shop?db=2", RedisUrl((("shop", 6379),), db=2)),
        ("redis://:p%40ss@shop/", RedisUrl((("shop", 6379),), password="p@ss")),
        ("redis://ann:a:b@[::1]:7000", RedisUrl((("::1", 7000),), user="ann", password="a:b")),
        ("redis://[::1]", RedisUrl((("::1", 6379),))),
        ("rediss://shop", RedisUrl((("shop", 6379),), tls=True)),
        ("rediss://shop?ca_file=/a%20b.pem", RedisUrl((("shop", 6379),), tls=True, ca_file="/a b.pem")),
        ("unix:/run/redis.sock", RedisUrl(path="/run/redis.sock")),
        ("unix:///run/redis.sock?db=1", RedisUrl(path="/run/redis.sock", db=1)),
        ("unix://ann:p@/run/redis.sock", RedisUrl(path="/run/redis.sock", user="ann", password="p")),
        ("redis+cluster://a,b:7000", RedisUrl((("a", 6379), ("b", 7000)), cluster=True)),
        ("rediss+cluster://:p@a", RedisUrl((("a", 6379),), password="p", tls=True, cluster=True)),
    ],
)
def test_a_url_says_where_redis_is(text: str, url: RedisUrl) -> None:
    assert RedisUrl.parse(text) == url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "expected a URL"),
        ("shop:6379", "expected a URL"),
        ("http://shop", "expected a URL"),
        ("redis:shop", "expected a URL"),
        ("redis+sentinel://shop", "expected a URL"),
        ("redis+://shop", "expected a URL"),
        ("redis://", "a host is missing"),
        ("redis+cluster://a,", "a host is missing"),
        ("redis://shop:0", "a port is a number"),
        ("redis://shop:x", "a port is a number"),
        ("redis://[::1]7", "expected a URL"),
        ("redis://a,b", r"redis\+cluster"),
        ("redis://shop/x", "a database is a number"),
        ("redis+cluster://shop/1", "has one database"),
        ("redis://ann@shop", "a user without a password"),
        ("redis://shop?ca_file=/ca.pem", "rediss"),
        ("redis://shop?timeout=3", "of options there are"),
        ("unix:redis.sock", "whole path"),
        ("unix://redis.sock", "whole path"),
        ("unix:/redis.sock?ca_file=x", "of options there are"),
    ],
)
def test_what_is_none_is_said(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RedisUrl.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "redis://ann:hush/hush@shop",
        "redis://ann:hush?hush@shop",
        "redis://ann:hush@shop:hush",
        "redis://ann:hush@shop/hush",
        "redis://ann:hush@",
        "unix://ann:hush@redis.sock",
        "redus://ann:hush@shop",
        "redis://shop?password=hush",
    ],
)
def test_a_mistake_gives_no_password_away(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        RedisUrl.parse(text)
    assert "hush" not in str(raised.value)


def test_no_text_of_a_url_has_its_password() -> None:
    url = RedisUrl.parse("redis+cluster://ann:hush@a,[::1]:7000")
    assert (str(url), repr(url)) == ("a:6379,[::1]:7000", "<RedisUrl a:6379,[::1]:7000>")
    assert str(RedisUrl.parse("unix://ann:hush@/run/redis.sock")) == "/run/redis.sock"
