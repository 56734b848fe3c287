"""Frozen values that everything else speaks of: who somebody is, what was said, who hears it."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from unicodedata import category

import msgspec

from chatd.errors import ErrorCode

NAME_LENGTH = 64
ID_LENGTH = 128
ICON_LENGTH = 2048
CLIENT_MESSAGE_ID_LENGTH = 64
MESSAGE_ID = r"\A[0-9a-f]{0,32}\Z"  # ours, or empty: before the first
PAGE = 50
PAGE_LIMIT = 200
ONLINE = 200
ONLINE_LIMIT = 1000


class Identity(msgspec.Struct, frozen=True):
    """What a connection came with (C1). A ``container_id`` makes it a customer's."""

    user_id: str
    name: str
    icon: str
    room: str
    container_id: str | None = None
    target_id: str | None = None


class Rights(msgspec.Struct, frozen=True):
    """What a connection may do beside what everybody may.

    :param is_agent: add itself to any container of its room (M3).
    :param rooms: patterns of the rooms it may be in (``*``, ``?``, ``[...]``); empty: all.
    """

    is_agent: bool = False
    rooms: tuple[str, ...] = ()

    def may_enter(self, room: str) -> bool:
        """Whether it may be in a room."""
        return not self.rooms or any(fnmatchcase(room, pattern) for pattern in self.rooms)


NO_RIGHTS = Rights()


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Something a user said or did that others are told of (D1).

    ``created`` is in milliseconds since the epoch. ``accessory`` is the sender's JSON object as it
    came, byte for byte. ``id`` sorts by creation within a room.
    """

    id: str
    created: int
    room: str
    user_id: str
    name: str
    icon: str
    event: str
    type: str | None = None
    content: str | None = None
    accept_id: str | None = None
    container_id: str | None = None
    target_id: str | None = None
    accessory: bytes | None = None
    client_message_id: str | None = None

    @property
    def size(self) -> int:
        """What was said, in characters."""
        return len(self.content or "") + len(self.accessory or b"")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody came or went (N1, N2, N4). ``action`` is ``in``, ``out`` or ``outAll``."""

    action: str
    room: str
    user_id: str
    name: str
    count: int
    text: str
    container_id: str | None = None


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """What a request came to, for the connection that made it (E1)."""

    code: ErrorCode
    sentence: str
    event: str | None = None
    client_message_id: str | None = None


class History(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a room or a container, in ascending order, for the connection that asked (R1).

    ``more``: whether there are further ones in the direction asked. Of the messages of ``user_id``, the
    asker's own, it gets the copies a sender gets (M1).
    """

    room: str
    container_id: str | None
    user_id: str
    messages: tuple[Message, ...]
    more: bool


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """Who is online in a room or a container, in the order of coming, for the connection that asked (R2).

    ``count``: how many are, whether or not they are all among ``users``.
    """

    room: str
    container_id: str | None
    count: int
    users: tuple[Identity, ...]


Event = Message | Notice | Error | History | Online


class ToRoom(msgspec.Struct, frozen=True):
    """An audience: the room-scoped connections of a room (M4.3, N3)."""

    room: str


class ToUsers(msgspec.Struct, frozen=True):
    """An audience: every connection that these users have in a room (M4)."""

    room: str
    users: tuple[str, ...]


Audience = ToRoom | ToUsers


def checked_name(text: str) -> str:
    """A nickname, trimmed (C1). :raises ValueError: with what is wrong with it."""
    _check_printable(text)
    name = text.strip()
    _check_length(name, 1, NAME_LENGTH)
    return name


def checked_id(text: str) -> str:
    """A userId, roomName, containerId or targetId (C1). :raises ValueError: with what is wrong with it."""
    _check_length(text, 1, ID_LENGTH)
    _check_printable(text)
    return text


def checked_icon(text: str) -> str:
    """An avatar's URL, perhaps empty (C1). :raises ValueError: with what is wrong with it."""
    _check_length(text, 0, ICON_LENGTH)
    _check_printable(text)
    return text


Check = Callable[[str], str]


def _check_length(text: str, least: int, most: int) -> None:
    if not least <= len(text) <= most:
        wanted = f"{least} to {most}" if least else f"at most {most}"
        raise ValueError(f"must be {wanted} characters long, not {len(text)}")


def _check_printable(text: str) -> None:
    if not text.isprintable() and any(category(character) == "Cc" for character in text):
        raise ValueError("must not hold a control character")
