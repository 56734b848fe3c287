"""Endpoints of the business's: a real one that listens on loopback, and one that a test answers for."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from twisted.internet import ssl
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from chatd.endpoint import Answer, NoAnswer
from tests.certificates import Authority, Files


class Endpoint(Resource):
    """Answers each request with the next of its answers, the last one again and again.

    An answer is a body, or a status and a body, or a function of the request.
    """

    isLeaf = True

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[tuple[Request, bytes]] = []
        self.peers: set[int] = set()
        self.gone: Deferred[None] = Deferred()

    def render_POST(self, request: Request) -> Any:
        """See Resource."""
        self.requests.append((request, request.content.read()))
        self.peers.add(request.getClientAddress().port)
        request.notifyFinish().addErrback(lambda _: self.gone.called or self.gone.callback(None))
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if callable(answer):
            return answer(request)
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        request.setResponseCode(status)
        return body


class Web:
    """Endpoints that listen, with certificates of an authority of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self.closing: list[Callable[[], Any]] = []

    def listen(self, endpoint: Endpoint, files: Files | None = None, host: str = "localhost") -> str:
        """:returns: the endpoint's URL."""
        from twisted.internet import reactor

        files = files or self.authority.issue("localhost")
        context = ssl.DefaultOpenSSLContextFactory(str(files.key), str(files.certificate))
        self.site = Site(endpoint)
        self.port = reactor.listenSSL(0, self.site, context, interface="127.0.0.1")
        self.closing.append(self.port.stopListening)
        return f"https://{host}:{self.port.getHost().port}/login"

    async def close(self) -> None:
        """Close everything."""
        for close in self.closing:
            await maybeDeferred(close)


class SlowEndpoint:
    """Keeps each request until the test says what it comes to; else as :class:`chatd.endpoint.Endpoint`."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        """Of all requests, what X-Chatd-Delivery was."""
        self.bodies: list[dict[str, Any]] = []
        """Of all requests."""
        self.waiting: list[dict[str, Any]] = []
        """Of those that wait."""
        self.cancelled = 0
        self.starts = 0
        self._asked: list[Deferred[Answer]] = []

    @property
    def asked(self) -> int:
        """How many requests wait."""
        return len(self._asked)

    def start(self) -> None:
        """See Endpoint."""
        self.starts += 1
        if self.starts > 2:
            raise ValueError("ca_file: gone")

    def stop(self) -> None:
        """See Endpoint."""

    def post(self, body: bytes, headers: Mapping[str, str] | None = None) -> "Deferred[Answer]":
        """See Endpoint."""
        self.ids.append((headers or {}).get("X-Chatd-Delivery", ""))
        self.bodies.append(json.loads(body))
        self.waiting.append(self.bodies[-1])
        asked: Deferred[Answer] = Deferred(self._cancel)
        self._asked.append(asked)
        return asked

    def _cancel(self, asked: "Deferred[Answer]") -> None:
        self._taken(self._asked.index(asked))
        self.cancelled += 1

    def answer(self, content: object = None, code: int = 200, at: int = 0) -> None:
        """A request that waits, the oldest unless said otherwise, is answered, with JSON."""
        self._taken(at).callback(Answer(code, json.dumps(content).encode()))

    def fail(self, reason: str = "away", at: int = 0) -> None:
        """A request that waits comes to nothing."""
        self._taken(at).errback(NoAnswer(reason))

    def _taken(self, at: int) -> "Deferred[Answer]":
        self.waiting.pop(at)
        return self._asked.pop(at)
