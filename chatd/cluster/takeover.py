"""Becoming the owner of a room: from its last owner, or of a new one.

What is kept is the store's: the containers, and the messages that some of those who are there have not heard,
because the last owner ended between keeping and telling. Who was online is in Redis's roster; who still is,
each node at the room's edge says (:class:`chatd.cluster.wire.Sync`), together with what it has heard, and
with the requests that were not heard of. The room is put together without a word; then everybody is told what
is missing, who is gone leaves, and the requests are done.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from chatd.chat import Chat
from chatd.cluster import wire
from chatd.cluster.edge import Edge
from chatd.cluster.outpost import NoChannel, Outpost
from chatd.cluster.owned import Owned
from chatd.container import Container
from chatd.errors import CloseCode
from chatd.model import Identity
from chatd.outbox import Outbox
from chatd.outcome import Recall
from chatd.registry import Registry
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.turn import REPLAY_SIZE, Claimed, Page, PageFound

MISSED = 2000  # messages that are told to who missed them; who missed more connects anew, and asks (R1)

Told = set[tuple[str, str]]
"""User and clientMessageId of messages that were told after all."""


class Missed:
    """Tells connections what they have not heard.

    :param told: takes what their own messages among it are.
    """

    def __init__(self, outbox: Outbox, stamp: Stamp, told: Told) -> None:
        self._outbox = outbox
        self._stamp = stamp
        self._told = told

    def tell(self, room: Room, connections: Iterable[Connection], last: str) -> None:
        """Tell what was said in the room, and in the containers of each, after a messageId."""
        connections = tuple(connections)
        listening = tuple(each for each in connections if each.is_room_scoped)
        if listening:
            self._recall(room, listening, None, "", last)
        by_user: dict[str, list[Connection]] = {}
        for connection in connections:
            by_user.setdefault(connection.identity.user_id, []).append(connection)
        for user_id, mine in by_user.items():
            for container in room.containers_of(user_id):
                self._recall(room, tuple(mine), container.id, container.since, last)
            for container in room.waiting_for(user_id):
                request = container.request
                if request is not None and request.id > last and user_id not in container.members:
                    for connection in mine:
                        if connection.is_room_scoped:
                            self._outbox.tell(connection, request)

    def _recall(
        self, room: Room, connections: tuple[Connection, ...], container_id: str | None, since: str, last: str
    ) -> None:
        def told(found: PageFound | None) -> None:
            if found is None or found.more:
                for connection in connections:
                    connection.channel.close(CloseCode.GOING_AWAY, "too much was missed: reconnect")
            for message in found.messages if found is not None else ():
                if message.client_message_id:
                    self._told.add((message.user_id, message.client_message_id))

        page = Page(
            room=room.name,
            container_id=container_id,
            since=since,
            until=self._stamp.last_id,
            after=last,
            limit=MISSED,
            size=REPLAY_SIZE,
        )
        self._outbox.recall(Recall(connections, page, told=told))


class TakeOver:
    """A room that becomes this node's.

    :param outpost: its connections here until now.
    :param owned: what it will be.
    :param roster: who was online: NODE:NUMBER to an Identity.
    :param alive: the nodes that are there.
    """

    def __init__(self, outpost: Outpost, owned: Owned, roster: dict[str, Identity], me: str) -> None:
        self.outpost = outpost
        self.owned = owned
        self.told: Told = set()
        self.answered: dict[str, wire.Sync] = {}
        """What nodes had said when the room was put together."""
        self.returned: list[Connection] = []
        """The users who are there, though the last owner took them for gone: the first connection of each."""
        self._roster = roster
        self._me = me
        self._ghosts: list[Connection] = []
        self._known: dict[tuple[str, int], str | None] = {}  # and after which message each asks (R1)

    @property
    def is_of_nobody_else(self) -> bool:
        """Whether there is a roster, and none of its nodes is at the room's edge."""
        return bool(self._roster) and not self.owned.edges

    @property
    def others(self) -> set[str]:
        """The other nodes of which somebody was online."""
        return {key.rpartition(":")[0] for key in self._roster} - {self._me}

    @property
    def syncs(self) -> dict[str, wire.Sync]:
        """What nodes have said so far of what they have there."""
        return {each.node: each for each in self.outpost.visitors if isinstance(each, wire.Sync)}

    def put_together(
        self,
        claimed: Claimed,
        registry: Registry,
        outbox: Outbox,
        stamp: Stamp,
        now: float,
        join: Callable[[Connection, str | None], None],
    ) -> None:
        """The room as it was, and for everybody what is missing. When that has been told,
        :meth:`chatd.cluster.reception.Reception.go_on` is to be called.

        :param join: has who is online and does not know it yet come in.
        """
        outpost, owned = self.outpost, self.owned
        stamp.resume(claimed.last_id)
        owned.last = claimed.last_id
        room = registry.open_room(outpost.room)
        registry.restore_containers(
            ((room.name, Container.restored(state)) for state in claimed.containers), now
        )
        syncs = self.answered = self.syncs
        edges = {node: self._edge(sync) for node, sync in syncs.items()}
        for key, identity in self._roster.items():
            node, _, number = key.rpartition(":")
            registry.enter(self._found(node, int(number), identity, edges.get(node), syncs.get(node)))
        for guest in self._forgotten(edges):
            if registry.enter(guest) and self._roster:
                self.returned.append(guest)
        if edges:
            owned.begin(room, edges)
        if outpost.guests:  # what the last owner told of them may not have come here
            outpost.learn({user_id: mine[-1].identity.name for user_id, mine in room.users.items()})
        missed = Missed(outbox, stamp, self.told)
        tell = partial(self._tell, room, missed, join)
        coming = [asked.connection for asked in outpost.asked if isinstance(asked.request, wire.Join)]
        tell([*outpost.guests.values(), *coming], outpost.last)
        for node, edge in edges.items():
            tell(edge.guests.values(), syncs[node].last)
            edge.tell_names(syncs[node].guests)
            outbox.mark(partial(edge.synced, syncs[node].attempt, lambda: dict(owned.people)))

    def _tell(
        self,
        room: Room,
        missed: Missed,
        join: Callable[[Connection, str | None], None],
        connections: Iterable[Connection],
        last: str,
    ) -> None:
        """Those who are in the room are told what they have not heard; who is coming in, that it has."""
        there = [each for each in connections if each.room is room]
        coming = {each: self._known[key] for each in there if (key := self._key(each)) in self._known}
        present = [each for each in there if each not in coming]
        for each in present:
            room.attach(each)
        missed.tell(room, present, last)
        for each, after in coming.items():
            join(each, after)
            if after is None:  # or else it is told that
                missed.tell(room, [each], last)

    def _key(self, connection: Connection) -> tuple[str, int]:
        return connection.node or self._me, connection.number

    def _forgotten(self, edges: dict[str, Edge]) -> Iterator[Connection]:
        """Who is there and not in the roster: the last owner took it for gone, or Redis has begun anew."""
        yield from (guest for guest in self.outpost.guests.values() if guest.room is None)
        for node, sync in self.answered.items():
            for guest in sync.guests:
                if guest.number not in edges[node].guests:
                    yield edges[node].enter(guest.number, guest.identity, guest.rights)

    def _edge(self, sync: wire.Sync) -> Edge:
        edge = Edge(sync.node, self.owned.touch)
        edge.begin(sync)
        return edge

    def _found(
        self, node: str, number: int, identity: Identity, edge: Edge | None, sync: wire.Sync | None
    ) -> Connection:
        """A connection that was online; a ghost if it is not any more."""
        if node == self._me:
            return self._found_here(number, identity)
        if edge is not None and sync is not None:
            for guest in sync.guests:
                if guest.number == number:
                    return edge.enter(number, identity, guest.rights)
            for request in sync.requests:
                if isinstance(request, wire.Join) and request.number == number:
                    self._known[node, number] = request.after
                    return edge.enter(number, identity, request.rights)
        return self._ghost(identity, node, number)

    def _found_here(self, number: int, identity: Identity) -> Connection:
        guest = self.outpost.guests.get(number)
        if guest is None:
            for asked in self.outpost.asked:
                if asked.request.number == number:
                    guest = asked.connection
                    if isinstance(asked.request, wire.Join):
                        self._known[self._me, number] = asked.request.after
                    break
        if guest is None:
            return self._ghost(identity, self._me, number)
        guest.identity = identity
        return guest

    def _ghost(self, identity: Identity, node: str, number: int) -> Connection:
        ghost = Connection(identity, NoChannel())
        ghost.node, ghost.number = node, number
        self._ghosts.append(ghost)
        return ghost

    def is_known(self, node: str, number: int) -> bool:
        """Whether a connection that asks to join is online already, for everybody but itself."""
        return (node, number) in self._known

    def dismiss_ghosts(self, chat: Chat) -> None:
        """Who is gone leaves, and everybody hears of it (N2)."""
        for ghost in self._ghosts:
            chat.leave(ghost)
        self._ghosts = []


def roster_of(reply: list[bytes]) -> dict[str, Identity]:
    """A roster, as Redis tells it."""
    pairs = zip(reply[::2], reply[1::2], strict=True)
    return {key.decode(): wire.decode_identity(identity) for key, identity in pairs}
