"""What was heard as lines for a terminal: one each, in which nothing of others' can act on the terminal."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from unicodedata import category

_NAMED = {"\n": r"\n", "\r": r"\r", "\t": " "}
# Of format characters, those that reorder a line; a joiner in an emoji does no harm.
_REORDERING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def safe(text: str) -> str:
    """A text without anything that a terminal or a reader of lines would obey: ``\\x1b`` for ESC."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_safe(character) for character in text)


def _safe(character: str) -> str:
    if character in _REORDERING or category(character) in _UNSAFE_CATEGORIES:
        return _NAMED.get(character) or character.encode("unicode_escape").decode()
    return character


def safe_json(text: str) -> str:
    """The same JSON in one line, without what a terminal would obey."""
    line = text.translate({ord(space): " " for space in "\n\r\t"})  # which stand between its parts only
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def text_of(frame: Mapping[str, Any], key: str) -> str:
    """A field of a frame, made safe; empty if it has none or no text."""
    value = frame.get(key)
    return safe(value) if isinstance(value, str) else ""


def line(frame: Mapping[str, Any], now: datetime) -> str:
    """A message, a notice, an error or who is online as one line: time, where (a container), who, what.

    :param now: local time; also when a frame was heard that has no time of its own.
    """
    kind = frame.get("messageType")
    container = text_of(frame, "containerId")
    where = f"[{container}] " if container else ""
    if kind == "error":
        return f"{_clock(now, now)} ! {text_of(frame, 'code')}: {text_of(frame, 'messageContent')}"
    if kind == "notice":
        who = text_of(frame, "userId")
        return f"{_clock(now, now)} {where}* {text_of(frame, 'messageContent')} ({who})"
    if kind == "online":
        return f"{_clock(now, now)} {where}* {_online(frame)}"
    return f"{_time(frame, now)} {where}{_said(frame)}"


def _online(frame: Mapping[str, Any]) -> str:
    users, count = frame.get("users"), frame.get("count")
    named = [user for user in users if isinstance(user, Mapping)] if isinstance(users, list) else []
    more = count - len(named) if isinstance(count, int) else 0
    told = [f"{text_of(user, 'nickName')} ({text_of(user, 'userId')})" for user in named]
    return "online: " + ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _said(frame: Mapping[str, Any]) -> str:
    name, user = text_of(frame, "nickName"), text_of(frame, "createUser")
    who = f"{name} ({user})"
    event = frame.get("eventType")
    if event == "createContainer":
        target = text_of(frame, "targetId")
        about = f" about {target}" if target else ""
        return f"* {who} asks for {text_of(frame, 'acceptId')}{about}: /open {text_of(frame, 'containerId')}"
    if event == "updateUserInfo":
        return f"* {user} is {name} now"
    return f"{who}: {_content(frame)}"


def _content(frame: Mapping[str, Any]) -> str:
    kind, content = text_of(frame, "messageType"), text_of(frame, "messageContent")
    if kind == "text":
        return content
    accessory = frame.get("accessoryContent")
    parts = [f"<{kind}>", content]
    if isinstance(accessory, Mapping):
        parts += [text_of(accessory, key) for key in ("file", "eventType", "eventDescription")]
    return " ".join(part for part in parts if part)


def _time(frame: Mapping[str, Any], now: datetime) -> str:
    """createTime in local time, in whichever way the server writes it (D2)."""
    text = text_of(frame, "createTime")
    try:
        if text.isdecimal():
            then = datetime.fromtimestamp(int(text) / 1000)
        else:
            then = datetime.fromisoformat(text)
            then = then.astimezone().replace(tzinfo=None) if then.tzinfo else then
    except (ValueError, OverflowError, OSError):
        return text
    return _clock(then, now)


def _clock(then: datetime, now: datetime) -> str:
    return f"{then:%H:%M:%S}" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M:%S}"
