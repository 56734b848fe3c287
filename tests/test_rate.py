"""How fast one client may speak (C2: 4429)."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.rate import Rate, Rates


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


class Bucket:
    """What Rate is to be: a bucket of tokens, counted exactly."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = Fraction(per_second), burst
        self._tokens, self._at = Fraction(burst), Fraction(0)

    def spend(self, now: Fraction) -> bool:
        """Take a token, if there is one."""
        self._tokens = min(Fraction(self._burst), self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


bursts = st.integers(1, 20)
starts = st.integers(0, 2**31)
# A float holds a sum of such times to the last digit, so there is nothing to forgive.
exact_rates = st.sampled_from([2.0**power for power in range(-3, 8)])
exact_gaps = st.lists(st.integers(0, 2**12).map(lambda gap: gap % 2**7 if gap % 3 else gap), max_size=100)


@given(exact_rates, bursts, starts, exact_gaps)
def test_it_is_a_bucket_of_tokens(per_second, burst, start, gaps):
    times, now = [], Fraction(start)
    for gap in gaps:
        now += Fraction(gap, 128)
        times.append(now)
    bucket = Bucket(per_second, burst)
    expected = [bucket.spend(now) for now in times]
    assert spends(Rate(per_second, burst), [float(now) for now in times]) == expected


@given(st.floats(0.1, 1000), bursts, starts, st.lists(st.floats(0, 10), max_size=100))
def test_at_any_rate_it_is_never_more_than_a_token_off(per_second, burst, start, gaps):
    """A float's last digits may cost a token, no more."""
    times, now = [], float(start)
    for gap in gaps:
        now += gap / per_second
        times.append(now)
    richer, poorer = Bucket(per_second, burst + 1), Bucket(per_second, max(burst - 1, 0))
    taken = spends(Rate(per_second, burst), times)
    assert sum(map(richer.spend, map(Fraction, times))) >= sum(taken)
    assert sum(map(poorer.spend, map(Fraction, times))) <= sum(taken)


# -- many keys --------------------------------------------------------------------------------------


def test_each_key_has_a_rate_of_its_own():
    rates = Rates(Rate(1, 2))
    assert [rates.spend("a", 0.0) for _ in range(3)] == [True, True, False]
    assert rates.spend("b", 0.0)
    assert rates.spend("a", 1.0)


def test_a_key_can_be_charged_more_than_it_has():
    rates = Rates(Rate(1, 2))
    for _ in range(5):
        rates.charge("a", 0.0)
    assert not rates.has("a", 3.9)
    assert rates.has("a", 4.1)
    assert not rates.has("a", 4.1, tokens=2)


def test_keys_at_rest_are_forgotten():
    rates = Rates(Rate(1, 2))
    for number in range(100):
        rates.charge(number, float(number * 10))
    assert len(rates) < 3


def test_no_more_keys_are_kept_than_may_be():
    rates = Rates(Rate(1, 2), most=10)
    for number in range(100):
        rates.charge(number, 0.0)
    assert len(rates) == 10
    assert rates.has(0, 0.0, tokens=2)
    assert not rates.has(99, 0.0, tokens=2)
