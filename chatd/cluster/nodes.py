"""The nodes: which there are, this one's lease among them, and what they say to each other."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Sequence, Set
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from chatd.bus.redis import Redis, RedisAway, RedisError, Subscriber
from chatd.cluster import wire
from chatd.cluster.scripts import FAREWELL, RENEW, Names
from chatd.logs import Log

log = Log()


class Nodes(Service):
    """This node's lease, and the others.

    :param name: of this node, for people; its identity is the name and some digits, new at each start.
    :param lease: seconds after which a node that is not heard from is given up.
    """

    name = "nodes"

    def __init__(
        self, clock: IReactorTime, redis: Redis, subscriber: Subscriber, names: Names, name: str, lease: float
    ) -> None:
        self._clock = clock
        self._redis = redis
        self._subscriber = subscriber
        self._names = names
        self._lease = lease
        self.me = f"{name}-{secrets.token_hex(4)}"
        self.alive: frozenset[str] = frozenset()
        """Those that have a lease, as far as is known; this one is among them."""
        self.valid_until = 0.0
        """Until when nobody else may give this node up, by the reactor's clock."""
        self.received: Callable[[Sequence[wire.OfRooms]], None] = lambda messages: None
        self.called: Callable[[wire.Call | wire.Answer], None] = lambda message: None
        self.gone: Callable[[frozenset[str]], None] = lambda nodes: None
        """Called with nodes that are no more."""
        self.changed: Callable[[frozenset[str]], None] = lambda gone: None
        """Called when there are others than before, after that, with those that are no more."""
        self.renewed: Callable[[bool], None] = lambda had: None
        """Called after each renewal, with whether the lease had lasted until then."""
        self.collect: Callable[[], None] = lambda: None
        """Called before what was posted is sent, for who has more to say."""
        self._awake = False
        self._patient_until = 0.0
        self._gone: frozenset[str] = frozenset()  # those who said farewell
        self._next: IDelayedCall | None = None
        self._posts: dict[str, list[wire.ToNode]] = defaultdict(list)
        self._stopped = False

    @property
    def is_leader(self) -> bool:
        """Whether this node does what one node alone is to do. One that is cut off does not."""
        return bool(self.alive) and self.me == min(self.alive) and self.valid_until > self._clock.seconds()

    def startService(self) -> None:
        """Listen to the other nodes, and ask for a lease."""
        super().startService()
        self._subscriber.subscribe(self._names.node(self.me))
        self._subscriber.subscribe(self._names.farewells)
        self.renew()

    # -- the lease ----------------------------------------------------------------------------------

    def renew(self) -> None:
        """Renew the lease now, and from then on in time."""
        if self._stopped:
            return
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = self._clock.callLater(self._lease / 4, self.renew)
        asked = self._clock.seconds()
        words = (self.me.encode(), int(self._lease * 1000))
        renewing = self._redis.run(RENEW, [self._names.nodes], words)
        renewing.addCallbacks(self._is_renewed, _is_away, callbackArgs=(asked,))
        renewing.addErrback(lambda failure: log.failure("a bug in renewing the lease", failure))

    def _is_renewed(self, reply: list[Any], asked: float) -> None:
        if self._stopped:
            return
        had, *nodes = reply
        alive = frozenset(node.decode() for node in nodes) - self._gone  # it may be older than a farewell
        first = not self.alive
        self.valid_until = asked + self._lease
        if not had:  # neither may the others have been able to renew theirs
            self._patient_until = asked + 2 * self._lease
        if asked < self._patient_until:
            alive |= self.alive - self._gone
        self.renewed(bool(had) or first)
        self._look(alive)

    def _look(self, alive: frozenset[str]) -> None:
        before, self.alive = self.alive, alive
        gone, come = before - alive, alive - before - {self.me}
        for node in sorted(come):
            log.info("node {node} is there", node=node)
        for node in sorted(gone):
            log.warn("node {node} is gone", node=node)
        if gone:
            self.gone(gone)
        if gone or come or not before:
            self.changed(gone)

    async def is_alive(self, node: str) -> bool:
        """Whether a node has a lease; asks Redis about one that is not known."""
        return bool(await self.living({node}))

    async def living(self, nodes: Set[str]) -> Set[str]:
        """Those of some nodes that have a lease; asks Redis if one of them is not known."""
        if nodes - self.alive - self._gone:
            await self.look()
        return nodes & self.alive

    async def look(self) -> None:
        """Ask Redis which nodes there are now."""
        if self._stopped:  # to ask is to renew the lease
            raise RedisAway("this node goes")
        words = (self.me.encode(), int(self._lease * 1000))
        asked = self._clock.seconds()
        self._is_renewed(await self._redis.run(RENEW, [self._names.nodes], words), asked)

    def left(self, node: str) -> None:
        """Another node has said that it goes."""
        if node != self.me:
            self._gone |= {node}
        if node in self.alive & self._gone:
            self._look(self.alive - {node})

    async def farewell(self) -> None:
        """Give the lease up, and tell the others."""
        self._stopped = True
        if self._next is not None and self._next.active():
            self._next.cancel()
        try:
            await self._redis.run(FAREWELL, [self._names.nodes], (self.me.encode(), self._names.farewells))
        except (RedisAway, RedisError) as error:
            log.warn("the other nodes could not be told that this one goes: {error}", error=error)

    # -- what nodes say -----------------------------------------------------------------------------

    def post(self, node: str, message: wire.ToNode) -> None:
        """Say something to a node, with all else that is said to it in this turn. It may be lost."""
        self._posts[node].append(message)
        self.wake()

    def send(self, node: str, message: wire.ToNode) -> None:
        """Say something to a node at once: it comes after all that was published before, and before what is
        published later. It may be lost."""
        self._tell(node, [message])

    def wake(self) -> None:
        """There is something to say at the end of this turn."""
        if not self._awake:
            self._awake = True
            self._clock.callLater(0, self._send)

    def _send(self) -> None:
        self.collect()
        self._awake = False
        posts, self._posts = self._posts, defaultdict(list)
        for node, messages in posts.items():
            self._tell(node, messages)

    def _tell(self, node: str, messages: Sequence[wire.ToNode]) -> None:
        told = self._redis.call("PUBLISH", self._names.node(node), wire.encode(messages))
        told.addErrback(_is_away)

    def take(self, channel: bytes, payload: bytes) -> bool:
        """What came on a channel. :returns: whether it is one of the nodes' channels."""
        if channel == self._names.node(self.me):
            messages = wire.decode_to_node(payload)
            self.received([each for each in messages if not isinstance(each, wire.Call | wire.Answer)])
            for message in messages:
                if isinstance(message, wire.Call | wire.Answer):
                    self.called(message)
        elif channel == self._names.farewells:
            self.left(payload.decode())
        else:
            return False
        return True


def _is_away(failure: Failure) -> None:
    """What cannot be said is said again by whoever needs an answer."""
    if failure.check(RedisError):
        log.error("Redis refuses: {error}", error=failure.getErrorMessage())
    else:
        failure.trap(RedisAway)
