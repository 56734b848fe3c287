"""The names of keys and channels in Redis."""

import pytest

from chatd.bus.slots import slot_of
from chatd.cluster.scripts import Names

NAMES = Names("chatd")
ODD = ["a{b}", "a{b", "}a{", "{}", "a%7Bb%7D", "a%257Bb", "%", "{", "}", "a:owner", "ü {x}", "%%7B"]


@pytest.mark.parametrize("room", ["lobby", *ODD])
def test_a_rooms_keys_are_on_one_server_of_a_cluster(room):
    owner, roster = NAMES.keys(room)
    assert owner != roster
    assert slot_of(owner) == slot_of(roster)


@pytest.mark.parametrize("room", ["lobby", "a{b}", "}a{", "%", "{"])
def test_which_server_that_is_is_the_rooms_name_alone(room):
    """Whatever the prefix has: that between the first braces is what counts there."""
    (tag,) = {key.partition(b"{")[2].partition(b"}")[0] for key in NAMES.keys(room)}
    assert tag
    assert slot_of(NAMES.keys(room)[0]) == slot_of(tag) != slot_of(b"")


def test_no_two_rooms_share_a_key():
    keys = [key for room in ODD for key in NAMES.keys(room)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("room", ["lobby", *ODD])
def test_a_channel_tells_its_room(room):
    assert NAMES.room_of(NAMES.room(room)) == room


def test_other_channels_are_no_rooms():
    assert NAMES.room_of(NAMES.node("a:room:b")) is None
    assert NAMES.room_of(NAMES.farewells) is None
    assert Names("other").room_of(NAMES.room("lobby")) is None
