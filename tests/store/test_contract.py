"""What every store promises (IMessageStore): M5, M6, R1, K2."""

import pytest
from pytest_twisted import ensureDeferred
from zope.interface.verify import verifyObject

from chatd.interfaces import IMessageStore
from chatd.model import Message
from chatd.turn import PAGE_SIZE, Turn
from tests.store.conftest import EPOCH, Shelf, message, messages, page

FULL = Message(
    id="0649d2f2f3b1c0",
    created=EPOCH,
    room="大厅 🙂",
    user_id="ann'; DROP TABLE messages; --",
    name="Ann\u2028",
    icon="http://a/?b=%s",
    event="ordinary",
    type="event",
    content='NUL \x00, quote ", 🙂, \ufffe, e\u0301 %s ? :id',
    accept_id="bert\x00",
    container_id="carl %",
    target_id="订单-1",
    accessory=b'{ "b" : 1.0e0,\n"a":["\\u0000", "\\ud83d\\ude42", "\xf0\x9f\x99\x82"] }',
    client_message_id="m-1",
)


def test_it_is_a_message_store(any_shelf: Shelf) -> None:
    assert verifyObject(IMessageStore, any_shelf.store)


def test_an_empty_one_knows_nothing(any_shelf: Shelf) -> None:
    assert (any_shelf.restored.last_id, any_shelf.restored.containers) == ("", [])


@ensureDeferred
async def test_an_empty_turn_is_kept(any_shelf: Shelf) -> None:
    kept = await any_shelf.store.commit(Turn())
    assert (kept.repeats, kept.pages) == ({}, [])


# -- messages -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [False, True])
@ensureDeferred
async def test_a_message_comes_back_to_the_byte(shelf: Shelf, again: bool) -> None:
    await shelf.keep(FULL)
    if again:
        shelf.reopen()
    found = await shelf.page(room=FULL.room, container_id=FULL.container_id)
    assert found.messages == (FULL,)


@ensureDeferred
async def test_a_message_of_the_least_comes_back_too(shelf: Shelf) -> None:
    await shelf.keep(message("1", content=None))
    assert (await shelf.page()).messages == (message("1", content=None),)


@ensureDeferred
async def test_messages_come_back_in_the_order_of_their_ids(shelf: Shelf) -> None:
    """However many a turn holds."""
    ids = [f"{number:014x}" for number in range(1, 200)]
    await shelf.keep(*messages(*ids[:150]))
    await shelf.keep(*messages(*ids[150:]))
    assert await shelf.ids(limit=1000) == ids


@ensureDeferred
async def test_a_page_sees_the_messages_of_its_own_turn(any_shelf: Shelf) -> None:
    """(R1: no gap after the own ``in``)"""
    said = messages("1", "2", container_id="carl")
    kept = await any_shelf.store.commit(
        Turn(messages=said, pages=[page(container_id="carl", said_only=True)])
    )
    assert kept.pages[0].messages == tuple(said)


# -- pages --------------------------------------------------------------------------------------------


IDS = ["2", "4", "6", "8"]

PAGES = {
    "neither": ({}, IDS, False),
    "neither, limited": ({"limit": 3}, ["4", "6", "8"], True),
    "just all": ({"limit": 4}, IDS, False),
    "after": ({"after": "4"}, ["6", "8"], False),
    "after, limited": ({"after": "2", "limit": 2}, ["4", "6"], True),
    "after, all that are left": ({"after": "4", "limit": 2}, ["6", "8"], False),
    "after the oldest": ({"after": "", "limit": 1}, ["2"], True),
    "after the last": ({"after": "8"}, [], False),
    "after one that is not there": ({"after": "5"}, ["6", "8"], False),
    "before": ({"before": "6"}, ["2", "4"], False),
    "before, limited": ({"before": "8", "limit": 2}, ["4", "6"], True),
    "before, all that are left": ({"before": "6", "limit": 2}, ["2", "4"], False),
    "before the first": ({"before": "2"}, [], False),
    "before one that is not there": ({"before": "5"}, ["2", "4"], False),
    "before nothing": ({"before": ""}, [], False),
    "both": ({"after": "2", "before": "8"}, ["4", "6"], False),
    "both, limited": ({"after": "2", "before": "8", "limit": 1}, ["4"], True),
    "both, nothing between": ({"after": "4", "before": "6"}, [], False),
    "both, crossed": ({"after": "6", "before": "4"}, [], False),
    "since": ({"since": "4"}, ["4", "6", "8"], False),
    "since, limited": ({"since": "4", "limit": 2}, ["6", "8"], True),
    "since and an earlier after": ({"since": "4", "after": "2"}, ["4", "6", "8"], False),
    "since and the same after": ({"since": "4", "after": "4"}, ["6", "8"], False),
    "since and a later after": ({"since": "4", "after": "6"}, ["8"], False),
    "since and after the oldest": ({"since": "4", "after": "", "limit": 1}, ["4"], True),
    "since and before": ({"since": "4", "before": "8", "limit": 2}, ["4", "6"], False),
    "until": ({"until": "6"}, ["2", "4", "6"], False),
    "until, limited": ({"until": "6", "limit": 2}, ["4", "6"], True),
    "until and after": ({"until": "6", "after": "2", "limit": 2}, ["4", "6"], False),
    "until nothing": ({"until": ""}, [], False),
    "no message at all": ({"limit": 0}, [], True),
}


@pytest.mark.parametrize(("fields", "ids", "more"), PAGES.values(), ids=PAGES)
@ensureDeferred
async def test_a_page_holds_what_it_asks_for(
    shelf: Shelf, fields: dict[str, object], ids: list[str], more: bool
) -> None:
    """(R1)"""
    await shelf.keep(*messages(*IDS))
    found = await shelf.page(**fields)
    assert ([each.id for each in found.messages], found.more) == (ids, more)


@ensureDeferred
async def test_a_page_is_of_one_conversation(shelf: Shelf) -> None:
    """(R1)"""
    await shelf.keep(
        message("1"),
        message("2", container_id="carl"),
        message("3", room="den"),
        message("4", container_id="dora"),
        message("5", room="den", container_id="carl"),
        message("6"),
    )
    assert await shelf.ids() == ["1", "6"]
    assert await shelf.ids(container_id="carl") == ["2"]
    assert await shelf.ids(room="den") == ["3"]
    assert await shelf.ids(room="den", container_id="carl") == ["5"]
    assert await shelf.ids(room="nowhere") == []


@ensureDeferred
async def test_what_was_said_leaves_out_what_is_no_word(any_shelf: Shelf) -> None:
    """(D4)"""
    events = ["createContainer", "ordinary", "updateUserInfo", "autoReturn", "ordinary"]
    await any_shelf.keep(
        *(message(str(at), container_id="carl", event=event) for at, event in enumerate(events))
    )
    assert await any_shelf.ids(container_id="carl", said_only=True) == ["1", "3", "4"]


@ensureDeferred
async def test_what_was_said_is_the_newest_of_a_container_from_one_message_to_another(
    any_shelf: Shelf,
) -> None:
    """(D4)"""
    await any_shelf.keep(*messages("1", "2", "3", "4", "5", container_id="carl"))
    asked = {"container_id": "carl", "said_only": True}
    found = await any_shelf.page(**asked, since="2", until="4", limit=2)
    assert ([each.id for each in found.messages], found.more) == (["3", "4"], True)
    found = await any_shelf.page(**asked, since="2", until="4", limit=3)
    assert ([each.id for each in found.messages], found.more) == (["2", "3", "4"], False)
    assert await any_shelf.ids(**asked, limit=0) == []
    assert await any_shelf.ids(container_id="dora", said_only=True) == []
    assert await any_shelf.ids(room="den", **asked) == []


@ensureDeferred
async def test_several_pages_are_answered_in_their_order(any_shelf: Shelf) -> None:
    await any_shelf.keep(message("1", container_id="carl"), message("2", container_id="dora"))
    pages = [page(container_id=id, said_only=True) for id in ("dora", "carl", "emil")]
    kept = await any_shelf.store.commit(Turn(pages=pages))
    assert [[each.id for each in found.messages] for found in kept.pages] == [["2"], ["1"], []]


@pytest.mark.parametrize(
    ("size", "ids"), [(PAGE_SIZE, ["4"]), (PAGE_SIZE // 2, ["3", "4"]), (100_000, ["3", "4"])]
)
@ensureDeferred
async def test_a_page_of_large_messages_has_fewer(any_shelf: Shelf, size: int, ids: list[str]) -> None:
    """(R1) As many as may be held in memory at once."""
    said = (message(id, container_id="carl", content="x" * size) for id in ("1", "2", "3", "4"))
    await any_shelf.keep(*said)
    found = await any_shelf.page(container_id="carl", said_only=True)
    assert ([each.id for each in found.messages], found.more) == (ids, True)


@ensureDeferred
async def test_a_page_of_large_accessories_has_fewer_too(shelf: Shelf) -> None:
    """(R1) From the side that was asked for; and one message is always there."""
    accessory = b'{"file":"%s"}' % (b"x" * (PAGE_SIZE + 1))
    await shelf.keep(*(message(id, type="picture", accessory=accessory) for id in ("1", "2")))
    assert await shelf.ids(after="") == ["1"]
    assert await shelf.ids() == ["2"]
