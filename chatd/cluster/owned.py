"""A room that lives here: its epoch, its edges, and the publications for them."""

from collections import deque
from collections.abc import Callable
from functools import partial

from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.bus.redis import Redis, RedisAway
from chatd.cluster import wire
from chatd.cluster.edge import Edge, Former
from chatd.cluster.people import People
from chatd.cluster.scripts import AGAIN, DONE, FENCED, LOST, OWN, PUBLISH, RELEASE, Names
from chatd.counts import ClusterCounts
from chatd.logs import Log
from chatd.room import Connection, Room

log = Log()

RING = 256 * 1024  # bytes of publications that are remembered for an edge that has missed some
RETRY_SECONDS = 1.0


class Owned:
    """A room's part that other nodes see. Where there are no edges it does nothing, and costs nothing.

    :param me: this node.
    :param room_of: finds a room, if it is there.
    :param later: calls something after some seconds.
    :param mark: calls something when the road has come to this point.
    :param touched: called when there is something to publish at the end of the turn.
    :param fenced: called when it turns out that the room is another node's by now.
    """

    listens = False

    def __init__(
        self,
        room: str,
        epoch: int,
        me: str,
        redis: Redis,
        names: Names,
        room_of: Callable[[str], Room | None],
        later: Callable[..., object],
        counts: ClusterCounts,
        mark: Callable[[Callable[[], None]], None],
        touched: Callable[["Owned"], None],
        fenced: Callable[["Owned"], None],
    ) -> None:
        self.room = room
        self.epoch = epoch
        self.last = ""
        """The highest messageId told so far."""
        self.seq = 0
        self.edges: dict[str, Edge] = {}
        self.former: dict[str, Former] = {}
        """Of nodes that were given up, and may come back with requests that were done."""
        self.is_fenced = False
        self._me = me
        self._redis = redis
        self._keys = names.keys(room)
        self._channel = names.room(room)
        self._room_of = room_of
        self._later = later
        self._counts = counts
        self._mark = mark
        self._touched = touched
        self._fenced = fenced
        self._feed: list[bytes] = []
        self._roster: dict[str, bytes] = {}
        self._changed: dict[str, str | None] = {}  # what users are called who came or were renamed
        self._meetings = 0  # how often there came to be edges, or to be none
        self.people: People = {}
        """Where there are edges: who is online, as of what has been told."""
        self._ring: deque[tuple[int, bytes]] = deque()
        self._ring_size = 0
        self._unconfirmed: deque[tuple[int, bytes, list[bytes]]] = deque()
        self._stalled = False
        self._retries = False  # some time soon
        self._untold = False  # Redis may not know whose the room is, and that there are no edges

    # -- what the room says: see chatd.room.Elsewhere ------------------------------------------------

    def feed(self, frames: bytes) -> None:
        """See :meth:`chatd.room.Elsewhere.feed`."""
        if self.listens:
            self._feed.append(frames)
            self._touched(self)

    def note(self, connection: Connection) -> None:
        """See :meth:`chatd.room.Elsewhere.note`."""
        identity = connection.identity
        change = partial(self._change, self._meetings, identity.user_id, identity.name)
        self._mark(partial(change, self.key(connection), wire.encode_identity(identity)))

    def forget(self, connection: Connection) -> None:
        """See :meth:`chatd.room.Elsewhere.forget`."""
        user_id, room = connection.identity.user_id, self._room_of(self.room)
        mine = room.users.get(user_id) if room is not None else None
        name = mine[-1].identity.name if mine else None
        self._mark(partial(self._change, self._meetings, user_id, name, self.key(connection), b""))

    def _change(self, meeting: int, user_id: str, name: str | None, key: str, identity: bytes) -> None:
        """The road has come to where somebody came, went or was renamed."""
        if meeting != self._meetings:  # there were no edges meanwhile, and who is there was looked at anew
            return
        self._roster[key] = identity
        self._changed[user_id] = name
        if name is None:
            self.people.pop(user_id, None)
        else:
            self.people[user_id] = name
        self._touched(self)

    def key(self, connection: Connection) -> str:
        """A connection's field in the roster."""
        return f"{connection.node or self._me}:{connection.number}"

    # -- edges --------------------------------------------------------------------------------------

    def add_edge(self, node: str, room: Room) -> Edge:
        """A node that has connections in the room now. With the first one the roster begins."""
        if room.elsewhere is None:
            self._meet(room)
            for mine in room.users.values():
                for connection in mine:
                    self._roster[self.key(connection)] = wire.encode_identity(connection.identity)
        edge = self.edges[node] = Edge(node, self.touch)
        return edge

    def give_up(self, node: str) -> Edge:
        """A node is taken for gone. :returns: what it was."""
        edge, former = self.edges[node], self.former.get(node)
        if former is None or not former.has_done(edge.stream, edge.next):  # it had said all that again
            self.former[node] = edge.former
        edge.end()
        self.flush()
        self.drop_edge(node)
        return edge

    def begin(self, room: Room, edges: dict[str, Edge]) -> None:
        """The room has these edges; Redis's roster is right."""
        self.edges = edges
        self._meet(room)

    def _meet(self, room: Room) -> None:
        self._meetings += 1
        room.elsewhere = self
        self.people = {user_id: mine[-1].identity.name for user_id, mine in room.users.items()}

    def touch(self, node: str) -> None:
        """There is something to be told at an edge."""
        self.listens = any(edge.listeners for edge in self.edges.values())
        self._touched(self)

    def drop_edge(self, node: str) -> None:
        """A node that has no connections in the room any more. With the last one the roster ends."""
        self.edges.pop(node, None)
        self.listens = any(edge.listeners for edge in self.edges.values())
        if not self.edges:
            room = self._room_of(self.room)
            if room is not None:
                room.elsewhere = None
            self._feed, self._roster, self._changed, self.people = [], {}, {}, {}
            self._meetings += 1
            self._ring.clear()
            self._ring_size = 0
            if not self.is_fenced:
                self.own_alone()

    # -- publications -------------------------------------------------------------------------------

    def flush(self) -> None:
        """Publish what this turn had for the edges."""
        feed, self._feed = b"".join(self._feed), []
        parcels = {}
        for edge in self.edges.values():
            if edge.since is None:
                edge.hold(feed)
            if edge.has_news:
                parcel = edge.take_parcel()
                if parcel.synced:
                    edge.since = self.seq + 1
                parcels[edge.node] = Raw(wire.encode(parcel))
                edge.is_dirty = False
        roster, self._roster = self._roster, {}
        if self.is_fenced or not (feed or parcels or roster):
            return
        self._say(feed, parcels, roster)
        for node in [node for node, edge in self.edges.items() if edge.is_over]:
            self.drop_edge(node)

    def _publication(self, feed: bytes, parcels: dict[str, Raw]) -> wire.Publication:
        changed, self._changed = self._changed, {}
        came = {user_id: name for user_id, name in changed.items() if name is not None}
        went = [user_id for user_id, name in changed.items() if name is None]
        return wire.Publication(self._me, self.epoch, self.seq, self.last, feed, parcels, came, went)

    def announce(self) -> None:
        """Tell the edges whose the room is now."""
        self._say(b"", {}, {})

    def _say(self, feed: bytes, parcels: dict[str, Raw], roster: dict[str, bytes]) -> None:
        self.seq += 1
        payload = wire.encode(self._publication(feed, parcels))
        words = [word for key, identity in roster.items() for word in (key.encode(), identity)]
        self._counts.publications += 1
        self._remember(payload)
        self._unconfirmed.append((self.seq, payload, words))
        if not self._stalled:
            self._publish(self.seq, payload, words)

    def _publish(self, seq: int, payload: bytes, words: list[bytes]) -> None:
        me = self._me.encode()
        published = self._redis.run(
            PUBLISH, self._keys, [me, self.epoch, seq, self._channel, payload, *words]
        )
        published.addCallbacks(self._published, self._not_published, callbackArgs=(seq,))
        published.addErrback(lambda failure: log.failure("a bug in publishing", failure))

    def _published(self, reply: bytes, seq: int) -> None:
        if reply in (DONE, AGAIN):
            if self._unconfirmed and self._unconfirmed[0][0] == seq:
                self._unconfirmed.popleft()
        elif reply == FENCED:
            self.fence()
        elif reply == LOST and not self._stalled:
            self._stalled = True
            self._own_again()

    def _not_published(self, failure: Failure) -> None:
        if not failure.check(RedisAway):
            log.error("Redis refuses a publication: {error}", error=failure.getErrorMessage())
        self._stalled = True
        self._retry_later()

    def _retry_later(self) -> None:
        """Whatever the reason was, and whether or not somebody calls :meth:`resume` when it is gone."""
        if not self._retries:
            self._retries = True
            self._later(RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._retries = False
        if self.is_fenced or not self._stalled:
            return
        if self._redis.trouble:  # which would refuse each publication
            self._retry_later()
        else:
            self._say_again()

    def _own_again(self) -> None:
        """Redis has forgotten whose the room is; all that there is to say is said again after this."""
        log.warn("Redis has forgotten the room {room!r}, and is told again", room=self.room)
        seq = self._unconfirmed[0][0] - 1 if self._unconfirmed else self.seq
        owning = self.own(seq, self._everybody())
        owning.addCallbacks(lambda owns: self._say_again() if owns else self.fence(), self._not_published)

    def _everybody(self) -> dict[str, bytes]:
        room = self._room_of(self.room)
        if room is None or room.elsewhere is None:
            return {}
        everybody = [connection for mine in room.users.values() for connection in mine]
        return {self.key(connection): wire.encode_identity(connection.identity) for connection in everybody}

    def own(self, seq: int = 0, roster: dict[str, bytes] | None = None) -> "Deferred[int]":
        """Tell Redis whose the room is, and since which epoch.

        :param roster: who is online, for whom there are edges; None: as Redis has it.
        :returns: fires with 0 if the room is another node's.
        """
        words = [word for key, identity in (roster or {}).items() for word in (key.encode(), identity)]
        anew = int(roster is not None)
        return self._redis.run(OWN, self._keys, [self._me.encode(), self.epoch, seq, anew, *words])

    def own_alone(self) -> None:
        """There are no edges, and no roster: nothing will be published, by which it would turn out whose the
        room is."""
        self._untold = True
        self.own(self.seq, {}).addCallbacks(self._own_told, self._not_published)

    def _own_told(self, owns: int) -> None:
        self._untold = False
        if not owns:
            self.fence()

    def resume(self) -> None:
        """Redis is there again: publish what has no answer. What was published all the same is not said
        twice."""
        if not self.is_fenced:
            self._untold = True
            self._say_again()

    def _say_again(self) -> None:
        self._stalled = False
        for seq, payload, words in tuple(self._unconfirmed):
            self._publish(seq, payload, words)
        if self._untold and not self.edges:  # at last, as by this Redis takes all that for published
            self.own_alone()

    def fence(self) -> None:
        """The room is another node's."""
        if not self.is_fenced:
            self.is_fenced = True
            self._fenced(self)

    def release(self) -> "Deferred[int]":
        """Nobody is there any more: it is nobody's."""
        self.is_fenced = True
        return self._redis.run(RELEASE, self._keys, [self._me.encode()])

    # -- for who has missed something ---------------------------------------------------------------

    def _remember(self, payload: bytes) -> None:
        self._ring.append((self.seq, payload))
        self._ring_size += len(payload)
        while self._ring_size > RING:
            self._ring_size -= len(self._ring.popleft()[1])

    def missed_by(self, edge: Edge, sync: wire.Sync) -> list[bytes] | None:
        """The publications that a node has missed; None if that cannot be told by them alone."""
        if edge.since is None or sync.stream != edge.stream or sync.first > edge.next:
            return None
        if edge.attempt == sync.attempt:  # it has not heard the answer
            after = edge.since - 1
        elif sync.epoch == self.epoch and sync.seq >= edge.since:
            after = sync.seq
        else:
            return None
        if after < self.seq and (not self._ring or self._ring[0][0] > after + 1):
            return None
        return [payload for number, payload in self._ring if number > after]
