"""The business's backend is told of everything, whatever ends meanwhile: it, or the server.

The number of rounds of each test is ``CHATD_ROUNDS`` in the environment; see docs/durability.rst.
"""

import asyncio
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.durability.phoenix import Phoenix
from tests.durability.postgres import Cluster
from tests.durability.rounds import CONFIG, Round, Row
from tests.durability.test_crash import each_seed, sqlite_rows
from tests.processes.backends import Backend

WEBHOOK = """
[webhook]
{backend}
events = ["online", "offline", "createContainer", "addContainer", "removeContainer", "message"]
retry = 0.02
retry_most = 0.1
"""


async def play(
    seed: int, directory: Path, url: str, stored: Callable[[], list[Row]], count: Callable[[], int]
) -> None:
    """A round in which the server is killed three times, the first and the last time without its backend.

    :param stored: reads the database's messages.
    :param count: how many reports the database still has.
    """
    with Backend(directory) as backend:
        backend.go()
        server = Phoenix(directory, CONFIG.format(url=url) + WEBHOOK.format(backend=backend.settings))
        crashes = 0

        async def crash() -> None:
            nonlocal crashes
            crashes += 1
            if crashes == 2:
                await asyncio.to_thread(backend.come)
                taken = len(backend.bodies)
                await asyncio.to_thread(backend.wait_for, lambda bodies: len(bodies) > taken + 20)
                await server.crash()  # in the midst of it
                await asyncio.to_thread(backend.go)
            else:
                await server.crash()

        round = Round(seed, server, crash, stored)
        await round.play()
        assert crashes == 3 and count() > 0
        backend.come()
        messages = stored()
        await server.start()
        told = {row.id for row in messages}
        await asyncio.to_thread(
            backend.wait_for,
            lambda bodies: told <= {it["message"]["messageId"] for it in bodies if "message" in it},
        )
        await server.end(signal.SIGTERM)
        check(backend.unique(), messages)
        check_receipts(backend.unique(), round)


def check(told: list[dict[str, Any]], stored: list[Row]) -> None:
    """The backend was told of each message that is stored, once and in the order of its conversation."""
    for container in (None, "carl"):
        of_messages = [it for it in told if "message" in it and it.get("containerId") == container]
        assert [
            (it["message"]["messageId"], it["userId"], it["message"].get("messageContent"))
            for it in of_messages
        ] == [(row.id, row.user, row.content) for row in stored if row.container == container]
    of_carl = [it["event"] for it in told if it.get("containerId") == "carl"]
    assert [event for event in of_carl if event not in ("message", "offline")][:3] == [
        "online",
        "createContainer",
        "addContainer",
    ]


def check_receipts(told: list[dict[str, Any]], round: Round) -> None:
    """Whatever a client has a receipt for, and all else that it has seen, the backend was told of."""
    ids = {it["message"]["messageId"] for it in told if "message" in it}
    for client in round.clients:
        assert client.unreceipted == {}
        for conversation in client.conversations.values():
            assert {message["messageId"] for message in conversation.seen} <= ids


@each_seed
def test_every_message_is_told_once_and_in_order_though_both_ends_die(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "chatd.sqlite"

    def count() -> int:
        with closing(sqlite3.connect(path)) as database:
            return int(database.execute("SELECT count(*) FROM reports").fetchone()[0])

    asyncio.run(play(seed, tmp_path, f"sqlite:{path}", lambda: sqlite_rows(path), count))


@each_seed
def test_every_message_is_told_once_and_in_order_though_both_ends_die_on_postgres(
    seed: int, tmp_path: Path, cluster: Cluster
) -> None:
    url = cluster.database()

    def count() -> int:
        return int(cluster.query(url, "SELECT count(*) FROM reports")[0][0])

    asyncio.run(play(seed, tmp_path, url, lambda: cluster.rows(url), count))
