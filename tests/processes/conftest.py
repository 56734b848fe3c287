"""Servers for the tests; a test fails if its server's log tells of a bug."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.processes.servers import Server

signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # ignored by what a script runs in the background, and by its children


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module."""
    config = '[autoreply]\nhours = "We are here from nine to five."\n[limits]\nmessage_size = 1000\n'
    with Server(tmp_path_factory.mktemp("chatd"), config) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server with the default settings, but for small messages and one automatic reply.

    The module's other tests run on it too; their clients are gone, and their rooms with them.
    """
    yield shared_server
    shared_server.hang_up()
    shared_server.assert_no_bugs()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server with a configuration of the test's own: see :class:`Server`."""
    with ExitStack() as servers:
        yield lambda *config, **options: servers.enter_context(Server(tmp_path, *config, **options))
