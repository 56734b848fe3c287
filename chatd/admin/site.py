"""The HTTP of the admin API, on twisted.web: the token first, then everything else."""

from collections import Counter
from http import HTTPStatus
from io import BytesIO
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from chatd.admin.access import Token
from chatd.admin.answers import Answer, Refusal
from chatd.admin.routes import BODY_LIMIT, Routes, too_large
from chatd.logs import Log

log = Log()

IDLE_SECONDS = 60
PATIENCE = 16 * BODY_LIMIT  # bytes that are read and dropped, so that who sends too much can read the answer

HEADERS = (
    ("Server", "chatd"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


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


class AdminRequest(Request):
    """One request. Its body is kept only if it comes with the token; forms are not read."""

    content: Any
    channel: Any
    site: "AdminSite"

    def gotLength(self, length: int | None) -> None:
        """The head is there, the body follows."""
        self.content = Body(BODY_LIMIT if self.channel.site.knows(self) else 0)

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
        """A header's one value, or several joined; empty if there is none."""
        return ", ".join(self.requestHeaders.getRawHeaders(name, []))


class AdminSite(Site):
    """Answers requests.

    :param clock: ends connections that are idle.
    :param answered: counts answers by their status.
    """

    noisy = False
    requestFactory = AdminRequest

    def __init__(self, clock: IReactorTime, token: Token, routes: Routes, answered: Counter[int]) -> None:
        super().__init__(Resource(), timeout=IDLE_SECONDS, reactor=clock)
        self._token = token
        self._routes = routes
        self._answered = answered

    def log(self, request: object) -> None:
        """See :class:`twisted.web.server.Site`: what is written to the log is written by :meth:`take`."""

    def knows(self, request: AdminRequest) -> bool:
        """Whether a request comes with the token."""
        headers = request.requestHeaders.getRawHeaders(b"Authorization", [])
        return self._token.matches(headers)

    def take(self, request: AdminRequest) -> None:
        """Answer a request, now or when that can be done."""
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answer: Deferred[Any] = maybeDeferred(self._answer, request)
        answer.addErrback(self._refused)
        answer.addCallback(self._write, request, gone)
        answer.addErrback(lambda failure: log.failure("a bug in the admin API", failure))

    def _answer(self, request: AdminRequest) -> "Answer | Deferred[Answer]":
        method = request.method.decode("latin-1")
        path, _, query = request.uri.partition(b"?")
        known = self.knows(request)
        try:
            route, names = self._routes.find(method, path)
        except Refusal:
            if not known:
                raise _unauthorized() from None
            raise
        if route.needs_token and not known:
            raise _unauthorized()
        if route.body is not None and request.content.size > route.body_limit:
            raise too_large(route.body_limit)
        kinds = request.header("Content-Type"), request.header("Content-Encoding")
        return route.act(route.call(names, query, kinds, request.content.getvalue()))

    def _refused(self, failure: Failure) -> Answer:
        if isinstance(failure.value, Refusal):
            return failure.value.answer()
        log.failure("a bug in the admin API", failure)
        return Refusal(500, "internal_error", "This is a bug. The log has more.").answer()

    def _write(self, answer: Answer, request: AdminRequest, gone: list[Failure]) -> None:
        self._answered[answer.status] += 1
        self._note(answer, request)
        if gone:
            return
        content = answer.content()
        request.setResponseCode(answer.status)
        request.setHeader("Date", datetimeToString())
        for name, value in (*HEADERS, *answer.headers):
            request.setHeader(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            request.setHeader("Content-Type", answer.content_type)
            request.setHeader("Content-Length", str(len(content)))
        request.write(content)
        request.finish()

    def _note(self, answer: Answer, request: AdminRequest) -> None:
        """Who changed something, or has no token, stands in the log."""
        if request.method in (b"GET", b"HEAD") and answer.status != HTTPStatus.UNAUTHORIZED:
            return
        path = request.uri.partition(b"?")[0][:200]
        address = request.getClientAddress()
        peer = f"{address.host}:{address.port}" if hasattr(address, "host") else "unix"
        log.info(
            "{peer} {method} {path}: {status}",
            peer=peer,
            method=_printable(request.method[:20]),
            path=_printable(path),
            status=int(answer.status),
        )


def _printable(bytes_of_request: bytes) -> str:
    return ascii(bytes_of_request.decode("latin-1"))[1:-1]


def _unauthorized() -> Refusal:
    challenge = (("WWW-Authenticate", 'Bearer realm="chatd"'),)
    sentence = "This needs the header Authorization: Bearer and the token."
    return Refusal(HTTPStatus.UNAUTHORIZED, "unauthorized", sentence, challenge)
