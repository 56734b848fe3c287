"""RFC 6455 frames as the server writes them, and the heartbeat."""

import struct

HEARTBEAT = b"d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"
"""H1: the text frame that says a client is alive, and the server's answer to it."""

PING_FRAME = b"\x89\x00"


def text_frame(payload: bytes) -> bytes:
    """A server's text frame: FIN, opcode 1, unmasked (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81%c%s" % (length, payload)
    if length < 65536:
        return b"\x81\x7e%s%s" % (struct.pack("!H", length), payload)
    return b"\x81\x7f%s%s" % (struct.pack("!Q", length), payload)


HEARTBEAT_FRAME = text_frame(HEARTBEAT)
