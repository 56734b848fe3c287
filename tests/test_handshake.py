"""The opening handshake, bytes to a request and a request to bytes (RFC 6455 section 4)."""

from http import HTTPStatus
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd import handshake
from chatd.handshake import Refused, Request
from tests.client import Client
from tests.house import House, request, target


def head(**headers: str | None) -> bytes:
    """A request's head without its empty line."""
    return request("/chat?a=1", **headers).removesuffix(b"\r\n\r\n")


def status_of(bad: bytes) -> int:
    """With which HTTP status a request is refused."""
    with pytest.raises(Refused) as caught:
        handshake.parse(bad)
    return caught.value.status


def test_a_request_is_read():
    parsed = handshake.parse(head(Origin="https://shop.example"))
    assert parsed.uri == "/chat?a=1"
    assert parsed.key == "dGhlIHNhbXBsZSBub25jZQ=="
    assert parsed.origin == "https://shop.example"


def test_a_client_that_is_no_browser_has_no_origin():
    assert handshake.parse(head()).origin is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "WebSocket"},
        {"Upgrade": "h2c, websocket"},
        {"Connection": "keep-alive, Upgrade"},
        {"Connection": "upgrade"},
        {"Sec_WebSocket_Version": "8"},
        {"Host": "[::1]:9326"},
        {"X_Empty": ""},
        {"Sec_WebSocket_Protocol": "chat, superchat"},
    ],
)
def test_what_clients_write_in_other_ways_is_read_too(headers):
    handshake.parse(head(**headers))


def test_names_of_headers_are_read_in_any_case():
    assert handshake.parse(head().replace(b"Sec-WebSocket-Key", b"SEC-WEBSOCKET-KEY")).uri == "/chat?a=1"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upgrade": None}, 426),
        ({"Upgrade": "websocketx"}, 400),
        ({"Connection": "close"}, 400),
        ({"Sec_WebSocket_Version": None}, 426),
        ({"Sec_WebSocket_Version": "14"}, 426),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
        ({"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZ!=="}, 400),
        ({"Host": None}, 400),
        ({"Host": ""}, 400),
    ],
)
def test_what_is_missing_or_wrong_is_refused(headers, status):
    assert status_of(head(**headers)) == status


@pytest.mark.parametrize("name", [b"Host", b"Sec-WebSocket-Key", b"Sec-WebSocket-Version"])
def test_what_there_must_be_one_of_may_not_be_two(name):
    (line,) = [line for line in head().split(b"\r\n") if line.startswith(name + b":")]
    assert status_of(head() + b"\r\n" + line) in (400, 426)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"", 400),
        (b"GET", 400),
        (b"GET /", 400),
        (b"GET / HTTP/1.1 x", 400),
        (b"GET  HTTP/1.1", 400),
        (b"GET /#x HTTP/1.1", 400),
        (b"get / HTTP/1.1", 405),
        (b"HEAD / HTTP/1.1", 405),
        (b"GET / HTTP/2", 505),
        (b"GET / HTTP/1.0", 505),
    ],
)
def test_a_request_line_of_another_kind_is_refused(line, status):
    assert status_of(line + b"\r\n" + head().partition(b"\r\n")[2]) == status


@pytest.mark.parametrize("line", [b"no colon", b": no name", b"Name : x", b" folded: x", b"\tfolded"])
def test_a_malformed_header_is_refused(line):
    assert status_of(head() + b"\r\n" + line) == 400


def test_the_answer_holds_the_proof_of_the_rfcs_example():
    """RFC 6455 section 1.3"""
    answer = handshake.accepted(handshake.parse(head()), "chatd/x")
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("status", [400, 403, 405, 426, 431, 503, 505])
def test_a_refusal_is_plain_http_with_a_sentence(status):
    top, _, body = handshake.refused(HTTPStatus(status), "chatd/x").partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Length: %d" % len(body) in top
    assert (b"Connection: Upgrade, close" if status == 426 else b"Connection: close") in top
    assert body.endswith(b".\n")


def test_who_speaks_another_version_is_told_which_is_spoken():
    """RFC 6455 section 4.4, RFC 9110 section 15.5.22"""
    answer = handshake.refused(HTTPStatus.UPGRADE_REQUIRED, "chatd/x")
    assert b"\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" in answer


def test_who_uses_another_method_is_told_which_is_allowed():
    """RFC 9110 section 15.5.6"""
    assert b"\r\nAllow: GET\r\n" in handshake.refused(HTTPStatus.METHOD_NOT_ALLOWED, "chatd/x")


# -- whatever comes ---------------------------------------------------------------------------------

SOUND = {
    b"Host": [b"x", b"chat.example:9326", b"[::1]"],
    b"Upgrade": [b"websocket", b"WebSocket", b"h2c, websocket"],
    b"Connection": [b"Upgrade", b"keep-alive, upgrade", b"UPGRADE"],
    b"Sec-WebSocket-Key": [b"dGhlIHNhbXBsZSBub25jZQ==", b"AAAAAAAAAAAAAAAAAAAAAA=="],
    b"Sec-WebSocket-Version": [b"13", b"8"],
}
UNSOUND = {
    b"Host": [b"", b"x, y"],
    b"Upgrade": [b"", b"web socket", b"websocket2", b"h2c"],
    b"Connection": [b"", b"close", b"keep-alive", b"up grade"],
    b"Sec-WebSocket-Key": [b"", b"x" * 24, b"dGhlIHNhbXBsZSBub25jZQ=", b"dGhlIHNhbXBsZSBub25jZQ==="],
    b"Sec-WebSocket-Version": [b"", b"0", b"14", b"13.0", b"13, 8"],
}
STATUSES = {400, 405, 426, 505}


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bool]:
    """A request's head, and whether all of it is sound; at most one thing in it is not."""
    names = draw(st.permutations(list(SOUND)))
    fields = [(name, draw(st.sampled_from(SOUND[name]))) for name in names]
    at = draw(st.integers(0, len(names) - 1))
    flaw = draw(st.sampled_from(["none", "none", "missing", "unsound", "twice"]))
    name = names[at]
    if flaw == "missing":
        del fields[at]
    elif flaw == "unsound":
        fields[at] = (name, draw(st.sampled_from(UNSOUND[name])))
    elif flaw == "twice":
        fields.insert(draw(st.integers(0, len(names))), fields[at])
    is_list = name in (b"Upgrade", b"Connection")  # which may be given in several lines
    case = draw(st.sampled_from([bytes.lower, bytes.upper, bytes]))
    space = draw(st.sampled_from([b" ", b"", b"\t ", b"  "]))
    lines = [case(name) + b":" + space + value + space for name, value in fields]
    return b"\r\n".join([b"GET / HTTP/1.1", *lines]), flaw == "none" or (flaw == "twice" and is_list)


@given(requests())
def test_a_request_is_taken_if_all_of_it_is_sound_and_only_then(drawn):
    """RFC 6455 section 4.2.1"""
    head, is_sound = drawn
    if is_sound:
        handshake.accepted(handshake.parse(head), "chatd/x")
    else:
        assert status_of(head) in (400, 426)


def parse(head: bytes) -> None:
    """A request, or a refusal that can be answered."""
    try:
        parsed = handshake.parse(head)
    except Refused as refusal:
        assert refusal.status in STATUSES
        handshake.refused(refusal.status, "chatd/x")
    else:
        assert isinstance(parsed, Request)
        handshake.accepted(parsed, "chatd/x")


@given(st.binary(max_size=300))
def test_any_bytes(head):
    parse(head)


@given(requests(), st.integers(min_value=0), st.integers(0, 3), st.binary(max_size=3))
def test_a_request_with_a_wound(drawn, at, cut, patch):
    head, _ = drawn
    at %= len(head)
    parse(head[:at] + patch + head[at + cut :])


# -- on the wire ------------------------------------------------------------------------------------


def answered(*segments: bytes) -> Client:
    """A client of a house of its own, which has sent these."""
    client = House().dial()
    for segment in segments:
        client.send_bytes(segment)
    return client


@given(requests(), st.lists(st.integers(1, 400), max_size=4, unique=True))
def test_how_tcp_cuts_a_request_does_not_matter(drawn, cuts):
    whole = drawn[0].replace(b"GET /", b"GET " + target().encode()) + b"\r\n\r\n"
    edges = [0, *sorted(cuts), len(whole) + 400]
    segments = [whole[start:stop] for start, stop in pairwise(edges)]
    at_once, cut = answered(whole), answered(*[segment for segment in segments if segment])
    assert (cut.status, cut.head, cut.body) == (at_once.status, at_once.head, at_once.body)
    assert cut.is_connected == (cut.status == 101)


@given(requests(), st.integers(min_value=0), st.binary(max_size=3))
def test_no_answer_quotes_anything_of_a_request(drawn, at, patch):
    """(C3) There may be a password in it."""
    head = drawn[0].replace(b"GET /", b"GET /Secret1?Secret2") + b"\r\nSecret3: Secret4"
    at %= len(head)
    client = answered(head[:at] + patch + head[at:] + b"\r\n\r\n")
    assert "Secret" not in client.head + client.body


@pytest.mark.parametrize(("size", "status"), [(16 * 1024, 101), (16 * 1024 + 1, 431)])
def test_a_head_may_have_sixteen_kib(size, status):
    bare = request(target(), X="").removesuffix(b"\r\n\r\n")
    client = answered(bare + b"x" * (size - len(bare)) + b"\r\n\r\n")
    assert client.status == status


def test_a_head_without_an_end_is_refused_as_soon_as_it_is_too_large():
    client = answered(b"GET / HTTP/1.1\r\nX: ", *[b"x" * 1024] * 16)
    assert (client.status, client.is_connected) == (431, False)


def test_bytes_after_a_refused_request_are_not_looked_at():
    client = answered(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + request(target()))
    assert (client.status, client.is_connected, client.texts()) == (426, False, [])


def test_a_head_may_be_followed_by_more_than_it_may_have_itself(house):
    """Only the head is limited."""
    client = house.dial()
    pongs = b"\x8a\x80mask" * 100
    client.send_bytes(request(target()) + pongs * 40)
    assert client.status == 101


@pytest.mark.parametrize(("waited", "is_connected"), [(4.5, True), (6.0, False)])
def test_who_has_not_said_all_after_five_seconds_is_dropped(house, waited, is_connected):
    client = house.dial()
    client.send_bytes(request(target())[:-4])
    house.wait(waited)
    assert client.is_connected == is_connected


def test_a_byte_now_and_then_does_not_help(house):
    client = house.dial()
    for byte in request(target())[:12]:
        client.send_bytes(bytes([byte]))
        house.wait(0.5)
    assert (client.is_connected, client.status) == (False, None)
