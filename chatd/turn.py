"""A turn as the store sees it: what is asked of it in one transaction, and what it answers."""

from collections.abc import Iterable

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
        size += len(message.content or "") + len(message.accessory or b"")
        if len(taken) == page.limit or (taken and size > page.size):
            return taken, True
        taken.append(message)
    return taken, False


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction: all of it is kept, or nothing. The pages see its messages."""

    messages: list[Message] = msgspec.field(default_factory=list)
    pages: list[Page] = msgspec.field(default_factory=list)
    saved: list[ContainerState] = msgspec.field(default_factory=list)
    gone: list[tuple[str, str]] = msgspec.field(default_factory=list)
    """Room and id of containers that are no more."""

    undone: list[tuple[str, str, str]] = msgspec.field(default_factory=list)
    """Room, container and id of a failed turn's messages: to be deleted if they were kept all the same."""


class Kept(msgspec.Struct, frozen=True):
    """What became of a turn."""

    repeats: dict[int, Message] = msgspec.field(default_factory=dict)
    """Of messages that repeat a clientMessageId: their place in the turn, and the first one (M6)."""
    pages: list[PageFound | None] = msgspec.field(default_factory=list)
    """None: what was asked for is not stored here."""


class Restored(msgspec.Struct, frozen=True):
    """What a store knows at start."""

    last_id: str
    """The highest message id so far; empty if there is none."""
    containers: list[ContainerState]


class StoreError(Exception):
    """A store that cannot be opened; the text says why and what to do, in one line."""
