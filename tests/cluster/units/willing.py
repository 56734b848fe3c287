"""A Redis that answers at once what a test likes."""

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from chatd.bus.redis import Script
from chatd.cluster.scripts import DONE, PUBLISH


class WillingRedis:
    """Answers each script with what ``replies`` has for it, or that it was done."""

    trouble: str | None = None

    def __init__(self) -> None:
        self.ran: list[tuple[Script, Sequence[Any]]] = []
        """Scripts and their words."""
        self.replies: dict[Script, Any] = {}

    def run(self, script: Script, keys: Sequence[bytes], words: Sequence[Any]) -> "Deferred[Any]":
        """See :meth:`chatd.bus.redis.Redis.run`."""
        self.ran.append((script, words))
        return succeed(self.replies.get(script, DONE if script is PUBLISH else 1))
