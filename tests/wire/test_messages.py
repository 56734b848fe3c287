"""Ordinary messages and what each kind of them must hold (M2)."""

import pytest

from chatd.wire import commands
from tests.wire.decoding import FILE, ORDINARY, decode, field_at_fault, refusal


@pytest.mark.parametrize("kind", ORDINARY)
def test_every_kind_of_message_is_taken_with_the_least_it_needs(kind):
    """(M2)"""
    assert decode(ORDINARY[kind]).message_type == kind


@pytest.mark.parametrize("left_out", [{}, {"messageType": ""}, {"messageType": None}])
def test_an_ordinary_message_needs_a_message_type(left_out):
    """(M2)"""
    assert refusal({"messageContent": "hello"} | left_out) == ("bad_message", "messageType: is required.")


@pytest.mark.parametrize("kind", ["TEXT", "notice", "error", "history", "online", "x" * 100])
def test_any_other_message_type_is_refused(kind):
    """(M2)"""
    assert field_at_fault({"messageType": kind, "messageContent": "hello"}) == "messageType"


@pytest.mark.parametrize("left_out", [{}, {"messageContent": ""}, {"messageContent": None}])
def test_a_text_needs_content(left_out):
    """(M2)"""
    assert refusal({"messageType": "text"} | left_out) == ("bad_message", "messageContent: is required.")


@pytest.mark.parametrize("kind", ["picture", "video", "voice", "event"])
@pytest.mark.parametrize("left_out", [{}, {"accessoryContent": ""}, {"accessoryContent": None}])
def test_the_other_kinds_need_accessory_content(kind, left_out):
    """(M2)"""
    assert refusal({"messageType": kind} | left_out) == ("bad_message", "accessoryContent: is required.")


@pytest.mark.parametrize("kind", ["picture", "video", "voice"])
def test_media_need_a_file(kind):
    """(M2)"""
    assert refusal({"messageType": kind, "accessoryContent": {}}) == (
        "bad_message",
        "accessoryContent.file: is required.",
    )


WRONG_MEMBERS = [
    ("picture", "file", ""),
    ("picture", "file", None),
    ("picture", "file", 1),
    ("picture", "previewUrl", 1),
    ("video", "file", ""),
    ("video", "previewUrl", []),
    ("video", "duration", "5"),
    ("video", "duration", -1),
    ("voice", "file", {}),
    ("voice", "duration", True),
    ("voice", "duration", -0.5),
    ("event", "eventType", 1),
    ("event", "eventDescription", {}),
]


@pytest.mark.parametrize(("kind", "member", "value"), WRONG_MEMBERS)
def test_a_member_of_another_type_is_named(kind, member, value):
    """(M2)"""
    accessory = {} if kind == "event" else FILE
    fields = {"messageType": kind, "accessoryContent": accessory | {member: value}}
    assert field_at_fault(fields) == f"accessoryContent.{member}"


FOREIGN_MEMBERS = [
    ("picture", {"duration": "long"}),
    ("voice", {"previewUrl": 1}),
    ("event", {"file": 1, "duration": "long"}),
    ("video", {"width": {"px": 640}}),
]


@pytest.mark.parametrize(("kind", "members"), FOREIGN_MEMBERS)
def test_members_that_its_kind_does_not_know_are_not_looked_at(kind, members):
    """(M2)"""
    accessory = FILE | members if kind != "event" else members
    assert decode({"messageType": kind, "accessoryContent": accessory}).accessory is not None


@pytest.mark.parametrize("value", [0, 5, 1.5, None])
def test_a_duration_is_any_number_that_is_not_negative(value):
    """(M2)"""
    decode({"messageType": "voice", "accessoryContent": FILE | {"duration": value}})


@pytest.mark.parametrize("content", [None, 1, "x", [1], {"a": {"b": None}}, True])
def test_a_custom_content_is_any_json(content):
    """(M2)"""
    decode({"messageType": "event", "accessoryContent": {"customContent": content}})


@pytest.mark.parametrize("accessory", ["x", 1, [], True])
@pytest.mark.parametrize("kind", [*ORDINARY])
def test_accessory_content_is_an_object(kind, accessory):
    """(M1, M2)"""
    assert field_at_fault(ORDINARY[kind] | {"accessoryContent": accessory}) == "accessoryContent"


def test_accessory_content_is_kept_to_the_byte():
    """(M2)"""
    raw = b'{ "file" :"a", "x":1.50,\n"z":"\\u00e9", "z":2 }'
    payload = b'{"messageType":"picture","accessoryContent":%s}' % raw
    assert commands.decode(payload).accessory == raw
