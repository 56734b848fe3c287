"""Two nodes on one database: who claims a room waits for the former owner, and the former owner keeps nothing
more."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.task import deferLater

from chatd.store import owners, sql
from chatd.store.sqlite import SqliteStore
from chatd.turn import Fenced, Turn
from tests.durability.postgres import PATIENCE, Cluster
from tests.store.conftest import container, message, page

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
postgres = pytest.importorskip("chatd.store.postgres")

ISOLATIONS = ["read committed", "repeatable read", "serializable"]
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "


@pytest.fixture
def isolation() -> str:
    """What transactions are in the database if nobody says what they are to be."""
    return "read committed"


@pytest.fixture
def url(cluster: Cluster, isolation: str) -> str:
    """An empty database."""
    url = cluster.database()
    name = url.rpartition("/")[2]
    cluster.query(url, f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'")
    return url


@pytest.fixture
def former(url: str) -> Iterator["postgres.PostgresStore"]:
    """The store of the former owner."""
    yield from opened(url)


@pytest.fixture
def store(url: str) -> Iterator["postgres.PostgresStore"]:
    """The store of who claims."""
    yield from opened(url)


def opened(url: str) -> Iterator["postgres.PostgresStore"]:
    """A store, closed in the end."""
    store = postgres.PostgresStore(url, 300)
    store.open()
    yield store
    store.close()


async def until_waiting(cluster: Cluster, url: str, count: int) -> None:
    """Wait until so many connections wait for locks; what is done meanwhile is heard of."""
    end = time.monotonic() + PATIENCE
    while cluster.query(url, CONNECTIONS + "wait_event_type = 'Lock'") != [(count,)]:
        assert time.monotonic() < end
        await deferLater(reactor, 0)


@pytest.mark.parametrize("isolation", ISOLATIONS)
@ensureDeferred
async def test_a_claim_waits_for_a_turn_that_is_being_kept_and_sees_it(
    former: "postgres.PostgresStore", store: "postgres.PostgresStore", url: str, cluster: Cluster
) -> None:
    """The turn is held up by somebody who has the table of containers for himself."""
    fences = [("lobby", (await former.claim("lobby", "a")).epoch)]
    turn = Turn(messages=[message("1")], saved=[container("carl")], fences=fences)
    with psycopg.connect(url) as somebody:
        somebody.execute("LOCK TABLE containers IN SHARE MODE")
        keeping = former.commit(turn)
        await until_waiting(cluster, url, 1)
        claiming = store.claim("lobby", "b")
        await until_waiting(cluster, url, 2)
        assert not keeping.called and not claiming.called
    claimed = await claiming
    assert (claimed.epoch, claimed.last_id, claimed.containers) == (2, "1", [container("carl")])
    await keeping
    with pytest.raises(Fenced):
        await former.commit(Turn(messages=[message("2")], fences=fences))
    kept = await store.commit(Turn(messages=[message("3")], fences=[("lobby", 2)], pages=[page()]))
    assert [each.id for each in kept.pages[0].messages] == ["1", "3"]
    assert cluster.query(url, "SELECT room, epoch, node FROM owners") == [("lobby", 2, "b")]


@pytest.mark.parametrize("isolation", ISOLATIONS)
@ensureDeferred
async def test_a_turn_that_comes_while_a_claim_is_made_waits_for_it_and_fails(
    former: "postgres.PostgresStore", url: str, cluster: Cluster
) -> None:
    fences = [("lobby", (await former.claim("lobby", "a")).epoch)]
    with psycopg.connect(url) as claiming:
        owners.claim(claiming.cursor(), "lobby", "b")
        keeping = former.commit(Turn(messages=[message("1")], fences=fences))
        await until_waiting(cluster, url, 1)
        assert not keeping.called
    with pytest.raises(Fenced):
        await keeping
    kept = await former.commit(Turn(pages=[page()]))
    assert kept.pages[0].messages == ()


@ensureDeferred
async def test_a_claim_that_fails_leaves_the_room_with_its_owner(
    former: "postgres.PostgresStore", url: str, cluster: Cluster
) -> None:
    fences = [("lobby", (await former.claim("lobby", "a")).epoch)]
    with closing(psycopg.connect(url)) as claiming:
        owners.claim(claiming.cursor(), "lobby", "b")
        keeping = former.commit(Turn(messages=[message("1")], fences=fences))
        await until_waiting(cluster, url, 1)
        claiming.rollback()
    await keeping


@ensureDeferred
async def test_turns_of_two_nodes_do_not_wait_for_each_other(
    former: "postgres.PostgresStore", store: "postgres.PostgresStore"
) -> None:
    """Nor do those of one owner, whose connection was lost and came back."""
    fences = [("lobby", (await former.claim("lobby", "a")).epoch)]
    done = Event()

    def keep(cursor: sql.Cursor) -> None:
        owners.check(cursor, owners.POSTGRES, fences)
        done.wait()

    keeping = former._run(keep)
    try:
        await store.commit(Turn(messages=[message("1")], fences=fences))
        assert not keeping.called
    finally:
        done.set()
    await keeping


@ensureDeferred
async def test_while_a_claim_waits_the_other_rooms_turns_do_not(
    store: "postgres.PostgresStore", url: str, cluster: Cluster
) -> None:
    fences = [("den", (await store.claim("den", "b")).epoch)]
    with psycopg.connect(url) as former:
        fence = ("lobby", owners.claim(former.cursor(), "lobby", "a").epoch)
        former.commit()
        owners.check(former.cursor(), owners.POSTGRES, [fence])
        claiming = store.claim("lobby", "b")
        await until_waiting(cluster, url, 1)
        await store.commit(Turn(messages=[message("1", room="den")], fences=fences))
        assert not claiming.called
    assert (await claiming).epoch == 2


@ensureDeferred
async def test_a_node_that_stops_in_the_middle_of_a_turn_loses_its_rooms_all_the_same(
    former: "postgres.PostgresStore", store: "postgres.PostgresStore", monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose machine is suspended does."""
    monkeypatch.setattr(postgres, "STOPPED_SECONDS", 0.2)
    fences = [("lobby", (await store.claim("lobby", "a")).epoch)]
    resumed = Event()

    def keep(cursor: sql.Cursor) -> None:
        owners.check(cursor, owners.POSTGRES, fences)
        stopped.set()
        resumed.wait(PATIENCE)
        sql.add_messages(cursor, [message("1")])

    stopped = Event()
    keeping = former._run(keep)
    try:
        assert stopped.wait(PATIENCE)
        assert (await store.claim("lobby", "b")).epoch == 2
    finally:
        resumed.set()
    with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
        await keeping
    with pytest.raises(Fenced):
        await former.commit(Turn(messages=[message("1")], fences=fences))
    kept = await store.commit(Turn(pages=[page()]))
    assert kept.pages[0].messages == ()


@ensureDeferred
async def test_a_claim_waits_for_somebody_else_only_so_long(
    store: "postgres.PostgresStore", url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next one is made over the same connection."""
    monkeypatch.setattr(postgres, "CLAIM_SECONDS", 0.1)
    with psycopg.connect(url) as somebody:
        somebody.execute("LOCK TABLE owners IN SHARE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await store.claim("lobby", "b")
    assert (await store.claim("lobby", "b")).epoch == 1


@ensureDeferred
async def test_a_turn_of_somebody_elses_room_costs_no_connection(store: "postgres.PostgresStore") -> None:
    def pid(cursor: sql.Cursor) -> list[int]:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchall()

    before = await store._run(pid)
    with pytest.raises(Fenced):
        await store.commit(Turn(messages=[message("1")], fences=[("lobby", 1)]))
    assert await store._run(pid) == before


@ensureDeferred
async def test_who_is_no_part_of_a_cluster_has_one_connection(
    store: "postgres.PostgresStore", url: str, cluster: Cluster
) -> None:
    others = CONNECTIONS + "pid <> pg_backend_pid()"
    await store.commit(Turn(messages=[message("1")]))
    assert cluster.query(url, others) == [(1,)]
    await store.claim("lobby", "a")
    assert cluster.query(url, others) == [(2,)]


@ensureDeferred
async def test_a_store_that_is_closed_while_a_claim_waits_does_not_wait(url: str, cluster: Cluster) -> None:
    store = postgres.PostgresStore(url, 300)
    store.open()
    with psycopg.connect(url) as somebody:
        somebody.execute("LOCK TABLE owners IN SHARE MODE")
        claiming = store.claim("lobby", "b")
        await until_waiting(cluster, url, 1)
        store.close()
        with pytest.raises(psycopg.OperationalError):
            await claiming
    with pytest.raises(Exception, match="closed"):
        await store.claim("lobby", "b")


# -- SQLite -------------------------------------------------------------------------------------------


def test_in_sqlite_nobody_claims_a_room_between_the_check_and_the_end_of_a_turn(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "chatd.sqlite"), 300, False)
    with closing(store.connect()) as former, closing(store.connect()) as claiming:
        claiming.execute("PRAGMA busy_timeout = 0")
        epoch = owners.claim(store.cursor(former.cursor()), "lobby", "a").epoch
        former.commit()
        owners.check(store.cursor(former.cursor()), owners.SQLITE, [("lobby", epoch)])
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            owners.claim(store.cursor(claiming.cursor()), "lobby", "b")
        former.commit()
        assert owners.claim(store.cursor(claiming.cursor()), "lobby", "b").epoch == epoch + 1
