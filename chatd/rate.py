"""How fast somebody may do something: a bucket of tokens that is one number. Pure: ``now`` is an argument."""

from collections import OrderedDict
from collections.abc import Hashable


class Rate:
    """So many a second on average, and so many at once.

    It is the generic cell rate algorithm: of each client one time is kept, up to which its tokens are spent.

    :param per_second: tokens that come back in a second.
    :param burst: tokens of a client that has been quiet.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self.period = 1.0 / per_second
        self._ahead = self.period * (burst + 0.01)  # a hundredth for what rounding takes

    def spend(self, spent_until: float, now: float) -> float | None:
        """Take one token.

        :param spent_until: what this returned the last time; 0.0 before.
        :returns: None if there is none left.
        """
        spent_until = (spent_until if spent_until > now else now) + self.period
        return spent_until if spent_until - now <= self._ahead else None

    def has(self, tokens: int, spent_until: float, now: float) -> bool:
        """Whether there are so many tokens."""
        return max(spent_until - now, 0.0) + tokens * self.period <= self._ahead


class Rates:
    """One rate for each of many keys.

    :param most: keys that are remembered; beyond it, the one that was longest quiet is forgotten.
    """

    def __init__(self, rate: Rate, most: int = 100_000) -> None:
        self._rate = rate
        self._most = most
        self._spent_until: OrderedDict[Hashable, float] = OrderedDict()

    def has(self, key: Hashable, now: float, tokens: int = 1) -> bool:
        """Whether a key has so many tokens."""
        return self._rate.has(tokens, self._spent_until.get(key, 0.0), now)

    def charge(self, key: Hashable, now: float) -> None:
        """Take a token of a key's, even if it has none left."""
        self._spent_until[key] = max(self._spent_until.pop(key, 0.0), now) + self._rate.period
        oldest = next(iter(self._spent_until))
        if len(self._spent_until) > self._most or self._spent_until[oldest] <= now:
            del self._spent_until[oldest]

    def spend(self, key: Hashable, now: float) -> bool:
        """Take a token of a key's, if it has one."""
        if not self.has(key, now):
            return False
        self.charge(key, now)
        return True

    def __len__(self) -> int:
        return len(self._spent_until)
