"""The office of a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import txaio

from tests.admin.office import Office


@pytest.fixture
def open_office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Office]:
    """Opens the test's office: see :class:`Office`."""

    def opened(*kept_by: Any, **sections: Any) -> Office:
        office = Office(tmp_path, *kept_by, **sections)
        monkeypatch.setattr(txaio.config, "loop", office.clock)  # whom Autobahn's timers follow
        return office

    return opened


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """An office with the default settings."""
    return open_office()
