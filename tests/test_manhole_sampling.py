"""A profile of this thread."""

import signal
import time
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chatd.manhole.sampling import Sampler


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sampler(clock: Clock) -> Sampler:
    return Sampler(clock)


def begun(sampler: Sampler, seconds: float) -> tuple["Deferred[Any]", list[Any]]:
    """A profile under way, and what it comes to."""
    come: list[Any] = []
    profile = Deferred.fromCoroutine(sampler.profile(seconds))
    profile.addBoth(come.append)
    return profile, come


def burn(seconds: float) -> None:
    """Spend CPU time."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_spends_the_cpu_is_at_the_top(clock, sampler):
    _, come = begun(sampler, 1)
    burn(0.2)
    clock.advance(1)
    title, head, first, *_ = repr(come[0]).splitlines()
    assert " samples in 1 s, 0." in title
    assert head.split() == ["own", "with", "callees", "function", "where"]
    own, with_callees, name, where = first.split()
    assert 50 < float(own.rstrip("%")) <= float(with_callees.rstrip("%"))
    assert (name, where.partition(":")[0]) == ("burn", "tests/test_manhole_sampling.py")


def test_a_second_profile_begins_anew(clock, sampler):
    _, first = begun(sampler, 1)
    burn(0.1)
    clock.advance(1)
    _, second = begun(sampler, 1)
    clock.advance(1)
    assert "burn" in repr(first[0])
    assert "burn" not in repr(second[0])


def test_when_it_is_over_nothing_is_sampled(clock, sampler):
    _, come = begun(sampler, 1)
    clock.advance(1)
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    signal.raise_signal(signal.SIGPROF)  # one that is late ends nothing
    assert len(come) == 1


def test_one_that_is_given_up_ends_at_once(clock, sampler):
    profile, _ = begun(sampler, 100)
    profile.cancel()
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert clock.getDelayedCalls() == []
    begun(sampler, 1)
    clock.advance(1)


def test_there_is_one_profile_at_a_time(clock, sampler):
    _, first = begun(sampler, 1)
    _, second = begun(sampler, 1)
    assert second[0].getErrorMessage() == "there is a profile under way"
    clock.advance(1)
    assert "samples in 1 s" in repr(first[0])


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan")])
def test_a_time_that_makes_no_sense_is_refused(sampler, seconds):
    _, come = begun(sampler, seconds)
    assert come[0].check(ValueError)
