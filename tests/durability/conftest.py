"""Servers and databases for the tests of durability."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.durability.postgres import Cluster, programs
from tests.processes.servers import Server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts a server on the test's store, ``chatd.sqlite`` in its directory: see :class:`Server`."""
    with ExitStack() as servers:
        yield lambda *config, **options: servers.enter_context(Server(tmp_path, *config, **options))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'chatd[postgres]'")
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server programs, neither in PATH nor in /usr/lib/postgresql/*/bin")
    with Cluster(found) as cluster:
        yield cluster
