"""The store that stores nothing keeps little, and lets go of it. What it promises is in test_contract.py."""

import tracemalloc

import pytest
from pytest_twisted import ensureDeferred

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
