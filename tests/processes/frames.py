"""The frames that clients expect, whole: only what nobody can know before is compared by its shape."""

import re
from typing import Any


class Shape:
    """Equal to every text of a shape, a regular expression."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and re.fullmatch(self._pattern, other) is not None

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._pattern}>"


CREATE_TIME = Shape(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MESSAGE_ID = Shape(r"[0-9a-f]{14}")
SENTENCE = Shape(r"\S.*\.")


def message(user: str, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    """A delivered message (D1) of a user who, as ``ann``, is called Ann and has no avatar."""
    return {
        "nickName": user.capitalize(),
        "createUser": user,
        "createTime": CREATE_TIME,
        "roomName": room,
        "messageId": MESSAGE_ID,
        "eventType": "ordinary",
        **fields,
    }


def text(user: str, content: str, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    """A delivered text (M2)."""
    return message(user, room, messageType="text", messageContent=content, **fields)


def notice(action: str, user: str, count: int, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    """A notice (N1, N2, N4) about a user who, as ``ann``, is called Ann."""
    name = fields.get("nickName", user.capitalize())
    told = f"{name} 进来了" if action == "in" else f"{name}, 离开了"
    return {
        "messageType": "notice",
        "nickName": name,
        "count": count,
        "userId": user,
        "action": action,
        "messageContent": f"{told}，现在共有【{count}】人在线",
        "roomName": room,
        **fields,
    }


def error(code: str, **fields: Any) -> dict[str, Any]:
    """An error (E1), whatever its sentence."""
    return {"messageType": "error", "code": code, "messageContent": SENTENCE, **fields}
