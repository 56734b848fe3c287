"""One LoopingCall that finds silent clients and deserted containers (H2, K1).

Clients are kept in the order of their last sign of life, so a sweep looks at those that are due and at one
more: it costs time in the number of the expired, not of all.
"""

from collections import OrderedDict

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from chatd.interfaces import IChannel
from chatd.registry import Registry


class Sweeper(Service):
    """Pings who has been silent for an interval, gives up who has been for ``interval × misses``.

    :param interval: seconds.
    :param misses: how many intervals may pass without a sign of life.
    :param idle_timeout: seconds for which a container may be deserted.
    """

    name = "sweeper"
    log = Logger()

    def __init__(
        self, clock: IReactorTime, registry: Registry, interval: float, misses: int, idle_timeout: float
    ) -> None:
        self._clock = clock
        self._registry = registry
        self.interval = interval
        self.misses = misses
        self.idle_timeout = idle_timeout
        self._heard: OrderedDict[IChannel, float] = OrderedDict()
        self._pinged: OrderedDict[IChannel, float] = OrderedDict()
        self._loop = LoopingCall(self.sweep)
        self._loop.clock = clock

    @property
    def period(self) -> float:
        """Seconds between sweeps: at most one, and a quarter of the interval for short ones."""
        return min(1.0, self.interval / 4)

    def startService(self) -> None:
        """Begin to sweep."""
        super().startService()
        self._loop.start(self.period, now=False).addErrback(
            lambda failure: self.log.failure("the sweep has stopped", failure)
        )

    def stopService(self) -> None:
        """Stop sweeping."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def heard(self, channel: IChannel) -> None:
        """A client gave a sign of life."""
        if channel in self._pinged:
            del self._pinged[channel]
        self._heard[channel] = self._clock.seconds()
        self._heard.move_to_end(channel)

    def forget(self, channel: IChannel) -> None:
        """A client is gone. Idempotent."""
        self._heard.pop(channel, None)
        self._pinged.pop(channel, None)

    def sweep(self) -> None:
        """Look at who is due."""
        now = self._clock.seconds()
        for channel, since in _due(self._heard, now - self.interval):
            self._pinged[channel] = since
            channel.ping()
        for channel, _ in _due(self._pinged, now - self.interval * self.misses):
            channel.expire()
        forgotten = self._registry.expire_containers(now, self.idle_timeout)
        if forgotten:
            self.log.info("{count} deserted containers are gone", count=forgotten)


def _due(channels: "OrderedDict[IChannel, float]", until: float) -> list[tuple[IChannel, float]]:
    """Take out all who were last heard at or before a time."""
    due = []
    while channels:
        channel, since = next(iter(channels.items()))
        if since > until:
            break
        del channels[channel]
        due.append((channel, since))
    return due
