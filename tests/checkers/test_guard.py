"""What stands before every checker: remembering, checking once, throttling, giving up (C3)."""

from typing import Any

import pytest
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import formatEvent

from chatd.accounts import Account, Login, TooManyFailures, Unavailable
from chatd.checkers.guard import Guard, Throttle
from tests.checkers.accounts import MD5, SlowChecker

OTHER = "0" * 32


class Gate:
    """A guard before a checker that the test answers for."""

    def __init__(self, failures: int = 3, per_address: int = 6, by_user: bool = False) -> None:
        self.clock = Clock()
        self.checker = SlowChecker(by_user)
        throttle = Throttle(failures, per_address, window=60)
        self.guard = Guard("shop", self.checker, self.clock, throttle, remember=30, timeout=15)

    def login(
        self, password: str = MD5, account: str = "ann", user: str = "ann", address: str = "192.0.2.1"
    ) -> list[Any]:
        """Ask. :returns: a list that will hold the account, or the kind of the refusal."""
        outcome: list[Any] = []
        asked: Deferred[Any] = self.guard.requestAvatarId(Login("shop", account, password, user, address))
        asked.addCallbacks(outcome.append, lambda failure: outcome.append(failure.type))
        return outcome

    def fail(self, **login: str) -> None:
        """A wrong login."""
        outcome = self.login(**login)
        self.checker.refuse()
        assert outcome == [UnauthorizedLogin]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_a_right_login_is_remembered_for_a_while(gate):
    gate.login()
    gate.checker.answer(user_id="ann")
    assert gate.login() == [Account(user_id="ann")]
    gate.clock.advance(30)
    assert gate.login() == []
    assert len(gate.checker.logins) == 2


def test_another_password_of_a_remembered_account_is_checked(gate):
    gate.login()
    gate.checker.answer()
    assert gate.login(OTHER) == []
    assert len(gate.checker.logins) == 2


def test_a_wrong_login_is_not_remembered(gate):
    gate.fail()
    assert gate.login() == []
    assert len(gate.checker.logins) == 2


def test_nothing_that_is_remembered_can_be_read(gate):
    gate.login()
    gate.checker.answer()
    assert MD5 not in repr(vars(gate.guard)) and "'ann'" not in repr(vars(gate.guard))


def test_logins_that_are_alike_and_come_together_are_checked_once(gate):
    outcomes = [gate.login() for _ in range(3)]
    assert len(gate.checker.logins) == 1
    gate.checker.answer()
    assert outcomes == [[Account()]] * 3


@pytest.mark.parametrize(("by_user", "checks"), [(True, 2), (False, 1)])
def test_an_answer_holds_for_other_users_if_the_checker_does_not_look_at_them(by_user, checks):
    gate = Gate(by_user=by_user)
    gate.login()
    gate.checker.answer()
    gate.login(user="bob")
    assert len(gate.checker.logins) == checks


def test_after_too_many_failures_of_an_account_it_is_not_checked_any_more(gate):
    for _ in range(3):
        gate.fail()
    assert gate.login(address="198.51.100.9") == [TooManyFailures]
    assert len(gate.checker.logins) == 3


def test_another_account_is_none_the_worse(gate):
    for _ in range(3):
        gate.fail()
    assert gate.login(account="bob") == []


def test_after_too_many_failures_from_an_address_none_of_its_logins_is_checked(gate):
    for number in range(6):
        gate.fail(account=f"account-{number}")
    assert gate.login(account="bob") == [TooManyFailures]
    assert gate.login(account="bob", address="192.0.2.2") == []


def test_ipv6_neighbours_count_as_one(gate):
    for number in range(6):
        gate.fail(account=f"account-{number}", address=f"2001:db8::{number}")
    assert gate.login(account="bob", address="2001:db8::ffff") == [TooManyFailures]
    assert gate.login(account="bob", address="2001:db8:0:1::1") == []


def test_failures_are_forgiven_with_time(gate):
    for _ in range(3):
        gate.fail()
    gate.clock.advance(19)
    assert gate.login() == [TooManyFailures]
    gate.clock.advance(1)
    gate.fail()
    assert gate.login() == [TooManyFailures]


def test_many_guesses_at_once_are_no_more_than_one_after_another(gate):
    outcomes = [gate.login(f"{number:032}") for number in range(9)]
    assert outcomes == [[]] * 3 + [[TooManyFailures]] * 6
    assert len(gate.checker.logins) == 3


def test_who_has_been_remembered_gets_in_while_others_guess(gate):
    gate.login()
    gate.checker.answer()
    for _ in range(3):
        gate.fail(password=OTHER)
    assert gate.login(OTHER) == [TooManyFailures]
    assert gate.login() == [Account()]


def test_a_login_that_could_not_be_checked_is_no_failure(gate):
    for _ in range(9):
        outcome = gate.login()
        gate.checker.fail(Unavailable("away"))
        assert outcome == [Unavailable]
    assert gate.login() == []


def test_a_check_that_takes_too_long_is_given_up(gate, log):
    outcome = gate.login()
    gate.clock.advance(15)
    assert outcome == [Unavailable]
    assert "no answer in 15 seconds" in formatEvent(log[-1])


def test_a_reason_is_logged(gate, log):
    gate.login()
    gate.checker.fail(Unavailable("the endpoint answered 500"))
    assert formatEvent(log[-1]) == "accounts of 'shop' cannot be checked: the endpoint answered 500"


def test_a_bug_is_logged_without_what_its_exception_says(gate, log):
    outcome = gate.login()
    gate.checker.fail(KeyError("ann's password"))
    assert outcome == [Unavailable]
    assert "KeyError" in formatEvent(log[-1])
    assert "ann's password" not in repr(log)


def test_what_was_remembered_is_forgotten_when_the_checker_reads_again(gate):
    gate.login()
    gate.checker.answer()
    gate.guard.reload()
    assert gate.login() == []
    assert gate.checker.calls == ["reload"]


def test_the_checker_starts_and_stops_with_its_guard(gate):
    gate.guard.start()
    gate.guard.stop()
    assert gate.checker.calls == ["start", "stop"]
