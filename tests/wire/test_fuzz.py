"""Whatever the bytes, decoding them raises nothing but a RequestError."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.errors import ErrorCode, RequestError
from chatd.wire import commands

FIELDS = [
    "messageContent",
    "messageType",
    "eventType",
    "acceptId",
    "userIcon",
    "containerId",
    "targetId",
    "accessoryContent",
    "userIconUpdate",
    "clientMessageId",
    "after",
    "before",
    "limit",
    "file",
    "previewUrl",
    "duration",
    "customContent",
    "eventDescription",
    "x",
]
WORDS = [
    "",
    "text",
    "picture",
    "video",
    "voice",
    "event",
    "ordinary",
    "createContainer",
    "addContainer",
    "removeContainer",
    "autoReturn",
    "updateRoomName",
    "updateUserInfo",
    "history",
    "online",
    "x" * 200,
    "\ud800",
]
names = st.sampled_from(FIELDS)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from([10**400, -(10**400), 1e308])
    | st.sampled_from(WORDS)
    | st.text(max_size=20)
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
sound_messages = st.sampled_from(
    [
        {"messageType": "text", "messageContent": "hello"},
        {"messageType": "video", "accessoryContent": {"file": "x"}},
        {"messageType": "event", "accessoryContent": {"customContent": [1]}},
        {"eventType": "updateUserInfo", "userIconUpdate": ""},
        {"eventType": "autoReturn", "containerId": "carl", "messageContent": "hours"},
    ]
)
messages = st.builds(
    lambda message, more: message | more,
    sound_messages | st.just({}),
    st.dictionaries(names, values, max_size=4),
)
json_texts = messages.map(lambda message: json.dumps(message).encode())
raw_leaves = st.sampled_from(
    [
        b"NaN",
        b"Infinity",
        b"-",
        b"1e999999",
        b"0x1",
        b"1" * 5000,
        b'"\\ud800"',
        b'"\\u12"',
        b'"\xff"',
        b"nul",
        b"\x00",
    ]
)


def assert_json(accessory: bytes) -> None:
    """accessoryContent goes to everybody as it came, so what is no JSON may not be taken. (That it is UTF-8
    is seen to before, by the frame's rules.)"""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = accessory.decode(errors="replace")
    assert isinstance(json.loads(text, parse_constant=refuse, parse_int=str), dict)


def decode(payload: bytes) -> None:
    """A command, or an error of the right kind; and what the error is about can be told, or not."""
    try:
        accessory = commands.decode(payload).accessory
        if accessory is not None and len(payload) < 10_000:  # Python's parser dives less deep
            assert_json(accessory)
    except RequestError as error:
        assert error.code in (ErrorCode.BAD_JSON, ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_EVENT)
        assert len(error.sentence) < 500
        error.sentence.encode()
    event, client_message_id = commands.request_of(payload)
    assert event is None or len(event) <= 128
    assert client_message_id is None or len(client_message_id) <= 64


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes(payload):
    decode(payload)


@settings(max_examples=150)
@given(json_texts)
def test_any_json_of_known_names(payload):
    decode(payload)


@settings(max_examples=200)
@given(json_texts, st.integers(min_value=0), st.integers(0, 3), st.binary(max_size=3))
def test_json_with_a_wound(payload, at, cut, patch):
    at %= len(payload)
    decode(payload[:at] + patch + payload[at + cut :])


@settings(max_examples=100)
@given(names, raw_leaves, json_texts)
def test_json_with_what_is_none_in_a_field(field, raw, payload):
    decode(b'{"%s":%s,%s' % (field.encode(), raw, payload[1:]))
    decode(b'{"messageType":"voice","accessoryContent":{"%s":%s,%s}' % (field.encode(), raw, payload[1:]))


@settings(max_examples=30)
@given(
    names,
    st.sampled_from([(b"[", b"]"), (b'{"file":', b"}"), (b'[{"accessoryContent":', b"}]")]),
    st.integers(1, 30_000),
)
def test_json_of_any_depth(field, brackets, depth):
    opening, closing = brackets
    head = b'{"messageType":"event","%s":%s' % (field.encode(), opening * depth)
    decode(head)
    decode(head + b"1" + closing * depth + b"}")
