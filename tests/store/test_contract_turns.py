"""What every store promises of a turn: repeats (M6), containers (K2), all or nothing (M5), and what lasts."""

import pytest
from msgspec.structs import replace
from pytest_twisted import ensureDeferred

from chatd.turn import Turn
from tests.store.conftest import EPOCH, WINDOW, Shelf, container, message, messages, page

# -- messages that are sent again -----------------------------------------------------------------------


@ensureDeferred
async def test_a_repeat_is_answered_with_the_first_one(any_shelf: Shelf) -> None:
    """(M6)"""
    await any_shelf.keep(message("1", client_message_id="m"))
    kept = await any_shelf.keep(
        message("2"), message("3", client_message_id="m"), message("4", client_message_id="n")
    )
    assert kept.repeats == {1: message("1", client_message_id="m")}


@ensureDeferred
async def test_a_repeat_is_not_kept(shelf: Shelf) -> None:
    """(M6)"""
    await shelf.keep(message("1", client_message_id="m"))
    await shelf.keep(message("2", client_message_id="m"), message("3"))
    assert await shelf.ids() == ["1", "3"]


@ensureDeferred
async def test_a_repeat_in_the_same_turn_is_answered_with_the_first_one(any_shelf: Shelf) -> None:
    """(M6)"""
    first = message("1", client_message_id="m")
    kept = await any_shelf.keep(first, *messages("2", "3", client_message_id="m"))
    assert kept.repeats == {1: first, 2: first}


@ensureDeferred
async def test_the_first_one_may_have_been_said_elsewhere_in_the_room(any_shelf: Shelf) -> None:
    """(M6)"""
    first = message("1", client_message_id="m", container_id="carl")
    await any_shelf.keep(first)
    assert (await any_shelf.keep(message("2", client_message_id="m"))).repeats == {0: first}


@pytest.mark.parametrize("other", [{"user_id": "bob"}, {"room": "den"}, {"client_message_id": "M"}])
@ensureDeferred
async def test_another_users_another_rooms_or_another_id_is_no_repeat(
    any_shelf: Shelf, other: dict[str, str]
) -> None:
    """(M6)"""
    await any_shelf.keep(message("1", client_message_id="m"))
    kept = await any_shelf.keep(message("2", **{"client_message_id": "m", **other}))
    assert kept.repeats == {}


@ensureDeferred
async def test_a_repeat_is_one_to_the_end_of_the_window(any_shelf: Shelf) -> None:
    """(M6)"""
    first = message("1", client_message_id="m")
    await any_shelf.keep(first)
    any_shelf.clock.advance(WINDOW - 1)
    assert (await any_shelf.keep(message("2", client_message_id="m"))).repeats == {0: first}


@ensureDeferred
async def test_after_the_window_it_is_a_new_message_which_is_a_first_one_again(any_shelf: Shelf) -> None:
    """(M6)"""
    await any_shelf.keep(message("1", client_message_id="m"))
    any_shelf.clock.advance(WINDOW + 1)
    again = message("2", client_message_id="m", created=EPOCH + (WINDOW + 1) * 1000)
    assert (await any_shelf.keep(again)).repeats == {}
    any_shelf.clock.advance(WINDOW - 1)
    assert (await any_shelf.keep(message("3", client_message_id="m"))).repeats == {0: again}


@ensureDeferred
async def test_a_repeat_is_one_over_the_end_of_the_process(shelf: Shelf) -> None:
    """(M6)"""
    first = message("1", client_message_id="m")
    await shelf.keep(first)
    shelf.reopen()
    assert (await shelf.keep(message("2", client_message_id="m"))).repeats == {0: first}
    shelf.clock.advance(WINDOW + 1)
    assert (await shelf.keep(message("3", client_message_id="m"))).repeats == {}


# -- containers -----------------------------------------------------------------------------------------


CARL = container(
    "carl",
    "agnes",
    "bert\U0001f642",
    accept_id="bert",
    request=message("1", event="createContainer", accept_id="bert\x00", accessory=b"{ }"),
    is_waiting=True,
)


async def save(shelf: Shelf, *saved: object, gone: tuple[tuple[str, str], ...] = ()) -> None:
    """A turn of containers alone."""
    await shelf.store.commit(Turn(saved=list(saved), gone=list(gone)))


@ensureDeferred
async def test_a_container_comes_back_as_it_was_its_waiting_request_included(shelf: Shelf) -> None:
    """(K2, D3)"""
    await save(shelf, CARL, container("dora"))
    shelf.reopen()
    assert shelf.restored.containers == [CARL, container("dora")]


@ensureDeferred
async def test_a_container_that_is_kept_again_replaces_itself(shelf: Shelf) -> None:
    """(K2)"""
    await save(shelf, container("carl"))
    await save(shelf, CARL)
    shelf.reopen()
    assert shelf.restored.containers == [CARL]


@ensureDeferred
async def test_containers_of_one_name_in_two_rooms_are_two(shelf: Shelf) -> None:
    """(K1)"""
    await save(shelf, CARL, replace(CARL, room="den"))
    await save(shelf, gone=(("lobby", "carl"),))
    shelf.reopen()
    assert shelf.restored.containers == [replace(CARL, room="den")]


@ensureDeferred
async def test_a_container_that_is_gone_does_not_come_back_and_its_messages_stay(shelf: Shelf) -> None:
    """(K1)"""
    await shelf.keep(message("1", container_id="carl"))
    await save(shelf, CARL, container("dora"))
    await save(shelf, gone=(("lobby", "carl"), ("lobby", "nobody")))
    shelf.reopen()
    assert shelf.restored.containers == [container("dora")]
    assert await shelf.ids(container_id="carl") == ["1"]


@ensureDeferred
async def test_what_was_said_in_a_container_is_not_replayed_in_one_that_is_opened_after_it(
    any_shelf: Shelf,
) -> None:
    """(K1, D4)"""
    await any_shelf.keep(message("1", container_id="carl"))
    await save(any_shelf, gone=(("lobby", "carl"),))
    await any_shelf.keep(message("2", container_id="carl"))
    assert await any_shelf.ids(container_id="carl", said_only=True, since="2") == ["2"]


# -- all or nothing -------------------------------------------------------------------------------------


@ensureDeferred
async def test_a_turn_that_fails_midway_keeps_nothing(shelf: Shelf) -> None:
    """(M5)"""
    await shelf.keep(message("1"))
    await save(shelf, container("dora"))
    failing = Turn(
        messages=messages("2", "3", "3"),
        saved=[container("carl")],
        gone=[("lobby", "dora")],
        undone=[("lobby", "", "1", "ann")],
    )
    with pytest.raises(Exception, match=r"(?i)unique"):
        await shelf.store.commit(failing)
    assert await shelf.ids() == ["1"]
    shelf.reopen()
    assert await shelf.ids() == ["1"]
    assert (shelf.restored.last_id, shelf.restored.containers) == ("1", [container("dora")])


@ensureDeferred
async def test_a_turn_that_fails_is_no_end(shelf: Shelf) -> None:
    """(M5)"""
    with pytest.raises(Exception, match=r"(?i)unique"):
        await shelf.keep(*messages("1", "1"))
    await shelf.keep(message("2"))
    assert await shelf.ids() == ["2"]


@ensureDeferred
async def test_undone_messages_are_deleted_and_no_others(shelf: Shelf) -> None:
    """(M5)"""
    await shelf.keep(
        message("1"), message("2"), message("3", container_id="carl"), message("4", container_id="carl")
    )
    undone = [
        ("lobby", "", "2", "ann"),
        ("lobby", "carl", "3", "ann"),
        ("lobby", "carl", "1", "ann"),
        ("den", "", "1", "ann"),
        ("lobby", "", "1", "bob"),
    ]
    await shelf.store.commit(Turn(undone=undone, messages=[message("5")]))
    assert await shelf.ids() == ["1", "5"]
    assert await shelf.ids(container_id="carl") == ["4"]


@ensureDeferred
async def test_what_is_undone_is_repeated_by_nothing(shelf: Shelf) -> None:
    """(M5, M6)"""
    await shelf.keep(message("1", client_message_id="m"))
    kept = await shelf.store.commit(
        Turn(
            undone=[("lobby", "", "1", "ann")], messages=[message("2", client_message_id="m")], pages=[page()]
        )
    )
    assert kept.repeats == {}
    assert [each.id for each in kept.pages[0].messages] == ["2"]


# -- over the end of the process ------------------------------------------------------------------------


@ensureDeferred
async def test_the_last_id_is_the_highest_whatever_its_room(shelf: Shelf) -> None:
    """(M7)"""
    await shelf.keep(message("1"), message("2", room="den"), message("3", container_id="carl"))
    shelf.reopen()
    assert shelf.restored.last_id == "3"
    await shelf.keep(message("4", room="den"))
    shelf.reopen()
    assert shelf.restored.last_id == "4"


@ensureDeferred
async def test_what_comes_after_the_store_was_closed_fails(shelf: Shelf) -> None:
    shelf.store.close()
    with pytest.raises(Exception, match="closed"):
        await shelf.keep(message("1"))
    shelf.open()
    assert await shelf.ids() == []


def test_closing_twice_is_closing_once(any_shelf: Shelf) -> None:
    any_shelf.store.close()
    any_shelf.store.close()


# -- old messages ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_the_oldest_messages_are_forgotten_a_few_at_a_time(shelf: Shelf) -> None:
    said = [
        message("1", created=10),
        message("2", created=20, room="den"),
        message("3", created=30, container_id="carl"),
        message("4", created=40),
        message("5", created=50),
    ]
    await shelf.keep(*said)
    assert await shelf.store.forget(50, 2) == 2
    assert (await shelf.ids(), await shelf.ids(room="den")) == (["4", "5"], [])
    assert await shelf.ids(container_id="carl") == ["3"]
    assert await shelf.store.forget(50, 2) == 2
    assert await shelf.store.forget(50, 2) == 0
    assert (await shelf.ids(), await shelf.ids(container_id="carl")) == (["5"], [])


@ensureDeferred
async def test_what_is_not_old_is_not_forgotten(any_shelf: Shelf) -> None:
    await any_shelf.keep(message("1", created=10, container_id="carl"))
    assert await any_shelf.store.forget(10, 100) == 0
    assert await any_shelf.ids(container_id="carl", said_only=True) == ["1"]


@ensureDeferred
async def test_where_nothing_is_there_is_nothing_to_forget(any_shelf: Shelf) -> None:
    assert await any_shelf.store.forget(EPOCH, 100) == 0
