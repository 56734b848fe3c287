"""How late the reactor is: what takes its time, everybody waits for."""

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from chatd.counts import Histogram
from chatd.logs import Log

log = Log()

PERIOD = 0.5


class Lag(Service):
    """Asks to be called every half second, and sees how much later it is.

    :param clock: whose lateness it is.
    """

    name = "lag"

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self.seconds = Histogram()
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def startService(self) -> None:
        """Begin to look."""
        super().startService()
        self._due = self._clock.seconds() + PERIOD
        self._loop.start(PERIOD, now=False).addErrback(
            lambda failure: log.failure("nobody looks for the reactor's lag any more", failure)
        )

    def stopService(self) -> None:
        """Look no more."""
        super().stopService()
        if self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        late = max(self._clock.seconds() - self._due, 0.0)
        self.seconds.add(late)
        self._due += PERIOD * (1 + late // PERIOD)  # as LoopingCall does: what was missed is not made up for
