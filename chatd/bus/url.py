"""Where Redis is, and as whom one comes to it: what an operator writes, checked. Pure.

::

    redis://HOST:6379/0      redis://user:password@HOST      redis://:password@HOST
    rediss://HOST?ca_file=/etc/ca.pem                        with TLS; without it, the system's authorities
    unix:/run/redis.sock     unix://user:password@/run/redis.sock?db=1
    redis+cluster://A:6379,B:6379,C                          Redis Cluster; rediss+cluster: with TLS

What has a meaning in a URL is written with % in a user's name or a password: ``%40`` is ``@``.
"""

from urllib.parse import parse_qsl, unquote

import msgspec

PORT = 6379
_EXPECTED = 'expected a URL such as "redis://user:password@host:6379/0", "rediss://…", "unix:…", "redis+cluster://a,b"'


class RedisUrl(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """Where Redis is.

    ``hosts`` are names or addresses with ports: one, or some of a cluster's; none if there is a UNIX socket's
    ``path``.
    """

    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    user: str = ""
    password: str = ""
    db: int = 0
    tls: bool = False
    ca_file: str = ""
    cluster: bool = False

    def __repr__(self) -> str:
        return f"<RedisUrl {self}>"

    def __str__(self) -> str:
        return self.path or ",".join(shown(host, port) for host, port in self.hosts)

    @classmethod
    def parse(cls, text: str) -> "RedisUrl":
        """Read a URL. :raises ValueError: with a sentence that quotes nothing of what may be secret."""
        scheme, colon, rest = text.partition(":")
        rest, _, query = rest.partition("?")
        options = _options(query)
        if scheme == "unix" and colon:
            return _unix(rest, options)
        kind, plus, cluster = scheme.partition("+")
        if kind not in ("redis", "rediss") or (plus and cluster != "cluster") or not rest.startswith("//"):
            raise ValueError(_EXPECTED)
        place, _, db = rest[2:].partition("/")
        user, password, place = _login(place)
        ca_file = options.pop("ca_file", "")
        if ca_file and kind == "redis":
            raise ValueError("ca_file has a meaning with rediss:// alone")
        hosts = tuple(_host(part) for part in place.split(","))
        if len(hosts) > 1 and not cluster:
            raise ValueError("more than one host: that is redis+cluster://")
        number = _db(options.pop("db", db))
        if number and cluster:
            raise ValueError("a Redis Cluster has one database, number 0")
        _nothing_else(options)
        return cls(hosts, "", user, password, number, kind == "rediss", ca_file, bool(cluster))


def shown(host: str, port: int) -> str:
    """A host and its port, for people."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unix(rest: str, options: dict[str, str]) -> RedisUrl:
    user = password = ""
    if rest.startswith("//"):
        login, slash, path = rest[2:].rpartition("@")[0], "/", rest[2:].rpartition("@")[2]
        user, password, _ = _login(f"{login}@") if login else ("", "", "")
        rest = path if path.startswith(slash) else ""
    if not rest.startswith("/"):
        raise ValueError('expected a socket\'s whole path: "unix:/run/redis.sock"')
    db = _db(options.pop("db", ""))
    _nothing_else(options)
    return RedisUrl((), unquote(rest), user, password, db)


def _login(place: str) -> tuple[str, str, str]:
    """User, password, and the rest."""
    login, at, place = place.rpartition("@")
    user, _, password = login.partition(":")
    user, password = unquote(user), unquote(password)
    if at and not password:
        raise ValueError("a user without a password: user:password@host, or :password@host")
    return user, password, place


def _host(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError(_EXPECTED)
        port = port[1:]
    else:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError("a host is missing")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(
            "a port is a number from 1 to 65535 (and @, : and / in a password are written %40, %3A, %2F)"
        )
    return host, int(port) if port else PORT


def _db(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("a database is a number: redis://host/0 (and / in a password is written %2F)")
    return int(text or 0)


def _options(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def _nothing_else(options: dict[str, str]) -> None:
    if options:
        raise ValueError("of options there are ca_file (with rediss://) and db")
