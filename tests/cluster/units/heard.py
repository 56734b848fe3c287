"""What connections heard, as their channels have it."""

import re
from typing import Any

from chatd.room import Connection
from tests.channel import ListChannel


def channel(guest: Connection) -> ListChannel:
    """A connection's channel."""
    assert isinstance(guest.channel, ListChannel)
    return guest.channel


def frames(guest: Connection) -> list[dict[str, Any]]:
    """What it heard since it was asked last."""
    return channel(guest).frames()


def is_closed(guest: Connection) -> bool:
    """Whether its channel was closed."""
    return channel(guest).closed is not None


def words(frames: list[dict[str, Any]], container: str | None = None) -> list[str]:
    """What was said among it, in a container or to the room."""
    messages = [frame for frame in frames if "messageId" in frame]
    return [frame["messageContent"] for frame in messages if frame.get("containerId") == container]


def known(before: set[str], frames: list[dict[str, Any]]) -> set[str]:
    """Who is there, as notices tell it; each of which is news, and has the right count."""
    there = set(before)
    for frame in frames:
        if "action" in frame:
            assert (frame["userId"] in there) == (frame["action"] == "out")
            there ^= {frame["userId"]}
            count = re.search(r"【(\d+)】", frame["messageContent"])
            assert count is not None
            assert int(count[1]) == len(there)
    return there
