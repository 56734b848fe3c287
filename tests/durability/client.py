"""A client that loses nothing: it does what docs/durability.rst asks of one, and records all that it sees."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.client import HEARTBEAT
from tests.durability.conversation import Conversation, Frame
from tests.durability.phoenix import Phoenix
from tests.durability.tally import Tally
from tests.house import target

RETRY_SECONDS = 0.05  # after which the client tries again what was refused


class RecoveringClient:
    """Somebody who writes so many messages into a room, or a container, whatever happens.

    :param tally: counts the receipts of all.
    :param drafts: the texts that it writes.
    :param container: its own, if it is a customer; an agent opens each container that it is asked to.
    :param write_to: the container that it writes into, if it is an agent.
    :param window: how many messages may be without a receipt.
    :param eager: whether it sends again at once after connecting, rather than after catching up.
    :param page: how many messages it asks for at once.
    :param away: how many receipts it lets others have before it comes back.
    :param drops: after how many frames it drops its connection.
    """

    def __init__(
        self,
        server: Phoenix,
        tally: Tally,
        user: str,
        room: str,
        drafts: list[str],
        container: str | None = None,
        write_to: str | None = None,
        window: int = 1,
        eager: bool = False,
        page: int = 50,
        away: int = 0,
        drops: Sequence[int] = (),
    ) -> None:
        self._server, self._tally = server, tally
        self.user, self._room = user, room
        self._container, self._write_to = container, write_to
        self._window, self._eager, self._page, self._away = window, eager, page, away
        self._drops = list(drops)
        self.drafts = drafts  # the n-th has the clientMessageId "n"
        self._drafted = 0
        self.unreceipted: dict[str, Frame] = {}
        self._on_the_way: set[str] = set()
        self._sent: Counter[str] = Counter()  # how often
        self.conversations = {container: Conversation(catching_up=True)}
        self.met: set[str] = set()  # who came into its containers
        self.refused = 0
        self.connected = 0
        self.wrong: list[str] = []
        self._may_write = False
        self._leaving = False
        self._answered = 0  # heartbeats
        self._frames = 0
        self._life = 0  # of the server to which it is connected
        self._socket: ClientConnection | None = None
        self._changed = asyncio.Event()
        self._timers: set[asyncio.Task[None]] = set()

    # -- for who plays ------------------------------------------------------------------------------

    @property
    def home(self) -> Conversation:
        """The room, or the own container."""
        return self.conversations[self._container]

    @property
    def is_caught_up(self) -> bool:
        """Whether it has seen all that there is."""
        return self._socket is not None and not any(it.catching_up for it in self.conversations.values())

    async def live(self) -> None:
        """Connect, again and again, until :meth:`leave`."""
        while not self._leaving:
            await self._server.up.wait()
            self._life = self._server.lives
            with suppress(OSError, EOFError, WebSocketException):
                async with await self._connect() as self._socket:
                    await self._attend(self._socket)
            self._socket = None
            if self._away and not self._leaving:
                await self._tally.reach(self._tally.count + self._away, or_all_but=self.user)

    async def write(self) -> None:
        """Begin to write."""
        self._may_write = True
        await self._pump()

    async def ask(self, event: str, **fields: str) -> None:
        """One of M3's events."""
        await self._send({"eventType": event, **fields})

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until what it has seen makes a condition true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def flushed(self) -> None:
        """All that was on the way has been seen: the answer to a heartbeat comes last. No server may end
        meanwhile."""
        self._drops = []
        await self.until(lambda: self._life == self._server.lives and self.is_caught_up)
        answered = self._answered
        assert self._socket is not None
        await self._socket.send(HEARTBEAT)
        await self.until(lambda: self._answered > answered)

    async def leave(self) -> None:
        """Go for good."""
        self._leaving = True
        if self._socket is not None:
            await self._socket.close()

    def __repr__(self) -> str:
        seen = {key: len(it.seen) for key, it in self.conversations.items()}
        wrong = self.wrong + [each for it in self.conversations.values() for each in it.wrong]
        return f"<{self.user} seen={seen} unreceipted={[*self.unreceipted]} wrong={wrong}>"

    # -- a connection -------------------------------------------------------------------------------

    async def _connect(self) -> ClientConnection:
        parameters = {"userId": self.user, "name": self.user.capitalize(), "roomName": self._room}
        if self._container is not None:
            parameters |= {"containerId": self._container, "targetId": "order-1"}
        parameters["after"] = self.home.last
        tcp = socket.socket()  # of our own: no proxy is asked, whatever the environment says
        tcp.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(tcp, ("127.0.0.1", self._server.port))
            url = f"ws://127.0.0.1:{self._server.port}{target(**parameters)}"
            return await connect(url, sock=tcp, compression=None, ping_interval=None, max_size=None)
        except BaseException:
            tcp.close()
            raise

    async def _attend(self, connection: ClientConnection) -> None:
        self.connected += 1
        self._on_the_way.clear()
        is_new = True
        for key, conversation in self.conversations.items():
            conversation.begin()
            if key != self._container:
                await self._ask_page(key)
        await self._pump()
        async for text in connection:
            if text == HEARTBEAT:
                self._answered += 1
            else:
                frame = json.loads(text)
                if is_new:
                    is_new = self._begins_well(frame)
                await self._take(frame)
            await self._pump()
            self._changed.set()
            self._frames += 1
            if self._drops and self._frames >= self._drops[0]:
                self._drops.pop(0)
                self._socket = None
                connection.transport.abort()  # without a word
        raise EOFError

    def _begins_well(self, frame: Frame) -> bool:
        """Before the page that the URL asked for come none but the own ``in`` (R1). :returns: whether it is
        still to come."""
        if frame["messageType"] == "notice":
            if (frame["action"], frame["userId"]) != ("in", self.user):
                self.wrong.append(f"before its first page it heard {frame}")
            return True
        where = (frame["messageType"], frame.get("containerId"))
        refused = (frame["messageType"], frame.get("eventType")) == ("error", "history")
        if where != ("history", self._container) and not refused:
            self.wrong.append(f"instead of its first page it heard {frame}")
        return False

    async def _take(self, frame: Frame) -> None:
        match frame["messageType"] if "messageType" in frame else frame["eventType"]:
            case "notice":
                if frame["action"] == "in" and "containerId" in frame:
                    self.met.add(frame["userId"])
            case "error":
                self._take_refusal(frame)
            case "history":
                await self._take_page(frame)
            case "createContainer" if frame["createUser"] != self.user:
                self.conversations[frame["containerId"]] = Conversation(catching_up=False)
                self._hear(frame)
                await self.ask("addContainer", containerId=frame["containerId"])
            case _:
                self._hear(frame)

    def _hear(self, message: Frame) -> None:
        is_receipt = self._receipt(message)
        self.conversations[message.get("containerId")].hear(message, is_receipt)

    def _receipt(self, message: Frame) -> bool:
        """Whether a message is a receipt (M5)."""
        if message["createUser"] != self.user or "clientMessageId" not in message:
            return False
        if self.unreceipted.pop(message["clientMessageId"], None) is not None:
            self._tally.add(self.user)
        return True

    async def _take_page(self, page: Frame) -> None:
        key = page.get("containerId")
        for message in page["messages"]:
            self._receipt(message)
        self.conversations[key].read(page)
        if page["more"]:
            await self._ask_page(key)

    async def _ask_page(self, key: str | None) -> None:
        where = {} if key is None else {"containerId": key}
        after = self.conversations[key].last
        page = {"eventType": "history", "after": after, "limit": self._page, "clientMessageId": f"page{key}"}
        await self._send(page | where)

    # -- what was refused ---------------------------------------------------------------------------

    def _take_refusal(self, error: Frame) -> None:
        id = error.get("clientMessageId", "")
        if error["code"] != "storage_unavailable":
            self.wrong.append(f"was told {error}")
        elif error["eventType"] == "history":
            key = next((key for key in self.conversations if id == f"page{key}"), self._container)
            self._later(lambda: self._ask_page(key))
        else:
            if id not in self.unreceipted and self._sent[id] < 2:  # what is sent again may be refused
                self.wrong.append(f"refused, though there was a receipt: {error}")
            self.refused += 1
            self._later(lambda: self._send_again(id))

    async def _send_again(self, id: str) -> None:
        self._on_the_way.discard(id)
        await self._pump()

    def _later(self, again: Callable[[], Awaitable[None]]) -> None:
        """Try something again after a while, unless the connection is another one then."""
        connection = self._socket

        async def wait() -> None:
            await asyncio.sleep(RETRY_SECONDS)
            if connection is self._socket:
                await again()

        timer = asyncio.create_task(wait())
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)

    # -- to the server ------------------------------------------------------------------------------

    async def _pump(self) -> None:
        """Send what has no receipt and is not on the way, and what the window has room for."""
        if not self._may_write:
            return
        if not self._eager and not self.is_caught_up:
            return
        while len(self.unreceipted) < self._window and self._drafted < len(self.drafts):
            id, content = str(self._drafted), self.drafts[self._drafted]
            self._drafted += 1
            frame = {"messageType": "text", "messageContent": content, "clientMessageId": id}
            self.unreceipted[id] = frame | ({"containerId": self._write_to} if self._write_to else {})
        for id, frame in list(self.unreceipted.items()):
            if id in self.unreceipted and id not in self._on_the_way:
                self._on_the_way.add(id)
                self._sent[id] += 1
                await self._send(frame)

    async def _send(self, frame: Frame) -> None:
        """Send a frame; if the connection is gone, whoever reads from it will see to that."""
        with suppress(OSError, WebSocketException):
            if self._socket is not None:
                await self._socket.send(json.dumps(frame, ensure_ascii=False))
