"""The texts of notices and the notices themselves (N1 to N5)."""

from string import Formatter

import msgspec

from chatd.model import Identity, Notice

IN_TEXT = "{name} 进来了，现在共有【{count}】人在线"
OUT_TEXT = "{name}, 离开了，现在共有【{count}】人在线"
PLACEHOLDERS = frozenset({"name", "count", "user", "room"})


def checked_template(text: str) -> str:
    """A notice's text with placeholders (N5). :raises ValueError: naming what is not a placeholder."""
    for _, field, spec, conversion in Formatter().parse(text):
        if field is not None and (field not in PLACEHOLDERS or spec or conversion):
            known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
            raise ValueError(f"placeholders are {known}")
    return text


class NoticeTexts(msgspec.Struct, frozen=True):
    """The templates of the notices' texts; the defaults are the original's, to the character (N5)."""

    into: str = IN_TEXT
    out: str = OUT_TEXT
    out_all: str = OUT_TEXT

    def came(self, who: Identity, room: str, count: int, container_id: str | None = None) -> Notice:
        """``in`` (N1): ``count`` includes who came."""
        return _notice("in", self.into, who.user_id, who.name, room, count, container_id)

    def went(self, who: Identity, room: str, count: int, container_id: str | None = None) -> Notice:
        """``out`` (N2): ``count`` is without who went."""
        return _notice("out", self.out, who.user_id, who.name, room, count, container_id)

    def closed(self, who: Identity, room: str, container_id: str) -> Notice:
        """``outAll`` (N4): ``who`` closed the container; the userId is the container's."""
        return _notice("outAll", self.out_all, container_id, who.name, room, 0, container_id)


def _notice(
    action: str, template: str, user_id: str, name: str, room: str, count: int, container_id: str | None
) -> Notice:
    text = template.format(name=name, count=count, user=user_id, room=room)
    return Notice(
        action=action,
        room=room,
        user_id=user_id,
        name=name,
        count=count,
        text=text,
        container_id=container_id,
    )
