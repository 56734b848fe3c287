"""A talk with a server in memory: every real part but the socket."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from chatd.cli.address import parse_address, resource
from chatd.cli.talk import Talk
from chatd.model import Identity
from tests.client import Client
from tests.house import House


class Side:
    """Somebody who talks. What is shown and noted is in lists.

    :param comes: whether to connect at once.
    """

    def __init__(self, house: House, user: str, room: str = "lobby", comes: bool = True, **more: Any) -> None:
        self._house = house
        self._ids: Iterator[int] = count(1)
        self.frames: list[dict[str, Any]] = []
        self.notes: list[str] = []
        customer = more.pop("customer", False)
        identity = Identity(user, user.capitalize(), "", room, user if customer else None, "order-1")
        self.talk = Talk(
            identity, self.frames.append, self.notes.append, lambda: f"{user}-{next(self._ids)}", **more
        )
        self.client: Client | None = None
        if comes:
            self.come()

    def come(self) -> None:
        """Connect, and talk until nothing is to be said or heard."""
        self.client = self._house.knock(resource(parse_address("localhost"), self.talk.identity, None))
        self.settle()

    def say(self, *lines: str) -> None:
        """Type lines, and talk until nothing is to be said or heard."""
        for line in lines:
            self.talk.say(line)
        self.settle()

    def send(self) -> None:
        """Send what is to be sent now, and hear nothing."""
        frame = self.talk.next()
        assert frame is not None and self.client is not None
        self.client.send(frame)

    def hear(self) -> None:
        """Hear what has come."""
        assert self.client is not None
        for frame in self.client.frames():
            self.talk.heard(frame)

    def settle(self) -> None:
        """Talk until nothing is to be said or heard."""
        if self.client is None:
            return
        self.hear()
        while (frame := self.talk.next()) is not None:
            self.client.send(frame)
            self.hear()

    def lose(self, code: int = 1006) -> None:
        """The connection breaks; what has come is not heard any more."""
        assert self.client is not None
        self.client.vanish()
        self.client = None
        self.talk.lost(code)

    def said(self) -> list[str]:
        """What was shown that was said, since last asked; neither requests nor notices."""
        frames, self.frames[:] = list(self.frames), []
        return [frame["messageContent"] for frame in frames if frame.get("messageType") == "text"]

    def errors(self) -> list[str]:
        """The codes of errors that were shown, since last asked."""
        frames, self.frames[:] = list(self.frames), []
        return [frame["code"] for frame in frames if frame.get("messageType") == "error"]
