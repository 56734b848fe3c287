"""The chat, as the connections of this node see it: their rooms are here, or elsewhere."""

from collections.abc import Sequence

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from chatd.bus.redis import Redis, RedisAway, RedisError, Subscriber
from chatd.chat import Chat, checked_move
from chatd.cluster import wire
from chatd.cluster.host import Host
from chatd.cluster.nodes import Nodes
from chatd.cluster.outage import Outage
from chatd.cluster.outpost import Outpost
from chatd.cluster.outposts import Outposts
from chatd.cluster.reception import Reception
from chatd.cluster.scripts import Names
from chatd.errors import RequestError
from chatd.interfaces import IChat
from chatd.logs import Log
from chatd.room import Connection
from chatd.wire import commands
from chatd.wire.commands import Command

log = Log()

AWAY = "The servers cannot reach each other now. Send it again later."


@implementer(IChat)
class Switchboard:
    """Leads everything that connections ask, and that other nodes say, to where the room is.

    :param chat: what is done in the rooms that are here.
    :param host: the rooms that are here.
    :param reception: what other nodes say of them.
    :param outposts: the rooms that are elsewhere.
    :param wait: seconds that a request waits for Redis, before it is refused.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chat: Chat,
        host: Host,
        reception: Reception,
        outposts: Outposts,
        redis: Redis,
        subscriber: Subscriber,
        nodes: Nodes,
        names: Names,
        wait: float,
    ) -> None:
        self._clock = clock
        self._chat = chat
        self._host = host
        self._reception = reception
        self._outposts = outposts
        self._redis = redis
        self._subscriber = subscriber
        self._nodes = nodes
        self._names = names
        self._outage = Outage(
            clock, self._cut_off, wait, lambda connection, what: host.tell_away(connection, what, AWAY)
        )
        self._closing = False
        self._lapsed = False  # the lease had ended, and the rooms have not been looked at since
        self._checking = False
        self.taken = chat.taken
        nodes.received = self._received
        nodes.gone = self._nodes_gone
        nodes.renewed = self._renewed
        redis.down = lambda sentence: self._outage.begin()
        subscriber.up = self._heard_again
        subscriber.down = lambda sentence: self._outage.begin()

    def close(self) -> None:
        """Take nothing more, from other nodes either."""
        self._closing = self._outposts.is_closing = True

    @property
    def trouble(self) -> str | None:
        """Why this node does not do what it is asked: it cannot speak to the others, or could not until now
        and has yet to look at what has become of its rooms."""
        return self._cut_off() or ("The rooms are looked at anew." if self._outage.lasts else None)

    def _cut_off(self) -> str | None:
        if self._redis.trouble or self._subscriber.trouble:
            return self._redis.trouble or self._subscriber.trouble
        return "The lease has ended." if self._nodes.valid_until <= self._clock.seconds() else None

    # -- what connections do: see chatd.interfaces.IChat ---------------------------------------------

    def join(self, connection: Connection, after: str | None = None) -> None:
        """See :meth:`chatd.interfaces.IChat.join`."""
        connection.number = self._outposts.number()
        self._come(connection, after)

    def _come(self, connection: Connection, after: str | None) -> None:
        if self._outage.lasts:
            self._outage.hold_back(connection, after)
            return
        room = connection.identity.room
        if room in self._host.rooms:
            self._chat.join(connection, after)
            return
        outpost = self._outposts.rooms.get(room)
        if outpost is None:
            outpost = self._outposts.open(room)
        outpost.join(connection, after)
        self._outposts.talk(outpost)

    def leave(self, connection: Connection) -> None:
        """See :meth:`chatd.interfaces.IChat.leave`."""
        self._outage.forget(connection)
        room = connection.identity.room
        outpost, owned = self._outposts.rooms.get(room), self._host.rooms.get(room)
        if self._closing and (outpost is not None or (owned is not None and owned.edges)):
            return  # it stays in the roster, for whoever has the room then to tell that it went
        if outpost is not None:
            outpost.leave(connection)
            self._outposts.talk(outpost)
        else:
            self._chat.leave(connection)

    def handle(self, connection: Connection, command: Command) -> "Deferred[None] | None":
        """See :meth:`chatd.interfaces.IChat.handle`."""
        if self._closing:
            return None
        if self._outage.lasts:
            return self._outage.hold(connection, command)
        if command.event == commands.UPDATE_ROOM_NAME:
            target = checked_move(connection, command)
            if target != connection.identity.room:
                self._move(connection, target)
                return None
        outpost = self._outposts.rooms.get(connection.identity.room)
        if outpost is None:
            self._chat.handle(connection, command)
            return None
        done = outpost.handle(connection, command)
        self._outposts.talk(outpost)
        return done

    def _move(self, connection: Connection, room: str) -> None:
        self.leave(connection)
        connection.identity = msgspec.structs.replace(connection.identity, room=room)
        self.join(connection)
        self.taken[commands.UPDATE_ROOM_NAME] += 1

    def _renewed(self, had: bool) -> None:
        """The lease holds. If it had ended, others may have taken what was here."""
        self._lapsed = self._lapsed or not had
        if self._redis.trouble or self._subscriber.trouble or self._checking:
            return
        if not self._lapsed:
            self._together_again()
            return
        self._checking = True
        self._outage.begin()
        log.warn("the lease had ended: the rooms are looked at anew")
        self._host.check_all().addCallback(self._checked)
        for outpost in tuple(self._outposts.rooms.values()):
            self._outposts.begin_anew(outpost)

    def _checked(self, all_were: bool) -> None:
        self._checking = False
        if all_were:  # or else this is done at the next renewal
            self._lapsed = False
            self._together_again()

    def _together_again(self) -> None:
        if self._redis.trouble or self._subscriber.trouble:
            return
        if self._outage.end():
            self._host.resume()
            for outpost in tuple(self._outposts.rooms.values()):
                if not outpost.owner:
                    self._outposts.seek(outpost)
            self._release_held()

    def _release_held(self) -> None:
        for kind, connection, what, done in self._outage.take():
            if kind == "join":
                self._come(connection, what)
                continue
            assert done is not None
            try:
                again = self.handle(connection, what)
            except RequestError as error:
                done.errback(error)
                continue
            if again is None:
                done.callback(None)
            else:
                again.chainDeferred(done)

    def _heard_again(self) -> None:
        """The subscriptions hold again; something may have been missed."""
        self._nodes.renew()
        for outpost in tuple(self._outposts.rooms.values()):
            self._outposts.begin_anew(outpost)

    # -- other nodes --------------------------------------------------------------------------------

    def _nodes_gone(self, nodes: frozenset[str]) -> None:
        if self._closing:
            return
        self._reception.nodes_gone(nodes)
        for outpost in tuple(self._outposts.rooms.values()):
            if outpost.looked_at is not None:
                outpost.looked_at()
            if outpost.owner in nodes:
                self._outposts.seek(outpost, outpost.owner)

    def _received(self, messages: Sequence[wire.OfRooms]) -> None:
        if self._closing:
            return
        for message in messages:
            outpost = self._outposts.rooms.get(message.room)
            if isinstance(message, wire.Requests | wire.Sync):
                if self._outage.lasts:
                    continue  # maybe nothing is this node's any more; it is said again
                if message.node in self._nodes.alive:
                    self._serve(message)
                else:
                    Deferred.fromCoroutine(self._serve_if_alive(message))
            elif outpost is None:
                continue
            elif isinstance(message, wire.Replay):
                if outpost.replay(message.attempt, message.begins):
                    for payload in message.publications:
                        self._hear(outpost, wire.decode_publication(payload))
                    self._outposts.talk(outpost)
            elif message.node == outpost.owner:
                self._clock.callLater(0.05, self._stranger, outpost, message.node)

    def _serve(self, message: wire.Requests | wire.Sync) -> None:
        outpost = self._outposts.rooms.get(message.room)
        if outpost is None:
            self._reception.serve(message)
        elif outpost.owner:
            self._nodes.post(message.node, wire.Stranger(self._nodes.me, message.room))
        else:
            outpost.visit(message)

    async def _serve_if_alive(self, message: wire.Requests | wire.Sync) -> None:
        """What a node says of which nothing is known yet; one that is gone is not listened to."""
        try:
            if await self._nodes.is_alive(message.node):
                self._serve(message)
        except (RedisAway, RedisError):
            return  # it is said again

    def _stranger(self, outpost: Outpost, node: str) -> None:
        if self._outposts.rooms.get(outpost.room) is outpost and outpost.owner == node:
            self._outposts.seek(outpost)

    def published(self, channel: bytes, payload: bytes) -> None:
        """Something came on a channel."""
        if self._nodes.take(channel, payload):
            return
        room = self._names.room_of(channel)
        outpost = self._outposts.rooms.get(room) if room is not None else None
        if outpost is not None and not self._closing:
            self._hear(outpost, wire.decode_publication(payload))

    def _hear(self, outpost: Outpost, publication: wire.Publication) -> None:
        if outpost.owner and publication.owner != outpost.owner:
            if publication.epoch > outpost.epoch:
                self._outposts.follow(outpost, publication.owner)
        elif not outpost.take(publication):
            self._outposts.begin_anew(outpost)
        elif outpost.is_idle:
            self._outposts.drop(outpost)
        else:
            self._outposts.talk(outpost)
