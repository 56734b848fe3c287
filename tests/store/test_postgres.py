"""What is PostgreSQL's own: its schema, and a connection that comes back."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pytest_twisted import ensureDeferred

from chatd.turn import StoreError, Turn
from tests.durability.postgres import Cluster
from tests.store.conftest import message, page

postgres = pytest.importorskip("chatd.store.postgres", reason="psycopg is not installed")


@pytest.fixture
def url(cluster: Cluster) -> str:
    """An empty database."""
    return cluster.database()


@pytest.fixture
def store(url: str) -> Iterator["postgres.PostgresStore"]:
    """A store, not yet open."""
    store = postgres.PostgresStore(url, 300)
    yield store
    store.close()


def test_an_empty_database_gets_the_newest_schema(store: object, url: str, cluster: Cluster) -> None:
    store.open()
    assert cluster.query(url, "SELECT version FROM chatd_schema") == [(len(postgres._SCHEMA),)]
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    names = [name for (name,) in cluster.query(url, tables)]
    assert names == ["chatd_schema", "containers", "messages", "owners", "reports"]


def test_opening_again_changes_nothing(store: object, url: str, cluster: Cluster) -> None:
    for _ in range(2):
        store.open()
        store.close()
    assert cluster.query(url, "SELECT version FROM chatd_schema") == [(len(postgres._SCHEMA),)]


@ensureDeferred
async def test_an_older_schema_is_upgraded_with_what_it_holds(
    store: object, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open()
    await store.commit(Turn(messages=[message("1")]))
    store.close()
    newer = (*postgres._SCHEMA, "CREATE TABLE more (x TEXT); INSERT INTO more SELECT id FROM messages;")
    monkeypatch.setattr(postgres, "_SCHEMA", newer)
    store.open()
    assert cluster.query(url, "SELECT version FROM chatd_schema") == [(len(newer),)]
    assert cluster.query(url, "SELECT x FROM more") == [("1",)]


def test_a_step_that_fails_leaves_all_as_it_was(
    store: object, url: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_SCHEMA", (*postgres._SCHEMA, "NO SUCH THING"))
    with pytest.raises(StoreError, match=r"^store\.url: syntax error[^\n]*$"):
        store.open()
    assert cluster.query(url, "SELECT to_regclass('messages'), to_regclass('chatd_schema')") == [(None, None)]


def test_a_newer_schema_is_refused_and_left_alone(store: object, url: str, cluster: Cluster) -> None:
    cluster.query(url, "CREATE TABLE chatd_schema AS SELECT 99 AS version")
    with pytest.raises(StoreError, match=r"^store\.url: the store's schema is version 99, and this chatd"):
        store.open()
    assert cluster.query(url, "SELECT version FROM chatd_schema") == [(99,)]


@ensureDeferred
async def test_a_connection_that_is_lost_fails_one_turn_and_comes_back(
    store: object, url: str, cluster: Cluster
) -> None:
    """(M5)"""
    store.open()
    await store.commit(Turn(messages=[message("1")]))
    cluster.query(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    failed = 0
    while True:
        try:
            await store.commit(Turn(messages=[message(f"2{failed}")]))
            break
        except Exception:
            failed += 1
            assert failed < 3
    assert failed == 1
    kept = await store.commit(Turn(pages=[page()]))
    assert [each.id for each in kept.pages[0].messages] == ["1", "21"]


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@[::1]x/c", "postgresql://u:s3cret%@h/c", "postgresql://u:s3@cret@h/c"]
)
def test_a_url_that_cannot_be_read_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(StoreError) as refusal:
        postgres.PostgresStore(url, 300)
    assert "cret" not in str(refusal.value)


def test_a_server_that_is_not_there_is_one_line(cluster: Cluster) -> None:
    store = postgres.PostgresStore("postgresql://chatd:s3cret@127.0.0.1:1/chatd", 300)
    with pytest.raises(StoreError, match=r"^store\.url: connection failed[^\n]*$") as refusal:
        store.open()
    assert "s3cret" not in str(refusal.value)


def test_a_connection_after_which_nothing_was_done_holds_no_lock(store: object, url: str) -> None:
    """Two nodes may start together: the second waits for the first one's upgrade, and no longer."""
    with closing(store.connect()), closing(postgres.PostgresStore(url, 300).connect()):
        pass


def test_a_server_that_is_cut_off_is_given_up_after_a_while_or_as_the_url_says(url: str) -> None:
    options = postgres.PostgresStore(f"{url}{'&' if '?' in url else '?'}keepalives_idle=7", 300)
    with closing(options.connect()) as connection:
        parameters = connection.info.get_parameters()
    assert parameters["keepalives_idle"] == "7"
    assert parameters["tcp_user_timeout"] == options.make_pool(False).connkw["tcp_user_timeout"] == "10000"
