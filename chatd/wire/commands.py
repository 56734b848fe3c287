"""Commands: what clients ask for, from the bytes of a text frame.

From the client comes one JSON object a text frame (M1), or the heartbeat (H1). ``eventType`` says what
it asks for and defaults to ``ordinary``; ``messageType`` is required of an ordinary message alone:

    ordinary         messageType, and messageContent or accessoryContent as M2 says
    createContainer  acceptId [targetId]
    addContainer     containerId
    removeContainer  containerId
    autoReturn       messageContent (the reply's code), containerId
    updateRoomName   messageContent (the new room)
    updateUserInfo   userIconUpdate and/or messageContent (the new name)
    history          [containerId, after, before, limit] (R1)
    online           [containerId, limit] (R2)

A field that is null or an empty string counts as left out, except where an empty string says something
(userIconUpdate: no avatar). Unknown fields are dropped.
"""

import re
from collections.abc import Callable
from typing import Annotated, NoReturn

import msgspec
from msgspec import Meta, Raw

from chatd.errors import ErrorCode, RequestError
from chatd.model import (
    CLIENT_MESSAGE_ID_LENGTH,
    ICON_LENGTH,
    ID_LENGTH,
    MESSAGE_ID,
    ONLINE_LIMIT,
    PAGE_LIMIT,
    Check,
    checked_icon,
    checked_id,
    checked_name,
)

ORDINARY = "ordinary"
CREATE_CONTAINER = "createContainer"
ADD_CONTAINER = "addContainer"
REMOVE_CONTAINER = "removeContainer"
AUTO_RETURN = "autoReturn"
UPDATE_ROOM_NAME = "updateRoomName"
UPDATE_USER_INFO = "updateUserInfo"
HISTORY = "history"
ONLINE = "online"

_ABSENT = Raw()
_MessageId = Annotated[str, Meta(pattern=MESSAGE_ID)]
_Id = Annotated[str, Meta(max_length=ID_LENGTH)]


class Command(msgspec.Struct, rename="camel", frozen=True, omit_defaults=True):
    """What a client asks for (M1), checked as far as it can be without knowing who asks."""

    message_content: str | None = None
    message_type: str | None = None
    event_type: str | None = None
    accept_id: _Id | None = None
    user_icon: Annotated[str, Meta(max_length=ICON_LENGTH)] | None = None
    container_id: _Id | None = None
    target_id: _Id | None = None
    accessory_content: Raw = _ABSENT
    user_icon_update: str | None = None
    client_message_id: Annotated[str, Meta(max_length=CLIENT_MESSAGE_ID_LENGTH)] | None = None
    after: _MessageId | None = None
    before: _MessageId | None = None
    limit: Annotated[int, Meta(ge=1, le=ONLINE_LIMIT)] | None = None

    @property
    def event(self) -> str:
        """The event asked for: one of this module's constants."""
        return self.event_type or ORDINARY

    @property
    def accessory(self) -> bytes | None:
        """accessoryContent as it came, or None."""
        if self.accessory_content is _ABSENT:
            return None
        raw = bytes(self.accessory_content)
        return None if raw in (b"null", b'""') else raw


_File = Annotated[str, Meta(min_length=1)]
_Duration = Annotated[float, Meta(ge=0)]


class Picture(msgspec.Struct, rename="camel"):
    """The accessoryContent of a picture (M2), as far as it must be what it is."""

    file: _File
    preview_url: str | None = None


class Video(msgspec.Struct, rename="camel"):
    """The same of a video."""

    file: _File
    preview_url: str | None = None
    duration: _Duration | None = None


class Voice(msgspec.Struct, rename="camel"):
    """The same of a voice message."""

    file: _File
    duration: _Duration | None = None


class CustomEvent(msgspec.Struct, rename="camel"):
    """The same of an event."""

    event_type: str | None = None
    event_description: str | None = None


_decode_command = msgspec.json.Decoder(Command).decode
_encode_command = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, Raw]).decode

_ACCESSORY_OF: dict[str, Callable[[bytes], object]] = {
    "picture": msgspec.json.Decoder(Picture).decode,
    "video": msgspec.json.Decoder(Video).decode,
    "voice": msgspec.json.Decoder(Voice).decode,
    "event": msgspec.json.Decoder(CustomEvent).decode,
}
MESSAGE_TYPES = ("text", *_ACCESSORY_OF)


def dumped(command: Command) -> bytes:
    """A command for another node."""
    return _encode_command(command)


def loaded(dumped: bytes) -> Command:
    """A command that another node has checked."""
    return _decode_command(dumped)


def decode(payload: bytes) -> Command:
    """The command in a text frame's payload.

    :raises RequestError: ``bad_json``, ``bad_message`` (naming the field) or ``unknown_event``;
        nothing else, whatever the bytes.
    """
    try:
        command = _decode_command(payload)
    except msgspec.ValidationError as error:
        _refuse_field(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(ErrorCode.BAD_JSON, f"The frame is not valid JSON: {error}.") from None
    check = _CHECKS.get(command.event)
    if check is None:
        raise RequestError(ErrorCode.UNKNOWN_EVENT, f"There is no eventType {_short(command.event)}.")
    check(command)
    if command.client_message_id:
        _check_value(command.client_message_id, "clientMessageId", checked_id)
    return command


def request_of(payload: bytes) -> tuple[str | None, str | None]:
    """The eventType and clientMessageId of a refused frame, as far as they can be told (E1)."""
    try:
        members = _decode_object(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None
    return _text_in(members, "eventType", ID_LENGTH), _text_in(
        members, "clientMessageId", CLIENT_MESSAGE_ID_LENGTH
    )


def _text_in(members: dict[str, Raw], key: str, most: int) -> str | None:
    try:
        text = msgspec.json.decode(members.get(key, b"null"), type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return (text or None) if len(text) <= most else None


def checked(command: Command) -> Command:
    """A command that was made from one that a client sent. :raises RequestError: as :func:`decode` does."""
    _CHECKS[command.event](command)
    return command


# -- what each event must carry (M2, M3) ------------------------------------------------------------


def _check_ordinary(command: Command) -> None:
    kind = command.message_type
    if kind == "text":
        _require(command.message_content, "messageContent")
    elif kind in _ACCESSORY_OF:
        _check_accessory(command, _ACCESSORY_OF[kind])
        return
    else:
        _refuse_type(kind)
    _check_any_accessory(command)


def _check_create_container(command: Command) -> None:
    _require(command.accept_id, "acceptId")
    _check_event(command)


def _check_container(command: Command) -> None:
    _require(command.container_id, "containerId")
    _check_event(command)


def _check_auto_return(command: Command) -> None:
    _require(command.message_content, "messageContent")
    _check_container(command)


def _check_update_room_name(command: Command) -> None:
    _check_value(_require(command.message_content, "messageContent"), "messageContent", checked_id)
    _check_event(command)


def _check_update_user_info(command: Command) -> None:
    if command.user_icon_update is None and not command.message_content:
        _bad_message("messageContent", "either this or userIconUpdate is required")
    if command.user_icon_update is not None:
        _check_value(command.user_icon_update, "userIconUpdate", checked_icon)
    if command.message_content:
        _check_value(command.message_content, "messageContent", checked_name)
    _check_event(command)


def _check_history(command: Command) -> None:
    if command.limit is not None and command.limit > PAGE_LIMIT:
        _bad_message("limit", f"expected int <= {PAGE_LIMIT}")
    _check_event(command)


def _check_event(command: Command) -> None:
    """An event may carry a messageType and an accessoryContent; if it does, they must be sound."""
    if command.message_type and command.message_type not in MESSAGE_TYPES:
        _refuse_type(command.message_type)
    _check_any_accessory(command)


_CHECKS: dict[str, Callable[[Command], None]] = {
    ORDINARY: _check_ordinary,
    CREATE_CONTAINER: _check_create_container,
    ADD_CONTAINER: _check_container,
    REMOVE_CONTAINER: _check_container,
    AUTO_RETURN: _check_auto_return,
    UPDATE_ROOM_NAME: _check_update_room_name,
    UPDATE_USER_INFO: _check_update_user_info,
    HISTORY: _check_history,
    ONLINE: _check_event,
}
EVENTS = tuple(_CHECKS)


def _check_any_accessory(command: Command) -> None:
    if command.accessory is not None:
        _check_accessory(command, _decode_object)


def _check_accessory(command: Command, decode_it: Callable[[bytes], object]) -> None:
    raw = command.accessory
    if raw is None:
        _bad_message("accessoryContent", "is required")
    try:
        decode_it(raw)
    except msgspec.ValidationError as error:
        _refuse_field(error, "accessoryContent")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _bad_message("accessoryContent", str(error))


def _check_value(text: str, field: str, check: Check) -> None:
    try:
        check(text)
    except ValueError as error:
        _bad_message(field, str(error))


def _require(value: str | None, field: str) -> str:
    if not value:
        _bad_message(field, "is required")
    return value


def _refuse_type(kind: str | None) -> NoReturn:
    if not kind:
        _bad_message("messageType", "is required")
    _bad_message("messageType", f"must be text, picture, video, voice or event, not {_short(kind)}")


def _refuse_field(error: msgspec.ValidationError, within: str = "") -> NoReturn:
    """msgspec says ``Expected `str`, got `int` - at `$.name```; say the same with the field first."""
    what, _, path = str(error).partition(" - at `$")
    keys = [within, path.strip("`").lstrip(".")]
    missing = re.search(r"missing required field `(\w+)`", what)
    if missing:
        keys.append(missing.group(1))
        what = "is required"
    _bad_message(".".join(filter(None, keys)) or "the frame", _sentence(what))


def _sentence(what: str) -> str:
    return what.replace(" | null", "").replace("`", "").replace("Expected", "expected")


def _bad_message(field: str, what: str) -> NoReturn:
    raise RequestError(ErrorCode.BAD_MESSAGE, f"{field}: {what}.")


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
