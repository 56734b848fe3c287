"""What the admin API tells of rooms, containers, users and connections: this node's, as they are now."""

from collections.abc import Callable, Iterable, Mapping
from heapq import nsmallest
from http import HTTPStatus
from typing import TypeVar

from chatd.admin import shapes
from chatd.admin.answers import Answer, not_found
from chatd.admin.routes import Call
from chatd.container import Container
from chatd.readiness import Readiness
from chatd.registry import Registry
from chatd.room import Connection, Room

Key = TypeVar("Key", str, tuple[str, str])


class Reads:
    """Answers of what is there.

    :param connections_of: a user's connections to this node, in whatever room.
    :param replies: texts of automatic replies by code.
    """

    def __init__(
        self,
        registry: Registry,
        connections_of: Callable[[str], list[Connection]],
        readiness: Readiness,
        replies: Mapping[str, str],
    ) -> None:
        self._registry = registry
        self._connections_of = connections_of
        self._readiness = readiness
        self._replies = replies

    # -- the server ---------------------------------------------------------------------------------

    def health(self, call: Call) -> Answer:
        """The process is alive."""
        return Answer(body=shapes.Alive())

    def ready(self, call: Call) -> Answer:
        """Whether new clients are welcome."""
        reasons = self._readiness.reasons()
        status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
        return Answer(status=status, body=shapes.Ready(ready=not reasons, reasons=reasons))

    # -- rooms and containers -----------------------------------------------------------------------

    def rooms(self, call: Call) -> Answer:
        """Rooms, by name."""
        names, more = _page(self._registry.rooms, call.query.after, call.query.limit)
        rooms = [_summary(self._registry.rooms[name]) for name in names]
        return Answer(body=shapes.Rooms(rooms=rooms, next=names[-1] if more else None))

    def room(self, call: Call) -> Answer:
        """One room, and who is there."""
        room = found_room(self._registry, call)
        users, more = _page(room.users, call.query.after, call.query.limit)
        members = [_member(user_id, room.users[user_id]) for user_id in users]
        body = shapes.RoomView(
            name=room.name,
            online=room.online,
            connections=room.connections,
            containers=len(room.containers),
            members=members,
            next=users[-1] if more else None,
        )
        return Answer(body=body)

    def containers_of_room(self, call: Call) -> Answer:
        """A room's containers, by id."""
        room = found_room(self._registry, call)
        ids, more = _page(room.containers, call.query.after, call.query.limit)
        containers = [_container(room, room.containers[id]) for id in ids]
        return Answer(body=shapes.Containers(containers=containers, next=ids[-1] if more else None))

    def containers(self, call: Call) -> Answer:
        """All containers, by room and id."""
        rooms = self._registry.rooms
        keys = ((room.name, id) for room in rooms.values() for id in room.containers)
        room_name, _, id = call.query.after.partition("\n")  # which no name can hold
        page, more = _page(keys, (room_name, id), call.query.limit)
        containers = [_container(rooms[name], rooms[name].containers[id]) for name, id in page]
        return Answer(
            body=shapes.Containers(containers=containers, next="\n".join(page[-1]) if more else None)
        )

    def container(self, call: Call) -> Answer:
        """One container."""
        room, container = found_container(self._registry, call)
        return Answer(body=_container(room, container))

    # -- users --------------------------------------------------------------------------------------

    def connections(self, call: Call) -> Answer:
        """A user's connections."""
        connections = self._connections_of(call.names["user"])
        if not connections:
            raise not_found("user online")
        return Answer(body=shapes.Connections(connections=[_connection(each) for each in connections]))

    def online(self, call: Call) -> Answer:
        """How many users are online in each of some rooms; in one that is not there, none."""
        rooms = self._registry.rooms
        counts = {name: rooms[name].online if name in rooms else 0 for name in call.body.rooms}
        return Answer(body=shapes.Online(online=counts))

    def replies(self, call: Call) -> Answer:
        """All automatic replies."""
        return Answer(body=shapes.RepliesView(replies=dict(self._replies)))


def found_room(registry: Registry, call: Call) -> Room:
    """The room that is named. :raises Refusal: 404."""
    room = registry.rooms.get(call.names["room"])
    if room is None:
        raise not_found("room")
    return room


def found_container(registry: Registry, call: Call) -> tuple[Room, Container]:
    """The container that is named, and its room. :raises Refusal: 404."""
    room = registry.rooms.get(call.names["room"])
    container = room.containers.get(call.names["container"]) if room is not None else None
    if room is None or container is None:
        raise not_found("container")
    return room, container


def _page(keys: Iterable[Key], after: Key, limit: int) -> tuple[list[Key], bool]:
    """The first keys after one, and whether there are more. It takes time in the number of all keys, but
    sorts no more than it tells."""
    page = nsmallest(limit + 1, (key for key in keys if key > after))
    return page[:limit], len(page) > limit


def _summary(room: Room) -> shapes.RoomSummary:
    return shapes.RoomSummary(
        name=room.name,
        online=room.online,
        connections=room.connections,
        containers=len(room.containers),
    )


def _member(user_id: str, connections: list[Connection]) -> shapes.Member:
    name = connections[-1].identity.name
    return shapes.Member(user_id=user_id, name=name, connections=len(connections))


def _container(room: Room, container: Container) -> shapes.ContainerView:
    return shapes.ContainerView(
        room=room.name,
        id=container.id,
        state="open" if container.is_open else "asked",
        members=list(container.members),
        online=room.members_online(container),
        accept_id=container.accept_id,
        waiting=container.is_waiting,
    )


def _connection(connection: Connection) -> shapes.ConnectionView:
    identity = connection.identity
    return shapes.ConnectionView(
        room=identity.room,
        user_id=identity.user_id,
        name=identity.name,
        icon=identity.icon,
        container_id=identity.container_id,
        target_id=identity.target_id,
        is_agent=connection.rights.is_agent,
        peer=connection.channel.peer,
    )
