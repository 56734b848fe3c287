"""Asks Redis once, before the server starts, whether it lets in who comes with this URL."""

import socket
import ssl
from typing import Any

import hiredis

from chatd.bus.url import RedisUrl, shown

Words = tuple[bytes | str | int, ...]

RIGHTS = """
redis.call('TIME')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'a', 1)
redis.call('HGET', KEYS[1], 'a')
redis.call('HMGET', KEYS[1], 'a')
redis.call('HGETALL', KEYS[1])
redis.call('EXPIRE', KEYS[1], 60)
redis.call('HDEL', KEYS[1], 'a')
redis.call('ZADD', KEYS[1], 1, 'a')
redis.call('EXPIRE', KEYS[1], 60)
redis.call('ZSCORE', KEYS[1], 'a')
redis.call('ZRANGEBYSCORE', KEYS[1], 1, 1)
redis.call('ZREMRANGEBYSCORE', KEYS[1], 2, 2)
redis.call('ZREM', KEYS[1], 'a')
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', KEYS[1], '')
return 1
"""
"""All that scripts do. It leaves nothing behind; if it may not go on, nothing for long."""
LOGIN = "see to the user and the password in the URL"
NUMBER = "see to the number of the database in the URL"
ACL = "give its user the rights that the manual lists"


def mistake(url: RedisUrl, prefix: str, timeout: float) -> str | None:
    """What Redis has against it, in one line, and how to mend that.

    :param prefix: of keys and channels.
    :returns: None if it has nothing against it, or does not answer now: then it is waited for.
    """
    for address in url.hosts or (None,):
        where = shown(*address) if address else url.path
        try:
            with _connected(url, address, timeout) as connection:
                found = _refusal(connection, url, prefix)
        except OSError:
            continue
        except hiredis.ProtocolError:
            return f"what answers at {where} does not speak Redis's protocol"
        if found is None:
            return None
        said, mend = found
        if url.password:
            said = said.replace(url.password, "…")
        return f"Redis at {where}: {said}: {mend}"
    return None


def _connected(url: RedisUrl, address: tuple[str, int] | None, timeout: float) -> socket.socket:
    if address is None:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(url.path)
        return connection
    connection = socket.create_connection(address, timeout)
    if not url.tls:
        return connection
    context = ssl.create_default_context(cafile=url.ca_file or None)
    return context.wrap_socket(connection, server_hostname=address[0])


def _refusal(connection: socket.socket, url: RedisUrl, prefix: str) -> tuple[str, str] | None:
    """What Redis refuses first, and how to mend that."""
    name = f"{prefix}:probe"
    questions: list[tuple[Words, str]] = [
        (("PING",), LOGIN),
        (("EVALSHA", "0" * 40, 1, name), ACL),
        (("EVAL", RIGHTS, 1, name), ACL),
        (("PUBLISH", name, ""), ACL),
        (("HGET", name, "a"), ACL),
        (("SUBSCRIBE", name), ACL),
        (("UNSUBSCRIBE", name), ACL),
    ]
    if url.db:
        questions.insert(0, (("SELECT", url.db), NUMBER))
    if url.password:
        questions.insert(0, (("AUTH", *([url.user] if url.user else []), url.password), LOGIN))
    reader = hiredis.Reader()
    for words, mend in questions:
        reply = _asked(connection, reader, words)
        if isinstance(reply, Exception) and _is_mistake(words[0], str(reply)):
            return " ".join(str(reply).split()), ACL if str(reply).startswith("NOPERM") else mend
    return None


def _asked(connection: socket.socket, reader: Any, words: Words) -> Any:
    connection.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]
    while (reply := reader.gets()) is False:
        received = connection.recv(65536)
        if not received:
            raise ConnectionError
        reader.feed(received)
    return reply


def _is_mistake(command: object, text: str) -> bool:
    """Whether it is the operator's; else it passes, or has to do with where a key is in a Redis Cluster."""
    code = text.partition(" ")[0]
    if code in ("WRONGPASS", "NOAUTH", "NOPERM") or "ACL failure" in text:
        return True
    return code == "ERR" and command in ("AUTH", "SELECT", "EVAL", "EVALSHA")
