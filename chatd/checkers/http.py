"""Accounts that the project's own https endpoint checks (C3).

It is sent, by POST, ``{"account": …, "password": MD5, "userId": …, "clientType": …}`` and answers
with status 200 and ``{"ok": true, "userId": …?, "name": …?, "icon": …?, "role": …?}`` or ``{"ok": false}``;
401 and 403 say that too. How it is asked is :mod:`chatd.endpoint`'s.
"""

from typing import Any

import msgspec
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from zope.interface import implementer

from chatd.accounts import Account, Login, Means, Unavailable, known
from chatd.addresses import checked_url
from chatd.config import AboveZero, Project, Secret, SecretText, Text, Url
from chatd.endpoint import ANSWER_BYTES, Endpoint, NoAnswer
from chatd.interfaces import IAccountChecker, ILogin

__all__ = ["HttpChecker", "HttpSection", "checked_url"]

ATTEMPTS = 2


class HttpSection(Project, frozen=True, kw_only=True):
    """``[auth.CLIENTTYPE]`` with ``kind = "http"``."""

    url: Url
    secret: SecretText = Secret("")
    ca_file: Text = ""
    timeout: AboveZero = 5.0


class _Answer(msgspec.Struct):
    """What the endpoint says."""

    ok: bool
    userId: str | None = None
    name: str | None = None
    icon: str | None = None
    role: str | None = None


@implementer(IAccountChecker)
class HttpChecker:
    """Asks an endpoint, once more if the first attempt comes to nothing. While it is away, nobody gets in."""

    credentialInterfaces = (ILogin,)
    Section = HttpSection
    by_user = True

    def __init__(self, section: HttpSection, means: Means) -> None:
        self._endpoint = Endpoint(
            means.reactor, section.url, section.secret, section.ca_file, section.timeout
        )
        self.start = self._endpoint.start
        self.reload = self._endpoint.start
        self.stop = self._endpoint.stop

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See :class:`chatd.interfaces.IAccountChecker`."""
        return Deferred.fromCoroutine(self._ask(login))

    async def _ask(self, login: Login) -> Account:
        body = msgspec.json.encode(
            {
                "account": login.account,
                "password": login.password,
                "userId": login.user_id,
                "clientType": login.client_type,
            }
        )
        reason = ""
        for _ in range(ATTEMPTS):
            try:
                return _account(await self._attempt(body))
            except NoAnswer as failed:
                reason = str(failed)
        raise Unavailable(reason)

    async def _attempt(self, body: bytes) -> bytes:
        """:raises NoAnswer: if a further attempt may help; what else is raised is the answer."""
        answer = await self._endpoint.post(body)
        if answer.content is None:
            raise Unavailable(f"the endpoint's answer is longer than {ANSWER_BYTES} bytes")
        if answer.code in (401, 403):
            raise UnauthorizedLogin
        if answer.code >= 500:
            raise NoAnswer(f"the endpoint answered {answer.code}")
        if answer.code != 200:
            raise Unavailable(f"the endpoint answered {answer.code}, expected 200")
        return answer.content


def _account(content: bytes) -> Account:
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unavailable('the endpoint\'s answer is not {"ok": true or false, …} in JSON') from None
    if not answer.ok:
        raise UnauthorizedLogin
    return known(answer.userId, answer.name, answer.icon, answer.role)
