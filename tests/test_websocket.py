"""chatd's way of receiving against Autobahn's own: whatever the bytes, and however TCP cuts them, both do
the same. (RFC 6455 itself is tested by tests/conformance.)"""

import struct
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any

import pytest
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import currently_in_test_context, event, example, given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock

from chatd.websocket import OPEN, SKIPPED_FRAMES, LeanFactory, LeanProtocol, unmasked
from tests.client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, MemoryTransport, client_frame
from tests.house import request

# -- the two servers --------------------------------------------------------------------------------


class Telling:
    """Tells everything that it hears; some messages make it do something."""

    heard: list[tuple[object, ...]]

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.heard.append(("message", payload, isBinary))
        if payload == b"close":
            self.sendCloseFrame(code=4000, reasonUtf8=b"as you wish")
        elif payload in (b"drop", b"abort"):
            self.dropConnection(abort=payload == b"abort")
        elif payload == b"echo" and self.state == OPEN:
            self.sendMessage(payload, isBinary)

    def onPing(self, payload: bytes) -> None:
        self.heard.append(("ping", payload))
        super().onPing(payload)

    def onPong(self, payload: bytes) -> None:
        self.heard.append(("pong", payload))

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        self.heard.append(("close frame", code, reasonRaw))
        return super().onCloseFrame(code, reasonRaw)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self.heard.append(("end", wasClean, code))


class Lean(Telling, LeanProtocol):
    """chatd's."""

    def overflowed(self) -> None:
        raise AssertionError("the client reads")


class Plain(Telling, WebSocketServerProtocol):
    """Autobahn's."""


class Wire(MemoryTransport):
    """A connection that tells what the server writes, and how it ends. As with a socket, what is written
    between loseConnection and the end of the turn is sent too."""

    def __init__(self, clock: Clock, heard: list[tuple[object, ...]]) -> None:
        super().__init__(clock, lambda written: None)
        self._heard = heard

    def write(self, data: bytes) -> None:
        if self.connected or self.disconnecting:
            self._heard.append(("writes", data))

    def loseConnection(self) -> None:
        self._heard.append(("loses",))
        super().loseConnection()

    def abortConnection(self) -> None:
        self._heard.append(("aborts",))
        self.disconnecting = False
        super().abortConnection()


def lean(clock: Clock, limit: int) -> LeanFactory:
    """A server of chatd's."""
    options = {"max_connections": 0, "send_buffer": 1_000_000, "direct_send": True}
    return LeanFactory(clock, Lean, "lean", message_size=limit, **options)


def plain(clock: Clock, limit: int) -> WebSocketServerFactory:
    """A server of Autobahn's with the same options."""
    factory = WebSocketServerFactory(server="plain", reactor=clock)
    factory.protocol = Plain
    factory.setProtocolOptions(
        failByDrop=False, maxMessagePayloadSize=limit, openHandshakeTimeout=0, closeHandshakeTimeout=0
    )
    return factory


CLOCK = Clock()
SMALL, LARGE = 300, 66_000  # bytes that a message may have; past 65,535 a length takes eight bytes
SERVERS = {limit: (lean(CLOCK, limit), plain(CLOCK, limit)) for limit in (SMALL, LARGE)}
HANDSHAKE = request("/")


def told(factory: Any, chunks: list[bytes]) -> tuple[list[tuple[object, ...]], dict[str, object]]:
    """What a server heard, wrote and did over one connection, and the state in which it left that."""
    protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
    heard: list[tuple[object, ...]] = []
    protocol.heard = heard
    wire = Wire(CLOCK, heard)
    wire.protocol = protocol
    protocol.makeConnection(wire)
    for chunk in chunks:
        wire.deliver(chunk)
        CLOCK.advance(0)
    names = ("state", "wasClean", "failedByMe", "closedByMe", "droppedByMe", "inside_message")
    codes = ("localCloseCode", "localCloseReason", "remoteCloseCode", "remoteCloseReason")
    state = {name: getattr(protocol, name) for name in names + codes}
    wire.lose(ConnectionLost())
    CLOCK.advance(0)
    heard = without_answer(heard)
    return until_close(heard, state) if state["closedByMe"] else (heard, state)


def until_close(
    heard: list[tuple[object, ...]], state: dict[str, object]
) -> tuple[list[tuple[object, ...]], dict[str, object]]:
    """What was told up to the server's own close frame. What a client sends after that, Autobahn still reads,
    and chatd skips."""
    at = next(at for at, (what, *how) in enumerate(heard) if what == "writes" and how[0][0] == 0x88)
    return heard[: at + 1], {name: state[name] for name in ("localCloseCode", "localCloseReason")}


def without_answer(heard: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """What was heard but for the handshake's answer, of which each has its own. chatd's comes with what is
    written next, or at the end of the turn; so it does not come where the turn ends in an abort."""
    at = next((at for at, event in enumerate(heard) if event[0] == "writes"), None)
    if at is None:
        assert ("aborts",) in heard
        return heard
    answer, _, rest = heard[at][1].partition(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101 ")
    return heard[:at] + ([("writes", rest)] if rest else []) + heard[at + 1 :]


def assert_both_do_the_same(limit: int, frames: list[bytes], sizes: list[int], at_once: bool) -> None:
    """The whole of a connection, after the handshake or in one segment with it.

    :param sizes: of the segments in which the frames come, again and again; none: each in one of its own.
    """
    chunks = list(cut(b"".join(frames), sizes)) if sizes else frames
    chunks = [HANDSHAKE + b"".join(chunks[:1]), *chunks[1:]] if at_once else [HANDSHAKE, *chunks]
    chatds, autobahns = SERVERS[limit]
    actual, expected = told(chatds, chunks), told(autobahns, chunks)
    assert actual == expected
    heard, state = expected
    is_open = state.get("state") == OPEN
    if currently_in_test_context():  # for pytest --hypothesis-show-statistics
        event("still open" if is_open else f"closed with {state['localCloseCode']}")
        event(f"{min(len([what for what in heard if what[0] == 'message']), 5)} messages or more")


def cut(stream: bytes, sizes: list[int]) -> Iterator[bytes]:
    """A stream in segments of these sizes, again and again."""
    least = len(stream) // 500  # or a long one would take long
    at = 0
    for size in cycle(sizes):
        if at >= len(stream):
            return
        yield stream[at : at + max(size, least)]
        at += max(size, least)


# -- what clients send ------------------------------------------------------------------------------


def frame(
    first: int, payload: bytes, masked: bool = True, size: int | None = None, length: int | None = None
) -> bytes:
    """A frame that need not be sound.

    :param first: its first byte.
    :param size: bits in which the length is written: 7, 16, 64, or as it should be.
    :param length: what it says its length is, whatever it is.
    """
    length = len(payload) if length is None else length
    if size is None:
        size = 7 if length < 126 else 16 if length < 65536 else 64
    mask_bit = 0x80 if masked else 0
    if size == 7:
        head = bytes([first, mask_bit | length % 128])
    elif size == 16:
        head = bytes([first, mask_bit | 126]) + struct.pack("!H", length % 2**16)
    else:
        head = bytes([first, mask_bit | 127]) + struct.pack("!Q", length)
    return head + (b"mask" + unmasked(b"mask", payload) if masked else payload)


WORDS = [b"", b"x", b"hello", b"echo", b'{"messageType":"text"}', b"\x00"]
DEEDS = [b"close", b"drop", b"abort"]
LETTERS = ["ü", "€", "进", "😀", "\uffff", "\U0010ffff"]
WOUNDS = [
    *(letter.encode()[:-1] for letter in LETTERS),  # cut short
    *(letter.encode()[1:] for letter in LETTERS),
    b"\xed\xa0\x80",  # a surrogate
    b"\xf4\x90\x80\x80",  # past the last code point
    b"\xc0\x80",  # longer than need be
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
]
AT_EDGES = [0, 1, 2, 3, 4, 5, 124, 125, 126, 127, 128, 299, 300, 301]
MASKS = [b"\x37\xfa\x21\x3d", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x81\x00\x81\x85"]
USUAL_WORDS = WORDS + [letter.encode() for letter in LETTERS]
USUAL_PAYLOADS = USUAL_WORDS + [b"x" * (length - 3) + "€".encode() for length in AT_EDGES if 3 < length < 301]

usual_words = st.sampled_from(USUAL_WORDS)
any_words = st.sampled_from(USUAL_WORDS + WOUNDS + WOUNDS)


def payloads(words: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Some words, or as many letters as an edge wants."""
    edges = st.sampled_from(AT_EDGES)
    long = st.builds(lambda length, word: b"x" * (length - len(word)) + word, edges, words)
    return words | st.lists(words, max_size=4).map(b"".join) | long


usual_texts = st.sampled_from(
    [client_frame(TEXT, payload, mask=mask) for payload in USUAL_PAYLOADS for mask in MASKS]
)
any_texts = st.builds(client_frame, st.sampled_from([TEXT, TEXT, BINARY]), payloads(any_words))
controls = st.builds(
    lambda opcode, payload: client_frame(opcode, payload[:125]),
    st.sampled_from([PING, PONG]),
    payloads(any_words),
)
close_codes = st.sampled_from(
    [0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1014, 1016, 2999, 3000, 4999, 5000, 65535]
)
close_payloads = st.sampled_from([b"", b"\x03"]) | st.builds(
    lambda code, reason: struct.pack("!H", code) + reason[:123], close_codes, any_words
)
closes = close_payloads.map(lambda payload: client_frame(CLOSE, payload))


@st.composite
def fragmented(draw: st.DrawFn, words: st.SearchStrategy[bytes]) -> list[bytes]:
    """A message in frames, cut anywhere, with control frames between; it may lack its end."""
    payload = draw(payloads(words))
    sizes = draw(st.lists(st.integers(0, 7), min_size=1, max_size=5))
    pieces, at = [], 0
    for size in sizes:
        pieces.append(payload[at : at + size])
        at += size
    pieces.append(payload[at:])
    frames = []
    for index, piece in enumerate(pieces):
        opcode = CONTINUATION if index else draw(st.sampled_from([TEXT, TEXT, BINARY]))
        frames.append(client_frame(opcode, piece, fin=index == len(pieces) - 1))
    between = draw(st.lists(st.tuples(st.integers(1, len(frames)), controls), max_size=2))
    for index, control in between:
        frames.insert(index, control)
    return frames[: draw(st.sampled_from([len(frames)] * 5 + [1]))]


wild_frames = st.builds(
    frame,
    st.sampled_from([0x81, 0x81, 0x82, 0x80, 0x01, 0x02, 0x00, 0x88, 0x89, 0x8A]) | st.integers(0, 255),
    payloads(any_words),
    masked=st.sampled_from([True] * 5 + [False]),
    size=st.sampled_from([None, None, 7, 16, 64]),
    length=st.sampled_from([None] * 5 + AT_EDGES + [65535, 65536, 2**31, 2**63 - 1, 2**63, 2**64 - 1]),
)
garbage = st.binary(max_size=20)
cuts = st.lists(st.integers(1, 12), max_size=6) | st.sampled_from([[], [], [1], [2], [6], [100], [10_000]])

deeds = st.sampled_from([client_frame(TEXT, deed) for deed in DEEDS])
OF_ANY_SIZE = [  # each length in every size in which it can be written, as it should be or not
    *(frame(0x81, b"x" * length, size=size) for length in AT_EDGES for size in (7, 16, 64)),
    *(frame(0x81, b"x" * 301, size=64, length=length << 48) for length in (126, 300, 301)),
]
nests = st.builds(  # a segment may begin with what looks like a frame and is the rest of a payload
    lambda opcode, before, word: client_frame(opcode, before + client_frame(TEXT, word), mask=bytes(4)),
    st.sampled_from([BINARY, PING, PONG]),
    st.sampled_from([b"", b"x", b"xx"]),
    usual_words,
)
odd_frames = st.lists(
    st.one_of(controls, closes, deeds, nests, st.sampled_from(OF_ANY_SIZE), any_texts, wild_frames),
    min_size=1,
    max_size=2,
)
odd = st.one_of(fragmented(usual_words), fragmented(any_words), odd_frames, odd_frames, odd_frames)


def in_a_row(parts: Iterable[list[bytes]]) -> list[bytes]:
    """All frames of all parts."""
    return [frame for part in parts for frame in part]


anything = st.lists(odd | st.tuples(usual_texts | garbage).map(list), min_size=1, max_size=6).map(in_a_row)
run = st.lists(usual_texts, min_size=1, max_size=8)
usual = st.tuples(run, odd | st.just([]), run, odd | st.just([]), run).map(in_a_row)


# -- the tests --------------------------------------------------------------------------------------


@settings(max_examples=600)
@given(anything, cuts, st.booleans())
def test_whatever_comes_is_received_as_autobahn_does(frames, sizes, at_once):
    assert_both_do_the_same(SMALL, frames, sizes, at_once)


@settings(max_examples=600)
@example([client_frame(PING, b"ab" + client_frame(TEXT, b"x"), mask=bytes(4))], [8, 100], False)
@given(usual, cuts, st.booleans())
@example([client_frame(TEXT, b"close"), client_frame(TEXT, b"x"), client_frame(CLOSE)], [100], False)
@example([client_frame(TEXT, b"drop"), client_frame(TEXT, b"x")], [100], False)
def test_the_usual_frames_are_received_as_autobahn_does(frames, sizes, at_once):
    assert_both_do_the_same(SMALL, frames, sizes, at_once)


def test_each_length_in_each_size_is_received_as_autobahn_does():
    for one in OF_ANY_SIZE:
        assert_both_do_the_same(SMALL, [one + client_frame(TEXT, b"hello")], [], False)


@pytest.mark.parametrize("masked", [True, False])
def test_each_first_byte_is_received_as_autobahn_does(masked):
    for first in range(256):
        assert_both_do_the_same(SMALL, [frame(first, b"hello", masked) + client_frame(TEXT, b"x")], [], False)


@settings(max_examples=60)
@given(
    st.lists(
        usual_words | st.sampled_from([65534, 65535, 65536, 65537, 65999, 66000, 66001, 70000]), max_size=3
    ),
    st.sampled_from([TEXT, BINARY]),
    st.sampled_from([[], [1], [65536], [65540], [1000, 1]]),
)
def test_lengths_of_two_and_of_eight_bytes_are_received_as_autobahn_does(lengths, opcode, sizes):
    payloads = [it if isinstance(it, bytes) else b"y" * (it - 3) + "€".encode() for it in lengths]
    assert_both_do_the_same(LARGE, [client_frame(opcode, it) for it in payloads], sizes, False)


@settings(max_examples=300)
@given(st.binary(min_size=4, max_size=4), st.binary(max_size=40))
def test_unmasking_is_the_xor_of_every_byte_with_the_mask(mask, payload):
    assert unmasked(mask, payload) == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@pytest.mark.parametrize("limit", [SMALL, LARGE])
def test_a_message_of_just_the_limit_is_a_message_and_one_byte_more_is_too_big(limit):
    heard, _ = told(SERVERS[limit][0], [HANDSHAKE, client_frame(TEXT, b"x" * limit)])
    assert heard == [("message", b"x" * limit, False), ("end", False, 1006)]
    heard, state = told(SERVERS[limit][0], [HANDSHAKE, client_frame(TEXT, b"x" * (limit + 1))])
    assert [what for what, *_ in heard] == ["writes"]
    assert state["localCloseCode"] == 1009


# -- after the server's close frame -----------------------------------------------------------------


def opened() -> tuple[Any, Wire]:
    """A connection of chatd's that is open, and its wire."""
    protocol = SERVERS[SMALL][0].buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
    protocol.heard = []
    wire = Wire(CLOCK, protocol.heard)
    wire.protocol = protocol
    protocol.makeConnection(wire)
    wire.deliver(HANDSHAKE)
    CLOCK.advance(0)
    return protocol, wire


@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
def test_nothing_is_kept_of_an_endless_control_frame(opcode):
    """It is refused at its head; the rest comes until the connection ends, and is in nobody's way."""
    protocol, wire = opened()
    wire.deliver(frame(0x80 | opcode, b"x", length=2**40))
    assert protocol.localCloseCode == 1002
    for _ in range(100):
        wire.deliver(b"x" * 65_536)
    assert protocol.data == b""


REFUSED = {
    "a close that is asked for": (client_frame(TEXT, b"close"), 4000),
    "a reserved bit": (frame(0xC1, b"hello"), 1002),
    "no mask": (frame(0x81, b"hello", masked=False), 1002),
    "no text, in a fragment": (client_frame(TEXT, b"\xff" * 100, fin=False), 1007),
    "too long": (client_frame(TEXT, b"x" * (SMALL + 1)), 1009),
    "too long a ping": (client_frame(PING, b"x" * 126), 1002),
}
AFTER = [
    client_frame(TEXT, b"x"),
    client_frame(TEXT, b"x" * 200, fin=False),
    client_frame(PING, b"ping"),
    frame(0xFF, b"x" * 70_000),
    frame(0x88, b"", masked=False),
    frame(0x88, b"x" * 126),
]


@pytest.mark.parametrize("size", [1, 7, 1000, 1_000_000])
@pytest.mark.parametrize(("refused", "code"), REFUSED.values(), ids=REFUSED)
def test_all_is_skipped_up_to_the_clients_close_frame_which_ends_the_connection(refused, code, size):
    """(RFC 6455 section 5.5.1) In whatever segments it comes, and no more is kept than a frame's head."""
    protocol, wire = opened()
    stream = refused + b"".join(AFTER) + client_frame(CLOSE, (1000).to_bytes(2))
    for at in range(0, len(stream), max(size, 1)):
        assert wire.connected
        wire.deliver(stream[at : at + size])
        assert len(protocol.data) < SMALL + 20
    CLOCK.advance(0)
    assert protocol.localCloseCode == code
    assert [event for event in protocol.heard if event[0] == "close frame"] == [("close frame", 1000, None)]
    assert not wire.connected
    assert not {"ping", "pong"} & {event[0] for event in protocol.heard}


def test_who_floods_on_is_dropped():
    _, wire = opened()
    wire.deliver(client_frame(TEXT, b"close"))
    wire.deliver(client_frame(TEXT, b"") * SKIPPED_FRAMES)
    assert wire.connected
    wire.deliver(client_frame(TEXT, b""))
    CLOCK.advance(0)
    assert not wire.connected


def test_nothing_is_kept_by_a_connection_that_is_gone():
    """The garbage collector may come late."""
    protocol, wire = opened()
    wire.deliver(client_frame(BINARY, b"x" * 100, fin=False) + client_frame(CONTINUATION, b"x" * 100)[:50])
    wire.lose(ConnectionLost())
    CLOCK.advance(0)
    assert (protocol.data, protocol.message_data, protocol.current_frame) == (b"", None, None)
