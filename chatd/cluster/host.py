"""The rooms that live here, as the other nodes see them."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chatd.bus.redis import Redis, RedisAway, RedisError
from chatd.chat import Chat
from chatd.cluster.owned import Owned
from chatd.cluster.people import People, difference
from chatd.cluster.scripts import CLAIM, RELEASE, Names
from chatd.counts import ClusterCounts, DeliveryCounts
from chatd.delivery import Delivery, Item
from chatd.errors import ErrorCode
from chatd.logs import Log
from chatd.model import Error, Event, Message
from chatd.outbox import RETRY_SECONDS, Outbox
from chatd.registry import Registry
from chatd.room import Connection
from chatd.wire.commands import Command
from chatd.wire.events import encode_error
from chatd.wire.frames import text_frame

log = Log()


class Host:
    """The rooms that live here.

    :param me: this node.
    :param encode: writes an event as the wire's JSON.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chat: Chat,
        registry: Registry,
        outbox: Outbox,
        redis: Redis,
        names: Names,
        me: str,
        encode: Callable[[Event], bytes],
    ) -> None:
        self._clock = clock
        self._chat = chat
        self._registry = registry
        self._outbox = outbox
        self._redis = redis
        self._names = names
        self._me = me
        self._encode = encode
        self.rooms: dict[str, Owned] = {}
        self.traffic = ClusterCounts()
        self._epochs: dict[str, int] = {}
        self._touched: set[Owned] = set()
        self._publishing = False
        self._held: Counter[str] = Counter()  # rooms in which something is done from outside
        self._leaving: dict[str, Owned] = {}
        self.fenced: Callable[[Owned], None] = lambda owned: None
        """Called with a room that is another node's by now; :attr:`demoted` follows."""
        self.demoted: Callable[[Owned, Sequence[Connection], People], None] = lambda *_: None
        """Called with such a room, who is in it here, and who was online."""
        registry.discarded = self.discard
        outbox.fence_of = lambda room: self._epochs.get(room, -1)
        outbox.fenced = self._fenced_by_store

    @property
    def counts(self) -> DeliveryCounts:
        """What this node's connections were told."""
        return self._registry.delivered

    # -- the road's end: see chatd.interfaces.IBus ---------------------------------------------------

    def deliver(self, items: Sequence[Item]) -> None:
        """Tell a turn's items to the connections of this node, and publish them for those of others."""
        for item in items:
            if type(item) is Delivery and type(item.event) is Message and item.audience is not None:
                room = item.event.room
                owned = self.rooms.get(room) or self._leaving.get(room)
                if owned is not None and item.event.id > owned.last:
                    owned.last = item.event.id
        self._registry.deliver(items)
        if self._touched:
            self._flush()

    def touch(self, owned: Owned) -> None:
        """There is something to publish, with this turn's items or soon."""
        self._touched.add(owned)
        if not self._publishing:
            self._publishing = True
            self._clock.callLater(0, self._flush)

    def _flush(self) -> None:
        self._publishing = False
        touched, self._touched = self._touched, set()
        for owned in touched:
            owned.flush()
            if not owned.edges:
                self._registry.tidy(owned.room)

    def resume(self) -> None:
        """Redis is there again."""
        for owned in tuple(self.rooms.values()):
            owned.resume()

    def close(self) -> None:
        """This node goes. What there is to publish is published, and nothing after it: who is online here
        stays in the rosters, for whoever takes the rooms over to tell that they went."""
        self._flush()
        for owned in self.rooms.values():
            owned.is_fenced = True

    def missed_notices(self, room: str, known: People, now: People) -> bytes:
        """The frames that tell who knew who was online who is so now."""
        notices = difference(room, known, now, self._chat.notices)
        return b"".join(text_frame(self._encode(notice)) for notice in notices)

    def tell_away(self, connection: Connection, command: Command, sentence: str) -> None:
        """A request is refused, for no fault of the client's."""
        error = Error(
            code=ErrorCode.STORAGE_UNAVAILABLE,
            sentence=sentence,
            event=command.event,
            client_message_id=command.client_message_id,
        )
        self.counts.errors[error.code] += 1
        connection.channel.send(text_frame(encode_error(error)))

    # -- rooms that come and go ---------------------------------------------------------------------

    def make(self, room: str, epoch: int) -> Owned:
        """A room that is about to live here."""
        self._epochs[room] = epoch
        return Owned(
            room,
            epoch,
            self._me,
            self._redis,
            self._names,
            self._registry.rooms.get,
            self._clock.callLater,
            self.traffic,
            self._outbox.mark,
            self.touch,
            self.give_up,
        )

    def check_all(self) -> "Deferred[bool]":
        """This node's lease had ended: see which rooms are still its. :returns: fires when that is done, with
        whether Redis has told of all."""
        checks = []
        for owned in tuple(self.rooms.values()):
            checking = self._redis.run(CLAIM, self._names.keys(owned.room), [self._me.encode(), b""])
            checking.addCallbacks(self._checked, _not_checked, callbackArgs=(owned,))
            checks.append(checking)
        return DeferredList(checks).addCallback(lambda checked: all(was for _, was in checked))

    def _checked(self, reply: list[bytes], owned: Owned) -> bool:
        if reply[0].decode() != self._me:
            owned.fence()
        return True

    def _fenced_by_store(self, rooms: Collection[str]) -> None:
        for room in rooms:
            owned = self.rooms.get(room)
            if owned is not None:
                owned.fence()

    def give_up(self, owned: Owned) -> None:
        """A room is another node's."""
        if self.rooms.get(owned.room) is not owned:
            return
        log.warn("the room {room!r} is another node's now", room=owned.room)
        self._leaving[owned.room] = self.rooms.pop(owned.room)
        self._epochs.pop(owned.room, None)
        self.fenced(owned)
        self._outbox.mark(partial(self._demote, owned), told=True)

    def _demote(self, owned: Owned) -> None:
        """Those who are here have heard what has happened so far."""
        del self._leaving[owned.room]
        room = self._registry.rooms.get(owned.room)
        users = room.users if room is not None else {}
        people = {user_id: mine[-1].identity.name for user_id, mine in users.items()}
        connections = self._registry.abandon(owned.room)
        self.demoted(owned, [each for each in connections if not each.node], people)

    def discard(self, room: str) -> None:
        """Nobody is in a room any more. When all that was said there is kept, it is nobody's."""
        if room in self.rooms:
            self._clock.callLater(0, self._release_when_kept, room)

    def _release_when_kept(self, room: str) -> None:
        self._outbox.passed().addCallback(lambda _: self._release(room))

    def _release(self, room: str) -> None:
        owned = self.rooms.get(room)
        if owned is None or owned.edges or room in self._registry.rooms or room in self._held:
            return
        if self._outbox.owes(room):
            # As nobody's it would have no epoch, and what the store failed to do there would never be done.
            self._clock.callLater(RETRY_SECONDS, self.discard, room)
            return
        del self.rooms[room]
        self._epochs.pop(room, None)
        released = owned.release()
        released.addErrback(lambda failure: failure.trap(RedisAway, RedisError))

    def disown(self, room: str) -> None:
        """A node takes a room for this one's, which is not here: if Redis does too, a release was lost, and
        nobody could have the room."""
        released = self._redis.run(RELEASE, self._names.keys(room), [self._me.encode()])
        released.addErrback(lambda failure: failure.trap(RedisAway, RedisError))

    def hold(self, room: str) -> None:
        """A room that lives here does not go, though nobody is in it, until :meth:`let_go`."""
        self._held[room] += 1

    def let_go(self, room: str) -> None:
        """It may go."""
        self._held[room] -= 1
        if not self._held[room]:
            del self._held[room]
            if room not in self._registry.rooms:
                self.discard(room)


def _not_checked(failure: Failure) -> bool:
    failure.trap(RedisAway, RedisError)
    return False
