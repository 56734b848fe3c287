"""Clients on real sockets: one that does as a browser does, and one that does as it is told."""

import json
import select
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.client import CLOSE, HEARTBEAT, TEXT, client_frame, server_frames
from tests.house import target

PATIENCE = 30  # seconds for a frame to arrive


class Client:
    """A client of the ``websockets`` library, for a ``with`` block. It answers pings and close frames.

    :param origin: the page that it pretends to be on.
    :param parameters: of the connect URL, see :func:`tests.house.target`.
    :raises websockets.exceptions.InvalidStatus: if the handshake is refused.
    """

    def __init__(self, port: int, origin: str | None = None, **parameters: str | None) -> None:
        with ExitStack() as stack:
            tcp = stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE))
            url = f"ws://127.0.0.1:{port}{target(**parameters)}"
            # A socket of our own: no proxy is asked, whatever the environment says. And no limit to what is
            # not received yet: the close frame comes behind it, and leaving waits for that.
            options: dict[str, Any] = {"sock": tcp, "origin": origin, "compression": None, "max_queue": None}
            self._socket = stack.enter_context(connect(url, **options))
            self._stack = stack.pop_all()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Close as a browser does. Idempotent."""
        self._stack.close()

    # -- to the server ------------------------------------------------------------------------------

    def send(self, what: str | bytes | dict[str, Any]) -> None:
        """A message: text, binary, or the JSON of a dict."""
        self._socket.send(json.dumps(what, ensure_ascii=False) if isinstance(what, dict) else what)

    def say(self, content: str, **fields: Any) -> None:
        """An ordinary text message (M2)."""
        self.send({"messageType": "text", "messageContent": content, **fields})

    def ask(self, event: str, **fields: Any) -> None:
        """One of M3's events."""
        self.send({"eventType": event, **fields})

    # -- from the server ----------------------------------------------------------------------------

    def receive_text(self) -> str:
        """The next text message, to the character."""
        text = self._socket.recv(PATIENCE)
        assert isinstance(text, str)
        return text

    def receive(self) -> dict[str, Any]:
        """The next text message's JSON object."""
        frame = json.loads(self.receive_text())
        assert isinstance(frame, dict)
        return frame

    def hears_nothing(self) -> bool:
        """Whether nothing was on its way here: the answer to a heartbeat is the next that arrives.

        What the server was asked to do before, and has answered to whoever asked, has left it by then.
        """
        self.send(HEARTBEAT)
        return self.receive_text() == HEARTBEAT

    def closed(self) -> tuple[int, str]:
        """The server's close code and reason, which must be the next that arrives."""
        with pytest.raises(ConnectionClosed) as caught:
            raise AssertionError(f"not closed, but told {self.receive_text()}")
        assert caught.value.rcvd is not None, "the connection ended without a close frame"
        return caught.value.rcvd.code, caught.value.rcvd.reason

    def closed_after_error(self) -> tuple[int, str]:
        """The server's close code and reason, right after an error."""
        assert self.receive()["messageType"] == "error"
        return self.closed()


class RawClient:
    """A stream connection, for a ``with`` block. It answers nothing by itself: neither a ping nor a close.

    :param where: a port of 127.0.0.1, or a UNIX socket.
    :param source: the address to come from.
    :param receive_buffer: bytes that the kernel may keep for it.
    """

    def __init__(
        self, where: int | Path, source: str = "127.0.0.1", receive_buffer: int | None = None
    ) -> None:
        self._stream = socket.socket(socket.AF_UNIX if isinstance(where, Path) else socket.AF_INET)
        self._stream.settimeout(PATIENCE)
        if receive_buffer is not None:
            self._stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if isinstance(where, Path):
            self._stream.connect(str(where))
        else:
            self._stream.bind((source, 0))
            self._stream.connect(("127.0.0.1", where))
        self._unread = b""
        self._frames: list[tuple[int, bytes]] = []

    def __enter__(self) -> "RawClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word."""
        self._stream.close()

    def request(self, uri: str, **headers: str | None) -> str:
        """Ask for a handshake; ``_`` in a header stands for ``-``, and None leaves one out.

        :returns: the answer's status line and headers.
        """
        self.send_request(uri, **headers)
        while b"\r\n\r\n" not in self._unread:
            self._unread += self._read()
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def send_request(self, uri: str, **headers: str | None) -> None:
        """Ask for a handshake, as :meth:`request`, and wait for nothing."""
        wanted = {
            "Host": "127.0.0.1",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # the example of RFC 6455 section 1.3
            "Sec-WebSocket-Version": "13",
        } | {key.replace("_", "-"): value for key, value in headers.items()}
        lines = [f"{key}: {value}" for key, value in wanted.items() if value is not None]
        self.send_bytes("\r\n".join([f"GET {uri} HTTP/1.1", *lines, "", ""]).encode())

    def join(self, **parameters: str | None) -> "RawClient":
        """Do the handshake and hear the own ``in``."""
        assert self.request(target(**parameters)).startswith("HTTP/1.1 101 ")
        assert self.receive()["action"] == "in"
        return self

    def send_bytes(self, sent: bytes) -> None:
        """Whatever a test likes."""
        self._stream.sendall(sent)

    def send_frame(self, opcode: int, payload: bytes = b"") -> None:
        """One frame."""
        self.send_bytes(client_frame(opcode, payload))

    def send_head(self, opcode: int, length: int) -> None:
        """The head of one frame, and nothing of its payload.

        :param length: of the payload, 126 to 65,535.
        """
        self.send_bytes(client_frame(opcode, bytes(length))[:-length])

    def receive_frame(self) -> tuple[int, bytes]:
        """The next frame's opcode and payload."""
        while not self._frames:
            self._frames, self._unread = server_frames(self._unread)
            if not self._frames:
                self._unread += self._read()
        return self._frames.pop(0)

    def receive(self) -> dict[str, Any]:
        """The JSON object of the next frame, which must be a text."""
        opcode, payload = self.receive_frame()
        assert opcode == TEXT
        frame = json.loads(payload)
        assert isinstance(frame, dict)
        return frame

    def hear_all(self) -> list[dict[str, Any]]:
        """All that is on its way here: the answer to a heartbeat is the last that arrives."""
        self.send_frame(TEXT, HEARTBEAT.encode())
        heard = []
        while (frame := self.receive_frame()) != (TEXT, HEARTBEAT.encode()):
            heard.append(json.loads(frame[1]))
        return heard

    def closed(self) -> tuple[int, str]:
        """The code and reason of the next frame, which must be a close frame."""
        opcode, payload = self.receive_frame()
        assert opcode == CLOSE
        return int.from_bytes(payload[:2]), payload[2:].decode()

    def ended(self) -> bool:
        """Wait for the connection to be closed. :returns: whether nothing came before that.

        :raises ConnectionResetError: if it is not closed but aborted.
        """
        return self._stream.recv(65536) == b"" and not self._unread and not self._frames

    def shut(self) -> None:
        """Say that nothing more will be sent."""
        self._stream.shutdown(socket.SHUT_WR)

    def remains(self) -> bytes:
        """All that still arrives until the connection ends, in whichever way."""
        rest, self._unread = self._unread, b""
        with suppress(ConnectionError):
            while received := self._stream.recv(65536):
                rest += received
        return rest

    def ended_with(self, code: int) -> bool:
        """Wait for the end. :returns: whether the close frame, if it arrived, has this code.

        A connection that is aborted may lose it.
        """
        frames, _ = server_frames(self.remains())
        codes = [int.from_bytes(payload[:2]) for opcode, payload in self._frames + frames if opcode == CLOSE]
        return codes in ([code], [])

    def is_gone(self, seconds: float) -> bool:
        """Whether the connection ends within so many seconds. What arrives until then is forgotten."""
        readable, _, _ = select.select([self._stream], [], [], seconds)
        try:
            return bool(readable) and self._stream.recv(65536) == b""
        except ConnectionError:
            return True

    def _read(self) -> bytes:
        received = self._stream.recv(65536)
        assert received, "the connection ended"
        return received
