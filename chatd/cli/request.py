"""What is asked of a server, and which of its frames answers it. Pure."""

from enum import Enum, auto

import msgspec

from chatd.cli.typed import Frame
from chatd.errors import ErrorCode
from chatd.wire.commands import (
    ADD_CONTAINER,
    HISTORY,
    ONLINE,
    ORDINARY,
    REMOVE_CONTAINER,
    UPDATE_ROOM_NAME,
)


class Why(Enum):
    """Whose wish a request is: somebody typed it, or we want to know the newest message or those missed."""

    TYPED = auto()
    NEWEST = auto()
    MISSED = auto()


class Request(msgspec.Struct):
    """``frame`` is None for a line that has not been looked at: what it means depends on those before it.

    ``scope``: the room (None) or the container of which history is asked.
    """

    line: str = ""
    frame: Frame | None = None
    why: Why = Why.TYPED
    scope: str | None = None

    @property
    def fields(self) -> Frame:
        """What was sent, if anything was."""
        return self.frame or {}

    def is_answered_by(self, frame: Frame, user_id: str) -> bool:
        """Whether a frame is this request's receipt, answer or error.

        :param user_id: who asked.
        """
        if frame.get("messageType") == "notice":
            return self._is_noticed_by(frame, user_id)
        if (kind := frame.get("messageType")) in (HISTORY, ONLINE):  # answered by frames so named
            is_there = frame.get("containerId") == self.fields.get("containerId")
            return is_there and self.fields.get("eventType") == kind
        if frame.get("code") == ErrorCode.AGENT_OFFLINE:  # the request itself is taken
            return False
        ours = frame.get("clientMessageId") == self.fields.get("clientMessageId")
        return ours or frame.get("code") == ErrorCode.TOO_LARGE  # which does not say about what

    def _is_noticed_by(self, notice: Frame, user_id: str) -> bool:
        event, container = self.fields.get("eventType", ORDINARY), self.fields.get("containerId")
        is_my_coming = notice.get("userId") == user_id and notice.get("action") == "in"
        if event == UPDATE_ROOM_NAME:
            return is_my_coming and "containerId" not in notice
        is_there = notice.get("containerId") == container
        if event == ADD_CONTAINER:
            return is_my_coming and is_there
        return event == REMOVE_CONTAINER and is_there and notice.get("action") == "outAll"

    def may_be_repeated_after(self, code: object) -> bool:
        """Whether the same may be sent again, a while after an error (E1)."""
        is_history = self.fields.get("eventType") == HISTORY
        return code == ErrorCode.RATE_LIMITED or (code == ErrorCode.STORAGE_UNAVAILABLE and not is_history)
