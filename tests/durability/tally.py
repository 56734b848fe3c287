"""Counts the receipts of all clients of a round."""

import asyncio
from collections import Counter


class Tally:
    """How many receipts there were so far.

    :param quotas: how many each user is to get.
    """

    def __init__(self, quotas: dict[str, int]) -> None:
        self._quotas = quotas
        self._counts: Counter[str] = Counter()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def count(self) -> int:
        """All receipts so far."""
        return self._counts.total()

    @property
    def total(self) -> int:
        """All receipts that there are to be."""
        return sum(self._quotas.values())

    def add(self, user: str) -> None:
        """One more."""
        self._counts[user] += 1
        for wanted, reached in self._waiting:
            if self.count >= wanted and not reached.done():
                reached.set_result(None)
        self._waiting = [(wanted, reached) for wanted, reached in self._waiting if not reached.done()]

    async def reach(self, wanted: int, or_all_but: str | None = None) -> None:
        """Wait until there are so many, or as many as there can be while one user gets none."""
        if or_all_but is not None:
            missing = self._quotas[or_all_but] - self._counts[or_all_but]
            wanted = min(wanted, self.total - missing)
        if self.count < wanted:
            reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((wanted, reached))
            await reached
