"""This node among the others, put together of its parts."""

import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.application.service import MultiService
from zope.interface import implementer

from chatd.bus.redis import Redis, RedisAway, RedisError, RedisUrl, Subscriber, mistake
from chatd.chat import Chat
from chatd.cluster.calls import Calls, NoAnswer
from chatd.cluster.finding import Finder
from chatd.cluster.host import Host
from chatd.cluster.leader import Leader
from chatd.cluster.nodes import Nodes
from chatd.cluster.orphans import Orphans
from chatd.cluster.outposts import Outposts
from chatd.cluster.quota import Quota
from chatd.cluster.reception import Reception
from chatd.cluster.scripts import Names
from chatd.cluster.switchboard import Switchboard
from chatd.config import Cluster as Settings
from chatd.delivery import Item
from chatd.errors import StartError
from chatd.interfaces import IBus, IMessageStore
from chatd.model import Event
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.stamp import Stamp


@implementer(IBus)
class ClusterBus:
    """Carries a turn's items to this node's connections and, of rooms with edges, to those of other nodes."""

    def __init__(self) -> None:
        self.deliver: Callable[[Sequence[Item]], None] = lambda items: None
        self.look: Callable[[], str | None] = lambda: None

    @property
    def trouble(self) -> str | None:
        """See :attr:`chatd.interfaces.IBus.trouble`."""
        return self.look()

    def publish(self, items: Sequence[Item]) -> None:
        """See :meth:`chatd.interfaces.IBus.publish`."""
        self.deliver(items)


class Cluster(MultiService):
    """All that belongs to a node among others.

    :param reactor: whose connections and timers these are.
    """

    name = "cluster"

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        bus: ClusterBus,
        chat: Chat,
        registry: Registry,
        outbox: Outbox,
        stamp: Stamp,
        store: IMessageStore,
        encode: Callable[[Event], bytes],
    ) -> None:
        super().__init__()
        self._url = url = RedisUrl.parse(settings.redis)
        self._settings = settings
        names = Names(settings.prefix)
        redis = Redis(reactor, url, settings.wait)
        subscriber = Subscriber(reactor, url, self._published, settings.wait)
        name = settings.name or f"{socket.gethostname()}-{os.getpid()}"
        self.nodes = Nodes(reactor, redis, subscriber, names, name, settings.lease)
        nodes, me = self.nodes, self.nodes.me
        self.host = Host(reactor, chat, registry, outbox, redis, names, me, encode)
        reception = Reception(
            reactor, chat, registry, outbox, stamp, self.host, me, post=nodes.post, send=nodes.send
        )
        self.outposts = Outposts(
            reactor, self.host, reception, store, redis, subscriber, self.nodes, names, settings.lease
        )
        rooms = self.host, reception, self.outposts
        self.switchboard = Switchboard(
            reactor, chat, *rooms, redis, subscriber, self.nodes, names, settings.wait
        )
        self.calls = Calls(reactor, self.nodes, settings.wait, self._look)
        self.nodes.called = self.calls.take
        self.finder = Finder(reactor, self.host, self.outposts, redis, self.nodes, names, settings.wait)
        self.nodes.changed = self._changed
        self.leader = Leader(reactor, self.nodes, self.calls)
        self.orphans = Orphans(reactor, store, self.finder, lambda: self.outposts.is_closing)
        self.leader.add(self.orphans)
        self.quota = Quota(reactor, redis, names, self.nodes)
        redis.up = self._redis_is_up
        self._renewed, self.nodes.renewed = self.nodes.renewed, self._lease_is_renewed
        bus.deliver = self.host.deliver
        bus.look = lambda: self.switchboard.trouble
        for service in (redis, subscriber, self.nodes, self.outposts, self.quota, self.leader):
            service.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Ask Redis whether this node may come; a Redis that is away is waited for.

        :raises StartError: if not.
        """
        super().privilegedStartService()
        wrong = mistake(self._url, self._settings.prefix, self._settings.wait)
        if wrong is not None:
            raise StartError(f"cluster.redis: {wrong}")

    def _published(self, channel: bytes, payload: bytes) -> None:
        self.switchboard.published(channel, payload)

    async def _look(self) -> None:
        try:
            await self.nodes.look()
        except (RedisAway, RedisError) as error:
            raise NoAnswer(f"The servers cannot reach each other now: {error}.") from None

    def _redis_is_up(self) -> None:
        self.nodes.renew()
        self.quota.tell_all()

    def _lease_is_renewed(self, had: bool) -> None:
        self._renewed(had)
        if not had:  # others may have forgotten what is here
            self.quota.tell_all()

    def _changed(self, gone: frozenset[str]) -> None:
        self.calls.gone(gone)
        self.leader.look()
        if gone:
            self.orphans.look_now()

    async def farewell(self) -> None:
        """Leave the rooms to the other nodes."""
        self.host.close()
        await self.nodes.farewell()
