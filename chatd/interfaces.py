"""The seams of the house: only where two things stand behind one name."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import ICredentials
from zope.interface import Attribute, Interface

from chatd.errors import CloseCode

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chatd.delivery import Item
    from chatd.room import Connection
    from chatd.turn import Claimed, Kept, Restored, Turn, WaitingFound
    from chatd.wire.commands import Command


class IChannel(Interface):
    """The way to one client: a WebSocket, or a list in a test."""

    peer: str = Attribute("The client's address, for the log.")
    write: "Callable[[bytes], None]" = Attribute(
        "What send calls while the channel is open; for who has seen to it that it is, once for all writes."
    )

    unsent: int = Attribute("Bytes that wait for the client to read.")

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


class IChat(Interface):
    """What clients can do, as their connections see it."""

    taken: "dict[str, int]" = Attribute("What was done for clients, by messageType or eventType.")

    def join(connection: "Connection", after: "str | None" = None) -> None:
        """A connection comes into the room of its identity.

        :param after: a messageId; what was said since is told right after the ``in`` (R1).
        """

    def leave(connection: "Connection") -> None:
        """A connection is gone. Idempotent, and harmless for one that never joined."""

    def handle(connection: "Connection", command: "Command") -> "Deferred[None] | None":
        """Do what a client asks for.

        :returns: None if it is done; else fires when it is, or fails with a RequestError.
        :raises RequestError: if it may not be done; nothing has changed.
        """


class IQuota(Interface):
    """Counts users' connections on other nodes too."""

    def may_join(user_id: str) -> "Deferred[bool]":
        """Whether one more, which was counted here, is not too many with those elsewhere."""

    def left(user_id: str) -> None:
        """One is gone."""


class IBus(Interface):
    """Carries a turn's items to every node, this one included, each room's in one order."""

    trouble: str | None = Attribute("Why it carries nothing now, in a sentence; None: it does.")

    def publish(items: "Sequence[Item]") -> None:
        """Hand a turn's items to the nodes; each node's delivery is called with them."""


class IMessageStore(Interface):
    """Keeps messages and containers (M5, M6, K2, R1)."""

    gathers: bool = Attribute("Whether a turn costs enough to wait a moment for more of it.")

    def open(containers: bool = True) -> "Restored":
        """Make ready, and tell what is known. Called once, at start; it may take its time.

        :param containers: whether to read them all; who claims rooms is told theirs by and by.
        :raises StoreError: with the one line to print.
        """

    def commit(turn: "Turn") -> "Deferred[Kept]":
        """Keep all of a turn or, with a failure of whatever kind, nothing. One at a time.

        Fails with :exc:`chatd.turn.Fenced` if another node has claimed a room of ``turn.fences`` since.
        """

    def claim(room: str, node: str) -> "Deferred[Claimed]":
        """Own a room, of which the former owner keeps nothing more: what it is keeping now is waited for,
        and what it keeps later fails.

        :param node: a name, for people to read.
        """

    def kept_rooms() -> "Deferred[list[str]]":
        """The rooms that have containers."""

    def forget(created_before: int, most: int) -> "Deferred[int]":
        """Delete the oldest messages created before a time, in milliseconds since the epoch, so many at
        most; fires with how many there were."""

    def waiting(after: int, most: int, line: "tuple[str, str] | None" = None) -> "Deferred[WaitingFound]":
        """The first reports after a place, so many at most.

        :param line: of this room and container alone; see :class:`chatd.turn.Waiting`.
        """

    def count_waiting() -> "Deferred[int]":
        """How many reports there are."""

    def sent(places: "Sequence[int]") -> "Deferred[None]":
        """Forget reports: they were taken."""

    def drop(created_before: int, surplus: int, most: int) -> "Deferred[list[int]]":
        """Forget the oldest reports, so many at most: those created before a time, in milliseconds since
        the epoch, and a surplus whatever their age. Fires with their places."""

    def close() -> None:
        """Let go, when nothing is under way."""


class ILogin(ICredentials):
    """Credentials of a project's account: see :class:`chatd.accounts.Login`."""

    client_type: str = Attribute("The project.")
    account: str = Attribute("As it came.")
    password: str = Attribute("The MD5 of the password, 32 lower-case hexadecimal digits.")
    user_id: str = Attribute("Who the client says it is.")
    address: str = Attribute("The client's address.")


class IAccountChecker(ICredentialsChecker):
    """Checks the accounts of one project.

    ``requestAvatarId(login)`` takes an :class:`ILogin` and fires with a :class:`chatd.accounts.Account`, or
    fails: with :exc:`~twisted.cred.error.UnauthorizedLogin` if account or password is wrong, with
    :exc:`chatd.accounts.Unavailable` if that cannot be told now. Everything else is a bug and lets nobody in.

    A kind of checker is a class. Its attribute ``Section`` is a :class:`chatd.config.Project` with the keys
    of its table in the configuration; it is called with such a section and :class:`chatd.accounts.Means`.
    The entry points of the group ``chatd.checkers`` name further kinds.
    """

    by_user: bool = Attribute("Whether what is answered may depend on the user_id.")

    def start() -> None:
        """Make ready, when the server starts. :raises ValueError: with the one line to print."""

    def reload() -> None:
        """Read again what was read at start: files, certificates. :raises ValueError: if that cannot be
        done; all is as before."""

    def stop() -> "Deferred[None] | None":
        """Let go, when the server stops."""
