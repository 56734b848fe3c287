"""Where publications are heard: of a Redis Cluster any server has them all, as long as it sees the others."""

from typing import Any

from chatd.bus.resp import Link, RedisAway
from chatd.bus.slots import Address, masters
from chatd.bus.url import RedisUrl


class Hosts:
    """The servers to choose from, one after the other."""

    def __init__(self, url: RedisUrl) -> None:
        self._url = url
        self._known: list[Address] = []
        self._asked = ""

    def next(self) -> Address | None:
        """Where to try next; None: at the URL's UNIX socket."""
        if not self._url.hosts:
            return None
        if not self._known:
            self._known = [*self._url.hosts]
        address = self._known.pop(0)
        self._asked = address[0]
        return address

    async def prepare(self, link: Link) -> None:
        """Learn the others. From now on the server is asked how its cluster is, to which only RESP3 allows an
        answer between publications."""
        if not self._url.cluster:
            return
        await link.call("HELLO", 3)
        trouble = self.trouble(await link.call("CLUSTER", "INFO"))
        if trouble is not None:
            raise RedisAway(trouble)
        slots = await link.call("CLUSTER", "SLOTS")
        known = {address: None for _, _, address in masters(slots, self._asked)}
        self._known = list({**known, **dict.fromkeys(self._url.hosts)})
        link.question = ("CLUSTER", "INFO")

    def trouble(self, reply: Any) -> str | None:
        """What is wrong, by the reply to that question; None: nothing."""
        if self._url.cluster and isinstance(reply, bytes) and b"cluster_state:fail" in reply:
            return "it says that its cluster is down"
        return None
