"""HTTP on twisted.web that keeps no more of a request than it has to."""

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

IDLE_SECONDS = 60
PATIENCE = 32 * 1024 * 1024  # bytes that are read and dropped, so that who sends too much can read the answer


class Body(BytesIO):
    """What a request has for a body, up to a limit; what is beyond is counted and dropped.

    :param limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._left = limit
        self.size = 0

    def write(self, data: Any) -> int:
        """See :class:`io.BytesIO`."""
        self.size += len(data)
        kept = data[: self._left]
        self._left -= len(kept)
        super().write(kept)
        return len(data)


class LeanRequest(Request):
    """One request. Its body is kept as far as the site says; forms are not read."""

    content: Any
    channel: Any
    site: "LeanSite"

    def gotLength(self, length: int | None) -> None:
        """The head is there, the body follows."""
        self.content = Body(self.channel.site.body_limit(self))

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body."""
        super().handleContentChunk(data)
        if self.content.size > PATIENCE:
            self.channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is there."""
        self.method, self.uri, self.clientproto = command, path, version
        self.args = {}
        self.process()

    def process(self) -> None:
        """Answer it."""
        self.site = self.channel.site
        self.site.take(self)

    def header(self, name: str) -> str:
        """A header's one value, or several joined, read as ISO 8859-1; empty if there is none."""
        return b", ".join(self.requestHeaders.getRawHeaders(name.encode(), [])).decode("latin-1")


class Channel(HTTPChannel):
    """One connection, for HTTP/1.1."""

    site: "LeanSite"

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        super().connectionLost(reason)
        self.site.connections -= 1


class LeanSite(Site):
    """Answers requests in :meth:`take`, which subclasses have.

    :param clock: ends connections that are idle.
    :param idle: seconds until then.
    :param most: connections at the same time; one more is closed at once. None: any number.
    """

    noisy = False
    protocol = Channel  # type: ignore[assignment]
    requestFactory = LeanRequest

    def __init__(self, clock: IReactorTime, idle: float = IDLE_SECONDS, most: int | None = None) -> None:
        super().__init__(Resource(), timeout=idle, reactor=clock)
        self._most = most
        self.connections = 0

    def acceptableProtocols(self) -> list[bytes]:
        """See :class:`twisted.internet.interfaces.IProtocolNegotiationFactory`."""
        return [b"http/1.1"]

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """Somebody connects."""
        if self._most is not None and self.connections >= self._most:
            return None
        self.connections += 1
        return super().buildProtocol(addr)

    def log(self, request: object) -> None:
        """See :class:`twisted.web.server.Site`: what is written to the log is written elsewhere."""

    def body_limit(self, request: LeanRequest) -> int:
        """How many bytes of a request's body are kept."""
        return 0

    def take(self, request: LeanRequest) -> None:
        """Answer a request, now or when that can be done."""
        raise NotImplementedError
