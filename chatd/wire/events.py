"""Events: what the server says, as the bytes of the wire.

Delivered messages (D1), notices (N1), errors (E1), history (R1) and who is online (R2); their keys in the
order of the original description, fields without a value left out.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec
from msgspec import UNSET, Raw, UnsetType

from chatd.model import Error, Event, History, Message, Notice, Online


class _Delivered(msgspec.Struct, rename="camel", omit_defaults=True):
    message_content: str | None = None
    message_type: str | None = None
    accept_id: str | None = None
    nick_name: str | None = None
    create_user: str | None = None
    create_time: str | None = None
    container_id: str | None = None
    user_icon: str = ""
    accessory_content: Raw | UnsetType = UNSET
    event_type: str | None = None
    target_id: str | None = None
    room_name: str | None = None
    message_id: str | None = None


class _Notice(msgspec.Struct, rename="camel", omit_defaults=True):
    message_type: str | None = None
    nick_name: str | None = None
    count: int | None = None
    user_id: str | None = None
    action: str | None = None
    message_content: str | None = None
    room_name: str | None = None
    container_id: str | None = None


class _Error(msgspec.Struct, rename="camel", omit_defaults=True):
    message_type: str | None = None
    code: str | None = None
    message_content: str | None = None
    event_type: str | None = None
    client_message_id: str | None = None


class _History(msgspec.Struct, rename="camel", omit_defaults=True):
    message_type: str | None = None
    room_name: str | None = None
    container_id: str | None = None
    messages: Raw | None = None
    more: bool | None = None


class _User(msgspec.Struct, rename="camel", omit_defaults=True):
    user_id: str | None = None
    nick_name: str | None = None
    user_icon: str = ""
    container_id: str | None = None


class _Online(msgspec.Struct, rename="camel", omit_defaults=True):
    message_type: str | None = None
    room_name: str | None = None
    container_id: str | None = None
    count: int | None = None
    users: list[_User] | None = None


_to_json = msgspec.json.Encoder().encode


def _iso(created: int) -> str:
    return f"{_iso_second(created // 1000)}.{created % 1000:03d}Z"


@lru_cache(maxsize=2)  # a busy room's messages share their second
def _iso_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def _local_datetime(created: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(created // 1000))


TIME_FORMATS: dict[str, Callable[[int], str]] = {
    "iso": _iso,
    "datetime": _local_datetime,
    "epoch_ms": str,
}
"""D2: the ways to write createTime, by the name of the setting; each takes milliseconds since the epoch."""


class Encoder:
    """Writes events as the JSON of the wire.

    :param time_format: how createTime is written: a key of :data:`TIME_FORMATS`.
    """

    def __init__(self, time_format: str = "iso") -> None:
        self._format_time = TIME_FORMATS[time_format]

    def encode(self, event: Event) -> bytes:
        """The UTF-8 JSON of an event. A message's clientMessageId is not in it: see :func:`receipt`."""
        if isinstance(event, Message):
            return _to_json(self._delivered(event))
        if isinstance(event, Notice):
            return _to_json(
                _Notice(
                    "notice",
                    event.name,
                    event.count,
                    event.user_id,
                    event.action,
                    event.text,
                    event.room,
                    event.container_id,
                )
            )
        if isinstance(event, History):
            return self._history(event)
        if isinstance(event, Online):
            return _online(event)
        return encode_error(event)

    def _history(self, history: History) -> bytes:
        copies = []
        for message in history.messages:
            copy = _to_json(self._delivered(message))
            if message.user_id == history.user_id and message.client_message_id:
                copy = receipt(copy, message.client_message_id)
            copies.append(copy)
        messages = Raw(b"[" + b",".join(copies) + b"]")
        return _to_json(_History("history", history.room, history.container_id, messages, history.more))

    def _delivered(self, message: Message) -> _Delivered:
        return _Delivered(
            message.content,
            message.type,
            message.accept_id,
            message.name,
            message.user_id,
            self._format_time(message.created),
            message.container_id,
            message.icon,
            UNSET if message.accessory is None else Raw(message.accessory),
            message.event,
            message.target_id,
            message.room,
            message.id,
        )


def _online(online: Online) -> bytes:
    users = [_User(who.user_id, who.name, who.icon, who.container_id) for who in online.users]
    return _to_json(_Online("online", online.room, online.container_id, online.count, users))


def encode_error(error: Error) -> bytes:
    """The UTF-8 JSON of an error frame (E1)."""
    return _to_json(_Error("error", error.code, error.sentence, error.event, error.client_message_id))


def receipt(payload: bytes, client_message_id: str) -> bytes:
    """The sender's copy of an encoded message: the same, with its clientMessageId (M1)."""
    return b'%s,"clientMessageId":%s}' % (payload[:-1], _to_json(client_message_id))
