"""What all connections share: the settings, the chat, the sweeper, and who is connected."""

from collections.abc import Callable
from math import ceil

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatd import __version__
from chatd.admission import Admission
from chatd.counts import ConnectionCounts
from chatd.errors import CloseCode
from chatd.interfaces import IChat, IQuota
from chatd.protocol import ChatProtocol
from chatd.rate import Rate
from chatd.realm import Logins
from chatd.room import Connection
from chatd.sweeper import Sweeper
from chatd.verdicts import Verdicts
from chatd.websocket import CONNECTING, LeanFactory

DRAIN_STEP = 0.1  # seconds


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
    :param verdicts: who is asked about ordinary messages, if anybody.
    """

    def __init__(
        self,
        clock: IReactorTime,
        chat: IChat,
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
        verdicts: Verdicts | None = None,
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
        self.verdicts = verdicts
        self.open: set[ChatProtocol] = set()
        self.quota: IQuota | None = None
        """Counts users' connections on all nodes, if there are others."""
        self.watched: dict[str, Callable[[ChatProtocol], None]] = {}
        """Users whose connections somebody wants to be shown, right before they come into their rooms."""
        self.counts = ConnectionCounts()
        self._emptied: Deferred[None] | None = None

    def admit_by(self, admission: Admission) -> None:
        """Other limits for who comes; who is there counts towards them, and stays."""
        for protocol in self.open:
            protocol.recount(admission)
        self.admission = admission

    async def drain(self, seconds: float, reason: str, settled: "Callable[[], Deferred[None]]") -> None:
        """Let nobody in any more, and close who is here with 1001, evenly over a time, so that they do not
        all come back elsewhere at once.

        :param settled: fires when all that was heard until then is kept. Only after that a connection is
            closed, of which nothing is read meanwhile: what has no receipt was not kept, and may be sent
            elsewhere.
        """
        self.is_closing = True
        waiting = list(self.open)
        count, began = len(waiting), self.clock.seconds()
        while waiting:
            left = max(0, ceil(count * (1 - (self.clock.seconds() - began) / seconds)))
            leaving, waiting = waiting[left:], waiting[:left]
            for protocol in leaving:
                protocol.part()
            if leaving:
                await settled()
            for protocol in leaving:
                protocol.close(CloseCode.GOING_AWAY, reason)
            if waiting:
                await deferLater(self.clock, DRAIN_STEP)
            waiting = [protocol for protocol in waiting if protocol in self.open]

    @property
    def connections(self) -> list[Connection]:
        """Those of this node, whichever node their rooms live on, in the order of their coming."""
        there = [protocol.connection for protocol in self.open]
        return sorted((each for each in there if each is not None), key=lambda each: each.number)

    def connections_of(self, user_id: str) -> list[Connection]:
        """A user's connections to this node."""
        return [connection for connection in self.connections if connection.identity.user_id == user_id]

    @property
    def unsent(self) -> int:
        """Bytes that wait for clients to read them, as far as the transports tell."""
        return sum(protocol.outlet.unsent for protocol in self.open)

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
