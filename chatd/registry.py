"""The shared Registry service: rooms, containers, online counts, and delivery to this node's connections."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from twisted.application.service import Service

from chatd.container import Container
from chatd.counts import DeliveryCounts
from chatd.delivery import FanOut, Item
from chatd.model import Event
from chatd.room import Connection, Room


class Registry(Service):
    """Who is where. Times are seconds of whatever clock the caller reads.

    :param encode: writes an event as the wire's JSON.
    """

    name = "registry"

    def __init__(self, encode: Callable[[Event], bytes]) -> None:
        self._encode = encode
        self.rooms: dict[str, Room] = {}
        self.connections = 0
        self.delivered = DeliveryCounts()
        self.discarded: Callable[[str], None] = lambda room: None
        """Called with the name of a room of which nothing need be kept any more."""
        # Containers of which nobody is online, in the order in which the last member went: when that was, and
        # what each holds.
        self._deserted: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._deserted_size = 0

    def __repr__(self) -> str:
        return f"<Registry rooms={len(self.rooms)} connections={self.connections}>"

    # -- connections --------------------------------------------------------------------------------

    def enter(self, connection: Connection) -> bool:
        """Count a connection as online in the room of its identity.

        :returns: whether it is its user's first there (C6).
        """
        name = connection.identity.room
        room = self._room(name)
        self.connections += 1
        first = room.enter(connection)
        if first:
            for container in room.containers_of(connection.identity.user_id):
                self._forget_deserted(name, container.id)
        return first

    def leave(self, connection: Connection, now: float) -> bool:
        """Take a connection out of its room. :returns: whether it was its user's last there (C6)."""
        room = connection.room
        assert room is not None
        self.connections -= 1
        last = room.leave(connection)
        if last:
            for container in room.containers_of(connection.identity.user_id):
                if not room.members_online(container):
                    self._note_deserted(room, container, now)
        self._discard_if_idle(room)
        return last

    def connections_of(self, user_id: str) -> list[Connection]:
        """All connections of a user, in whatever room."""
        rooms = self.rooms.values()
        return [connection for room in rooms for connection in room.users.get(user_id, ())]

    @property
    def users(self) -> int:
        """Distinct users online, in all rooms together."""
        return len({user_id for room in self.rooms.values() for user_id in room.users})

    # -- containers ---------------------------------------------------------------------------------

    def join_container(self, room: Room, container: Container, user_id: str) -> bool:
        """Make a user who is here a member, so that the container is deserted no longer (K1).

        :returns: whether it was none before.
        """
        self._forget_deserted(room.name, container.id)
        return room.join_container(container, user_id)

    def remove_container(self, room: Room, container: Container) -> None:
        """Forget a container, and its room if nothing else is there."""
        room.remove_container(container)
        self._forget_deserted(room.name, container.id)
        self._discard_if_idle(room)

    def restore_containers(self, containers: Iterable[tuple[str, Container]], now: float) -> None:
        """Take back containers as they were, each with its room's name. Nobody of them is online yet."""
        for room_name, container in containers:
            room = self._room(room_name)
            room.restore_container(container)
            self._note_deserted(room, container, now)

    def expire_containers(self, now: float, idle_timeout: float) -> list[tuple[str, str]]:
        """Forget the containers of which nobody has been online for a time (K1).

        :param idle_timeout: seconds.
        :returns: room and id of those that were forgotten.
        """
        expired = []
        while self._deserted and next(iter(self._deserted.values()))[0] + idle_timeout <= now:
            expired.append(self._forget_oldest())
        return expired

    def shed_containers(self, size: int) -> list[tuple[str, str]]:
        """Forget containers of which nobody is online, those first that have been so for the longest time.

        :param size: characters that the others may hold together.
        :returns: room and id of those that were forgotten.
        """
        shed = []
        while self._deserted_size > size:
            shed.append(self._forget_oldest())
        return shed

    def _forget_oldest(self) -> tuple[str, str]:
        room_name, container_id = next(iter(self._deserted))
        room = self.rooms[room_name]
        self.remove_container(room, room.containers[container_id])
        return room_name, container_id

    def _note_deserted(self, room: Room, container: Container, now: float) -> None:
        self._forget_deserted(room.name, container.id)
        size = container.size
        self._deserted[room.name, container.id] = now, size
        self._deserted_size += size

    def _forget_deserted(self, room_name: str, container_id: str) -> None:
        _, size = self._deserted.pop((room_name, container_id), (0.0, 0))
        self._deserted_size -= size

    def open_room(self, name: str) -> Room:
        """A room that is about to be entered."""
        return self._room(name)

    def tidy(self, name: str) -> None:
        """Forget a room if nothing of it need be kept."""
        room = self.rooms.get(name)
        if room is not None:
            self._discard_if_idle(room)

    def _room(self, name: str) -> Room:
        room = self.rooms.get(name)
        if room is None:
            room = self.rooms[name] = Room(name)
        return room

    def _discard_if_idle(self, room: Room) -> None:
        if room.is_idle and self.rooms.pop(room.name, None) is not None:
            self.discarded(room.name)

    def abandon(self, name: str) -> list[Connection]:
        """Forget a room with all that is in it, as it lives elsewhere now. Nobody is told.

        :returns: the connections that were in it.
        """
        room = self.rooms.pop(name, None)
        if room is None:
            return []
        for container_id in room.containers:
            self._forget_deserted(name, container_id)
        room.elsewhere = None
        connections = [connection for mine in tuple(room.users.values()) for connection in mine]
        for connection in connections:
            attached = connection.attached
            room.leave(connection)
            connection.attached, connection.is_elsewhere = attached, True
        self.connections -= len(connections)
        return connections

    # -- delivery -----------------------------------------------------------------------------------

    def deliver(self, items: Sequence[Item]) -> None:
        """Tell a turn's items to the connections of this node."""
        FanOut(self.rooms, self._encode, self.delivered).deliver(items)
