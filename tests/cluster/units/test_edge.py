"""A node at the edge of a room that lives here: what has been done for it, and what it is to be told."""

import pytest

from chatd.cluster import wire
from chatd.cluster.edge import Edge, FarConnection
from chatd.errors import CloseCode, ErrorCode, RequestError
from chatd.model import NO_RIGHTS
from chatd.room import Room
from tests.cluster.units.said import identity, sync

REFUSED = RequestError(ErrorCode.BAD_MESSAGE, "No.")
WRONG = wire.Wrong(0, "bad_message", "No.")


@pytest.fixture
def touched() -> list[str]:
    """The nodes for which there was something to be told."""
    return []


@pytest.fixture
def edge(touched: list[str]) -> Edge:
    """One that has begun, and has heard so."""
    edge = Edge("there", touched.append)
    edge.begin(sync())
    edge.synced(2, dict)
    edge.heard(0)
    tell(edge)
    touched.clear()
    return edge


def tell(edge: Edge) -> wire.Parcel:
    """What is told to it, as in a publication."""
    parcel = edge.take_parcel()
    edge.is_dirty = False
    edge.since = edge.since or 1
    return parcel


def enter(edge: Edge, number: int = 1, container: str | None = None) -> FarConnection:
    return edge.enter(number, identity("ann", container), NO_RIGHTS)


def asks(*numbers: int) -> list[wire.Request]:
    return [wire.Say(number, b"") for number in numbers]


# -- the numbers of requests ------------------------------------------------------------------------


def test_requests_that_follow_are_new(edge: Edge) -> None:
    assert edge.new(0, asks(10, 11)) == asks(10, 11)
    edge.next = 2
    assert edge.new(2, asks(12)) == asks(12)


def test_of_requests_that_are_said_again_those_that_were_done_are_left_out(edge: Edge) -> None:
    edge.next = 2
    assert edge.new(0, asks(10, 11, 12)) == asks(12)
    assert edge.new(0, asks(10, 11)) == []


def test_requests_before_which_some_are_missing_are_not_done(edge: Edge) -> None:
    edge.next = 2
    assert edge.new(3, asks(13)) is None


def test_who_begins_anew_in_its_stream_is_not_done_anything_twice(edge: Edge) -> None:
    edge.next = 3
    edge.begin(sync(attempt=3, first=1))
    assert edge.new(1, asks(11, 12, 13)) == asks(13)
    assert tell(edge).heard == 3


def test_of_requests_that_a_node_has_heard_of_none_is_missing(edge: Edge) -> None:
    """They were done before it was given up, and it has heard so after it had begun anew."""
    edge.begin(sync(attempt=3))
    edge.begin(sync(attempt=4, first=2))
    assert edge.new(2, asks(7)) == asks(7)


def test_another_stream_has_numbers_of_its_own(edge: Edge) -> None:
    edge.next = 3
    edge.refuse(2, REFUSED)
    edge.begin(sync(stream=7, attempt=8, first=1))
    assert edge.next == 1
    assert edge.new(1, asks(21)) == asks(21)
    assert tell(edge) == wire.Parcel(heard=1)


# -- refusals ---------------------------------------------------------------------------------------


def test_a_refusal_is_told_once(edge: Edge, touched: list[str]) -> None:
    edge.refuse(0, REFUSED)
    assert touched == ["there"]
    assert tell(edge).wrong == [WRONG]
    assert tell(edge).wrong == []


def test_a_refusal_that_may_be_lost_is_told_again_to_who_begins_anew(edge: Edge) -> None:
    edge.refuse(0, REFUSED)
    tell(edge)
    edge.begin(sync(attempt=3))
    assert tell(edge).wrong == [WRONG]


def test_who_has_heard_of_a_refusal_is_not_told_again(edge: Edge) -> None:
    for number in (0, 1):
        edge.refuse(number, REFUSED)
    tell(edge)
    edge.begin(sync(attempt=3, first=1))
    assert [wrong.number for wrong in tell(edge).wrong] == [1]


def test_later_requests_tell_that_a_refusal_was_heard(edge: Edge) -> None:
    edge.next = 3
    for number in (0, 2):
        edge.refuse(number, REFUSED)
    edge.new(3, asks(13))  # which does not tell that those before it were heard of
    assert list(edge.refusals) == [0, 2]
    edge.forget_refusals(1)
    assert list(edge.refusals) == [2]


# -- a node that was given up -----------------------------------------------------------------------


def test_what_was_done_for_a_node_that_was_given_up_is_known_and_what_was_refused_was_not_done(
    edge: Edge,
) -> None:
    edge.next = 3
    edge.refuse(1, REFUSED)
    former = edge.former
    assert [former.has_done(1, number) for number in range(4)] == [True, False, True, False]
    assert not former.has_done(7, 0)  # of another stream


# -- what there is to tell --------------------------------------------------------------------------


def test_all_that_a_connection_hears_in_a_turn_is_one_letter(edge: Edge) -> None:
    channel = enter(edge).channel
    channel.send(b"one ")
    channel.write(b"two")
    assert tell(edge).letters == {1: b"one two"}
    assert tell(edge).letters == {}


def test_a_parcel_tells_how_far_it_was_heard_though_nothing_has_happened_since(edge: Edge) -> None:
    edge.heard(4)
    assert (tell(edge).heard, tell(edge).heard) == (4, 4)


def test_a_close_is_told_with_its_code_and_why(edge: Edge) -> None:
    enter(edge).channel.close(CloseCode.GOING_AWAY, "bye")
    assert tell(edge).closed == [(1, 1001, "bye")]


def test_a_new_name_is_told_and_the_first_one_is_not(edge: Edge) -> None:
    guest = enter(edge)
    assert tell(edge).names == {}
    guest.identity = identity("anna")
    assert tell(edge).names == {1: ("Anna", "")}


def test_who_is_attached_listens_and_a_customer_does_not(edge: Edge) -> None:
    room = Room("lobby")
    enter(edge).listen(room)
    enter(edge, 2, "carl").listen(room)
    assert tell(edge).attached == [1, 2]
    assert edge.listeners == {1}
    assert room.audience == {}  # its own node knows whom to tell


def test_who_is_gone_does_not_listen(edge: Edge) -> None:
    guest = enter(edge)
    guest.listen(Room("lobby"))
    assert edge.leave(1) is guest
    assert (edge.guests, edge.listeners) == ({}, set())
    assert edge.leave(1) is None


def test_who_begins_anew_hears_nothing_of_before_until_it_is_attached_again(edge: Edge) -> None:
    guest = enter(edge)
    guest.attached = True
    guest.listen(Room("lobby"))
    guest.channel.send(b"lost")
    edge.begin(sync(attempt=3))
    assert not guest.attached
    assert edge.listeners == set()
    assert tell(edge) == wire.Parcel()


def test_whose_connection_was_closed_is_not_spared_because_its_node_begins_anew(edge: Edge) -> None:
    enter(edge).channel.close(CloseCode.DISPLACED, "displaced by a newer connection")
    edge.begin(sync(attempt=3))
    assert tell(edge).closed == [(1, 4409, "displaced by a newer connection")]


def test_who_begins_anew_is_told_the_names_that_it_does_not_know(edge: Edge) -> None:
    for number, user in ((1, "ann"), (2, "bob")):
        enter(edge, number)
        edge.guests[number].identity = identity(user)
    tell(edge)
    known = [wire.Guest(1, identity("al"), NO_RIGHTS), wire.Guest(2, identity("bob"), NO_RIGHTS)]
    edge.begin(sync(attempt=3, guests=known))
    assert tell(edge).names == {1: ("Ann", "")}


# -- when it is told --------------------------------------------------------------------------------


def test_there_is_news_until_it_has_been_told(edge: Edge) -> None:
    assert not edge.has_news
    edge.tell(1, b"hello")
    assert edge.has_news
    tell(edge)
    assert not edge.has_news


def test_who_begins_anew_is_told_all_at_once_with_the_answer(edge: Edge) -> None:
    edge.begin(sync(attempt=3))
    edge.tell(1, b"hello")
    assert not edge.has_news
    edge.synced(3, lambda: {"ann": "Ann"})
    assert edge.has_news
    parcel = tell(edge)
    assert (parcel.letters, parcel.synced, parcel.people) == ({1: b"hello"}, 3, {"ann": "Ann"})


def test_the_answer_to_an_earlier_attempt_is_none(edge: Edge) -> None:
    edge.begin(sync(attempt=3))
    edge.begin(sync(attempt=4))
    edge.synced(3, dict)
    assert not edge.has_news
    edge.synced(4, dict)
    assert tell(edge).synced == 4


def test_who_is_given_up_is_told_so(edge: Edge) -> None:
    edge.end()
    assert edge.has_news
    assert tell(edge).ended


# -- its end ----------------------------------------------------------------------------------------


def test_it_is_over_when_nobody_is_there_and_that_was_told(edge: Edge) -> None:
    enter(edge)
    assert not edge.is_over
    edge.leave(1)
    edge.next = 1
    assert not edge.is_over  # its node waits to hear that
    edge.heard(1)
    assert not edge.is_over
    tell(edge)
    assert edge.is_over


def test_it_is_not_over_while_requests_wait_to_be_heard(edge: Edge) -> None:
    edge.next = 1  # somebody is joining
    assert not edge.is_over


def test_it_is_not_over_before_it_has_begun() -> None:
    edge = Edge("there", lambda node: None)
    assert not edge.is_over
    edge.begin(sync())
    assert not edge.is_over
    edge.synced(2, dict)
    tell(edge)
    assert not edge.is_over  # what came with the Sync is still to be done
    edge.heard(0)
    tell(edge)
    assert edge.is_over
