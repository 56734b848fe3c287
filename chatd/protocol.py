"""The WebSocket side of the chat: who may connect, what becomes of a message, how a connection ends.

The codes of C2, the limits of what one client may cost, the one end of a connection whatever its cause, and a
log that never holds what a client sent. The WebSocket itself is :mod:`chatd.websocket`'s and Autobahn's.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

from autobahn.util import encode_truncate
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd import parameters
from chatd.admission import Admission, too_many_of_user
from chatd.errors import CloseCode, CloseConnection, ErrorCode, RequestError
from chatd.handshake import Request
from chatd.interfaces import IChannel
from chatd.logs import Log
from chatd.model import Error
from chatd.realm import Participant
from chatd.room import Connection
from chatd.verdicts import Denied
from chatd.websocket import CLOSED, CLOSING, OPEN, LeanProtocol
from chatd.wire import commands
from chatd.wire.commands import Command
from chatd.wire.events import encode_error
from chatd.wire.frames import HEARTBEAT, HEARTBEAT_FRAME, PING_FRAME, text_frame

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from chatd.factory import ChatFactory

log = Log()


@implementer(IChannel)
class ChatProtocol(LeanProtocol):
    """One WebSocket connection, from its handshake to its end."""

    factory: "ChatFactory"
    connection: Connection | None = None
    cause = "gone without a close frame"
    spent_until = 0.0
    errors_in_a_row = 0
    counted_at: str | None = None
    """The address that the connection counts for, if addresses are counted."""
    counted_for: str | None = None
    """The user that it counts for."""

    # -- the handshake ------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """A TCP connection."""
        super().connectionMade()
        self.factory.open.add(self)
        self.factory.sweeper.arrived(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes: a sign of life (H2)."""
        if self.early is not None:  # a login, or a message's verdict, takes its time
            self.early += data
            return
        if self.connection is not None and self.state == OPEN:
            self.factory.sweeper.heard(self)
        super().dataReceived(data)

    def admit(self, request: Request) -> None:
        """C2: only a foreign Origin, and a full server, are refused by HTTP."""
        super().admit(request)
        self.factory.admission.check_origin(request)

    def refused(self, status: HTTPStatus) -> None:
        """There will be no WebSocket."""
        self.factory.counts.refusals[status.value] += 1
        log.info("refused {peer}: HTTP {status}", peer=self.peer, status=status.value)

    def opened(self, request: Request) -> None:
        """The handshake is done: who is it, and may they (C1 to C5)?"""
        try:
            address = self._admitted(request)
            identity, credentials, after = parameters.parse(request.uri)
        except CloseConnection as refusal:
            self._refuse(refusal)
            return
        login = self.factory.logins.login(identity, credentials, address)
        login.addCallback(self._count)
        login.addCallback(self._join, after)
        login.addErrback(self._not_joined)
        if self.connection is None and self.state == OPEN:  # a login takes its time: read nothing until then
            self.hold()
            self.factory.sweeper.heard(self)

    def _admitted(self, request: Request) -> str:
        """The client's address. :raises CloseConnection: if too many come from there."""
        factory, host = self.factory, self.host
        address = factory.admission.address(host, request)
        if address != host:
            self.peer = f"{address} via {self.peer}"
        if factory.admission.connected(address, factory.clock.seconds()):
            self.counted_at = address
        return address

    def part(self) -> None:
        """Read nothing more, for it is to be closed."""
        if self.state == OPEN and self.early is None:
            self.hold()

    def recount(self, admission: Admission) -> None:
        """Be counted by the one that is to follow the factory's own."""
        if self.state != OPEN:
            self.counted_at = self.counted_for = None
            return
        address, via, _ = (self.peer or "").partition(" via ")
        if not via:
            address = self.host
        self.counted_at = address if admission.counts(address) else None
        if self.counted_for is not None:
            admission.counts_user(self.counted_for)

    def _count(self, participant: Participant) -> "Participant | Deferred[Participant]":
        """It counts for its user from now on. :raises CloseConnection: if they are too many."""
        if self.state != OPEN:
            return participant
        user_id = participant.identity.user_id
        self.factory.admission.joined(user_id)
        self.counted_for = user_id
        quota = self.factory.quota
        if quota is None:
            return participant
        return quota.may_join(user_id).addCallback(self._counted, participant)

    def _counted(self, may_join: bool, participant: Participant) -> Participant:
        if not may_join:
            self._count_no_more()
            raise too_many_of_user()
        return participant

    def _count_no_more(self) -> None:
        user_id, self.counted_for = self.counted_for, None
        if user_id is not None:
            self.factory.admission.left(user_id)
            if self.factory.quota is not None:
                self.factory.quota.left(user_id)

    def _join(self, participant: Participant, after: str | None) -> None:
        if self.state != OPEN:
            return
        identity = participant.identity
        self.connection = Connection(identity, self, participant.rights)
        self.factory.sweeper.heard(self)
        if identity.user_id in self.factory.watched:
            self.factory.watched[identity.user_id](self)
        self.factory.chat.join(self.connection, after)
        log.info(
            "{peer} joined as {user!r} in {room!r}", peer=self.peer, user=identity.user_id, room=identity.room
        )
        self.read_on()

    def _not_joined(self, failure: Failure) -> None:
        if isinstance(failure.value, CloseConnection):
            self._refuse(failure.value)
        else:
            self._broken("joining", failure)
        self.read_on()

    # -- messages -----------------------------------------------------------------------------------

    def onMessageBegin(self, isBinary: bool) -> None:
        """The first frame of a message; a binary one is refused before its payload is read."""
        super().onMessageBegin(isBinary)
        if isBinary and self.state == OPEN:
            self._refuse(
                CloseConnection(CloseCode.BINARY, ErrorCode.UNSUPPORTED, "Binary messages are not supported.")
            )

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """A whole text message."""
        if self.connection is None or self.state != OPEN or not self._spend(payload):
            return
        try:
            if payload == HEARTBEAT:
                self.factory.counts.heartbeats += 1
                if self.factory.heartbeat_reply:
                    self.send(HEARTBEAT_FRAME)
                return
            command = commands.decode(payload)
            if self.factory.verdicts is not None and command.event == commands.ORDINARY:
                self._ask(self.factory.verdicts.ask(self.connection.identity, command), payload)
                return
            self._handle(self.connection, command, payload)
        except RequestError as error:
            self._answer(error, payload)
        except Exception:
            self._broken("answering a message")

    def _ask(self, verdict: "Deferred[Command]", payload: bytes) -> None:
        """An ordinary message waits for its verdict, and with it all that its client sends after it (M7). Who
        is gone by then has not said it: there is no receipt, and it is sent again (M6)."""
        is_waited_for = not verdict.called
        if is_waited_for:
            self.hold()
        verdict.addCallback(self._do, payload)
        verdict.addErrback(self._not_done, payload)
        if is_waited_for:
            verdict.addCallback(lambda _: self.read_on())

    def _do(self, command: Command, payload: bytes) -> None:
        if self.connection is not None:
            self._handle(self.connection, command, payload)

    def _handle(self, connection: Connection, command: Command, payload: bytes) -> None:
        done = self.factory.chat.handle(connection, command)
        if done is None:
            self.errors_in_a_row = 0
        else:
            done.addCallbacks(self._is_done, self._not_done, errbackArgs=(payload,))

    def _is_done(self, _: object) -> None:
        self.errors_in_a_row = 0

    def _not_done(self, failure: Failure, payload: bytes) -> None:
        error = failure.value
        if isinstance(error, Denied):  # which is no mistake (E2)
            self._send_error(error.code, error.sentence, *commands.request_of(payload))
        elif isinstance(error, RequestError):
            self._answer(error, payload)
        else:
            self._broken("answering a message", failure)

    def onMessageFrameBegin(self, length: int) -> None:
        """A frame that did not come by the short way; fragments of a message count towards the rate too."""
        super().onMessageFrameBegin(length)
        if self.message_data and not self._spend():
            self.close(CloseCode.TOO_FAST, "too fast")

    def onPing(self, payload: bytes) -> None:
        """A ping is answered (RFC 6455 section 5.5.3), within the rate."""
        if self._spend():
            super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        """A pong is a sign of life, which dataReceived has seen."""
        self._spend()

    def _spend(self, payload: bytes = b"") -> bool:
        """Whether the client is within its rate; one that is not is told so, and closed if it goes on.

        :param payload: of the message that counts, if it is one.
        """
        spent_until = self.factory.rate.spend(self.spent_until, self.factory.clock.seconds())
        if spent_until is not None:
            self.spent_until = spent_until
            return True
        if self.state == OPEN:
            event, client_message_id = commands.request_of(payload)
            sentence = "Too many messages a second; this one is dropped."
            self._send_error(ErrorCode.RATE_LIMITED, sentence, event, client_message_id)
            self._count_error(CloseCode.TOO_FAST, "too fast")
        return False

    def _answer(self, error: RequestError, payload: bytes) -> None:
        """An erroneous message earns an error frame (E1); too many in a row, the end (E2)."""
        event, client_message_id = commands.request_of(payload)
        self._send_error(error.code, error.sentence, event, client_message_id)
        self._count_error(CloseCode.ABUSIVE, "too many erroneous messages in a row")

    def _count_error(self, close_code: CloseCode, reason: str) -> None:
        self.errors_in_a_row += 1
        if self.errors_in_a_row >= self.factory.errors_in_a_row:
            self.close(close_code, reason)

    def _send_error(
        self, code: ErrorCode, sentence: str, event: str | None = None, client_message_id: str | None = None
    ) -> None:
        self.factory.counts.errors[code] += 1
        error = Error(code=code, sentence=sentence, event=event, client_message_id=client_message_id)
        self.send(text_frame(encode_error(error)))

    # -- IChannel -----------------------------------------------------------------------------------

    @property
    def write(self) -> Callable[[bytes], None]:
        """See :attr:`chatd.interfaces.IChannel.write`."""
        return self.outlet.write

    @property
    def unsent(self) -> int:
        """See :attr:`chatd.interfaces.IChannel.unsent`."""
        return self.outlet.unsent

    def send(self, frames: bytes) -> None:
        """See :meth:`chatd.interfaces.IChannel.send`."""
        if self.state == OPEN:
            self.outlet.write(frames)

    def close(self, code: CloseCode, reason: str) -> None:
        """See :meth:`chatd.interfaces.IChannel.close`."""
        if self.state == OPEN:
            self.factory.counts.closes[code] += 1
            self.cause = f"closed with {int(code)}: {reason}"
            self.sendCloseFrame(code=int(code), reasonUtf8=encode_truncate(reason, 123))

    def ping(self) -> None:
        """See :meth:`chatd.interfaces.IChannel.ping`."""
        self.send(PING_FRAME)

    def expire(self) -> None:
        """See :meth:`chatd.interfaces.IChannel.expire`."""
        self.close(CloseCode.HEARTBEAT_MISSED, "missed heartbeats")
        # A close frame that the kernel takes may still reach the client; one that it does not never will.
        self.dropConnection(abort=False)

    def abort(self) -> None:
        """See :meth:`chatd.interfaces.IChannel.abort`."""
        self.state = CLOSED
        self._closeConnection(abort=True)

    def overflowed(self) -> None:
        """Its client reads too slowly (C2)."""
        self.close(CloseCode.OVERLOADED, "reads too slowly")

    # -- the end ------------------------------------------------------------------------------------

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """Autobahn found a violation of RFC 6455 or of a limit. It has not said why to anybody."""
        if self.state == OPEN:
            if code == CloseCode.TOO_BIG:
                limit = f"A message may have at most {self.maxMessagePayloadSize} bytes."
                self._send_error(ErrorCode.TOO_LARGE, limit)
            self.factory.counts.closes[code] += 1
            self.cause = f"failed with {code}"
        super()._fail_connection(code, reason)

    def sendCloseFrame(
        self, code: int | None = None, reasonUtf8: bytes | None = None, isReply: bool = False
    ) -> None:
        """Begin or answer the closing handshake, which must not take forever: nothing is said after it."""
        super().sendCloseFrame(code, reasonUtf8, isReply)
        if self.state == CLOSING:
            self.factory.sweeper.ending(self)
        if isReply:
            self.cause = f"closed by the client with {self.remoteCloseCode}"
        self._leave()
        self.read_on()

    def dropConnection(self, abort: bool = False) -> None:
        """End the TCP connection; without ``abort``, after what is unsent, which must not take forever."""
        super().dropConnection(abort)
        if not abort and self in self.factory.open:
            self.factory.sweeper.ending(self)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """The connection is over, if it ever was open."""
        self.factory.closed(self)
        if self.counted_at is not None:
            self.factory.admission.lost(self.counted_at)
        self._leave()

    def _refuse(self, refusal: CloseConnection) -> None:
        """The one place where a connection that may not go on is told so and closed (C2)."""
        self._send_error(refusal.code, refusal.sentence)
        if self.connection is None:
            self.factory.counts.refusals[refusal.close_code] += 1
            log.info(
                "refused {peer}: {close_code} {sentence!r}",
                peer=self.peer,
                close_code=int(refusal.close_code),
                sentence=refusal.sentence,
            )
        self.close(refusal.close_code, refusal.sentence)

    def _broken(self, doing: str, failure: Failure | None = None) -> None:
        """A bug: in the log it goes, and the connection with it."""
        log.failure("a bug in {doing} for {peer}", failure, doing=doing, peer=self.peer)
        self.close(CloseCode.INTERNAL_ERROR, "internal error")

    def _leave(self) -> None:
        """The one end of a connection, whatever the cause. Idempotent."""
        self._count_no_more()
        connection, self.connection = self.connection, None
        if connection is not None:
            identity = connection.identity
            log.info(
                "{peer} left as {user!r} from {room!r}: {cause}",
                peer=self.peer,
                user=identity.user_id,
                room=identity.room,
                cause=self.cause,
            )
            self.factory.chat.leave(connection)
