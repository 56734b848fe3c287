"""The JSON of the admin API: what is asked, and what is answered. The OpenAPI description is made of it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from chatd.model import CLIENT_MESSAGE_ID_LENGTH, ICON_LENGTH, ID_LENGTH, NAME_LENGTH
from chatd.wire import commands

PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]*$(?!\n)"
"""No control character. Python's ``$`` would let pass a newline at the end."""
PAGE_LIMIT = 1000
NAMES_LIMIT = 1000
REPLIES_LIMIT = 1000
SYSTEM = "system"

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH, pattern=PRINTABLE)]
Name = Annotated[str, Meta(max_length=NAME_LENGTH, pattern=PRINTABLE)]
Icon = Annotated[str, Meta(max_length=ICON_LENGTH, pattern=PRINTABLE)]
ClientMessageId = Annotated[str, Meta(min_length=1, max_length=CLIENT_MESSAGE_ID_LENGTH, pattern=PRINTABLE)]
Reason = Annotated[str, Meta(min_length=1, max_length=120, pattern=PRINTABLE)]
ReplyText = Annotated[str, Meta(min_length=1, max_length=16_384)]
Filled = Annotated[str, Meta(min_length=1)]

# -- what is asked ----------------------------------------------------------------------------------


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters behind the question mark; none."""


class Paging(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page: so many, after what the page before it named as ``next``."""

    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT, description="how many at most")] = 100
    after: Annotated[str, Meta(max_length=2 * ID_LENGTH + 1, description="next of the page before")] = ""


class By(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In whose name something is done."""

    name: Annotated[Name, Meta(description="who does it, as the notice says")] = SYSTEM


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A JSON object without members that nobody knows."""


class Say(Body, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="messageType"):
    """A message (M2), and who says it. Without a name the sender is called by its userId."""

    user_id: Id = SYSTEM
    name: Name = ""
    icon: Icon = ""
    target_id: Id | None = None
    client_message_id: ClientMessageId | None = None


class Text(Say, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="text"):
    """A text."""

    message_content: Filled
    accessory_content: dict[str, Any] | None = None


class Picture(Say, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="picture"):
    """A picture."""

    accessory_content: commands.Picture
    message_content: str | None = None


class Video(Say, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="video"):
    """A video."""

    accessory_content: commands.Video
    message_content: str | None = None


class Voice(Say, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="voice"):
    """A voice message."""

    accessory_content: commands.Voice
    message_content: str | None = None


class CustomEvent(Say, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="event"):
    """An event of the business's own."""

    accessory_content: commands.CustomEvent
    message_content: str | None = None


AnyMessage = Text | Picture | Video | Voice | CustomEvent


class Kick(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why, as the close frame says; and from which room, if not from all."""

    reason: Reason
    room: Id | None = None


class RoomNames(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rooms."""

    rooms: Annotated[list[Id], Meta(max_length=NAMES_LIMIT)]


class NewReply(Body, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The text of an automatic reply."""

    text: ReplyText


# -- what is answered -------------------------------------------------------------------------------


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A JSON object."""


class Alive(Shape, frozen=True, kw_only=True):
    """The process answers."""

    alive: Literal[True] = True


class Ready(Shape, frozen=True, kw_only=True):
    """Whether new clients are welcome; if not, why: a sentence for each reason's name."""

    ready: bool
    reasons: dict[str, str]


class RoomSummary(Shape, frozen=True, kw_only=True):
    """A room in numbers: users online, their connections, and containers."""

    name: str
    online: int
    connections: int
    containers: int


class Rooms(Shape, frozen=True, kw_only=True):
    """Rooms by name. ``next`` is what to ask for ``after``; null: there are no more."""

    rooms: list[RoomSummary]
    next: str | None


class Member(Shape, frozen=True, kw_only=True):
    """A user online in a room."""

    user_id: str
    name: str
    connections: int


class RoomView(Shape, frozen=True, kw_only=True):
    """A room, and a page of its members by userId."""

    name: str
    online: int
    connections: int
    containers: int
    members: list[Member]
    next: str | None


class ContainerView(Shape, frozen=True, kw_only=True):
    """A container. ``members`` are users, of whom so many are ``online``; ``acceptId`` is who was asked."""

    room: str
    id: str
    state: Literal["asked", "open"]
    members: list[str]
    online: int
    accept_id: str | None
    waiting: bool


class Containers(Shape, frozen=True, kw_only=True):
    """Containers by room and id. ``next`` is what to ask for ``after``; null: there are no more."""

    containers: list[ContainerView]
    next: str | None


class ConnectionView(Shape, frozen=True, kw_only=True):
    """A connection."""

    room: str
    user_id: str
    name: str
    icon: str
    container_id: str | None
    target_id: str | None
    is_agent: bool
    peer: str


class Connections(Shape, frozen=True, kw_only=True):
    """A user's connections."""

    connections: list[ConnectionView]


class Said(Shape, frozen=True, kw_only=True):
    """A message that is stored; of a repeat (M6), the first one."""

    message_id: str
    repeated: bool


class Kicked(Shape, frozen=True, kw_only=True):
    """How many connections were closed."""

    closed: int


class Online(Shape, frozen=True, kw_only=True):
    """Users online, by room."""

    online: dict[str, int]


class Reply(Shape, frozen=True, kw_only=True):
    """An automatic reply."""

    code: str
    text: str


class RepliesView(Shape, frozen=True, kw_only=True):
    """Automatic replies: texts by code."""

    replies: dict[str, str]
