"""The statements find what they look for by an index: EXPLAIN of those that the stores run."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatd.store import owners, sql
from chatd.store.sqlite import SqliteStore
from chatd.turn import Fenced, StoreError, Turn
from tests.durability.postgres import Cluster
from tests.store.conftest import message, messages, page


class Explaining:
    """A cursor that explains SELECTs instead of running them, and does nothing else.

    :param explain: tells the plan of a statement, step by step.
    """

    def __init__(self, explain: Callable[[str, Sequence[Any]], list[str]]) -> None:
        self._explain = explain
        self.plans: list[list[str]] = []

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """See Cursor."""
        if statement.startswith("SELECT"):
            self.plans.append(self._explain(statement, values))

    def executemany(self, statement: str, rows: Any) -> None:
        """See Cursor."""

    def fetchone(self) -> None:
        """See Cursor."""

    def fetchall(self) -> list[Any]:
        """See Cursor."""
        return []


MANY = messages(*(f"{number:014x}" for number in range(500)), client_message_id="m", container_id="carl")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Explaining]:
    """SQLite's plans."""
    store = SqliteStore(str(tmp_path / "chatd.sqlite"), 300, False)
    with closing(store.connect()) as connection:
        sql.add_messages(store.cursor(connection.cursor()), MANY)

        def explain(statement: str, values: Sequence[Any]) -> list[str]:
            statement = "EXPLAIN QUERY PLAN " + statement.replace("%s", "?")
            return [detail for *_, detail in connection.execute(statement, values)]

        yield Explaining(explain)


@pytest.fixture
def postgres(cluster: Cluster) -> Iterator[Explaining]:
    """PostgreSQL's plans for a table so large that to read all of it is out of the question."""
    from chatd.store.postgres import PostgresStore

    store = PostgresStore(cluster.database(), 300)
    with closing(store.connect()) as connection:
        sql.add_messages(connection.cursor(), MANY)
        connection.execute("SET enable_seqscan = off")
        connection.execute("ANALYZE messages")

        def explain(statement: str, values: Sequence[Any]) -> list[str]:
            return [line for (line,) in connection.execute("EXPLAIN " + statement, values)]

        yield Explaining(explain)


PAGES: dict[str, dict[str, object]] = {
    "newest": {},
    "oldest": {"after": ""},
    "after": {"after": "5"},
    "before": {"before": "5"},
    "between": {"after": "5", "before": "7"},
    "of a container": {"container_id": "carl", "since": "3", "until": "9"},
    "said": {"container_id": "carl", "since": "3", "said_only": True},
}


@pytest.mark.parametrize("fields", PAGES.values(), ids=PAGES)
def test_sqlite_finds_a_page_by_the_index_in_its_order(sqlite: Explaining, fields: dict[str, object]) -> None:
    """(R1)"""
    sql.find(sqlite, page(**fields))
    (step,) = sqlite.plans[0]  # a second one would be a sort
    assert step.startswith("SEARCH messages USING INDEX messages_by_conversation (room=? AND container_id=?")
    assert "id>?" in step and "id<?" in step


@pytest.mark.parametrize("bound", ["after", "before", "since", "until"])
@pytest.mark.parametrize("position", [2, 2000, 3998])
def test_sqlite_looks_at_no_more_messages_than_a_page_has_wherever_it_is(
    tmp_path: Path, bound: str, position: int
) -> None:
    """(R1) The steps of SQLite's machine are counted."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    store = SqliteStore(str(tmp_path / "chatd.sqlite"), 300, False)
    with closing(store.connect()) as connection:
        cursor = store.cursor(connection.cursor())
        sql.add_messages(cursor, messages(*(f"{number:014x}" for number in range(4000))))
        connection.set_progress_handler(step, 1)
        found = sql.find(cursor, page(limit=50, **{bound: f"{position:014x}"}))
    assert len(found.messages) in (1, 2, 3, 50)
    assert steps < 51 * 20


def test_sqlite_finds_a_repeat_by_the_index(sqlite: Explaining) -> None:
    """(M6)"""
    sql.keep(sqlite, Turn(messages=[message("1", client_message_id="m")]), 0)
    assert sqlite.plans[0][0] == (
        "SEARCH messages USING INDEX messages_by_client_message_id "
        "(room=? AND user_id=? AND client_message_id=?)"
    )


def test_sqlite_finds_the_oldest_and_the_last_without_sorting(sqlite: Explaining) -> None:
    sql.forget(sqlite, 0, 500)
    sql.restore(sqlite)
    sql.drop(sqlite, 0, 0, 500)
    assert [len(plan) for plan in sqlite.plans] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("fields", PAGES.values(), ids=PAGES)
def test_postgres_finds_a_page_by_the_index_in_its_order(
    postgres: Explaining, fields: dict[str, object]
) -> None:
    """(R1)"""
    sql.find(postgres, page(**fields))
    plan = "\n".join(postgres.plans[0])
    assert "using messages_by_conversation on messages" in plan
    assert "Sort" not in plan and "Seq Scan" not in plan
    assert re.search(r"Index Cond: .*\(id >=? .*\(id <=? ", plan)


def test_postgres_finds_a_repeat_by_the_index(postgres: Explaining) -> None:
    """(M6)"""
    sql.keep(postgres, Turn(messages=[message("1", client_message_id="nobody's")]), 0)
    plan = "\n".join(postgres.plans[0])
    assert "messages_by_client_message_id" in plan and "Seq Scan" not in plan


# -- owners ---------------------------------------------------------------------------------------------


def test_sqlite_finds_owners_and_what_a_claim_asks_by_an_index(sqlite: Explaining) -> None:
    with pytest.raises(Fenced):
        owners.check(sqlite, owners.SQLITE, [("lobby", 1), ("den", 1)])
    owners.claim(sqlite, "lobby", "a")
    check, epoch, last, containers = sqlite.plans
    assert check[0] == epoch[0] == "SEARCH owners USING PRIMARY KEY (room=?)"
    assert last == ["SEARCH messages USING COVERING INDEX messages_by_conversation (room=?)"]
    assert containers == ["SEARCH containers USING PRIMARY KEY (room=?)"]


def test_postgres_finds_owners_and_what_a_claim_asks_by_an_index(postgres: Explaining) -> None:
    with pytest.raises(Fenced):
        owners.check(postgres, owners.POSTGRES, [("lobby", 1), ("den", 1)])
    owners.claim(postgres, "lobby", "a")
    check, epoch, last, containers = ("\n".join(plan) for plan in postgres.plans)
    assert "owners_pkey" in check and "LockRows" in check
    assert "owners_pkey" in epoch
    assert "Limit" in last and "Scan Backward using messages_by_room on messages" in last
    assert "containers_pkey" in containers
    assert not any("Seq Scan" in plan for plan in (check, epoch, last, containers))


# -- the schema -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_there_is_a_schema(dialect: str) -> None:
    assert "CREATE TABLE messages" in sql.schema(dialect)[0]


def test_the_steps_that_are_short_are_those_after_the_version() -> None:
    schema = ("one", "two", "three")
    assert [list(sql.steps_from(version, schema)) for version in range(4)] == [
        ["one", "two", "three"],
        ["two", "three"],
        ["three"],
        [],
    ]


def test_a_version_of_the_future_is_refused() -> None:
    with pytest.raises(StoreError, match="version 4, and this chatd knows 3 at most"):
        sql.steps_from(4, ("one", "two", "three"))
