"""The use case: who is online (R2).

An answer is made and takes its place on the road at once, like the notices of who comes and goes. So it is
true at that place: who was heard to come before it is in it, and who is heard to come after it is not.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from chatd.conversations import Conversations
from chatd.errors import ErrorCode, RequestError
from chatd.model import ONLINE, Error, Identity, Online
from chatd.outbox import Outbox
from chatd.room import Connection, Room
from chatd.turn import PAGE_SIZE
from chatd.wire.commands import Command

MOST = 200
"""So many questions of one connection may wait for their answers."""


class WhoIsOnline:
    """Answers who asks, and nobody else.

    An answer may be large. Each connection has one in a turn, and its further questions wait: so who asks for
    much fills no memory. They are answered as things are then.
    """

    def __init__(self, outbox: Outbox, conversations: Conversations) -> None:
        self._outbox = outbox
        self._conversations = conversations
        self._waiting: dict[Connection, deque[Command]] = {}

    def ask(self, connection: Connection, room: Room, command: Command) -> None:
        """online: who is in the room, or in a container.

        :raises RequestError: if the user is not in that container.
        """
        members = self._members(connection, room, command)
        waiting = self._waiting.get(connection)
        if waiting is None:
            self._answer(connection, room, command, members)
            self._waiting[connection] = deque()
        elif len(waiting) < MOST:
            waiting.append(command)
        else:
            raise RequestError(ErrorCode.RATE_LIMITED, "Too many questions wait for their answers.")

    def _members(self, connection: Connection, room: Room, command: Command) -> tuple[str, ...] | None:
        """Of whom is asked; None: of all in the room."""
        container_id = _container_id(connection, command)
        if container_id is None:
            return None
        return self._conversations.members(connection, room, container_id)

    def _answer(
        self, connection: Connection, room: Room, command: Command, members: tuple[str, ...] | None
    ) -> None:
        container_id = _container_id(connection, command)
        count = room.online
        users: Iterable[Identity] = room.present()
        if members is not None:
            present = [_as_member(who, container_id) for who in room.present_of(members)]
            count, users = len(present), present
        online = Online(
            room=room.name,
            container_id=container_id,
            count=count,
            users=_first(users, command.limit or ONLINE),
        )
        self._outbox.tell(connection, online)
        self._outbox.passed().addCallback(self._next, connection)

    def _next(self, _: None, connection: Connection) -> None:
        """An answer was sent: now the connection's next question, if it is still there and has any."""
        waiting, room = self._waiting[connection], connection.room
        while waiting and room is not None:
            command = waiting.popleft()
            try:
                members = self._members(connection, room, command)
            except RequestError as error:  # it was a member when it asked
                self._outbox.tell(connection, _refusal(error, command))
            else:
                self._answer(connection, room, command, members)
                return
        del self._waiting[connection]


def _container_id(connection: Connection, command: Command) -> str | None:
    return command.container_id or connection.identity.container_id


def _as_member(who: Identity, container_id: str | None) -> Identity:
    """In a container only its customer is one, whatever the others are elsewhere in the room."""
    own = container_id if who.user_id == container_id else None
    return who if who.container_id == own else msgspec.structs.replace(who, container_id=own)


def _first(users: Iterable[Identity], limit: int) -> tuple[Identity, ...]:
    """So many of the users, and no more than :data:`chatd.turn.PAGE_SIZE` characters of them."""
    taken: list[Identity] = []
    size = 0
    for who in users:
        size += len(who.user_id) + len(who.name) + len(who.icon) + len(who.container_id or "")
        if len(taken) == limit or size > PAGE_SIZE:
            break
        taken.append(who)
    return tuple(taken)


def _refusal(error: RequestError, command: Command) -> Error:
    return Error(
        code=error.code,
        sentence=error.sentence,
        event=command.event,
        client_message_id=command.client_message_id or None,
    )
