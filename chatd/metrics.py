"""Metrics for Prometheus: read from where things are and happen, at the moment somebody asks."""

import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from chatd import __version__
from chatd.counts import ClusterCounts, Histogram
from chatd.errors import CloseCode, ErrorCode
from chatd.factory import ChatFactory
from chatd.interfaces import IBus
from chatd.lag import Lag
from chatd.model import Error, History, Message, Notice, Online
from chatd.outbox import Outbox
from chatd.registry import Registry
from chatd.verdicts import Verdicts
from chatd.webhook import Webhook
from chatd.wire import commands

if TYPE_CHECKING:
    from chatd.cluster.cluster import Cluster

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_MESSAGES = (*commands.MESSAGE_TYPES, *(event for event in commands.EVENTS if event != commands.ORDINARY))
_EVENTS = (Message, Notice, Error, History, Online)
_LOGINS = ("ok", "anonymous", "unauthorized", "forbidden", "rate_limited", "storage_unavailable", "failed")


class Metrics(Collector):
    """All metrics, in a registry of their own.

    :param answered: the admin API's answers by status.
    :param webhook: tells the business's backend, if anybody does.
    :param verdicts: asks it, if anybody does.
    :param cluster: the other nodes, if there are any.
    """

    def __init__(
        self,
        registry: Registry,
        outbox: Outbox,
        bus: IBus,
        factory: ChatFactory,
        lag: Lag,
        answered: Mapping[int, int],
        webhook: Webhook | None = None,
        verdicts: Verdicts | None = None,
        cluster: "Cluster | None" = None,
    ) -> None:
        self._registry = registry
        self._outbox = outbox
        self._bus = bus
        self._factory = factory
        self._lag = lag
        self._answered = answered
        self._webhook = webhook
        self._verdicts = verdicts
        self._cluster = cluster
        self._all = CollectorRegistry(auto_describe=False)
        self._all.register(self)
        ProcessCollector(registry=self._all)

    def text(self) -> bytes:
        """All of them in Prometheus's text format."""
        return generate_latest(self._all)

    def collect(self) -> Iterable[Metric]:
        """See :class:`prometheus_client.registry.Collector`."""
        yield from self._who_is_there()
        yield from self._what_is_said()
        yield from self._what_is_refused()
        yield from self._what_waits()
        yield from self._what_nodes_have_to_do()
        yield from self._what_the_backend_is_told()
        yield from self._how_long()
        yield _build()

    def _who_is_there(self) -> Iterator[Metric]:
        rooms = self._registry.rooms
        containers = [container for room in rooms.values() for container in room.containers.values()]
        opened = sum(container.is_open for container in containers)
        connections = self._factory.connections
        users = {connection.identity.user_id for connection in connections}
        states = {"asked": len(containers) - opened, "open": opened}
        yield _gauge("chatd_sockets", "TCP connections, joined or not.", len(self._factory.open))
        yield _gauge("chatd_connections", "Connections of this node in rooms.", len(connections))
        yield _gauge("chatd_users", "Distinct users of these.", len(users))
        yield _gauge("chatd_rooms", "Rooms here with somebody or a container in them.", len(rooms))
        yield _labelled(GaugeMetricFamily, "chatd_containers", "Containers by state.", "state", states)

    def _what_is_said(self) -> Iterator[Metric]:
        delivered, taken = self._registry.delivered, self._factory.chat.taken
        types = dict.fromkeys(_MESSAGES, 0) | taken | {"heartbeat": self._factory.counts.heartbeats}
        events = {kind.__name__.lower(): delivered.events.get(kind, 0) for kind in _EVENTS}
        yield _counters("chatd_messages_in", "What clients asked for and was done, by type.", "type", types)
        yield _counters("chatd_events_out", "Events told to rooms, containers or clients.", "type", events)
        yield _counter("chatd_deliveries", "Frames of these to connections.", delivered.deliveries)
        yield _counter("chatd_writes", "Writes that these frames took.", delivered.writes)

    def _what_is_refused(self) -> Iterator[Metric]:
        counts = self._factory.counts
        errors = dict.fromkeys(ErrorCode, 0) | (counts.errors + self._registry.delivered.errors)
        closes = dict.fromkeys(map(int, CloseCode), 0) | {int(code): n for code, n in counts.closes.items()}
        refusals = {int(code): number for code, number in counts.refusals.items()}
        logins = dict.fromkeys(_LOGINS, 0) | self._factory.logins.outcomes
        yield _counters("chatd_errors", "Errors told to clients, by code.", "code", errors)
        yield _counters("chatd_closes", "Connections closed by the server, by close code.", "code", closes)
        yield _counters(
            "chatd_refusals", "Connections refused, by HTTP status or close code.", "code", refusals
        )
        yield _counters("chatd_logins", "Logins by outcome.", "outcome", logins)
        yield _counters(
            "chatd_admin_answers", "Answers of the admin API, by status.", "status", self._answered
        )
        sweeper = self._factory.sweeper
        ends = {"pinged": sweeper.pinged, "expired": sweeper.expired, "aborted": sweeper.aborted}
        yield _counters("chatd_swept", "What the sweeper did with silent clients.", "action", ends)

    def _what_waits(self) -> Iterator[Metric]:
        outbox = self._outbox
        yield _gauge("chatd_unsent_bytes", "Bytes that wait for clients to read them.", self._factory.unsent)
        yield _gauge("chatd_store_failing", "1 if the last turn was not kept.", outbox.failing is not None)
        yield _gauge("chatd_store_queue", "What waits for the store.", outbox.waiting)
        yield _gauge("chatd_bus_up", "1 if the bus carries turns.", self._bus.trouble is None)

    def _what_nodes_have_to_do(self) -> Iterator[Metric]:
        cluster = self._cluster
        nodes, leads, elsewhere, counts = 1, True, 0, ClusterCounts()
        if cluster is not None:
            nodes, leads = len(cluster.nodes.alive), cluster.leader.leads
            elsewhere, counts = len(cluster.outposts.rooms), cluster.host.traffic
        yield _gauge("chatd_nodes", "Nodes that are there, as this one knows.", nodes)
        yield _gauge("chatd_leader", "1 if this node does what one alone is to do.", leads)
        yield _gauge("chatd_rooms_elsewhere", "Rooms of other nodes that are heard here.", elsewhere)
        yield _counter("chatd_publications", "Turns of rooms here for other nodes.", counts.publications)
        yield _counter("chatd_requests_said", "Requests to rooms of other nodes.", counts.said)
        yield _counter("chatd_requests_served", "Requests of other nodes that were done.", counts.served)
        yield _counter("chatd_resyncs", "Rooms of other nodes that were begun with, or anew.", counts.resyncs)
        yield _counter("chatd_takeovers", "Rooms taken over from another node.", counts.takeovers)

    def _what_the_backend_is_told(self) -> Iterator[Metric]:
        webhook, verdicts = self._webhook, self._verdicts
        sent, failed, dropped, waiting = (
            (webhook.sent, webhook.failed, webhook.dropped, webhook.waiting) if webhook else (0, 0, 0, 0)
        )
        asked, unanswered = (verdicts.asked, verdicts.failed) if verdicts else (0, 0)
        yield _counter("chatd_webhook_sent", "Events that the webhook has taken.", sent)
        yield _counter("chatd_webhook_failures", "Requests to the webhook that came to nothing.", failed)
        yield _counter("chatd_webhook_dropped", "Events that have waited too long.", dropped)
        yield _gauge("chatd_webhook_waiting", "Events that are still to be taken.", waiting)
        yield _counter("chatd_verdicts", "Messages about which the backend was asked.", asked)
        yield _counter("chatd_verdict_failures", "Those of which there was no verdict.", unanswered)

    def _how_long(self) -> Iterator[Metric]:
        outbox = self._outbox
        yield _histogram(
            "chatd_turn_seconds", "From a turn's first item until it is told.", outbox.turn_seconds
        )
        yield _histogram("chatd_commit_seconds", "What the store takes for a turn.", outbox.commit_seconds)
        yield _histogram("chatd_lag_seconds", "How late the event loop is.", self._lag.seconds)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(name, help, value=value)


def _counters(name: str, help: str, label: str, values: Mapping[str, int] | Mapping[int, int]) -> Metric:
    return _labelled(CounterMetricFamily, name, help, label, values)


def _labelled(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    name: str,
    help: str,
    label: str,
    values: Mapping[str, int] | Mapping[int, int],
) -> Metric:
    family = kind(name, help, labels=[label])
    for key, value in values.items():
        family.add_metric([str(key)], value)
    return family


def _histogram(name: str, help: str, histogram: Histogram) -> Metric:
    buckets = [(floatToGoString(bound), count) for bound, count in histogram.buckets()]
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=histogram.total)


def _build() -> Metric:
    versions = {
        "version": __version__,
        "python": platform.python_version(),
        "twisted": version("twisted"),
        "autobahn": version("autobahn"),
    }
    family = GaugeMetricFamily("chatd_build_info", "What runs here; always 1.", labels=list(versions))
    family.add_metric(list(versions.values()), 1)
    return family
