"""Links to real Redis servers. Where redis-server is not installed, these tests are skipped."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
import pytest_twisted
from twisted.application.service import IService

from chatd.bus.redis import Redis, RedisUrl, Subscriber
from tests.bus.links import Heard, Watched
from tests.bus.servers import MISSING, Server, cluster_of, is_installed

TIMEOUT = 10.0  # seconds, which only a server that is paused needs


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers of the test's own, with settings."""
    if not is_installed():
        pytest.skip(MISSING)
    servers: list[Server] = []

    def started(*settings: str) -> Server:
        server = Server(tmp_path / f"redis-{len(servers)}", *settings)
        servers.append(server)
        server.start()
        return server

    yield started
    for server in servers:
        server.stop()


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """A server."""
    return start()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """The three masters of a Redis Cluster."""
    if not is_installed():
        pytest.skip(MISSING)
    servers = cluster_of(tmp_path_factory.mktemp("cluster"), 3)
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def cluster_with_replica(tmp_path: Path) -> Iterator[list[Server]]:
    """Three masters, of which the first has a replica, the last of these servers."""
    if not is_installed():
        pytest.skip(MISSING)
    servers = cluster_of(tmp_path, 3, 1)
    yield servers
    for server in servers:
        server.stop()


class Links:
    """Links that are closed at the test's end."""

    def __init__(self) -> None:
        self._services: list[IService] = []
        self._numbers = count(1)

    def redis(self, url: str, timeout: float = TIMEOUT) -> Watched[Redis]:
        """One for commands, which begins to connect."""
        from twisted.internet import reactor

        return self._begun(Watched(Redis(reactor, RedisUrl.parse(url), timeout)))

    def subscriber(self, url: str, timeout: float = TIMEOUT) -> tuple[Watched[Subscriber], Heard]:
        """One for publications, which begins to connect, and what it hears."""
        from twisted.internet import reactor

        heard = Heard()
        subscriber = Subscriber(reactor, RedisUrl.parse(url), heard, timeout)
        return self._begun(Watched(subscriber)), heard

    def _begun(self, watched: Watched) -> Watched:
        self._services.append(watched.link)
        watched.link.startService()
        return watched

    async def close(self) -> None:
        """Close them all."""
        for service in self._services:
            if service.running:
                await service.stopService()


@pytest_twisted.async_yield_fixture
async def links() -> Links:
    """Makes links."""
    links = Links()
    yield links
    await links.close()
