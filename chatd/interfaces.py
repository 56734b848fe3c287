"""The seams of the house: only where two things stand behind one name."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

from chatd.errors import CloseCode

if TYPE_CHECKING:
    from chatd.delivery import Item


class IChannel(Interface):
    """The way to one client: a WebSocket, or a list in a test."""

    peer: str = Attribute("The client's address, for the log.")

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
