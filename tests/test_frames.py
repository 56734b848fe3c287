"""Frames of RFC 6455 as clients send them (C2: 1003, 1007, 1009)."""

import pytest

from tests.client import BINARY, CLOSE, CONTINUATION, PING, TEXT, client_frame

HELLO = b'{"messageType":"text","messageContent":"hello"}'
NI_HAO = '{"messageType":"text","messageContent":"你好"}'.encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_messages_may_come_in_pieces_of_any_size(house, size):
    (ann,) = house.room("ann")
    wide = b'{"messageType":"text","messageContent":"%s"}' % (b"x" * 200)
    stream = (
        client_frame(TEXT, HELLO)
        + client_frame(TEXT, wide)
        + client_frame(PING, b"?")
        + client_frame(TEXT, NI_HAO)
    )
    for start in range(0, len(stream), size):
        ann.send_bytes(stream[start : start + size])
    assert (ann.contents(), ann.pongs) == (["hello", "x" * 200, "你好"], [b"?"])


@pytest.mark.parametrize("length", [1, 78, 79, 80, 300, 1000])
def test_many_messages_may_come_at_once(house, length):
    ann, bob = house.room("ann", "bob")
    contents = [f"{n % 10}" * length for n in range(50)]
    ann.send_bytes(
        b"".join(client_frame(TEXT, HELLO.replace(b"hello", content.encode())) for content in contents)
    )
    assert bob.contents() == contents


def test_a_message_may_come_in_fragments_with_control_frames_between(house):
    (ann,) = house.room("ann")
    ann.send_frame(TEXT, NI_HAO[:41], fin=False)
    ann.send_frame(PING, b"there?")
    ann.send_frame(CONTINUATION, NI_HAO[41:], fin=False)
    ann.send_frame(CONTINUATION, b"")
    ann.send(HELLO)
    assert (ann.contents(), ann.pongs) == (["你好", "hello"], [b"there?"])


@pytest.mark.parametrize("mask", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x01\x02\x03\x04"])
@pytest.mark.parametrize("padding", [0, 1, 2, 3, 77, 78, 79, 80, 200])
def test_any_mask_is_taken_off(house, mask, padding):
    (ann,) = house.room("ann")
    ann.send_frame(TEXT, HELLO + b" " * padding, mask=mask)
    assert ann.contents() == ["hello"]


def test_a_ping_is_answered_with_its_payload(house):
    (ann,) = house.room("ann")
    ann.send_frame(PING, b"x" * 125)
    assert (ann.pongs, ann.frames()) == ([b"x" * 125], [])


VIOLATIONS = [
    client_frame(TEXT, HELLO, mask=None),
    client_frame(TEXT | 0x40, HELLO),
    client_frame(3, HELLO),
    client_frame(11, b""),
    client_frame(CONTINUATION, HELLO),
    client_frame(PING, b"", fin=False),
    client_frame(PING, b"x" * 126),
    client_frame(TEXT, HELLO, fin=False) + client_frame(TEXT, HELLO),
    b"\x81\xfe\x00\x01\x00\x00\x00\x00x",
    client_frame(CLOSE, b"\x03"),
    client_frame(CLOSE, b"\x03\xed"),
]


@pytest.mark.parametrize("violation", VIOLATIONS)
def test_a_violation_of_the_rfc_closes_the_connection_and_it_alone(house, violation):
    """RFC 6455 section 7.4.1: 1002."""
    ann, bob = house.room("ann", "bob")
    ann.send_bytes(violation + client_frame(TEXT, HELLO))
    assert (ann.closed, ann.is_connected) == (1002, False)
    assert [frame["action"] for frame in bob.frames()] == ["out"]


@pytest.mark.parametrize("payload", [b"x", b"", b"d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"])
def test_a_binary_message_is_refused(house, payload):
    """(C2: 1003)"""
    ann, bob = house.room("ann", "bob")
    ann.send_frame(BINARY, payload)
    assert (ann.frame()["code"], ann.closed, ann.is_connected) == ("unsupported", 1003, False)
    assert [frame["action"] for frame in bob.frames()] == ["out"]


def test_a_binary_message_is_refused_before_it_is_whole(house):
    """(C2: 1003)"""
    (ann,) = house.room("ann")
    ann.send_bytes(client_frame(BINARY, b"x" * 60_000)[:20])
    assert ann.closed == 1003


INVALID_UTF8 = [
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b'{"messageType":"text","messageContent":"\xff"}',
    b'{"messageType":"text","messageContent":"x","accessoryContent":{"a":"\xff"}}',
    b'{"messageType":"text","messageContent":"x","unknown":"\xff"}',
]


@pytest.mark.parametrize("payload", INVALID_UTF8)
@pytest.mark.parametrize("cut", [None, 1])
def test_a_text_message_that_is_not_utf8_is_refused(house, payload, cut):
    """(C2: 1007) Whole or in fragments, wherever in it."""
    ann, bob = house.room("ann", "bob")
    if cut is None:
        ann.send_frame(TEXT, payload)
    else:
        ann.send_frame(TEXT, payload[:cut], fin=False)
        ann.send_frame(CONTINUATION, payload[cut:])
    assert (ann.closed, ann.is_connected) == (1007, False)
    assert [frame["action"] for frame in bob.frames()] == ["out"]


def test_a_message_too_large_is_refused_before_it_is_whole(house):
    """(C2: 1009)"""
    (ann,) = house.room("ann")
    ann.send_bytes(client_frame(TEXT, b"x" * 70_000)[:20])
    assert (ann.frame()["code"], ann.closed) == ("too_large", 1009)


def test_a_message_too_large_in_fragments_is_refused(house):
    """(C2: 1009)"""
    (ann,) = house.room("ann")
    ann.send_frame(TEXT, b"x" * 40_000, fin=False)
    assert ann.closed is None
    ann.send_frame(CONTINUATION, b"x" * 40_000, fin=False)
    assert (ann.frame()["code"], ann.closed) == ("too_large", 1009)
