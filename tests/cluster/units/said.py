"""What nodes say to each other, with what does not matter to a test left out."""

from typing import Any

from msgspec import Raw

from chatd.bus.redis import Script
from chatd.cluster import wire
from chatd.cluster.people import People, difference
from chatd.model import Identity
from chatd.notices import NoticeTexts
from chatd.wire.events import Encoder
from chatd.wire.frames import text_frame

READ = Script("return redis.call('HGETALL', KEYS[1])")
"""As a script it is done after those that were run before, even if Redis had to be told their texts."""
HERE, OWNER = "here", "owner"
ROOM = "lobby"


def identity(user: str, container: str | None = None) -> Identity:
    """Ann is called Ann."""
    return Identity(user, user.capitalize(), "", ROOM, container)


def sync(**fields: Any) -> wire.Sync:
    """A node begins."""
    begun: dict[str, Any] = {"stream": 1, "attempt": 2, "epoch": 0, "seq": 0, "last": ""}
    begun |= {"node": "there", "room": ROOM, "guests": [], "first": 0, "requests": []}
    return wire.Sync(**begun | fields)


def publication(seq: int, parcel: wire.Parcel | None = None, **fields: Any) -> wire.Publication:
    """A turn of the room.

    :param parcel: what it has for the node that is here.
    """
    told: dict[str, Any] = {"owner": OWNER, "epoch": 1, "last": "", "feed": b"", "came": {}, "went": []}
    parcels = {} if parcel is None else {HERE: Raw(wire.encode(parcel))}
    return wire.Publication(seq=seq, parcels=parcels, **told | fields)


def as_said(publication: wire.Publication) -> wire.Publication:
    """It on the other side of Redis."""
    return wire.decode_publication(wire.encode(publication))


def missed(room: str, known: People, now: People) -> bytes:
    """The frames that tell who knew who was online who is so now."""
    notices = difference(room, known, now, NoticeTexts())
    return b"".join(text_frame(Encoder().encode(notice)) for notice in notices)
