"""A node at the edge of a room that lives here: its connections, and what is to be told to them."""

from collections.abc import Callable, Sequence, Set
from typing import NamedTuple

from zope.interface import implementer

from chatd.cluster import wire
from chatd.cluster.people import People
from chatd.errors import CloseCode, RequestError
from chatd.interfaces import IChannel
from chatd.logs import Log
from chatd.model import Identity, Rights
from chatd.room import Connection, Room

log = Log()


@implementer(IChannel)
class FarChannel:
    """The way to a client through another node."""

    unsent = 0

    def __init__(self, edge: "Edge", number: int) -> None:
        self._edge = edge
        self._number = number
        self.peer = f"at {edge.node}"

    def send(self, frames: bytes) -> None:
        """See :meth:`chatd.interfaces.IChannel.send`."""
        self._edge.tell(self._number, frames)

    write = send

    def close(self, code: CloseCode, reason: str) -> None:
        """See :meth:`chatd.interfaces.IChannel.close`."""
        self._edge.parcel.closed.append((self._number, int(code), reason))
        self._edge.touched()

    def ping(self) -> None:
        """Its own node does that (H2)."""

    def expire(self) -> None:
        """Likewise."""

    def abort(self) -> None:
        """Likewise."""


class FarConnection(Connection):
    """A connection of a room that lives here, on another node."""

    __slots__ = ("_edge", "_identity", "since")

    def __init__(self, edge: "Edge", number: int, identity: Identity, rights: Rights) -> None:
        self._edge: Edge | None = None
        super().__init__(identity, FarChannel(edge, number), rights)
        self._edge = edge
        self.since = ""
        """The highest messageId when it came."""
        self.node = edge.node
        self.number = number

    @property
    def identity(self) -> Identity:
        """What it came with, or what it is called by now."""
        return self._identity

    @identity.setter
    def identity(self, identity: Identity) -> None:
        self._identity = identity
        if self._edge is not None:
            self._edge.parcel.names[self.number] = _names(identity)
            self._edge.touched()

    def listen(self, room: Room) -> None:
        """Its node knows who hears the room there."""
        if self._edge is not None:
            self._edge.attached(self)


class Former(NamedTuple):
    """What was done for a node until it was given up, should it be there after all."""

    stream: int
    next: int
    refused: Set[int]

    def has_done(self, stream: int, number: int) -> bool:
        """Whether a request was done. One that was refused may be done now."""
        return stream == self.stream and number < self.next and number not in self.refused


class Edge:
    """A node, as the owner of a room sees it.

    :param touched: called with its name when there is something to be told there.
    """

    def __init__(self, node: str, touched: Callable[[str], None]) -> None:
        self.node = node
        self._touched = touched
        self.guests: dict[int, FarConnection] = {}
        self.next = 0
        """The number of the request that is to come next."""
        self.parcel = wire.Parcel()
        self._letters: dict[int, list[bytes]] = {}
        self._held: dict[int, list[bytes]] = {}  # of publications that did not count for it yet
        self.listeners: set[int] = set()
        self.is_dirty = False
        self.stream = self.attempt = 0
        self.refusals: dict[int, wire.Wrong] = {}
        """Of requests of which the node may not have heard."""
        self.since: int | None = None
        """The number of the publication from which on it has heard everything; None: of one to come."""
        self._is_beginning = True

    @property
    def has_news(self) -> bool:
        """Whether there is something to be told to a node that listens: one that begins anew is told all at
        once when it does."""
        return self.is_dirty and (self.since is not None or self.parcel.synced > 0)

    @property
    def is_over(self) -> bool:
        """Whether the node has nobody in the room any more, and knows that this is known."""
        idle = not self.guests and not self.is_dirty
        return idle and not self._is_beginning and self.parcel.heard == self.next

    def touched(self) -> None:
        """There is something to be told."""
        self.is_dirty = True
        self._touched(self.node)

    def synced(self, attempt: int, people: Callable[[], People]) -> None:
        """From here on publications count for the node, which is told who is online; unless it has begun once
        more since."""
        if attempt != self.attempt:
            return
        self.parcel.synced = attempt
        self.parcel.people = people()
        self.touched()

    @property
    def former(self) -> Former:
        """What is to be remembered of the node when it is taken for gone."""
        return Former(self.stream, self.next, frozenset(self.refusals))

    def end(self) -> None:
        """The node is taken for gone. If it is not, it will know what it has heard up to here."""
        self.parcel.ended = True
        self.touched()

    def begin(self, sync: wire.Sync) -> None:
        """Forget what has not been told, but for what is not told again: the node begins anew, and hears
        nothing until its connections are attached again."""
        for guest in self.guests.values():
            guest.attached = False
        self.listeners.clear()
        if sync.stream != self.stream:
            self.stream, self.next, self.refusals = sync.stream, sync.first, {}
        self.next = max(self.next, sync.first)  # it has heard of those before, from when it was given up
        self.attempt = sync.attempt
        self._letters, self._held = {}, {}
        self.refusals = {number: each for number, each in self.refusals.items() if number >= sync.first}
        wrong, closed = list(self.refusals.values()), self.parcel.closed
        self.parcel = wire.Parcel(heard=self.next, wrong=wrong, closed=closed)
        self.tell_names(sync.guests)
        self.since = None
        self._is_beginning = True

    def tell_names(self, guests: Sequence[wire.Guest]) -> None:
        """What connections are called by now, if their node knows another name."""
        for guest in guests:
            mine = self.guests.get(guest.number)
            if mine is not None and _names(mine.identity) != _names(guest.identity):
                self.parcel.names[guest.number] = _names(mine.identity)

    def heard(self, number: int) -> None:
        """The requests before this number have been done, and what came of them has been told."""
        self.parcel.heard = number
        self._is_beginning = False
        self.touched()

    def tell(self, number: int, frames: bytes) -> None:
        """What one connection hears in this turn."""
        self._letters.setdefault(number, []).append(frames)
        self.touched()

    def attached(self, connection: FarConnection) -> None:
        """A connection hears the room from now on."""
        if connection.is_room_scoped:
            self.listeners.add(connection.number)
        self.parcel.attached.append(connection.number)
        self.touched()

    def enter(self, number: int, identity: Identity, rights: Rights) -> FarConnection:
        """A connection of the node, in this room."""
        guest = self.guests[number] = FarConnection(self, number, identity, rights)
        return guest

    def leave(self, number: int) -> FarConnection | None:
        """It is gone."""
        self.listeners.discard(number)
        return self.guests.pop(number, None)

    def new(self, first: int, requests: Sequence[wire.Request]) -> Sequence[wire.Request] | None:
        """Those of some requests that have not been here before; None if some are missing before them."""
        if first > self.next:
            return None
        return requests[self.next - first :]

    def forget_refusals(self, heard: int) -> None:
        """The node has heard of all requests before this number."""
        while self.refusals and (oldest := next(iter(self.refusals))) < heard:
            del self.refusals[oldest]

    def refuse(self, number: int, error: RequestError) -> None:
        """A request may not be done."""
        wrong = self.refusals[number] = wire.Wrong(number, error.code, error.sentence)
        self.parcel.wrong.append(wrong)
        self.touched()

    def hold(self, feed: bytes) -> None:
        """Keep what a publication has for the node, for which none counts before the answer to its Sync: that
        has all at once."""
        for number in self.listeners - self._letters.keys():
            self._held.setdefault(number, []).append(feed)
        for number, frames in self._letters.items():
            self._held.setdefault(number, []).extend(frames)
        self._letters = {}

    def take_parcel(self) -> wire.Parcel:
        """All that there is to be told, once."""
        parcel, self.parcel = self.parcel, wire.Parcel(heard=self.parcel.heard)
        letters = self._held or self._letters
        parcel.letters = {number: b"".join(frames) for number, frames in letters.items()}
        self._letters, self._held = {}, {}
        return parcel


def _names(identity: Identity) -> tuple[str, str]:
    return identity.name, identity.icon
