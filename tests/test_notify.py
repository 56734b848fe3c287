"""What a supervisor is told (sd_notify(3)), on a real socket; time is turned by hand."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from twisted.logger import LogEvent, LogLevel

from chatd.config import Config
from chatd.notify import Notify, from_environment
from tests.building import Building
from tests.notified import Notified

ALIVE = {"WATCHDOG": "1"}


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Notified]:
    with Notified(tmp_path / "notify") as supervisor:
        yield supervisor


def test_it_is_told_that_the_server_is_ready_with_a_status(supervisor):
    Notify(Clock(), supervisor.address).ready("listens on tcp:9326")
    assert supervisor.heard() == [{"READY": "1", "STATUS": "listens on tcp:9326"}]


def test_its_address_may_be_abstract():
    with Notified(f"@chatd-{os.getpid()}") as supervisor:
        Notify(Clock(), supervisor.address).stopping("bye")
        assert supervisor.heard() == [{"STOPPING": "1", "STATUS": "bye"}]


def test_reloading_is_told_with_the_time_of_the_monotonic_clock(supervisor):
    Notify(Clock(), supervisor.address, now=lambda: 1234567).reloading()
    (telling,) = supervisor.heard()
    assert telling["RELOADING"] == "1" and telling["MONOTONIC_USEC"] == "1234567"


def test_signs_of_life_come_twice_in_the_time_in_which_one_is_wanted_from_ready_on(supervisor):
    clock = Clock()
    notify = Notify(clock, supervisor.address, watchdog=10)
    clock.advance(20)
    assert supervisor.heard() == []
    notify.ready("")
    assert supervisor.heard()[1:] == [ALIVE]
    clock.advance(4.9)
    assert supervisor.heard() == []
    clock.pump([0.1, 5, 5])
    assert supervisor.heard() == [ALIVE] * 3


def test_signs_of_life_go_on_while_the_server_stops_until_it_has_stopped(supervisor):
    clock = Clock()
    notify = Notify(clock, supervisor.address, watchdog=10)
    notify.ready("")
    notify.stopping("")
    supervisor.heard()
    clock.advance(5)
    assert supervisor.heard() == [ALIVE]
    notify.stopService()
    clock.advance(5)
    assert supervisor.heard() == [] and clock.getDelayedCalls() == []


def test_who_reloads_while_it_stops_does_not_become_ready(supervisor):
    notify = Notify(Clock(), supervisor.address)
    notify.stopping("")
    supervisor.heard()
    notify.reloading()
    notify.ready("")
    assert supervisor.heard() == []


def test_nobody_who_listens_is_one_line_in_the_log_and_no_more(tmp_path, log: list[LogEvent]):
    clock = Clock()
    Notify(clock, str(tmp_path / "nobody"), watchdog=2).ready("")
    clock.pump([1, 1, 1])
    (event,) = (event for event in log if event["log_namespace"] == "chatd.notify")
    assert event["log_level"] is LogLevel.warn and "No such file" in str(event["error"])


# -- the environment --------------------------------------------------------------------------------


def test_without_notify_socket_nothing_is_done(log: list[LogEvent]):
    clock = Clock()
    notify = from_environment(clock, {})
    notify.ready("")
    notify.reloading()
    notify.stopping("")
    notify.stopService()
    assert clock.getDelayedCalls() == [] and log == []


@pytest.mark.parametrize("pid", [{}, {"WATCHDOG_PID": "7"}, {"WATCHDOG_PID": ""}])
def test_the_environment_says_whom_to_tell_and_how_often(supervisor, pid):
    clock = Clock()
    environment = {"NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "3000000"}
    from_environment(clock, environment | pid, pid=7).ready("")
    clock.pump([1.4, 0.1])
    assert supervisor.heard()[1:] == [ALIVE, ALIVE]


@pytest.mark.parametrize("wrong", [{"WATCHDOG_PID": "8"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}])
def test_where_the_watchdog_is_not_for_this_process_or_none_no_sign_of_life_is_given(supervisor, wrong):
    clock = Clock()
    environment = {"NOTIFY_SOCKET": supervisor.address, "WATCHDOG_USEC": "3000000"}
    from_environment(clock, environment | wrong, pid=7).ready("")
    clock.advance(10)
    assert len(supervisor.heard()) == 1


# -- the house --------------------------------------------------------------------------------------


@pytest.fixture
def building(supervisor) -> Building:
    """A house that reports, and whose reactor has not turned yet."""
    building = Building(Config())
    building.house.report_to(Notify(building.clock, supervisor.address))
    return building


def test_a_house_is_ready_when_its_doors_are_open_and_its_reactor_turns(building, supervisor):
    assert supervisor.heard() == []
    building.settle()
    assert supervisor.heard() == [{"READY": "1", "STATUS": "listens on door"}]


def test_a_house_that_reads_its_settings_again_is_ready_again(building, supervisor):
    building.settle()
    supervisor.heard()
    building.house.reload()
    first, second = supervisor.heard()
    assert first["RELOADING"] == "1" and second["READY"] == "1"


def test_a_house_stops_from_the_moment_it_is_told_to(building, supervisor):
    building.settle()
    supervisor.heard()
    building.stop()
    assert not building.has_ended
    assert supervisor.heard() == [{"STOPPING": "1", "STATUS": "closes its connections"}]
    building.door.closed.callback(None)
    building.settle()
    assert building.has_ended and building.clock.getDelayedCalls() == []
