"""What every Python peer does the same way: the connect URL, the check of a message, its stamp.

The peers are run as scripts by the interpreter that has their libraries, so this is imported as a
neighbour and not as a part of the package.
"""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec


class RefusedError(Exception):
    """The connect URL is not acceptable; the text says why."""


class Inbound(msgspec.Struct, rename="camel"):
    """A message as a client sends it."""

    message_type: str
    message_content: str
    user_icon: str | None = None
    accept_id: str | None = None


class Outbound(msgspec.Struct, rename="camel", omit_defaults=True):
    """A message as it is delivered."""

    message_type: str
    message_content: str
    nick_name: str
    create_user: str
    user_icon: str
    room_name: str
    create_time: str
    message_id: str
    accept_id: str | None = None


class Identity(msgspec.Struct):
    """Who a connection is."""

    name: str
    user_id: str
    room: str
    icon: str


_decode = msgspec.json.Decoder(Inbound).decode
_encode = msgspec.json.Encoder().encode
_last_id = 0


def identify(url: str) -> Identity:
    """The identity in a connect URL (path and query, or the query alone behind a ``?``)."""
    try:
        values = parse_qs(urlsplit(url).query, keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise RefusedError(str(error)) from None
    for key in ("name", "senderType", "userId", "roomName", "icon"):
        if len(values.get(key, ())) != 1:
            raise RefusedError(f"{key} must be given once")
    if values["senderType"][0] != "GROUP":
        raise RefusedError("senderType must be GROUP")
    name, user, room = values["name"][0].strip(), values["userId"][0], values["roomName"][0]
    if not (0 < len(name) <= 64 and 0 < len(user) <= 128 and 0 < len(room) <= 128):
        raise RefusedError("name, userId or roomName has a wrong length")
    return Identity(name, user, room, values["icon"][0])


def stamp(who: Identity, payload: Any) -> bytes | None:
    """The message for everybody in the room, encoded once; None for one that is not valid."""
    global _last_id
    try:
        message = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if message.message_type != "text" or not message.message_content:
        return None
    now = time.time()
    _last_id = max(_last_id + 1, int(now * 1e6))
    return _encode(
        Outbound(
            "text",
            message.message_content,
            who.name,
            who.user_id,
            message.user_icon or who.icon,
            who.room,
            datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
            f"{_last_id:014x}",
            message.accept_id,
        )
    )


def welcome(who: Identity, count: int) -> bytes:
    """The notice that tells a newcomer that it has joined."""
    return _encode(
        {
            "messageType": "notice",
            "action": "in",
            "nickName": who.name,
            "userId": who.user_id,
            "count": count,
            "roomName": who.room,
        }
    )
