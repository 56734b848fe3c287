"""An https endpoint of the business's, asked by POST: trusted by its certificate, given some seconds, read no
further than so many bytes, and not followed elsewhere.

With a secret, a request is signed: ``X-Chatd-Signature: sha256=`` and, in hexadecimal digits, the HMAC-SHA256
under it of the time in ``X-Chatd-Timestamp`` (seconds since the epoch), a dot, and the body.
"""

import hmac
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss

ANSWER_BYTES = 64 * 1024


class Answer(msgspec.Struct, frozen=True):
    """What an endpoint says.

    ``content`` is None if it is longer than :data:`ANSWER_BYTES`; the connection has been ended then.
    """

    code: int
    content: bytes | None


class NoAnswer(Exception):
    """A request that came to nothing; the next may come to something. The text says why, for the log, and
    quotes nothing that was sent."""


class Endpoint:
    """One URL.

    :param url: see :func:`chatd.addresses.checked_url`.
    :param secret: signs requests; none if it is empty.
    :param ca_file: the authorities to trust, in PEM; empty: the system's.
    :param timeout: seconds for all of a request and its answer.
    :param connections: how many are kept open for the next request.
    """

    def __init__(
        self, reactor: Any, url: str, secret: str, ca_file: str, timeout: float, connections: int = 2
    ) -> None:
        self._reactor = reactor
        self._url = url
        self._secret = secret
        self._ca_file = ca_file
        self._timeout = timeout
        self._connections = connections
        self._pool: HTTPConnectionPool | None = None
        self._client: Any = None

    def start(self) -> None:
        """Make ready, or read the authorities again. :raises ValueError: if that cannot be done; all is as
        before."""
        authorities = trust(self._ca_file)
        pool, self._pool = self._pool, _Pool(self._reactor, persistent=True)
        self._pool.maxPersistentPerHost = self._connections
        self._pool.retryAutomatically = False  # a POST is not; the next attempt is its caller's
        agent = Agent(
            self._reactor,
            BrowserLikePolicyForHTTPS(authorities),
            connectTimeout=self._timeout,
            pool=self._pool,
        )
        self._client = HTTPClient(agent)
        if pool is not None:
            pool.closeCachedConnections()

    def stop(self) -> "Deferred[None] | None":
        """Close the connections that are kept open."""
        return self._pool.closeCachedConnections() if self._pool is not None else None

    def post(self, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> "Deferred[Answer]":
        """Send JSON. Cancel it to give it up.

        :returns: fires with the answer, whatever its status, or fails with :exc:`NoAnswer`.
        """
        answer = Deferred.fromCoroutine(self._post(body, headers))
        return answer.addTimeout(self._timeout, self._reactor, _timed_out)

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            response = await self._client.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json", **headers, **self._signature(body)},
                allow_redirects=False,
                unbuffered=True,
            )
            content = _Content()
            response.deliverBody(content)
            return Answer(response.code, await content.done)
        except CancelledError:
            raise
        except Exception as error:  # the connection's, of which there are many kinds
            raise NoAnswer(reason_of(error)) from None

    def _signature(self, body: bytes) -> dict[str, str]:
        if not self._secret:
            return {}
        now = str(int(time.time()))
        signature = hmac.new(self._secret.encode(), f"{now}.".encode() + body, "sha256")
        return {"X-Chatd-Timestamp": now, "X-Chatd-Signature": f"sha256={signature.hexdigest()}"}


class _Pool(HTTPConnectionPool):
    """One whose connections do not have two lines each in the log; that is said in a private place."""

    _factory: Any = type("_Factory", (HTTPConnectionPool._factory,), {"noisy": False})


def trust(ca_file: str) -> Any:
    """The authorities in a file; without one the system's. :raises ValueError: if it has none."""
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


class _Content(Protocol):
    """Collects a body, of which no more is kept than an answer may have.

    ``done`` fires with it, or with None if it is longer; its cancel ends the connection.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._length = 0
        self.done: Deferred[bytes | None] = Deferred(lambda _: self._end())

    def dataReceived(self, data: bytes) -> None:
        """See :class:`twisted.internet.interfaces.IProtocol`."""
        self._pieces.append(data)
        self._length += len(data)
        if self._length > ANSWER_BYTES and not self.done.called:
            self.done.callback(None)
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


def _timed_out(result: object, seconds: float) -> Any:
    raise NoAnswer(f"the endpoint did not answer in {seconds:g} seconds")


def reason_of(error: BaseException | None) -> str:
    """Why a connection came to nothing; what causes it may lie deep."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return reason_of(reasons[0].value)
    if isinstance(error, VerificationError):
        return "certificate refused: it is another host's"
    if isinstance(error, SSL.Error) and error.args and error.args[0]:
        why = error.args[0][0][-1]
        if why == "certificate verify failed":
            return "certificate refused: it has expired, or no authority that is trusted here has signed it"
        return f"TLS: {why}"
    if isinstance(error, ConnectError | ConnectionClosed | DNSLookupError):
        return str(error)
    return f"{type(error).__name__}: {error}"
