"""Frames decoded, or refused: what the tests of commands share."""

import json
from typing import Any

import pytest

from chatd.errors import RequestError
from chatd.wire import commands
from chatd.wire.commands import Command

FILE = {"file": "http://files/1"}
ORDINARY = {
    "text": {"messageType": "text", "messageContent": "hello"},
    "picture": {"messageType": "picture", "accessoryContent": FILE},
    "video": {"messageType": "video", "accessoryContent": FILE},
    "voice": {"messageType": "voice", "accessoryContent": FILE},
    "event": {"messageType": "event", "accessoryContent": {}},
}


def decode(fields: Any) -> Command:
    """The command in a JSON text."""
    return commands.decode(json.dumps(fields).encode())


def refusal(payload: Any) -> tuple[str, str]:
    """The code and the sentence that a frame earns; bytes are sent as they are."""
    with pytest.raises(RequestError) as caught:
        commands.decode(payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return str(caught.value.code), caught.value.sentence


def field_at_fault(fields: dict[str, Any]) -> str:
    """The field that a bad_message names."""
    code, sentence = refusal(fields)
    assert code == "bad_message"
    return sentence.partition(":")[0]
