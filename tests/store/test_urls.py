"""Which store a URL names."""

import sys

import pytest

from chatd.store.sqlite import SqliteStore
from chatd.store.urls import database
from chatd.turn import StoreError


def test_sqlite_names_a_file() -> None:
    assert isinstance(database("sqlite:chatd.sqlite", 300, False), SqliteStore)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_postgresql_names_a_database(scheme: str) -> None:
    postgres = pytest.importorskip("chatd.store.postgres", reason="psycopg is not installed")
    assert isinstance(database(f"{scheme}://chatd@localhost/chatd", 300, False), postgres.PostgresStore)


@pytest.mark.parametrize("url", ["", "sqlite", "sqlite:", "chatd.sqlite", "mysql://u:s3cret@h/c", "none"])
def test_anything_else_is_told_what_is_expected_and_shows_no_password(url: str) -> None:
    with pytest.raises(StoreError) as refusal:
        database(url, 300, False)
    assert str(refusal.value).startswith('expected "sqlite:PATH", "postgresql://…" or "none", got ')
    assert "s3cret" not in str(refusal.value)


def test_without_its_library_postgresql_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chatd.store.postgres", None)
    with pytest.raises(StoreError, match=r"pip install 'chatd\[postgres\]'$"):
        database("postgresql://chatd@localhost/chatd", 300, False)
