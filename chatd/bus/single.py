"""Where commands go when there is one Redis server."""

from collections.abc import Callable
from typing import Any

from chatd.bus.connecting import Connection
from chatd.bus.resp import Command, Link, RedisAway, RedisError, fail
from chatd.bus.url import RedisUrl

NOT_YET = "Redis is not connected yet"
UNFIT = frozenset({"LOADING", "READONLY", "MASTERDOWN"})
"""What a server says that cannot serve now: another may soon have its address."""


class Single:
    """One server.

    :param changed: is called whenever ``trouble`` has changed.
    """

    def __init__(self, reactor: Any, url: RedisUrl, timeout: float, changed: Callable[[], None]) -> None:
        self.trouble: str | None = NOT_YET
        self._changed = changed
        self._link: Link | None = None
        address = url.hosts[0] if url.hosts else None
        self._connection = Connection(
            reactor, url, lambda: address, "commands", timeout, self._opened, self._closed
        )
        self.start = self._connection.start
        self.stop = self._connection.stop

    def send(self, command: Command) -> None:
        """Send a command. Its ``answer`` fails at once if there is no connection."""
        if self._link is not None:
            self._link.send(command)
        else:
            fail([command], self.trouble or NOT_YET)

    def _opened(self, link: Link) -> None:
        link.refused = self._refused
        self._link, self.trouble = link, None
        self._changed()

    def _closed(self, reason: str) -> None:
        self._link, self.trouble = None, reason
        self._changed()

    def _refused(self, command: Command, error: RedisError) -> bool:
        if error.code not in UNFIT:
            return False
        self._connection.drop(str(error))
        command.answer.errback(RedisAway(str(error)))
        return True
