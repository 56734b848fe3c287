"""Whether this node is cut off from the others, and what its connections ask meanwhile."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from chatd.logs import Log
from chatd.room import Connection
from chatd.wire.commands import Command

log = Log()

Held = tuple[str, Connection, Any, "Deferred[None] | None"]
"""``join`` with what is wanted after, or ``handle`` with a command and who waits for it."""


class Outage:
    """While it lasts, who wants to come in waits, and what is asked waits for a while and is refused then.

    :param trouble: why this node cannot speak to the others; None: it can.
    :param wait: seconds that a request waits.
    :param refuse: tells a connection that what it asked was not done.
    """

    def __init__(
        self,
        clock: IReactorTime,
        trouble: Callable[[], str | None],
        wait: float,
        refuse: Callable[[Connection, Command], None],
    ) -> None:
        self._clock = clock
        self._trouble = trouble
        self._wait = wait
        self._refuse = refuse
        self._since: float | None = clock.seconds()
        self._held: list[Held] = []
        self._refusing: IDelayedCall | None = None

    @property
    def lasts(self) -> bool:
        """Whether this node is cut off, as far as is known."""
        if self._since is None and self._trouble() is not None:
            self.begin()
        return self._since is not None

    def begin(self) -> None:
        """It is cut off."""
        if self._since is None:
            self._since = self._clock.seconds()
            log.warn("this node is cut off: {reason}", reason=self._trouble() or "nothing is heard")

    def end(self) -> bool:
        """It is not. :returns: whether it was."""
        lasted, self._since = self._since is not None, None
        if lasted:
            log.info("this node is with the others again")
        return lasted

    def hold_back(self, connection: Connection, after: str | None) -> None:
        """A connection wants to come in: it waits."""
        self._hold(("join", connection, after, None))

    def hold(self, connection: Connection, command: Command) -> "Deferred[None]":
        """A connection asks for something: it waits, or is refused."""
        done: Deferred[None] = Deferred()
        self._hold(("handle", connection, command, done))
        assert self._since is not None
        if self._clock.seconds() - self._since > self._wait:
            self._refuse_all()
        return done

    def _hold(self, held: Held) -> None:
        self._held.append(held)
        if self._refusing is None:
            self._refusing = self._clock.callLater(self._wait, self._refuse_all)

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        if self._held:
            self._held = [held for held in self._held if held[1] is not connection]

    def take(self) -> list[Held]:
        """All that waits, for who does it now."""
        held, self._held = self._held, []
        return held

    def _refuse_all(self) -> None:
        """Who has waited long enough is told so; who wants to come in waits on."""
        if self._refusing is not None and self._refusing.active():
            self._refusing.cancel()
        self._refusing = None
        held, self._held = self._held, [each for each in self._held if each[0] == "join"]
        for kind, connection, what, done in held:
            if kind == "handle" and done is not None:
                self._refuse(connection, what)
                done.callback(None)
