"""A room: who is in it, and its containers. Pure: no I/O, no clock."""

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from chatd.container import Container
from chatd.interfaces import IChannel
from chatd.model import NO_RIGHTS, Identity, Rights


class Connection:
    """One open WebSocket as the rooms see it: an identity, its rights, and the way to the client.

    It is *in* a room from the moment it counts as online there, and *attached* from the point on the
    road (see :mod:`chatd.delivery`) from which it hears the room.
    """

    __slots__ = ("attached", "channel", "identity", "is_elsewhere", "node", "number", "rights", "room")

    def __init__(self, identity: Identity, channel: IChannel, rights: Rights = NO_RIGHTS) -> None:
        self.identity = identity
        self.channel = channel
        self.rights = rights
        self.number = 0
        """Which of its node's it is, where there are several nodes."""
        self.node = ""
        """The node it is connected to; empty: this one."""
        self.room: Room | None = None
        self.is_elsewhere = False
        """Whether its room lives on another node, though it did not when it came."""
        self.attached = False

    @property
    def is_room_scoped(self) -> bool:
        """Whether it hears the room, rather than one container of it."""
        return self.identity.container_id is None

    def listen(self, room: "Room") -> None:
        """It is attached: from now on it hears its room, or what its container's members hear."""
        if self.is_room_scoped:
            room.audience[self] = self.channel.write

    def __repr__(self) -> str:
        return f"<Connection {self.identity.user_id!r} in {self.identity.room!r}>"


class Elsewhere(Protocol):
    """A room's connections on other nodes, all together: see :mod:`chatd.cluster`."""

    listens: bool
    """Whether any of them hears room-wide traffic."""

    def feed(self, frames: bytes) -> None:
        """What the whole room hears."""

    def note(self, connection: Connection) -> None:
        """A connection came, or is called something else."""

    def forget(self, connection: Connection) -> None:
        """A connection went."""


class Room:
    """The connections and containers that share a room name, and who hears what there.

    A connection is in one room at a time; several of one user are one online user (C6).
    """

    __slots__ = ("_asked", "_serving", "audience", "containers", "elsewhere", "name", "users")

    def __init__(self, name: str) -> None:
        self.name = name
        self.users: dict[str, list[Connection]] = {}
        """The connections of each online user."""
        self.audience: dict[Connection, Callable[[bytes], None]] = {}
        """The attached room-scoped connections of this node, in the order of their coming: who hears
        room-wide traffic, and by which call. A channel that is no longer open has left before anything is
        said."""
        self.elsewhere: Elsewhere | None = None
        """Its connections on other nodes, if there are any."""
        self.containers: dict[str, Container] = {}
        self._serving: dict[str, dict[str, Container]] = {}  # agent -> the containers it is a member of
        self._asked: dict[str, dict[str, Container]] = {}  # acceptId -> the containers waiting for it

    @property
    def online(self) -> int:
        """The online count: distinct users, customers included (N3)."""
        return len(self.users)

    @property
    def connections(self) -> int:
        """How many connections these users have here."""
        return sum(map(len, self.users.values()))

    @property
    def is_idle(self) -> bool:
        """Whether nobody is here and nothing is pending, so that nothing need be kept. A node that has had
        somebody here may be about to send somebody else."""
        return not self.users and not self.containers and self.elsewhere is None

    # -- connections --------------------------------------------------------------------------------

    def enter(self, connection: Connection) -> bool:
        """Count a connection as online here. :returns: whether it is its user's first (C6)."""
        mine = self.users.setdefault(connection.identity.user_id, [])
        mine.append(connection)
        connection.room = self
        connection.is_elsewhere = False
        if self.elsewhere is not None:
            self.elsewhere.note(connection)
        return len(mine) == 1

    def attach(self, connection: Connection) -> None:
        """From now on the connection hears what is said to it."""
        connection.attached = True
        connection.listen(self)

    def hears(self, connection: Connection) -> bool:
        """Whether a connection hears room-wide traffic."""
        return connection.attached and connection.is_room_scoped and connection.room is self

    def rename(self, user_id: str, name: str, icon: str) -> None:
        """All of a user's connections are called so from now on."""
        for connection in self.users[user_id]:
            connection.identity = msgspec.structs.replace(connection.identity, name=name, icon=icon)
            if self.elsewhere is not None:
                self.elsewhere.note(connection)

    def leave(self, connection: Connection) -> bool:
        """Take a connection out. :returns: whether it was its user's last (C6)."""
        user_id = connection.identity.user_id
        mine = self.users[user_id]
        mine.remove(connection)
        if not mine:
            del self.users[user_id]
        self.audience.pop(connection, None)
        if self.elsewhere is not None:
            self.elsewhere.forget(connection)
        connection.room = None
        connection.attached = False
        return not mine

    def stand_in(self, other: Connection, connection: Connection) -> None:
        """Have another connection of the user in the place of one, which is in no room from now on."""
        mine = self.users[connection.identity.user_id]
        mine[mine.index(connection)] = other
        self.audience.pop(connection, None)
        other.room, connection.room = self, None

    def has_room_scoped(self, user_id: str) -> bool:
        """Whether a user is here other than as a customer, so that it can be asked for help (D3)."""
        return any(connection.is_room_scoped for connection in self.users.get(user_id, ()))

    def connections_of(self, users: tuple[str, ...]) -> Iterator[Connection]:
        """Every attached connection of some users."""
        for user_id in users:
            for connection in self.users.get(user_id, ()):
                if connection.attached:
                    yield connection

    def present(self) -> Iterator[Identity]:
        """Who is online, in the order of coming; who has several connections, as the first of them (R2)."""
        return (mine[0].identity for mine in self.users.values())

    def present_of(self, users: tuple[str, ...]) -> Iterator[Identity]:
        """The same of some users, in their order."""
        return (self.users[user_id][0].identity for user_id in users if user_id in self.users)

    # -- containers ---------------------------------------------------------------------------------

    def open_container(self, id: str, since: str) -> Container:
        """The customer's container; a new one, from this message on, if there was none."""
        container = self.containers.get(id)
        if container is None:
            container = self.containers[id] = Container(id, since)
        return container

    def restore_container(self, container: Container) -> None:
        """Take back a container as it was."""
        self.containers[container.id] = container
        for user_id in container.agents:
            self._serving.setdefault(user_id, {})[container.id] = container
        if container.is_waiting:
            self.note_asked(container, None)

    def note_asked(self, container: Container, before: str | None) -> None:
        """Index whom a container waits for.

        :param before: whom it waited for until now, if anybody.
        """
        self._forget_asked(container, before)
        if container.accept_id is not None and container.is_waiting:
            self._asked.setdefault(container.accept_id, {})[container.id] = container

    def join_container(self, container: Container, user_id: str) -> bool:
        """Make a user a member; one who was asked has answered. :returns: whether it was none before."""
        if user_id == container.accept_id:
            self._forget_asked(container, user_id)
        if not container.join(user_id):
            return False
        self._serving.setdefault(user_id, {})[container.id] = container
        return True

    def remove_container(self, container: Container) -> None:
        """Forget a container."""
        del self.containers[container.id]
        self._forget_asked(container, container.accept_id)
        for user_id in container.agents:
            _drop(self._serving, user_id, container.id)

    def served_by(self, user_id: str) -> list[Container]:
        """The containers that a user is a member of as an agent."""
        return list(self._serving.get(user_id, {}).values())

    def waiting_for(self, user_id: str) -> list[Container]:
        """The containers that wait for a user to open them, in the order they were asked."""
        return list(self._asked.get(user_id, {}).values())

    def containers_of(self, user_id: str) -> list[Container]:
        """All containers that a user is a member of, its own as a customer included."""
        own = self.containers.get(user_id)
        return self.served_by(user_id) + ([own] if own is not None else [])

    def members_online(self, container: Container) -> int:
        """How many of a container's members are online (N4)."""
        return sum(user_id in self.users for user_id in container.members)

    def _forget_asked(self, container: Container, accept_id: str | None) -> None:
        if accept_id is not None:
            _drop(self._asked, accept_id, container.id)

    def __repr__(self) -> str:
        return f"<Room {self.name!r} online={self.online} containers={len(self.containers)}>"


def _drop(index: dict[str, dict[str, Container]], key: str, id: str) -> None:
    found = index.get(key)
    if found is not None:
        found.pop(id, None)
        if not found:
            del index[key]
