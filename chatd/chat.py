"""The use cases: join, leave, say, move, rename. Those of containers are in :mod:`chatd.conversations`,
the one that tells who is online in :mod:`chatd.online`.

Each decides purely on what the registry knows (may it? where to?) and then speaks through the outbox.
A request that may not be done raises a :exc:`chatd.errors.RequestError` and changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from chatd.coalescing import Coalescing
from chatd.conversations import Conversations
from chatd.errors import CloseCode, ErrorCode, RequestError
from chatd.interfaces import IChat
from chatd.model import PAGE, Audience, Identity, Message, Notice, ToRoom, ToUsers, checked_name
from chatd.notices import NoticeTexts
from chatd.online import WhoIsOnline
from chatd.outbox import Outbox
from chatd.outcome import Recall
from chatd.registry import Registry
from chatd.reports import Reports
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.turn import Page
from chatd.undecided import Undecided
from chatd.wire import commands
from chatd.wire.commands import Command


@implementer(IChat)
class Chat:
    """What clients can do.

    :param clock: tells the time since when a container has been deserted.
    :param stamp: gives messages their id and time.
    :param notices: the texts of notices.
    :param conversations: the use cases of containers.
    :param displace: whether a newer connection of a user in a room closes the older ones (4409).
    :param reports: tells the business's backend of who is online.
    """

    def __init__(
        self,
        registry: Registry,
        outbox: Outbox,
        clock: IReactorTime,
        stamp: Stamp,
        notices: NoticeTexts,
        conversations: Conversations,
        displace: bool = False,
        reports: Reports | None = None,
    ) -> None:
        self._registry = registry
        self._outbox = outbox
        self._clock = clock
        self._stamp = stamp
        self.notices = notices
        self._conversations = conversations
        self.displace = displace
        self._reports = reports or Reports(outbox)
        self._closing = False
        self.coalescing = Coalescing()
        """Whose notices wait to be told as one."""
        self._telling: IDelayedCall | None = None
        self._renames: dict[tuple[str, str], Undecided[tuple[str, str]]] = {}  # of users in rooms
        self.taken: dict[str, int] = defaultdict(int)
        """What was done for clients, by messageType of ordinary messages and by eventType of the rest."""
        self._use_cases: dict[str, Callable[[Connection, Room, Command], None]] = {
            commands.ORDINARY: self._say,
            commands.UPDATE_ROOM_NAME: self._move,
            commands.UPDATE_USER_INFO: self._rename,
            commands.HISTORY: self._recall,
            commands.ONLINE: WhoIsOnline(outbox, conversations).ask,
            commands.CREATE_CONTAINER: conversations.create,
            commands.ADD_CONTAINER: conversations.add,
            commands.REMOVE_CONTAINER: conversations.remove,
            commands.AUTO_RETURN: conversations.auto_return,
        }

    # -- coming and going ---------------------------------------------------------------------------

    def join(self, connection: Connection, after: str | None = None, known: bool = False) -> None:
        """A connection comes into the room of its identity (C4): it hears ``in``, the room too (N3).

        :param after: a messageId; what was said since is told right after the ``in`` (R1).
        :param known: it counts as online there already, and the room has heard of it.
        """
        first = self._arrive(connection, after, known)
        if self.displace and not first and connection.room is not None:
            for older in tuple(connection.room.users[connection.identity.user_id]):
                if older is not connection:
                    older.channel.close(CloseCode.DISPLACED, "displaced by a newer connection")

    def come_back(self, connection: Connection) -> None:
        """A connection was taken for gone, and is not: the others hear ``in``."""
        first = self._registry.enter(connection)
        room, identity = connection.room, connection.identity
        assert room is not None
        if first:
            self._announce(self.notices.came(identity, room.name, room.online))
            self.is_back(connection)

    def is_back(self, connection: Connection) -> None:
        """A user was taken for gone, and is not; the room knows. Its conversations hear of it, and the
        business's backend."""
        room, identity = connection.room, connection.identity
        if room is not None:
            self._reports.online(identity, room.online)
            self._conversations.agent_came(identity, room)

    def leave(self, connection: Connection) -> None:
        """See :meth:`chatd.interfaces.IChat.leave` (N2)."""
        if connection.room is not None:
            self._depart(connection, connection.room)

    def close(self) -> None:
        """The server stops: from now on nothing is taken from connections, and they leave without a word to
        the dying rooms. Who has no receipt says it again elsewhere (M6)."""
        self._closing = True

    def handle(self, connection: Connection, command: Command) -> None:
        """See :meth:`chatd.interfaces.IChat.handle`."""
        room = connection.room
        if room is None or self._closing:
            return
        if self._outbox.is_full:
            sentence = "Too much waits to be stored. Try again later."
            raise RequestError(ErrorCode.STORAGE_UNAVAILABLE, sentence)
        event = command.event
        self._use_cases[event](connection, room, command)
        self.taken[command.message_type or event if event == commands.ORDINARY else event] += 1

    def _arrive(self, connection: Connection, after: str | None = None, known: bool = False) -> bool:
        identity, outbox = connection.identity, self._outbox
        first = not known and self._registry.enter(connection)
        room = connection.room
        assert room is not None
        outbox.attach(connection)
        notice = self.notices.came(identity, room.name, room.online)
        if first:
            self._announce(notice, connection)
            self._reports.online(identity, room.online)
        else:
            outbox.tell(connection, notice)
        if after is not None:
            self._recall(connection, room, Command(event_type=commands.HISTORY, after=after), may_wait=False)
        self._conversations.member_came(connection, room, first)
        return first

    def _depart(self, connection: Connection, room: Room) -> None:
        last = self._registry.leave(connection, self._clock.seconds())
        if last and not self._closing:
            identity = connection.identity
            self._announce(self.notices.went(identity, room.name, room.online))
            self._reports.offline(identity, room.online)
            self._conversations.member_went(identity, room)

    def _announce(self, notice: Notice, origin: Connection | None = None) -> None:
        """Tell a room who came or went; in a large one, together with what follows."""
        if not self.coalescing.take(notice, origin, self._clock.seconds()):
            self._outbox.post(ToRoom(notice.room), notice, origin)
            return
        if origin is not None:
            self._outbox.tell(origin, notice)
        if self._telling is None:
            self._telling = self._clock.callLater(self.coalescing.window, self._tell_due)

    def _tell_due(self) -> None:
        self._telling = None
        now = self._clock.seconds()
        for held in self.coalescing.due(now):
            self._outbox.post(ToRoom(held.notice.room), held.notice, held.origin, told=True)
        due = self.coalescing.next
        if due is not None:
            self._telling = self._clock.callLater(due - now, self._tell_due)

    # -- M4, M3 -------------------------------------------------------------------------------------

    def _say(self, connection: Connection, room: Room, command: Command) -> None:
        """An ordinary message, to where M4 routes it."""
        container_id = command.container_id or connection.identity.container_id
        if container_id is not None:
            self._conversations.say(connection, room, command, container_id)
        else:
            message = self._stamp.message(connection.identity, command)
            self._outbox.post(ToRoom(room.name), message, connection)

    def _move(self, connection: Connection, room: Room, command: Command) -> None:
        """updateRoomName: out of the old room, into the new."""
        target = checked_move(connection, command)
        if target == room.name:
            notice = self.notices.came(connection.identity, room.name, room.online)
            self._outbox.tell(connection, notice)
            return
        self._depart(connection, room)
        connection.identity = msgspec.structs.replace(connection.identity, room=target)
        self._arrive(connection)

    def _rename(self, connection: Connection, room: Room, command: Command) -> None:
        """updateUserInfo: all of the user's connections in the room change their name and icon."""
        before = connection.identity
        name = checked_name(command.message_content) if command.message_content else before.name
        icon = before.icon if command.user_icon_update is None else command.user_icon_update
        room.rename(before.user_id, name, icon)
        message = self._told_of_rename(connection.identity, command)
        audience: Audience = ToRoom(room.name)
        if message.container_id is not None:
            container = room.containers.get(message.container_id)
            members = container.members if container is not None else (before.user_id,)
            audience = ToUsers(room.name, members)
        self._outbox.post(audience, message, connection)
        renames = self._renames.setdefault((room.name, before.user_id), Undecided())
        renames.add(message, _looks(before))
        self._outbox.fate(message).addCallback(self._renamed, message)

    def _renamed(self, kept: Message | None, message: Message) -> None:
        """Of an updateUserInfo that was not kept, or repeats another, nobody has heard: it is taken back."""
        key = (message.room, message.user_id)
        renames = self._renames[key]
        if kept is message:
            renames.keep(message)
        elif (before := renames.withdraw(message)) is not None:
            room = self._registry.rooms.get(message.room)
            mine = room.users.get(message.user_id) if room is not None else None
            if room is not None and mine and _looks(mine[0].identity) == (message.name, message.icon):
                room.rename(message.user_id, *before)
        if not renames:
            del self._renames[key]

    def _told_of_rename(self, identity: Identity, command: Command) -> Message:
        message = self._stamp.message(identity, command, container_id=identity.container_id)
        content = identity.name if command.message_content else None
        return msgspec.structs.replace(message, content=content, icon=identity.icon)

    # -- R1 -----------------------------------------------------------------------------------------

    def _recall(self, connection: Connection, room: Room, command: Command, may_wait: bool = True) -> None:
        """history: what was said in the room, or in a container the user is in."""
        identity = connection.identity
        container_id = command.container_id or identity.container_id
        since: str | None = ""
        if container_id is not None:
            since = self._conversations.since(connection, room, container_id)
        page = Page(
            room=room.name,
            container_id=container_id,
            since=since or "",
            until=self._stamp.last_id if since is not None else "",
            after=command.after,
            before=command.before,
            limit=command.limit or PAGE,
        )
        self._outbox.recall(
            Recall((connection,), page, identity.user_id, command.client_message_id or None, may_wait)
        )


def _looks(identity: Identity) -> tuple[str, str]:
    return identity.name, identity.icon


def checked_move(connection: Connection, command: Command) -> str:
    """The room that updateRoomName names. :raises RequestError: if the connection may not go there."""
    target = command.message_content
    assert target is not None
    if not connection.is_room_scoped:
        raise RequestError(ErrorCode.FORBIDDEN, "A connection with a containerId stays in its room.")
    if target != connection.identity.room and not connection.rights.may_enter(target):
        raise RequestError(ErrorCode.FORBIDDEN, "This account may not enter that room.")
    return target
