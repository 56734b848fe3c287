"""A checker that a test answers for."""

from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from chatd.accounts import Account, Login
from chatd.interfaces import IAccountChecker, ILogin

MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"  # of "password"


@implementer(IAccountChecker)
class SlowChecker:
    """Keeps each login until the test says what it comes to."""

    credentialInterfaces = (ILogin,)

    def __init__(self, by_user: bool = False) -> None:
        self.by_user = by_user
        self.logins: list[Login] = []
        self.calls: list[str] = []
        self._asked: list[Deferred[Any]] = []

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See IAccountChecker."""
        self.logins.append(login)
        self._asked.append(Deferred())
        return self._asked[-1]

    def answer(self, **account: Any) -> None:
        """The oldest login that waits is right."""
        self._asked.pop(0).callback(Account(**account))

    def refuse(self) -> None:
        """The oldest login that waits is wrong."""
        self.fail(UnauthorizedLogin())

    def fail(self, error: Exception) -> None:
        """The oldest login that waits comes to nothing."""
        self._asked.pop(0).errback(error)

    def start(self) -> None:
        """See IAccountChecker."""
        self.calls.append("start")

    def reload(self) -> None:
        """See IAccountChecker."""
        self.calls.append("reload")

    def stop(self) -> None:
        """See IAccountChecker."""
        self.calls.append("stop")
