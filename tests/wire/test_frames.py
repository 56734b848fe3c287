"""Frames as the server writes them (RFC 6455 section 5.2)."""

import pytest

from chatd.wire.frames import HEARTBEAT, HEARTBEAT_FRAME, PING_FRAME, text_frame
from tests.client import PING, TEXT, server_frames


@pytest.mark.parametrize(
    ("length", "head"),
    [
        (0, b"\x81\x00"),
        (1, b"\x81\x01"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_length_is_written_as_short_as_it_can_be(length, head):
    assert text_frame(b"x" * length) == head + b"x" * length


def test_the_example_of_the_rfc():
    """RFC 6455 section 5.7: a single-frame unmasked text message."""
    assert text_frame(b"Hello") == b"\x81\x05Hello"


def test_the_heartbeat_is_the_originals():
    """(H1)"""
    assert HEARTBEAT == b"d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"
    assert server_frames(HEARTBEAT_FRAME) == ([(TEXT, HEARTBEAT)], b"")


def test_a_ping_is_empty():
    """(H2)"""
    assert server_frames(PING_FRAME) == ([(PING, b"")], b"")
