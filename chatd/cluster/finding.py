"""Which node a room lives on, for who asks about it without being in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IReactorTime

from chatd.bus.redis import Redis, RedisAway, RedisError
from chatd.cluster.calls import NoAnswer
from chatd.cluster.host import Host
from chatd.cluster.nodes import Nodes
from chatd.cluster.outposts import Outposts
from chatd.cluster.scripts import Names


class Finder:
    """Finds rooms.

    :param wait: seconds that a room which is nobody's may take to be this node's.
    """

    def __init__(
        self,
        clock: IReactorTime,
        host: Host,
        outposts: Outposts,
        redis: Redis,
        nodes: Nodes,
        names: Names,
        wait: float,
    ) -> None:
        self._clock = clock
        self._host = host
        self._outposts = outposts
        self._redis = redis
        self._nodes = nodes
        self._names = names
        self._wait = wait

    async def owner(self, room: str, claims: bool) -> str:
        """The node on which a room lives; if it is this one, the room stays for this turn.

        :param claims: whether a room that is nobody's is to be this node's; else the answer is empty.
        :raises NoAnswer: if that cannot be told now.
        """
        if room in self._host.rooms:
            return self._nodes.me
        try:
            if room not in self._outposts.rooms:
                reply = await self._redis.call("HGET", self._names.keys(room)[0], "node")
                owner = (reply or b"").decode()
                if not owner and not claims:
                    return ""
                if owner not in ("", self._nodes.me) and await self._nodes.is_alive(owner):
                    return owner
            return await self._outposts.own(room).addTimeout(self._wait, self._clock)
        except (RedisAway, RedisError) as error:
            raise NoAnswer(f"The servers cannot reach each other now: {error}.") from None
        except TimeoutError:
            raise NoAnswer("The node of this room is not known yet. Try again later.") from None

    async def adopt(self, room: str) -> bool:
        """Have a room that is nobody's live here. :returns: whether it was one.

        :raises NoAnswer: if that cannot be done now.
        """
        if room in self._host.rooms or room in self._outposts.rooms:
            return False
        return await self.owner(room, claims=True) == self._nodes.me

    @contextmanager
    def held(self, room: str) -> Iterator[None]:
        """As long as something is done in a room that lives here, it does not go."""
        self._host.hold(room)
        try:
            yield
        finally:
            self._host.let_go(room)
