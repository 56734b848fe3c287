"""A profile of the thread that runs the reactor, taken from time to time rather than of each call.

The kernel sends a signal for each few milliseconds of CPU time that the process has had, and Python takes it
between two instructions of its main thread, which is the reactor's. So nothing is measured in the functions
themselves, an idle server is not woken up, and a busy one gives away about a thousandth of its time.
"""

import signal
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatd.manhole.tables import LINES, Table

INTERVAL = 0.005
"""Seconds of CPU time between two samples, if the kernel's clock is as fine."""
LONGEST = 600.0  # seconds


class Sampler:
    """Takes one profile at a time."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._samples = 0
        self._own: Counter[CodeType] = Counter()
        self._all: Counter[CodeType] = Counter()
        self._is_running = False

    async def profile(self, seconds: float) -> Table:
        """Where the reactor's thread is, for some seconds.

        :raises ValueError: if that is no time, or too long.
        :raises RuntimeError: if there is a profile under way.
        """
        if not 0 < seconds <= LONGEST:
            raise ValueError(f"seconds: expected more than 0 and at most {LONGEST:g}")
        if self._is_running:
            raise RuntimeError("there is a profile under way")
        begun = time.process_time()
        self._start()
        over: Deferred[None] = deferLater(self._clock, seconds)
        try:
            await over
        finally:
            self._stop()
        return self._table(seconds, time.process_time() - begun)

    def _start(self) -> None:
        self._samples = 0
        self._own.clear()
        self._all.clear()
        signal.signal(signal.SIGPROF, self._sample)
        signal.siginterrupt(signal.SIGPROF, False)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        self._is_running = True

    def _stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN)  # by default, one that is late would end the process
        self._is_running = False

    def _sample(self, number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._samples += 1
        self._own[frame.f_code] += 1
        stack = set()
        while frame is not None:
            stack.add(frame.f_code)
            frame = frame.f_back
        self._all.update(stack)

    def _table(self, seconds: float, cpu: float) -> Table:
        rows = [
            (
                f"{own / self._samples:.1%}",
                f"{self._all[code] / self._samples:.1%}",
                code.co_qualname,
                _where(code),
            )
            for code, own in self._own.most_common(LINES)
        ]
        title = f"{self._samples} samples in {seconds:g} s, {cpu:.2f} s of CPU time in them"
        return Table(("own", "with callees", "function", "where"), rows, title)


def _where(code: CodeType) -> str:
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_firstlineno}"
