"""What a message is stamped with (D2)."""

import msgspec

from chatd.model import Identity
from chatd.stamp import Stamp
from chatd.wire.commands import Command

ANN = Identity("ann", "Ann", "http://a/ann.png", "lobby", target_id="order-1")
HELLO = Command(message_content="hello", message_type="text")


class Watch:
    """A clock that a test sets."""

    def __init__(self, time: float) -> None:
        self.time = time

    def __call__(self) -> float:
        return self.time


def test_who_and_where_come_from_the_connection():
    """(D2)"""
    message = Stamp(now=Watch(0)).message(ANN, HELLO)
    assert (message.name, message.user_id, message.room, message.icon) == (
        "Ann",
        "ann",
        "lobby",
        "http://a/ann.png",
    )


def test_the_icon_is_the_messages_if_it_brings_one():
    """(D2)"""
    command = msgspec.structs.replace(HELLO, user_icon="http://a/sad.png")
    assert Stamp(now=Watch(0)).message(ANN, command).icon == "http://a/sad.png"


def test_an_empty_icon_counts_as_left_out():
    """(D2)"""
    command = msgspec.structs.replace(HELLO, user_icon="")
    assert Stamp(now=Watch(0)).message(ANN, command).icon == "http://a/ann.png"


def test_the_time_is_in_whole_milliseconds():
    """(D2)"""
    assert Stamp(now=Watch(1795421730.1239)).message(ANN, HELLO).created == 1795421730123


def test_ids_of_one_instant_are_unique_and_ascend():
    """(D2)"""
    stamp = Stamp(now=Watch(1795421730.123))
    ids = [stamp.message(ANN, HELLO).id for _ in range(1000)]
    assert sorted(set(ids)) == ids


def test_ids_ascend_when_the_clock_is_set_back():
    """(D2)"""
    watch = Watch(1795421730.0)
    stamp = Stamp(now=watch)
    before = stamp.message(ANN, HELLO).id
    watch.time -= 3600
    assert stamp.message(ANN, HELLO).id > before


def test_ids_of_all_times_are_equally_long_so_that_they_sort_as_text():
    """(D2)"""
    for time in (1, 1795421730.0, 4102444800.0):
        assert len(Stamp(now=Watch(time)).message(ANN, HELLO).id) == 14


def test_ids_go_on_ascending_after_a_restart():
    """(D2)"""
    before = [Stamp(now=Watch(1795421730.0)).message(ANN, HELLO).id for _ in range(100)][-1]
    assert Stamp(now=Watch(1795421731.0)).message(ANN, HELLO).id > before


def test_what_an_empty_text_leaves_out_is_left_out():
    """(D1)"""
    command = Command(
        message_content="", message_type="", accept_id="", target_id="", user_icon="", client_message_id=""
    )
    message = Stamp(now=Watch(0)).message(ANN, command)
    assert (message.content, message.type, message.accept_id, message.target_id) == (None, None, None, None)
    assert message.client_message_id is None


def test_a_target_given_by_the_caller_is_taken_before_the_commands():
    """(D3)"""
    command = msgspec.structs.replace(HELLO, target_id="order-2")
    assert Stamp(now=Watch(0)).message(ANN, command).target_id == "order-2"
    assert Stamp(now=Watch(0)).message(ANN, command, "carl", "order-3").target_id == "order-3"
