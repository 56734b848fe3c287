"""All projects' accounts: a login goes to the checker of its clientType (C3)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from twisted.application.service import Service
from twisted.cred.checkers import ICredentialsChecker
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from zope.interface import implementer

from chatd.accounts import Login
from chatd.checkers.hashes import Hashes
from chatd.errors import StartError
from chatd.interfaces import IAccountChecker, ILogin
from chatd.logs import Log

log = Log()


@implementer(ICredentialsChecker)
class Projects(Service):
    """Chooses the checker by clientType.

    :param checkers: of each project.
    :param rooms: of each project, the patterns of the rooms its users may be in; empty for all.
    :param hashes: what the checkers verify with.
    """

    credentialInterfaces = (ILogin,)

    def __init__(
        self, checkers: Mapping[str, IAccountChecker], rooms: Mapping[str, tuple[str, ...]], hashes: Hashes
    ) -> None:
        self._checkers = checkers
        self._rooms = rooms
        self._hashes = hashes

    def privilegedStartService(self) -> None:
        """Make the checkers ready. :raises StartError: with the one line to print."""
        super().privilegedStartService()
        self._hashes.start()
        for name, checker in self._checkers.items():
            try:
                checker.start()
            except ValueError as error:
                raise StartError(f"auth.{name}: {error}") from None

    def reload(self) -> None:
        """Read again what the checkers have read; of one that cannot, all is as before."""
        for name, checker in self._checkers.items():
            try:
                checker.reload()
            except ValueError as error:
                log.error("auth.{project}: not read again: {error}", project=name, error=error)

    def stopService(self) -> "Deferred[None]":
        """Let the checkers go."""
        super().stopService()
        stopped = DeferredList([maybeDeferred(checker.stop) for checker in self._checkers.values()])
        return stopped.addCallback(lambda _: self._hashes.stop())

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See :class:`twisted.cred.checkers.ICredentialsChecker`."""
        checked = maybeDeferred(self._checkers[login.client_type].requestAvatarId, login)
        return checked.addCallback(msgspec.structs.replace, rooms=self._rooms[login.client_type])
