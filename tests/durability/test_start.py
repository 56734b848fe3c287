"""A store that cannot be opened: chatd says so in one line on standard error, and does not start."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.durability.disks import small_disk
from tests.durability.postgres import Cluster
from tests.ports import free_port
from tests.processes.servers import ANY_PORT, NO_PAGES, Server, twistd


def refusal(directory: Path, url: str) -> str:
    """Run chatd, which is not to start. :returns: the one line."""
    (directory / "chatd.toml").write_text(f'[store]\nurl = "{url}"\n{NO_PAGES}')
    ended = twistd("-n", "--pidfile=", "chatd", "--listen", ANY_PORT, "--config", "chatd.toml", cwd=directory)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and ended.stderr.startswith("chatd: ")
    assert "Traceback" not in ended.stdout
    return ended.stderr.removeprefix("chatd: ").removesuffix("\n")


# -- SQLite -----------------------------------------------------------------------------------------


def test_a_schema_of_a_newer_chatd_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "chatd.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    said = refusal(tmp_path, f"sqlite:{path}")
    assert said.startswith(f"store.url: {path}: the store's schema is version 99")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    said = refusal(tmp_path, "sqlite:nowhere/chatd.sqlite")
    assert said == "store.url: nowhere/chatd.sqlite: No such file or directory"


def test_a_file_that_another_chatd_has_is_one_line_until_that_one_has_ended(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    config = f'[store]\nurl = "sqlite:{tmp_path}/chatd.sqlite"\n'
    with Server(folders[0], config) as first:
        said = refusal(folders[1], f"sqlite:{tmp_path}/chatd.sqlite")
        assert said.startswith(f"store.url: {tmp_path}/chatd.sqlite: it is in use: stop the chatd")
        assert first.join("ann").hears_nothing()
        first.signal(signal.SIGKILL)
    with Server(folders[1], config) as second:
        assert second.join("ann").hears_nothing()


def test_a_file_that_is_no_database_is_one_line_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letters.txt"
    path.write_text("Dear Ann,\n" * 1000)
    assert refusal(tmp_path, f"sqlite:{path}") == f"store.url: {path}: file is not a database"
    assert path.read_text() == "Dear Ann,\n" * 1000


def test_a_read_only_file_system_is_one_line(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        disk.make_read_only()
        said = refusal(tmp_path, f"sqlite:{disk.path}/chatd.sqlite")
        disk.make_writable()
    assert said == f"store.url: {disk.path}/chatd.sqlite: Read-only file system"


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        disk.fill()
        said = refusal(tmp_path, f"sqlite:{disk.path}/chatd.sqlite")
    assert said.startswith(f"store.url: {disk.path}/chatd.sqlite: ")


# -- PostgreSQL -------------------------------------------------------------------------------------


def test_a_postgres_that_is_away_is_one_line_without_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    port = free_port()
    said = refusal(tmp_path, f"postgresql://chatd:s3cret@127.0.0.1:{port}/chatd")
    assert said.startswith("store.url: connection failed: ") and "Connection refused" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "rest",
    ["s3cret@[::1]x/", "s3cret%@127.0.0.1/chatd", "a@s3cret@127.0.0.1/chatd", "s3cret@127.0.0.1/?no=1"],
)
def test_a_postgres_url_that_is_none_is_one_line_without_the_password(rest: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    said = refusal(tmp_path, f"postgresql://chatd:{rest}")
    assert said.startswith("chatd.toml: store.url: expected postgresql://")
    assert "s3cret" not in said


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path, cluster: Cluster) -> None:
    said = refusal(tmp_path, f"postgresql://chatd:s3cret@127.0.0.1:{cluster.port}/nowhere")
    assert 'database "nowhere" does not exist' in said
    assert "s3cret" not in said


def test_a_schema_of_a_newer_chatd_in_postgres_is_left_alone(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database()
    cluster.query(url, "CREATE TABLE chatd_schema AS SELECT 99 AS version")
    assert "the store's schema is version 99" in refusal(tmp_path, url)
    assert cluster.query(url, "SELECT version FROM chatd_schema") == [(99,)]
    assert cluster.query(url, "SELECT to_regclass('messages')") == [(None,)]
