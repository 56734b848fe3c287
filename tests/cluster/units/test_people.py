"""What takes those who knew who was online to who is so now (N1, N2). Pure."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.cluster.people import difference
from chatd.model import Notice
from chatd.notices import NoticeTexts

TEXTS = NoticeTexts(into="{name} came: {count}", out="{name} went: {count}")
PEOPLE = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["Ann", "Bob"]))


def told(known: dict[str, str], now: dict[str, str]) -> list[Notice]:
    return difference("lobby", known, now, TEXTS)


def test_nothing_is_told_to_who_knows_everybody():
    assert told({"ann": "Ann"}, {"ann": "Ann"}) == []


def test_who_is_called_something_else_neither_came_nor_went():
    assert told({"ann": "Ann"}, {"ann": "Anna"}) == []


def test_who_went_is_called_what_they_were_called_then():
    (went,) = told({"ann": "Ann", "bob": "Bob"}, {"bob": "Bob"})
    assert (went.action, went.user_id, went.room, went.count, went.text) == (
        "out", "ann", "lobby", 1, "Ann went: 1",
    )  # fmt: skip


def test_who_came_is_counted():
    (came,) = told({"ann": "Ann"}, {"ann": "Ann", "bob": "Bob"})
    assert (came.action, came.user_id, came.room, came.count, came.text) == (
        "in", "bob", "lobby", 2, "Bob came: 2",
    )  # fmt: skip


def test_who_went_goes_before_others_come():
    notices = told({"ann": "Ann", "bob": "Bob"}, {"cid": "Cid", "dan": "Dan"})
    assert [(it.action, it.user_id, it.count) for it in notices] == [
        ("out", "ann", 1),
        ("out", "bob", 0),
        ("in", "cid", 1),
        ("in", "dan", 2),
    ]


@given(PEOPLE, PEOPLE)
def test_who_follows_the_notices_knows_who_is_there_and_each_count_is_right(known, now):
    people = set(known)
    for notice in told(known, now):
        (people.add if notice.action == "in" else people.remove)(notice.user_id)
        assert notice.count == len(people)
    assert people == set(now)
