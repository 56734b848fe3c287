"""Connecting and being closed, at the level of the wire (C, E2, H1)."""

import pytest

from chatd.rate import Rate
from tests.client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame
from tests.house import House, request, target

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
    client.send_bytes(request(target()) + client_frame(TEXT, b'{"messageType":"text","messageContent":"hello"}'))
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


@pytest.mark.parametrize("origin", ["null", "https://shop.example.evil.example", "http://shop.example", "file://"])
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
    assert house.join("bob").status == 101


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
def test_a_refused_connection_is_told_why_in_an_error_and_in_the_close(house, parameters, code, close_code, word):
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
    house.wait(3)
    assert (client.is_connected, house.factory.open) == (False, set())


# -- frames (RFC 6455) ------------------------------------------------------------------------------

HELLO = b'{"messageType":"text","messageContent":"hello"}'
NI_HAO = '{"messageType":"text","messageContent":"你好"}'.encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_messages_may_come_in_pieces_of_any_size(house, size):
    (ann,) = house.room("ann")
    wide = b'{"messageType":"text","messageContent":"%s"}' % (b"x" * 200)
    stream = client_frame(TEXT, HELLO) + client_frame(TEXT, wide) + client_frame(PING, b"?") + client_frame(TEXT, NI_HAO)
    for start in range(0, len(stream), size):
        ann.send_bytes(stream[start : start + size])
    assert (ann.contents(), ann.pongs) == (["hello", "x" * 200, "你好"], [b"?"])


def test_many_messages_may_come_at_once(house):
    ann, bob = house.room("ann", "bob")
    ann.send_bytes(b"".join(client_frame(TEXT, HELLO.replace(b"hello", b"%d" % n)) for n in range(50)))
    assert bob.contents() == [str(n) for n in range(50)]


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


# -- the heartbeat (H1) -----------------------------------------------------------------------------


def test_a_heartbeat_is_answered_with_the_same(house):
    """(H1)"""
    ann, bob = house.room("ann", "bob")
    ann.beat()
    assert ann.texts() == ["d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"]
    assert bob.texts() == []


def test_a_heartbeats_answer_can_be_turned_off(open_house):
    """(H1)"""
    ann, bob = open_house(heartbeat_reply=False).room("ann", "bob")
    ann.beat()
    assert (ann.texts(), bob.texts(), ann.closed) == ([], [], None)


@pytest.mark.parametrize("almost", [" {}", "{}\n", '"{}"', "{}0"])
def test_what_almost_is_a_heartbeat_is_none(house, almost):
    """(H1: exactly)"""
    (ann,) = house.room("ann")
    ann.send(almost.format("d98591378b184375b1c3ab5ded0964f0e6c00ba934154583ac97"))
    assert ann.frame()["messageType"] == "error"


# -- too fast (C2: 4429) ----------------------------------------------------------------------------


def test_who_is_too_fast_is_told_and_its_message_dropped(open_house):
    """(E1: rate_limited)"""
    ann, bob = open_house(rate=Rate(1, 3)).room("ann", "bob")
    for number in range(4):
        ann.say(str(number))
    assert bob.contents() == ["0", "1", "2"]
    assert (ann.frames()[3]["code"], ann.closed) == ("rate_limited", None)


def test_who_pauses_may_go_on(open_house):
    """(E1: rate_limited)"""
    house = open_house(rate=Rate(1, 3))
    ann, bob = house.room("ann", "bob")
    for _ in range(3):
        for _ in range(4):
            ann.say("hello")
        house.wait(3)
    assert (len(bob.frames()), ann.closed) == (9, None)


def test_who_does_not_stop_is_closed(open_house):
    """(C2: 4429)"""
    ann, bob = open_house(rate=Rate(1, 3), errors_in_a_row=5).room("ann", "bob")
    for _ in range(8):
        ann.say("hello")
    assert (ann.closed, ann.is_connected) == (4429, False)
    assert len(bob.frames()) == 4


@pytest.mark.parametrize("frame", [client_frame(PING), client_frame(PONG), client_frame(TEXT, HELLO)])
def test_frames_of_every_kind_count(open_house, frame):
    """(C2: 4429) A flood of pings costs as much as one of messages."""
    (ann,) = open_house(rate=Rate(1, 3), errors_in_a_row=5).room("ann")
    ann.send_bytes(frame * 10)
    assert ann.closed == 4429


def test_the_rate_is_each_clients_own(open_house):
    """(E1: rate_limited)"""
    ann, bob = open_house(rate=Rate(1, 3)).room("ann", "bob")
    for client in (ann, bob) * 3:
        client.say("hello")
    assert ann.contents() == bob.contents() == ["hello"] * 6


# -- too slow (C2: 1013) ----------------------------------------------------------------------------


def test_who_does_not_read_is_closed_and_its_room_goes_on(open_house):
    """(C2: 1013)"""
    house = open_house(send_buffer=100_000)
    ann, bob = house.room("ann", "bob")
    bob.stop_reading()
    for _ in range(10):
        ann.say("x" * 30_000)
    assert [frame["messageType"] for frame in ann.frames()] == [*["text"] * 6, "notice", *["text"] * 4]
    bob.read_on()
    assert (bob.closed, bob.reason) == (1013, "reads too slowly")


def test_who_reads_late_is_not_closed(open_house):
    """(C2: 1013)"""
    house = open_house(send_buffer=100_000)
    ann, bob = house.room("ann", "bob")
    for _ in range(10):
        bob.stop_reading()
        ann.say("x" * 60_000)
        ann.say("x" * 60_000)
        bob.read_on()
    assert (len(bob.frames()), bob.closed) == (20, None)


def test_who_never_reads_again_is_hung_up_on(open_house):
    """(C2: 1013)"""
    house = open_house(send_buffer=1000)
    ann, bob = house.room("ann", "bob")
    bob.stop_reading()
    for _ in range(4):
        ann.say("x" * 30_000)
    house.wait(4)
    assert not bob.is_connected
    assert len(house.factory.open) == 1


# -- going away (C2: 1001) --------------------------------------------------------------------------


def test_a_server_that_stops_closes_every_connection(house):
    """(C2: 1001) And no room is told of it: everybody goes."""
    ann, bob = house.room("ann", "bob")
    arriving = house.dial()
    emptied = house.stop()
    assert [client.closed for client in (ann, bob)] == [1001, 1001]
    assert [client.reason for client in (ann, bob)] == ["the server stops", "the server stops"]
    assert (ann.frames(), bob.frames(), arriving.is_connected) == ([], [], False)
    assert (emptied.called, house.registry.rooms) == (True, {})


def test_a_server_that_nobody_is_connected_to_has_stopped_at_once(house):
    """(C2: 1001)"""
    assert house.stop().called


def test_a_server_that_stops_does_not_wait_for_who_does_not_answer(house):
    """(C2: 1001)"""
    ann, bob = house.room("ann", "bob")
    bob.stop_reading()
    emptied = house.stop()
    assert (ann.is_connected, emptied.called) == (False, False)
    house.wait(4)
    assert emptied.called


# -- the end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [b"", b"\x03\xe8", b"\x03\xe9bye", b"\x0f\xa0"])
def test_a_clients_close_is_answered(house, payload):
    """RFC 6455 section 5.5.1"""
    ann, bob = house.room("ann", "bob")
    ann.send_frame(CLOSE, payload)
    assert (ann.closed, ann.is_connected) == (1000, False)
    assert [frame["action"] for frame in bob.frames()] == ["out"]


def test_what_is_said_right_before_a_close_is_heard(house):
    ann, bob = house.room("ann", "bob")
    ann.send_bytes(client_frame(TEXT, HELLO) + client_frame(CLOSE) + client_frame(TEXT, HELLO))
    assert bob.contents() == ["hello", "Ann, 离开了，现在共有【1】人在线"]


def test_a_bug_closes_the_connection_that_met_it_and_is_in_the_log(house, log, monkeypatch):
    """1011"""
    ann, bob = house.room("ann", "bob")
    monkeypatch.setattr(house.chat, "handle", lambda *_: 1 / 0)
    ann.say("hello")
    assert (ann.closed, bob.closed) == (1011, None)
    assert [failure["log_failure"].type for failure in log if "log_failure" in failure] == [ZeroDivisionError]
    log.clear()


def test_a_bug_in_joining_too(house, log, monkeypatch):
    """1011"""
    monkeypatch.setattr(house.chat, "join", lambda *_: 1 / 0)
    assert house.connect().closed == 1011
    assert [failure["log_failure"].type for failure in log if "log_failure" in failure] == [ZeroDivisionError]
    log.clear()


def everything_that_happens(house: House) -> None:
    """A visit, a refusal and two ends, with words that may not be in a log."""
    secret = {"clientType": "secret-project", "account": "secret-account", "password": "5ec4e7" * 5 + "00"}
    house.connect(**secret)
    house.knock(target(**secret), Sec_WebSocket_Key="bad")
    ann, bob = house.room("ann", "bob")
    ann.say("secret words", accessoryContent={"x": "secret"})
    ann.send("secret")
    ann.ask("secret-event")
    ann.send_frame(CLOSE, b"\x03\xe8secret")
    bob.send_frame(TEXT, b"secret\xff")


def test_the_log_holds_who_and_where_and_nothing_that_was_said(house, log):
    """(C3) No message, no credentials, no query string."""
    everything_that_happens(house)
    told = [repr({key: value for key, value in event.items() if key != "log_logger"}) for event in log]
    assert any("ann" in line and "lobby" in line for line in told)
    assert [line for line in told if "ecret" in line or "5ec4e7" in line] == []
