"""What other nodes say of the rooms that live here: who comes, speaks and goes there; who begins anew."""

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chatd.chat import Chat
from chatd.cluster import wire
from chatd.cluster.edge import Edge
from chatd.cluster.host import Host
from chatd.cluster.owned import Owned
from chatd.cluster.takeover import Missed, TakeOver, Told
from chatd.errors import CloseCode, RequestError
from chatd.logs import Log
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.room import Connection, Room
from chatd.stamp import Stamp
from chatd.turn import Claimed
from chatd.wire import commands
from chatd.wire.commands import Command, loaded

log = Log()

_QUESTIONS = frozenset({commands.HISTORY, commands.ONLINE})


class Reception:
    """Serves the nodes at the edges of the rooms that live here.

    :param me: this node.
    :param post: says something to a node with the turn.
    :param send: says something to a node at once: what it has missed is in order with what is published.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chat: Chat,
        registry: Registry,
        outbox: Outbox,
        stamp: Stamp,
        host: Host,
        me: str,
        post: Callable[[str, wire.ToNode], None],
        send: Callable[[str, wire.ToNode], None],
    ) -> None:
        self._clock = clock
        self._chat = chat
        self._registry = registry
        self._outbox = outbox
        self._stamp = stamp
        self._host = host
        self._rooms = host.rooms
        self._me = me
        self._post = post
        self._send = send

    def put_together(self, takeover: TakeOver, claimed: Claimed) -> "Deferred[None]":
        """The room as it was. :returns: fires when everybody has been told what is missing."""
        done: Deferred[None] = Deferred()
        now = self._clock.seconds()
        join = partial(self._chat.join, known=True)
        takeover.put_together(claimed, self._registry, self._outbox, self._stamp, now, join)
        self._outbox.mark(lambda: done.callback(None), told=True)
        return done

    def go_on(self, takeover: TakeOver) -> None:
        """Who is gone leaves, and what was asked meanwhile is done. From now on the room lives here."""
        owned, outpost = takeover.owned, takeover.outpost
        self._rooms[owned.room] = owned
        if takeover.is_of_nobody_else:
            owned.own_alone()
        for connection in takeover.returned:
            self._chat.is_back(connection)
        takeover.dismiss_ghosts(self._chat)
        for asked in outpost.take_back():
            self._do_here(takeover, asked.request, asked.connection, asked.done)
        for node, sync in takeover.answered.items():
            edge = owned.edges.get(node)
            if edge is not None:
                self._serve_requests(owned, edge, sync.first, sync.requests, takeover)
        for visitor in outpost.visitors:
            answered = takeover.answered.get(visitor.node)
            attempt = visitor.attempt if isinstance(visitor, wire.Sync) else None
            if answered is None or attempt != answered.attempt:
                self.serve(visitor)
        self._registry.tidy(owned.room)
        if owned.is_fenced:
            self._host.give_up(owned)
        elif owned.room not in self._registry.rooms:
            self._host.discard(owned.room)

    def _do_here(
        self, takeover: TakeOver, request: wire.Request, connection: Connection, done: "Deferred[None] | None"
    ) -> None:
        if isinstance(request, wire.Join):
            if not takeover.is_known(self._me, request.number):
                self._chat.join(connection, request.after)
        elif isinstance(request, wire.Leave):
            self._chat.leave(connection)
        elif done is not None:
            command = loaded(request.command)
            try:
                if not _is_told(connection, command, takeover.told):
                    self._chat.handle(connection, command)
            except RequestError as error:
                done.errback(error)
            else:
                done.callback(None)

    def nodes_gone(self, nodes: frozenset[str]) -> None:
        """Nodes are no more: who was connected there has left."""
        for owned in tuple(self._rooms.values()):
            gone = nodes & owned.edges.keys()
            for node in gone:
                for guest in owned.give_up(node).guests.values():
                    self._chat.leave(guest)
            if gone:
                self._registry.tidy(owned.room)

    def serve(self, message: wire.Requests | wire.Sync) -> None:
        """What another node says of a room that may live here."""
        owned = self._rooms.get(message.room)
        if owned is None:
            self._host.disown(message.room)
            self._post(message.node, wire.Stranger(self._me, message.room))
        elif isinstance(message, wire.Sync):
            self._begin(owned, message)
        else:
            edge = owned.edges.get(message.node)
            if edge is None or message.epoch != owned.epoch or message.stream != edge.stream:
                self._post(message.node, wire.Stranger(self._me, message.room))
            elif edge.since is not None:  # or else they are in its Sync too, if they were not heard
                edge.forget_refusals(message.heard)
                self._serve_requests(owned, edge, message.first, message.requests)

    def _begin(self, owned: Owned, sync: wire.Sync) -> None:
        """A node begins, or begins anew, maybe because it has missed something."""
        edge = owned.edges.get(sync.node)
        if edge is not None:
            if sync.attempt < edge.attempt:
                return  # a later one overtook it, while Redis was asked whether the node is alive
            if sync.attempt == edge.attempt and edge.since is None:
                return  # it is about to be answered
            missed = owned.missed_by(edge, sync)
            if missed is not None:
                begins = sync.attempt == edge.attempt
                self._send(sync.node, wire.Replay(sync.room, sync.attempt, begins, missed))
                self._serve_requests(owned, edge, sync.first, sync.requests)
                return
        room = self._registry.open_room(owned.room)
        if edge is None:
            edge = owned.add_edge(sync.node, room)
        edge.begin(sync)
        for guest in sync.guests:
            if guest.number not in edge.guests:  # it was taken for gone: the others hear that it is not
                self._chat.come_back(edge.enter(guest.number, guest.identity, guest.rights))
        self._outbox.mark(partial(self._catch_up, owned, edge, sync), told=True)

    def _catch_up(self, owned: Owned, edge: Edge, sync: wire.Sync) -> None:
        """Tell a node that begins anew what it has missed, and do what it asks."""
        if not self._is_awaited(owned, edge, sync):
            return
        edge.begin(sync)  # without what was told meanwhile: it is missed, and told once more
        told: Told = set()
        missed = Missed(self._outbox, self._stamp, told)
        room = self._registry.open_room(owned.room)
        self._part(edge, sync, room, missed)
        there = [edge.guests[guest.number] for guest in sync.guests if guest.number in edge.guests]
        missed.tell(room, there, sync.last)
        for guest in there:
            self._outbox.attach(guest)
        self._outbox.mark(partial(edge.synced, sync.attempt, lambda: dict(owned.people)))
        self._outbox.mark(partial(self._begun, owned, edge, sync, told))

    def _is_awaited(self, owned: Owned, edge: Edge, sync: wire.Sync) -> bool:
        """Whether a node still waits for the answer to this, and has not begun once more."""
        is_edge = self._rooms.get(owned.room) is owned and owned.edges.get(sync.node) is edge
        return is_edge and edge.attempt == sync.attempt

    def _part(self, edge: Edge, sync: wire.Sync, room: Room, missed: Missed) -> None:
        """Who is not there any more leaves; who has joined and does not know it yet is told."""
        there = {guest.number for guest in sync.guests}
        joining = {each.number: each.after for each in sync.requests if isinstance(each, wire.Join)}
        for number, guest in tuple(edge.guests.items()):
            if number in joining and number not in there:
                self._chat.join(guest, joining[number], known=True)
                missed.tell(room, [guest], guest.since)
            elif number not in there:
                edge.leave(number)
                self._chat.leave(guest)

    def _begun(self, owned: Owned, edge: Edge, sync: wire.Sync, told: Told) -> None:
        if self._is_awaited(owned, edge, sync):
            for number, request in enumerate(sync.requests, sync.first):
                if number < edge.next and isinstance(request, wire.Say) and _is_question(request):
                    self._say(edge, number, request, None)  # the answer may be lost
            self._serve_requests(owned, edge, sync.first, sync.requests, told=told)

    def _serve_requests(
        self,
        owned: Owned,
        edge: Edge,
        first: int,
        requests: Sequence[wire.Request],
        takeover: TakeOver | None = None,
        told: Told | None = None,
    ) -> None:
        new = edge.new(first, requests)
        if new is None:
            return
        former = owned.former.get(edge.node)
        for request in new:
            number, edge.next = edge.next, edge.next + 1
            self._host.traffic.served += 1
            if isinstance(request, wire.Say):
                if former and former.has_done(edge.stream, number) and not _is_question(request):
                    continue  # before the node was given up, and nobody there has heard so
                self._say(edge, number, request, takeover.told if takeover is not None else told)
            elif isinstance(request, wire.Join):
                self._join(edge, request, takeover)
            else:
                guest = edge.leave(request.number)
                if guest is not None:
                    self._chat.leave(guest)
        self._outbox.mark(partial(edge.heard, edge.next))

    def _join(self, edge: Edge, request: wire.Join, takeover: TakeOver | None) -> None:
        if takeover is None or not takeover.is_known(edge.node, request.number):
            guest = edge.enter(request.number, request.identity, request.rights)
            guest.since = self._stamp.last_id
            self._chat.join(guest, request.after)

    def _say(self, edge: Edge, number: int, request: wire.Say, told: Told | None) -> None:
        guest = edge.guests.get(request.number)
        if guest is None:
            return
        command = loaded(request.command)
        try:
            if told is None or not _is_told(guest, command, told):
                self._chat.handle(guest, command)
        except RequestError as error:
            edge.refuse(number, error)
        except Exception:
            log.failure("a bug in answering a message for {peer}", peer=guest.channel.peer)
            guest.channel.close(CloseCode.INTERNAL_ERROR, "internal error")


def _is_question(request: wire.Say) -> bool:
    return loaded(request.command).event in _QUESTIONS


def _is_told(connection: Connection, command: Command, told: Told) -> bool:
    """Whether a message was kept before, and its sender has been told so."""
    return (connection.identity.user_id, command.client_message_id or "") in told
