"""Lines of reports: which one may be sent next, and what of them is in memory. Pure: no I/O, no clock.

Reports of a room, or of a container, are a line: each waits for the one before it. In memory is a window of
what the store has. What a line has no room for is passed by, and read when the line has come that far. A line
whose first report is not taken keeps that one alone: however many wait behind it, others' are not kept out.
"""

from collections import deque
from collections.abc import Collection, Iterable

from chatd.turn import Waiting, WaitingFound

WINDOW = 4 * 1024 * 1024
"""Bytes of reports that are in memory, each counted as :data:`LEAST` at least; a page may come on top."""
LEAST = 4096
LINE = 20
"""Reports of a line that are in memory."""


class Line:
    """The first reports of a room or a container, in their order.

    It is *ready* to be sent, *under way*, *resting* until a retry, or *short*: then what is left of it is in
    the store.

    :param key: room and container.
    """

    __slots__ = ("failures", "is_behind", "is_resting", "is_under_way", "key", "last", "reports")

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key
        self.reports: deque[Waiting] = deque()
        self.is_behind = False
        """Whether the store has reports of it, after ``last``, that were passed by."""
        self.last = 0
        self.failures = 0
        """How often the first was not taken."""
        self.is_under_way = False
        self.is_resting = False

    def __repr__(self) -> str:
        return f"<Line {self.key!r} reports={len(self.reports)} failures={self.failures}>"


class Lines:
    """All lines that are not done."""

    def __init__(self) -> None:
        self.place = 0
        """Up to which the store has been read."""
        self._lines: dict[tuple[str, str], Line] = {}
        self._ready: deque[Line] = deque()
        self._short: deque[Line] = deque()
        self._held = 0  # bytes, against WINDOW

    @property
    def has_room(self) -> bool:
        """Whether more may come into memory."""
        return self._held < WINDOW

    # -- from the store -----------------------------------------------------------------------------

    def pass_by(self, found: Iterable[Waiting], taken: Collection[int] = ()) -> None:
        """What the store has after ``place``.

        :param taken: places of those that were taken, and that the store has not forgotten.
        """
        for waiting in found:
            self.place = waiting.place
            line = self._lines.get(waiting.line)
            if waiting.place in taken or (line is not None and waiting.place <= line.last):
                continue  # it has come by before
            if line is None:
                line = self._lines[waiting.line] = Line(waiting.line)
            if line.is_behind or line.failures or len(line.reports) >= LINE:
                line.is_behind = True
            else:
                self._hold(line, waiting)

    def take_short(self) -> Line | None:
        """A line of which something is to be read, after its ``last``: see :meth:`refill`."""
        return self._short.popleft() if self._short else None

    def refill(self, line: Line, found: WaitingFound) -> None:
        """What the store has of a line. What is after ``place`` will come by."""
        if self._lines.get(line.key) is not line:
            return
        reports = [waiting for waiting in found.reports if waiting.place <= self.place]
        line.is_behind = found.more and len(reports) == len(found.reports)
        for waiting in reports:
            self._hold(line, waiting)
        if not reports:
            del self._lines[line.key]

    def not_refilled(self, line: Line) -> None:
        """It could not be read."""
        if self._lines.get(line.key) is line:
            self._short.append(line)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in memory, and nothing was passed by."""
        return not self._lines

    def rewind(self, place: int) -> None:
        """Let come by again what is after a place, as there may be some that were not there yet."""
        self.place = min(place, self.place)

    def forget(self) -> None:
        """Forget all that is not under way, and begin anew with what the store has."""
        for line in tuple(self._lines.values()):
            kept = 1 if line.is_under_way else 0
            while len(line.reports) > kept:
                self._let_go(line.reports.pop())
            if line.is_under_way:
                line.is_behind = True
                line.last = line.reports[0].place if line.reports else line.last
            else:
                del self._lines[line.key]
        self._ready.clear()
        self._short.clear()
        self.place = 0

    def _hold(self, line: Line, waiting: Waiting) -> None:
        line.reports.append(waiting)
        line.last = waiting.place
        self._held += _size(waiting)
        if len(line.reports) == 1 and not line.is_under_way:
            self._ready.append(line)

    # -- to the backend -----------------------------------------------------------------------------

    def take_ready(self) -> Line | None:
        """A line whose first report is under way from now on."""
        if not self._ready:
            return None
        line = self._ready.popleft()
        line.is_under_way = True
        return line

    def is_first(self, line: Line, waiting: Waiting) -> bool:
        """Whether a report still waits: it may have been dropped while it was under way."""
        return bool(line.reports) and line.reports[0] is waiting

    def advance(self, line: Line, waiting: Waiting) -> None:
        """A report that was under way is done with."""
        line.is_under_way = False
        if self.is_first(line, waiting):
            self._let_go(line.reports.popleft())
        self._go_on(line)

    def rest(self, line: Line) -> None:
        """The first report was not taken: it is tried again after a while."""
        line.is_under_way, line.is_resting = False, True
        line.failures += 1
        while len(line.reports) > 1:
            self._let_go(line.reports.pop())
            line.is_behind = True
        line.last = line.reports[0].place

    def wake(self, line: Line) -> None:
        """Try again."""
        line.is_resting = False
        self._ready.append(line)

    def drop(self, places: Collection[int]) -> list[Line]:
        """The oldest reports are no more. :returns: lines that rested for one of them, and go on."""
        woken = []
        for line in tuple(self._lines.values()):
            if not line.reports or line.reports[0].place not in places:
                continue
            while line.reports and line.reports[0].place in places:
                self._let_go(line.reports.popleft())
            if line.is_under_way:
                continue
            if line.is_resting:
                line.is_resting = False
                woken.append(line)
            else:
                self._ready.remove(line)
            self._go_on(line)
        return woken

    def _go_on(self, line: Line) -> None:
        line.failures = 0
        if line.reports:
            self._ready.append(line)
        elif line.is_behind:
            self._short.append(line)
        else:
            del self._lines[line.key]

    def _let_go(self, waiting: Waiting) -> None:
        self._held -= _size(waiting)


def _size(waiting: Waiting) -> int:
    return max(len(waiting.body), LEAST)
