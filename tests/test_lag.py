"""The reactor's lag, on a clock that is late."""

import pytest
from twisted.internet.task import Clock

from chatd.lag import Lag


@pytest.fixture
def clock() -> Clock:
    """At some time that is not the beginning of it."""
    clock = Clock()
    clock.advance(1000.2)
    return clock


@pytest.fixture
def lag(clock: Clock) -> Lag:
    """One that looks."""
    lag = Lag(clock)
    lag.startService()
    return lag


def test_a_reactor_on_time_has_none(clock: Clock, lag: Lag) -> None:
    clock.pump([0.5] * 10)
    assert lag.seconds.count == 10
    assert lag.seconds.total == pytest.approx(0)


def test_it_is_how_much_later_it_is_than_it_should_be(clock: Clock, lag: Lag) -> None:
    clock.pump([0.75, 0.25, 0.6, 0.4])
    assert lag.seconds.count == 4
    assert lag.seconds.total == pytest.approx(0.25 + 0.1)


def test_what_was_missed_while_it_was_late_is_not_counted_again(clock: Clock, lag: Lag) -> None:
    clock.advance(3.2)
    clock.pump([0.3, 0.5, 0.5])
    assert lag.seconds.count == 4
    assert lag.seconds.total == pytest.approx(2.7)


def test_it_looks_no_more_when_it_is_stopped(clock: Clock, lag: Lag) -> None:
    lag.stopService()
    lag.stopService()
    assert clock.getDelayedCalls() == []
