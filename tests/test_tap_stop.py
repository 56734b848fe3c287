"""The house stops in order: doors, guests, house."""

import pytest
import txaio
from twisted.logger import LogEvent, LogLevel

from chatd.config import Config
from tests.building import Building


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Building:
    """A house that has started."""
    building = Building(Config())
    monkeypatch.setattr(txaio.config, "loop", building.clock)  # whom Autobahn's timers follow
    return building


def test_it_closes_the_doors_first_then_the_connections(building: Building) -> None:
    ann = building.connect(userId="ann")
    building.stop()
    assert building.door.closing
    assert ann.closed is None
    building.door.closed.callback(None)
    assert (ann.closed, ann.reason) == (1001, "the server is going away")
    assert not building.has_ended
    building.settle()  # Ann answers
    building.settle()
    assert building.has_ended


def test_it_is_over_at_once_where_nobody_is_connected(building: Building) -> None:
    building.door.closed.callback(None)
    building.stop()
    assert building.has_ended


def test_nobody_hears_out_of_those_who_go_with_the_server(building: Building) -> None:
    ann, bob = building.connect(userId="ann"), building.connect(userId="bob")
    ann.texts(), bob.texts()
    building.door.closed.callback(None)
    building.stop()
    building.settle()
    assert (ann.texts(), bob.texts()) == ([], [])


def test_it_sweeps_until_the_last_connection_is_gone(building: Building) -> None:
    stuck = building.connect(userId="ann")
    stuck.stop_reading()
    building.door.closed.callback(None)
    building.stop()
    building.wait(1)
    assert not building.has_ended
    building.wait(2.5)
    assert not stuck.is_connected
    assert building.has_ended


def test_it_ends_though_a_connection_never_does(building: Building, log: list[LogEvent]) -> None:
    immortal = building.connect(userId="ann")
    immortal.transport.lose = lambda reason: None  # type: ignore[method-assign]
    building.door.closed.callback(None)
    building.stop()
    building.wait(4.5)
    assert not building.has_ended
    building.wait(0.5)
    assert building.has_ended
    assert [event["log_format"] for event in log if event["log_level"] is LogLevel.warn] == [
        "some connections did not close in time"
    ]


def test_no_timer_is_left_when_it_has_ended(building: Building) -> None:
    ann = building.connect(userId="ann")
    building.door.closed.callback(None)
    building.stop()
    building.settle()
    building.settle()
    assert not ann.is_connected
    assert building.clock.getDelayedCalls() == []
