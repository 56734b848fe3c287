"""Stores that are opened, closed and opened again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from twisted.internet.task import Clock

from chatd.interfaces import IMessageStore
from chatd.model import Message
from chatd.store.none import NoStore
from chatd.store.sqlite import SqliteStore
from chatd.turn import ContainerState, Kept, Page, PageFound, Report, Turn
from tests.durability.conftest import cluster

__all__ = ["cluster"]  # a fixture is found where it is imported

EPOCH = 1_795_421_730_123
"""The time at which a shelf's clock begins, in milliseconds since the epoch."""
WINDOW = 300
"""Seconds for which a clientMessageId is remembered."""
REPLAY = 5
"""How many messages of a container the store that stores nothing keeps."""


class Shelf:
    """A store that is open, and the place where it keeps.

    :param make: makes a store on that place; it is given the time in seconds since the epoch.
    """

    def __init__(self, make: Callable[[Callable[[], float]], IMessageStore]) -> None:
        self._make = make
        self.clock = Clock()
        self.open()

    def open(self) -> None:
        """A new store opens what is there."""
        self.store = self._make(lambda: EPOCH / 1000 + self.clock.seconds())
        self.restored = self.store.open()

    def reopen(self) -> None:
        """The store is closed, and a new one opened on what it has kept."""
        self.store.close()
        self.open()

    async def keep(self, *messages: Message) -> Kept:
        """Keep messages, as one turn."""
        return await self.store.commit(Turn(messages=list(messages)))

    async def page(self, **fields: object) -> PageFound | None:
        """What is found for :func:`page`."""
        kept = await self.store.commit(Turn(pages=[page(**fields)]))
        return kept.pages[0]

    async def ids(self, **fields: object) -> list[str]:
        """The ids of a page's messages."""
        found = await self.page(**fields)
        assert found is not None
        return [message.id for message in found.messages]


@contextmanager
def opened(kind: str, request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """An empty store of a kind."""
    if kind == "postgres":
        url = request.getfixturevalue("cluster").database()
        from chatd.store.postgres import PostgresStore

        shelf = Shelf(lambda now: PostgresStore(url, WINDOW, now))
    elif kind == "sqlite":
        path = str(request.getfixturevalue("tmp_path") / "chatd.sqlite")
        shelf = Shelf(lambda now: SqliteStore(path, WINDOW, flush=False, now=now))
    else:
        shelf = Shelf(lambda now: NoStore(now, WINDOW, REPLAY))
    yield shelf
    shelf.store.close()


@pytest.fixture(params=["sqlite", "postgres"])
def shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """An empty database of each kind."""
    with opened(request.param, request) as shelf:
        yield shelf


@pytest.fixture(params=["sqlite", "postgres", "none"])
def any_shelf(request: pytest.FixtureRequest) -> Iterator[Shelf]:
    """An empty store of each kind, the one that stores nothing included."""
    with opened(request.param, request) as shelf:
        yield shelf


def message(id: str, user_id: str = "ann", **fields: object) -> Message:
    """Something that is said in the lobby, of which nothing but the id and the user matters."""
    told = {"created": EPOCH, "room": "lobby", "name": "", "icon": "", "event": "ordinary", "content": id}
    return Message(id=id, user_id=user_id, **{**told, **fields})


def messages(*ids: str, **fields: object) -> list[Message]:
    """Some of them."""
    return [message(id, **fields) for id in ids]


def page(**fields: object) -> Page:
    """All of the lobby, where nothing else is said."""
    return Page(**{"room": "lobby", "container_id": None, "until": "~", "limit": 100, **fields})


def container(id: str, *agents: str, **fields: object) -> ContainerState:
    """A container of the lobby, with some agents in it."""
    return ContainerState(room="lobby", id=id, since="1", members=(id, *agents), **fields)


def report(id: str, **fields: object) -> Report:
    """Something that is to be told of the lobby, of which nothing but the id matters."""
    return Report(**{"id": id, "time": EPOCH, "room": "lobby", "container_id": None, "body": b"{}", **fields})
