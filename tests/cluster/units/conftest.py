"""What these tests need: no haproxy, and Redis only where it is asked for."""

from collections.abc import Iterator

import pytest

from tests.bus.conftest import links, server, start
from tests.bus.servers import MISSING, Server, is_installed

__all__ = ["links", "server", "start"]  # a fixture is found where it is imported


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """Nothing is needed by all of them."""


@pytest.fixture(scope="module")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a module."""
    if not is_installed():
        pytest.skip(MISSING)
    server = Server(tmp_path_factory.mktemp("redis") / "server")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis: Server) -> Server:
    """A server that knows nothing."""
    shared_redis.ask("FLUSHALL")
    return shared_redis
