"""A trace of a user: kinds of frames, nothing of what is in them, and nothing left behind."""

from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent

from chatd.manhole.namespace import Namespace
from chatd.manhole.trace import LINES, frames, kind, kinds
from chatd.wire.frames import HEARTBEAT, HEARTBEAT_FRAME, PING_FRAME, text_frame
from tests.client import PONG
from tests.house import House

SECRET = "swordfish"


@pytest.fixture
def desk(house: House) -> Namespace:
    return Namespace(house.clock, house.registry, house.factory, house.outbox, house.stamp)


@pytest.fixture
def traced(log: list[LogEvent]) -> Any:
    """What was traced since last asked: way and kinds."""

    def since() -> list[tuple[str, str]]:
        found = [(event["way"], event["what"]) for event in log if "way" in event]
        log.clear()
        return found

    return since


# -- kinds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (HEARTBEAT, "heartbeat"),
        (b'{"messageType":"text","messageContent":"swordfish"}', "text"),
        (b'{"eventType":"addContainer","containerId":"swordfish"}', "addContainer"),
        (b'{"messageType":"picture","eventType":"ordinary"}', "ordinary picture"),
        (b'{"messageType":"notice","action":"in","nickName":"swordfish"}', "notice in"),
        (b'{"messageType":"error","code":"not_found"}', "error not_found"),
        (b'{"messageType":"swordfish"}', "unknown"),
        (b'{"eventType":["swordfish"],"messageType":"text"}', "unknown text"),
        (b'{"messageType":{"swordfish":1}}', "unknown"),
        (b"{}", "unknown"),
        (b"[1]", "no JSON object"),
        (b"swordfish", "no JSON object"),
        (b'"\xff"', "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
    ],
)
def test_a_frames_kind_is_told_in_the_protocols_words_alone(payload: bytes, words: str) -> None:
    assert kind(payload) == words


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_frames_of_all_lengths_are_told_apart(length: int) -> None:
    payload = b"x" * length
    assert list(frames(text_frame(payload) + PING_FRAME)) == [(1, payload), (9, b"")]


def test_frames_of_one_kind_are_counted() -> None:
    notice = text_frame(b'{"messageType":"notice","action":"out"}')
    close = b"\x88\x04\x03\xf0xx"
    assert kinds(notice + HEARTBEAT_FRAME + notice + close) == "2 notice out, heartbeat, close 1008"


# -- a trace ----------------------------------------------------------------------------------------


def test_frames_go_in_and_out_as_before_and_their_kinds_are_logged(house, desk, traced, log):
    ann, bob = house.room("ann", "bob")
    desk.trace("ann")
    ann.say(SECRET)
    bob.say(SECRET)
    ann.say("", clientMessageId="m1")
    ann.beat()
    ann.send_frame(PONG)
    assert [frame.get("messageContent") for frame in bob.frames()] == [SECRET, SECRET]
    assert len(ann.texts()) == 4
    assert SECRET not in "".join(map(formatEvent, log))
    assert traced() == [
        ("in", "text"),
        ("out", "ordinary text"),
        ("out", "ordinary text"),
        ("in", "text"),
        ("out", "error bad_message"),
        ("in", "heartbeat"),
        ("out", "heartbeat"),
        ("in", "pong"),
    ]


def test_a_line_names_user_address_and_size(house, desk, log):
    ann, *_ = house.room("ann", "bob")
    assert repr(desk.trace("ann")) == "For 60 s the log tells of each frame of 'ann': 1 connection now"
    ann.beat()
    assert formatEvent(log[-1]) == "trace of 'ann', 127.0.0.1:50000, out: heartbeat (54 bytes)"


def test_nobody_else_is_traced(house, desk, traced):
    _, bob = house.room("ann", "bob")
    desk.trace("ann")
    bob.beat()
    assert traced() == []


def test_who_comes_back_is_traced_from_the_first_frame_on(house, desk, traced):
    desk.trace("ann")
    house.join("ann")
    assert traced() == [("out", "notice in")]
    house.join("ann", "shop").leave()
    assert traced() == [("out", "notice in"), ("out", "close 1000")]


def test_who_moves_to_another_room_is_traced_there(house, desk, traced):
    ann, bob = house.join("ann"), house.join("bob", "shop")
    desk.trace("ann")
    ann.ask("updateRoomName", messageContent="shop")
    traced()
    bob.say("x")
    assert traced() == [("out", "ordinary text")]


def test_a_ping_of_the_server_and_what_it_sends_a_customer_are_traced(house, desk, traced):
    agent, _ = house.conversation()
    desk.trace("carl")
    agent.say("x", containerId="carl")
    house.sweeper.sweep()
    house.clock.advance(31)
    house.settle()
    assert traced() == [("out", "ordinary text"), ("out", "ping")]


def test_a_trace_ends_by_itself_and_leaves_nothing_behind(house, desk, traced):
    ann, bob = house.room("ann", "bob")
    before = dict(vars(ann.protocol)), house.registry.rooms["lobby"].audience.copy()
    desk.trace("ann", seconds=5)
    assert vars(ann.protocol) != before[0]
    house.wait(5)
    after = dict(vars(ann.protocol)), house.registry.rooms["lobby"].audience.copy()
    assert after == before
    assert house.factory.watched == {}
    assert not [call for call in house.clock.getDelayedCalls() if "Trace" in repr(call)]
    traced()
    bob.say("x")
    house.join("ann")
    assert traced() == []


def test_a_trace_can_be_ended(house, desk, traced):
    ann, _ = house.room("ann", "bob")
    desk.trace("ann")
    assert repr(desk.trace("ann", 0)) == "'ann' is not traced"
    ann.beat()
    assert traced() == []
    house.wait(120)


def test_a_trace_that_is_asked_for_again_begins_its_time_again(house, desk, traced):
    ann, _ = house.room("ann", "bob")
    desk.trace("ann", 10)
    house.wait(6)
    desk.trace("ann", 10)
    house.wait(6)
    ann.beat()
    assert len(traced()) == 2
    house.wait(5)
    ann.beat()
    assert traced() == []


def test_a_trace_of_a_busy_user_ends_after_so_many_lines(open_house, traced):
    from chatd.rate import Rate

    house = open_house(rate=Rate(1e9, 10**9))
    ann, *_ = house.room("ann")
    Namespace(house.clock, house.registry, house.factory, house.outbox, house.stamp).trace("ann")
    for _ in range(LINES):
        ann.beat()
    assert len(traced()) == LINES


def test_a_connection_that_ends_during_a_trace_is_no_bug(house, desk, traced):
    ann, _ = house.room("ann", "bob")
    desk.trace("ann")
    ann.leave()
    house.join("ann").vanish()
    house.wait(61)
    assert house.factory.watched == {}


def test_a_connection_that_does_not_read_is_closed_all_the_same(open_house, traced):
    house = open_house(send_buffer=1000)
    ann, bob = house.room("ann", "bob")
    desk = Namespace(house.clock, house.registry, house.factory, house.outbox, house.stamp)
    desk.trace("bob")
    bob.stop_reading()
    for _ in range(4):
        ann.say("x" * 60_000)
    house.wait(3)
    assert not bob.is_connected
    assert ("out", "close 1013") in traced()
