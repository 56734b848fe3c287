"""A client in memory: it speaks WebSocket bytes to a protocol of the real factory, and reads the bytes that
come back (RFC 6455). What it sends arrives whole unless a test cuts it up."""

import json
import struct
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IProtocol, IPushProducer, ITransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
HEARTBEAT = "d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"


def client_frame(
    opcode: int, payload: bytes = b"", fin: bool = True, mask: bytes | None = b"\x37\xfa\x21\x3d"
) -> bytes:
    """One frame as a client writes it: masked, unless ``mask`` is None (RFC 6455 section 5.2)."""
    length = len(payload)
    head = bytes([opcode | (0x80 if fin else 0)])
    masked = 0x80 if mask else 0
    if length < 126:
        head += bytes([masked | length])
    elif length < 65536:
        head += struct.pack("!BH", masked | 126, length)
    else:
        head += struct.pack("!BQ", masked | 127, length)
    if mask is None:
        return head + payload
    key = (mask * (length // 4 + 1))[:length]
    return head + mask + (int.from_bytes(payload) ^ int.from_bytes(key)).to_bytes(length)


def server_frames(received: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames at the head of what a server wrote, and what is left. They may not be masked."""
    frames = []
    while len(received) >= 2:
        assert received[0] & 0x80, "the server does not fragment"
        assert not received[1] & 0x80, "the server does not mask"
        length, start = received[1], 2
        if length == 126:
            length, start = int.from_bytes(received[2:4]), 4
        elif length == 127:
            length, start = int.from_bytes(received[2:10]), 10
        if len(received) < start + length:
            break
        frames.append((received[0] & 0x0F, received[start : start + length]))
        received = received[start + length :]
    return frames, received


@implementer(ITransport, IConsumer)
class MemoryTransport:
    """A TCP connection: bytes written reach the client at once; its end by the server takes a turn.

    A ``stuck`` one is that of a client that has ceased to read. As with Twisted's own, a producer is paused
    while more than 64 KiB wait; nothing is received after ``loseConnection``, which waits for what is
    unsent; ``abortConnection`` does not.
    """

    LIKES = 65536
    offset = _tempDataLen = 0  # of Twisted's own buffers

    def __init__(self, clock: Clock, received: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._received = received
        self._waiting = b""
        self._producer: IPushProducer | None = None
        self.protocol: IProtocol | None = None
        self.connected = True
        self.disconnecting = False
        self.stuck = False
        self.reading = True
        self._arrived = b""

    def write(self, data: bytes) -> None:
        """See ITransport."""
        assert isinstance(data, bytes)
        if not self.connected:
            return
        if not self.stuck:
            self._received(data)
            return
        self._waiting += data
        if self._producer is not None and len(self._waiting) > self.LIKES:
            self._producer.pauseProducing()

    def writeSequence(self, data: list[bytes]) -> None:
        """See ITransport."""
        self.write(b"".join(data))

    def deliver(self, data: bytes) -> None:
        """Bytes from the client."""
        if self.connected and not self.disconnecting:
            if self.reading:
                self.protocol.dataReceived(data)
            else:
                self._arrived += data

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self.reading = False

    def resumeProducing(self) -> None:
        """See IPushProducer. What has arrived meanwhile is read in a later turn."""
        self.reading = True
        arrived, self._arrived = self._arrived, b""
        if arrived:
            self._clock.callLater(0, self.deliver, arrived)

    def flow(self) -> None:
        """The client reads again, all that waits."""
        self.stuck = False
        waiting, self._waiting = self._waiting, b""
        self._received(waiting)
        if self._producer is not None:
            self._producer.resumeProducing()
        if self.disconnecting:
            self.lose(ConnectionDone())

    def loseConnection(self) -> None:
        """See ITransport."""
        self.disconnecting = True
        if not self._waiting:
            self.lose(ConnectionDone())

    def abortConnection(self) -> None:
        """See ITCPTransport."""
        self.lose(ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        """The server ends the connection."""
        if self.connected:
            self.connected = False
            self._clock.callLater(0, self.protocol.connectionLost, Failure(reason))

    @property
    def dataBuffer(self) -> bytes:
        """Where Twisted's own keep what is unsent."""
        return self._waiting

    def break_off(self) -> None:
        """The client's end of it is gone: so a read finds it, at once."""
        if self.connected:
            self.connected = False
            self.protocol.connectionLost(Failure(ConnectionLost()))

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """See IConsumer."""
        assert streaming and self._producer is None
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        self._producer = None

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See ITCPTransport: there are no packets here."""

    def getPeer(self) -> IPv4Address:
        """See ITransport."""
        return IPv4Address("TCP", "127.0.0.1", 50000)

    def getHost(self) -> IPv4Address:
        """See ITransport."""
        return IPv4Address("TCP", "127.0.0.1", 9326)


class Client:
    """One client. Whatever it does, the server's turn ends right after, unless within ``house.one_turn()``.

    Like a browser it answers a close frame; unlike one it leaves pings unanswered, so that a test decides
    who is alive.

    :param settle: lets the server's turn end.
    """

    def __init__(self, clock: Clock, protocol: IProtocol, settle: Callable[[], None]) -> None:
        self._clock = clock
        self._settle = settle
        self._unread = b""
        self._texts: list[str] = []
        self.status: int | None = None
        """The HTTP status of the handshake's answer."""
        self.head = self.body = ""
        """The rest of a handshake's answer; a body only of a refusal."""
        self.closed: int | None = None
        """The server's close code."""
        self.reason = ""
        """The reason in the server's close frame."""
        self.answers_close = True
        self.pings = 0
        self.pongs: list[bytes] = []
        self.transport = MemoryTransport(clock, self._received)
        self.transport.protocol = self.protocol = protocol
        protocol.makeConnection(self.transport)

    # -- to the server ------------------------------------------------------------------------------

    def send_bytes(self, data: bytes) -> None:
        """Raw bytes, as TCP carries them."""
        self.transport.deliver(data)
        self._settle()

    def send_frame(self, opcode: int, payload: bytes = b"", **how: Any) -> None:
        """One frame: see :func:`client_frame`."""
        self.send_bytes(client_frame(opcode, payload, **how))

    def send(self, what: str | bytes | dict[str, Any]) -> None:
        """A text message; a dict goes as JSON."""
        if isinstance(what, dict):
            what = json.dumps(what, ensure_ascii=False)
        self.send_frame(TEXT, what.encode() if isinstance(what, str) else what)

    def say(self, content: str, **fields: Any) -> None:
        """An ordinary text message (M2)."""
        self.send({"messageType": "text", "messageContent": content, **fields})

    def ask(self, event: str, **fields: Any) -> None:
        """One of M3's events."""
        self.send({"eventType": event, **fields})

    def beat(self) -> None:
        """The heartbeat (H1)."""
        self.send(HEARTBEAT)

    def leave(self) -> None:
        """Close as a browser does."""
        self.send_frame(CLOSE, struct.pack("!H", 1000))

    def vanish(self) -> None:
        """The TCP connection breaks."""
        self.transport.break_off()
        self._settle()

    def stop_reading(self) -> None:
        """From now on nothing that the server writes arrives."""
        self.transport.stuck = True

    def read_on(self) -> None:
        """What waits arrives, and all that follows."""
        self.transport.flow()
        self._settle()

    # -- from the server ----------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Whether there still is a TCP connection."""
        return self.transport.connected

    def texts(self) -> list[str]:
        """The text messages heard since last asked, to the character."""
        texts, self._texts = self._texts, []
        return texts

    def frames(self) -> list[dict[str, Any]]:
        """The JSON objects heard since last asked."""
        return [json.loads(text) for text in self.texts()]

    def frame(self) -> dict[str, Any]:
        """The one JSON object heard since last asked."""
        (frame,) = self.frames()
        return frame

    def contents(self) -> list[str | None]:
        """The messageContent of everything heard since last asked."""
        return [frame.get("messageContent") for frame in self.frames()]

    def _received(self, data: bytes) -> None:
        self._unread += data
        if self.status is None:
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                return
            self.head, self._unread = head.decode(), rest
            self.status = int(head.split()[1])
        if self.status != 101:
            self.body = self._unread.decode()
            return
        frames, self._unread = server_frames(self._unread)
        for opcode, payload in frames:
            self._take(opcode, payload)

    def _take(self, opcode: int, payload: bytes) -> None:
        assert self.closed is None, "the server says nothing after its close frame"
        if opcode == TEXT:
            self._texts.append(payload.decode())
        elif opcode == CLOSE:
            self.closed = int.from_bytes(payload[:2])
            self.reason = payload[2:].decode()
            if self.answers_close:
                self._clock.callLater(0, self._answer_close, payload)
        elif opcode == PING:
            self.pings += 1
        elif opcode == PONG:
            self.pongs.append(payload)
        else:
            raise AssertionError(f"opcode {opcode} from the server")

    def _answer_close(self, payload: bytes) -> None:
        self.transport.deliver(client_frame(CLOSE, payload))
