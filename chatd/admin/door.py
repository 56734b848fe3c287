"""Where the admin API listens, and what it is made of."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from twisted.internet.interfaces import IReactorTime

from chatd.admin.access import Token
from chatd.admin.acts import Acts
from chatd.admin.answers import Answer
from chatd.admin.api import routes
from chatd.admin.reach import Reaching, here
from chatd.admin.reads import Reads
from chatd.admin.routes import Call
from chatd.admin.site import AdminSite
from chatd.conversations import Conversations
from chatd.factory import ChatFactory
from chatd.house import Listener
from chatd.interfaces import IBus
from chatd.lag import Lag
from chatd.logs import Log
from chatd.metrics import CONTENT_TYPE, Metrics
from chatd.outbox import Outbox
from chatd.readiness import Readiness
from chatd.registry import Registry
from chatd.replies import Replies
from chatd.stamp import Stamp
from chatd.verdicts import Verdicts
from chatd.webhook import Webhook

if TYPE_CHECKING:
    from chatd.cluster.cluster import Cluster

log = Log()


class Opening(msgspec.Struct, frozen=True):
    """An endpoint with its description for the log, and the token that is asked for there."""

    description: str
    endpoint: Any
    token: Token


class AdminDoor(Listener):
    """The admin API at its port.

    :param reload: reads the configuration again; tells why nothing has changed, or None.
    :param cluster: the other nodes, if there are any.
    """

    def __init__(
        self,
        opening: Opening,
        clock: IReactorTime,
        registry: Registry,
        outbox: Outbox,
        bus: IBus,
        stamp: Stamp,
        conversations: Conversations,
        replies: Replies,
        factory: ChatFactory,
        readiness: Readiness,
        reload: Callable[[], str | None],
        webhook: Webhook | None = None,
        verdicts: Verdicts | None = None,
        cluster: "Cluster | None" = None,
    ) -> None:
        self._token = opening.token
        self._replies = replies
        self._lag = Lag(clock)
        _watch(readiness, outbox, bus)
        answered: Counter[int] = Counter()
        hooks = webhook, verdicts
        all_metrics = Metrics(registry, outbox, bus, factory, self._lag, answered, *hooks, cluster)

        def metrics(call: Call) -> Answer:
            return Answer(body=all_metrics.text(), content_type=CONTENT_TYPE)

        own = registry.connections_of if cluster is None else factory.connections_of
        reads = Reads(registry, own, readiness, replies)
        acts = Acts(registry, own, outbox, stamp, conversations, readiness, replies, reload)
        table = routes(reads, acts, metrics, lambda: factory.message_size)
        reach = here if cluster is None else Reaching(table, cluster)
        self.site = AdminSite(clock, opening.token, table, answered, reach)
        super().__init__(opening.description, opening.endpoint, self.site)

    def startService(self) -> None:
        """Begin to measure."""
        super().startService()
        self._lag.startService()

    def stopService(self) -> None:
        """Measure no more."""
        super().stopService()
        self._lag.stopService()

    def reload(self) -> None:
        """Read certificate and token again. A token that will not do changes nothing. Automatic replies are
        those of the configuration again."""
        super().reload()
        self._replies.reset()
        try:
            self._token.read()
        except ValueError as error:
            log.error("admin.token_file: the token was not read again: {error}", error=error)


def _watch(readiness: Readiness, outbox: Outbox, bus: IBus) -> None:
    """What may keep messages from being heard."""

    def store() -> str | None:
        if outbox.failing is not None:
            return "The store keeps nothing; the log says why."
        return "Too much waits for the store." if outbox.is_full else None

    readiness.watch("store", store)
    readiness.watch("bus", lambda: bus.trouble)
