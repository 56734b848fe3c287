"""The HTTP of the admin API, on twisted.web: the token first, then everything else."""

from collections import Counter
from http import HTTPStatus
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString

from chatd.admin.access import Token
from chatd.admin.answers import Answer, Refusal
from chatd.admin.reach import Reach
from chatd.admin.routes import BODY_LIMIT, Routes, too_large
from chatd.http import LeanRequest, LeanSite
from chatd.logs import Log

log = Log()

HEADERS = (
    ("Server", "chatd"),
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


class AdminSite(LeanSite):
    """Answers requests.

    :param clock: ends connections that are idle.
    :param answered: counts answers by their status.
    :param reach: does what is asked, on whichever node.
    """

    def __init__(
        self, clock: IReactorTime, token: Token, routes: Routes, answered: Counter[int], reach: Reach
    ) -> None:
        super().__init__(clock)
        self._token = token
        self._routes = routes
        self._answered = answered
        self._reach = reach

    def body_limit(self, request: LeanRequest) -> int:
        """A body is kept only if it comes with the token."""
        return BODY_LIMIT if self.knows(request) else 0

    def knows(self, request: LeanRequest) -> bool:
        """Whether a request comes with the token."""
        headers = request.requestHeaders.getRawHeaders(b"Authorization", [])
        return self._token.matches(headers)

    def take(self, request: LeanRequest, prefix: bytes = b"") -> None:
        """Answer a request, now or when that can be done.

        :param prefix: what its path has in front of the API's.
        """
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answer: Deferred[Any] = maybeDeferred(self._answer, request, prefix)
        answer.addErrback(self._refused)
        answer.addCallback(self._write, request, gone)
        answer.addErrback(lambda failure: log.failure("a bug in the admin API", failure))

    def _answer(self, request: LeanRequest, prefix: bytes) -> "Answer | Deferred[Answer]":
        method = request.method.decode("latin-1")
        path, _, query = request.uri.removeprefix(prefix).partition(b"?")
        known = self.knows(request)
        try:
            route, names = self._routes.find(method, path)
        except Refusal:
            if not known:
                raise _unauthorized() from None
            raise
        if route.needs_token and not known:
            raise _unauthorized()
        if route.body is not None and request.content.size > route.body_limit():
            raise too_large(route.body_limit())
        kinds = request.header("Content-Type"), request.header("Content-Encoding")
        return self._reach(route, route.call(names, query, kinds, request.content.getvalue()))

    def _refused(self, failure: Failure) -> Answer:
        if isinstance(failure.value, Refusal):
            return failure.value.answer()
        log.failure("a bug in the admin API", failure)
        return Refusal(500, "internal_error", "This is a bug. The log has more.").answer()

    def _write(self, answer: Answer, request: LeanRequest, gone: list[Failure]) -> None:
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

    def _note(self, answer: Answer, request: LeanRequest) -> None:
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
