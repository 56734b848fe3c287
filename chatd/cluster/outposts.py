"""The rooms that live on other nodes, or are still to be found: each has an outpost here."""

from collections.abc import Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from chatd.bus.redis import Redis, RedisAway, RedisError, Subscriber
from chatd.cluster import wire
from chatd.cluster.host import Host
from chatd.cluster.nodes import Nodes
from chatd.cluster.outpost import Outpost
from chatd.cluster.owned import Owned
from chatd.cluster.people import People
from chatd.cluster.reception import Reception
from chatd.cluster.scripts import CLAIM, Names
from chatd.cluster.takeover import TakeOver, roster_of
from chatd.interfaces import IMessageStore
from chatd.logs import Log
from chatd.room import Connection
from chatd.turn import Claimed

log = Log()

AGAIN_SECONDS = 1.0
"""After which requests that were not heard are said again."""


class StoreAway(Exception):
    """The store does not answer."""


class Outposts(Service):
    """All of them, by their rooms' names.

    :param host: the rooms that are here.
    :param reception: what other nodes say of them.
    :param lease: seconds that other nodes are waited for when a room becomes this node's.
    """

    name = "outposts"

    def __init__(
        self,
        clock: IReactorTime,
        host: Host,
        reception: Reception,
        store: IMessageStore,
        redis: Redis,
        subscriber: Subscriber,
        nodes: Nodes,
        names: Names,
        lease: float,
    ) -> None:
        self._clock = clock
        self._host = host
        self._reception = reception
        self._store = store
        self._redis = redis
        self._subscriber = subscriber
        self._nodes = nodes
        self._names = names
        self._lease = lease
        self._numbers = 0
        self.rooms: dict[str, Outpost] = {}
        self.is_closing = False
        self._talking: set[Outpost] = set()
        self._again = LoopingCall(self._say_again)
        self._again.clock = clock
        host.fenced = self._fenced
        host.demoted = self._demoted
        nodes.collect = self._collect

    def startService(self) -> None:
        """Begin to look whether requests are heard."""
        super().startService()
        self._again.start(AGAIN_SECONDS, now=False)

    def stopService(self) -> None:
        """Do not look any more."""
        super().stopService()
        if self._again.running:
            self._again.stop()

    def number(self) -> int:
        """A number that this node has not used yet."""
        self._numbers += 1
        return self._numbers

    def open(self, room: str) -> Outpost:
        """A room of which nobody here knows where it lives."""
        outpost = self.rooms[room] = self._outpost(room)
        self.seek(outpost)
        return outpost

    def _outpost(self, room: str) -> Outpost:
        return Outpost(room, self._nodes.me, self._host.counts, self._host.missed_notices, self.number)

    def own(self, room: str) -> "Deferred[str]":
        """Have a room live here, if it is nobody's. :returns: fires with its owner, once that is known."""
        if room in self._host.rooms:
            return succeed(self._nodes.me)
        outpost = self.rooms.get(room) or self.open(room)
        if outpost.owner:
            return succeed(outpost.owner)
        found: Deferred[str] = Deferred()
        outpost.awaited.append(found)
        return found

    def seek(self, outpost: Outpost, dead: str = "") -> None:
        """Find the owner of a room, or become it."""
        outpost.lose_owner()
        if outpost.is_seeking:
            return
        outpost.is_seeking = True
        seeking = Deferred.fromCoroutine(self._find(outpost, dead))
        seeking.addErrback(lambda failure: log.failure("a bug in finding a room's owner", failure))

    async def _find(self, outpost: Outpost, dead: str) -> None:
        try:
            owner, roster = await self._claim(outpost.room, dead)
            if owner == self._nodes.me:
                await self._take_over(outpost, roster)
            else:
                await self._subscriber.subscribe(self._names.room(outpost.room))
                outpost.is_seeking = False
                if self.rooms.get(outpost.room) is outpost:
                    self.follow(outpost, owner)
        except (RedisAway, RedisError, StoreAway) as error:
            outpost.is_seeking = False
            log.info("the owner of {room!r} is not known yet: {error}", room=outpost.room, error=error)
            self._clock.callLater(AGAIN_SECONDS, self._seek_again, outpost)
        finally:
            outpost.is_seeking = False

    def _seek_again(self, outpost: Outpost) -> None:
        if self.rooms.get(outpost.room) is outpost and not outpost.owner and not self.is_closing:
            self.seek(outpost)

    async def _claim(self, room: str, dead: str) -> tuple[str, list[bytes]]:
        reply = await self._redis.run(CLAIM, self._names.keys(room), [self._nodes.me.encode(), dead.encode()])
        owner = reply[0].decode()
        if owner != self._nodes.me and not await self._nodes.is_alive(owner):
            words = [self._nodes.me.encode(), owner.encode()]
            reply = await self._redis.run(CLAIM, self._names.keys(room), words)
            owner = reply[0].decode()
        return owner, reply[1:]

    def follow(self, outpost: Outpost, owner: str) -> None:
        """The owner is another node: begin with it."""
        outpost.owner = owner
        outpost.is_stuck = False
        visitors, outpost.visitors = outpost.visitors, []
        for visitor in visitors:
            self._nodes.post(visitor.node, wire.Stranger(self._nodes.me, outpost.room))
        self._nodes.post(owner, outpost.begin())
        self._host.traffic.resyncs += 1
        outpost.tell_owner(owner)

    def begin_anew(self, outpost: Outpost) -> None:
        """Something may have been missed."""
        if outpost.owner:
            self.follow(outpost, outpost.owner)

    async def _take_over(self, outpost: Outpost, reply: list[bytes]) -> None:
        """The room is to be this node's."""
        room = outpost.room
        claimed = await self._kept(room)
        owned = self._host.make(room, claimed.epoch)
        if not await owned.own():
            raise RedisAway("another node was faster")
        self._subscriber.unsubscribe(self._names.room(room))
        takeover = TakeOver(outpost, owned, roster_of(reply), self._nodes.me)
        if takeover.others:
            await self._others_have_said(takeover)
            if not await owned.own(owned.seq):  # that took a while
                raise RedisAway("another node was faster")
        done = self._reception.put_together(takeover, claimed)
        await done
        if self.is_closing:
            return  # the next owner tells who has gone
        del self.rooms[room]
        self._talking.discard(outpost)
        self._host.traffic.takeovers += bool(reply)
        self._reception.go_on(takeover)
        self._reception.nodes_gone(frozenset(owned.edges) - self._nodes.alive)  # who went before it was ours
        outpost.tell_owner(self._nodes.me)

    async def _kept(self, room: str) -> Claimed:
        try:
            return await self._store.claim(room, self._nodes.me)
        except Exception as error:  # whatever the database's module raises
            raise StoreAway(" ".join(str(error).split())) from None

    async def _others_have_said(self, takeover: TakeOver) -> None:
        """Wait for what the other nodes of the room have there, as long as they are alive."""
        outpost = takeover.outpost
        if await self._nodes.living(takeover.others):  # one may have begun a moment ago
            takeover.owned.announce()
        waiting: Deferred[None] = Deferred()

        def look() -> None:
            missing = (takeover.others & self._nodes.alive) - set(takeover.syncs)
            if not missing and not waiting.called:
                waiting.callback(None)

        outpost.looked_at = look
        waiting.addTimeout(self._lease, self._clock)
        waiting.addErrback(lambda failure: None)
        look()
        await waiting
        outpost.looked_at = None

    def _fenced(self, owned: Owned) -> None:
        """A room that was here is another node's: what is asked from now on is for that one."""
        outpost = self.rooms[owned.room] = self._outpost(owned.room)
        outpost.is_seeking = True  # but not yet: see _demoted

    def _demoted(self, owned: Owned, connections: Sequence[Connection], people: People) -> None:
        """A room that was here is another node's; who is connected here is at its edge, and knows of these
        people."""
        outpost = self.rooms[owned.room]
        outpost.is_seeking = False
        outpost.last, outpost.people = owned.last, people
        for connection in connections:
            if outpost.has_left(connection):
                continue
            if connection.attached:
                outpost.guests[connection.number] = connection
                outpost.attach(connection)
            else:
                outpost.join(connection, None)
        if outpost.is_idle:
            self.drop(outpost)
        else:
            self.seek(outpost)

    def drop(self, outpost: Outpost) -> None:
        """Nobody here is in the room any more."""
        del self.rooms[outpost.room]
        self._talking.discard(outpost)
        self._subscriber.unsubscribe(self._names.room(outpost.room))

    # -- what is said to owners ---------------------------------------------------------------------

    def talk(self, outpost: Outpost) -> None:
        """There may be something to be said to its owner."""
        if outpost.has_to_say:
            self._talking.add(outpost)
            self._nodes.wake()

    def _collect(self) -> None:
        talking, self._talking = self._talking, set()
        for outpost in talking:
            requests = outpost.requests()
            if requests is not None:
                self._tell(outpost, requests)

    def _tell(self, outpost: Outpost, requests: wire.Requests) -> None:
        self._host.traffic.said += len(requests.requests)
        self._nodes.post(outpost.owner, requests)

    def _say_again(self) -> None:
        """What was not heard within a while may be lost."""
        if self.is_closing:
            return
        for outpost in tuple(self.rooms.values()):
            if outpost.owner and outpost.owner not in self._nodes.alive:
                self.seek(outpost)  # and not for dead: it may have begun a moment ago, which Redis knows
            elif not outpost.owner or (outpost.is_live and not outpost.asked):
                outpost.is_stuck = False
            elif not outpost.is_stuck:
                outpost.is_stuck = True
            elif outpost.is_live:
                requests = outpost.again()
                if requests is not None:
                    self._tell(outpost, requests)
                outpost.is_stuck = False
            else:
                self._nodes.post(outpost.owner, outpost.sync())
                outpost.is_stuck = False
