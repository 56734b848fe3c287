"""Stamps messages: who said it, when, and an id that sorts by creation (D2)."""

from collections.abc import Callable

from chatd.model import Identity, Message
from chatd.wire.commands import Command


class Stamp:
    """Makes messages out of commands.

    :param now: the time in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last_id = 0

    @property
    def last_id(self) -> str:
        """The id given last; no message has a higher one yet."""
        return _id(self._last_id)

    def resume(self, last_id: str) -> None:
        """Give no id up to this one any more."""
        if last_id:
            self._last_id = max(self._last_id, int(last_id, 16))

    def message(
        self,
        identity: Identity,
        command: Command,
        container_id: str | None = None,
        target_id: str | None = None,
    ) -> Message:
        """What a user says with a command. Name and userId are the connection's, never the message's.

        :param container_id: where it is said, if not in the room.
        :param target_id: the business key, if not the command's own.
        """
        microseconds = int(self._now() * 1_000_000)
        self._last_id = max(self._last_id + 1, microseconds)
        return Message(
            id=_id(self._last_id),
            created=microseconds // 1000,
            room=identity.room,
            user_id=identity.user_id,
            name=identity.name,
            icon=command.user_icon or identity.icon,
            event=command.event,
            type=command.message_type or None,
            content=command.message_content or None,
            accept_id=command.accept_id or None,
            container_id=container_id,
            target_id=target_id or command.target_id or None,
            accessory=command.accessory,
            client_message_id=command.client_message_id or None,
        )


def _id(number: int) -> str:
    return f"{number:014x}"
