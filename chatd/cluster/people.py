"""Who is online in a room, as those know who hear of it on another node; and what they have missed. Pure."""

from collections.abc import Mapping

from chatd.model import Identity, Notice
from chatd.notices import NoticeTexts

People = dict[str, str]
"""Users, and what they are called."""


def difference(
    room: str, known: Mapping[str, str], now: Mapping[str, str], texts: NoticeTexts
) -> list[Notice]:
    """The notices that take who knows the one to the other, each with the count after it (N1, N2)."""
    notices = []
    count = len(known)
    for user_id, name in known.items():
        if user_id not in now:
            count -= 1
            notices.append(texts.went(Identity(user_id, name, "", room), room, count))
    for user_id, name in now.items():
        if user_id not in known:
            count += 1
            notices.append(texts.came(Identity(user_id, name, "", room), room, count))
    return notices
