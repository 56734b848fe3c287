"""A connection to a server, by Autobahn on Twisted: made, kept alive, and made again by who owns it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.types import ConnectingRequest
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import (
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
    DNSLookupError,
    TimeoutError,
)
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import connectionDone
from twisted.internet.ssl import (
    Certificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from chatd import __version__
from chatd.cli.address import Address
from chatd.errors import CloseCode
from chatd.websocket import CONNECTING, OPEN, Silence
from chatd.wire.frames import HEARTBEAT

CONNECT_SECONDS = 10
HEARTBEAT_SECONDS = 30
SILENCE_SECONDS = 90
LARGEST_MESSAGE = 16 * 1024 * 1024
NORMAL, LOST = 1000, 1006  # RFC 6455 section 7.4.1

_FINAL_CODES = frozenset(
    {
        1002,
        CloseCode.BINARY,
        CloseCode.INVALID_UTF8,
        CloseCode.ABUSIVE,
        CloseCode.BAD_PARAMETER,
        CloseCode.UNAUTHORIZED,
        CloseCode.FORBIDDEN,
        CloseCode.DISPLACED,
    }
)
_SLOW_CODES = frozenset({CloseCode.OVERLOADED, CloseCode.TOO_FAST})


class Loss(msgspec.Struct, frozen=True):
    """How a connection ended, or why there was none.

    :param code: of the close frame; 1006 where there was none.
    :param sentence: for people.
    :param status: of HTTP, where that is how the server refused.
    """

    code: int
    sentence: str
    status: int | None = None

    @property
    def is_final(self) -> bool:
        """Whether the same would happen again."""
        return self.code in _FINAL_CODES or (self.status is not None and self.status < 500)

    def delay(self, losses: int, random: Callable[[], float]) -> float:
        """Seconds to wait before connecting again.

        :param losses: how many there were in a row before this one.
        :param random: gives a number from 0 to 1.
        """
        first = 5.0 if self.code in _SLOW_CODES or self.status is not None else 1.0
        longest = min(30.0, first * 2.0 ** min(losses, 10))
        return longest * (1 + random())


class _Protocol(WebSocketClientProtocol):
    """One connection. What happens to it is its link's affair."""

    log = Silence()
    factory: Any
    transport: Any
    http_status_line = ""
    reason: Failure = connectionDone

    def onConnecting(self, transport_details: object) -> ConnectingRequest:
        """Autobahn asks what to request."""
        link: Link = self.factory.link
        return ConnectingRequest(
            host=link.address.shown_host,
            port=link.address.port,
            resource=link.resource(),
            useragent=f"chatd/{__version__}",
        )

    def onOpen(self) -> None:
        """The handshake is done."""
        self.factory.link.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole message."""
        self.factory.link.received(payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The TCP connection is gone: ``onClose`` follows."""
        self.reason = reason
        super().connectionLost(reason)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        """The end, of a handshake too."""
        self.factory.link.closed(self._loss(wasClean, code, reason))

    def _loss(self, was_clean: bool, code: int, reason: str) -> Loss:
        words = self.http_status_line.split()
        if len(words) > 1 and words[1].isdecimal() and words[1] != "101":
            return Loss(LOST, f"HTTP {' '.join(words[1:])}", int(words[1]))
        if was_clean and code is not None:
            return Loss(code, f"{code} {reason}".strip() if reason else f"close code {code}")
        if self.wasOpenHandshakeTimeout:
            return Loss(LOST, "it does not answer")
        return Loss(self.remoteCloseCode or LOST, _sentence(self.reason.value))


class _Factory(WebSocketClientFactory):
    log = Silence()
    noisy = False
    protocol = _Protocol
    link: "Link"


class Link:
    """A connection at a time to one server.

    :param endpoint: how to reach it.
    :param resource: the request-URI as it is to be now.
    :param heard: called with each text, heartbeats apart.
    """

    def __init__(
        self,
        reactor: Any,
        address: Address,
        endpoint: IStreamClientEndpoint,
        resource: Callable[[], str],
        heard: Callable[[str], None],
    ) -> None:
        self.address = address
        self.resource = resource
        self._reactor = reactor
        self._endpoint = endpoint
        self._heard = heard
        self._protocol: _Protocol | None = None
        self._connecting: Deferred[Any] | None = None
        self._ended: Deferred[Loss] = Deferred()
        self._heard_at = 0.0
        self._beat = LoopingCall(self._keep_alive)
        self._beat.clock = reactor
        self._factory = _Factory(str(address), reactor=reactor)
        self._factory.link = self
        self._factory.setProtocolOptions(
            failByDrop=False,
            maxMessagePayloadSize=LARGEST_MESSAGE,
            openHandshakeTimeout=CONNECT_SECONDS,
            closeHandshakeTimeout=2,
        )

    def connect(self) -> "Deferred[Loss]":
        """Connect. :returns: fires when the connection has ended, or none came about."""
        ended = self._ended = Deferred()
        self._connecting = self._endpoint.connect(self._factory)
        self._connecting.addCallbacks(
            self._made, lambda failure: self.closed(Loss(LOST, _sentence(failure.value)))
        )
        return ended

    def send(self, text: bytes) -> None:
        """Send a text, if there is a connection to send it on."""
        if self._protocol is not None and self._protocol.state == OPEN:
            self._protocol.sendMessage(text)

    def close(self) -> None:
        """End the connection, or the attempt at one."""
        if self._protocol is not None and self._protocol.state == CONNECTING:
            self._protocol.transport.abortConnection()
        elif self._protocol is not None:
            self._protocol.sendClose(NORMAL)
        elif self._connecting is not None:
            self._connecting.cancel()

    # -- what the connection tells ------------------------------------------------------------------

    def _made(self, protocol: _Protocol) -> None:
        self._protocol = protocol

    def opened(self) -> None:
        """The handshake is done."""
        self._heard_at = self._reactor.seconds()
        self._beat.start(HEARTBEAT_SECONDS, now=False)

    def received(self, payload: bytes) -> None:
        """A message has come."""
        self._heard_at = self._reactor.seconds()
        if payload != HEARTBEAT:
            self._heard(payload.decode("utf-8", "replace"))

    def closed(self, loss: Loss) -> None:
        """The connection is gone. Idempotent."""
        self._protocol = self._connecting = None
        if self._beat.running:
            self._beat.stop()
        ended, self._ended = self._ended, Deferred()
        ended.callback(loss)

    def _keep_alive(self) -> None:
        assert self._protocol is not None
        if self._reactor.seconds() - self._heard_at >= SILENCE_SECONDS:
            self._protocol.transport.abortConnection()
        else:
            self._protocol.sendMessage(HEARTBEAT)

    # -- backpressure: as a producer for whoever shows what is heard ---------------------------------

    def pauseProducing(self) -> None:
        """Read no more for now."""
        if self._protocol is not None:
            self._protocol.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """Read on."""
        if self._protocol is not None:
            self._protocol.transport.resumeProducing()

    def stopProducing(self) -> None:
        """Nobody will see it."""
        self.close()


def endpoint(reactor: Any, address: Address, ca_file: str | None) -> IStreamClientEndpoint:
    """How to reach a server; by TLS, that it is the one is verified.

    :param ca_file: the authorities to trust, in PEM; None: the system's.
    :raises ValueError: with one line, if they cannot be read.
    """
    plain = HostnameEndpoint(reactor, address.host, address.port, timeout=CONNECT_SECONDS)
    if not address.is_secure:
        return plain
    trust = platformTrust() if ca_file is None else _authorities(ca_file)
    return wrapClientTLS(optionsForClientTLS(address.host, trust), plain)


def _authorities(file: str) -> Any:
    """Those of a file, and nobody else."""
    begin = b"-----BEGIN CERTIFICATE-----"
    try:
        parts = Path(file).read_bytes().split(begin)[1:]
        found = [Certificate.loadPEM(begin + part) for part in parts]
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None
    except (ValueError, crypto.Error):
        found = []
    if not found:
        raise ValueError(f"{file}: expected certificates in PEM")
    return trustRootFromCertificates(found)


def _sentence(error: BaseException | None) -> str:
    """Why there is no connection, for people."""
    reasons = getattr(error, "reasons", None)
    if reasons:
        return _sentence(reasons[0].value)
    if isinstance(error, VerificationError):
        return "its certificate is another host's"
    if isinstance(error, SSL.Error):
        why = error.args[0][0][-1] if error.args and error.args[0] else "no sound end"
        if why == "certificate verify failed":
            return "its certificate has expired, or no authority that is trusted here has signed it"
        return f"TLS: {why}"
    known: dict[type[BaseException | None], str] = {
        ConnectionRefusedError: "nobody listens there",
        DNSLookupError: "there is no such host",
        TimeoutError: "it does not answer",
        ConnectionDone: "the connection was closed",
        ConnectionLost: "the connection was lost",
        CancelledError: "given up",
    }
    return known.get(type(error)) or f"{type(error).__name__}: {error}"
