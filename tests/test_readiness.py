"""Reasons why a server is not ready."""

from chatd.readiness import DRAINING, Readiness


def test_without_a_reason_it_is_ready() -> None:
    assert Readiness().reasons() == {}
    assert not Readiness().is_draining


def test_a_reason_that_is_set_stays_until_it_is_taken_back() -> None:
    readiness = Readiness()
    readiness.set("upgrade", "An upgrade is under way.")
    assert readiness.reasons() == {"upgrade": "An upgrade is under way."}
    readiness.set("upgrade", None)
    readiness.set("upgrade", None)
    assert readiness.reasons() == {}


def test_a_reason_that_is_watched_is_asked_for_each_time() -> None:
    readiness = Readiness()
    sentences = iter([None, "It is away.", None])
    readiness.watch("store", lambda: next(sentences))
    assert [readiness.reasons() for _ in range(3)] == [{}, {"store": "It is away."}, {}]


def test_a_server_that_is_about_to_end_drains() -> None:
    readiness = Readiness()
    readiness.set(DRAINING, "The server is going away.")
    assert readiness.is_draining
