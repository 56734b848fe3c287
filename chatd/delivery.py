"""What travels the road to the sockets, and the fan-out at its end.

A turn of the reactor yields a list of items. Each is told to its audience in the order of the list,
and every connection gets one write with all that the turn holds for it.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from chatd.counts import DeliveryCounts
from chatd.logs import Log
from chatd.model import Audience, Error, Event, Message, ToRoom
from chatd.room import Connection, Room
from chatd.wire.events import receipt
from chatd.wire.frames import text_frame

log = Log()


class Delivery(msgspec.Struct, frozen=True):
    """An event for an audience.

    ``origin`` is the connection that caused it, if it is on this node: it hears the event whether or not
    it is in the audience, and of its own message it gets the copy with the clientMessageId (M1, M5).
    Without an audience, ``origin`` alone is told. ``told``: it has been told before, and does not hear it.
    """

    audience: Audience | None
    event: Event
    origin: Connection | None = None
    told: bool = False


class Attach(msgspec.Struct, frozen=True):
    """The point on the road from which a connection hears a room: not a message before its own ``in``."""

    connection: Connection
    room: str


class Mark(msgspec.Struct, frozen=True):
    """A point on the road: ``note`` is called there. What is before it in its turn has been written and
    published by then if ``told``; otherwise that is done with all else that the turn holds, at its end."""

    note: Callable[[], None]
    told: bool = False


Item = Delivery | Attach | Mark


class _Letter:
    """What one connection hears in a turn when that is not just what its whole room hears."""

    __slots__ = ("feed", "frames", "read")

    def __init__(self, feed: list[bytes] | None) -> None:
        self.frames: list[bytes] = []
        self.feed = feed
        self.read = 0

    def catch_up(self) -> None:
        """Take over what the room has heard since the last look."""
        if self.feed is not None:
            self.frames.extend(self.feed[self.read :])
            self.read = len(self.feed)


class FanOut:
    """One turn's deliveries on their way to the connections of this node.

    ``feeds`` holds what each whole room hears, as frames in order. Only who hears more or less than that
    has a letter, so a plain room message costs each member one write and nothing else.

    :param counts: are counted on.
    """

    def __init__(
        self, rooms: Mapping[str, Room], encode: Callable[[Event], bytes], counts: DeliveryCounts
    ) -> None:
        self._rooms = rooms
        self._encode = encode
        self._counts = counts
        self._feeds: dict[Room, list[bytes]] = {}
        self._letters: dict[Connection, _Letter] = {}

    def deliver(self, items: Sequence[Item]) -> None:
        """Tell every item, then write once to each connection."""
        for item in items:
            try:
                if isinstance(item, Delivery):
                    self._tell(item)
                elif isinstance(item, Attach):
                    self._attach(item)
                else:
                    item.note()
            except Exception:
                log.failure("an item could not be delivered; the others go on")
        self._write()

    def _attach(self, item: Attach) -> None:
        connection, room = item.connection, item.connection.room
        if room is None or room.name != item.room:  # gone before the road reached this point
            return
        room.attach(connection)
        if connection.is_room_scoped:
            feed = self._feeds.setdefault(room, [])
            letter = self._letters.setdefault(connection, _Letter(None))
            letter.feed, letter.read = feed, len(feed)

    def _tell(self, item: Delivery) -> None:
        payload = self._encode(item.event)
        frame = text_frame(payload)
        counts, kind = self._counts, type(item.event)
        counts.events[kind] += 1
        if kind is Error:
            counts.errors[item.event.code] += 1  # type: ignore[union-attr]
        origin, audience = item.origin, item.audience
        if origin is not None and origin.room is None and not origin.is_elsewhere:
            origin = None
        if audience is None:
            if origin is not None:
                self._letter(origin).frames.append(_own_copy(item.event, origin, payload, frame))
            return
        own = frame if origin is None else _own_copy(item.event, origin, payload, frame)
        room = self._rooms.get(audience.room)
        if isinstance(audience, ToRoom):
            self._tell_room(room, frame, origin, b"" if item.told else own)
        else:
            self._tell_users(room, audience.users, frame, origin, own)

    def _tell_users(
        self, room: Room | None, users: tuple[str, ...], frame: bytes, origin: Connection | None, own: bytes
    ) -> None:
        if origin is not None:
            self._letter(origin).frames.append(own)
        if room is not None:
            for connection in room.connections_of(users):
                if connection is not origin:
                    self._letter(connection).frames.append(frame)

    def _tell_room(self, room: Room | None, frame: bytes, origin: Connection | None, own: bytes) -> None:
        if origin is not None and (own is not frame or room is None or not room.hears(origin)):
            letter = self._letter(origin)
            if own:
                letter.frames.append(own)
            if letter.feed is not None and letter.feed is self._feeds.get(room):  # type: ignore[arg-type]
                letter.read += 1
        if room is not None and (room.audience or (room.elsewhere is not None and room.elsewhere.listens)):
            self._feeds.setdefault(room, []).append(frame)

    def _letter(self, connection: Connection) -> _Letter:
        """A connection's letter, caught up with its room."""
        letter = self._letters.get(connection)
        if letter is None:
            feed = None
            room = connection.room
            if room is not None and room.hears(connection):
                feed = self._feeds.setdefault(room, [])
            letter = self._letters[connection] = _Letter(feed)
        letter.catch_up()
        return letter

    def _write(self) -> None:
        letters, counts = self._letters, self._counts
        for room, feed in self._feeds.items():
            if feed:
                frames = b"".join(feed)
                writes = list(room.audience.values())
                if letters:
                    writes = [write for member, write in room.audience.items() if member not in letters]
                counts.deliveries += len(feed) * len(writes)
                counts.writes += len(writes)
                for write in writes:
                    write(frames)
                if room.elsewhere is not None:
                    room.elsewhere.feed(frames)
        for connection, letter in letters.items():
            letter.catch_up()
            if letter.frames:
                counts.deliveries += len(letter.frames)
                counts.writes += 1
                connection.channel.send(b"".join(letter.frames))
            elif connection.node:  # it does not hear what the others there do
                connection.channel.send(b"")


def _own_copy(event: Event, origin: Connection, payload: bytes, frame: bytes) -> bytes:
    """The frame for who caused an event: of its user's own message, with the clientMessageId (M1)."""
    if type(event) is Message and event.client_message_id and event.user_id == origin.identity.user_id:
        return text_frame(receipt(payload, event.client_message_id))
    return frame
