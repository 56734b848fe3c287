"""What nodes say to each other: MessagePack, in Redis's channels.

An edge says *requests* to a room's owner on the channel of that node, numbered, until it hears that they were
heard. The owner says *publications* on the room's channel: one a turn, numbered, with frames that go to
sockets as they are.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Raw

from chatd.model import Identity, Rights


class Join(msgspec.Struct, frozen=True, array_like=True, tag="j"):
    """A connection comes into the room."""

    number: int
    identity: Identity
    rights: Rights
    after: str | None


class Say(msgspec.Struct, frozen=True, array_like=True, tag="s"):
    """A connection asks for something: ``command`` is a Command as JSON."""

    number: int
    command: bytes


class Leave(msgspec.Struct, frozen=True, array_like=True, tag="l"):
    """A connection is gone."""

    number: int


Request = Join | Say | Leave


class Guest(msgspec.Struct, frozen=True, array_like=True):
    """A connection that has joined the room through an edge."""

    number: int
    identity: Identity
    rights: Rights


class Requests(msgspec.Struct, frozen=True, array_like=True, tag="r"):
    """To a room's owner: what its connections on a node ask for, the ``first`` of them by its number in the
    node's ``stream``; it has heard of those before ``heard``."""

    node: str
    room: str
    stream: int
    epoch: int
    first: int
    requests: Sequence[Request]
    heard: int


class Sync(msgspec.Struct, frozen=True, array_like=True, tag="y"):
    """To a room's owner: begin, or begin anew. What the node has heard of the room, and what it has there.

    ``epoch`` and ``seq`` are of the last publication heard, ``last`` is the highest messageId heard. Requests
    that were not heard are said again. The answer names the ``attempt``. Both it and the ``stream``, in which
    requests are numbered, are never used for anything else by the node.
    """

    node: str
    room: str
    stream: int
    attempt: int
    epoch: int
    seq: int
    last: str
    guests: Sequence[Guest]
    first: int
    requests: Sequence[Request]


class Stranger(msgspec.Struct, frozen=True, array_like=True, tag="u"):
    """To an edge: the room is not this node's, or it has never heard of the edge there. Begin anew."""

    node: str
    room: str


class Replay(msgspec.Struct, frozen=True, array_like=True, tag="p"):
    """To an edge: publications that it has missed, as they were. It goes on from there; or ``begins`` with
    them, as the first answers its Sync."""

    room: str
    attempt: int
    begins: bool
    publications: Sequence[bytes]


class Call(msgspec.Struct, frozen=True, array_like=True, tag="c"):
    """To any node: do something. ``id`` is that of the answer; 0: none is waited for."""

    node: str
    id: int
    name: str
    args: bytes


class Answer(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    """What became of a call; if it was not done, ``body`` is a sentence."""

    id: int
    is_done: bool
    body: bytes


OfRooms = Requests | Sync | Stranger | Replay
ToNode = OfRooms | Call | Answer


class Wrong(msgspec.Struct, frozen=True, array_like=True):
    """A request that was refused (E1)."""

    number: int
    code: str
    sentence: str


class Parcel(msgspec.Struct, array_like=True):
    """What a publication has for the connections of one node, by their numbers."""

    letters: dict[int, bytes] = {}
    """Frames for who hears something else than the whole room; they are all that it hears."""
    attached: list[int] = []
    """Who hears the room from the next publication on."""
    names: dict[int, tuple[str, str]] = {}
    """Name and icon of who is called something else now."""
    closed: list[tuple[int, int, str]] = []
    """Whose connection is to be closed, with which code and why."""
    wrong: list[Wrong] = []
    heard: int = 0
    """The requests before this number have been done."""
    synced: int = 0
    """This answers the Sync of that attempt: from here on publications count."""
    ended: bool = False
    """The node was taken for gone, and those who are there have left: begin anew."""
    people: dict[str, str] | None = None
    """With it: all users who are online, and what they are called."""


class Publication(msgspec.Struct, frozen=True, array_like=True):
    """A turn of a room, for the nodes at its edges.

    ``last`` is the highest messageId told so far; ``feed`` are the frames for the whole room, ``came`` and
    ``went`` the users of whom they tell that, and what those are called who came or were renamed.
    """

    owner: str
    epoch: int
    seq: int
    last: str
    feed: bytes
    parcels: dict[str, Raw]
    came: dict[str, str]
    went: list[str]


encode = msgspec.msgpack.Encoder().encode
decode_to_node = msgspec.msgpack.Decoder(list[ToNode]).decode
decode_publication = msgspec.msgpack.Decoder(Publication).decode
decode_parcel = msgspec.msgpack.Decoder(Parcel).decode
encode_identity = msgspec.msgpack.Encoder().encode
decode_identity = msgspec.msgpack.Decoder(Identity).decode
