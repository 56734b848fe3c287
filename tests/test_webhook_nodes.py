"""The webhook of a node among others: one sends what all have kept, whoever that is at the time."""

import random
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.store.none import NoStore
from chatd.turn import WaitingFound
from chatd.webhook import LATE
from tests.test_webhook import Backend


class LateStore(NoStore):
    """One whose reports may be seen later than some that were kept after them."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden: set[str] = set()

    def waiting(self, *where: Any) -> "Deferred[WaitingFound]":
        """See IMessageStore."""
        return super().waiting(*where).addCallback(
            lambda found: WaitingFound([it for it in found.reports if it.id not in self.hidden], found.more)
        )


@pytest.fixture
def backend() -> Backend:
    """Of a node that does not send."""
    backend = Backend(LateStore(now=lambda: 0.0, repeat_window=300, replay=100))
    backend.webhook.follow()
    return backend


def test_who_does_not_lead_passes_on_how_many_there_are(backend):
    told = []
    backend.webhook.pass_on = told.append
    backend.report("a", "b")
    backend.clock.advance(60)
    assert (told, backend.endpoint.ids, backend.left()) == ([2], [], ["a", "b"])


def test_who_leads_sends_what_was_kept_before_by_whomever(backend):
    backend.report("a", "b")
    backend.webhook.lead()
    backend.take_all()
    assert (backend.endpoint.ids, backend.left()) == (["a", "b"], [])
    backend.report("c")
    assert backend.endpoint.ids == ["a", "b", "c"]


def test_who_leads_no_more_begins_nothing_and_forgets_what_was_taken(backend):
    backend.report("a", "b")
    backend.report("c", room="den")
    backend.report("d", room="hall")
    backend.webhook.lead()
    assert backend.endpoint.ids == ["a", "c", "d"]
    backend.endpoint.fail(at=1)
    backend.webhook.follow()
    backend.endpoint.answer()
    backend.endpoint.fail()
    backend.clock.advance(1000)
    assert (backend.endpoint.ids, backend.left()) == (["a", "c", "d"], ["b", "c", "d"])


def test_who_leads_again_sends_all_that_is_left_in_order(backend):
    backend.report(*"abc")
    backend.report(*"xyz", room="den")
    backend.webhook.lead()
    backend.endpoint.fail(at=1)
    backend.webhook.follow()
    backend.webhook.lead()  # a is still under way
    backend.take_all()
    assert backend.endpoint.ids == ["a", "x", "x", "b", "y", "c", "z"]
    assert backend.left() == []


def test_a_look_finds_what_nobody_said_was_there(backend):
    backend.webhook.lead()
    backend.webhook.reported = lambda count: None
    backend.report("a")
    assert backend.endpoint.ids == []
    backend.webhook.look()
    assert backend.endpoint.ids == ["a"]
    backend.webhook.look()
    backend.take_all()
    backend.webhook.look()
    assert (backend.endpoint.ids, backend.left()) == (["a"], [])


def test_what_is_seen_late_is_sent_though_later_ones_have_been(backend):
    backend.store.hidden.add("a")
    backend.report("a")
    backend.report("b", room="den")
    backend.webhook.lead()
    backend.take_all()
    assert backend.endpoint.ids == ["b"]
    backend.store.hidden.clear()
    backend.webhook.look()
    assert backend.endpoint.ids == ["b", "a"]


def test_what_is_seen_late_is_sent_though_the_backend_refuses_another_room_for_ever(backend):
    backend.store.hidden.add("a")
    backend.report("a")
    backend.report("b", room="den")
    backend.webhook.lead()
    backend.endpoint.fail()
    for number in range(LATE):
        if number == 2:
            backend.store.hidden.clear()
        backend.webhook.look()
    assert "a" in backend.endpoint.ids
    assert backend.endpoint.ids.count("b") == 1  # it rests


@pytest.mark.parametrize("seed", range(30))
def test_all_is_sent_whoever_leads_and_whatever_fails(backend, seed):
    chance, ids = random.Random(seed), iter(range(10**6))
    leads = False
    for _ in range(200):
        match chance.randrange(6):
            case 0 if leads:
                backend.webhook.follow()
                leads = False
            case 0:
                backend.webhook.lead()
                leads = True
            case 1:
                if leads:
                    backend.webhook.look()
            case 2 | 3:
                new = [str(next(ids)) for _ in range(chance.randint(1, 3))]
                if chance.random() < 0.3:
                    backend.store.hidden.add(new[0])
                backend.report(*new, room=chance.choice("abc"))
            case _ if backend.endpoint.asked:
                at = chance.randrange(backend.endpoint.asked)
                (backend.endpoint.answer if chance.random() < 0.7 else backend.endpoint.fail)(at=at)
        backend.clock.advance(chance.random())
        if chance.random() < 0.1:
            backend.store.hidden.clear()
    backend.store.hidden.clear()
    if not leads:
        backend.webhook.lead()
    for _ in range(LATE + 1):
        for _ in range(20):
            backend.take_all()
            backend.clock.advance(5)
        backend.webhook.look()
    backend.take_all()
    assert backend.left() == []
    assert set(backend.endpoint.ids) == {str(id) for id in range(next(ids))}
