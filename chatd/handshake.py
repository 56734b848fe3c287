"""The opening handshake of RFC 6455, server's side. Pure: bytes to a request, a request to bytes.

Autobahn has one too; this one leaves out subprotocols, extensions and the parsing of parameters that are
parsed later anyway, never writes what a client sent anywhere, and costs a tenth.
"""

import base64
import hashlib
import re
from http import HTTPStatus

import msgspec

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_VERSIONS = ("13", "8")  # 8 is the last draft's, the same on the wire

_SENTENCES = {
    HTTPStatus.TEMPORARY_REDIRECT: "This is a WebSocket server; its pages are elsewhere.",
    HTTPStatus.BAD_REQUEST: "This is a WebSocket server, and this is no WebSocket handshake it understands.",
    HTTPStatus.FORBIDDEN: "Pages of this origin may not connect here.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This is a WebSocket server: only GET begins a handshake.",
    HTTPStatus.UPGRADE_REQUIRED: "This is a WebSocket server: connect to it with a WebSocket client.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The request's header is too large.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server is full. Try again later.",
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: "This is a WebSocket server, and WebSocket begins with HTTP/1.1.",
}


class Refused(Exception):
    """A request that is answered with an HTTP status. It never quotes the request."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class NotAsked(Refused):
    """A request that is no attempt at a WebSocket: somebody looks at the port with a browser.

    :param host: the header Host, whatever is in it.
    """

    def __init__(self, host: str) -> None:
        super().__init__(HTTPStatus.UPGRADE_REQUIRED)
        self.host = host


class Request(msgspec.Struct, frozen=True):
    """What a client asks for. ``uri`` and ``origin`` are the request's bytes, read as ISO 8859-1.

    Its repr tells nothing: there are credentials in it.
    """

    uri: str
    key: str
    origin: str | None
    headers: dict[str, str]

    def __repr__(self) -> str:
        return "<Request>"


def parse(head: bytes) -> Request:
    """A request's head, up to and with its empty line (RFC 6455 section 4.2.1).

    :raises Refused: if it is no handshake.
    """
    request_line, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    uri = _requested(request_line)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.lower()
        if not colon or not name or name.strip() != name:
            raise Refused(HTTPStatus.BAD_REQUEST)
        # Given twice it is a list (RFC 9110 section 5.3), which is refused where there must be one value.
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    if "upgrade" not in headers:
        raise NotAsked(headers.get("host", ""))
    if not (_lists(headers["upgrade"], "websocket") and _lists(headers.get("connection", ""), "upgrade")):
        raise Refused(HTTPStatus.BAD_REQUEST)
    if headers.get("sec-websocket-version") not in _VERSIONS:
        raise Refused(HTTPStatus.UPGRADE_REQUIRED)
    key = headers.get("sec-websocket-key", "")
    host = headers.get("host", "")
    if not host or "," in host or not _KEY.fullmatch(key):
        raise Refused(HTTPStatus.BAD_REQUEST)
    return Request(uri, key, headers.get("origin", headers.get("sec-websocket-origin")), headers)


def _requested(request_line: str) -> str:
    """The URI of a request line (RFC 9112 section 3)."""
    parts = request_line.split(" ")
    if len(parts) != 3:
        raise Refused(HTTPStatus.BAD_REQUEST)
    method, uri, version = parts
    if method != "GET":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED)
    if version != "HTTP/1.1":
        raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    if not uri or "#" in uri:
        raise Refused(HTTPStatus.BAD_REQUEST)
    return uri


def _lists(value: str, token: str) -> bool:
    value = value.lower()
    return value == token or token in (part.strip() for part in value.split(","))


def accepted(request: Request, server: str) -> bytes:
    """The answer that opens the WebSocket (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(request.key.encode() + _GUID, usedforsecurity=False).digest()
    return (
        "HTTP/1.1 101 Switching Protocols\r\n"
        f"Server: {server}\r\n"
        "Upgrade: websocket\r\n"
        "Connection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n\r\n"
    ).encode()


def refused(status: HTTPStatus, server: str, location: str = "") -> bytes:
    """The answer that refuses a request, with a sentence for who reads it.

    :param location: of a redirect.
    """
    body = f"{_SENTENCES[status]}\n"
    connection, needs = "close", ""
    if status == HTTPStatus.UPGRADE_REQUIRED:  # RFC 9110 sections 7.8 and 15.5.22, RFC 6455 section 4.4
        connection, needs = "Upgrade, close", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        needs = "Allow: GET\r\n"
    elif status == HTTPStatus.TEMPORARY_REDIRECT:  # RFC 9110 section 15.4.8
        needs = f"Location: {location}\r\nCache-Control: no-store\r\n"
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Server: {server}\r\n"
        f"{needs}"
        "Content-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Connection: {connection}\r\n\r\n{body}"
    ).encode()
