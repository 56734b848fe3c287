"""How much one client may send, counted on the wire to the last token (C2: 4429, E1: rate_limited)."""

import pytest

from chatd.rate import Rate
from tests.client import CONTINUATION, HEARTBEAT, PING, PONG, TEXT, Client, client_frame
from tests.house import House

BURST = 8
MESSAGE = b'{"messageType":"text","messageContent":"hello"}'
A_SECOND_TOO_LONG = 1 + BURST  # at one token a second


@pytest.fixture
def house(open_house) -> House:
    """Eight at once and one a second; who goes on three times too fast is closed."""
    return open_house(rate=Rate(1, BURST), errors_in_a_row=3)


def codes(client: Client) -> list[str]:
    """The codes of the errors that a client has heard."""
    return [frame["code"] for frame in client.frames() if frame["messageType"] == "error"]


def spend(client: Client, tokens: int) -> None:
    """Use up tokens with what nobody hears."""
    for _ in range(tokens):
        client.send_frame(PONG)


def test_what_is_too_fast_is_not_delivered_and_what_follows_in_time_is(house):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST)
    ann.say("too fast")
    house.wait(1)
    ann.say("in time")
    assert codes(ann) == ["rate_limited"]
    assert bob.contents() == ["in time"]


@pytest.mark.parametrize("tokens", [1, BURST])
def test_as_many_tokens_come_back_as_seconds_were_quiet(house, tokens):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST)
    house.wait(tokens)
    for _ in range(tokens + 1):
        ann.say("hello")
    assert (codes(ann), len(bob.frames())) == (["rate_limited"], tokens)


def test_no_more_than_the_burst_comes_back(house):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST)
    house.wait(A_SECOND_TOO_LONG)
    for _ in range(BURST + 1):
        ann.say("hello")
    assert (codes(ann), len(bob.frames())) == (["rate_limited"], BURST)


def test_a_sound_message_begins_the_count_of_errors_anew(house):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST)
    for _ in range(5):
        ann.say("too fast")
        ann.say("too fast")
        house.wait(1)
        ann.say("hello")
    assert (ann.closed, bob.contents()) == (None, ["hello"] * 5)


def test_the_third_too_much_in_a_row_ends_it_and_the_room_is_told(house):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST)
    for _ in range(2):
        ann.say("too fast")
    assert ann.closed is None
    ann.say("too fast")
    assert (ann.closed, ann.reason, codes(ann)) == (4429, "too fast", ["rate_limited"] * 3)
    assert [frame.get("action") for frame in bob.frames()] == ["out"]


def test_what_comes_in_the_same_bytes_after_the_end_is_not_heard(house):
    ann, bob = house.room("ann", "bob")
    ann.send_bytes(client_frame(TEXT, MESSAGE) * (BURST + 10))
    assert ann.closed == 4429
    assert bob.contents().count("hello") == BURST


def test_a_ping_too_much_is_not_answered(house):
    (ann,) = house.room("ann")
    for number in range(BURST + 1):
        ann.send_frame(PING, b"%d" % number)
    assert ann.pongs == [b"%d" % number for number in range(BURST)]
    assert codes(ann) == ["rate_limited"]


def test_heartbeats_count(house):
    """(H1)"""
    (ann,) = house.room("ann")
    for _ in range(BURST + 3):
        ann.beat()
    assert (ann.texts().count(HEARTBEAT), ann.closed) == (BURST, 4429)


def test_erroneous_messages_count(house):
    (ann,) = house.room("ann")
    spend(ann, BURST - 1)
    ann.send("{")
    ann.send("{")
    assert codes(ann) == ["bad_json", "rate_limited"]


def test_every_fragment_after_the_first_counts_and_so_does_the_message(house):
    ann, bob = house.room("ann", "bob")
    spend(ann, BURST - 3)
    ann.send_frame(TEXT, MESSAGE[:9], fin=False)
    ann.send_frame(CONTINUATION, MESSAGE[9:12], fin=False)
    ann.send_frame(CONTINUATION, MESSAGE[12:])
    assert (bob.contents(), codes(ann)) == (["hello"], [])
    ann.say("too fast")
    assert codes(ann) == ["rate_limited"]


@pytest.mark.parametrize("piece", [b"", b"x"])
def test_endless_fragments_end_in_4429_at_the_first_too_much(house, piece):
    ann, bob = house.room("ann", "bob")
    ann.send_frame(TEXT, piece, fin=False)
    for _ in range(BURST):
        ann.send_frame(CONTINUATION, piece, fin=False)
    assert ann.closed is None
    ann.send_frame(CONTINUATION, piece, fin=False)
    assert (ann.closed, codes(ann)) == (4429, ["rate_limited"])
    assert [frame.get("action") for frame in bob.frames()] == ["out"]


def test_a_slow_trickle_of_fragments_is_no_haste(house):
    ann, bob = house.room("ann", "bob")
    ann.send_frame(TEXT, MESSAGE[:1], fin=False)
    for byte in MESSAGE[1:-1]:
        house.wait(1)
        ann.send_frame(CONTINUATION, bytes([byte]), fin=False)
    house.wait(2)
    ann.send_frame(CONTINUATION, MESSAGE[-1:])
    assert bob.contents() == ["hello"]


def test_one_client_in_haste_does_not_slow_another_of_the_same_user(house):
    """(C6) The rate is a connection's."""
    hasty, other, bob = house.join("ann"), house.join("ann"), house.join("bob")
    house.hush()
    spend(hasty, BURST)
    hasty.say("too fast")
    other.say("hello")
    assert bob.contents() == ["hello"]
