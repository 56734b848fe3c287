"""Clusters for the tests: what is called ``server`` elsewhere is three nodes behind haproxy here."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.cluster.nodes import Cluster
from tests.cluster.redis import PROGRAM, Redis
from tests.durability.balancer import HAPROXY
from tests.durability.conftest import cluster as postgres  # noqa: F401  a PostgreSQL server
from tests.durability.postgres import Cluster as Postgres

COUNT = int(os.environ.get("CHATD_NODES", "3"))  # 1: a single one, without Redis, to try the tests themselves
CONFIG = '[autoreply]\nhours = "We are here from nine to five."\n[limits]\nmessage_size = 1000\n'


@pytest.fixture(scope="session", autouse=True)
def programs() -> None:
    """There is what a cluster needs."""
    for program, name in ((PROGRAM, "redis-server"), (HAPROXY, "haproxy")):
        if program is None:
            pytest.skip(f"there is no {name} (Debian: {name})")


@pytest.fixture(scope="session")
def several() -> None:
    """There are several nodes."""
    if COUNT == 1:
        pytest.skip("CHATD_NODES is 1")


@pytest.fixture
def redis() -> Iterator[Redis | bool]:
    """A Redis server, unless there is but one node."""
    if COUNT == 1:
        yield False
        return
    with Redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,  # noqa: F811
) -> Iterator[Cluster]:
    """One cluster for all tests of a module."""
    redis = False if COUNT == 1 else None
    with Cluster(tmp_path_factory.mktemp("cluster"), postgres.database(), COUNT, CONFIG, redis) as nodes:
        yield nodes


@pytest.fixture
def server(shared_server: Cluster) -> Iterator[Cluster]:
    """A cluster with the settings of its namesake in ``tests/processes``, in which nobody is."""
    yield shared_server
    shared_server.hang_up()
    shared_server.settle()
    shared_server.assert_no_bugs()


@pytest.fixture
def start(
    tmp_path: Path,
    redis: Redis | bool,
    postgres: Postgres,  # noqa: F811
) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster with a configuration of the test's own, on the test's Redis and database."""
    url, numbers = postgres.database(), count(1)

    def started(config: str = "") -> Cluster:
        folder = tmp_path / f"cluster{next(numbers)}"
        folder.mkdir()
        return clusters.enter_context(Cluster(folder, url, min(COUNT, 2), config, redis))

    with ExitStack() as clusters:
        yield started


@pytest.fixture(scope="module")
def shared_pair(
    several: None,
    tmp_path_factory: pytest.TempPathFactory,
    postgres: Postgres,  # noqa: F811
) -> Iterator[Cluster]:
    """Two nodes for all tests of a module that leave them as they were."""
    with Cluster(tmp_path_factory.mktemp("pair"), postgres.database(), 2) as pair:
        yield pair


@pytest.fixture
def pair(shared_pair: Cluster) -> Iterator[Cluster]:
    """Two nodes, on which nobody is."""
    yield shared_pair
    for node in shared_pair.nodes:
        node.hang_up()
    shared_pair.settle()
    shared_pair.assert_no_bugs()


@pytest.fixture
def build(
    several: None,
    tmp_path: Path,
    postgres: Postgres,  # noqa: F811
) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster that a test may wreck: see :class:`Cluster`."""
    with ExitStack() as clusters:
        yield lambda **options: clusters.enter_context(Cluster(tmp_path, postgres.database(), **options))
