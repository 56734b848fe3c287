"""The use cases of containers: ask, join, say, answer, close (M3, M4, D3 to D5, N4, K)."""

from collections.abc import Mapping, Sequence

import msgspec

from chatd.container import Container, size_of
from chatd.errors import ErrorCode, RequestError
from chatd.logs import Log
from chatd.model import Error, Identity, Message, ToUsers
from chatd.notices import NoticeTexts
from chatd.outbox import Outbox
from chatd.outcome import Recall
from chatd.registry import Registry
from chatd.reports import Reports
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.turn import REPLAY_SIZE, Page
from chatd.wire.commands import Command

log = Log()

WAITING = 1000
"""So many requests may wait for one user in a room."""
WAITING_SIZE = 512 * 1024
"""What they may hold together, in characters; who comes is told all of them at once."""


class Conversations:
    """What customers and agents can do in containers.

    :param autoreplies: the texts of canned replies, by their code (D5).
    :param replay: how many messages an agent who joins is told at most (D4).
    :param idle_timeout: seconds for which a container may be deserted (K1).
    :param deserted_size: characters that deserted containers may hold together.
    :param reports: tells the business's backend of what becomes of containers.
    """

    def __init__(
        self,
        registry: Registry,
        outbox: Outbox,
        stamp: Stamp,
        notices: NoticeTexts,
        autoreplies: Mapping[str, str],
        replay: int,
        idle_timeout: float,
        deserted_size: int,
        reports: Reports | None = None,
    ) -> None:
        self._registry = registry
        self._outbox = outbox
        self._stamp = stamp
        self.notices = notices
        self.autoreplies = autoreplies
        self.replay = replay
        self.idle_timeout = idle_timeout
        self.deserted_size = deserted_size
        self._reports = reports or Reports(outbox)
        # Who is told in this turn what waits for it, and whether it has come into a room again since.
        self._told: dict[Connection, bool] = {}

    # -- coming and going ---------------------------------------------------------------------------

    def member_came(self, connection: Connection, room: Room, first: bool) -> None:
        """A user's connection came into a room: agents are announced in their containers again (K2, N4),
        and hear the requests that wait for them (D3)."""
        identity = connection.identity
        if first:
            self.agent_came(identity, room)
        if connection.is_room_scoped:
            if connection not in self._told:
                self._tell_waiting(connection, room)
            else:  # they are many, and it comes and goes: nobody is told them more than once a turn
                self._told[connection] = True

    def _tell_waiting(self, connection: Connection, room: Room) -> None:
        waiting = room.waiting_for(connection.identity.user_id)
        for container in waiting:
            assert container.request is not None
            self._outbox.tell(connection, container.request)
        if waiting:
            self._told[connection] = False
            self._outbox.passed().addCallback(self._were_told, connection)

    def _were_told(self, _: None, connection: Connection) -> None:
        came_again, room = self._told.pop(connection), connection.room
        if came_again and room is not None:
            self._tell_waiting(connection, room)

    def agent_came(self, identity: Identity, room: Room) -> None:
        """The containers that a user serves hear ``in`` (N4)."""
        for container in room.served_by(identity.user_id):
            self._announce_agent(identity, room, container)

    def member_went(self, identity: Identity, room: Room) -> None:
        """A user's last connection left a room: the containers it serves hear ``out`` (N4)."""
        for container in room.served_by(identity.user_id):
            notice = self.notices.went(identity, room.name, room.members_online(container), container.id)
            self._outbox.post(ToUsers(room.name, container.members), notice)

    def _announce_agent(self, identity: Identity, room: Room, container: Container) -> None:
        notice = self.notices.came(identity, room.name, room.members_online(container), container.id)
        self._outbox.post(ToUsers(room.name, container.members), notice)

    # -- messages -----------------------------------------------------------------------------------

    def say(self, connection: Connection, room: Room, command: Command, container_id: str) -> None:
        """An ordinary message in a container (M4.1, M4.2). A customer's own is there from its first word
        on, so that what is said before an agent came is kept (K3)."""
        identity = connection.identity
        if container_id == identity.container_id:
            message = self._stamp.message(identity, command, container_id)
            container = self._own_container(room, message)
        else:
            container = self._as_member(connection, room, container_id)
            message = self._stamp.message(identity, command, container.id)
        self._outbox.post(ToUsers(room.name, container.members), message, connection)

    def auto_return(self, connection: Connection, room: Room, command: Command) -> None:
        """autoReturn (D5): the text configured for a code, said by who sent the code."""
        container = self._as_member(connection, room, command.container_id)
        text = self.autoreplies.get(command.message_content or "")
        if text is None:
            raise RequestError(ErrorCode.UNKNOWN_REPLY, "There is no automatic reply of this code.")
        message = self._stamp.message(connection.identity, command, container.id)
        message = msgspec.structs.replace(message, type="text", content=text)
        self._outbox.post(ToUsers(room.name, container.members), message, connection)

    # -- opening and closing ------------------------------------------------------------------------

    def create(self, connection: Connection, room: Room, command: Command) -> None:
        """createContainer (D3): a customer asks a user of the room to open its container."""
        identity = connection.identity
        if identity.container_id is None:
            raise RequestError(
                ErrorCode.FORBIDDEN, "createContainer is for customers: connect with a containerId."
            )
        target_id = command.target_id or identity.target_id
        if target_id is None:
            raise RequestError(ErrorCode.BAD_MESSAGE, "targetId: is required, here or in the connect URL.")
        accept_id = command.accept_id
        assert accept_id is not None
        if accept_id == identity.user_id:
            raise RequestError(ErrorCode.FORBIDDEN, "acceptId: a customer cannot be its own agent.")
        if _is_enough(room.waiting_for(accept_id), identity.user_id):
            raise RequestError(ErrorCode.RATE_LIMITED, "Too many requests wait for this acceptId.")
        request = self._stamp.message(identity, command, identity.container_id, target_id)
        container = self._own_container(room, request)
        before = container.accept_id
        container.ask(request)
        room.note_asked(container, before)
        self._keep(room, container)
        reached = room.has_room_scoped(accept_id)
        audience = (identity.user_id, accept_id) if reached else (identity.user_id,)
        self._outbox.post(ToUsers(room.name, audience), request, connection)
        self._outbox.fate(request).addCallback(self._decided, container, request)
        if not reached:
            self._outbox.tell(connection, _agent_offline(command))

    def _decided(self, kept: Message | None, container: Container, request: Message) -> None:
        """Of a createContainer that was not kept, or repeats another, nobody is to hear later."""
        if kept is request:
            container.undecided.keep(request)
            return
        asked = container.accept_id
        room = self._registry.rooms.get(request.room)
        is_there = room is not None and room.containers.get(container.id) is container
        if container.withdraw(request) and room is not None and is_there:
            room.note_asked(container, asked)
            self._keep(room, container)

    def add(self, connection: Connection, room: Room, command: Command) -> None:
        """addContainer (D4): the agent joins, all in the container hear ``in``, and the agent is told
        what was said before."""
        identity = connection.identity
        container = room.containers.get(command.container_id or "")
        if not connection.is_room_scoped:
            raise RequestError(ErrorCode.FORBIDDEN, "addContainer is for agents, not for customers.")
        if container is None:
            raise RequestError(ErrorCode.NOT_FOUND, "There is no such container in this room.")
        if not (connection.rights.is_agent or container.may_join(identity.user_id)):
            raise RequestError(ErrorCode.FORBIDDEN, "The container was not offered to this user.")
        joined = self._registry.join_container(room, container, identity.user_id)
        self._keep(room, container)
        if joined:
            self._announce_agent(identity, room, container)
            self._reports.added(identity, room.name, container.id, container.members)
            told = room.users[identity.user_id]
        else:
            count = room.members_online(container)
            notice = self.notices.came(identity, room.name, count, container.id)
            self._outbox.tell(connection, notice)
            told = [connection]
        page = Page(
            room=room.name,
            container_id=container.id,
            since=container.since,
            until=self._stamp.last_id,
            limit=self.replay,
            size=REPLAY_SIZE,
            said_only=True,
        )
        self._outbox.recall(Recall(tuple(told), page, may_wait=not joined))

    def remove(self, connection: Connection, room: Room, command: Command) -> None:
        """removeContainer: everyone in it hears ``outAll`` (N4), and it is gone."""
        container = self._as_member(connection, room, command.container_id)
        self.close(room, container, connection.identity, connection)

    def close(self, room: Room, container: Container, by: Identity, origin: Connection | None = None) -> None:
        """Everyone in a container hears ``outAll``, and it is gone.

        :param by: who closes it, as the notice says.
        :param origin: the connection that does, if one does.
        """
        notice = self.notices.closed(by, room.name, container.id)
        self._outbox.post(ToUsers(room.name, container.members), notice, origin)
        self._reports.removed(by, room.name, container.id, container.members)
        self._registry.remove_container(room, container)
        self._outbox.keep(room.name, container.id, None)

    def expire(self, now: float) -> None:
        """Forget the containers of which nobody has been online for too long (K1), and more of them if they
        hold too much."""
        expired = self._registry.expire_containers(now, self.idle_timeout)
        shed = self._registry.shed_containers(self.deserted_size)
        for room_name, container_id in expired + shed:
            self._outbox.keep(room_name, container_id, None)
            self._reports.removed(None, room_name, container_id)
        if expired:
            log.info("{count} deserted containers are gone", count=len(expired))
        if shed:
            log.warn("{count} deserted containers are gone early: they held too much", count=len(shed))

    # -- what was said ------------------------------------------------------------------------------

    def since(self, connection: Connection, room: Room, container_id: str) -> str | None:
        """From which message on a user may read in a container (R1); None: there is nothing yet.

        :raises RequestError: if it is not the user's to read.
        """
        if container_id == connection.identity.container_id and container_id not in room.containers:
            return None
        return self._as_member(connection, room, container_id).since

    # -- who is in it -------------------------------------------------------------------------------

    def members(self, connection: Connection, room: Room, container_id: str) -> tuple[str, ...]:
        """The members of a container (R2); a customer's own has one before anything was said in it.

        :raises RequestError: if the user is none of them.
        """
        if container_id == connection.identity.container_id and container_id not in room.containers:
            return (container_id,)
        return self._as_member(connection, room, container_id).members

    def _own_container(self, room: Room, message: Message) -> Container:
        """The customer's container; from its first message on there is one."""
        assert message.container_id is not None
        container = room.containers.get(message.container_id)
        if container is None:
            container = room.open_container(message.container_id, message.id)
            self._keep(room, container)
        return container

    def _keep(self, room: Room, container: Container) -> None:
        self._outbox.keep(room.name, container.id, container.state(room.name))

    def _as_member(self, connection: Connection, room: Room, container_id: str | None) -> Container:
        """The container, if the user of this connection is a member of it."""
        container = room.containers.get(container_id or "")
        if container is None and connection.is_room_scoped:
            raise RequestError(ErrorCode.NOT_FOUND, "There is no such container in this room.")
        if container is None or connection.identity.user_id not in container.members:
            # A customer is not even told which other containers there are.
            raise RequestError(ErrorCode.NOT_MEMBER, "This user is not a member of the container.")
        return container


def _is_enough(waiting: Sequence[Container], user_id: str) -> bool:
    """Whether so much waits that nobody else may ask."""
    others = [each.request for each in waiting if each.request is not None and each.id != user_id]
    return len(others) >= WAITING or sum(map(size_of, others)) >= WAITING_SIZE


def _agent_offline(command: Command) -> Error:
    return Error(
        code=ErrorCode.AGENT_OFFLINE,
        sentence="Nobody of this acceptId is here; the request waits for them.",
        event=command.event,
        client_message_id=command.client_message_id,
    )
