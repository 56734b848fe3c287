"""In large rooms who comes and goes within a while is told by one notice."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.coalescing import Coalescing
from chatd.config import Config, Notices
from chatd.model import Notice
from tests.building import Building
from tests.client import Client


def notice(user: str, count: int, room: str = "lobby", action: str = "in") -> Notice:
    return Notice(action=action, room=room, user_id=user, name=user, count=count, text="")


# -- which one is told, and when --------------------------------------------------------------------


def test_a_small_room_is_told_at_once() -> None:
    held = Coalescing(above=2, window=1)
    assert not held.take(notice("ann", 2), None, 0)
    assert held.next is None and held.due(100) == []


def test_the_last_one_is_told_when_the_window_of_the_first_ends() -> None:
    held = Coalescing(above=2, window=1)
    assert held.take(notice("cid", 3), None, 10.0)
    assert held.take(notice("dan", 4), None, 10.9)
    assert held.next == 11.0 and held.due(10.99) == []
    assert [(it.notice.user_id, it.notice.count) for it in held.due(11.0)] == [("dan", 4)]
    assert held.next is None and held.due(100) == []


def test_each_room_has_a_window_of_its_own() -> None:
    held = Coalescing(above=1, window=1)
    held.take(notice("a", 2, "first"), None, 0.0)
    held.take(notice("b", 2, "second"), None, 0.5)
    held.take(notice("c", 3, "first"), None, 0.6)
    assert [it.notice.user_id for it in held.due(1.2)] == ["c"]
    assert [it.notice.user_id for it in held.due(1.5)] == ["b"]


def test_where_the_room_is_small_again_what_waited_is_not_told() -> None:
    held = Coalescing(above=2, window=1)
    held.take(notice("cid", 3), None, 0)
    assert not held.take(notice("cid", 2, action="out"), None, 0.5)
    assert held.due(100) == []


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(1, 9), st.floats(0, 0.7)), min_size=1, max_size=40
    ),
    st.integers(0, 9),
)
def test_who_hears_them_all_knows_the_right_count_soon(steps: list[Any], above: int) -> None:
    held, now, heard, true = Coalescing(above, 1.0), 0.0, {}, {}
    since: dict[str, float] = {}
    for room, count, pause in steps:
        now += pause
        while held.next is not None and held.next <= now:
            for it in held.due(held.next):
                heard[it.notice.room] = it.notice.count
                since.pop(it.notice.room, None)
        true[room] = count
        if held.take(notice("x", count, room), None, now):
            since.setdefault(room, now)
        else:
            heard[room] = count
            since.pop(room, None)
        assert all(now - began <= 1.0 for began in since.values())
        assert all(heard.get(each) == true[each] for each in true if each not in since)
    for it in held.due(now + 1):
        heard[it.notice.room] = it.notice.count
    assert heard == true


# -- in the house -----------------------------------------------------------------------------------


@pytest.fixture
def building() -> Building:
    return Building(Config(notices=Notices(coalesce_above=3, coalesce_window=2.0)))


def told(client: Client) -> list[tuple[str, str, int]]:
    return [(frame["action"], frame["userId"], frame["count"]) for frame in client.frames()]


def come(building: Building, *users: str) -> list[Client]:
    return [building.connect(userId=user, name=user) for user in users]


def test_up_to_so_many_users_nothing_changes(building: Building) -> None:
    ann, bob, cid = come(building, "ann", "bob", "cid")
    assert told(ann) == [("in", "ann", 1), ("in", "bob", 2), ("in", "cid", 3)]
    cid.leave()
    bob.leave()
    building.settle()
    assert told(ann) == [("out", "cid", 2), ("out", "bob", 1)]


def test_of_more_the_room_hears_the_last_and_who_comes_its_own_at_once(building: Building) -> None:
    ann, *others = come(building, "ann", "bob", "cid")
    told(ann)
    dan, eve = come(building, "dan", "eve")
    assert told(dan) == [("in", "dan", 4)]
    assert told(eve) == [("in", "eve", 5)]
    building.wait(1.75)
    assert told(ann) == told(dan) == []
    building.wait(0.5)
    assert told(ann) == told(dan) == [("in", "eve", 5)]
    assert told(eve) == []  # it knows
    eve.leave()
    others[0].leave()
    building.wait(2.5)
    assert told(ann) == [("out", "bob", 3)]  # small again: at once, and eve's is not told
    building.wait(10)
    assert told(ann) == []


def test_who_comes_and_goes_within_the_window_is_told_as_gone(building: Building) -> None:
    ann, _, _, _ = come(building, "ann", "bob", "cid", "dan")
    building.wait(2.5)
    told(ann)
    (eve,) = come(building, "eve")
    eve.leave()
    building.wait(2.5)
    assert told(ann) == [("out", "eve", 4)]


def test_messages_do_not_wait(building: Building) -> None:
    ann, _, _, dan = come(building, "ann", "bob", "cid", "dan")
    told(ann)
    dan.say("hello")
    assert [frame["messageContent"] for frame in ann.frames()] == ["hello"]


def test_a_customer_hears_of_itself_alone(building: Building) -> None:
    ann, *_ = come(building, "ann", "bob", "cid")
    told(ann)
    carl = building.connect(userId="carl", name="carl", containerId="carl")
    building.wait(2.5)
    assert told(carl) == [("in", "carl", 4)]
    assert told(ann) == [("in", "carl", 4)]
