"""Redis Cluster's map: which of the 16,384 slots a key is in, and where each slot is. Pure."""

from binascii import crc_hqx
from collections.abc import Iterator, Sequence
from typing import Any

Address = tuple[str, int]
SLOTS = 16384


def slot_of(key: bytes) -> int:
    """The slot of a key. Keys that have the same text in their first braces are in the same slot."""
    start = key.find(b"{")
    if start >= 0:
        end = key.find(b"}", start + 1)
        if end > start + 1:
            key = key[start + 1 : end]
    return crc_hqx(key, 0) % SLOTS


def slot_for(words: Sequence[bytes | str | int]) -> int:
    """The slot of a command's first key. Of a command without keys: any slot, but always the same."""
    place = 3 if words[0] in ("EVALSHA", "EVAL") else 1
    if len(words) <= place:
        return 0
    key = words[place]
    return slot_of(key if isinstance(key, bytes) else str(key).encode())


def masters(reply: Any, host: str) -> Iterator[tuple[int, int, Address]]:
    """What CLUSTER SLOTS says: first slot, last slot, where they are.

    :param host: of whom one asked, who may not know its own name.
    """
    for first, last, (name, port, *_), *_ in reply:
        yield first, last, (_host(name, host), port)


def redirection(text: str, host: str) -> tuple[int, Address]:
    """What ``MOVED 3999 127.0.0.1:6381`` says, and ASK, which is of the same shape."""
    _, slot, place = text.split(" ")[:3]
    name, _, port = place.rpartition(":")
    return int(slot), (_host(name.encode(), host), int(port))


def _host(name: bytes | None, asked: str) -> str:
    return name.decode() if name and name != b"?" else asked
