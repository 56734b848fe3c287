"""Every error code (E1) and close code (C2) that can be provoked from outside, on a real server."""

from collections.abc import Callable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.client import BINARY, CLOSE, TEXT
from tests.house import target
from tests.processes.frames import error, notice, text
from tests.processes.servers import Server

MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"

# -- connections that are refused -------------------------------------------------------------------

MISSING = [
    ({key: None}, 4400, "missing_parameter", key)
    for key in ("name", "senderType", "userId", "roomName", "icon")
]
BAD = [
    ({"name": ""}, 4400, "bad_parameter", "name"),
    ({"name": " "}, 4400, "bad_parameter", "name"),
    ({"name": "x" * 65}, 4400, "bad_parameter", "name"),
    ({"senderType": "CROWD"}, 4400, "bad_parameter", "senderType"),
    ({"userId": ""}, 4400, "bad_parameter", "userId"),
    ({"userId": "x" * 129}, 4400, "bad_parameter", "userId"),
    ({"userId": "a\nb"}, 4400, "bad_parameter", "userId"),
    ({"roomName": "x" * 129}, 4400, "bad_parameter", "roomName"),
    ({"icon": "x" * 2049}, 4400, "bad_parameter", "icon"),
    ({"targetId": "x" * 129}, 4400, "bad_parameter", "targetId"),
    ({"account": "ann", "password": "secret"}, 4400, "bad_parameter", "password"),
]
FORBIDDEN = [
    ({"senderType": "SINGLE"}, 4403, "unsupported", "SINGLE"),
    ({"containerId": "bob"}, 4403, "forbidden", "containerId"),
    ({"clientType": "shop", "account": "ann", "password": MD5}, 4401, "unauthorized", ""),
    ({"clientType": "shop"}, 4401, "unauthorized", ""),
    ({"account": "ann", "password": MD5}, 4401, "unauthorized", ""),
]


@pytest.mark.parametrize(("parameters", "close_code", "code", "named"), MISSING + BAD + FORBIDDEN)
def test_a_refused_connection_is_told_why_and_no_room_sees_it(
    server: Server, parameters: dict[str, str | None], close_code: int, code: str, named: str
) -> None:
    witness = server.join("witness")
    refused = server.connect(**parameters)
    frame = refused.receive()
    assert frame == error(code)
    assert refused.closed() == (close_code, frame["messageContent"])
    assert named in frame["messageContent"]
    assert witness.hears_nothing()


@pytest.mark.parametrize("query", ["&name=Bob", "&targetId=%zz", "&targetId=%ff", "&targetId=%00"])
def test_a_query_that_is_no_sound_text_is_refused_with_4400(server: Server, query: str) -> None:
    refused = server.dial()
    assert refused.request(target() + query).startswith("HTTP/1.1 101 ")
    assert refused.receive() == error("bad_parameter")
    assert refused.closed()[0] == 4400


def test_without_credentials_one_is_refused_with_4401_where_they_are_required(
    start: Callable[..., Server],
) -> None:
    refused = start("[auth]\nanonymous = false\n").connect()
    assert refused.receive() == error("unauthorized")
    assert refused.closed()[0] == 4401


def test_a_page_of_a_foreign_origin_is_refused_with_403(start: Callable[..., Server]) -> None:
    server = start('[server]\norigins = ["https://shop.example"]\n')
    for origin in ("https://evil.example", "http://shop.example", "https://shop.example.evil", "null"):
        with pytest.raises(InvalidStatus) as refusal:
            server.connect(origin=origin)
        assert refusal.value.response.status_code == 403
    assert server.connect(origin="https://shop.example").receive() == notice("in", "ann", 1)
    assert server.connect().receive() == notice("in", "ann", 1)


def test_a_full_server_answers_503(start: Callable[..., Server]) -> None:
    server = start("[server]\nmax_connections = 1\n")
    ann = server.join("ann")
    with pytest.raises(InvalidStatus) as refusal:
        server.connect(userId="bob")
    assert refusal.value.response.status_code == 503
    assert ann.hears_nothing()


# -- messages that are refused ----------------------------------------------------------------------

TEXT_MESSAGE = {"messageType": "text", "messageContent": "x"}
ERRONEOUS: list[tuple[str | dict[str, Any], str, str]] = [
    ("{", "bad_json", ""),
    ("", "bad_json", ""),
    ("hello", "bad_json", ""),
    ("[]", "bad_message", ""),
    ({"messageContent": "x"}, "bad_message", "messageType"),
    ({"messageType": "song"}, "bad_message", "messageType"),
    ({"messageType": "text"}, "bad_message", "messageContent"),
    ({"messageType": "text", "messageContent": 1}, "bad_message", "messageContent"),
    ({"messageType": "picture"}, "bad_message", "accessoryContent"),
    ({"messageType": "video", "accessoryContent": {}}, "bad_message", "accessoryContent.file"),
    (
        {"messageType": "voice", "accessoryContent": {"file": "x", "duration": -1}},
        "bad_message",
        "accessoryContent.duration",
    ),
    (TEXT_MESSAGE | {"containerId": "x" * 129}, "bad_message", "containerId"),
    (TEXT_MESSAGE | {"eventType": "explode"}, "unknown_event", "explode"),
    ({"eventType": "addContainer"}, "bad_message", "containerId"),
    ({"eventType": "updateRoomName"}, "bad_message", "messageContent"),
    ({"eventType": "updateUserInfo", "messageContent": "a\nb"}, "bad_message", "messageContent"),
    ({"eventType": "createContainer", "acceptId": "bob"}, "forbidden", ""),
    ({"eventType": "addContainer", "containerId": "carl"}, "not_found", ""),
    ({"eventType": "removeContainer", "containerId": "carl"}, "not_found", ""),
    ({"eventType": "autoReturn", "messageContent": "hours", "containerId": "carl"}, "not_found", ""),
    (TEXT_MESSAGE | {"containerId": "carl"}, "not_found", ""),
]


@pytest.mark.parametrize(("sent", "code", "named"), ERRONEOUS)
def test_an_erroneous_message_earns_an_error_and_changes_nothing(
    server: Server, sent: str | dict[str, Any], code: str, named: str
) -> None:
    ann, witness = server.join("ann"), server.join("witness")
    ann.receive()
    expected = error(code)
    if isinstance(sent, dict):
        sent = sent | {"clientMessageId": "m-1"}
        expected["clientMessageId"] = "m-1"
        if "eventType" in sent:
            expected["eventType"] = sent["eventType"]
    ann.send(sent)
    refusal = ann.receive()
    assert refusal == expected
    assert named in refusal["messageContent"]
    assert ann.hears_nothing()
    assert witness.hears_nothing()


def test_a_container_is_closed_to_who_is_no_member(server: Server) -> None:
    carl, stranger = server.customer("carl", "shop"), server.customer("cleo", "shop")
    carl.say("hello?")
    carl.receive()
    stranger.say("psst", containerId="carl")
    assert stranger.receive() == error("not_member")


def test_a_customer_is_told_that_its_agent_is_offline(server: Server) -> None:
    carl = server.customer("carl", "closed shop")
    carl.ask("createContainer", acceptId="agnes", clientMessageId="m-1")
    assert carl.receive()["eventType"] == "createContainer"
    assert carl.receive() == error("agent_offline", eventType="createContainer", clientMessageId="m-1")


def test_a_code_that_no_reply_has_is_refused(server: Server) -> None:
    carl = server.customer("carl", "replying shop")
    carl.say("hello?")
    carl.receive()
    carl.ask("autoReturn", messageContent="weather", containerId="carl")
    assert carl.receive() == error("unknown_reply", eventType="autoReturn")


# -- connections that are ended ---------------------------------------------------------------------


def test_a_message_past_the_limit_is_too_large_and_ends_in_1009(server: Server) -> None:
    ann, witness = server.join("ann"), server.join("witness")
    ann.receive()
    ann.send("x" * 1001)
    assert ann.receive() == error("too_large")
    assert ann.closed()[0] == 1009
    assert witness.receive() == notice("out", "ann", 1)


def test_a_message_of_just_the_limit_is_taken(server: Server) -> None:
    ann = server.join("ann")
    content = "x" * (1000 - len('{"messageType": "text", "messageContent": ""}'))
    ann.say(content)
    assert ann.receive() == text("ann", content)


def test_a_binary_message_is_unsupported_and_ends_in_1003(server: Server) -> None:
    ann, witness = server.join("ann"), server.join("witness")
    ann.receive()
    ann.send(b'{"messageType":"text","messageContent":"x"}')
    assert ann.receive() == error("unsupported")
    assert ann.closed()[0] == 1003
    assert witness.receive() == notice("out", "ann", 1)


def test_a_binary_message_is_refused_before_it_is_whole(server: Server) -> None:
    client = server.dial().join(userId="raw", roomName="binary")
    client.send_head(BINARY, 900)
    assert client.receive() == error("unsupported")
    assert client.closed()[0] == 1003


def test_a_text_that_is_not_utf8_ends_in_1007(server: Server) -> None:
    client = server.dial().join(userId="raw", roomName="latin-1")
    client.send_frame(TEXT, '{"messageType":"text","messageContent":"schön"}'.encode("latin-1"))
    assert client.closed()[0] == 1007


def test_erroneous_messages_in_a_row_end_in_1008(start: Callable[..., Server]) -> None:
    server = start("[limits]\nerrors_in_a_row = 3\n")
    ann, witness = server.join("ann"), server.join("witness")
    ann.receive()
    for sound in ("{", "{", "", "{", "{"):  # a sound message begins the row anew
        ann.send(sound or TEXT_MESSAGE)
        assert ann.receive()["messageType"] == ("error" if sound else "text")
    ann.send("{")
    assert ann.receive() == error("bad_json")
    assert ann.closed()[0] == 1008
    assert witness.receive() == text("ann", "x")
    assert witness.receive() == notice("out", "ann", 1)


def test_who_is_too_fast_is_told_so_and_who_goes_on_ends_in_4429(start: Callable[..., Server]) -> None:
    server = start("[limits]\nrate = 0.001\nburst = 3\nerrors_in_a_row = 2\n")
    ann, witness = server.join("ann"), server.join("witness")
    ann.receive()
    for _ in range(3):
        ann.say("x")
        assert ann.receive() == witness.receive() == text("ann", "x")
    ann.say("y")
    assert ann.receive() == error("rate_limited")
    ann.say("z")
    assert ann.receive() == error("rate_limited")
    assert ann.closed()[0] == 4429
    assert witness.receive() == notice("out", "ann", 1)


def test_who_does_not_read_is_dropped_with_1013_and_holds_nobody_up(start: Callable[..., Server]) -> None:
    server = start("[limits]\nsend_buffer = 100000\n")
    ann, slow = server.join("ann"), server.dial()
    slow.join(userId="slow", name="Slow")
    ann.receive()
    said = 0
    while True:  # until the kernel's buffers and the server's are full
        ann.say("x" * 60_000)
        said += 1
        assert said < 200
        heard = ann.receive()
        if heard["messageType"] == "notice":
            break
        assert heard["createUser"] == "ann"
    assert heard == notice("out", "slow", 1)
    server.wait_for("left as 'slow' from 'lobby': closed with 1013")


def test_a_newer_connection_displaces_the_older_with_4409_where_configured(
    start: Callable[..., Server],
) -> None:
    server = start("[server]\ndisplace = true\n")
    witness = server.join("witness")
    older = server.join("ann")
    witness.receive()
    newer = server.join("ann")
    elsewhere = server.join("ann", "garden")
    assert older.closed()[0] == 4409
    assert witness.hears_nothing()
    assert newer.hears_nothing()
    assert elsewhere.hears_nothing()


def test_a_close_frame_is_answered_with_its_code(server: Server) -> None:
    client = server.dial().join(userId="raw", roomName="closing")
    client.send_frame(CLOSE, (1000).to_bytes(2))
    assert client.closed()[0] == 1000
    assert client.ended()
