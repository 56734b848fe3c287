"""What tests share: a house per test, and the rule that nothing may end in the log as a bug."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import txaio
from hypothesis import settings
from twisted.logger import LogEvent, globalLogPublisher

from chatd.rate import Rate
from tests.house import House
from tests.stores import PromptStore

# Every run tries the same examples. To look for new ones: pytest --hypothesis-profile=search
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("steady")


@pytest.fixture
def open_house(monkeypatch: pytest.MonkeyPatch) -> Callable[..., House]:
    """Opens the test's house, with the settings that it wants."""

    def opened(**settings: object) -> House:
        house = House(**settings)
        monkeypatch.setattr(txaio.config, "loop", house.clock)  # whom Autobahn's timers follow
        return house

    return opened


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    """A house with the default settings."""
    return open_house()


@pytest.fixture
def open_stored(open_house: Callable[..., House]) -> Callable[..., House]:
    """Opens the test's house, in which messages are kept."""

    def opened(**settings: Any) -> House:
        return open_house(**{"store": PromptStore(), "rate": Rate(1000, 1000), **settings})

    return opened


@pytest.fixture
def stored(open_stored: Callable[..., House]) -> House:
    """A house in which messages are kept, with the default settings."""
    return open_stored()


@pytest.fixture(autouse=True)
def log() -> Iterator[list[LogEvent]]:
    """What is logged during the test. No failure may be left in it: who provokes one clears it."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)
    assert [event for event in events if "log_failure" in event] == []
