"""``python -m chatd.store copy FROM TO``."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatd.model import Message
from chatd.store import owners, sql
from chatd.store.__main__ import BATCH, main
from chatd.store.urls import database
from chatd.turn import ContainerState, Report
from tests.store.conftest import container, message

CONTAINERS = [container("carl", "agnes", request=message("1"), is_waiting=True), container("dora")]
MESSAGES = [
    message(f"{number:014x}", container_id="carl" if number % 3 else None, accessory=b'{"a" : 1}')
    for number in range(1, 2 * BATCH + 11)
]


def fill(url: str, messages: list[Message], containers: list[ContainerState]) -> None:
    """Keep some things in a store."""
    store = database(url, 300, False)
    with closing(store), closing(store.connect()) as connection:
        cursor = store.cursor(connection.cursor())
        sql.add_messages(cursor, messages)
        sql.save_containers(cursor, containers)
        connection.commit()


def content(url: str) -> tuple[list[Message], list[ContainerState]]:
    """All that a store keeps."""
    store = database(url, 300, False)
    with closing(store), closing(store.connect()) as connection:
        cursor = store.cursor(connection.cursor())
        found = [message for _, message in sql.all_messages(cursor, 0, 10**6)]
        return found, sql.restore(cursor).containers


Place = Callable[[str], str]


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The URL of a store that does not exist yet, by its kind."""

    def place(kind: str) -> str:
        if kind == "postgres":
            url: str = request.getfixturevalue("cluster").database()
            return url
        return f"sqlite:{tmp_path / kind}"

    return place


@pytest.mark.parametrize("kinds", [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite2")])
def test_it_copies_all_messages_in_their_order_and_all_containers(
    place: Place, kinds: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = map(place, kinds)
    fill(source, MESSAGES, CONTAINERS)
    assert main(["copy", source, target]) == 0
    assert capsys.readouterr().out == f"copied {len(MESSAGES)} messages and 2 containers\n"
    assert content(target) == content(source) == (MESSAGES, CONTAINERS)


def test_the_order_is_that_of_keeping_though_pieces_are_missing(place: Place) -> None:
    """After messages were deleted, places in the order are not used."""
    source, target = place("sqlite"), place("sqlite2")
    fill(source, MESSAGES, [])
    with closing(sqlite3.connect(source.removeprefix("sqlite:"))) as connection:
        connection.execute("DELETE FROM messages WHERE seq % 7 = 0 OR seq < 1200")
        connection.commit()
    assert main(["copy", source, target]) == 0
    assert content(target) == content(source)
    assert len(content(target)[0]) > 500


@pytest.mark.parametrize("kind", ["sqlite2", "postgres"])
@pytest.mark.parametrize("holds", [([message("1")], []), ([], [container("carl")])])
def test_a_target_that_is_not_empty_is_refused_and_left_alone(
    place: Place,
    kind: str,
    holds: tuple[list[Message], list[ContainerState]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, target = place("sqlite"), place(kind)
    fill(source, MESSAGES[:3], CONTAINERS)
    fill(target, *holds)
    assert main(["copy", source, target]) == 1
    assert capsys.readouterr().err == "chatd.store: the store to copy to is not empty\n"
    assert content(target) == holds


@pytest.mark.parametrize("which", [0, 1])
def test_a_file_that_is_in_use_is_refused(
    place: Place, which: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a chatd that runs, or as the other of the two."""
    urls = [place("sqlite"), place("sqlite2")]
    fill(urls[0], MESSAGES[:3], [])
    with closing(database(urls[which], 300, False)) as used:
        used.open()
        assert main(["copy", *urls]) == 1
    path = urls[which].removeprefix("sqlite:")
    assert capsys.readouterr().err.startswith(f"chatd.store: store.url: {path}: it is in use: stop the chatd")
    assert main(["copy", urls[0], urls[0]]) == 1
    assert "it is in use" in capsys.readouterr().err
    assert content(urls[0]) == (MESSAGES[:3], [])


def test_an_empty_source_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a mistyped path more often than not."""
    assert main(["copy", place("sqlite"), place("sqlite2")]) == 1
    assert capsys.readouterr().err == "chatd.store: the store to copy from is empty\n"


@pytest.mark.parametrize("holds", [([message("1")], []), ([], [container("carl")])])
def test_a_source_that_holds_one_thing_is_not_empty(
    place: Place, holds: tuple[list[Message], list[ContainerState]]
) -> None:
    fill(place("sqlite"), *holds)
    assert main(["copy", place("sqlite"), place("sqlite2")]) == 0
    assert content(place("sqlite2")) == holds


def test_what_the_backend_was_not_told_yet_is_a_thing_that_a_store_holds(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    report = Report(id="r-1", time=0, room="lobby", container_id=None, body=b"{}")
    for kind in ("sqlite", "sqlite3"):
        store = database(place(kind), 300, False)
        with closing(store), closing(store.connect()) as connection:
            sql.add_reports(store.cursor(connection.cursor()), [report])
            connection.commit()
    assert main(["copy", place("sqlite"), place("sqlite2")]) == 0
    assert main(["copy", place("sqlite"), place("sqlite3")]) == 1
    assert capsys.readouterr().err == "chatd.store: the store to copy to is not empty\n"


@pytest.mark.parametrize("module", ["sqlite3", "psycopg"])
def test_a_database_that_fails_in_the_middle_is_one_line_and_nothing_is_copied(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    error = pytest.importorskip(module).OperationalError("disk full\nas it seems")

    def fail(*_: object) -> None:
        raise error

    fill(place("sqlite"), MESSAGES, CONTAINERS)
    with monkeypatch.context() as patched:
        patched.setattr(sql, "save_containers", fail)
        assert main(["copy", place("sqlite"), place("sqlite2")]) == 1
    assert capsys.readouterr().err == "chatd.store: disk full as it seems\n"
    assert content(place("sqlite2")) == ([], [])


@pytest.mark.parametrize("url", ["none", "mysql://h/c", "sqlite:", "sqlite:/nowhere/at/all.sqlite"])
def test_a_store_that_cannot_be_opened_is_one_line(
    place: Place, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(place("sqlite"), MESSAGES[:1], [])
    for arguments in ((url, place("sqlite2")), (place("sqlite"), url)):
        assert main(["copy", *arguments]) == 1
        said = capsys.readouterr().err
        assert said.startswith("chatd.store: ") and said.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["copy"], ["copy", "a"], ["copy", *"abc"], ["move", *"ab"]])
def test_anything_else_is_told_the_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert "python -m chatd.store copy FROM TO" in capsys.readouterr().err


def test_what_the_backend_was_not_told_yet_is_copied_in_its_order(place: Place) -> None:
    source, target = place("sqlite"), place("sqlite2")
    reports = [
        Report(
            id=f"{number}", time=number, room="lobby", container_id="carl" if number % 2 else None, body=b"{}"
        )
        for number in range(BATCH + 10, 0, -1)
    ]
    fill(source, MESSAGES[:1], [])
    store = database(source, 300, False)
    with closing(store), closing(store.connect()) as connection:
        sql.add_reports(store.cursor(connection.cursor()), reports)
        connection.commit()
    assert main(["copy", source, target]) == 0
    store = database(target, 300, False)
    with closing(store), closing(store.connect()) as connection:
        found = sql.all_reports(store.cursor(connection.cursor()), 0, 10**6)
    assert [report for _, report in found] == reports


def test_whose_the_rooms_were_is_not_copied(place: Place) -> None:
    """Nobody runs on either store."""
    source, target = place("sqlite"), place("sqlite2")
    fill(source, MESSAGES[:1], CONTAINERS)
    store = database(source, 300, False)
    with closing(store), closing(store.connect()) as connection:
        owners.claim(store.cursor(connection.cursor()), "lobby", "a")
        connection.commit()
    assert main(["copy", source, target]) == 0
    store = database(target, 300, False)
    with closing(store), closing(store.connect()) as connection:
        claimed = owners.claim(store.cursor(connection.cursor()), "lobby", "b")
    assert (claimed.epoch, claimed.last_id, claimed.containers) == (1, MESSAGES[0].id, CONTAINERS)
