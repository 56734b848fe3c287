"""What can be named at the manhole's prompt.

Each entry runs within one turn of the reactor. Where there may be thousands of rooms or users, what is not
shown is counted or compared at most, and never formatted.
"""

import inspect
import os
import resource
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from heapq import nlargest
from itertools import islice
from statistics import median
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from chatd import __version__
from chatd.container import Container
from chatd.errors import CloseCode
from chatd.factory import ChatFactory
from chatd.manhole.sampling import Sampler
from chatd.manhole.tables import LINES, Line, Table, and_more, counted, shown
from chatd.manhole.trace import Traces
from chatd.manhole.voice import Voice
from chatd.model import Identity, checked_id, checked_name
from chatd.outbox import Outbox
from chatd.protocol import ChatProtocol
from chatd.registry import Registry
from chatd.room import Connection, Room
from chatd.stamp import Stamp

TICK = 0.01  # seconds between two looks at how late the event loop is


class Namespace:
    """The entries; each public method is one, its docstring's first line what ``help`` says of it."""

    def __init__(
        self, clock: IReactorTime, registry: Registry, factory: ChatFactory, outbox: Outbox, stamp: Stamp
    ) -> None:
        self._clock = clock
        self._registry = registry
        self._factory = factory
        self._outbox = outbox
        self._begun = clock.seconds()
        self._voice = Voice(outbox, stamp)
        self._sampler = Sampler(clock)
        self._traces = Traces(clock, factory)

    def entries(self) -> dict[str, Any]:
        """The names, and what they name."""
        methods = inspect.getmembers(self, inspect.ismethod)
        named = {name: method for name, method in methods if not name.startswith("_") and name != "entries"}
        entries = {"registry": self._registry, **named}
        return {**entries, "help": Help(entries)}

    # -- who is where -------------------------------------------------------------------------------

    def rooms(self, pattern: str = "*", limit: int = LINES) -> Table:
        """The largest rooms, of those whose names match a pattern."""
        every = self._registry.rooms.values()
        found = [room for room in every if fnmatchcase(room.name, pattern)] if pattern != "*" else every
        rows = [
            (room.name, room.online, len(room.audience), len(room.containers))
            for room in nlargest(limit, found, key=lambda room: room.online)
        ]
        head = ("room", "online", "room-scoped", "containers")
        return Table(head, rows, more=and_more(len(found), len(rows), "room"))

    def room(self, name: str, limit: int = LINES) -> Table:
        """Who is in a room."""
        room = self._room(name)
        rows = [
            (user, mine[0].identity.name, len(mine), "yes" if user in room.containers else "")
            for user, mine in islice(room.users.items(), limit)
        ]
        title = f"{shown(name)}: {room.online:,} online, {counted(len(room.containers), 'container')}"
        head = ("user", "name", "connections", "has a container")
        return Table(head, rows, title, and_more(room.online, len(rows), "user"))

    def who(self, user: str, limit: int = LINES) -> Table:
        """The connections of a user, in all rooms."""
        mine = self._connections(user)
        head = ("room", "name", "container", "agent role", "address", "unsent bytes")
        rows = [
            (
                one.identity.room,
                one.identity.name,
                one.identity.container_id or "",
                "yes" if one.rights.is_agent else "",
                one.channel.peer,
                one.channel.unsent,
            )
            for one in mine[:limit]
        ]
        return Table(head, rows, more=and_more(len(mine), len(rows), "connection"))

    def containers(self, room: str | None = None, limit: int = LINES) -> Table:
        """Customers' conversations, of one room or of all."""
        rooms: Iterable[Room] = self._registry.rooms.values() if room is None else [self._room(room)]
        total = sum(len(one.containers) for one in rooms)
        rows = [_described(*found) for found in islice(_containers(rooms), limit)]
        head = ("room", "container", "state", "asked for", "agents", "online", "since")
        return Table(head, rows, more=and_more(total, len(rows), "container"))

    # -- how it does --------------------------------------------------------------------------------

    def stats(self) -> Table:
        """Counts, times and memory."""
        rooms = self._registry.rooms.values()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        rows = [
            ("version", __version__),
            ("uptime", _duration(self._clock.seconds() - self._begun)),
            ("connections", self._registry.connections),
            ("  and on their way in or out", len(self._factory.open) - self._registry.connections),
            ("users online", len(set().union(*(room.users for room in rooms)))),
            ("rooms", len(rooms)),
            ("containers", sum(len(room.containers) for room in rooms)),
            ("waiting for the store", self._outbox.waiting),
            ("the store fails", self._outbox.failing or "no"),
            ("memory", f"{_resident() / 2**20:.1f} MiB"),
            ("memory, at most", f"{usage.ru_maxrss / 2**10:.1f} MiB"),
            ("CPU time", f"{usage.ru_utime + usage.ru_stime:.1f} s"),
        ]
        return Table(("", ""), rows)

    async def lag(self, seconds: float = 1.0) -> Line:
        """How late the event loop comes to its timers, watched for some seconds."""
        late = []
        for _ in range(max(1, int(seconds / TICK))):
            due = self._clock.seconds() + TICK
            await deferLater(self._clock, TICK)
            late.append((self._clock.seconds() - due) * 1000)
        return Line(f"{median(late):.1f} ms late (median), {max(late):.1f} ms at most, of {len(late)} timers")

    def slow(self, limit: int = LINES) -> Table:
        """The connections with the most unsent bytes."""
        slow = [(unsent, one) for one in self._factory.open if (unsent := one.unsent)]
        rows = [(unsent, *_whose(one)) for unsent, one in nlargest(limit, slow, key=lambda pair: pair[0])]
        head = ("unsent bytes", "user", "room", "address")
        return Table(head, rows, more=and_more(len(slow), len(rows), "connection"))

    async def profile(self, seconds: float = 5.0) -> Table:
        """Where the event loop's thread spends its CPU time, for some seconds."""
        return await self._sampler.profile(seconds)

    # -- what can be done ---------------------------------------------------------------------------

    def kick(self, user: str, reason: str = "closed by the operator") -> Line:
        """Close all connections of a user with 1008."""
        mine = self._connections(user)
        for connection in mine:
            connection.channel.close(CloseCode.ABUSIVE, reason)
        return Line(f"closed: {counted(len(mine), 'connection')} of {user!r}")

    async def say(
        self,
        room: str,
        text: str,
        container: str | None = None,
        user: str = "operator",
        name: str = "Operator",
    ) -> Line:
        """Say a text in a room, or in a container of it."""
        found = self._room(room)
        if container is not None and container not in found.containers:
            raise LookupError(f"there is no container {container!r} in {room!r}")
        if not isinstance(text, str) or not text:
            raise ValueError("text: must not be empty")
        identity = Identity(checked_id(user), checked_name(name), "", room)
        message_id = await self._voice.say(found, identity, text, container)
        return Line(f"said as {message_id}")

    def trace(self, user: str, seconds: float = 60.0) -> Line:
        """Log the kinds of a user's frames, in and out, for some seconds; 0: no longer."""
        return self._traces.start(user, seconds, self._of(user))

    # -- what all of them need ----------------------------------------------------------------------

    def _room(self, name: str) -> Room:
        room = self._registry.rooms.get(name)
        if room is None:
            raise LookupError(f"there is no room {name!r}")
        return room

    def _of(self, user: str) -> list[Connection]:
        return [one for room in self._registry.rooms.values() for one in room.users.get(user, ())]

    def _connections(self, user: str) -> list[Connection]:
        connections = self._of(user)
        if not connections:
            raise LookupError(f"nobody is connected as {user!r}")
        return connections


class Help:
    """One line for each name."""

    def __init__(self, entries: dict[str, Any]) -> None:
        self._entries = entries

    def __repr__(self) -> str:
        lines = [(_usage(*named), _purpose(named[1])) for named in self._entries.items()]
        return "\n".join(f"{usage:<40}  {purpose}" for usage, purpose in lines)

    def __call__(self, *_: object) -> "Help":
        return self


def _usage(name: str, entry: Any) -> str:
    if not inspect.ismethod(entry):
        return name
    given = inspect.signature(entry).parameters.values()
    return f"{name}({', '.join(str(one.replace(annotation=one.empty)) for one in given)})"


def _purpose(entry: Any) -> str:
    if not inspect.ismethod(entry):
        return "What all of these look at."
    return (inspect.getdoc(entry) or "").partition("\n")[0]


def _whose(protocol: ChatProtocol) -> tuple[str, str, str | None]:
    """User, room and address of a connection that may be on its way in or out."""
    if protocol.connection is None:
        return "", "", protocol.peer
    identity = protocol.connection.identity
    return identity.user_id, identity.room, protocol.peer


def _containers(rooms: Iterable[Room]) -> Iterator[tuple[Room, Container]]:
    return ((room, container) for room in rooms for container in room.containers.values())


def _described(room: Room, container: Container) -> tuple[object, ...]:
    return (
        room.name,
        container.id,
        "open" if container.is_open else "asked",
        container.accept_id if container.is_waiting else "",
        " ".join(container.agents),
        room.members_online(container),
        datetime.fromtimestamp(int(container.since, 16) / 1e6).isoformat(" ", "seconds"),
    )


def _duration(seconds: float) -> str:
    days, rest = divmod(int(seconds), 86_400)
    return f"{days} d {time.strftime('%H:%M:%S', time.gmtime(rest))}"


def _resident() -> int:
    """The memory that the process has now, in bytes; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
