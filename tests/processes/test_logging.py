"""What the log says, and what it never does."""

import json
import re
from collections.abc import Callable

import pytest
from websockets.exceptions import InvalidStatus

from tests.house import target
from tests.processes.servers import LISTENING, Server

PEER = r"tcp4:127\.0\.0\.1:\d+|127\.0\.0\.1:\d+"
PASSWORD = "5f4dcc3b5aa765d61d8327deb882cf99"
ACCOUNT = "ann.of.the.shop"
MESSAGE = "my card number is 4711"


LOUDEST = "--logger=tests.processes.loudest.observer"  # beside the level that is configured


def about_clients(log: str) -> list[str]:
    """What a log says of clients, their addresses aside."""
    found = (re.search(r"\[chatd\.protocol#(.*)", line) for line in log.split("\n"))
    return [re.sub(PEER, "PEER", match.group(1)) for match in found if match]


# -- what it says -----------------------------------------------------------------------------------


def test_it_says_in_one_line_each_who_came_and_who_went_and_how(start: Callable[..., Server]) -> None:
    server = start()
    server.join("ann").leave()
    bob = server.dial().join(userId="bob")
    bob.hang_up()
    server.wait_for("left as 'bob'")
    assert about_clients(server.stop()) == [
        "info] PEER joined as 'ann' in 'lobby'",
        "info] PEER left as 'ann' from 'lobby': closed by the client with 1000",
        "info] PEER joined as 'bob' in 'lobby'",
        "info] PEER left as 'bob' from 'lobby': gone without a close frame",
    ]


def test_it_says_in_one_line_who_was_refused_and_why(start: Callable[..., Server]) -> None:
    server = start('[server]\norigins = ["https://shop.example"]\n')
    server.connect(roomName=None).closed_after_error()
    with pytest.raises(InvalidStatus):
        server.connect(origin="https://evil.example")
    server.dial().request("/", Upgrade=None)
    assert about_clients(server.stop()) == [
        "info] refused PEER: 4400 'roomName is required.'",
        "info] refused PEER: HTTP 403",
        "info] refused PEER: HTTP 426",
    ]


def test_it_says_nothing_of_messages_good_or_bad(start: Callable[..., Server]) -> None:
    server = start()
    ann = server.join("ann")
    ann.send("{")
    assert ann.receive()["code"] == "bad_json"
    ann.say(MESSAGE)
    assert ann.receive()["messageContent"] == MESSAGE
    assert about_clients(server.stop()) == [
        "info] PEER joined as 'ann' in 'lobby'",
        "info] PEER left as 'ann' from 'lobby': closed with 1001: the server is going away: reconnect",
    ]


# -- what it never does -----------------------------------------------------------------------------


def test_no_credentials_and_no_words_are_ever_in_it(start: Callable[..., Server]) -> None:
    config = '[server]\norigins = ["https://shop.example"]\n[log]\nlevel = "debug"\n'
    server = start(config, options=(LOUDEST,))
    server.wait_for("everything is logged")
    secrets = {"account": ACCOUNT, "password": PASSWORD}
    for parameters in (
        secrets,
        secrets | {"clientType": "shop"},
        secrets | {"password": PASSWORD + "0"},
        secrets | {"name": None},
    ):
        server.connect(**parameters).closed_after_error()
    with pytest.raises(InvalidStatus):
        server.connect(origin="https://evil.example", **secrets)
    uri = target(**secrets)
    for broken in (uri + "%zz", uri + "&password=" + PASSWORD, uri.replace("&", "&&"), uri + "#" + PASSWORD):
        server.dial().request(broken)
    for header in ("Host", "Upgrade", "Connection", "Sec_WebSocket_Key", "Sec_WebSocket_Version"):
        server.dial().request(uri, **{header: None})
    server.dial().request(uri, Sec_WebSocket_Version="12")
    server.dial().request(uri, Authorization="Basic " + PASSWORD, Sec_WebSocket_Key="short")
    server.dial().request(uri + "x" * 20_000)
    server.dial().request("http://[" + uri)
    ann = server.join("ann", icon="https://i.example/private.png")
    ann.say(MESSAGE)
    ann.receive()
    ann.send("{" + MESSAGE)
    ann.receive()
    ann.send(b"\xff" + MESSAGE.encode())
    ann.closed_after_error()
    server.hang_up()
    log = server.stop()
    for secret in (ACCOUNT, PASSWORD, MESSAGE, "private.png", "senderType", "?name"):
        assert secret not in log


def test_a_request_that_is_never_finished_leaves_no_trace_of_it(start: Callable[..., Server]) -> None:
    server = start('[log]\nlevel = "debug"\n', options=(LOUDEST,))
    client = server.dial()
    client.send_bytes(f"GET {target(account=ACCOUNT, password=PASSWORD)} HTTP/1.1\r\n".encode())
    server.join("ann")
    client.hang_up()
    server.join("bob")
    log = server.stop()
    assert PASSWORD not in log
    assert ACCOUNT not in log


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u202e", "\u200f", "\ufeff"])
def test_what_would_disturb_a_reader_is_escaped(server: Server, odd: str) -> None:
    server.join(f"x{odd}y", f"odd{odd}").leave()
    escape = f"\\u{ord(odd):04x}"
    server.wait_for(re.escape(f"joined as 'x{escape}y' in 'odd{escape}'"))
    server.wait_for(re.escape(f"left as 'x{escape}y' from 'odd{escape}': "))
    assert odd not in server.log


def test_a_name_with_a_line_feed_is_refused_and_makes_no_line(server: Server) -> None:
    ann = server.join("the renamed")
    ann.ask("updateUserInfo", messageContent="Ann\n2026-11-23T08:15:30+0000 [-] joined as 'root' in 'lobby'")
    assert ann.receive()["code"] == "bad_message"
    server.connect(userId="x\nroot").closed_after_error()
    ann.leave()
    server.wait_for("left as 'the renamed'")
    assert "root" not in server.log


def test_a_quote_in_a_user_id_cannot_pretend_to_end_it(server: Server) -> None:
    server.join("x' in 'vault", "odd").leave()
    server.wait_for(r"""joined as "x' in 'vault" in 'odd'$""")


# -- as JSON ----------------------------------------------------------------------------------------


def test_each_line_is_a_json_object_where_asked(start: Callable[..., Server]) -> None:
    server = start(options=("--logger=chatd.logs.json_observer",))
    server.join("ann \u2028 安").leave()
    server.connect(roomName=None).closed_after_error()
    events = [json.loads(line) for line in server.stop().split("\n")]
    assert all({"time", "level", "logger", "message"} <= event.keys() for event in events)
    (joined,) = (event for event in events if "joined" in event["message"])
    assert joined["level"] == "info"
    assert joined["logger"] == "chatd.protocol"
    assert joined["user"] == "ann \u2028 安"
    assert joined["room"] == "lobby"
    assert re.fullmatch(PEER, joined["peer"])
    assert [event["close_code"] for event in events if "refused" in event["message"]] == [4400]
    assert any(re.search(LISTENING, event["message"]) for event in events)
    assert events[-1]["message"] == "Server Shut Down."
