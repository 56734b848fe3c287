"""One master of a Redis Cluster."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from chatd.bus.connecting import Connection
from chatd.bus.resp import Command, Link, RedisError, fail
from chatd.bus.slots import Address
from chatd.bus.url import RedisUrl


class Node:
    """A master, and the connection to it.

    :param changed: is called when it is there, and when it is away.
    :param refused: see :class:`chatd.bus.resp.Link`; is given the node first.
    """

    def __init__(
        self,
        reactor: Any,
        url: RedisUrl,
        address: Address,
        timeout: float,
        changed: Callable[[], None],
        refused: Callable[["Node", Command, RedisError], bool],
    ) -> None:
        self.host = address[0]
        self.trouble: str | None = None
        self.link: Link | None = None
        self._changed = changed
        self._refused = refused
        self._early: list[Command] = []
        self._connection = Connection(
            reactor, url, lambda: address, "commands", timeout, self._opened, self._closed
        )
        self._connection.start()

    def stop(self) -> "Deferred[None]":
        """Close."""
        self._fail_early("chatd stops")
        return self._connection.stop()

    def drop(self, reason: str) -> None:
        """Give its connection up, and make another."""
        self._connection.drop(reason)

    def send(self, command: Command) -> None:
        """Send a command. It waits while the first connection is made; later, it fails if there is none."""
        if self.link is not None:
            self.link.send(command)
        elif self.trouble is None:
            self._early.append(command)
        else:
            fail([command], self.trouble)

    def _opened(self, link: Link) -> None:
        link.refused = lambda command, error: self._refused(self, command, error)
        self.link, self.trouble = link, None
        early, self._early = self._early, []
        for command in early:
            link.send(command)
        self._changed()

    def _closed(self, reason: str) -> None:
        self.link, self.trouble = None, reason
        self._fail_early(reason)
        self._changed()

    def _fail_early(self, reason: str) -> None:
        early, self._early = self._early, []
        fail(early, reason)
