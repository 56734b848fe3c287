"""Attacks before there is a WebSocket."""

from contextlib import ExitStack, suppress

from tests.abuse.attacks import ORIGIN, Target
from tests.house import HEADERS, target
from tests.processes.clients import RawClient


def foreign_origin(on: Target) -> None:
    """403, for whatever is not the Origin to the letter."""
    for origin in (
        "https://evil.example",
        f"{ORIGIN}.evil.example",
        "http://shop.example",
        "null",
        ORIGIN + "/",
    ):
        with on.dial() as client:
            assert client.request(target(), Origin=origin).startswith("HTTP/1.1 403 ")
    with on.dial() as client:
        assert client.request(target(roomName=on.room), Origin=ORIGIN).startswith("HTTP/1.1 101 ")


def header_flood(on: Target) -> None:
    """431 after 16 KiB, and what follows is not read."""
    for line in (b"X-Flood: " + b"x" * 1000 + b"\r\n", b"x" * 1000, b"X: y\r\n"):
        with on.dial() as client:
            client.send_bytes(b"GET / HTTP/1.1\r\n")
            sent = _pour(client, line, 8 * 1024 * 1024)
            assert sent < 8 * 1024 * 1024, "all of it was taken"


def _pour(client: RawClient, piece: bytes, most: int) -> int:
    """Send the same again and again until it is not taken any more. :returns: how many bytes were."""
    sent, pieces = 0, piece * (1 + 16_384 // len(piece))
    with suppress(ConnectionError):
        while sent < most:
            client.send_bytes(pieces)
            sent += len(pieces)
    return sent


def slow_handshake(on: Target) -> None:
    """Dropped after five seconds, though a byte comes now and then."""
    request = f"GET {target()} HTTP/1.1\r\n" + "".join(
        f"{key}: {value}\r\n" for key, value in HEADERS.items()
    )
    with ExitStack() as stack:
        clients = [stack.enter_context(on.dial()) for _ in range(50)]
        dropped = 0
        for byte in request.encode():
            for client in clients[dropped:]:
                with suppress(ConnectionError):
                    client.send_bytes(bytes([byte]))
            while dropped < len(clients) and clients[dropped].is_gone(0.05):
                dropped += 1
            if dropped == len(clients):
                return
        raise AssertionError("a request that takes so long was waited for")


def not_http(on: Target) -> None:
    """400 or 431, or the end, for what is not a request at all."""
    for garbage in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"\x00" * 20_000,
        b"\r\n\r\n",
    ):
        with on.dial() as client:
            client.send_bytes(garbage)
            client.shut()
            assert client.remains()[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 431")
