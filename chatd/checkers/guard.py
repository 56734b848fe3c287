"""What stands before every checker: no login is checked twice, none too often, none forever."""

import hashlib
import os
import traceback
from collections import OrderedDict
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, TimeoutError, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.accounts import Account, Login, TooManyFailures, Unavailable
from chatd.addresses import neighbourhood
from chatd.interfaces import IAccountChecker, ILogin
from chatd.logs import Log
from chatd.rate import Rate, Rates

log = Log()

_SALT = os.urandom(32)
_REMEMBERED = 10_000  # logins of one project


class Throttle:
    """Counts failed logins by account and by address; all projects share it.

    :param failures: of one account in a window, before its logins are refused unchecked.
    :param failures_per_address: the same of one address, whatever the accounts.
    :param window: seconds.
    """

    def __init__(self, failures: int, failures_per_address: int, window: float) -> None:
        self._accounts = Rates(Rate(failures / window, failures))
        self._addresses = Rates(Rate(failures_per_address / window, failures_per_address))

    def allows(self, account: bytes, address: str, guesses: int, now: float) -> bool:
        """Whether a login may be checked, while so many other passwords of the account are being checked."""
        from_there = self._addresses.has(neighbourhood(address), now)
        return from_there and self._accounts.has(account, now, guesses + 1)

    def failed(self, account: bytes, address: str, now: float) -> None:
        """A login has failed."""
        self._accounts.charge(account, now)
        self._addresses.charge(neighbourhood(address), now)


@implementer(IAccountChecker)
class Guard:
    """Stands before one project's checker.

    A right login is remembered for a while, as a hash of it that only this process can make. Logins that are
    alike and come together are checked once. So a crowd that comes back costs the checker little, and an
    account whose users are at work is not locked by who guesses at its password.

    :param name: the project's.
    :param throttle: refuses who guesses.
    :param remember: seconds for which a right login is remembered.
    :param timeout: seconds that a check may take.
    """

    credentialInterfaces = (ILogin,)

    def __init__(
        self,
        name: str,
        checker: IAccountChecker,
        clock: IReactorTime,
        throttle: Throttle,
        remember: float,
        timeout: float,
    ) -> None:
        self._name = name
        self._checker = checker
        self._clock = clock
        self._throttle = throttle
        self._remember = remember
        self._timeout = timeout
        self._remembered: OrderedDict[bytes, tuple[float, Account]] = OrderedDict()
        self._waiting: dict[bytes, list[Deferred[Account]]] = {}
        self._guesses: dict[bytes, dict[bytes, int]] = {}  # of each account: passwords under way
        self.by_user = checker.by_user
        self.start = checker.start
        self.stop = checker.stop

    def reload(self) -> None:
        """See :meth:`chatd.interfaces.IAccountChecker.reload`. What was remembered is forgotten."""
        self._remembered.clear()
        self._checker.reload()

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See :class:`chatd.interfaces.IAccountChecker`; may be :exc:`chatd.accounts.TooManyFailures` too."""
        key = _digest(self._name, login.account, login.password, login.user_id if self.by_user else "")
        account = self._recalled(key)
        if account is not None:
            return succeed(account)
        owner, guess = _digest(self._name, login.account), _digest(login.password)
        waiting = self._waiting.get(key)
        if waiting is None:
            others = len(self._guesses.get(owner, {}).keys() - {guess})
            if not self._throttle.allows(owner, login.address, others, self._clock.seconds()):
                return fail(TooManyFailures())
            waiting = self._waiting[key] = []
        answer: Deferred[Account] = Deferred()
        waiting.append(answer)
        if len(waiting) == 1:
            guesses = self._guesses.setdefault(owner, {})
            guesses[guess] = guesses.get(guess, 0) + 1
            check: Deferred[Any] = maybeDeferred(self._checker.requestAvatarId, login)
            check.addTimeout(self._timeout, self._clock)
            check.addCallbacks(
                lambda account: self._right(account, key),
                lambda failure: self._wrong(failure, owner, login.address),
            )
            check.addBoth(self._done, key, owner, guess)
        return answer

    def _recalled(self, key: bytes) -> Account | None:
        until, account = self._remembered.get(key, (0.0, None))
        return account if until > self._clock.seconds() else None

    def _right(self, account: Account, key: bytes) -> Account:
        self._remembered.pop(key, None)
        self._remembered[key] = (self._clock.seconds() + self._remember, account)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return account

    def _wrong(self, failure: Failure, owner: bytes, address: str) -> Failure:
        if failure.check(UnauthorizedLogin):
            self._throttle.failed(owner, address, self._clock.seconds())
            return failure
        if failure.check(Unavailable):
            reason = str(failure.value)
        elif failure.check(TimeoutError):
            reason = f"no answer in {self._timeout:g} seconds"
        else:  # a bug; what an exception says may hold what the client sent
            where = traceback.format_tb(failure.getTracebackObject())
            reason = "\n".join([type(failure.value).__name__, *where])
        log.warn("accounts of {project!r} cannot be checked: {reason}", project=self._name, reason=reason)
        return Failure(Unavailable(reason))

    def _done(self, result: Any, key: bytes, owner: bytes, guess: bytes) -> None:
        guesses = self._guesses[owner]
        guesses[guess] -= 1
        if not guesses[guess]:
            del guesses[guess]
        if not guesses:
            del self._guesses[owner]
        for answer in self._waiting.pop(key):
            answer.callback(result)


def _digest(*parts: str) -> bytes:
    hash = hashlib.blake2b(key=_SALT, digest_size=16)
    for part in parts:
        hash.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return hash.digest()
