"""Attacks with frames that RFC 6455 forbids, or that never end."""

import json
import os
import struct
import zlib
from contextlib import suppress

from tests.abuse.attacks import MESSAGE_SIZE, Target
from tests.client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame
from tests.house import target
from tests.processes.clients import RawClient

PROTOCOL_ERROR, NOT_UTF8, TOO_BIG, TOO_FAST = 1002, 1007, 1009, 4429
FLOOD = 64 * 1024 * 1024  # bytes, more than the server may keep


def _send_until_refused(client: RawClient, piece: bytes, most: int = FLOOD) -> None:
    sent = 0
    with suppress(ConnectionError):
        while sent < most:
            client.send_bytes(piece)
            sent += len(piece)


def oversize_frame(on: Target) -> None:
    """1009 at the head of a frame that is too long, before its payload has come."""
    for length in (MESSAGE_SIZE + 1, 1 << 32, (1 << 63) - 1):
        with on.join() as client:
            client.send_bytes(bytes([0x80 | TEXT, 0x80 | 127]) + struct.pack("!Q", length) + b"mask")
            assert client.receive()["code"] == "too_large"
            assert client.closed()[0] == TOO_BIG
            _send_until_refused(client, b"x" * 65_536)


def oversize_control_frame(on: Target) -> None:
    """1002 at the head of a ping that is too long; what it announces is not kept."""
    for length in (126, 1 << 20, (1 << 63) - 1):
        with on.join() as client:
            client.send_bytes(bytes([0x80 | PING, 0x80 | 127]) + struct.pack("!Q", length) + b"mask")
            assert client.closed()[0] == PROTOCOL_ERROR
            _send_until_refused(client, b"x" * 65_536)


def oversize_fragments(on: Target) -> None:
    """1009 as soon as the fragments of a message are too long together."""
    with on.join() as client:
        client.send_bytes(client_frame(TEXT, b"x" * 60_000, fin=False))
        client.send_bytes(client_frame(CONTINUATION, b"x" * 60_000, fin=False))
        assert client.receive()["code"] == "too_large"
        assert client.closed()[0] == TOO_BIG


def endless_fragments(on: Target) -> str:
    """4429: each fragment counts, though it be empty."""
    for piece in (b"", b"x"):
        with on.join() as client:
            client.send_bytes(client_frame(TEXT, piece, fin=False))
            _send_until_refused(client, client_frame(CONTINUATION, piece, fin=False) * 1000, 1024 * 1024)
            assert client.ended_with(TOO_FAST)
    return on.closed_with(TOO_FAST)


def ping_flood(on: Target) -> str:
    """4429, and as many answers as the rate allows."""
    with on.join() as client:
        _send_until_refused(client, client_frame(PING, b"x" * 125) * 500)
        assert client.ended_with(TOO_FAST)
    return on.closed_with(TOO_FAST)


def pong_flood(on: Target) -> str:
    """4429: what nobody asked for counts too."""
    with on.join() as client:
        _send_until_refused(client, client_frame(PONG, b"x" * 125) * 500)
        assert client.ended_with(TOO_FAST)
    return on.closed_with(TOO_FAST)


def invalid_utf8(on: Target) -> None:
    """1007, wherever in a text, and in whichever fragment, it is not UTF-8."""
    text = '{"messageType":"text","messageContent":"ä漢😀"}'.encode()
    start = text.index("ä".encode())
    broken = [text[:at] + b"\xff" + text[at:] for at in range(len(text) + 1)]
    broken += [text[:at] + text[at + 1 :] for at in range(start, len(text) - 2)]
    broken += [text[:at] for at in (start + 1, start + 3, start + 4, start + 6, start + 7, start + 8)]
    broken += [
        b'"' + bad + b'"'
        for bad in (b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80")
    ]
    for bad in broken:
        with on.join() as client:
            client.send_frame(TEXT, bad)
            assert client.closed()[0] == NOT_UTF8
    for at in range(1, 11):
        bad = text[: start + at] + b"\xff" + text[start + at :]
        with on.join() as client:
            client.send_bytes(client_frame(TEXT, bad[: start + at], fin=False))
            client.send_bytes(client_frame(CONTINUATION, bad[start + at :]))
            assert client.closed()[0] == NOT_UTF8
    with on.join() as client:
        client.send_frame(CLOSE, (1000).to_bytes(2) + b"\xff")
        assert client.closed()[0] == NOT_UTF8


def forbidden_frames(on: Target) -> None:
    """1002 for reserved bits and opcodes, no mask, fragments out of place, and no close codes."""
    text = b'{"messageType":"text","messageContent":"x"}'
    frames = [bytes([0x80 | bit | TEXT]) + client_frame(TEXT, text)[1:] for bit in (0x40, 0x20, 0x10)]
    frames += [client_frame(opcode, text) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)]
    frames += [
        client_frame(TEXT, text, mask=None),
        client_frame(CONTINUATION, text),
        client_frame(TEXT, text, fin=False) + client_frame(TEXT, text),
        client_frame(PING, b"x", fin=False),
        client_frame(CLOSE, b"x"),
        client_frame(CLOSE, (999).to_bytes(2)),
        client_frame(CLOSE, (1006).to_bytes(2)),
        client_frame(CLOSE, (5000).to_bytes(2)),
    ]
    for frame in frames:
        with on.join() as client:
            client.send_bytes(frame)
            assert client.closed()[0] == PROTOCOL_ERROR
            _send_until_refused(client, frame * 1000, 4 * 1024 * 1024)


def compression_bomb(on: Target) -> None:
    """No compression, though it is offered; 1002 for a compressed message that comes all the same."""
    squeeze = zlib.compressobj(wbits=-15)
    bomb = squeeze.compress(bytes(4 * 1024 * 1024)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    with on.dial() as client:
        offered = "permessage-deflate; client_max_window_bits"
        answer = client.request(target(userId="mallory", roomName=on.room), Sec_WebSocket_Extensions=offered)
        assert answer.startswith("HTTP/1.1 101 ")
        assert "extensions" not in answer.lower()
        client.receive()
        client.send_bytes(bytes([0x80 | 0x40 | TEXT]) + client_frame(TEXT, bomb)[1:])
        assert client.closed()[0] == PROTOCOL_ERROR


def binary_flood(on: Target) -> None:
    """1003 at the head of a binary message."""
    with on.join() as client:
        client.send_bytes(client_frame(BINARY, os.urandom(1000), fin=False))
        assert client.receive()["code"] == "unsupported"
        assert client.closed()[0] == 1003
        _send_until_refused(client, client_frame(CONTINUATION, bytes(1000), fin=False) * 60)


def slow_reader(on: Target) -> str:
    """1013 once more is unsent to it than may be; who talks to it goes on."""
    said = json.dumps({"messageType": "text", "messageContent": "x" * 60_000}).encode()
    with on.dial(receive_buffer=4096) as sloth, on.join() as talker:
        sloth.join(userId="sloth", name="Sloth", roomName=on.room)
        assert talker.receive()["action"] == "in"
        for _ in range(180):
            talker.send_frame(TEXT, said)
            heard = talker.receive()
            if heard["messageType"] == "notice":
                assert (heard["action"], heard["userId"]) == ("out", "sloth")
                assert sloth.ended_with(1013)
                return on.closed_with(1013)
        raise AssertionError("it was never given up")
