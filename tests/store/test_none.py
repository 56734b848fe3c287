"""The store that stores nothing keeps little, and lets go of it. What it promises is in test_contract.py."""

import tracemalloc

import pytest
from pytest_twisted import ensureDeferred

from chatd.store import none
from chatd.store.none import NoStore
from chatd.turn import Turn
from tests.store.conftest import REPLAY, WINDOW, Shelf, message, messages, page


@pytest.fixture
def shelf() -> Shelf:
    """An empty one."""
    return Shelf(lambda now: NoStore(now, WINDOW, REPLAY))


@ensureDeferred
async def test_of_a_container_it_keeps_as_much_as_is_replayed(shelf: Shelf) -> None:
    """(D4)"""
    await shelf.keep(*messages(*"123456789", container_id="carl"))
    assert await shelf.ids(container_id="carl", said_only=True) == list("56789")


@pytest.mark.parametrize("fields", [{}, {"said_only": True}, {"container_id": "carl"}, {"after": ""}])
@ensureDeferred
async def test_what_is_not_replayed_is_not_stored(shelf: Shelf, fields: dict[str, object]) -> None:
    """(R1)"""
    await shelf.keep(message("1"), message("2", container_id="carl"))
    assert await shelf.page(**fields) is None


@ensureDeferred
async def test_of_a_container_that_is_gone_it_keeps_nothing(shelf: Shelf) -> None:
    """(K1)"""
    asked = page(container_id="carl", said_only=True)
    kept = await shelf.store.commit(
        Turn(messages=[message("1", container_id="carl")], pages=[asked], gone=[("lobby", "carl")])
    )
    assert [each.id for each in kept.pages[0].messages] == ["1"]
    assert await shelf.ids(container_id="carl", said_only=True) == []


@ensureDeferred
async def test_large_messages_are_remembered_as_far_as_memory_goes_and_the_oldest_are_forgotten(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(M6)"""
    monkeypatch.setattr(none, "MEMORY", 10_000)
    for id in "123":
        await shelf.keep(message(id, client_message_id=id, content="x" * 4000))
    kept = await shelf.store.commit(
        Turn(messages=[message(f"{id}'", client_message_id=id) for id in "321"])
    )
    assert {at: first.id for at, first in kept.repeats.items()} == {0: "3", 1: "2"}
    shelf.clock.advance(WINDOW)
    for id in "45":  # what is over is not counted
        await shelf.keep(message(id, client_message_id=id, content="x" * 4000))
    kept = await shelf.store.commit(Turn(messages=[message(f"{id}'", client_message_id=id) for id in "45"]))
    assert {at: first.id for at, first in kept.repeats.items()} == {0: "4", 1: "5"}


@ensureDeferred
async def test_words_are_kept_as_far_as_memory_goes_and_who_was_silent_longest_loses_the_oldest(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(D4)"""
    monkeypatch.setattr(none, "MEMORY", 20_000)
    for id, container in zip("1234", ("carl", "carl", "dora", "dora"), strict=True):
        await shelf.keep(message(id, container_id=container, content="x" * 4000))
    await shelf.keep(message("5", container_id="dora", content="x" * 4000))
    assert await shelf.ids(container_id="carl", said_only=True) == ["2"]
    assert await shelf.ids(container_id="dora", said_only=True) == ["3", "4", "5"]
    await shelf.store.commit(Turn(gone=[("lobby", "dora")]))
    for id in "678":  # what is gone is not counted
        await shelf.keep(message(id, container_id="carl", content="x" * 4000))
    assert await shelf.ids(container_id="carl", said_only=True) == ["2", "6", "7", "8"]


@ensureDeferred
async def test_its_memory_does_not_grow_with_what_is_over(shelf: Shelf) -> None:
    """(M6, K1)"""

    async def live(days: int) -> int:
        for number in range(days * 100):
            said = message(str(number), client_message_id=str(number), container_id=str(number))
            await shelf.store.commit(Turn(messages=[said], gone=[("lobby", str(number))]))
            shelf.clock.advance(10)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await live(1)
        assert await live(20) < before + 20_000
    finally:
        tracemalloc.stop()
