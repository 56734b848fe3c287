"""In large rooms: who comes and goes within a while is told by one notice, the last. Pure: no clock."""

from collections import OrderedDict

import msgspec

from chatd.model import Notice
from chatd.room import Connection


class Held(msgspec.Struct, frozen=True):
    """A notice that waits.

    ``origin`` is who came, and has been told already; None of who went. ``due`` is when the room is told.
    """

    notice: Notice
    origin: Connection | None
    due: float


class Coalescing:
    """The last notice of each room that waits to be told.

    :param above: how many users a room must have so that its notices wait; 0: none does.
    :param window: seconds, from the first of them on.
    """

    def __init__(self, above: int = 0, window: float = 1.0) -> None:
        self.above = above
        self.window = window
        self._held: OrderedDict[str, Held] = OrderedDict()  # as they are due

    def take(self, notice: Notice, origin: Connection | None, now: float) -> bool:
        """Have a notice wait, in place of the one before it: its count is the right one.

        :returns: False if it is to be told now; then the one that waited is not to be told any more.
        """
        before = self._held.get(notice.room)
        if not self.above or notice.count <= self.above:
            self._held.pop(notice.room, None)
            return False
        due = before.due if before is not None else now + self.window
        self._held[notice.room] = Held(notice, origin, due)
        return True

    @property
    def next(self) -> float | None:
        """When a room is to be told; None: none is."""
        return next(iter(self._held.values())).due if self._held else None

    def due(self, now: float) -> list[Held]:
        """Those that have waited long enough; they wait no more."""
        found = []
        while self._held and next(iter(self._held.values())).due <= now:
            found.append(self._held.popitem(last=False)[1])
        return found
