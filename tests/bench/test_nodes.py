"""The measurement of several nodes works: a moment of it, whose figures mean nothing."""

import shutil
from collections.abc import Iterator

import pytest

from bench.nodes import cases, measure
from bench.stand import Backends
from tests.cluster.redis import PROGRAM
from tests.durability.postgres import programs


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    """What nodes share."""
    if PROGRAM is None or programs() is None:
        pytest.skip("there is no redis-server, or no PostgreSQL (Debian: redis-server, postgresql)")
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler, for the load generator (Debian: gcc)")
    with Backends.started() as backends:
        yield backends


@pytest.mark.parametrize("place", ["here", "said"])
def test_everybody_hears_everything_and_the_processes_are_looked_at(backends: Backends, place: str) -> None:
    (case,) = (case for case in cases(("bus",), 0.2, 0.2) if case.key == f"bus loaded {place}")
    sample = measure(case, backends)
    assert sample["deliveries"] > sample["messages"] > 0
    processes = ["redis", "postgres", *(f"node{number}" for number in range(case.nodes))]
    assert all(f"{name}_cpu" in sample for name in processes)
