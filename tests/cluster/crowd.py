"""People for the faults: members who lose nothing, and guests who come to one node and never come back."""

import asyncio
import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.client import HEARTBEAT
from tests.cluster.attendance import Attendance
from tests.durability.client import RecoveringClient
from tests.durability.conversation import Frame
from tests.durability.tally import Tally
from tests.house import target

COMING_SECONDS = 10  # that somebody waits for the own in


class Chronicle:
    """Everything that happens in a round, with its time in seconds since the beginning."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self.lines: list[str] = []

    @property
    def now(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begun

    def note(self, who: str, what: str) -> None:
        """Something happens to somebody."""
        self.lines.append(f"{self.now:8.3f} {who:>12} {what}")

    def hear(self, who: str, frame: Frame) -> None:
        """Somebody hears a frame."""
        keys = ("messageType", "eventType", "action", "code", "userId", "count", "createUser", "containerId")
        more = ("messageId", "clientMessageId", "messageContent", "more")
        shown = {key: frame[key] for key in keys + more if key in frame}
        if "messages" in frame:
            shown["messages"] = [message["messageId"] for message in frame["messages"]]
        if frame.get("messageType") == "notice":
            del shown["messageContent"]
        self.note(who, f"< {json.dumps(shown, ensure_ascii=False)}")


class Door:
    """Where a member comes in: at first at a node that is chosen for it, later wherever the balancer likes.

    It stands where :class:`RecoveringClient` expects a server that may be down.
    """

    lives = 0

    def __init__(self, first: int, balancer: int, chance: Random) -> None:
        self._ports = [first]
        self._balancer = balancer
        self._chance = chance
        self.up = self

    async def wait(self) -> None:
        """Some time, so that not all come back at once."""
        if not self._ports:
            await asyncio.sleep(self._chance.uniform(0.02, 0.6))

    @property
    def port(self) -> int:
        """For one connection."""
        return self._ports[0] if self._ports else self._balancer

    def passed(self) -> None:
        """Who comes again comes by the balancer."""
        self._ports = []


class Member(RecoveringClient):
    """A member of a room who is there from the beginning to the end, and writes now and then."""

    def __init__(
        self,
        door: Door,
        chronicle: Chronicle,
        chance: Random,
        node: int,
        user: str,
        room: str,
        **options: Any,
    ) -> None:
        options |= {"window": chance.choice([1, 2, 4]), "page": chance.choice([5, 20, 50])}
        options |= {"eager": chance.random() < 0.5}
        # No quotas: nobody waits for a number of receipts here.
        super().__init__(door, Tally({}), user, room, [], **options)  # type: ignore[arg-type]
        self._door, self._chronicle, self._chance = door, chronicle, chance
        self.node = node  # to which it comes at first
        self.room = room
        self.attendances: list[Attendance] = []  # one for each connection
        self.is_customer = self._container is not None

    @property
    def is_done(self) -> bool:
        """Whether there is a receipt for all that it wrote."""
        return self._drafted == len(self.drafts) and not self.unreceipted

    @property
    def is_connected(self) -> bool:
        """Whether it is at this moment."""
        return self._socket is not None

    async def talk(self, is_over: Callable[[], bool]) -> None:
        """Write one thing after the other until it is over."""
        await self.write()
        while not is_over():
            self.drafts.append(f"{self.user} {len(self.drafts)}")
            await self._pump()
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _attend(self, connection: ClientConnection) -> None:
        self._door.passed()
        self.attendances.append(Attendance(self.user, self._container))
        self._chronicle.note(self.user, "connects")
        try:
            await super()._attend(connection)
        finally:
            how = f"{connection.close_code} {connection.close_reason}"
            self._chronicle.note(self.user, f"is no longer connected: {how}")

    def _begins_well(self, frame: Frame) -> bool:
        code = frame.get("code")
        if code == "storage_unavailable" and "eventType" not in frame:  # and the connection is closed
            self._chronicle.note(self.user, "was turned away")
            raise EOFError
        return super()._begins_well(frame)

    async def _take(self, frame: Frame) -> None:
        self._chronicle.hear(self.user, frame)
        if frame.get("roomName", self.room) != self.room:
            self.wrong.append(f"heard of another room: {frame}")
        if frame.get("messageType") == "notice":
            self.attendances[-1].hear(frame, self._chronicle.now)
        await super()._take(frame)

    def _hear(self, message: Frame) -> None:
        if message.get("containerId") in self.conversations:
            super()._hear(message)
        else:
            self.wrong.append(f"heard of another's conversation: {message}")

    async def _send(self, frame: Frame) -> None:
        self._chronicle.note(self.user, f"> {json.dumps(frame, ensure_ascii=False)}")
        await super()._send(frame)


class Guest:
    """Somebody who comes to a room once, at one node, and never again. It says nothing, and notes all."""

    def __init__(self, chronicle: Chronicle, port: int, node: int, user: str, room: str) -> None:
        self._chronicle, self._port = chronicle, port
        self.node, self.user, self.room = node, user, room
        self.attendance = Attendance(user)
        self.heard: list[str] = []  # messageIds
        self.wrong: list[str] = []
        self.came_at: float | None = None  # when it heard its own in
        self.went_at: float | None = None
        self.was_lost = False  # rather than gone by itself
        self._changed = asyncio.Event()

    async def stay(self, over: Callable[[], Any], abruptly: bool = False) -> None:
        """Come, and stay until it is over, or the connection."""
        try:
            async with asyncio.timeout(COMING_SECONDS):
                connection = await self._connect()
        except (OSError, WebSocketException):
            self._chronicle.note(self.user, "could not come")
            return
        reading = asyncio.create_task(self._read(connection))
        waiting = asyncio.create_task(over())
        await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        self.was_lost = reading.done()
        waiting.cancel()
        if abruptly:
            connection.transport.abort()
        await connection.close()
        await reading
        self.went_at = self._chronicle.now
        self._chronicle.note(self.user, "was lost" if self.was_lost else "went")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until what it has heard makes a condition true."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def _connect(self) -> ClientConnection:
        tcp = socket.socket()  # of our own: no proxy is asked, whatever the environment says
        tcp.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(tcp, ("127.0.0.1", self._port))
            uri = target(userId=self.user, name=self.user.capitalize(), roomName=self.room)
            url = f"ws://127.0.0.1:{self._port}{uri}"
            return await connect(url, sock=tcp, compression=None, ping_interval=None, close_timeout=1)
        except BaseException:
            tcp.close()
            raise

    async def _read(self, connection: ClientConnection) -> None:
        with suppress(OSError, WebSocketException):
            async for text in connection:
                if text != HEARTBEAT:
                    self._hear(json.loads(text))
                self._changed.set()

    def _hear(self, frame: Frame) -> None:
        self._chronicle.hear(self.user, frame)
        if frame.get("roomName", self.room) != self.room or "containerId" in frame:
            self.wrong.append(f"heard of somewhere else: {frame}")
        kind = frame.get("messageType")
        if kind == "notice":
            self.attendance.hear(frame, self._chronicle.now)
            if self.came_at is None:
                self.came_at = self._chronicle.now
        elif kind != "error":
            self.heard.append(frame["messageId"])
        elif frame["code"] != "storage_unavailable":
            self.wrong.append(f"was told {frame}")
