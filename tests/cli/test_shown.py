"""What was heard as lines: one each, in local time, and nothing in them can act on a terminal."""

import json
import os
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.cli.shown import line, safe, safe_json

NOW = datetime(2026, 11, 23, 16, 20)


@pytest.fixture(autouse=True)
def in_shanghai() -> Iterator[None]:
    """The terminal is eight hours east of Greenwich."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC-8"
    time.tzset()
    yield
    del os.environ["TZ"]
    if before is not None:
        os.environ["TZ"] = before
    time.tzset()


def message(**fields: Any) -> dict[str, Any]:
    """A delivered message (D1)."""
    return {
        "messageContent": "hello",
        "messageType": "text",
        "nickName": "Ann",
        "createUser": "u-1",
        "createTime": "2026-11-23T08:15:30.123Z",
        "eventType": "ordinary",
        "roomName": "lobby",
        "messageId": "01",
    } | fields


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (message(), "16:15:30 Ann (u-1): hello"),
        (message(containerId="c-1"), "16:15:30 [c-1] Ann (u-1): hello"),
        (message(messageContent="a\nb\tc\rd"), r"16:15:30 Ann (u-1): a\nb c\rd"),
        (
            message(
                messageType="picture", messageContent="my cat", accessoryContent={"file": "https://x/c.jpg"}
            ),
            "16:15:30 Ann (u-1): <picture> my cat https://x/c.jpg",
        ),
        (
            {**message(messageType="event", accessoryContent={"eventType": "paid"}), "messageContent": None},
            "16:15:30 Ann (u-1): <event> paid",
        ),
        (message(messageType="video", accessoryContent=7), "16:15:30 Ann (u-1): <video> hello"),
        (
            message(eventType="createContainer", containerId="u-1", acceptId="a-1", targetId="order-7"),
            "16:15:30 [u-1] * Ann (u-1) asks for a-1 about order-7: /open u-1",
        ),
        (message(eventType="updateUserInfo", nickName="Anna"), "16:15:30 * u-1 is Anna now"),
        (
            {"messageType": "notice", "action": "in", "userId": "u-1", "messageContent": "Ann 进来了"},
            "16:20:00 * Ann 进来了 (u-1)",
        ),
        (
            {"messageType": "notice", "userId": "a", "messageContent": "bye", "containerId": "c-1"},
            "16:20:00 [c-1] * bye (a)",
        ),
        (
            {"messageType": "error", "code": "not_found", "messageContent": "No such container."},
            "16:20:00 ! not_found: No such container.",
        ),
        (
            {
                "messageType": "online",
                "containerId": "c-1",
                "count": 2,
                "users": [
                    {"userId": "c-1", "nickName": "Carl", "containerId": "c-1"},
                    {"userId": "a", "nickName": "A\x1bB"},
                ],
            },
            r"16:20:00 [c-1] * online: Carl (c-1), A\x1bB (a)",
        ),
        (
            {"messageType": "online", "count": 12, "users": [{"userId": "u-1", "nickName": "Ann"}, 7]},
            "16:20:00 * online: Ann (u-1) and 11 more",
        ),
        ({"messageType": "online", "count": "x", "users": 7}, "16:20:00 * online: "),
    ],
)
def test_a_frame_is_a_line(frame, expected):
    assert line(frame, NOW) == expected


def test_a_frame_without_the_fields_it_must_have_is_a_line_too():
    assert line({"messageContent": 7, "messageType": None}, NOW) == "  (): <>"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-23T08:15:30.123Z", "16:15:30"),
        ("2026-11-22T08:15:30.123Z", "2026-11-22 16:15:30"),
        ("2026-11-23 16:15:30", "16:15:30"),
        ("1795421730123", "16:15:30"),
        ("soon", "soon"),
        ("9" * 40, "9" * 40),
    ],
)
def test_times_are_local_however_the_server_writes_them(written, shown):
    assert line(message(createTime=written), NOW) == f"{shown} Ann (u-1): hello"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202ecba", r"a\u202ecba"),
        ("a\u2028b", r"a\u2028b"),
        ("\ud800", r"\ud800"),
        ("\x00\x7f", r"\x00\x7f"),
        ("你好 👩\u200d💻\u3000!", "你好 👩\u200d💻\u3000!"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out_and_the_rest_is_not(text, expected):
    assert safe(text) == expected


CONTROLS = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0x202E)}
FIELDS = ["messageContent", "nickName", "createUser", "createTime", "containerId", "acceptId", "targetId"]
FIELDS += ["messageType", "code", "userId", "action", "eventType"]


@given(
    st.sampled_from(FIELDS),
    st.text(st.characters(codec=None), min_size=1),
    st.sampled_from(["text", "notice", "error"]),
)
def test_no_field_of_a_frame_brings_a_control_character_to_the_terminal(field, text, kind):
    shown = line({**message(messageType=kind), field: text}, NOW)
    assert not CONTROLS & set(shown)
    shown.encode()


@given(
    st.recursive(st.text(st.characters(codec=None)) | st.integers() | st.none(), st.lists, max_leaves=5),
    st.booleans(),
)
def test_json_stays_the_same_json_in_one_line_without_control_characters(value, indented):
    text = json.dumps({"value": value}, ensure_ascii=False, indent=1 if indented else None)
    shown = safe_json(text)
    assert json.loads(shown) == {"value": value}
    assert not CONTROLS & set(shown)
    shown.encode()
