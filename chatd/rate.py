"""How fast one client may speak: a bucket of tokens that is a single number. Pure: ``now`` is an argument."""


class Rate:
    """So many a second on average, and so many at once.

    It is the generic cell rate algorithm: of each client one time is kept, up to which its tokens are spent.

    :param per_second: tokens that come back in a second.
    :param burst: tokens of a client that has been quiet.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._period = 1.0 / per_second
        self._ahead = self._period * (burst + 0.01)  # a hundredth for what rounding takes

    def spend(self, spent_until: float, now: float) -> float | None:
        """Take one token.

        :param spent_until: what this returned the last time; 0.0 before.
        :returns: None if there is none left.
        """
        spent_until = (spent_until if spent_until > now else now) + self._period
        return spent_until if spent_until - now <= self._ahead else None
