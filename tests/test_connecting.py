"""Coming to be connected, or refused (C1 to C3, C5), at the level of the wire."""

import pytest

from tests.client import TEXT, client_frame
from tests.house import request, target

# -- the handshake ----------------------------------------------------------------------------------


def test_a_handshake_is_answered_as_the_rfc_says(house):
    """RFC 6455 section 1.3 has the key and its answer."""
    client = house.connect()
    assert client.status == 101
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in client.head
    assert client.frame()["action"] == "in"


def test_any_path_will_do(house):
    assert house.knock("/some/path" + target()[1:]).frame()["action"] == "in"


def test_a_handshake_may_come_byte_by_byte(house):
    client = house.dial()
    for byte in request(target()):
        client.send_bytes(bytes([byte]))
    assert client.frame()["action"] == "in"


def test_a_client_may_speak_before_it_is_answered(house):
    """Its first message in the same bytes as the handshake."""
    client = house.dial()
    client.send_bytes(
        request(target()) + client_frame(TEXT, b'{"messageType":"text","messageContent":"hello"}')
    )
    assert client.contents() == ["Ann 进来了，现在共有【1】人在线", "hello"]


def test_no_compression_is_agreed_to(house):
    """The protocol asks for none, and a compressed message could be a thousand times its size."""
    client = house.knock(target(), Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits")
    assert (client.status, "Extensions" in client.head) == (101, False)


@pytest.mark.parametrize("name", ["张三", "à兠", "é"])
def test_utf8_that_is_not_percent_encoded_is_read_as_if_it_were(house, name):
    """(C1) What it should have been is clear."""
    assert house.connect(name=name.encode()).frame()["nickName"] == name


NO_HANDSHAKES = [
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
    (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505),
    (b"\x16\x03\x01\r\n\r\n", 400),
    (request(target(), Sec_WebSocket_Key="short"), 400),
    (request(target(), Sec_WebSocket_Key=None), 400),
    (request(target(), Connection=None), 400),
    (request(target(), Upgrade="h2c"), 400),
    (request(target(), Host=None), 400),
    (request(target(), Sec_WebSocket_Version="99"), 426),
    (request(target() + "#fragment"), 400),
]


@pytest.mark.parametrize(("request_bytes", "status"), NO_HANDSHAKES)
def test_what_is_no_handshake_is_refused_in_a_sentence_and_hung_up(house, request_bytes, status):
    client = house.dial()
    client.send_bytes(request_bytes)
    assert (client.status, client.is_connected) == (status, False)
    assert client.body.endswith(".\n")
    assert (house.registry.rooms, house.factory.open) == ({}, set())


def test_no_refusal_quotes_the_request(house):
    """(C3) There may be a password in it."""
    client = house.knock(target(account="anna", password="0" * 32), Sec_WebSocket_Key="short")
    assert "anna" not in client.head + client.body
    assert "0000" not in client.head + client.body


def test_a_header_may_not_be_endless(house):
    client = house.dial()
    client.send_bytes(b"GET / HTTP/1.1\r\n")
    for _ in range(17):
        client.send_bytes(b"X: " + b"x" * 1020 + b"\r\n")
    client.send_bytes(b"\r\n")
    assert (client.status, client.is_connected) == (431, False)


def test_a_handshake_may_not_take_forever(house):
    client = house.dial()
    client.send_bytes(request(target())[:-1])
    house.wait(3)
    assert client.is_connected
    house.wait(4)
    assert (client.is_connected, house.factory.open) == (False, set())


def test_who_does_not_read_why_there_is_no_handshake_is_hung_up_on(house):
    client = house.dial()
    client.stop_reading()
    client.send_bytes(request(target(), Upgrade=None))
    house.wait(3)
    assert (client.is_connected, house.factory.open) == (False, set())


def test_a_port_scan_leaves_nothing_behind(house):
    client = house.dial()
    client.vanish()
    assert (house.factory.open, house.registry.rooms) == (set(), {})


# -- refusals by HTTP (C2) --------------------------------------------------------------------------


def test_a_foreign_origin_is_refused(open_house):
    """(C2: 403)"""
    house = open_house(origins=("https://shop.example",))
    client = house.knock(target(), Origin="https://evil.example")
    assert (client.status, client.is_connected, house.registry.rooms) == (403, False, {})


@pytest.mark.parametrize(
    "origin", ["null", "https://shop.example.evil.example", "http://shop.example", "file://"]
)
def test_what_resembles_an_origin_of_ours_is_foreign(open_house, origin):
    """(C2: 403)"""
    house = open_house(origins=("https://shop.example",))
    assert house.knock(target(), Origin=origin).status == 403


@pytest.mark.parametrize("origin", ["https://shop.example", None])
def test_our_own_origin_passes_and_so_does_what_is_no_browser(open_house, origin):
    """(C2)"""
    house = open_house(origins=("https://shop.example",))
    assert house.knock(target(), Origin=origin).status == 101


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "file://", "app://."])
def test_every_origin_passes_where_none_is_configured(house, origin):
    """(C2)"""
    assert house.knock(target(), Origin=origin).status == 101


def test_a_full_server_says_so(open_house):
    """(C2: 503)"""
    house = open_house(max_connections=2)
    ann, bob = house.room("ann", "bob")
    cid = house.join("cid")
    assert (cid.status, cid.is_connected) == (503, False)
    assert (ann.frames(), bob.frames()) == ([], [])


def test_a_place_that_becomes_free_can_be_taken(open_house):
    """(C2: 503)"""
    house = open_house(max_connections=1)
    house.join("ann").leave()
    assert [house.join("bob").status, house.join("cid").status] == [101, 503]


# -- refusals by a close code (C2) ------------------------------------------------------------------

REFUSALS = [
    ({"name": None}, "missing_parameter", 4400, "name"),
    ({"senderType": None}, "missing_parameter", 4400, "senderType"),
    ({"userId": None}, "missing_parameter", 4400, "userId"),
    ({"roomName": None}, "missing_parameter", 4400, "roomName"),
    ({"icon": None}, "missing_parameter", 4400, "icon"),
    ({"name": " "}, "bad_parameter", 4400, "name"),
    ({"name": "x" * 65}, "bad_parameter", 4400, "name"),
    ({"senderType": "MANY"}, "bad_parameter", 4400, "senderType"),
    ({"userId": ""}, "bad_parameter", 4400, "userId"),
    ({"userId": "x" * 129}, "bad_parameter", 4400, "userId"),
    ({"roomName": ""}, "bad_parameter", 4400, "roomName"),
    ({"roomName": "x" * 129}, "bad_parameter", 4400, "roomName"),
    ({"icon": "x" * 2049}, "bad_parameter", 4400, "icon"),
    ({"targetId": "x" * 129}, "bad_parameter", 4400, "targetId"),
    ({"password": "secret"}, "bad_parameter", 4400, "password"),
    ({"name": "a\nb"}, "bad_parameter", 4400, "name"),
    ({"name": "\nAnn"}, "bad_parameter", 4400, "name"),
    ({"icon": "a\x7fb"}, "bad_parameter", 4400, "icon"),
    ({"name": b"%ff"}, "bad_parameter", 4400, "name"),
    ({"name": b"100%"}, "bad_parameter", 4400, "name"),
    ({"userId": b"ann&userId=bob"}, "bad_parameter", 4400, "userId"),
    ({"clientType": "shop"}, "unauthorized", 4401, "clientType"),
    ({"clientType": "shop", "account": "anna", "password": "0" * 32}, "unauthorized", 4401, "clientType"),
    ({"account": "anna", "password": "0" * 32}, "unauthorized", 4401, "accounts"),
    ({"containerId": "carl"}, "forbidden", 4403, "containerId"),
    ({"senderType": "SINGLE"}, "unsupported", 4403, "SINGLE is not yet supported"),
]


@pytest.mark.parametrize(("parameters", "code", "close_code", "word"), REFUSALS)
def test_a_refused_connection_is_told_why_in_an_error_and_in_the_close(
    house, parameters, code, close_code, word
):
    """(C2, C1, C3, C5) A browser's script sees both; it would see nothing of an HTTP status."""
    client = house.connect(**parameters)
    assert client.status == 101
    error = client.frame()
    assert (error["messageType"], error["code"], client.closed) == ("error", code, close_code)
    assert client.reason == error["messageContent"]
    assert word in client.reason
    assert not client.is_connected


@pytest.mark.parametrize("parameters", [parameters for parameters, *_ in REFUSALS])
def test_nothing_of_a_refused_connection_is_seen_by_a_room(house, parameters):
    """(C2)"""
    (ann,) = house.room("ann")
    refused = house.connect(**{"userId": "eve"} | parameters)
    refused.say("hello")
    assert (ann.frames(), house.registry.connections, house.registry.rooms["lobby"].online) == ([], 1, 1)


def test_what_a_refused_client_goes_on_to_say_in_the_same_bytes_is_not_heard(house):
    """(C2)"""
    (ann,) = house.room("ann")
    client = house.dial()
    client.send_bytes(
        request(target(userId="eve", senderType="SINGLE"))
        + client_frame(TEXT, b'{"messageType":"text","messageContent":"hello"}')
    )
    assert (client.frame()["code"], client.closed, ann.frames()) == ("unsupported", 4403, [])


def test_anonymous_connections_can_be_refused(open_house):
    """(C3: 4401)"""
    client = open_house(anonymous=False).connect()
    assert (client.frame()["code"], client.closed) == ("unauthorized", 4401)


def test_a_refused_client_that_does_not_hang_up_is_hung_up_on(house):
    """(C2)"""
    client = house.dial()
    client.stop_reading()
    client.send_bytes(request(target(senderType="SINGLE")))
    house.wait(1)
    assert client.is_connected
    house.wait(1.5)
    assert (client.is_connected, house.factory.open) == (False, set())
