"""Lines that somebody types, as frames."""

import json

import pytest

from chatd.cli.typed import HELP, SpeakIn, parse
from chatd.wire.commands import decode

CARL = {"containerId": "carl"}


@pytest.mark.parametrize(
    ("line", "here", "expected"),
    [
        ("hello", None, {"messageType": "text", "messageContent": "hello"}),
        ("hello", "carl", {"messageType": "text", "messageContent": "hello", **CARL}),
        (" two  words ", None, {"messageType": "text", "messageContent": " two  words "}),
        ("//etc", None, {"messageType": "text", "messageContent": "/etc"}),
        ("/open carl", None, {"eventType": "addContainer", **CARL}),
        ("/close carl", "dora", {"eventType": "removeContainer", **CARL}),
        ("/close", "carl", {"eventType": "removeContainer", **CARL}),
        ("/ask agnes", "carl", {"eventType": "createContainer", "acceptId": "agnes"}),
        (
            "/ask agnes order 7",
            None,
            {"eventType": "createContainer", "acceptId": "agnes", "targetId": "order 7"},
        ),
        ("/reply hours", "carl", {"eventType": "autoReturn", "messageContent": "hours", **CARL}),
        ("/room  the other ", None, {"eventType": "updateRoomName", "messageContent": "the other"}),
        ("/name Ann B.", None, {"eventType": "updateUserInfo", "messageContent": "Ann B."}),
        ("/history", None, {"eventType": "history", "limit": 50}),
        ("/history 7", "carl", {"eventType": "history", "limit": 7, **CARL}),
        ("/who", None, {"eventType": "online"}),
        ("/who", "carl", {"eventType": "online", **CARL}),
        ("/who carl", None, {"eventType": "online", **CARL}),
    ],
)
def test_a_line_is_a_frame_that_the_server_takes(line, here, expected):
    frame = parse(line, here)
    assert frame == expected
    decode(json.dumps(frame).encode())


def test_in_says_where_one_speaks():
    assert parse("/in carl", None) == SpeakIn("carl")
    assert parse("/in", "carl") == SpeakIn(None)


@pytest.mark.parametrize(
    ("line", "here", "why"),
    [
        ("/nope", None, "there is no /nope; /help lists what there is, and //nope says it"),
        ("/open", "carl", "the container is missing; see /help"),
        ("/close", None, "the container is missing; see /help"),
        ("/ask", None, "the agent is missing; see /help"),
        ("/reply", "carl", "the reply's code is missing; see /help"),
        ("/reply hours", None, "a reply is said in a container; see /in"),
        ("/room ", None, "the room is missing; see /help"),
        ("/name", None, "the name is missing; see /help"),
        ("/history many", None, "expected a number from 1 to 200"),
        ("/history 201", None, "expected a number from 1 to 200"),
        ("/history 0", None, "expected a number from 1 to 200"),
        ("/", None, "there is no /; /help lists what there is, and // says it"),
    ],
)
def test_a_line_that_is_not_as_it_must_be_is_refused_with_a_sentence(line, here, why):
    with pytest.raises(ValueError) as refused:
        parse(line, here)
    assert str(refused.value) == why


@pytest.mark.parametrize(
    "name", ["open", "close", "in", "ask", "reply", "room", "name", "history", "who", "help", "quit"]
)
def test_help_has_every_command(name):
    assert sum(line.startswith(f"  /{name}") for line in HELP) == 1
