"""Autobahn's server protocol at a price that a full room can pay.

Autobahn parses, answers control frames, validates and closes, and what it decides is decided here the same
way. Left out is what nobody reads: its log lines (which hold whole requests, credentials included), futures
and statistics. Added are a lean handshake, a short way for the usual frame, and attributes that live on the
class until a connection needs its own.
"""

from collections import deque
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import Any, ClassVar

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats, WebSocketProtocol
from autobahn.websocket.utf8validator import Utf8Validator
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from chatd import handshake
from chatd.addresses import UNIX, plain
from chatd.handshake import NotAsked, Refused, Request
from chatd.outlet import DirectOutlet, Outlet, may_send_directly

CONNECTING = WebSocketProtocol.STATE_CONNECTING
OPEN = WebSocketProtocol.STATE_OPEN
CLOSING = WebSocketProtocol.STATE_CLOSING
CLOSED = WebSocketProtocol.STATE_CLOSED

_TEXT_FRAME = 0x81  # FIN, no RSV, opcode 1
_MASK_BIT = 0x80
_CLOSE_FRAME = 0x88  # FIN, no RSV, opcode 8
_LARGEST_CLOSE = _MASK_BIT | 125  # RFC 6455 section 5.5
SKIPPED_FRAMES = 1000  # that a client may still send when it has been sent a close frame
HEAD_BYTES = 16 * 1024  # of a request before its empty line; Autobahn would take any number


class Silence:
    """A logger for Autobahn that keeps everything to itself."""

    def _nothing(self, *args: object, **kwargs: object) -> None:
        pass

    trace = debug = info = warn = error = critical = failure = _nothing


class _Unheard:
    """A future that nobody waits for."""

    def callback(self, value: object) -> None:
        pass


class LeanProtocol(WebSocketServerProtocol):
    """One WebSocket connection. Subclasses take messages in ``onMessage`` and write to ``outlet``."""

    log = Silence()
    is_open = is_closed = _Unheard()
    transport: Any
    factory: Any
    maxMessagePayloadSize: int
    maxConnections: int
    message_data: Any
    outlet: Outlet
    early: bytes | None = None
    """What has come while it was not to be read, see :meth:`hold`; None: it is read."""

    # What Autobahn sets on every connection and changes on few.
    state = CONNECTING
    data = b""
    websocket_version = 13
    inside_message = False
    current_frame: Any = None
    closedByMe = failedByMe = droppedByMe = wasClean = False
    wasNotCleanReason: str | None = None  # type: ignore[assignment]
    localCloseCode = localCloseReason = remoteCloseCode = remoteCloseReason = None
    wasMaxFramePayloadSizeExceeded = wasMaxMessagePayloadSizeExceeded = False
    wasServerConnectionDropTimeout = wasOpenHandshakeTimeout = wasCloseHandshakeTimeout = False
    wasServingFlashSocketPolicyFile = False
    openHandshakeTimeoutCall = closeHandshakeTimeoutCall = None
    autoPingTimeoutCall = autoPingPending = autoPingPendingCall = autoPingPendingSent = None
    autoPingPendingSeq = 0
    send_state = WebSocketProtocol.SEND_STATE_GROUND
    send_queue: ClassVar[deque[Any]] = deque()  # type: ignore[misc]
    triggered = False
    trackedTimings = None  # type: ignore[assignment]
    trafficStats = TrafficStats()
    _perMessageCompress = None
    to_skip = skipped = 0
    """Bytes of a frame that nobody will read, and how many such frames there have been."""

    def __init__(self) -> None:
        """Autobahn's own makes futures and details that nobody asks for."""

    @cached_property
    def utf8validator(self) -> Utf8Validator:  # type: ignore[override]
        """Made for who sends a frame that does not come by the short way."""
        return Utf8Validator()

    # -- the beginning and the end of the TCP connection --------------------------------------------

    def connectionMade(self) -> None:
        """A TCP connection: wait for its handshake."""
        address = self.transport.getPeer()
        if self.host == UNIX:
            self.peer = UNIX
        else:
            self.peer = f"{self.host}:{address.port}"
            self.transport.setTcpNoDelay(True)
        direct = self.factory.direct_send and may_send_directly(self.transport)
        self.outlet = (DirectOutlet if direct else Outlet)(self.transport, self, self.factory.send_buffer)
        self.factory.countConnections += 1

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The TCP connection is gone: ``onClose`` follows."""
        WebSocketProtocol._connectionLost(self, reason)  # type: ignore[arg-type]
        # What is kept by who is gone may wait long for the garbage collector.
        self.data, self.message_data, self.current_frame = b"", None, None
        self.factory.countConnections -= 1

    @property
    def host(self) -> str:
        """The address at the other end of the connection, which may be a proxy's."""
        return plain(getattr(self.transport.getPeer(), "host", UNIX))

    # -- the handshake ------------------------------------------------------------------------------

    def processHandshake(self) -> None:
        """More of the request has come: answer it once its head is whole."""
        head, end, rest = self.data.partition(b"\r\n\r\n")
        try:
            if len(head) > HEAD_BYTES:
                raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            if not end:
                return
            request = handshake.parse(head)
            self.admit(request)
        except Refused as refusal:
            self.data = b""
            location = self.factory.pages_for(refusal.host) if isinstance(refusal, NotAsked) else None
            status = HTTPStatus.TEMPORARY_REDIRECT if location else refusal.status
            self.sendData(handshake.refused(status, self.factory.server, location or ""))
            self.refused(status)
            self.dropConnection(abort=False)
            return
        self.data = b""
        self.outlet.hold(handshake.accepted(request, self.factory.server))
        self.state = OPEN
        self.opened(request)
        self.factory.answer(self)
        # An instance's first attributes share their table with its class, which a smaller table does not.
        self.__dict__ = dict(self.__dict__)
        if rest:
            self.dataReceived(rest)

    def admit(self, request: Request) -> None:
        """Whether a sound request may become a WebSocket. :raises Refused: if not."""
        if self.factory.is_closing or 0 < self.maxConnections < self.factory.countConnections:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE)

    def opened(self, request: Request) -> None:
        """The WebSocket is open."""

    def refused(self, status: HTTPStatus) -> None:
        """There will be no WebSocket."""

    def overflowed(self) -> None:
        """The client does not read. See :class:`chatd.outlet.Owner`."""
        raise NotImplementedError

    def dropConnection(self, abort: bool = False) -> None:
        """End the TCP connection; without ``abort``, after what is unsent."""
        if not abort and self.outlet.holds:
            self.outlet.write(b"")
        super().dropConnection(abort)

    # -- receiving ----------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes. Whole, final, masked text frames of sound UTF-8 are messages at once; from the first byte
        of anything else on, the bytes are for Autobahn's parser (RFC 6455 section 5.2)."""
        if self.state == OPEN and not self.data and self.current_frame is None and not self.inside_message:
            at, end = 0, len(data)
            while end - at >= 6 and data[at] == _TEXT_FRAME:
                length = data[at + 1] ^ _MASK_BIT
                start = at + 6
                if length >= 126:
                    start = at + 8
                    if length > 126:  # unmasked, or longer than two bytes can say
                        break
                    length = data[at + 2] << 8 | data[at + 3]
                    if length < 126:
                        break
                stop = start + length
                if stop > end or length > self.maxMessagePayloadSize:
                    break
                payload = unmasked(data[start - 4 : start], data[start:stop])
                if not (payload.isascii() or _is_utf8(payload)):
                    break
                at = stop
                self.onMessage(payload, False)
                if self.state != OPEN or self.early is not None:
                    break
            if at == end:
                return
            data = data[at:] if at else data
            if self.early is not None:
                self.early += data
                return
        if self.state != CLOSED:
            self._dataReceived(data)

    def processData(self) -> bool:
        """One step of Autobahn's parser. It would go on with a client that has been sent a close frame, keep
        what it refused, and look at it again with every byte that follows."""
        if self.early is not None:
            return False
        if self.state != CLOSING:
            more = super().processData()
            if self.state != CLOSING:
                return more
        return self._skip_to_close() and super().processData()

    def _skip_to_close(self) -> bool:
        """Forget all frames before the client's close frame. :returns: whether that is what comes next."""
        if self.current_frame is not None:
            if self.current_frame.opcode == 8:
                return True
            self.to_skip = self.current_frame.length - self.current_frame_masker.pointer()
            self.current_frame = None
        data, at, end = self.data, 0, len(self.data)
        while True:
            skipped = min(self.to_skip, end - at)
            at, self.to_skip = at + skipped, self.to_skip - skipped
            if end - at < 2:
                break
            second = data[at + 1]
            if data[at] == _CLOSE_FRAME and _MASK_BIT <= second <= _LARGEST_CLOSE:
                self.data = data[at:]
                return True
            length = second & 127
            extended = 0 if length < 126 else 2 if length == 126 else 8
            head = 2 + extended + (4 if second & _MASK_BIT else 0)
            if end - at < head:
                break
            if extended:
                length = int.from_bytes(data[at + 2 : at + 2 + extended])
            self.to_skip = head + length
            self.skipped += 1
            if self.skipped > SKIPPED_FRAMES:
                self.dropConnection(abort=True)
                return False
        self.data = data[at:]
        return False

    def hold(self) -> None:
        """Read nothing more, for a while: what this chunk of bytes has in it yet is kept."""
        self.early = b""
        self.transport.pauseProducing()

    def read_on(self) -> None:
        """Read what was kept, and again what comes. Idempotent."""
        early, self.early = self.early, None
        if early is not None:
            self.transport.resumeProducing()
            self.dataReceived(early)

    def onMessageEnd(self) -> None:
        """The last frame of a message that came the long way."""
        if not self.failedByMe:
            self.onMessage(b"".join(self.message_data), self.message_is_binary)
        self.message_data = None

    # -- sending ------------------------------------------------------------------------------------

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Whatever Autobahn sends: the handshake's answer, control frames."""
        self.outlet.write(data)


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """A payload with its mask taken off, or put on (RFC 6455 section 5.3)."""
    length = len(payload)
    key = int.from_bytes((mask * (length // 4 + 1))[:length], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(length, "little")


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


class LeanFactory(WebSocketServerFactory):
    """Makes connections of one kind, whose options are attributes of its own subclass of that kind.

    :param kind: of the connections.
    :param server: what the handshake's answer says of the server.
    :param message_size: the largest message taken, in bytes.
    :param max_connections: past it a handshake is answered 503; 0 for no limit.
    :param send_buffer: bytes that may be unsent to a client, beside what the transport likes to have.
    :param direct_send: whether to send on sockets directly where that can be done.
    """

    noisy = False
    log = Silence()
    is_closing = False
    """Whether nobody may come any more: a handshake is answered 503."""
    pages_for: Callable[[str], str | None] = staticmethod(lambda host: None)
    """Where to send who looks here with a browser, by the header Host; None: nowhere."""

    def __init__(
        self,
        clock: IReactorTime,
        kind: type[LeanProtocol],
        server: str,
        *,
        message_size: int,
        max_connections: int,
        send_buffer: int,
        direct_send: bool,
    ) -> None:
        super().__init__(server=server, reactor=clock)
        self.setProtocolOptions(
            webStatus=False,
            failByDrop=False,
            maxMessagePayloadSize=message_size,
            maxConnections=max_connections,
            openHandshakeTimeout=0,  # no timers per connection: subclasses sweep
            closeHandshakeTimeout=0,
        )
        self.send_buffer = send_buffer
        self.direct_send = direct_send
        self.perMessageCompressionAccept = staticmethod(self.perMessageCompressionAccept)
        options = {name: getattr(self, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}
        self._answered: list[LeanProtocol] = []
        self.protocol: Any = type(kind.__name__, (kind,), {**options, "factory": self})

    @property
    def message_size(self) -> int:
        """The largest message taken, in bytes."""
        return self.protocol.maxMessagePayloadSize  # type: ignore[no-any-return]

    def limit(self, *, message_size: int, max_connections: int, send_buffer: int) -> None:
        """Other limits; who is connected keeps the send buffer it has."""
        self.protocol.maxMessagePayloadSize = message_size
        self.protocol.maxConnections = max_connections
        self.send_buffer = send_buffer

    def answer(self, protocol: LeanProtocol) -> None:
        """Send the handshake's answer at the end of the turn, unless something was sent with it."""
        if not self._answered:
            self.reactor.callLater(0, self._answer_now)
        self._answered.append(protocol)

    def _answer_now(self) -> None:
        answered, self._answered = self._answered, []
        for protocol in answered:
            if protocol.outlet.holds:
                protocol.outlet.write(b"")
