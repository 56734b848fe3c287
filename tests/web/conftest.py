"""The shop window of a test."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import txaio

from chatd.admin.access import Token
from chatd.admin.door import Opening
from tests.admin.office import TOKEN
from tests.building import Doorway
from tests.web.shop_window import Window


@pytest.fixture
def open_window(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Window]:
    """Opens the test's window: see :class:`Window`."""

    def opened(**settings: Any) -> Window:
        window = Window(**settings)
        monkeypatch.setattr(txaio.config, "loop", window.clock)  # whom Autobahn's timers follow
        return window

    return opened


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    """A window with the default settings."""
    return open_window()


@pytest.fixture
def opening(tmp_path: Path) -> Opening:
    """Where the admin API of a test listens."""
    file = tmp_path / "token"
    file.write_text(TOKEN)
    file.chmod(0o600)
    return Opening("side", Doorway(), Token(file))
