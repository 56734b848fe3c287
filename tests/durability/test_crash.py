"""Nothing is lost when the server, or its database, ends at any moment.

The number of rounds of each test is ``CHATD_ROUNDS`` in the environment; see docs/durability.rst.
"""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.durability.phoenix import Phoenix
from tests.durability.postgres import Cluster
from tests.durability.rounds import CONFIG, ROWS, Round, Row, rows

ROUNDS = int(os.environ.get("CHATD_ROUNDS", "1"))
each_seed = pytest.mark.parametrize("seed", range(ROUNDS))


def sqlite_rows(path: Path) -> list[Row]:
    """The messages of a file, in the order of keeping."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return rows(connection.execute(ROWS).fetchall())


async def play_on_sqlite(seed: int, directory: Path, how: str) -> None:
    path = directory / "chatd.sqlite"
    server = Phoenix(directory, CONFIG.format(url=f"sqlite:{path}"))
    await Round(seed, server, getattr(server, how), lambda: sqlite_rows(path)).play()


@each_seed
def test_kill_9_loses_nothing(seed: int, tmp_path: Path) -> None:
    asyncio.run(play_on_sqlite(seed, tmp_path, "crash"))


@each_seed
def test_sigterm_loses_nothing(seed: int, tmp_path: Path) -> None:
    asyncio.run(play_on_sqlite(seed, tmp_path, "restart"))


async def play_on_postgres(seed: int, directory: Path, cluster: Cluster, how: str) -> Phoenix:
    url = cluster.database()
    server = Phoenix(directory, CONFIG.format(url=url))

    async def restart_database() -> None:
        await asyncio.to_thread(cluster.restart)

    disturb = restart_database if how == "database" else getattr(server, how)
    await Round(seed, server, disturb, lambda: cluster.rows(url)).play()
    return server


@each_seed
def test_kill_9_loses_nothing_on_postgres(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    asyncio.run(play_on_postgres(seed, tmp_path, cluster, "crash"))


@each_seed
def test_sigterm_loses_nothing_on_postgres(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    asyncio.run(play_on_postgres(seed, tmp_path, cluster, "restart"))


@each_seed
def test_a_restart_of_postgres_loses_nothing(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    server = asyncio.run(play_on_postgres(seed, tmp_path, cluster, "database"))
    assert "the store works again" in server.log  # it did fail
