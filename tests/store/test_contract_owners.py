"""What every store promises a cluster: rooms have owners, and who missed something can ask for it."""

import pytest
from msgspec.structs import replace
from pytest_twisted import ensureDeferred

from chatd.turn import Fenced, Turn
from tests.store.conftest import Shelf, container, message, report

# -- claims ---------------------------------------------------------------------------------------------


@ensureDeferred
async def test_each_claim_of_a_room_has_a_higher_epoch(any_shelf: Shelf) -> None:
    store = any_shelf.store
    claims = [await store.claim(room, node) for room, node in (("lobby", "a"), ("lobby", "b"), ("den", "a"))]
    assert [claimed.epoch for claimed in claims] == [1, 2, 1]


@ensureDeferred
async def test_epochs_grow_over_the_end_of_the_process(shelf: Shelf) -> None:
    for epoch in (1, 2, 3):
        assert (await shelf.store.claim("lobby", "a")).epoch == epoch
        shelf.reopen()


@ensureDeferred
async def test_of_an_empty_room_a_claim_finds_nothing(any_shelf: Shelf) -> None:
    await any_shelf.keep(message("1", room="den"))
    claimed = await any_shelf.store.claim("lobby", "a")
    assert (claimed.last_id, claimed.containers) == ("", [])


@ensureDeferred
async def test_a_claim_finds_the_highest_id_of_the_room_wherever_it_was_said(shelf: Shelf) -> None:
    """(M7) The order of keeping may be another one: clocks of nodes differ."""
    for id, place in (("5", None), ("7", "carl"), ("8", "abe"), ("9", None)):
        await shelf.keep(message(id, container_id=place))
        await shelf.keep(message(f"9{id}", room="den", container_id=place))
        await shelf.keep(message(f"4{id}", container_id="zoe"))
        assert (await shelf.store.claim("lobby", "a")).last_id == id


@ensureDeferred
async def test_a_claim_finds_the_rooms_containers(shelf: Shelf) -> None:
    """(K2)"""
    carl = container("carl", "agnes", request=message("1"), is_waiting=True)
    await shelf.store.commit(Turn(saved=[container("dora"), carl, replace(carl, room="den")]))
    assert (await shelf.store.claim("lobby", "a")).containers == [carl, container("dora")]
    assert (await shelf.store.claim("lobb", "a")).containers == []


@ensureDeferred
async def test_a_store_may_be_opened_without_its_containers(shelf: Shelf) -> None:
    """(K2) They are told when their rooms are claimed."""
    await shelf.store.commit(Turn(messages=[message("1")], saved=[container("carl")]))
    shelf.store.close()
    restored = shelf.store.open(containers=False)
    assert (restored.last_id, restored.containers) == ("1", [])
    assert (await shelf.store.claim("lobby", "a")).containers == [container("carl")]


# -- fences ---------------------------------------------------------------------------------------------


@ensureDeferred
async def test_the_owner_of_its_rooms_keeps_a_turn(any_shelf: Shelf) -> None:
    fences = [(room, (await any_shelf.store.claim(room, "a")).epoch) for room in ("lobby", "den")]
    said = message("1", client_message_id="m")
    await any_shelf.store.commit(Turn(messages=[said], fences=fences))
    kept = await any_shelf.keep(message("2", client_message_id="m"))
    assert kept.repeats == {0: said}


@ensureDeferred
async def test_of_a_turn_for_a_room_that_another_node_owns_nothing_is_kept(any_shelf: Shelf) -> None:
    store = any_shelf.store
    fences = [(room, (await store.claim(room, "a")).epoch) for room in ("lobby", "den", "attic", "hall")]
    await store.claim("den", "b")
    await store.claim("attic", "b")
    said = message("1", client_message_id="m", container_id="carl")
    turn = Turn(messages=[said], fences=fences, reports=[report("r", message_id="1")])
    with pytest.raises(Fenced) as fenced:
        await store.commit(turn)
    assert fenced.value.rooms == ["attic", "den"]
    assert (await store.waiting(0, 10)).reports == []
    assert (await any_shelf.keep(message("2", client_message_id="m"))).repeats == {}


@ensureDeferred
async def test_of_such_a_turn_nothing_is_changed_either(shelf: Shelf) -> None:
    """(K2, M5)"""
    await shelf.store.commit(Turn(messages=[message("1")], saved=[container("carl")]))
    epoch = (await shelf.store.claim("lobby", "a")).epoch
    await shelf.store.claim("lobby", "b")
    turn = Turn(
        messages=[message("2")],
        undone=[("lobby", "", "1", "ann")],
        saved=[container("dora")],
        gone=[("lobby", "carl")],
        fences=[("lobby", epoch)],
    )
    with pytest.raises(Fenced):
        await shelf.store.commit(turn)
    assert await shelf.ids() == ["1"]
    shelf.reopen()
    assert (await shelf.ids(), shelf.restored.containers) == (["1"], [container("carl")])


@ensureDeferred
async def test_a_turn_of_more_rooms_than_a_statement_has_places_is_kept(shelf: Shelf) -> None:
    fences = [("lobby", (await shelf.store.claim("lobby", "a")).epoch)]
    others = [(f"room {number} \\ ' , {{}} \" 订单", 1) for number in range(70_000)]
    with pytest.raises(Fenced) as fenced:
        await shelf.store.commit(Turn(fences=fences + others))
    assert len(fenced.value.rooms) == 70_000
    (odd, _), *_ = others
    fences.append((odd, (await shelf.store.claim(odd, "a")).epoch))
    await shelf.store.commit(Turn(fences=fences))


@ensureDeferred
async def test_the_epoch_is_neither_an_older_nor_a_later_one(any_shelf: Shelf) -> None:
    for _ in range(2):
        await any_shelf.store.claim("lobby", "a")
    for epoch in (0, 1, 3):
        with pytest.raises(Fenced):
            await any_shelf.store.commit(Turn(fences=[("lobby", epoch)]))
    await any_shelf.store.commit(Turn(fences=[("lobby", 2)]))


@ensureDeferred
async def test_a_room_that_nobody_claimed_is_nobodys(any_shelf: Shelf) -> None:
    with pytest.raises(Fenced):
        await any_shelf.store.commit(Turn(fences=[("lobby", 1)]))


# -- rooms with containers -----------------------------------------------------------------------------


@ensureDeferred
async def test_rooms_with_containers_are_told(shelf: Shelf) -> None:
    assert await shelf.store.kept_rooms() == []
    saved = [container("carl"), container("dora"), replace(container("carl"), room="den")]
    await shelf.store.commit(Turn(saved=saved))
    await shelf.keep(message("1", room="attic"))
    assert await shelf.store.kept_rooms() == ["den", "lobby"]
    await shelf.store.commit(Turn(gone=[("den", "carl")]))
    assert await shelf.store.kept_rooms() == ["lobby"]
