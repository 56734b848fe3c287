"""A turn as the store sees it: what is asked of it in one transaction, and what it answers."""

from collections.abc import Collection, Iterable

import msgspec

from chatd.model import Message

PAGE_SIZE = 256 * 1024
"""What the messages of one page may hold together, in characters; one message always fits."""
REPLAY_SIZE = 1024 * 1024
"""The same of what is told to an agent who joins a container (D4)."""


class ContainerState(msgspec.Struct, frozen=True, kw_only=True):
    """A container as it is kept (K1, K2). ``since`` is the id of its first message."""

    room: str
    id: str
    since: str
    members: tuple[str, ...]
    accept_id: str | None = None
    request: Message | None = None
    is_waiting: bool = False


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which messages of a room (those without a container) or of a container are asked for (R1).

    Those with ``since <= id <= until``, and ``id > after``, and ``id < before``, as far as given. With
    ``after`` the oldest of them are answered, else the newest; always in ascending order. There may be fewer
    than ``limit`` if they are large.
    """

    room: str
    container_id: str | None
    since: str = ""
    until: str
    after: str | None = None
    before: str | None = None
    limit: int
    size: int = PAGE_SIZE
    said_only: bool = False
    """Leave out what is no word of the conversation, such as createContainer (D4)."""


class PageFound(msgspec.Struct, frozen=True):
    """A page's messages, and whether there are further ones in the direction asked (R1)."""

    messages: tuple[Message, ...]
    more: bool


def take(found: Iterable[Message], page: Page) -> tuple[list[Message], bool]:
    """A page's messages of those found, and whether there are further ones."""
    taken: list[Message] = []
    size = 0
    for message in found:
        size += message.size
        if len(taken) == page.limit or (taken and size > page.size):
            return taken, True
        taken.append(message)
    return taken, False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the business's backend is to be told: one event, for its webhook.

    ``time`` is in milliseconds since the epoch; ``body`` is the JSON that is sent. ``message_id`` is that of
    the turn's message of which it tells: of a message that repeats another nothing is told (M6).
    """

    id: str
    time: int
    room: str
    container_id: str | None
    body: bytes
    message_id: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """A report that was kept and waits to be sent. ``place`` grows in the order of keeping."""

    place: int
    id: str
    room: str
    container_id: str
    """Empty: of the room."""
    body: bytes

    @property
    def line(self) -> tuple[str, str]:
        """What has an order: room and container."""
        return self.room, self.container_id


class WaitingFound(msgspec.Struct, frozen=True):
    """Reports in the order of keeping, and whether there are further ones."""

    reports: list[Waiting]
    more: bool


def take_waiting(found: Iterable[Waiting], limit: int) -> WaitingFound:
    """So many of the reports found, and no more than :data:`PAGE_SIZE` bytes unless one alone has more."""
    taken: list[Waiting] = []
    size = 0
    for waiting in found:
        size += len(waiting.body)
        if len(taken) == limit or (taken and size > PAGE_SIZE):
            return WaitingFound(taken, True)
        taken.append(waiting)
    return WaitingFound(taken, False)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: all of it is kept, or nothing. The pages see its messages."""

    messages: list[Message] = msgspec.field(default_factory=list)
    pages: list[Page] = msgspec.field(default_factory=list)
    saved: list[ContainerState] = msgspec.field(default_factory=list)
    gone: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Room and id of containers that are no more."""

    undone: list[tuple[str, str, str, str]] = msgspec.field(default_factory=list)
    """Room, container, id and user of a failed turn's messages: to be deleted if they were kept all the same.
    The user is there so that nobody else's goes, whose server had the same idea of an id."""

    fences: list[tuple[str, int]] = msgspec.field(default_factory=list)
    """Rooms, and the epochs in which this node claimed them: if another has claimed one since, the turn fails
    with :exc:`Fenced`."""

    reports: list[Report] = msgspec.field(default_factory=list)
    unreported: list[str] = msgspec.field(default_factory=list)
    """The ids of a failed turn's reports, likewise; they may be among ``reports`` again."""


def new_reports(turn: Turn, repeats: Collection[int]) -> list[Report]:
    """The reports to keep of a turn.

    :param repeats: the places of the messages that repeat others, of which nothing is told (M6).
    """
    if not repeats:
        return turn.reports
    repeated = {turn.messages[at].id for at in repeats}
    return [report for report in turn.reports if report.message_id not in repeated]


class Kept(msgspec.Struct, frozen=True):
    """What became of a turn."""

    repeats: dict[int, Message] = msgspec.field(default_factory=dict)
    """Of messages that repeat a clientMessageId: their place in the turn, and the first one (M6)."""
    pages: list[PageFound | None] = msgspec.field(default_factory=list)
    """None: what was asked for is not stored here."""
    reports: int = 0
    """How many were kept."""


class Restored(msgspec.Struct, frozen=True):
    """What a store knows at start."""

    last_id: str
    """The highest message id so far; empty if there is none."""
    containers: list[ContainerState]
    reports: int = 0
    """How many wait."""


class Claimed(msgspec.Struct, frozen=True):
    """A room as its new owner finds it. Nothing that the former one keeps comes after it."""

    epoch: int
    """Higher than any before, of this room."""
    last_id: str
    """The highest message id of the room, its containers included; empty if there is none."""
    containers: list[ContainerState]


class Fenced(Exception):
    """A turn that was not kept, because other nodes own some of its rooms now. The store is well.

    :param rooms: which.
    """

    def __init__(self, rooms: list[str]) -> None:
        super().__init__(f"other nodes own {len(rooms)} of its rooms")
        self.rooms = rooms


class StoreError(Exception):
    """A store that cannot be opened; the text says why and what to do, in one line."""
