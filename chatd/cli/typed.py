"""Lines that somebody types, as what is asked of the server. One that does not begin with ``/`` is said."""

from collections.abc import Callable
from typing import Any

import msgspec

from chatd.wire.commands import (
    ADD_CONTAINER,
    AUTO_RETURN,
    CREATE_CONTAINER,
    HISTORY,
    ONLINE,
    REMOVE_CONTAINER,
    UPDATE_ROOM_NAME,
    UPDATE_USER_INFO,
)

Frame = dict[str, Any]


class SpeakIn(msgspec.Struct, frozen=True):
    """From now on what is said goes to a container; None: to the room."""

    container: str | None


def parse(line: str, here: str | None) -> Frame | SpeakIn:
    """What a line asks for.

    :param here: the container in which its author speaks.
    :raises ValueError: with what is wrong with it.
    """
    if not line.startswith("/") or line.startswith("//"):
        said = line.removeprefix("/") if line.startswith("//") else line
        return _in({"messageType": "text", "messageContent": said}, here)
    name, _, rest = line[1:].partition(" ")
    if name not in _COMMANDS:
        raise ValueError(f"there is no /{name}; /help lists what there is, and //{name} says it")
    return _COMMANDS[name][2](rest.strip(), here)


def _in(frame: Frame, container: str | None) -> Frame:
    return frame if container is None else {**frame, "containerId": container}


def _named(rest: str, what: str) -> str:
    if not rest:
        raise ValueError(f"{what} is missing; see /help")
    return rest


def _open(rest: str, here: str | None) -> Frame:
    return {"eventType": ADD_CONTAINER, "containerId": _named(rest, "the container")}


def _close(rest: str, here: str | None) -> Frame:
    return {"eventType": REMOVE_CONTAINER, "containerId": _named(rest or here or "", "the container")}


def _ask(rest: str, here: str | None) -> Frame:
    agent, _, target = _named(rest, "the agent").partition(" ")
    frame = {"eventType": CREATE_CONTAINER, "acceptId": agent}
    return {**frame, "targetId": target.strip()} if target.strip() else frame


def _speak_in(rest: str, here: str | None) -> SpeakIn:
    return SpeakIn(rest or None)


def _reply(rest: str, here: str | None) -> Frame:
    code = _named(rest, "the reply's code")
    if here is None:
        raise ValueError("a reply is said in a container; see /in")
    return {"eventType": AUTO_RETURN, "messageContent": code, "containerId": here}


def _room(rest: str, here: str | None) -> Frame:
    return {"eventType": UPDATE_ROOM_NAME, "messageContent": _named(rest, "the room")}


def _name(rest: str, here: str | None) -> Frame:
    return {"eventType": UPDATE_USER_INFO, "messageContent": _named(rest, "the name")}


def _history(rest: str, here: str | None) -> Frame:
    if rest and not (rest.isascii() and rest.isdecimal() and 1 <= int(rest) <= 200):
        raise ValueError("expected a number from 1 to 200")
    return _in({"eventType": HISTORY, "limit": int(rest or 50)}, here)


def _who(rest: str, here: str | None) -> Frame:
    return _in({"eventType": ONLINE}, rest or here)


_COMMANDS: dict[str, tuple[str, str, Callable[[str, str | None], Frame | SpeakIn]]] = {
    "open": ("CONTAINER", "open a customer's conversation, and speak there from now on", _open),
    "close": ("[CONTAINER]", "close a conversation; the one you speak in if left out", _close),
    "in": ("[CONTAINER]", "speak in that conversation from now on; in the room if left out", _speak_in),
    "ask": ("AGENT [TARGET]", "as a customer: ask an agent to open your conversation", _ask),
    "reply": ("CODE", "say the server's automatic reply of that code in the conversation", _reply),
    "room": ("NAME", "go to another room", _room),
    "name": ("NAME", "take another name", _name),
    "history": ("[N]", "show the last N messages of where you speak; 50 if left out", _history),
    "who": ("[CONTAINER]", "show who is online there; where you speak if left out", _who),
}

HELP = (
    "A line is said as it stands; one that begins with / asks for something else:",
    *(f"  /{name} {usage}".ljust(24) + sentence for name, (usage, sentence, _) in _COMMANDS.items()),
    "  /help".ljust(24) + "show this",
    "  /quit".ljust(24) + "end, once all that was typed before has been received (as does Ctrl-D)",
    "  //…".ljust(24) + "say a line that begins with /",
)
"""What /help shows."""
