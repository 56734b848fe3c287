"""A trace of a user: of which kinds the frames are that go in and out, and never what is in them.

While there is none, nothing is in the frames' way: it stands in front of a connection's own methods, and
steps aside when it ends.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, cast

import msgspec
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from chatd.errors import ErrorCode
from chatd.factory import ChatFactory
from chatd.manhole.tables import Line, counted
from chatd.outlet import Outlet
from chatd.protocol import ChatProtocol
from chatd.room import Connection
from chatd.wire import commands
from chatd.wire.frames import HEARTBEAT

log = Logger()  # not a Log: who asks for a trace wants to see it, whatever the log's level

LINES = 1000
"""After so many lines a trace ends, whatever its time."""

_CONTROL = {8: "close", 9: "ping", 10: "pong"}
_EVENTS = frozenset(
    value for name, value in vars(commands).items() if name.isupper() and isinstance(value, str)
)
_KNOWN = frozenset({*_EVENTS, *ErrorCode, "text", "picture", "video", "voice", "event"}) | frozenset(
    {"notice", "error", "history", "in", "out", "outAll"}
)


class _Kind(msgspec.Struct, rename="camel"):
    event_type: Any = None
    message_type: Any = None
    action: Any = None
    code: Any = None


_decode = msgspec.json.Decoder(_Kind).decode


def kind(payload: bytes) -> str:
    """Of which kind a text frame is, in words of the protocol alone."""
    if payload == HEARTBEAT:
        return "heartbeat"
    try:
        found = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "no JSON object"
    words = [found.event_type, found.message_type, found.action, found.code]
    said = [
        word if isinstance(word, str) and word in _KNOWN else "unknown" for word in words if word is not None
    ]
    return " ".join(said) or "unknown"


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of the frames that a server writes, which are whole and unmasked."""
    at = 0
    while at < len(data):
        opcode, length = data[at] & 0x0F, data[at + 1]
        start = at + {126: 4, 127: 10}.get(length, 2)
        if length >= 126:
            length = int.from_bytes(data[at + 2 : start])
        at = start + length
        yield opcode, data[start:at]


def kinds(data: bytes) -> str:
    """Of which kinds the frames are that a server writes."""
    counts = Counter(_of_server(*frame) for frame in frames(data))
    return ", ".join(word if count == 1 else f"{count} {word}" for word, count in counts.items())


def _of_server(opcode: int, payload: bytes) -> str:
    if opcode == 8:
        return f"close {int.from_bytes(payload[:2])}"
    return kind(payload) if opcode == 1 else _CONTROL.get(opcode, "unknown")


class _Tap:
    """Stands in front of one connection.

    :param trace: is told of what passes.
    """

    def __init__(self, protocol: ChatProtocol, trace: "Trace") -> None:
        self._protocol = protocol
        self._trace = trace
        self._outlet = protocol.outlet
        protocol.outlet = cast(Outlet, _TappedOutlet(self._outlet, self))
        for name, word in (("onMessage", ""), ("onPing", "ping"), ("onPong", "pong")):
            vars(protocol)[name] = self._in_front_of(getattr(protocol, name), word)
        self._reroute()

    def remove(self) -> None:
        """Step aside."""
        self._protocol.outlet = self._outlet
        for name in ("onMessage", "onPing", "onPong"):
            del vars(self._protocol)[name]
        self._reroute()

    def said(self, way: str, what: str, size: int) -> None:
        """Something has passed."""
        self._trace.said(self._protocol.peer, way, what, size)

    def _in_front_of(self, method: Any, word: str) -> Any:
        def heard(payload: bytes, *more: Any) -> None:
            self.said("in", word or kind(payload), len(payload))
            method(payload, *more)

        return heard

    def _reroute(self) -> None:
        """The room writes past the connection: see :attr:`chatd.room.Room.audience`."""
        connection = self._protocol.connection
        if connection is not None and connection.room is not None and connection in connection.room.audience:
            connection.room.audience[connection] = self._protocol.write


class _TappedOutlet:
    """An outlet that tells of what is written to it."""

    def __init__(self, outlet: Outlet, tap: _Tap) -> None:
        self._outlet = outlet
        self._tap = tap

    def write(self, data: bytes) -> None:
        """See :meth:`chatd.outlet.Outlet.write`."""
        if data:
            self._tap.said("out", kinds(data), len(data))
        self._outlet.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outlet, name)


class Trace:
    """The trace of one user, from its making to its end."""

    def __init__(self, user: str, factory: ChatFactory) -> None:
        self._user = user
        self._factory = factory
        self._taps: list[_Tap] = []
        self._lines = 0
        self.timer: IDelayedCall | None = None
        """Ends it."""
        factory.watched[user] = self.add

    def add(self, protocol: ChatProtocol) -> None:
        """Trace a connection too."""
        self._taps.append(_Tap(protocol, self))

    def said(self, peer: str | None, way: str, what: str, size: int) -> None:
        """Something has passed."""
        log.info(
            "trace of {user!r}, {peer}, {way}: {what} ({size} bytes)",
            user=self._user,
            peer=peer,
            way=way,
            what=what,
            size=size,
        )
        self._lines += 1
        if self._lines == LINES and self.timer is not None:
            self.timer.reset(0)

    def end(self) -> None:
        """Step aside."""
        del self._factory.watched[self._user]
        for tap in self._taps:
            tap.remove()
        log.info("trace of {user!r}: it ends after {lines} lines", user=self._user, lines=self._lines)


class Traces:
    """The traces there are."""

    def __init__(self, clock: IReactorTime, factory: ChatFactory) -> None:
        self._clock = clock
        self._factory = factory
        self._traces: dict[str, Trace] = {}

    def start(self, user: str, seconds: float, connections: list[Connection]) -> Line:
        """Trace a user for some seconds from now; none or less: no longer.

        :param connections: those that it has.
        """
        if user in self._traces:
            self._end(user)
        if seconds <= 0:
            return Line(f"{user!r} is not traced")
        trace = self._traces[user] = Trace(user, self._factory)
        for connection in connections:
            trace.add(cast(ChatProtocol, connection.channel))
        trace.timer = self._clock.callLater(seconds, self._end, user)
        now = counted(len(connections), "connection")
        return Line(f"For {seconds:g} s the log tells of each frame of {user!r}: {now} now")

    def _end(self, user: str) -> None:
        trace = self._traces.pop(user)
        if trace.timer is not None and trace.timer.active():
            trace.timer.cancel()
        trace.end()
