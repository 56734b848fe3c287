"""A way to a client that ends in a list: the twin of a WebSocket for tests below the wire."""

import json
from typing import Any

from zope.interface import implementer

from chatd.errors import CloseCode
from chatd.interfaces import IChannel
from chatd.model import Identity
from chatd.room import Connection
from tests.client import server_frames


@implementer(IChannel)
class ListChannel:
    """Remembers what was written, pinged and closed."""

    peer = "a list"
    unsent = 0

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.pings = 0
        self.closed: CloseCode | None = None
        self.expired = False

    def send(self, frames: bytes) -> None:
        """See IChannel."""
        self.writes.append(frames)

    write = send

    def close(self, code: CloseCode, reason: str) -> None:
        """See IChannel."""
        self.closed = code

    def ping(self) -> None:
        """See IChannel."""
        self.pings += 1

    def expire(self) -> None:
        """See IChannel."""
        self.expired = True

    def abort(self) -> None:
        """See IChannel."""
        self.expired = True

    def frames(self) -> list[dict[str, Any]]:
        """The JSON objects written since last asked."""
        written, self.writes = b"".join(self.writes), []
        frames, rest = server_frames(written)
        assert not rest
        return [json.loads(payload) for _, payload in frames]


def connection(user: str, room: str = "lobby", container: str | None = None) -> Connection:
    """A connection on a list: ``ann`` is called Ann."""
    return Connection(Identity(user, user.capitalize(), "", room, container), ListChannel())
