"""Attacks with messages: JSON that is hard to read, and floods of what is right."""

import json
from contextlib import ExitStack, suppress

from tests.abuse.attacks import MESSAGE_SIZE, Target
from tests.client import TEXT, client_frame

ROOM_FOR = MESSAGE_SIZE - 100  # beside the rest of a message


def _text(content: str) -> bytes:
    return b'{"messageType":"text","messageContent":' + content.encode() + b"}"


def _custom(content: str) -> bytes:
    accessory = b'{"eventType":"x","customContent":' + content.encode() + b"}"
    return b'{"messageType":"event","accessoryContent":' + accessory + b"}"


def json_bombs(on: Target) -> None:
    """bad_json or bad_message, and the connection goes on; what is odd but sound is delivered once."""
    deep, digits = ROOM_FOR // 2, "9" * ROOM_FOR
    refused = [
        b"[" * MESSAGE_SIZE,
        b'{"a":' * (MESSAGE_SIZE // 5),
        b"[" * deep + b"]" * deep,
        _custom('{"a":' * 9_000 + "1" + "}" * 9_000),
        _custom("[" * deep + "]" * deep),
        _text(digits),
        _text("NaN"),
        _custom("NaN"),
        _custom("Infinity"),
        _custom("-"),
        b'{"messageType":"voice","accessoryContent":{"file":"x","duration":1e400}}',
        b'{"limit":' + digits.encode() + b',"eventType":"history"}',
        b'{"eventType":"history","limit":1e308}',
        b'"' + b"\\u0000" * (ROOM_FOR // 6) + b'"',
        _text('"\\ud800"'),
        b'{"messageType":"text","messageContent":"x"} {}',
    ]
    for bomb in refused:
        with on.join() as client:
            client.send_frame(TEXT, bomb)
            answer = client.receive()
            assert answer["messageType"] == "error", bomb[:70]
            assert answer["code"] in ("bad_json", "bad_message"), bomb[:70]
            assert client.hear_all() == []


def odd_json(on: Target) -> None:
    """Delivered, and each delivered once: the last of a key that is there twice, and long keys dropped."""
    key = "k" * ROOM_FOR
    with on.join() as client:
        client.send_frame(TEXT, b'{"messageType":"text","messageContent":"a","messageContent":"b"}')
        assert client.receive()["messageContent"] == "b"
        client.send_frame(TEXT, b'{"messageType":"text","messageContent":"x","%b":1}' % key.encode())
        assert "k" * 100 not in json.dumps(client.receive())
        client.send_frame(TEXT, _custom("1e999999999999"))
        assert b'"customContent":1e999999999999}' in client.receive_frame()[1]
        client.send_frame(TEXT, b'{"messageType":"text","messageContent":"\\u0000\\u2028"}')
        assert client.receive()["messageContent"] == "\u0000\u2028"


def message_flood(on: Target) -> str:
    """rate_limited, and 4429 for who does not stop; nobody else hears what was too much."""
    message = client_frame(TEXT, _text('"x"'))
    with on.join() as client:
        with suppress(ConnectionError):
            client.send_bytes(message * 20_000)
        assert client.ended_with(4429)
    return on.closed_with(4429)


def nonsense_flood(on: Target) -> str:
    """1008 after twenty erroneous messages in a row."""
    with on.join() as client:
        with suppress(ConnectionError):
            client.send_bytes(client_frame(TEXT, b"{" + b"x" * 1000) * 1000)
        assert client.ended_with(1008)
    return on.closed_with(1008)


def history_flood(on: Target) -> None:
    """The connection ends: pages of history count as messages, they are read one by one, and have a size."""
    with on.dial().join(userId="mallory", roomName="library") as writer:
        writer.send_frame(TEXT, b'{"eventType":"history","limit":1}')
        if not writer.receive()["messages"]:
            for _ in range(190):
                writer.send_frame(TEXT, _text(json.dumps("x" * 60_000)))
                writer.receive()
    with on.dial().join(userId="mallory", roomName="library") as client:
        with suppress(ConnectionError):
            client.send_bytes(client_frame(TEXT, b'{"eventType":"history","limit":200}') * 20_000)
        assert client.ended_with(4429)


def online_flood(on: Target) -> str:
    """1013: answers of who is online have a size, and come one after the other to who does not read them."""
    icon = "https://cdn.example/" + "x" * 2028
    with ExitStack() as stack:
        for number in range(150):
            member = stack.enter_context(on.dial(number % 2))
            member.join(userId=f"m{number}", roomName=on.room, icon=icon)
        mallory = stack.enter_context(on.dial(2, receive_buffer=4096))
        mallory.join(userId="mallory", name="Mallory", roomName=on.room)
        witness = stack.enter_context(on.join("witness"))
        mallory.send_bytes(client_frame(TEXT, b'{"eventType":"online","limit":1000}') * 190)
        heard = witness.receive()
        assert (heard["action"], heard["userId"]) == ("out", "mallory")
        assert mallory.ended_with(1013)
    return on.closed_with(1013)
