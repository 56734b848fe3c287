"""What an operator says, on the road that all messages take."""

from collections.abc import Callable

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from chatd.errors import CloseCode, ErrorCode, RequestError
from chatd.interfaces import IChannel
from chatd.manhole.trace import frames
from chatd.model import Audience, Identity, ToRoom, ToUsers
from chatd.outbox import Outbox
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.wire.commands import Command


class _Answer(msgspec.Struct, rename="camel"):
    message_type: str | None = None
    message_content: str | None = None
    message_id: str = ""
    code: ErrorCode | None = None


@implementer(IChannel)
class _Ear:
    """The way to an operator: what is heard of the message is its receipt, or an error."""

    peer = "the manhole"
    unsent = 0

    def __init__(self) -> None:
        self.answer: Deferred[_Answer] = Deferred()

    def send(self, frames_heard: bytes) -> None:
        """See IChannel."""
        (payload,) = (payload for _, payload in frames(frames_heard))
        self.answer.callback(msgspec.json.decode(payload, type=_Answer))

    @property
    def write(self) -> Callable[[bytes], None]:
        """See IChannel."""
        return self.send

    def close(self, code: CloseCode, reason: str) -> None:
        """See IChannel. There is nothing to close."""

    def ping(self) -> None:
        """See IChannel."""

    def expire(self) -> None:
        """See IChannel."""

    def abort(self) -> None:
        """See IChannel."""


class Voice:
    """Says things in rooms without being there."""

    def __init__(self, outbox: Outbox, stamp: Stamp) -> None:
        self._outbox = outbox
        self._stamp = stamp

    async def say(self, room: Room, identity: Identity, text: str, container_id: str | None) -> str:
        """Say a text in a room, or in a container that is there.

        :returns: the messageId, once the message is stored and delivered.
        :raises RequestError: if it cannot be.
        """
        if self._outbox.is_full:
            raise RequestError(ErrorCode.STORAGE_UNAVAILABLE, "Too much waits to be stored. Try again later.")
        audience: Audience = ToRoom(room.name)
        if container_id is not None:
            audience = ToUsers(room.name, room.containers[container_id].members)
        ear = _Ear()
        speaker = Connection(identity, ear)
        speaker.room = room  # so that it is answered; it never enters, and hears nothing else
        command = Command(message_type="text", message_content=text)
        self._outbox.post(audience, self._stamp.message(identity, command, container_id), speaker)
        answer = await ear.answer
        if answer.code is not None:
            raise RequestError(answer.code, answer.message_content or "")
        return answer.message_id
