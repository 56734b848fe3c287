"""The heartbeat, the limits of one client, and the end of a connection (C2, H1)."""

import gc
from weakref import ref

import pytest
from twisted.logger import LogEvent, formatEvent

from chatd.rate import Rate
from tests.client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Client, client_frame
from tests.house import House, target

HELLO = b'{"messageType":"text","messageContent":"hello"}'

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


FRAMES = [
    client_frame(PING),
    client_frame(PONG),
    client_frame(TEXT, HELLO),
    client_frame(CONTINUATION, fin=False),
]


@pytest.mark.parametrize("frame", FRAMES, ids=["ping", "pong", "message", "fragment"])
def test_frames_of_every_kind_count(open_house, frame):
    """(C2: 4429) A flood of pings, or of fragments, costs as much as one of messages."""
    (ann,) = open_house(rate=Rate(1, 3), errors_in_a_row=5).room("ann")
    if frame == FRAMES[-1]:
        ann.send_frame(TEXT, b"x", fin=False)
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
    assert [frame["messageType"] for frame in ann.frames()] == [*["text"] * 7, "notice", *["text"] * 3]
    bob.read_on()
    assert (bob.closed, bob.reason) == (1013, "reads too slowly")


def test_one_write_however_large_closes_nobody(open_house):
    """(C2: 1013, D4) What an agent is told when it joins may be more than may be unsent."""
    house = open_house(send_buffer=1000)
    carl, agnes = house.customer("carl"), house.join("agnes", "agnes")
    for _ in range(10):
        carl.say("x" * 30_000)
    carl.ask("createContainer", acceptId="agnes")
    agnes.frames()
    agnes.stop_reading()
    agnes.ask("addContainer", containerId="carl")
    agnes.read_on()
    assert [len(content) for content in agnes.contents()[1:]] == [30_000] * 10
    assert agnes.closed is None


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


def lines(log: list[LogEvent]) -> list[str]:
    """What is written of the events so far."""
    told = [formatEvent(event) for event in log]
    log.clear()
    return told


ENDS = [
    (Client.leave, "closed by the client with 1000"),
    (Client.vanish, "gone without a close frame"),
    (lambda ann: ann.send_frame(BINARY, b"x"), "closed with 1003: Binary messages are not supported."),
    (lambda ann: ann.send_frame(TEXT, b"\xff"), "failed with 1007"),
    (lambda ann: ann.send_frame(TEXT, b"x", mask=None), "failed with 1002"),
    (lambda ann: ann.send_frame(TEXT, b"x" * 65537), "failed with 1009"),
]


@pytest.mark.parametrize(("end", "cause"), ENDS, ids=[cause for _, cause in ENDS])
def test_the_log_tells_who_came_who_left_and_why(house, log, end, cause):
    ann = house.join("ann")
    assert lines(log) == ["127.0.0.1:50000 joined as 'ann' in 'lobby'"]
    end(ann)
    assert lines(log) == [f"127.0.0.1:50000 left as 'ann' from 'lobby': {cause}"]


def test_the_log_tells_who_was_refused_and_why(house, log):
    house.connect(senderType="SINGLE")
    assert lines(log) == ["refused 127.0.0.1:50000: 4403 'senderType SINGLE is not yet supported.'"]
    house.knock("/", Upgrade=None)
    assert lines(log) == ["refused 127.0.0.1:50000: HTTP 426"]


def test_nothing_holds_on_to_a_connection_that_is_gone(house):
    protocols = []
    for end in (Client.leave, Client.vanish, lambda client: client.send_frame(BINARY, b"x")):
        client = house.join("ann")
        protocols.append(ref(client.protocol))
        end(client)
    house.clients.clear()
    del client
    gc.collect()
    assert [protocol() for protocol in protocols] == [None, None, None]
