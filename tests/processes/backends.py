"""A business's backend: an https server on a port of 127.0.0.1, that can go and come."""

import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.certificates import Authority
from tests.ports import free_port

PATIENCE = 60  # seconds for anything that must happen
SECRET = "hush"

Answer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


def allow(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Take every report, allow every message."""
    return 200, {"action": "allow"}


class Backend:
    """Records what it is sent, for a ``with`` block. It is there unless it is told to go.

    :param folder: where its certificate and its authority's are written.
    """

    def __init__(self, folder: Path, answer: Answer = allow) -> None:
        self._authority = Authority(folder, "Backends Authority")
        self._files = self._authority.issue("localhost")
        self.answer = answer
        self.bodies: list[dict[str, Any]] = []
        """All that it was sent and took, in the order of coming."""
        self.refused = 0
        self.wrong: list[str] = []
        """What was wrong with a request."""
        self.port = free_port()
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None

    @property
    def settings(self) -> str:
        """The keys of a section of chatd's configuration that make it tell, or ask, this backend."""
        url = f"https://localhost:{self.port}/hook"
        return f'url = "{url}"\nsecret = "{SECRET}"\nca_file = "{self._authority.file}"\n'

    def __enter__(self) -> "Backend":
        self.come()
        return self

    def __exit__(self, *_: object) -> None:
        self.go()
        assert self.wrong == []

    def come(self) -> None:
        """Listen."""
        backend = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE

            def do_POST(self) -> None:
                backend._posted(self)

            def log_message(self, *_: object) -> None:
                pass

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._files.certificate, self._files.key)
        self._server = _Server(("127.0.0.1", self.port), Request)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def go(self) -> None:
        """Listen no more, and end what is under way. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.end_connections()

    def wait_for(self, condition: Callable[[list[dict[str, Any]]], object]) -> None:
        """Wait until what it was sent makes a condition true."""
        end = time.monotonic() + PATIENCE
        with self._changed:
            while not condition(self.bodies):
                left = end - time.monotonic()
                assert left > 0, f"after {PATIENCE} seconds: {len(self.bodies)} {self.bodies[-5:]}"
                self._changed.wait(left)

    def unique(self) -> list[dict[str, Any]]:
        """What it was sent, each once, by its id."""
        with self._changed:
            found: dict[str, dict[str, Any]] = {}
            for body in self.bodies:
                assert found.setdefault(body["id"], body) == body
            return list(found.values())

    def _posted(self, request: BaseHTTPRequestHandler) -> None:
        content = request.rfile.read(int(request.headers["Content-Length"]))
        body = json.loads(content)
        self._check(request, content, body)
        status, answer = self.answer(body)
        with self._changed:
            if 200 <= status < 300:
                self.bodies.append(body)
            else:
                self.refused += 1
            self._changed.notify_all()
        said = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(said)))
        request.end_headers()
        request.wfile.write(said)

    def _check(self, request: BaseHTTPRequestHandler, content: bytes, body: dict[str, Any]) -> None:
        timestamp = request.headers["X-Chatd-Timestamp"]
        signed = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + content, "sha256").hexdigest()
        if not hmac.compare_digest(request.headers["X-Chatd-Signature"], f"sha256={signed}"):
            self.wrong.append("signature")
        if abs(time.time() - int(timestamp)) > PATIENCE:
            self.wrong.append("timestamp")
        if request.headers.get("X-Chatd-Delivery") != body.get("id"):
            self.wrong.append("id")


class _Server(ThreadingHTTPServer):
    """Its threads end with it, whatever they wait for."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *where: Any) -> None:
        super().__init__(*where)
        self._connections: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """A client that goes, or a handshake that fails, is no mistake of this server's."""

    def end_connections(self) -> None:
        """End what is under way, without a word."""
        for connection in tuple(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
