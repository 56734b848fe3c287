"""The seams of the house: only where two things stand behind one name."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

from chatd.errors import CloseCode

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chatd.delivery import Item
    from chatd.turn import Kept, Restored, Turn


class IChannel(Interface):
    """The way to one client: a WebSocket, or a list in a test."""

    peer: str = Attribute("The client's address, for the log.")
    write: "Callable[[bytes], None]" = Attribute(
        "What send calls while the channel is open; for who has seen to it that it is, once for all writes."
    )

    def send(frames: bytes) -> None:
        """Write whole WebSocket frames, now and in order. Never raises; a closed channel drops them."""

    def close(code: CloseCode, reason: str) -> None:
        """Begin the closing handshake. Idempotent."""

    def ping() -> None:
        """Ask the client for a sign of life (H2)."""

    def expire() -> None:
        """Give the client up: close with 4408 and drop the TCP connection without waiting (H2)."""

    def abort() -> None:
        """Drop the TCP connection with all that is unsent."""


class IBus(Interface):
    """Carries a turn's items to every node, this one included, each room's in one order."""

    def publish(items: "Sequence[Item]") -> None:
        """Hand a turn's items to the nodes; each node's delivery is called with them."""


class IMessageStore(Interface):
    """Keeps messages and containers (M5, M6, K2, R1)."""

    gathers: bool = Attribute("Whether a turn costs enough to wait a moment for more of it.")

    def open() -> "Restored":
        """Make ready, and tell what is known. Called once, at start; it may take its time.

        :raises StoreError: with the one line to print.
        """

    def commit(turn: "Turn") -> "Deferred[Kept]":
        """Keep all of a turn or, with a failure of whatever kind, nothing. One at a time."""

    def forget(created_before: int, most: int) -> "Deferred[int]":
        """Delete the oldest messages created before a time, in milliseconds since the epoch, so many at
        most; fires with how many there were."""

    def close() -> None:
        """Let go, when nothing is under way."""
