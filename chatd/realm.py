"""Who a connection is, and what it may do (C3): twisted.cred's realm, and what stands before its portal."""

from collections import Counter
from collections.abc import Container
from typing import Any

import msgspec
from twisted.cred.checkers import ANONYMOUS
from twisted.cred.credentials import Anonymous
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface import Interface, implementer

from chatd.accounts import AGENT, Account, Login, TooManyFailures, Unavailable
from chatd.errors import CloseCode, CloseConnection, ErrorCode
from chatd.model import NO_RIGHTS, Identity, Rights
from chatd.parameters import Credentials


class UnknownProject(UnauthorizedLogin):
    """The clientType names no project."""


class Incomplete(UnauthorizedLogin):
    """Account or password is missing."""


class IParticipant(Interface):
    """The avatar: see :class:`Participant`."""


@implementer(IParticipant)
class Participant:
    """Who a connection is, and what it may do."""

    __slots__ = ("identity", "rights")

    def __init__(self, identity: Identity, rights: Rights) -> None:
        self.identity = identity
        self.rights = rights


@implementer(IRealm)
class Realm:
    """Makes participants. The mind is the :class:`chatd.model.Identity` that the client asks for."""

    def requestAvatar(
        self, avatarId: object, mind: object, *interfaces: object
    ) -> Any:
        """See :class:`twisted.cred.portal.IRealm`.

        :raises CloseConnection: 4403 if the account is bound to another user, or to other rooms.
        """
        assert isinstance(mind, Identity)
        if avatarId is ANONYMOUS:
            return IParticipant, Participant(mind, NO_RIGHTS), _logout
        assert isinstance(avatarId, Account)
        return IParticipant, _bound(avatarId, mind), _logout


def _logout() -> None:
    """There is nothing to do."""


def _bound(account: Account, asked: Identity) -> Participant:
    if account.user_id not in (None, asked.user_id):
        raise _forbidden("This account belongs to another userId.")
    rights = Rights(is_agent=account.role == AGENT, rooms=account.rooms)
    if not rights.may_enter(asked.room):
        raise _forbidden("This account may not enter this room.")
    if account.name is not None:
        asked = msgspec.structs.replace(asked, name=account.name)
    if account.icon is not None:
        asked = msgspec.structs.replace(asked, icon=account.icon)
    return Participant(asked, rights)


def _forbidden(sentence: str) -> CloseConnection:
    return CloseConnection(CloseCode.FORBIDDEN, ErrorCode.FORBIDDEN, sentence)


class Logins:
    """Who wants to come in: credentials, or none, to a participant.

    :param projects: which there are.
    :param default: the project of credentials without a clientType; empty: there is none.
    """

    def __init__(self, portal: Portal, projects: Container[str], default: str = "") -> None:
        self._portal = portal
        self._projects = projects
        self._default = default
        self.outcomes: Counter[str] = Counter()
        """How logins ended: ``ok``, ``anonymous``, ``failed`` (a bug), or the code of the refusal."""

    def login(
        self, identity: Identity, credentials: Credentials | None, address: str
    ) -> "Deferred[Participant]":
        """Check who it is.

        :param address: the client's.
        :returns: fails with :exc:`chatd.errors.CloseConnection`, whatever the reason.
        """
        login = maybeDeferred(self._login, identity, credentials, address)
        login.addCallbacks(_participant, _refusal)
        return login.addCallbacks(
            self._came_in, self._refused, callbackArgs=("anonymous" if credentials is None else "ok",)
        )

    def _came_in(self, participant: Participant, outcome: str) -> Participant:
        self.outcomes[outcome] += 1
        return participant

    def _refused(self, failure: Failure) -> Failure:
        refusal = failure.value
        self.outcomes[refusal.code if isinstance(refusal, CloseConnection) else "failed"] += 1
        return failure

    def _login(
        self, identity: Identity, credentials: Credentials | None, address: str
    ) -> "Deferred[Any]":
        if credentials is None:
            return self._portal.login(Anonymous(), identity, IParticipant)
        client_type = credentials.client_type or self._default
        if client_type not in self._projects:
            raise UnknownProject
        if credentials.account is None or credentials.password is None:
            raise Incomplete
        login = Login(client_type, credentials.account, credentials.password, identity.user_id, address)
        return self._portal.login(login, identity, IParticipant)


def _participant(login: tuple[object, Participant, object]) -> Participant:
    return login[1]


def _refusal(failure: Failure) -> Failure:
    """Why nobody came in, as the client is told (C2, C3)."""
    unauthorized = CloseCode.UNAUTHORIZED, ErrorCode.UNAUTHORIZED
    if failure.check(UnhandledCredentials):
        refusal = CloseConnection(*unauthorized, "Credentials are required here.")
    elif failure.check(UnknownProject):
        refusal = CloseConnection(*unauthorized, "This clientType has no accounts here.")
    elif failure.check(Incomplete):
        refusal = CloseConnection(*unauthorized, "Account and password are required.")
    elif failure.check(TooManyFailures):
        sentence = "Too many logins have failed. Try again later."
        refusal = CloseConnection(CloseCode.TOO_FAST, ErrorCode.RATE_LIMITED, sentence)
    elif failure.check(UnauthorizedLogin):
        refusal = CloseConnection(*unauthorized, "Wrong account or password.")
    elif failure.check(Unavailable):
        sentence = "Accounts cannot be checked now. Try again later."
        refusal = CloseConnection(CloseCode.OVERLOADED, ErrorCode.STORAGE_UNAVAILABLE, sentence)
    else:
        return failure
    return Failure(refusal)
