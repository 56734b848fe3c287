"""What was done upon messages that may yet turn out to be refused, or repeats. Pure."""

from collections.abc import Callable
from typing import Generic, TypeVar

from chatd.model import Message

T = TypeVar("T")


class Undecided(Generic[T]):
    """Messages that have changed something, in their order, each with what there was before."""

    __slots__ = ("_asked",)

    def __init__(self) -> None:
        self._asked: list[tuple[Message, T]] = []

    def __len__(self) -> int:
        return len(self._asked)

    def add(self, message: Message, before: T) -> None:
        """A message has changed something."""
        self._asked.append((message, before))

    def keep(self, message: Message) -> None:
        """That is so for good, and so are those before it."""
        at = self._place(message)
        if at is not None:
            del self._asked[: at + 1]

    def withdraw(self, message: Message) -> T | None:
        """A message is as if it had never been.

        :returns: what is to be again; None if another message has changed it since, or this one is unknown.
        """
        at = self._place(message)
        if at is None:
            return None
        _, before = self._asked.pop(at)
        if at == len(self._asked):
            return before
        self._asked[at] = self._asked[at][0], before
        return None

    def change(self, before: Callable[[T], T]) -> None:
        """What there was before is something else now."""
        self._asked = [(message, before(each)) for message, each in self._asked]

    def _place(self, message: Message) -> int | None:
        return next((at for at, (each, _) in enumerate(self._asked) if each is message), None)
