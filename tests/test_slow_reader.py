"""A client that does not read, in a room that goes on (C2: 1013, M7)."""

import pytest

from chatd.rate import Rate
from tests.client import PING, Client, client_frame
from tests.house import House

LIMIT = 100_000
LIKES = 65_536  # what a transport holds before the outlet counts
FAST = Rate(1_000_000, 1_000_000)
TEXT_OF_20_KB = "x" * 20_000


@pytest.fixture
def house(open_house) -> House:
    """A house in which nobody is too fast."""
    return open_house(send_buffer=LIMIT, rate=FAST)


def say_many(sender: Client, number: int) -> list[str]:
    """Large messages, each in a turn of its own. :returns: their contents."""
    contents = [f"{index} {TEXT_OF_20_KB}" for index in range(number)]
    for content in contents:
        sender.say(content)
    return contents


def texts_and_leavers(client: Client) -> tuple[list[str], list[str]]:
    """The contents of the messages that a client has heard, and whom it has heard leave."""
    frames = client.frames()
    messages = [frame for frame in frames if frame["messageType"] != "notice"]
    assert all(frame["messageType"] == "text" for frame in messages)
    left = [frame["userId"] for frame in frames if frame.get("action") == "out"]
    return [frame["messageContent"] for frame in messages], left


@pytest.mark.parametrize("slow", [0, 1, 2, 3])
def test_wherever_the_slow_one_stands_the_others_hear_everything_in_order(house, slow):
    """(M7) It may be written to before the others, or after; its end may not end the fan-out."""
    room = house.room("ann", "bob", "cid", "dan")
    sender = room[(slow + 1) % 4]
    room[slow].stop_reading()
    said = say_many(sender, 30)
    for client in room:
        if client is not room[slow]:
            assert texts_and_leavers(client) == (said, [("ann", "bob", "cid", "dan")[slow]])


def test_several_slow_ones_are_each_closed_and_announced_once(house):
    """(C2: 1013, N2)"""
    *slow, ann = house.room("eve", "fay", "gus", "ann")
    for client in slow:
        client.stop_reading()
    said = say_many(ann, 30)
    assert texts_and_leavers(ann) == (said, ["eve", "fay", "gus"])
    for client in slow:
        client.read_on()
        assert (client.closed, client.is_connected) == (1013, False)


def test_it_has_heard_the_beginning_in_order_when_it_is_closed(house):
    """(M7)"""
    eve, ann = house.room("eve", "ann")
    eve.stop_reading()
    said = say_many(ann, 30)
    eve.read_on()
    heard, _ = texts_and_leavers(eve)
    assert heard == said[: len(heard)]
    assert (eve.closed, eve.reason) == (1013, "reads too slowly")


def test_what_is_unsent_to_it_is_bounded(house):
    eve, ann = house.room("eve", "ann")
    eve.stop_reading()
    say_many(ann, 100)
    eve.read_on()
    assert sum(len(text) for text in eve.texts()) < LIKES + LIMIT + 2 * len(TEXT_OF_20_KB)


def test_many_messages_of_one_turn_end_it_too(house):
    """One write holds all of them."""
    eve, ann, bob = house.room("eve", "ann", "bob")
    eve.stop_reading()
    said = []
    for _ in range(2):
        with house.one_turn():
            said += say_many(ann, 30)
    assert texts_and_leavers(ann) == texts_and_leavers(bob) == (said, ["eve"])


def test_a_slow_sender_is_closed_by_its_own_messages(house):
    """(M5) It is sent a copy of each."""
    eve, bob = house.room("eve", "bob")
    eve.stop_reading()
    say_many(eve, 30)
    heard, left = texts_and_leavers(bob)
    assert (len(heard) < 30, left) == (True, ["eve"])


def test_a_slow_member_of_a_container_is_closed_and_the_conversation_goes_on(house):
    """(M4.1, N4)"""
    agent, customer = house.conversation()
    agent.stop_reading()
    said = say_many(customer, 30)
    frames = customer.frames()
    assert [frame["messageContent"] for frame in frames if frame["messageType"] == "text"] == said
    assert [frame["userId"] for frame in frames if frame.get("action") == "out"] == ["agnes"]


@pytest.mark.parametrize("in_one_segment", [True, False])
def test_pongs_that_are_not_read_count_too(house, in_one_segment):
    """A flood of pings is answered in memory, up to the bound."""
    eve, ann = house.room("eve", "ann")
    eve.stop_reading()
    ping = client_frame(PING, b"x" * 125)
    for segment in [ping * 5000] if in_one_segment else [ping] * 5000:
        eve.send_bytes(segment)
    assert texts_and_leavers(ann) == ([], ["eve"])
    eve.read_on()
    assert len(eve.pongs) < (LIKES + LIMIT) / 127 + 2
    assert eve.closed == 1013


def test_errors_that_are_not_read_count_too(open_house):
    """(E1, C2: 1013)"""
    house = open_house(send_buffer=LIMIT, rate=FAST, errors_in_a_row=1_000_000)
    eve, ann = house.room("eve", "ann")
    eve.stop_reading()
    with house.one_turn():
        for _ in range(5000):
            eve.send("{")
    assert texts_and_leavers(ann) == ([], ["eve"])


def test_heartbeats_answers_that_are_not_read_count_too(house):
    """(H1, C2: 1013)"""
    eve, ann = house.room("eve", "ann")
    eve.stop_reading()
    for _ in range(5000):
        eve.beat()
    assert texts_and_leavers(ann) == ([], ["eve"])
