"""The HTTP of the pages: their files, where the chat is, and what the admin API tells who has its token."""

import re
from collections.abc import Collection, Mapping
from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import datetimeToString

from chatd import __version__
from chatd.addresses import UNIX, Proxies, host_of, neighbourhood, plain
from chatd.admin.answers import Answer
from chatd.admin.site import AdminSite
from chatd.http import LeanRequest, LeanSite
from chatd.logs import Log
from chatd.rate import Rate, Rates
from chatd.web.files import File
from chatd.web.whereabouts import Whereabouts

log = Log()

ADMIN = b"/admin/api"
MOST = 500  # connections at the same time: what is open for the pages is not for the chat
IDLE_SECONDS = 15
GUESSES = 10  # wrong tokens of an address at once
GUESS_SECONDS = 6  # until it may guess once more

HEADERS = (
    ("Server", "chatd"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
TEXT = "text/plain; charset=utf-8"
_ETAG = re.compile(r'(?:W/)?("[^"]*")')
_SOURCE = re.compile(r"(wss?:)//(\[?)[^/]*")


class PagesSite(LeanSite):
    """Answers requests.

    :param files: by the paths of their URLs.
    :param replies: the canned ones, by their codes, as they are now.
    :param admin: whose GET requests are answered below ``/admin/api``, if there is one.
    :param origins: whose pages may use what they may share; empty: all.
    :param proxies: whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        clock: IReactorTime,
        files: Mapping[str, File],
        whereabouts: Whereabouts,
        replies: Mapping[str, str],
        admin: AdminSite | None,
        origins: Collection[str],
        proxies: Proxies,
    ) -> None:
        super().__init__(clock, IDLE_SECONDS, MOST)
        self._clock = clock
        self._files = files
        self._whereabouts = whereabouts
        self._replies = replies
        self._admin = admin
        self._guesses = Rates(Rate(1 / GUESS_SECONDS, GUESSES))
        self.origins = origins
        self.proxies = proxies

    def take(self, request: LeanRequest) -> None:
        """Answer a request."""
        path = request.uri.partition(b"?")[0]
        if self._admin is not None and path.startswith(ADMIN + b"/") and _reads(request):
            self._ask_admin(self._admin, request)
            return
        try:
            answer = self._answer(request, path.decode("latin-1"))
        except Exception:
            log.failure("a bug in serving the pages")
            answer = _said(HTTPStatus.INTERNAL_SERVER_ERROR, "This is a bug. The log has more.")
        self._write(answer, request)

    # -- the pages ----------------------------------------------------------------------------------

    def _answer(self, request: LeanRequest, path: str) -> Answer:
        if host_of(request.header("Host")) is None:
            return _said(HTTPStatus.BAD_REQUEST, "The header Host is missing, or has no sound name.")
        if not _reads(request):
            sentence = "Only GET and HEAD can be done here."
            return _said(HTTPStatus.METHOD_NOT_ALLOWED, sentence, ("Allow", "GET, HEAD"))
        if path == "/config.json":
            return self._config(request)
        file = self._files.get(path)
        if file is None:
            return _said(HTTPStatus.NOT_FOUND, "There is nothing here.")
        headers = (("Cache-Control", "no-cache"), ("ETag", file.etag), *self._sharing(file, request))
        known = _ETAG.findall(request.header("If-None-Match"))
        if file.etag in known or request.header("If-None-Match").strip() == "*":
            return Answer(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Answer(body=file.content, content_type=file.content_type, headers=headers)

    def _config(self, request: LeanRequest) -> Answer:
        """What a page must know before it does anything."""
        body = {
            "websocket": self._whereabouts.chat_for(request.header("Host")),
            "admin": self._admin is not None,
            "replies": dict(self._replies),
            "version": __version__,
        }
        return Answer(body=body, headers=(("Cache-Control", "no-store"), *_KEPT))

    def _sharing(self, file: File, request: LeanRequest) -> tuple[tuple[str, str], ...]:
        """Which pages may use a file (CORS and the Cross-Origin headers of the HTML standard)."""
        if not file.is_shared:
            return (*_KEPT, ("Cross-Origin-Opener-Policy", "same-origin")) if file.is_page else _KEPT
        shared = (("Cross-Origin-Resource-Policy", "cross-origin"),)
        if not self.origins:
            return (*shared, ("Access-Control-Allow-Origin", "*"))
        origin = request.header("Origin")
        allowed = (("Access-Control-Allow-Origin", origin),) if origin in self.origins else ()
        return (*shared, ("Vary", "Origin"), *allowed)

    def _policy(self, request: LeanRequest) -> str:
        """The Content-Security-Policy of an answer."""
        header = request.header("Host")
        if host_of(header) is None:
            return "default-src 'none'; frame-ancestors 'none'"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            "img-src 'self' https: http: data: blob:; media-src https: http: blob:; "
            f"connect-src 'self' {_source(self._whereabouts.chat_for(header))}; "
            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
        )

    def _write(self, answer: Answer, request: LeanRequest) -> None:
        content = answer.content()
        request.setResponseCode(answer.status)
        request.setHeader("Date", datetimeToString())
        request.setHeader("Content-Security-Policy", self._policy(request))
        for name, value in (*HEADERS, *answer.headers):
            request.setHeader(name, value)
        if answer.status != HTTPStatus.NOT_MODIFIED:
            request.setHeader("Content-Type", answer.content_type)
            request.setHeader("Content-Length", str(len(content)))
        request.write(content)
        request.finish()

    # -- the admin API ------------------------------------------------------------------------------

    def _ask_admin(self, admin: AdminSite, request: LeanRequest) -> None:
        """Pass a request on, unless too many wrong tokens have come from where it comes from: then a right
        one is not looked at either."""
        if request.requestHeaders.hasHeader(b"Authorization"):
            key, now = neighbourhood(self._address(request)), self._clock.seconds()
            if not self._guesses.has(key, now):
                sentence = "Too many wrong tokens. Try again later."
                wait = ("Retry-After", str(GUESS_SECONDS))
                self._write(_said(HTTPStatus.TOO_MANY_REQUESTS, sentence, wait), request)
                return
            if not admin.knows(request):
                self._guesses.charge(key, now)
        admin.take(request, ADMIN)

    def _address(self, request: LeanRequest) -> str:
        """A client's address, which a proxy may have told."""
        peer = plain(getattr(request.getClientAddress(), "host", UNIX))
        return self.proxies.client(peer, request.header("X-Forwarded-For") or None)


_KEPT = (("Cross-Origin-Resource-Policy", "same-origin"),)


def _reads(request: LeanRequest) -> bool:
    return request.method in (b"GET", b"HEAD")


def _said(status: HTTPStatus, sentence: str, *headers: tuple[str, str]) -> Answer:
    """A refusal in plain text."""
    kept = (("Cache-Control", "no-store"), *_KEPT, *headers)
    return Answer(status=status, body=f"{sentence}\n".encode(), content_type=TEXT, headers=kept)


def _source(websocket: str) -> str:
    """A WebSocket's address as a Content-Security-Policy names it, which knows no addresses of IPv6."""
    found = _SOURCE.match(websocket)
    assert found is not None
    return found.group(1) if found.group(2) else found.group(0)
