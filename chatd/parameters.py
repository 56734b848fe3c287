"""The connect URL's parameters (C1, C3, C5): a request-URI's query to an identity and credentials.

    ws://HOST:9326/?name=…&senderType=GROUP&userId=…&roomName=…&icon=…
        [&containerId=…&targetId=…&clientType=…&account=…&password=…&after=…]
"""

import re
from urllib.parse import unquote_to_bytes

import msgspec

from chatd.errors import CloseCode, CloseConnection, ErrorCode
from chatd.model import MESSAGE_ID, Check, Identity, checked_icon, checked_id, checked_name

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MD5_HEX = re.compile(r"[0-9A-Fa-f]{32}")


class Credentials(msgspec.Struct, frozen=True):
    """What a project's accounts are checked against (C3). Its repr tells nothing."""

    client_type: str | None
    account: str | None
    password: str | None

    def __repr__(self) -> str:
        return "<Credentials>"


def parse(uri: str) -> tuple[Identity, Credentials | None, str | None]:
    """Who wants to connect, with which credentials if any, and after which message if history is asked for.

    :param uri: the request-URI as it came, its bytes decoded as ISO 8859-1.
    :raises CloseConnection: 4400 naming the parameter at fault, or 4403 for what C1 and C5 forbid.
    """
    values = _query(uri.partition("?")[2])
    name = _required(values, "name", checked_name)
    _check_sender_type(_required(values, "senderType", str))
    user_id = _required(values, "userId", checked_id)
    room = _required(values, "roomName", checked_id)
    icon = _required(values, "icon", checked_icon)
    container_id = _optional(values, "containerId", checked_id)
    if container_id not in (None, user_id):
        raise CloseConnection(
            CloseCode.FORBIDDEN, ErrorCode.FORBIDDEN, "containerId must be the connection's own userId."
        )
    target_id = _optional(values, "targetId", checked_id)
    return Identity(user_id, name, icon, room, container_id, target_id), _credentials(values), _after(values)


def _credentials(values: dict[str, str]) -> Credentials | None:
    found = Credentials(
        _optional(values, "clientType", checked_id),
        _optional(values, "account", checked_id),
        _optional(values, "password", _checked_md5),
    )
    return None if (found.client_type, found.account, found.password) == (None, None, None) else found


def _after(values: dict[str, str]) -> str | None:
    """R1: an empty one asks from the oldest message on."""
    return _checked(values["after"], "after", _checked_message_id) if "after" in values else None


def _checked_message_id(text: str) -> str:
    if not re.search(MESSAGE_ID, text):
        raise ValueError("must be a messageId")
    return text


def _checked_md5(text: str) -> str:
    if not _MD5_HEX.fullmatch(text):
        raise ValueError("must be an MD5 in 32 hexadecimal digits")
    return text.lower()


def _check_sender_type(text: str) -> None:
    if text == "SINGLE":
        raise CloseConnection(
            CloseCode.FORBIDDEN, ErrorCode.UNSUPPORTED, "senderType SINGLE is not yet supported."
        )
    if text != "GROUP":
        raise _bad("senderType", "must be GROUP")


_KNOWN = frozenset(
    {
        *("name", "senderType", "userId", "roomName", "icon", "containerId", "targetId"),
        *("clientType", "account", "password", "after"),
    }
)


def _query(query: str) -> dict[str, str]:
    """The known parameters of a query string, decoded; the unknown ones are passed over."""
    values: dict[str, str] = {}
    for pair in query.split("&"):
        raw_key, _, raw_value = pair.partition("=")
        key = raw_key
        if key not in _KNOWN:
            key = unquote_to_bytes(raw_key.replace("+", " ")).decode("latin-1")
            if key not in _KNOWN:
                continue
        if key in values:
            raise _bad(key, "is given twice")
        values[key] = _decoded(key, raw_value)
    return values


def _decoded(key: str, raw: str) -> str:
    if raw.isascii() and "%" not in raw and "+" not in raw:
        return raw
    if _BROKEN_ESCAPE.search(raw):
        raise _bad(key, "holds a broken %-escape")
    try:
        return unquote_to_bytes(raw.replace("+", " ").encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        raise _bad(key, "is not valid UTF-8") from None


def _required(values: dict[str, str], key: str, check: Check) -> str:
    if key not in values:
        raise CloseConnection(CloseCode.BAD_PARAMETER, ErrorCode.MISSING_PARAMETER, f"{key} is required.")
    return _checked(values[key], key, check)


def _optional(values: dict[str, str], key: str, check: Check) -> str | None:
    text = values.get(key)
    return _checked(text, key, check) if text else None


def _checked(text: str, key: str, check: Check) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise _bad(key, str(error)) from None


def _bad(key: str, what: str) -> CloseConnection:
    return CloseConnection(CloseCode.BAD_PARAMETER, ErrorCode.BAD_PARAMETER, f"{key} {what}.")
