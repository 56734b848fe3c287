"""What all connections share: the settings, the chat, the sweeper, and who is connected."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from chatd import __version__
from chatd.admission import Admission
from chatd.chat import Chat
from chatd.errors import CloseCode
from chatd.protocol import ChatProtocol
from chatd.rate import Rate
from chatd.realm import Logins
from chatd.sweeper import Sweeper
from chatd.websocket import CONNECTING, LeanFactory


class ChatFactory(LeanFactory):
    """Makes a protocol for each connection; holds what they share.

    :param logins: who a client is.
    :param admission: who may connect at all.
    :param max_connections: past it a handshake is answered 503; 0 for no limit.
    :param message_size: the largest message taken, in bytes.
    :param send_buffer: how much may be unsent to a client, in bytes, before it is closed (1013).
    :param rate: how fast a client may send, control frames included.
    :param errors_in_a_row: how many erroneous messages in a row close a connection (E2).
    :param heartbeat_reply: whether the server answers heartbeats (H1).
    :param direct_send: whether to send on sockets directly where that can be done.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chat: Chat,
        sweeper: Sweeper,
        logins: Logins,
        *,
        admission: Admission | None = None,
        max_connections: int = 0,
        message_size: int = 65536,
        send_buffer: int = 1024 * 1024,
        rate: Rate | None = None,
        errors_in_a_row: int = 20,
        heartbeat_reply: bool = True,
        direct_send: bool = True,
    ) -> None:
        super().__init__(
            clock,
            ChatProtocol,
            f"chatd/{__version__}",
            message_size=message_size,
            max_connections=max_connections,
            send_buffer=send_buffer,
            direct_send=direct_send,
        )
        self.clock = clock
        self.chat = chat
        self.sweeper = sweeper
        self.logins = logins
        self.admission = admission or Admission()
        self.rate = rate or Rate(50, 200)
        self.errors_in_a_row = errors_in_a_row
        self.heartbeat_reply = heartbeat_reply
        self.open: set[ChatProtocol] = set()
        self._emptied: Deferred[None] | None = None

    def close_all(self, reason: str) -> "Deferred[None]":
        """Close every connection with 1001. :returns: fires when the last one is gone."""
        if not self.open:
            return succeed(None)
        self._emptied = Deferred()
        for protocol in tuple(self.open):
            if protocol.state == CONNECTING:
                protocol.dropConnection(abort=True)
            else:
                protocol.close(CloseCode.GOING_AWAY, reason)
        return self._emptied

    def closed(self, protocol: ChatProtocol) -> None:
        """A connection is gone."""
        self.open.discard(protocol)
        self.sweeper.forget(protocol)
        if self._emptied is not None and not self.open:
            emptied, self._emptied = self._emptied, None
            emptied.callback(None)
