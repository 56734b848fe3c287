"""One LoopingCall in place of all timers: it finds who has been in a state for too long (H2, K1).

A client is in one phase at a time: arriving (its handshake is not done), heard, pinged, or ending. The
clients of a phase are kept in the order in which they entered it, so a sweep looks at those that are due and
at one more: it costs time in the number of the expired, not of all.
"""

from collections import OrderedDict
from collections.abc import Callable

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from chatd.interfaces import IChannel
from chatd.logs import Log

HANDSHAKE_SECONDS = 5.0
ENDING_SECONDS = 2.0  # for a client to answer a close frame, and to take what is unsent

_Phase = OrderedDict[IChannel, float]  # when each client entered it


class Sweeper(Service):
    """Pings who has been silent for an interval, gives up who has been for ``interval × misses``, and drops
    who does not finish its handshake or its end.

    :param interval: seconds.
    :param misses: how many intervals may pass without a sign of life.
    :param expire: called with the time; forgets what nobody has needed for too long.
    """

    name = "sweeper"
    log = Log()

    def __init__(
        self, clock: IReactorTime, interval: float, misses: int, expire: Callable[[float], None]
    ) -> None:
        self._clock = clock
        self.interval = interval
        self.misses = misses
        self._expire = expire
        self._arriving: _Phase = OrderedDict()
        self._heard: _Phase = OrderedDict()
        self._pinged: _Phase = OrderedDict()
        self._ending: _Phase = OrderedDict()
        self.pinged = self.expired = self.aborted = 0
        """How many were pinged, given up, and dropped unfinished."""
        self._loop = LoopingCall(self.sweep)
        self._loop.clock = clock

    @property
    def period(self) -> float:
        """Seconds between sweeps: at most one, and a quarter of the interval for short ones."""
        return min(1.0, self.interval / 4)

    def startService(self) -> None:
        """Begin to sweep."""
        super().startService()
        self._start()

    def _start(self) -> None:
        self._loop.start(self.period, now=False).addErrback(
            lambda failure: self.log.failure("the sweep has stopped", failure)
        )

    def change(self, interval: float, misses: int) -> None:
        """From now on be so patient."""
        period, self.interval, self.misses = self.period, interval, misses
        if self._loop.running and self.period != period:
            self._loop.stop()
            self._start()

    def stopService(self) -> None:
        """Stop sweeping."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    # -- the phases ---------------------------------------------------------------------------------

    def arrived(self, channel: IChannel) -> None:
        """A client connected; its handshake is to follow."""
        self._arriving[channel] = self._clock.seconds()

    def heard(self, channel: IChannel) -> None:
        """A client gave a sign of life."""
        now = self._clock.seconds()
        try:
            self._heard.move_to_end(channel)
        except KeyError:
            self.forget(channel)
        self._heard[channel] = now

    def ending(self, channel: IChannel) -> None:
        """A client's connection is about to end: it has been closed, or dropped with something unsent."""
        if channel not in self._ending:
            self.forget(channel)
            self._ending[channel] = self._clock.seconds()

    def forget(self, channel: IChannel) -> None:
        """A client is gone. Idempotent."""
        for phase in (self._heard, self._pinged, self._ending, self._arriving):
            if phase.pop(channel, None) is not None:
                return

    # -- the sweep ----------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Look at who is due."""
        now = self._clock.seconds()
        for channel, since in _due(self._heard, now - self.interval):
            self._pinged[channel] = since
            self.pinged += 1
            channel.ping()
        for channel, _ in _due(self._pinged, now - self.interval * self.misses):
            self.expired += 1
            channel.expire()
        for phase, seconds in ((self._arriving, HANDSHAKE_SECONDS), (self._ending, ENDING_SECONDS)):
            for channel, _ in _due(phase, now - seconds):
                self.aborted += 1
                channel.abort()
        self._expire(now)


def _due(phase: _Phase, until: float) -> list[tuple[IChannel, float]]:
    """Take out all who entered a phase at or before a time."""
    due = []
    while phase:
        channel, since = next(iter(phase.items()))
        if since > until:
            break
        del phase[channel]
        due.append((channel, since))
    return due
