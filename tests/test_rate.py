"""How fast one client may speak (C2: 4429)."""

import pytest

from chatd.rate import Rate


def spends(rate: Rate, times: list[float]) -> list[bool]:
    """Which of some attempts, at these seconds, find a token."""
    spent_until, found = 0.0, []
    for now in times:
        after = rate.spend(spent_until, now)
        found.append(after is not None)
        spent_until = spent_until if after is None else after
    return found


@pytest.mark.parametrize("start", [0.0, 1_000_000.0])
def test_so_many_at_once_and_no_more(start):
    assert spends(Rate(10, 4), [start] * 6) == [True] * 4 + [False] * 2


def test_tokens_come_back_one_by_one():
    assert spends(Rate(2, 2), [0, 0, 0, 0.5, 0.5, 1.0, 1.0]) == [True, True, False, True, False, True, False]


def test_no_more_come_back_than_there_were():
    assert spends(Rate(2, 2), [0, 0, 1000, 1000, 1000]) == [True, True, True, True, False]


def test_an_attempt_in_vain_costs_nothing():
    assert spends(Rate(1, 1), [0, *[0.5] * 100, 1.0]) == [True, *[False] * 100, True]


def test_who_keeps_to_the_rate_is_never_stopped():
    assert all(spends(Rate(4, 1), [number / 4 for number in range(1000)]))
