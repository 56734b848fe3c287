"""The opening handshake, bytes to a request and a request to bytes (RFC 6455 section 4)."""

from http import HTTPStatus

import pytest

from chatd import handshake
from chatd.handshake import Refused
from tests.house import request


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
