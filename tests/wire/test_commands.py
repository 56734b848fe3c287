"""What clients ask for, from the bytes of a text frame (M1, M3, E1)."""

import pytest

from chatd.wire.commands import Command, request_of
from tests.wire.decoding import ORDINARY, decode, field_at_fault, refusal

EVENTS = {
    "createContainer": {"acceptId": "agnes"},
    "addContainer": {"containerId": "carl"},
    "removeContainer": {"containerId": "carl"},
    "autoReturn": {"messageContent": "hours", "containerId": "carl"},
    "updateRoomName": {"messageContent": "den"},
    "updateUserInfo": {"messageContent": "Bob"},
    "history": {},
    "online": {},
}

# -- the fields (M1) --------------------------------------------------------------------------------


def test_every_field_of_the_original_is_read():
    """(M1)"""
    command = decode(
        {
            "messageContent": "hello",
            "messageType": "text",
            "eventType": "ordinary",
            "acceptId": "agnes",
            "userIcon": "http://a/b.png",
            "containerId": "carl",
            "targetId": "order-1",
            "accessoryContent": {"a": 1},
            "clientMessageId": "m-1",
        }
    )
    assert command == Command(
        "hello",
        "text",
        "ordinary",
        "agnes",
        "http://a/b.png",
        "carl",
        "order-1",
        command.accessory_content,
        None,
        "m-1",
    )
    assert command.accessory == b'{"a": 1}'


def test_a_message_without_an_event_type_is_an_ordinary_one():
    """(M1)"""
    assert decode(ORDINARY["text"]).event == "ordinary"


@pytest.mark.parametrize("left_out", ["", None])
def test_an_event_type_without_a_value_counts_as_left_out(left_out):
    """(M1)"""
    assert decode(ORDINARY["text"] | {"eventType": left_out}).event == "ordinary"


def test_unknown_fields_are_dropped():
    """(M1)"""
    assert decode(ORDINARY["text"] | {"nickName": "Eve", "x": {"y": [1]}}) == decode(ORDINARY["text"])


STRINGS = [
    "messageContent",
    "messageType",
    "eventType",
    "acceptId",
    "userIcon",
    "containerId",
    "targetId",
    "userIconUpdate",
    "clientMessageId",
]


@pytest.mark.parametrize("field", STRINGS)
@pytest.mark.parametrize("value", [1, True, [], {}], ids=repr)
def test_a_field_of_another_type_is_named(field, value):
    """(E1)"""
    assert field_at_fault(ORDINARY["text"] | {field: value}) == field


LIMITS = {"acceptId": 128, "userIcon": 2048, "containerId": 128, "targetId": 128, "clientMessageId": 64}


@pytest.mark.parametrize("field", LIMITS)
def test_a_field_may_be_as_long_as_its_limit(field):
    """(M1, C1)"""
    decode(ORDINARY["text"] | {field: "张" * LIMITS[field]})


@pytest.mark.parametrize("field", LIMITS)
def test_a_field_longer_than_its_limit_is_named(field):
    """(M1, C1, E1)"""
    assert field_at_fault(ORDINARY["text"] | {field: "x" * (LIMITS[field] + 1)}) == field


def test_what_is_wrong_with_a_field_is_said_without_the_parsers_words():
    """(E1)"""
    assert refusal({"messageContent": 1}) == ("bad_message", "messageContent: expected str, got int.")


# -- JSON (E1) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"{",
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"messageContent":"\xff"}',
        b"{}{}",
        b'{"a":"\n"}',
    ],
)
def test_what_is_not_json_is_bad_json(payload):
    """(E1)"""
    assert refusal(payload)[0] == "bad_json"


@pytest.mark.parametrize("payload", [b"null", b"1", b'"text"', b"[]", b"true"])
def test_json_that_is_no_object_is_a_bad_message(payload):
    """(E1)"""
    code, sentence = refusal(payload)
    assert code == "bad_message"
    assert sentence.startswith("the frame: expected object")


def test_what_a_member_holds_is_looked_at_too():
    """(E1) On the wire, what is not UTF-8 does not come this far (C2: 1007)."""
    payload = b'{"messageType":"picture","accessoryContent":{"file":"\xff"}}'
    code, sentence = refusal(payload)
    assert (code, sentence.partition(":")[0]) == ("bad_message", "accessoryContent")


def test_json_deeper_than_the_stack_is_refused():
    """(E1)"""
    assert refusal(b'{"accessoryContent":' + b"[" * 100_000 + b"]" * 100_000 + b"}")[0] == "bad_json"


# -- events (M3) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_needs_no_message_type(event):
    """(M3)"""
    command = decode({"eventType": event} | EVENTS[event])
    assert (command.event, command.message_type) == (event, None)


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_may_carry_a_message_type(event):
    """(M3)"""
    assert decode({"eventType": event, "messageType": "text"} | EVENTS[event]).message_type == "text"


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_may_not_carry_another_message_type(event):
    """(M2, M3)"""
    assert field_at_fault({"eventType": event, "messageType": "notice"} | EVENTS[event]) == "messageType"


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_may_not_carry_accessory_content_that_is_no_object(event):
    """(M1, M3)"""
    assert field_at_fault({"eventType": event, "accessoryContent": [1]} | EVENTS[event]) == "accessoryContent"


REQUIRED = [(event, field) for event, fields in EVENTS.items() for field in fields]


@pytest.mark.parametrize(("event", "field"), REQUIRED)
@pytest.mark.parametrize("value", ["", None])
def test_what_an_event_requires_is_named_when_it_is_missing(event, field, value):
    """(M3)"""
    fields = {"eventType": event} | EVENTS[event]
    assert field_at_fault(fields | {field: value}) == field
    del fields[field]
    assert field_at_fault(fields) == field


@pytest.mark.parametrize("room", ["x" * 129, "a\nb", "\x7f"])
def test_a_new_room_is_held_to_the_rule_of_a_first_one(room):
    """(M3, C1)"""
    assert field_at_fault({"eventType": "updateRoomName", "messageContent": room}) == "messageContent"


@pytest.mark.parametrize("name", ["x" * 65, "   ", "a\nb"])
def test_a_new_name_is_held_to_the_rule_of_a_first_one(name):
    """(M3, C1)"""
    assert field_at_fault({"eventType": "updateUserInfo", "messageContent": name}) == "messageContent"


@pytest.mark.parametrize("icon", ["x" * 2049, "a\nb"])
def test_a_new_icon_is_held_to_the_rule_of_a_first_one(icon):
    """(M3, C1)"""
    assert field_at_fault({"eventType": "updateUserInfo", "userIconUpdate": icon}) == "userIconUpdate"


def test_a_new_icon_may_be_empty():
    """(M3) No avatar any more."""
    assert decode({"eventType": "updateUserInfo", "userIconUpdate": ""}).user_icon_update == ""


@pytest.mark.parametrize(("event", "most"), [("history", 200), ("online", 1000)])
def test_a_limit_may_be_as_high_as_its_events(event, most):
    """(R1, R2)"""
    assert decode({"eventType": event, "limit": most}).limit == most
    for limit in (0, most + 1):
        assert field_at_fault({"eventType": event, "limit": limit}) == "limit"
    code, sentence = refusal({"eventType": event, "limit": most + 1})
    assert (code, sentence) == ("bad_message", f"limit: expected int <= {most}.")


@pytest.mark.parametrize("event", ["Ordinary", "addcontainer", "outAll", "in", "x" * 5000])
def test_an_unknown_event_is_refused_in_a_sentence_of_bounded_length(event):
    """(E1)"""
    code, sentence = refusal({"eventType": event})
    assert code == "unknown_event"
    assert len(sentence) < 100


# -- what can be told of a refused frame (E1) -------------------------------------------------------


def test_a_refused_frame_may_still_tell_what_it_was():
    """(E1, M1)"""
    payload = b'{"eventType":"addContainer","clientMessageId":"m-1","containerId":7}'
    assert request_of(payload) == ("addContainer", "m-1")
    payload = b'{"eventType":"%s","clientMessageId":"%s"}' % (b"x" * 128, b"y" * 64)
    assert request_of(payload) == ("x" * 128, "y" * 64)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"{}",
        b'{"eventType":1,"clientMessageId":null}',
        b'{"eventType":"%s","clientMessageId":"%s"}' % (b"x" * 129, b"x" * 65),
        b'{"eventType":"\xff","clientMessageId":"\xff"}',
        b"[" * 100_000,
    ],
    ids=range(7),
)
def test_nothing_is_told_that_cannot_be(payload):
    """(E1)"""
    assert request_of(payload) == (None, None)
