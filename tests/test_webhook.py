"""The webhook on a clock that is turned by hand: order, retries, what is in memory, what is dropped."""

import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent

from chatd.interfaces import IMessageStore
from chatd.lines import LEAST, LINE, WINDOW
from chatd.store.none import NoStore
from chatd.turn import Report, Turn, WaitingFound
from chatd.webhook import DROP_SECONDS, Webhook
from tests.endpoints import SlowEndpoint
from tests.stores import PromptStore

HOUR = 3600


class Backend:
    """A webhook, and the backend that it tells.

    :param settings: the webhook's, where they matter.
    """

    def __init__(self, store: IMessageStore | None = None, **settings: Any) -> None:
        self.clock = Clock()
        self.store = store or NoStore(now=self.clock.seconds, repeat_window=300, replay=100)
        self.store.open()
        self.endpoint = SlowEndpoint()
        self.is_sound = True
        defaults = {"concurrency": 4, "retry": 1, "retry_most": 60, "keep_hours": 72, "most": 10**6}
        self.webhook = Webhook(
            self.clock,
            self.store,
            self.endpoint,
            lambda: self.is_sound,
            now=self.clock.seconds,
            chance=lambda: 1.0,
            **{**defaults, **settings},
        )
        self.webhook.privilegedStartService()
        self.webhook.startService()

    def report(self, *ids: str, room: str = "lobby", container_id: str | None = None, size: int = 20) -> None:
        """A turn with some reports is kept."""
        time = int(self.clock.seconds() * 1000)
        reports = [
            Report(
                id=id,
                time=time,
                room=room,
                container_id=container_id,
                body=b'{"id":"%s"}' % id.encode() + b" " * size,
            )
            for id in ids
        ]
        self.store.commit(Turn(reports=reports)).addCallback(lambda kept: self.webhook.reported(kept.reports))

    def left(self) -> list[str]:
        """The ids of what the store still has."""
        left: list[str] = []
        self.store.waiting(0, 10**6).addCallback(lambda found: left.extend(it.id for it in found.reports))
        return left

    def take_all(self) -> None:
        """Whatever is asked is answered, until nothing is."""
        while self.endpoint.asked:
            self.endpoint.answer()


@pytest.fixture
def backend() -> Backend:
    return Backend()


def lines(log: list[LogEvent]) -> list[str]:
    """What is written of the events so far."""
    told = [formatEvent(event) for event in log]
    log.clear()
    return told


# -- order ------------------------------------------------------------------------------------------


def test_a_report_is_sent_with_its_id_and_forgotten_once_it_was_taken(backend):
    backend.report("a")
    assert (backend.endpoint.ids, backend.endpoint.bodies) == (["a"], [{"id": "a"}])
    assert (backend.left(), backend.webhook.waiting) == (["a"], 1)
    backend.endpoint.answer(code=204)
    assert (backend.left(), backend.webhook.waiting, backend.webhook.sent) == ([], 0, 1)


def test_a_report_waits_for_the_one_before_it_of_its_line(backend):
    backend.report("a", "b")
    backend.report("c")
    assert backend.endpoint.ids == ["a"]
    backend.endpoint.answer()
    assert backend.endpoint.ids == ["a", "b"]
    backend.endpoint.fail()
    backend.clock.advance(0.9)
    assert backend.endpoint.ids == ["a", "b"]
    backend.clock.advance(0.1)
    assert backend.endpoint.ids == ["a", "b", "b"]
    backend.endpoint.answer()
    assert backend.endpoint.ids == ["a", "b", "b", "c"]


def test_rooms_and_containers_do_not_wait_for_each_other(backend):
    backend.report("a", "b")
    backend.report("c", container_id="carl")
    backend.report("d", room="den")
    assert backend.endpoint.ids == ["a", "c", "d"]
    backend.endpoint.fail()
    backend.endpoint.answer()
    assert backend.left() == ["a", "b", "d"]


def test_no_more_are_under_way_than_may_be():
    backend = Backend(concurrency=2)
    for room in "abc":
        backend.report(room, room=room)
    assert backend.endpoint.ids == ["a", "b"]
    backend.endpoint.answer(at=1)
    assert backend.endpoint.ids == ["a", "b", "c"]


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 60), min_size=1, max_size=5))
def test_whatever_is_taken_and_whatever_is_not_each_is_taken_once_and_lines_keep_their_order(seed, sizes):
    chance = random.Random(seed)
    backend = Backend(concurrency=chance.randint(1, 4))
    asked: dict[str, list[str]] = defaultdict(list)
    taken: dict[str, list[str]] = defaultdict(list)
    waiting = [(room, number) for room, size in enumerate(sizes) for number in range(size)]
    expected = {str(room): [f"{room}-{number}" for number in range(size)] for room, size in enumerate(sizes)}
    while waiting or backend.webhook.waiting:
        if waiting and chance.random() < 0.5:
            room, number = waiting.pop(0)
            backend.report(f"{room}-{number}", room=str(room))
        elif backend.endpoint.asked:
            at = chance.randrange(backend.endpoint.asked)
            id = backend.endpoint.waiting[at]["id"]
            asked[id[0]].append(id)
            if chance.random() < 0.7:
                taken[id[0]].append(id)
                backend.endpoint.answer(at=at)
            else:
                backend.endpoint.answer(at=at, code=500)
        else:
            backend.clock.advance(chance.choice([0.5, 10, 60]))
    assert {room: ids for room, ids in expected.items() if ids} == dict(taken)
    for ids in asked.values():
        assert ids == sorted(ids, key=lambda id: int(id.split("-")[1]))
    assert backend.left() == []


# -- retries ----------------------------------------------------------------------------------------


def gaps(backend: Backend, times: int) -> list[float]:
    """How long each of so many retries waits."""
    found = []
    for _ in range(times):
        backend.endpoint.fail()
        before = backend.clock.seconds()
        while not backend.endpoint.asked:
            backend.clock.advance(0.25)
        found.append(backend.clock.seconds() - before)
    return found


def test_each_retry_waits_twice_as_long_up_to_the_most():
    backend = Backend(retry=1, retry_most=10)
    backend.report("a")
    assert gaps(backend, 7) == [1, 2, 4, 8, 10, 10, 10]


def test_the_next_report_begins_anew():
    backend = Backend(retry=1)
    backend.report("a", "b")
    assert gaps(backend, 3) == [1, 2, 4]
    backend.endpoint.answer()
    assert gaps(backend, 2) == [1, 2]


def test_retries_are_spread_over_half_of_the_time(backend):
    backend.webhook._chance = lambda: 0.0
    backend.report("a")
    assert gaps(backend, 2) == [0.5, 1]


def test_a_report_that_is_never_taken_waits_no_longer_than_the_most(backend):
    backend.report("a")
    assert gaps(backend, 40)[-1] == 60


@pytest.mark.parametrize("code", [301, 304, 400, 404, 410, 429, 500, 503])
def test_whatever_is_no_2xx_takes_nothing(backend, code):
    backend.report("a")
    backend.endpoint.answer(code=code)
    assert (backend.left(), backend.webhook.sent, backend.webhook.failed) == (["a"], 0, 1)


def test_a_reason_is_logged_once_an_outage_and_so_is_its_end(backend, log):
    for room in "ab":
        backend.report(room, room=room)
    for _ in range(3):
        backend.endpoint.fail("ConnectionRefusedError")
        backend.endpoint.answer(code=500)
        backend.clock.advance(60)
    assert lines(log) == [
        "the webhook fails, events wait: ConnectionRefusedError",
        "the webhook fails, events wait: the endpoint answered 500",
    ]
    backend.endpoint.answer()
    assert lines(log) == []  # the other still waits
    backend.endpoint.answer()
    assert lines(log) == ["the webhook works again"]
    backend.report("c")
    backend.endpoint.fail("ConnectionRefusedError")
    assert lines(log) == ["the webhook fails, events wait: ConnectionRefusedError"]


# -- what is in memory ------------------------------------------------------------------------------


def held(backend: Backend) -> int:
    """How many reports are in memory."""
    return sum(len(line.reports) for line in backend.webhook._lines._lines.values())


def test_of_a_dead_endpoints_line_one_report_is_in_memory_and_the_rest_in_the_store(backend):
    for number in range(50):
        backend.report(*(f"{number}-{n}" for n in range(100)))
    assert held(backend) == LINE
    backend.endpoint.fail()
    backend.report("last")
    assert (held(backend), len(backend.left()), backend.webhook.waiting) == (1, 5001, 5001)
    backend.clock.advance(1)
    backend.take_all()
    assert backend.endpoint.ids[1:] == [f"{n}-{m}" for n in range(50) for m in range(100)] + ["last"]
    assert (backend.left(), held(backend), backend.webhook._lines._lines) == ([], 0, {})


def test_of_a_dead_endpoints_many_lines_a_window_is_in_memory():
    backend = Backend(concurrency=8)
    for number in range(3000):
        backend.report(f"{number}a", f"{number}b", room=str(number))
        while backend.endpoint.asked:
            backend.endpoint.fail()
    assert held(backend) <= WINDOW // LEAST + 100
    backend.clock.advance(60)
    while backend.webhook.waiting:
        backend.take_all()
        backend.clock.advance(60)
    taken = backend.endpoint.ids
    assert backend.webhook.sent == 6000
    assert all(taken.index(f"{number}a") < taken.index(f"{number}b") for number in range(0, 3000, 100))
    assert backend.webhook._lines._lines == {}


def test_large_reports_fill_the_window_sooner():
    backend = Backend()
    for number in range(200):
        backend.report(str(number), room=str(number), size=100_000)
    assert held(backend) <= WINDOW // 100_000 + 3
    backend.take_all()
    assert backend.left() == []


def test_who_is_refused_one_lines_reports_gets_the_others(backend):
    backend.report(*(f"bad{number}" for number in range(500)))
    backend.endpoint.answer(code=400)
    for number in range(50):
        backend.report(str(number), room="den")
    backend.take_all()
    assert backend.endpoint.ids == ["bad0"] + [str(number) for number in range(50)]
    assert len(backend.left()) == 500


# -- the store --------------------------------------------------------------------------------------


def test_what_waited_when_the_server_ended_is_sent_by_the_next():
    store = PromptStore()
    store.open()
    store.open = lambda: None
    first = Backend(store)
    first.report("a", "b", "c")
    first.endpoint.answer()
    second = Backend(store)
    second.webhook.reported(2)
    second.take_all()
    assert (second.endpoint.ids, second.left()) == (["b", "c"], [])


def test_nothing_is_read_while_nobody_knows_what_was_kept(backend):
    backend.is_sound = False
    backend.report("a")
    assert backend.endpoint.ids == []
    backend.is_sound = True
    backend.webhook.reported(0)
    assert backend.endpoint.ids == ["a"]


class Troubled(NoStore):
    """Fails as often as it is told to, and answers a reading when it is told to."""

    def __init__(self) -> None:
        super().__init__(now=lambda: 0.0, repeat_window=300, replay=100)
        self.failures = 0
        self.slow: list[tuple[Deferred[Any], WaitingFound]] | None = None

    def _troubled(self, done: "Deferred[Any]") -> "Deferred[Any]":
        if self.failures:
            self.failures -= 1
            return fail(OSError("disk full"))
        return done

    def waiting(self, *where: Any) -> "Deferred[WaitingFound]":
        if self.slow is not None:
            answer: Deferred[WaitingFound] = Deferred()
            super().waiting(*where).addCallback(lambda found: self.slow.append((answer, found)))
            return answer
        return self._troubled(super().waiting(*where))

    def sent(self, places: Any) -> "Deferred[None]":
        return fail(OSError("disk full")) if self._fails() else super().sent(places)

    def drop(self, *what: Any) -> "Deferred[list[int]]":
        return self._troubled(super().drop(*what))

    def _fails(self) -> bool:
        self.failures, fails = max(0, self.failures - 1), self.failures > 0
        return fails


def test_what_was_read_while_a_turn_failed_is_read_again():
    store = Troubled()
    backend = Backend(store)
    store.slow = []
    backend.report("a")
    backend.is_sound = False
    (answer, found), store.slow = store.slow[0], None
    answer.callback(found)
    assert backend.endpoint.ids == []
    backend.is_sound = True
    backend.webhook.reported(0)
    assert backend.endpoint.ids == ["a"]


def test_a_store_that_cannot_be_read_is_asked_again(log):
    store = Troubled()
    backend = Backend(store)
    store.failures = 2
    backend.report("a")
    backend.clock.advance(1)
    assert backend.endpoint.ids == []
    backend.clock.advance(1)
    assert backend.endpoint.ids == ["a"]
    assert lines(log) == ["events cannot be read: disk full"] * 2


def test_what_was_taken_is_not_sent_again_though_the_store_cannot_forget_it(log):
    store = Troubled()
    backend = Backend(store)
    backend.report("a", "b")
    store.failures = 1
    backend.endpoint.answer()
    assert backend.left() == ["a", "b"]
    backend.endpoint.answer()
    backend.clock.advance(1)
    assert (backend.left(), backend.endpoint.ids) == ([], ["a", "b"])


# -- what waits too long ----------------------------------------------------------------------------


def test_what_has_waited_too_long_is_dropped_and_what_came_later_goes_on(log):
    backend = Backend(keep_hours=1)
    backend.report("a", "b")
    backend.endpoint.fail()
    backend.clock.advance(HOUR - 100)
    backend.endpoint.fail()
    backend.report("c")
    log.clear()
    backend.clock.pump([DROP_SECONDS] * 11)
    assert backend.endpoint.asked == 1
    backend.endpoint.answer()
    backend.take_all()
    assert backend.endpoint.ids[-1] == "c"
    assert (backend.webhook.dropped, backend.webhook.waiting, backend.left()) == (2, 0, [])
    assert "dropped 2 events that nobody took" in lines(log)


def test_of_too_many_the_oldest_are_dropped():
    backend = Backend(most=1000)
    for room in range(30):
        backend.report(*(f"{room}-{number}" for number in range(100)), room=str(room))
    while backend.endpoint.asked:
        backend.endpoint.fail()
    backend.clock.advance(DROP_SECONDS)
    assert (backend.webhook.waiting, backend.webhook.dropped, len(backend.left())) == (1000, 2000, 1000)
    while backend.webhook.waiting:
        backend.take_all()
        backend.clock.advance(5)
    assert backend.webhook.sent == 1000 + 4  # which were under way when they were dropped
    assert backend.webhook._lines._lines == {}


def test_what_is_dropped_while_it_is_under_way_makes_way_for_the_next():
    backend = Backend(keep_hours=1)
    backend.report("a")
    backend.clock.advance(HOUR - 1)
    backend.report("b")
    backend.clock.advance(DROP_SECONDS)
    assert (backend.webhook.dropped, backend.endpoint.ids) == (1, ["a"])
    backend.endpoint.answer()
    assert backend.endpoint.ids == ["a", "b"]
    backend.endpoint.answer()
    assert (backend.webhook.waiting, backend.left(), backend.webhook._lines._lines) == (0, [], {})


# -- the end ----------------------------------------------------------------------------------------


def test_a_server_that_stops_waits_for_what_is_under_way_and_begins_nothing(backend):
    backend.report("a", "b")
    backend.report("c", room="den")
    backend.endpoint.fail(at=1)
    finished = backend.webhook.finish()
    assert not finished.called
    backend.endpoint.answer()
    assert finished.called
    backend.clock.advance(60)
    assert (backend.endpoint.ids, backend.left()) == (["a", "c"], ["b", "c"])


def test_but_not_forever(backend, log):
    backend.report("a")
    finished = backend.webhook.finish()
    backend.clock.advance(5)
    assert (finished.called, backend.endpoint.cancelled, backend.left()) == (True, 1, ["a"])
    assert lines(log) == ["1 events were under way for too long; they are sent again after the next start"]


def test_where_nothing_is_under_way_it_does_not_wait(backend):
    assert backend.webhook.finish().called
