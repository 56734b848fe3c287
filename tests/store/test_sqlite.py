"""What is SQLite's own: its file, its settings, and the upgrade of its schema."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from pytest_twisted import ensureDeferred

from chatd.store import sqlite
from chatd.store.sqlite import SqliteStore
from chatd.turn import StoreError, Turn
from tests.store.conftest import message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the file is to be."""
    return tmp_path / "chatd.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store, not yet open."""
    store = SqliteStore(str(path), 300, flush=False)
    yield store
    store.close()


def pragmas(store: SqliteStore) -> dict[str, object]:
    """The settings that a connection of the store has in its own thread."""
    names = ("journal_mode", "synchronous", "busy_timeout", "page_size", "wal_autocheckpoint")
    with closing(store.connect()) as connection:
        return {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}


@pytest.mark.parametrize(("flush", "synchronous"), [(False, 1), (True, 2)])
def test_it_writes_ahead_and_waits_for_the_disk_if_it_is_told_to(
    path: Path, flush: bool, synchronous: int
) -> None:
    """(M5) 1 is NORMAL, 2 FULL."""
    assert pragmas(SqliteStore(str(path), 300, flush)) == {
        "journal_mode": "wal",
        "synchronous": synchronous,
        "busy_timeout": 5000,
        "page_size": 8192,
        "wal_autocheckpoint": 2000,
    }


@ensureDeferred
async def test_the_thread_that_writes_has_the_same_settings(store: SqliteStore) -> None:
    store.open()
    found = await store._run(
        lambda cursor: [
            cursor.execute("PRAGMA synchronous"),
            *cursor.fetchall(),
            cursor.execute("PRAGMA busy_timeout"),
            *cursor.fetchall(),
        ]
    )
    assert found == [None, (1,), None, (5000,)]


def test_a_new_file_gets_the_newest_schema(store: SqliteStore, path: Path) -> None:
    store.open()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(sqlite._SCHEMA),)
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        names = [name for (name,) in tables]
        assert names == ["containers", "messages", "owners", "reports", "sqlite_sequence"]


@ensureDeferred
async def test_an_older_schema_is_upgraded_with_what_it_holds(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open()
    await store.commit(Turn(messages=[message("1")]))
    store.close()
    newer = (*sqlite._SCHEMA, "CREATE TABLE more (x); INSERT INTO more SELECT id FROM messages;")
    monkeypatch.setattr(sqlite, "_SCHEMA", newer)
    store.open()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(newer),)
        assert database.execute("SELECT x FROM more").fetchall() == [("1",)]


def test_a_step_that_fails_leaves_all_as_it_was(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open()
    store.close()
    known = len(sqlite._SCHEMA)
    monkeypatch.setattr(sqlite, "_SCHEMA", (*sqlite._SCHEMA, "CREATE TABLE more (x); NO SUCH THING;"))
    with pytest.raises(StoreError, match="syntax error"):
        store.open()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (known,)
        assert database.execute("SELECT * FROM sqlite_master WHERE name = 'more'").fetchall() == []


def test_a_newer_schema_is_refused_and_left_alone(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError) as refusal:
        store.open()
    assert str(refusal.value).startswith(f"store.url: {path}: the store's schema is version 99, and this")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)


def test_what_is_no_database_is_refused(store: SqliteStore, path: Path) -> None:
    path.write_text("Dear Ann,\n" * 1000)
    with pytest.raises(StoreError, match=r"^store\.url: .*: file is not a database$"):
        store.open()


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    store = SqliteStore(f"{tmp_path}/a\0b", 300, False)
    with pytest.raises(StoreError, match=r"^store\.url: .*: embedded null byte$"):
        store.open()


@ensureDeferred
async def test_it_can_be_read_while_it_writes(store: SqliteStore, path: Path) -> None:
    """As a backup does."""
    store.open()
    await store.commit(Turn(messages=[message("1")]))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM messages").fetchone() == (1,)
        await store.commit(Turn(messages=[message("2")]))
        assert reader.execute("SELECT count(*) FROM messages").fetchone() == (1,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM messages").fetchone() == (2,)
