"""How many connections a user may have on all nodes together."""

from collections.abc import Callable, Iterable

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.bus.redis import Redis, RedisAway, RedisError
from chatd.cluster.nodes import Nodes
from chatd.cluster.scripts import COUNT, Names
from chatd.interfaces import IQuota
from chatd.logs import Log

log = Log()

KEPT_SECONDS = 3 * 3600
"""How long Redis knows a count that nobody tells again."""
AGAIN_SECONDS = 3600.0
NOT_SURE = -1


@implementer(IQuota)
class Quota(Service):
    """Tells Redis how many connections each user has here, and learns whether that is too many with those
    that it has elsewhere. What nodes told that are no more does not count.
    """

    name = "quota"

    def __init__(self, clock: IReactorTime, redis: Redis, names: Names, nodes: Nodes) -> None:
        self._redis = redis
        self._names = names
        self._nodes = nodes
        self.most: Callable[[], int] = lambda: 0
        """How many there may be of a user; 0: any number, and nothing is counted."""
        self.count_of: Callable[[str], int] = lambda user: 0
        """How many a user has here."""
        self.users: Callable[[], Iterable[str]] = lambda: ()
        """Of whom there are any."""
        self._untold: set[str] = set()  # who may have left since, so that nothing else tells of them
        self._again = LoopingCall(self.tell_all)
        self._again.clock = clock

    def startService(self) -> None:
        """Begin to tell again what Redis would forget."""
        super().startService()
        self._again.start(AGAIN_SECONDS, now=False)

    def stopService(self) -> None:
        """Tell nothing more."""
        super().stopService()
        if self._again.running:
            self._again.stop()

    def may_join(self, user_id: str) -> "Deferred[bool]":
        """Whether a user's connection, which this node has counted already, may come into a room. While Redis
        is away it may."""
        if not self.most():
            return succeed(True)
        return Deferred.fromCoroutine(self._ask(user_id)).addErrback(self._cannot_tell)

    async def _ask(self, user_id: str) -> bool:
        told = await self._tell(user_id, self.most())
        if told == NOT_SURE:
            await self._nodes.look()
            told = await self._tell(user_id, self.most(), sure=True)
        return bool(told)

    def left(self, user_id: str) -> None:
        """A user's connection is gone, and counted no more."""
        if self.most():
            self._tell_surely(user_id)

    def _tell_surely(self, user_id: str) -> None:
        self._tell(user_id, 0).addErrback(self._is_untold, user_id)

    def _is_untold(self, failure: Failure, user_id: str) -> None:
        self._untold.add(user_id)
        self._cannot_tell(failure)

    def tell_all(self) -> None:
        """Tell Redis of everybody, as it may know nothing."""
        if self.most():
            untold, self._untold = self._untold, set()
            for user_id in {*self.users(), *untold}:
                self._tell_surely(user_id)

    def _tell(self, user_id: str, most: int, sure: bool = False) -> "Deferred[int]":
        words = self._nodes.me.encode(), self.count_of(user_id), most, KEPT_SECONDS, int(sure)
        alive = (node.encode() for node in sorted(self._nodes.alive))
        return self._redis.run(COUNT, [self._names.user(user_id)], (*words, *alive))

    def _cannot_tell(self, failure: Failure) -> bool:
        """It is told again when Redis is there again."""
        if failure.check(RedisError):
            log.error("Redis refuses to count connections: {error}", error=failure.getErrorMessage())
        else:
            failure.trap(RedisAway)
        return True
