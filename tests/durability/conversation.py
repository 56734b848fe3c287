"""What a client has seen of a room or a container, and whether a good client may have seen it so."""

from typing import Any

Frame = dict[str, Any]


class Conversation:
    """What a client has seen of a room or a container, in the order in which it saw it.

    While it catches up, pages are taken as they come, and live messages wait; those that the pages had too
    are left out then. Otherwise a message that is not the newest is noted in ``wrong``.
    """

    def __init__(self, catching_up: bool) -> None:
        self.seen: list[Frame] = []
        self.wrong: list[str] = []
        self.paged = 0  # messages that came by pages
        self.catching_up = catching_up
        self._ahead: list[Frame] = []

    @property
    def last(self) -> str:
        """The id of the newest message of which all before have been seen too."""
        return self.seen[-1]["messageId"] if self.seen else ""

    def begin(self) -> None:
        """A new connection: what was ahead will come by pages."""
        self.catching_up = True
        self._ahead = []

    def hear(self, message: Frame, is_receipt: bool) -> None:
        """A live message. Only a receipt may be of a message that was seen already (M6)."""
        if self.catching_up:
            self._ahead.append(message)
        elif message["messageId"] > self.last:
            self.seen.append(message)
        elif not is_receipt or not self._has(message):
            self.wrong.append(f"after {self.last} came {message}")

    def read(self, page: Frame) -> None:
        """A page of history (R1), which must continue what has been seen."""
        if not self.catching_up:
            self.wrong.append(f"a page that nobody asked for: {page}")
        for message in page["messages"]:
            if message["messageId"] <= self.last:
                self.wrong.append(f"after {self.last} a page had {message}")
            self.seen.append(message)
            self.paged += 1
        if not page["more"]:
            self._caught_up()

    def _caught_up(self) -> None:
        self.catching_up = False
        ahead, self._ahead = self._ahead, []
        for message in ahead:
            if message["messageId"] > self.last:
                self.seen.append(message)
            elif not self._has(message):
                self.wrong.append(f"live, but in no page: {message}")

    def _has(self, message: Frame) -> bool:
        """Whether the very same was seen; a clientMessageId is on the sender's copies alone."""
        plain = {key: value for key, value in message.items() if key != "clientMessageId"}
        return any(plain.items() <= seen.items() for seen in self.seen)
