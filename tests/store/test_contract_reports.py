"""What every store promises of reports: they are kept with their turn, and wait until they are taken."""

import pytest
from pytest_twisted import ensureDeferred

from chatd.turn import PAGE_SIZE, Turn
from tests.store.conftest import EPOCH, Shelf, message, messages, report


async def keep(shelf: Shelf, *ids: str, **fields: object) -> int:
    """Keep reports, as one turn. :returns: how many were kept."""
    kept = await shelf.store.commit(Turn(reports=[report(id, **fields) for id in ids]))
    return kept.reports


async def waiting(shelf: Shelf, *where: object) -> list[str]:
    """The ids of those that wait."""
    found = await shelf.store.waiting(*(where or (0, 100)))
    return [each.id for each in found.reports]


async def places(shelf: Shelf) -> dict[str, int]:
    """The places of those that wait."""
    found = await shelf.store.waiting(0, 100)
    return {each.id: each.place for each in found.reports}


# -- keeping ----------------------------------------------------------------------------------------


@ensureDeferred
async def test_reports_wait_in_the_order_of_keeping_whatever_their_room_and_time(any_shelf: Shelf) -> None:
    assert await keep(any_shelf, "b", "a") == 2
    await keep(any_shelf, "d", room="den", time=EPOCH - 1)
    await keep(any_shelf, "c", container_id="carl")
    assert await waiting(any_shelf) == ["b", "a", "d", "c"]


@ensureDeferred
async def test_a_report_comes_back_as_it_was(any_shelf: Shelf) -> None:
    await keep(any_shelf, "a", room="den\U0001f642", container_id="carl", body=b'{"x":"\xe8\xaf\xb4\\u0000"}')
    await keep(any_shelf, "b")
    first, second = (await any_shelf.store.waiting(0, 100)).reports
    assert (first.line, first.body) == (("den\U0001f642", "carl"), b'{"x":"\xe8\xaf\xb4\\u0000"}')
    assert (second.line, second.body) == (("lobby", ""), b"{}")
    assert first.place < second.place


@ensureDeferred
async def test_of_a_message_that_repeats_another_nothing_is_told(any_shelf: Shelf) -> None:
    """(M6)"""
    said = [message("1", client_message_id="m"), message("2", client_message_id="m"), message("3")]
    told = [
        report("a", message_id="1"),
        report("b", message_id="2"),
        report("c"),
        report("d", message_id="3"),
    ]
    kept = await any_shelf.store.commit(Turn(messages=said, reports=told))
    assert kept.reports == 3
    assert await waiting(any_shelf) == ["a", "c", "d"]


@ensureDeferred
async def test_a_turn_that_fails_reports_nothing(shelf: Shelf) -> None:
    """(M5)"""
    with pytest.raises(Exception, match=r"(?i)unique"):
        await shelf.store.commit(Turn(messages=messages("1", "1"), reports=[report("a")]))
    assert await waiting(shelf) == []


@ensureDeferred
async def test_reports_of_a_turn_that_failed_though_it_was_kept_are_not_there_twice(shelf: Shelf) -> None:
    """(M5)"""
    await keep(shelf, "a", "b", "c")
    kept = await shelf.store.commit(Turn(unreported=["b", "c", "nobody's"], reports=[report("c")]))
    assert kept.reports == 1
    assert await waiting(shelf) == ["a", "c"]


@ensureDeferred
async def test_reports_wait_over_the_end_of_the_process(shelf: Shelf) -> None:
    await keep(shelf, "a", "b")
    shelf.reopen()
    assert shelf.restored.reports == 2
    assert await waiting(shelf) == ["a", "b"]


@ensureDeferred
async def test_no_place_is_given_twice_so_that_none_is_overlooked(any_shelf: Shelf) -> None:
    await keep(any_shelf, "a")
    before = await places(any_shelf)
    await any_shelf.store.sent(list(before.values()))
    await keep(any_shelf, "b")
    assert (await places(any_shelf))["b"] > before["a"]


@ensureDeferred
async def test_nor_is_it_over_the_end_of_the_process(shelf: Shelf) -> None:
    await keep(shelf, "a")
    before = await places(shelf)
    await shelf.store.sent(list(before.values()))
    shelf.reopen()
    assert shelf.restored.reports == 0
    await keep(shelf, "b")
    assert (await places(shelf))["b"] > before["a"]


# -- reading ----------------------------------------------------------------------------------------


@ensureDeferred
async def test_a_page_has_its_limit_and_says_whether_there_is_more(any_shelf: Shelf) -> None:
    await keep(any_shelf, *"abcde")
    where = await places(any_shelf)
    page = await any_shelf.store.waiting(where["a"], 3)
    assert ([each.id for each in page.reports], page.more) == (["b", "c", "d"], True)
    page = await any_shelf.store.waiting(where["d"], 1)
    assert ([each.id for each in page.reports], page.more) == (["e"], False)
    page = await any_shelf.store.waiting(where["e"], 1)
    assert (page.reports, page.more) == ([], False)


@ensureDeferred
async def test_a_page_of_large_reports_has_fewer_but_one_at_least(any_shelf: Shelf) -> None:
    await keep(any_shelf, "a", "b", "c", body=b" " * (PAGE_SIZE // 2))
    await keep(any_shelf, "d", body=b" " * (PAGE_SIZE + 1))
    pages, after, more = [], 0, True
    while more:
        page = await any_shelf.store.waiting(after, 100)
        pages.append([each.id for each in page.reports])
        after, more = page.reports[-1].place, page.more
    assert pages == [["a", "b"], ["c"], ["d"]]


@ensureDeferred
async def test_a_line_is_read_alone(any_shelf: Shelf) -> None:
    await keep(any_shelf, "a", "b")
    await keep(any_shelf, "c", container_id="carl")
    await keep(any_shelf, "d", room="den")
    await keep(any_shelf, "e")
    after = (await places(any_shelf))["a"]
    assert await waiting(any_shelf, 0, 100, ("lobby", "")) == ["a", "b", "e"]
    assert await waiting(any_shelf, after, 1, ("lobby", "")) == ["b"]
    assert await waiting(any_shelf, 0, 100, ("lobby", "carl")) == ["c"]
    assert await waiting(any_shelf, 0, 100, ("nowhere", "")) == []


# -- forgetting -------------------------------------------------------------------------------------


@ensureDeferred
async def test_what_was_sent_waits_no_more(any_shelf: Shelf) -> None:
    await keep(any_shelf, "a", "b", "c")
    where = await places(any_shelf)
    await any_shelf.store.sent([where["a"], where["c"], 10**9])
    assert await waiting(any_shelf) == ["b"]
    assert await waiting(any_shelf, 0, 100, ("lobby", "")) == ["b"]


@ensureDeferred
async def test_what_is_too_old_is_dropped_a_few_at_a_time(any_shelf: Shelf) -> None:
    for id, time in (("a", 10), ("b", 20), ("c", 30), ("d", 40)):
        await keep(any_shelf, id, time=time)
    where = await places(any_shelf)
    assert await any_shelf.store.drop(40, 0, 2) == [where["a"], where["b"]]
    assert await any_shelf.store.drop(40, 0, 2) == [where["c"]]
    assert await any_shelf.store.drop(40, 0, 2) == []
    assert await waiting(any_shelf) == ["d"]


@ensureDeferred
async def test_of_what_is_too_much_the_oldest_are_dropped(any_shelf: Shelf) -> None:
    await keep(any_shelf, *"abcd")
    where = await places(any_shelf)
    assert await any_shelf.store.drop(0, 3, 2) == [where["a"], where["b"]]
    assert await any_shelf.store.drop(0, 1, 2) == [where["c"]]
    assert await waiting(any_shelf) == ["d"]


@ensureDeferred
async def test_those_that_wait_are_counted(any_shelf: Shelf) -> None:
    assert await any_shelf.store.count_waiting() == 0
    await keep(any_shelf, *"abc")
    await any_shelf.store.sent([(await places(any_shelf))["b"]])
    assert await any_shelf.store.count_waiting() == 2
