"""Servers and commands for the tests; both end with them."""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.processes.servers import Server

signal.signal(  # ignored by what a script runs in the background, and by its children
    signal.SIGINT, signal.default_int_handler
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(tmp_path: Path, stack: ExitStack) -> Callable[..., Server]:
    """Starts a server with a configuration of the test's own: see :class:`Server`."""
    return lambda *config, **options: stack.enter_context(Server(tmp_path, *config, **options))


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """A server with the default settings."""
    return start()


@pytest.fixture
def command(stack: ExitStack) -> Callable[..., Command]:
    """Starts a command: see :class:`Command`."""
    return lambda *arguments, **options: stack.enter_context(Command(*arguments, **options))
