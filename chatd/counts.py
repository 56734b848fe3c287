"""Plain numbers of what has happened, kept where it happens and read when somebody asks (chatd.metrics)."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds that suit turns, transactions and the reactor's lateness alike."""


class ClusterCounts:
    """What a node has to do with others, since the start."""

    __slots__ = ("publications", "resyncs", "said", "served", "takeovers")

    def __init__(self) -> None:
        self.publications = 0
        """Turns of rooms that live here, for those who are connected elsewhere."""
        self.said = 0
        """Requests to rooms that live elsewhere, those that were repeated included."""
        self.served = 0
        """Requests from elsewhere that were done here."""
        self.resyncs = 0
        """How often a room that lives elsewhere was begun with, or begun with anew."""
        self.takeovers = 0
        """Rooms with somebody in them that became this node's."""


class Histogram:
    """How many values were at most so large.

    :param bounds: in ascending order; what is above the last is counted too.
    """

    __slots__ = ("_bounds", "_counts", "total")

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts)

    def buckets(self) -> Iterator[tuple[float, int]]:
        """Of each bound, and of infinity, how many values were at most that."""
        so_far = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            so_far += count
            yield bound, so_far


class ConnectionCounts:
    """What has become of connections, and what they alone were told."""

    __slots__ = ("closes", "errors", "heartbeats", "refusals")

    def __init__(self) -> None:
        self.refusals: Counter[int] = Counter()
        """Of who never joined: by HTTP status, or by close code."""
        self.closes: Counter[int] = Counter()
        """By the server, of who had joined or not: by close code."""
        self.errors: Counter[str] = Counter()
        """Error frames that did not travel the road, by code."""
        self.heartbeats = 0


class DeliveryCounts:
    """What has come off the road. Deliveries are counted once for a turn's room, not one by one."""

    __slots__ = ("deliveries", "errors", "events", "writes")

    def __init__(self) -> None:
        self.events: dict[type, int] = defaultdict(int)  # a Counter takes three times as long to add one
        """By their type."""
        self.errors: Counter[str] = Counter()
        """Those of the events that are errors, by code."""
        self.deliveries = 0
        """Frames to connections: an event that a hundred hear is a hundred."""
        self.writes = 0
        """What these took: at most one for each connection and turn."""
