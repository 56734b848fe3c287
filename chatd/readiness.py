"""Whether new clients are welcome here, and if not, why."""

from collections.abc import Callable

DRAINING = "draining"


class Readiness:
    """The server is ready as long as nobody gives a reason why it is not.

    A reason is a name, and a sentence that may be shown to anybody who watches the server. It is *set* by who
    knows when it begins and ends, or *watched* by a call that tells the sentence while there is one.
    """

    def __init__(self) -> None:
        self._set: dict[str, str] = {}
        self._watched: dict[str, Callable[[], str | None]] = {}

    def set(self, name: str, sentence: str | None) -> None:
        """There is a reason from now on, or, with None, no longer."""
        if sentence is None:
            self._set.pop(name, None)
        else:
            self._set[name] = sentence

    def watch(self, name: str, look: Callable[[], str | None]) -> None:
        """Ask this each time somebody wants to know."""
        self._watched[name] = look

    @property
    def is_draining(self) -> bool:
        """Whether the server takes nothing new because it is about to end."""
        return DRAINING in self._set

    def reasons(self) -> dict[str, str]:
        """Why the server is not ready; empty: it is."""
        found = {name: look() for name, look in self._watched.items()}
        return self._set | {name: sentence for name, sentence in found.items() if sentence is not None}
