"""Accounts that the project's own https endpoint checks (C3).

It is sent, by POST, ``{"account": …, "password": MD5, "userId": …, "clientType": …}`` and answers
with status 200 and ``{"ok": true, "userId": …?, "name": …?, "icon": …?, "role": …?}`` or ``{"ok": false}``;
401 and 403 say that too. With a secret, a request is signed: ``X-Chatd-Signature: sha256=`` and, in
hexadecimal digits, the HMAC-SHA256 under it of the time in ``X-Chatd-Timestamp`` (seconds since the epoch), a
dot, and the body.
"""

import hmac
import time
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from zope.interface import implementer

from chatd.accounts import Account, Login, Means, Unavailable, known
from chatd.config import AboveZero, Project, Secret, SecretText, Text
from chatd.interfaces import IAccountChecker, ILogin

ANSWER_BYTES = 64 * 1024
ATTEMPTS = 2


def checked_url(text: str) -> str:
    """An endpoint's URL. :raises ValueError: with what is wrong with it."""
    parts = urlsplit(text)
    if parts.username is not None or not parts.hostname:
        raise ValueError('expected a URL such as "https://accounts.example/chat", without a user in it')
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)):
        return text
    raise ValueError("expected a URL that begins with https://, since passwords are sent there")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


_Url = Annotated[str, Meta(description="a URL", extra={"check": checked_url})]


class HttpSection(Project, frozen=True, kw_only=True):
    """``[auth.CLIENTTYPE]`` with ``kind = "http"``."""

    url: _Url
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


class _Failed(Exception):
    """An attempt that came to nothing, and of which the next may come to something."""


@implementer(IAccountChecker)
class HttpChecker:
    """Asks an endpoint, once more if the first attempt comes to nothing. While it is away, nobody gets in."""

    credentialInterfaces = (ILogin,)
    Section = HttpSection
    by_user = True

    def __init__(self, section: HttpSection, means: Means) -> None:
        self._section = section
        self._reactor = means.reactor
        self._pool: HTTPConnectionPool | None = None
        self._client: Any = None

    def start(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`."""
        trust = _trust(self._section.ca_file)
        pool, self._pool = self._pool, HTTPConnectionPool(self._reactor, persistent=True)
        self._pool.retryAutomatically = False  # a POST is not; the next attempt is ours
        agent = Agent(
            self._reactor,
            BrowserLikePolicyForHTTPS(trust),
            connectTimeout=self._section.timeout,
            pool=self._pool,
        )
        self._client = HTTPClient(agent)
        if pool is not None:
            pool.closeCachedConnections()

    def reload(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`."""
        self.start()

    def stop(self) -> "Deferred[None] | None":
        """See :class:`chatd.interfaces.IAccountChecker`."""
        return self._pool.closeCachedConnections() if self._pool is not None else None

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
            attempt = Deferred.fromCoroutine(self._attempt(body))
            attempt.addTimeout(self._section.timeout, self._reactor, _timed_out)
            try:
                return _account(await attempt)
            except _Failed as failed:
                reason = str(failed)
        raise Unavailable(reason)

    async def _attempt(self, body: bytes) -> bytes:
        """:raises _Failed: if a further attempt may help; what else is raised is the answer."""
        try:
            response = await self._client.post(
                self._section.url,
                data=body,
                headers=self._headers(body),
                allow_redirects=False,
                unbuffered=True,
            )
            body_of_answer = _Body()
            response.deliverBody(body_of_answer)
            content = await body_of_answer.done
        except (CancelledError, Unavailable):
            raise
        except Exception as error:  # the connection's, of which there are many kinds
            raise _Failed(_reason(error)) from None
        if response.code in (401, 403):
            raise UnauthorizedLogin
        if response.code >= 500:
            raise _Failed(f"the endpoint answered {response.code}")
        if response.code != 200:
            raise Unavailable(f"the endpoint answered {response.code}, expected 200")
        return content

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json"}
        if self._section.secret:
            now = str(int(time.time()))
            signature = hmac.new(self._section.secret.encode(), f"{now}.".encode() + body, "sha256")
            headers |= {
                "X-Chatd-Timestamp": now,
                "X-Chatd-Signature": f"sha256={signature.hexdigest()}",
            }
        return headers


def _trust(ca_file: str) -> Any:
    if not ca_file:
        return platformTrust()
    try:
        pem = Path(ca_file).read_bytes()
        parts = pem.split(b"-----BEGIN CERTIFICATE-----")[1:]
        authorities = [Certificate.loadPEM(b"-----BEGIN CERTIFICATE-----" + part) for part in parts]
    except OSError as error:
        raise ValueError(f"ca_file: {ca_file}: {error.strerror}") from None
    except (ValueError, crypto.Error):
        authorities = []
    if not authorities:
        raise ValueError(f"ca_file: {ca_file}: expected certificates in PEM")
    return trustRootFromCertificates(authorities)


class _Body(Protocol):
    """Collects a body, of which no more is kept than an answer may have.

    ``done`` fires with it, or fails with :exc:`chatd.accounts.Unavailable`; its cancel ends the connection.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0
        self.done: Deferred[bytes] = Deferred(lambda _: self._end())

    def dataReceived(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self._pieces.append(data)
        self._length += len(data)
        if self._length > ANSWER_BYTES and not self.done.called:
            self.done.errback(Unavailable(f"the endpoint's answer is longer than {ANSWER_BYTES} bytes"))
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        if not self.done.called:
            if reason.check(ResponseDone, PotentialDataLoss):
                self.done.callback(b"".join(self._pieces))
            else:
                self.done.errback(reason)

    def _end(self) -> None:
        """An endpoint that does not cease to speak would not let the connection be closed in good order; what
        could abort it is kept by Twisted in a private place."""
        transport: Any = getattr(self.transport, "_producer", self.transport)
        transport.abortConnection()


def _timed_out(result: object, seconds: float) -> object:
    raise _Failed(f"the endpoint did not answer in {seconds:g} seconds")


def _reason(error: BaseException) -> str:
    """Why a connection came to nothing; what causes it may lie deep."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _reason(reasons[0].value)
    if isinstance(error, VerificationError):
        return "certificate refused: it is another host's"
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        why = error.args[0][0][-1]
        if why == "certificate verify failed":
            return "certificate refused: it has expired, or no authority that is trusted here has signed it"
        return f"TLS: {why}"
    return f"{type(error).__name__}: {error}"


def _account(content: bytes) -> Account:
    try:
        answer = msgspec.json.decode(content, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unavailable('the endpoint\'s answer is not {"ok": true or false, …} in JSON') from None
    if not answer.ok:
        raise UnauthorizedLogin
    return known(answer.userId, answer.name, answer.icon, answer.role)
