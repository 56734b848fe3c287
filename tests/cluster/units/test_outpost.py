"""This node's connections in a room of another node's: what they ask, and what they hear."""

from collections.abc import Callable
from itertools import count
from typing import Any

import msgspec
import pytest
from twisted.internet.defer import Deferred

from chatd.cluster import wire
from chatd.cluster.outpost import Outpost
from chatd.cluster.people import People
from chatd.counts import DeliveryCounts
from chatd.errors import CloseCode, ErrorCode, RequestError
from chatd.room import Connection
from chatd.wire.commands import Command, loaded
from tests.channel import ListChannel, connection
from tests.cluster.units.said import HERE, OWNER, ROOM, as_said, missed, publication, sync

HELLO = Command(message_type="text", message_content="hello")


class Post:
    """An outpost, and the owner's part of it.

    ``seq`` is that of the owner's last publication.
    """

    def __init__(self) -> None:
        self.counts = DeliveryCounts()
        numbers = count(100)
        self.outpost = Outpost(ROOM, HERE, self.counts, missed, lambda: next(numbers))
        self.outpost.owner = OWNER
        self.seq = 0
        self._numbers = count(1)

    def publish(self, parcel: wire.Parcel | None = None, **fields: Any) -> bool:
        """The owner's next publication."""
        self.seq += 1
        return self.outpost.take(as_said(publication(self.seq, parcel, **fields)))

    def begin(self, **fields: Any) -> None:
        """It begins, and is answered."""
        sync = self.outpost.begin()
        assert self.publish(wire.Parcel(synced=sync.attempt, people={}, **fields))

    def newcomer(self, user: str = "ann", container: str | None = None) -> Connection:
        """Somebody who asks to come in."""
        somebody = connection(user, ROOM, container)
        somebody.number = next(self._numbers)
        self.outpost.join(somebody, None)
        return somebody

    def guest(self, user: str = "ann", container: str | None = None) -> Connection:
        """Somebody who has come in, and hears the room."""
        somebody = self.newcomer(user, container)
        asked = self.outpost.asked[-1].number
        assert self.publish(wire.Parcel(heard=asked + 1, attached=[somebody.number]))
        return somebody


@pytest.fixture
def post() -> Post:
    """An outpost that has begun."""
    post = Post()
    post.begin()
    return post


def heard(somebody: Connection) -> list[bytes]:
    """The writes since this was asked last."""
    channel = somebody.channel
    assert isinstance(channel, ListChannel)
    writes, channel.writes = channel.writes, []
    return writes


def outcomes(done: "Deferred[None]") -> list[Any]:
    """What becomes of a request: None or an error; it is a list because that is to be told once."""
    told: list[Any] = []
    done.addCallbacks(told.append, lambda failure: told.append(failure.value))
    return told


# -- what the room hears, and what one connection does ----------------------------------------------


def test_the_feed_is_one_write_for_each_guest(post: Post) -> None:
    guests = [post.guest("ann"), post.guest("bob")]
    assert post.publish(feed=b"hello")
    assert [heard(guest) for guest in guests] == [[b"hello"], [b"hello"]]
    assert (post.counts.deliveries, post.counts.writes) == (2, 2)


def test_who_has_a_letter_hears_that_alone(post: Post) -> None:
    ann, bob = post.guest("ann"), post.guest("bob")
    post.publish(wire.Parcel(letters={ann.number: b"hello, and your receipt"}), feed=b"hello")
    assert (heard(ann), heard(bob)) == ([b"hello, and your receipt"], [b"hello"])


def test_an_empty_letter_is_silence(post: Post) -> None:
    ann = post.guest()
    post.publish(wire.Parcel(letters={ann.number: b""}), feed=b"hello")
    assert heard(ann) == []


def test_a_customer_hears_its_letters_and_not_the_room(post: Post) -> None:
    carl = post.guest("carl", "carl")
    post.publish(wire.Parcel(letters={carl.number: b"for carl"}), feed=b"hello")
    post.publish(feed=b"hello")
    assert heard(carl) == [b"for carl"]


def test_who_is_attached_hears_the_room_from_the_next_publication_on(post: Post) -> None:
    ann = post.newcomer()
    parcel = wire.Parcel(heard=1, letters={ann.number: b"in"}, attached=[ann.number])
    post.publish(parcel, feed=b"before")
    assert heard(ann) == [b"in"]
    post.publish(feed=b"after")
    assert heard(ann) == [b"after"]


def test_who_is_a_guest_and_not_attached_yet_hears_no_room(post: Post) -> None:
    ann = post.newcomer()
    post.publish(wire.Parcel(heard=1))
    post.publish(feed=b"hello")
    assert post.outpost.guests == {ann.number: ann}
    assert heard(ann) == []


def test_a_new_name_is_the_connections(post: Post) -> None:
    ann = post.guest()
    post.publish(wire.Parcel(names={ann.number: ("Anna", "http://a/b.png")}))
    assert (ann.identity.name, ann.identity.icon, ann.identity.user_id) == ("Anna", "http://a/b.png", "ann")


def test_who_is_closed_hears_its_letter_before(post: Post) -> None:
    ann = post.guest()
    ann.channel.send, order = (lambda frames: order.append("letter")), []  # type: ignore[method-assign]
    ann.channel.close = lambda code, reason: order.append((code, reason))  # type: ignore[method-assign]
    post.publish(wire.Parcel(closed=[(ann.number, 1001, "bye")], letters={ann.number: b"last"}))
    assert order == ["letter", (CloseCode.GOING_AWAY, "bye")]


def test_what_is_for_others_is_for_nobody_here(post: Post) -> None:
    ann = post.guest()
    others = wire.Parcel(letters={99: b"x"}, attached=[99], names={99: ("X", "")}, closed=[(99, 1001, "")])
    post.publish(others)
    assert heard(ann) == []
    assert (ann.identity.name, ann.channel.closed) == ("Ann", None)


def test_the_highest_message_id_is_remembered(post: Post) -> None:
    post.publish(last="0b")
    post.publish(last="0a")
    assert post.outpost.last == "0b"


# -- who comes and goes -----------------------------------------------------------------------------


def test_who_asked_to_come_in_is_a_guest_when_that_was_heard_of(post: Post) -> None:
    ann, bob = post.newcomer("ann"), post.newcomer("bob")
    assert post.outpost.guests == {}
    post.publish(wire.Parcel(heard=1))
    assert post.outpost.guests == {ann.number: ann}
    post.publish(wire.Parcel(heard=2))
    assert post.outpost.guests == {ann.number: ann, bob.number: bob}


def test_who_asked_to_come_in_hears_what_is_for_it_before_that_was_heard_of(post: Post) -> None:
    """A turn may be told in two parts, the second of which says that it was done."""
    post.begin()
    ann = post.newcomer()
    post.publish(wire.Parcel(letters={ann.number: b"in"}, attached=[ann.number]))
    post.publish(feed=b"hello")
    assert ann.channel.writes == [b"in", b"hello"]
    assert post.outpost.guests == {}


def test_who_goes_hears_nothing_more_though_the_owner_does_not_know_yet(post: Post) -> None:
    ann = post.guest()
    post.outpost.leave(ann)
    post.publish(wire.Parcel(letters={ann.number: b"x"}), feed=b"hello")
    post.publish(feed=b"hello")
    assert heard(ann) == []
    assert post.outpost.has_left(ann)


def test_who_goes_while_coming_in_never_is_a_guest(post: Post) -> None:
    ann = post.newcomer()
    post.outpost.leave(ann)
    post.publish(wire.Parcel(heard=1, letters={ann.number: b"in"}, attached=[ann.number]))
    post.publish(feed=b"hello")
    assert (post.outpost.guests, heard(ann)) == ({}, [])
    assert post.outpost.has_left(ann)
    post.publish(wire.Parcel(heard=2))
    assert not post.outpost.has_left(ann)


def test_it_is_idle_when_nobody_is_here_and_the_owner_knows(post: Post) -> None:
    assert post.outpost.is_idle
    ann = post.guest()
    assert not post.outpost.is_idle
    post.outpost.leave(ann)
    assert not post.outpost.is_idle
    post.publish(wire.Parcel(heard=2))
    assert post.outpost.is_idle


def test_it_is_not_idle_while_somebody_wants_to_know_the_owner(post: Post) -> None:
    found: Deferred[str] = Deferred()
    post.outpost.awaited.append(found)
    assert not post.outpost.is_idle
    post.outpost.tell_owner(OWNER)
    assert post.outpost.is_idle
    assert found.result == OWNER


# -- who waits for an answer ------------------------------------------------------------------------


def test_a_request_is_done_when_it_was_heard_of(post: Post) -> None:
    ann = post.guest()
    first, second = (outcomes(post.outpost.handle(ann, HELLO)) for _ in range(2))
    post.publish(wire.Parcel(heard=2))
    assert (first, second) == ([None], [])
    post.publish(wire.Parcel(heard=3))
    assert (first, second) == ([None], [None])


def test_a_request_that_is_refused_fails_with_the_owners_words_once(post: Post) -> None:
    ann = post.guest()
    first, second = (outcomes(post.outpost.handle(ann, HELLO)) for _ in range(2))
    refusal = wire.Wrong(1, "bad_message", "No.")
    post.publish(wire.Parcel(heard=3, wrong=[refusal]))
    post.publish(wire.Parcel(heard=3, wrong=[refusal]))
    (error,) = first
    assert isinstance(error, RequestError)
    assert (error.code, error.sentence) == (ErrorCode.BAD_MESSAGE, "No.")
    assert second == [None]


def test_a_refusal_that_is_told_before_its_number_is_heard_of_is_told_at_once(post: Post) -> None:
    ann = post.guest()
    told = outcomes(post.outpost.handle(ann, HELLO))
    post.publish(wire.Parcel(heard=1, wrong=[wire.Wrong(1, "bad_message", "No.")]))
    assert len(told) == 1
    post.publish(wire.Parcel(heard=2))
    assert len(told) == 1


def test_a_receipt_is_heard_before_its_request_is_done(post: Post) -> None:
    """What the connection says next comes after it (E1)."""
    ann = post.guest()
    at_the_end: list[list[bytes]] = []
    post.outpost.handle(ann, HELLO).addCallback(lambda _: at_the_end.append(heard(ann)))
    post.publish(wire.Parcel(heard=2, letters={ann.number: b"receipt"}))
    assert at_the_end == [[b"receipt"]]


def test_what_was_asked_and_not_heard_of_is_there_for_who_does_it_here(post: Post) -> None:
    ann = post.guest()
    done = [post.outpost.handle(ann, HELLO) for _ in range(3)]
    post.publish(wire.Parcel(heard=2))
    assert [asked.done for asked in post.outpost.take_back()] == done[1:]
    assert post.outpost.is_idle is False  # ann is here
    assert not post.outpost.asked


# -- what is said to the owner ----------------------------------------------------------------------


def test_requests_are_said_once_numbered_and_in_order(post: Post) -> None:
    ann = post.newcomer()
    post.outpost.handle(ann, HELLO)
    said = post.outpost.requests()
    assert said is not None
    assert (said.node, said.room, said.epoch, said.first) == (HERE, ROOM, 1, 0)
    join, say = said.requests
    assert join == wire.Join(ann.number, ann.identity, ann.rights, None)
    assert isinstance(say, wire.Say)
    assert (say.number, loaded(say.command)) == (ann.number, HELLO)
    assert post.outpost.requests() is None
    post.outpost.leave(ann)
    said = post.outpost.requests()
    assert said is not None
    assert (said.first, said.requests) == (2, [wire.Leave(ann.number)])


def test_what_was_not_heard_of_is_said_again(post: Post) -> None:
    post.guest()
    for user in ("bob", "cid"):
        post.newcomer(user)
    before = post.outpost.requests()
    assert before is not None
    again = post.outpost.again()
    assert again is not None
    assert (again.first, [each.number for each in again.requests]) == (1, [2, 3])
    assert again.stream == before.stream


def test_nothing_is_said_to_an_owner_that_has_not_answered(post: Post) -> None:
    post.outpost.begin()
    post.newcomer()
    assert not post.outpost.has_to_say
    assert post.outpost.requests() is post.outpost.again() is None


def test_who_begins_says_what_it_has_and_what_was_not_heard_of(post: Post) -> None:
    ann, bob = post.guest("ann"), post.newcomer("bob")
    post.publish(last="0a")
    sync = post.outpost.begin()
    assert (sync.node, sync.room, sync.epoch, sync.seq, sync.last) == (HERE, ROOM, 1, post.seq, "0a")
    assert sync.guests == [wire.Guest(ann.number, ann.identity, ann.rights)]
    assert (sync.first, sync.requests) == (1, [wire.Join(bob.number, bob.identity, bob.rights, None)])


def test_a_sync_that_is_said_again_has_what_was_asked_meanwhile(post: Post) -> None:
    first = post.outpost.begin()
    post.newcomer()
    again = post.outpost.sync()
    assert (again.attempt, again.stream) == (first.attempt, first.stream)
    assert len(again.requests) == len(first.requests) + 1
    post.publish(wire.Parcel(synced=again.attempt, people={}))
    assert post.outpost.requests() is None  # it has been said


def test_each_beginning_has_a_number_of_its_own_in_the_same_stream(post: Post) -> None:
    first, second = post.outpost.begin(), post.outpost.begin()
    assert first.attempt != second.attempt
    assert first.stream == second.stream


# -- what is missing, and what is not for it --------------------------------------------------------


def test_a_publication_that_comes_twice_is_told_once(post: Post) -> None:
    ann = post.guest()
    post.publish(feed=b"hello")
    post.seq -= 1
    assert post.publish(feed=b"hello")
    assert heard(ann) == [b"hello"]


def test_after_a_gap_nothing_is_told_and_it_begins_anew(post: Post) -> None:
    ann = post.guest()
    post.seq += 1
    assert not post.publish(feed=b"hello")
    assert heard(ann) == []


def test_what_a_former_owner_still_says_is_left_out(post: Post) -> None:
    ann = post.guest()
    post.outpost.epoch = 2
    assert post.publish(feed=b"hello", epoch=1)
    assert heard(ann) == []


def test_a_newer_epoch_is_begun_with_anew(post: Post) -> None:
    ann = post.guest()
    assert not post.publish(feed=b"hello", epoch=2)
    assert heard(ann) == []


def test_what_is_published_before_the_answer_is_not_for_it(post: Post) -> None:
    ann = post.guest()
    sync = post.outpost.begin()
    assert post.publish(feed=b"too early")
    assert post.publish(wire.Parcel(synced=sync.attempt - 1, people={}), feed=b"to another attempt")
    assert heard(ann) == []
    assert not post.outpost.is_live


def test_only_the_owner_can_answer(post: Post) -> None:
    sync = post.outpost.begin()
    answer = wire.Parcel(synced=sync.attempt, people={})
    assert post.publish(answer, owner="another")
    assert not post.outpost.is_live
    assert post.publish(answer)
    assert post.outpost.is_live


def test_the_answer_may_be_of_any_epoch_and_number(post: Post) -> None:
    sync = post.outpost.begin()
    post.seq = 40
    answer = wire.Parcel(synced=sync.attempt, people={})
    assert post.publish(answer, epoch=7)
    assert (post.outpost.epoch, post.outpost.seq) == (7, 41)


def test_after_beginning_anew_who_is_here_hears_the_room_when_attached_again(post: Post) -> None:
    ann = post.guest()
    post.begin()
    post.publish(feed=b"not attached")
    assert heard(ann) == []
    post.publish(wire.Parcel(attached=[ann.number]))
    post.publish(feed=b"hello")
    assert heard(ann) == [b"hello"]


def test_who_is_given_up_begins_anew_and_hears_nothing_of_it(post: Post) -> None:
    ann = post.guest()
    assert not post.publish(wire.Parcel(ended=True, letters={ann.number: b"x"}), feed=b"hello")
    assert heard(ann) == []


def test_what_was_missed_and_is_replayed_goes_on_where_it_was(post: Post) -> None:
    ann, carl = post.guest(), post.guest("carl", "carl")
    sync = post.outpost.begin()
    assert not post.outpost.is_live
    assert post.outpost.replay(sync.attempt, begins=False)
    assert post.outpost.is_live
    post.publish(feed=b"missed")
    assert (heard(ann), heard(carl)) == ([b"missed"], [])


def test_a_replay_attaches_nobody_who_was_not(post: Post) -> None:
    ann = post.newcomer()
    post.publish(wire.Parcel(heard=1))
    sync = post.outpost.begin()
    post.outpost.replay(sync.attempt, begins=False)
    post.publish(feed=b"hello")
    assert heard(ann) == []


def test_a_replay_for_another_attempt_is_left_out(post: Post) -> None:
    sync = post.outpost.begin()
    assert not post.outpost.replay(sync.attempt - 1, begins=False)
    assert not post.outpost.is_live


def test_a_replay_that_begins_waits_for_the_answer_in_it(post: Post) -> None:
    ann = post.guest()
    sync = post.outpost.begin()
    assert post.outpost.replay(sync.attempt, begins=True)
    assert not post.outpost.is_live
    post.publish(wire.Parcel(synced=sync.attempt, people={}, letters={ann.number: b"missed"}))
    assert post.outpost.is_live
    assert heard(ann) == [b"missed"]


def test_an_answer_that_comes_once_more_in_a_replay_tells_nothing_twice(post: Post) -> None:
    """The Sync was said again while the first answer was on its way."""
    ann = post.guest()
    sync = post.outpost.begin()
    letters, attached = {ann.number: b"missed"}, [ann.number]
    parcel = wire.Parcel(letters=letters, attached=attached, synced=sync.attempt, people={})
    answer, next = publication(2, parcel), publication(3, feed=b"hello")
    for _ in range(2):
        assert post.outpost.replay(sync.attempt, begins=True)
        for each in (answer, next):
            assert post.outpost.take(as_said(each))
    assert heard(ann) == [b"missed", b"hello"]


def test_who_hears_something_is_not_stuck(post: Post) -> None:
    post.outpost.is_stuck = True
    post.publish()
    assert not post.outpost.is_stuck


def test_nothing_counts_of_an_owner_that_is_lost(post: Post) -> None:
    ann = post.guest()
    post.outpost.lose_owner()
    post.publish(feed=b"hello")
    assert (heard(ann), post.outpost.is_live) == ([], False)


def test_a_replay_of_an_owner_that_is_lost_is_left_out(post: Post) -> None:
    """What it tells is told by the next owner, which may be this node."""
    ann = post.guest()
    sync = post.outpost.begin()
    post.outpost.lose_owner()
    assert not post.outpost.replay(sync.attempt, begins=False)
    post.publish(feed=b"hello")
    assert (post.outpost.is_live, heard(ann)) == (False, [])


def test_who_has_left_hears_nothing_of_what_it_asked_and_may_be_in_another_room(post: Post) -> None:
    ann, bob = post.guest(), post.newcomer("bob")
    for somebody in (ann, bob):
        post.outpost.handle(somebody, HELLO)
    post.outpost.leave(ann)
    post.outpost.lose_owner()
    asked = list(post.outpost.take_back())
    assert [each.connection is bob for each in asked] == [True, False, True, False]
    for each in asked:
        if each.connection is not bob:
            each.connection.channel.send(b"of the room")
            assert (each.connection.number, each.connection.identity) == (ann.number, ann.identity)
    assert heard(ann) == []


def test_requests_tell_what_was_heard_of(post: Post) -> None:
    said = []
    ann = post.newcomer()
    for heard_before in (0, 0, 2):
        if heard_before:
            post.publish(wire.Parcel(heard=heard_before))
        requests = post.outpost.requests()
        assert requests is not None
        said.append((requests.first, requests.heard))
        post.outpost.handle(ann, HELLO)
    assert said == [(0, 0), (1, 0), (2, 2)]


# -- nodes that take the room for this one's --------------------------------------------------------


def test_of_each_node_one_message_waits_and_a_sync_rather_than_requests() -> None:
    post = Post()
    looked: list[int] = []
    post.outpost.looked_at = lambda: looked.append(len(post.outpost.visitors))
    requests = [wire.Requests(node, ROOM, 1, 1, 0, [], 0) for node in ("there", "yonder")]
    syncs = [sync(attempt=attempt) for attempt in (2, 3)]
    for message in (requests[0], requests[0], syncs[0], requests[0], requests[1], syncs[1], syncs[0]):
        post.outpost.visit(message)
    assert post.outpost.visitors == [requests[1], syncs[1]]
    assert looked == [1, 1, 1, 1, 2, 2, 2]


# -- who is online, for who was cut off -------------------------------------------------------------


@pytest.fixture
def told_of(post: Post) -> Callable[[Connection, People], list[tuple[str, str, int]]]:
    """Begins anew with these people online. :returns: what a guest is told of who came and went."""

    def told(guest: Connection, people: People) -> list[tuple[str, str, int]]:
        sync = post.outpost.begin()
        post.publish(wire.Parcel(synced=sync.attempt, people=people))
        assert isinstance(guest.channel, ListChannel)
        frames = guest.channel.frames()
        return [(frame["action"], frame["userId"], frame["count"]) for frame in frames]

    return told


def test_who_is_here_is_told_who_came_and_went_meanwhile(post: Post, told_of) -> None:
    ann = post.guest()
    post.publish(came={"ann": "Ann", "bob": "Bob"})
    assert told_of(ann, {"ann": "Ann", "cid": "Cid"}) == [("out", "bob", 1), ("in", "cid", 2)]
    assert told_of(ann, {"ann": "Ann", "cid": "Cid"}) == []


def test_publications_tell_who_came_and_went_too(post: Post, told_of) -> None:
    ann = post.guest()
    post.publish(came={"ann": "Ann", "bob": "Bob"})
    post.publish(went=["bob"])
    assert told_of(ann, {"ann": "Ann"}) == []


def test_a_customer_is_not_told_who_came_meanwhile(post: Post, told_of) -> None:
    carl = post.guest("carl", "carl")
    assert told_of(carl, {"carl": "Carl", "bob": "Bob"}) == []


def test_who_hears_the_room_only_from_now_on_is_not_told_who_came_before(post: Post, told_of) -> None:
    ann = post.newcomer()
    post.publish(wire.Parcel(heard=1))
    assert told_of(ann, {"ann": "Ann", "bob": "Bob"}) == []


def test_that_somebody_is_called_something_else_is_no_coming(post: Post, told_of) -> None:
    ann = post.guest()
    post.publish(came={"ann": "Ann"})
    assert told_of(ann, {"ann": "Anna"}) == []
    assert post.outpost.people == {"ann": "Anna"}


def test_an_identity_is_told_with_its_room_when_it_comes_back(post: Post) -> None:
    """Who was renamed begins anew by its new name."""
    ann = post.guest()
    post.publish(wire.Parcel(names={ann.number: ("Anna", "")}))
    (guest,) = post.outpost.begin().guests
    assert guest.identity == msgspec.structs.replace(ann.identity, name="Anna")
