"""Accounts in a database (C3): one contract, on SQLite files and on a real PostgreSQL."""


import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import argon2
import pytest
from pytest_twisted import ensureDeferred
from twisted.cred.error import UnauthorizedLogin
from zope.interface.verify import verifyObject

from chatd.accounts import AGENT, Account, Login, Means, Unavailable
from chatd.checkers.hashes import Hashes
from chatd.checkers.sql import SqlChecker, SqlSection
from chatd.config import Secret
from chatd.interfaces import IAccountChecker
from tests.checkers.accounts import MD5
from tests.durability.conftest import cluster

__all__ = ["cluster"]

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
WRONG = "0" * 32
STAFF = "CREATE TABLE staff (login TEXT, password TEXT, userid TEXT, name TEXT, icon TEXT, role TEXT)"
QUERY = "SELECT password, userid, name, icon, role FROM staff WHERE login = :account"
"""The tests' usual query."""


class CountingHashes(Hashes):
    """Hashes that note what they were asked to verify."""

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor)
        self.asked: list[tuple[str | None, str | None]] = []

    def verify(self, hash: str | None, password: str, like: str | None = None) -> Any:
        self.asked.append((hash, like))
        return super().verify(hash, password, like)


class Database:
    """A database with a table of staff.

    :param change: runs a statement with values.
    """

    def __init__(self, url: str, change: Callable[..., None], hashes: CountingHashes) -> None:
        self.url = url
        self.change = change
        self.hashes = hashes
        self._checkers: list[SqlChecker] = []
        change(STAFF)

    def add(self, login: str, password: str | None, *more: str | None) -> None:
        """A row: login, password, userid, name, icon, role."""
        values = (login, password, *more, None, None, None, None)[:6]
        shown = ", ".join("NULL" if value is None else f"'{value}'" for value in values)
        self.change(f"INSERT INTO staff VALUES ({shown})")

    def checker(self, query: str = QUERY, **settings: Any) -> SqlChecker:
        """A checker that has started."""
        from twisted.internet import reactor

        section = SqlSection(kind="sql", url=Secret(self.url), query=query, **settings)
        checker = SqlChecker(section, Means(reactor, self.hashes))
        checker.start()
        self._checkers.append(checker)
        return checker

    def close(self) -> None:
        """Stop the checkers."""
        for checker in self._checkers:
            checker.stop()


@pytest.fixture
def hashes() -> Iterator[CountingHashes]:
    from twisted.internet import reactor

    hashes = CountingHashes(reactor)
    hashes.start()
    yield hashes
    hashes.stop()


@pytest.fixture
def sqlite(tmp_path: Path, hashes: CountingHashes) -> Iterator[Database]:
    path = tmp_path / "staff.sqlite"

    def change(statement: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)

    database = Database(f"sqlite:{path}", change, hashes)
    yield database
    database.close()


@pytest.fixture
def postgres(cluster: Any, hashes: CountingHashes) -> Iterator[Database]:
    import psycopg

    url = cluster.database()

    def change(statement: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute(statement.encode())

    database = Database(url, change, hashes)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Both must keep the same promises."""
    return request.getfixturevalue(request.param)


async def check(checker: SqlChecker, account: str, password: str = MD5, user: str = "u1") -> Account:
    """Ask."""
    return await checker.requestAvatarId(Login("shop", account, password, user, "192.0.2.1"))


async def refused(checker: SqlChecker, account: str, password: str = MD5, user: str = "u1") -> bool:
    """Whether a login is wrong."""
    try:
        await check(checker, account, password, user)
    except UnauthorizedLogin:
        return True
    return False


async def unavailable(checker: SqlChecker, account: str = "ann", password: str = MD5) -> str:
    """Why a login cannot be checked."""
    with pytest.raises(Unavailable) as reason:
        await check(checker, account, password)
    assert "ann" not in str(reason.value) and MD5 not in str(reason.value)
    return str(reason.value)


def test_it_is_an_account_checker(database):
    assert verifyObject(IAccountChecker, database.checker())


@ensureDeferred
async def test_a_password_is_kept_as_an_argon2_hash(database):
    database.add("ann", CHEAP.hash(MD5))
    checker = database.checker()
    assert await check(checker, "ann") == Account()
    assert await refused(checker, "ann", WRONG)


@pytest.mark.parametrize("kept", [MD5, MD5.upper(), f"{MD5}  "])
@ensureDeferred
async def test_a_password_is_kept_as_its_md5(database, kept):
    database.add("ann", kept)
    checker = database.checker()
    assert await check(checker, "ann") == Account()
    assert await refused(checker, "ann", WRONG)


@ensureDeferred
async def test_a_query_may_compare_the_password_itself(database):
    database.add("ann", MD5, "agnes")
    checker = database.checker("SELECT userid FROM staff WHERE login = :account AND password = :password")
    assert await check(checker, "ann") == Account(user_id="agnes")
    assert await refused(checker, "ann", WRONG)
    assert await refused(checker, "bob")


@ensureDeferred
async def test_an_unknown_account_is_refused_as_a_wrong_password_is_and_costs_the_same(database):
    hash = CHEAP.hash(MD5)
    database.add("ann", hash)
    checker = database.checker()
    assert await refused(checker, "ann", WRONG)
    assert await refused(checker, "bob")
    assert database.hashes.asked == [(hash, None), (None, hash)]


@ensureDeferred
async def test_what_is_known_of_an_account_is_taken_over(database):
    database.add("ann", MD5, "agnes", "Agnes", "https://shop.example/a.png", "agent")
    known = Account(user_id="agnes", name="Agnes", icon="https://shop.example/a.png", role=AGENT)
    assert await check(database.checker(), "ann") == known


@ensureDeferred
async def test_columns_may_be_written_in_either_case(database):
    database.add("ann", MD5, "agnes")
    query = 'SELECT password AS "PASSWORD", userid AS "userId" FROM staff WHERE login = :account'
    assert await check(database.checker(query), "ann") == Account(user_id="agnes")


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("userId", ("x" * 129,)),
        ("name", (None, " ")),
        ("icon", (None, None, "x" * 2049)),
        ("role", (None, None, None, "admin")),
    ],
)
@ensureDeferred
async def test_a_value_that_will_not_do_is_named(database, column, row):
    database.add("ann", MD5, *row)
    assert (await unavailable(database.checker())).startswith(f"{column}: ")


@ensureDeferred
async def test_an_account_without_a_password_lets_nobody_in(database):
    database.add("ann", None)
    database.add("bob", "")
    checker = database.checker()
    assert await refused(checker, "ann")
    assert "expected an argon2 hash" in await unavailable(checker, "bob")


@ensureDeferred
async def test_a_query_that_checks_no_password_lets_nobody_in(database):
    database.add("ann", MD5, "agnes")
    reason = await unavailable(database.checker("SELECT userid FROM staff WHERE login = :account"))
    assert reason == 'query: expected a column "password", or that it asks for :password'


@ensureDeferred
async def test_two_rows_let_nobody_in(database):
    database.add("ann", MD5)
    database.add("ann", MD5)
    assert "several rows" in await unavailable(database.checker())


@pytest.mark.parametrize("account", ["' OR '1'='1", "ann'--", "ann\x00", "%", "ann; DROP TABLE staff"])
@ensureDeferred
async def test_what_a_client_sends_is_a_value_and_never_sql(database, account):
    database.add("ann", MD5)
    checker = database.checker()
    try:
        assert await refused(checker, account, user="' OR '1'='1")
    except Unavailable:
        assert "\0" in account  # PostgreSQL's text cannot hold it
    assert await check(checker, "ann") == Account()


@ensureDeferred
async def test_all_that_a_client_sends_can_be_asked_for(database):
    database.add("ann", MD5, "u1")
    checker = database.checker(f"{QUERY} AND userid = :userId AND 'shop' = :clientType")
    assert checker.by_user
    assert await check(checker, "ann", user="u1") == Account(user_id="u1")
    assert await refused(checker, "ann", user="u2")


@ensureDeferred
async def test_what_looks_like_a_value_in_a_literal_or_a_comment_is_none(database):
    database.add("ann", MD5, "10%")
    query = f"{QUERY} AND '10:account%' LIKE '10%' /* :nobody */ AND userid LIKE '%\x25' -- :nothing\n"
    assert await check(database.checker(query), "ann") == Account(user_id="10%")


@ensureDeferred
async def test_a_query_that_would_change_something_fails_and_changes_nothing(database):
    database.add("ann", MD5)
    checker = database.checker("DELETE FROM staff WHERE login = :account RETURNING password")
    assert "the database: " in await unavailable(checker)
    assert await check(database.checker(), "ann") == Account()


@ensureDeferred
async def test_an_error_is_told_without_what_it_quotes(database):
    database.add("ann", MD5)
    reason = await unavailable(database.checker(f"{QUERY} AND nothing = 1"))
    assert reason.startswith("the database: ")


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"query": "SELECT :who, :account"}, "query: unknown value :who; known: :account, :password"),
        ({"query": "SELECT 1"}, "query: expected it to ask for :account"),
        ({"url": "mysql://u:s3cret@h/d"}, 'url: expected "sqlite:PATH" or "postgresql://…"'),
        ({"url": "sqlite:"}, 'url: expected "sqlite:PATH" or "postgresql://…"'),
        ({"url": "sqlite:/nowhere/staff.sqlite"}, "url: /nowhere/staff.sqlite: there is no such file"),
        ({"url": "postgresql://u:s3cret%@h/c"}, "url: expected postgresql://user:password@host:port/database"),
    ],
)
def test_a_mistake_of_the_operators_is_told_at_the_start(hashes, settings, mistake):
    from twisted.internet import reactor

    given = {"url": "sqlite:x", "query": QUERY} | settings
    section = SqlSection(kind="sql", url=Secret(given["url"]), query=given["query"])
    assert "s3cret" not in repr(section)
    with pytest.raises(ValueError) as error:
        SqlChecker(section, Means(reactor, hashes)).start()
    assert str(error.value).startswith(mistake)
    assert "s3cret" not in str(error.value)


# -- databases that are slow or away ----------------------------------------------------------------


@ensureDeferred
async def test_a_locked_sqlite_file_is_not_waited_for_forever(sqlite):
    sqlite.add("ann", MD5)
    checker = sqlite.checker(timeout=0.2)
    with closing(sqlite3.connect(sqlite.url.partition(":")[2])) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "no answer" in (reason := await unavailable(checker)) or "OperationalError" in reason
        other.rollback()
    assert await check(checker, "ann") == Account()


@ensureDeferred
async def test_a_slow_postgresql_is_not_waited_for_forever(postgres):
    postgres.add("ann", MD5)
    slow = postgres.checker(f"{QUERY} AND pg_sleep(60) IS NOT NULL", timeout=0.3)
    assert "no answer in 0.3 seconds" in (reason := await unavailable(slow)) or "57014" in reason
    assert await check(postgres.checker(), "ann") == Account()


@ensureDeferred
async def test_casts_are_postgresqls(postgres):
    postgres.add("ann", MD5, "7")
    query = "SELECT password, userid::int::text AS userid FROM staff WHERE login = :account::text"
    assert await check(postgres.checker(query), "ann") == Account(user_id="7")


@ensureDeferred
async def test_a_restart_of_postgresql_costs_nobody_a_login(postgres, cluster):
    postgres.add("ann", MD5)
    checker = postgres.checker()
    assert await check(checker, "ann") == Account()
    cluster.restart()
    assert await check(checker, "ann") == Account()


def test_a_checker_that_stops_does_not_wait_for_a_query(postgres, cluster):
    postgres.add("ann", MD5)
    running = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    checker = postgres.checker(f"{QUERY} AND pg_sleep(20) IS NOT NULL", timeout=30.0)
    asked = checker.requestAvatarId(Login("shop", "ann", MD5, "u1", "192.0.2.1"))
    asked.addErrback(lambda _: None)
    while not cluster.query(postgres.url, running):
        pass
    stopped = threading.Thread(target=checker.stop)
    stopped.start()
    stopped.join(15)
    assert not stopped.is_alive()
