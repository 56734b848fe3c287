"""What nodes ask each other, and what becomes of it if one does not answer."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from chatd.cluster import wire
from chatd.cluster.calls import Calls, NoAnswer, Refused


class Desk:
    """A node's calls, on a line that delivers at once, encoded as it would be."""

    def __init__(self, clock: Clock, desks: dict[str, "Desk"], name: str) -> None:
        self.me = name
        self._desks = desks
        self.is_deaf = False
        self._looks = 0
        self.calls = Calls(clock, self, 2.0, self.look)
        desks[name] = self

    async def look(self) -> None:
        """From the first look on it knows the others."""
        self._looks += 1

    @property
    def alive(self) -> frozenset[str]:
        return frozenset(self._desks if self._looks else (self.me,))

    def post(self, node: str, message: wire.ToNode) -> None:
        """To another desk."""
        desk = self._desks.get(node)
        if desk is not None and not desk.is_deaf:
            (decoded,) = wire.decode_to_node(wire.encode([message]))
            assert isinstance(decoded, wire.Call | wire.Answer)
            desk.calls.take(decoded)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desks(clock: Clock) -> dict[str, Desk]:
    """Three nodes, which say who they are and what they are told."""
    desks: dict[str, Desk] = {}
    for name in ("a", "b", "c"):
        desk = Desk(clock, desks, name)
        desk.calls.answers["echo"] = _echo(name)
    return desks


def _echo(name: str) -> Callable[[bytes], bytes]:
    return lambda args: name.encode() + args


def result(asked: "Deferred[Any]") -> Any:
    """What has come of a question: a result or an exception; None if nothing has yet."""
    found: list[Any] = []
    asked.addCallbacks(found.append, lambda failure: found.append(failure.value))
    return found[0] if found else None


def test_a_node_answers_another_and_itself(desks: dict[str, Desk]) -> None:
    assert result(desks["a"].calls.ask("b", "echo", b"?")) == b"b?"
    assert result(desks["a"].calls.ask("a", "echo", b"?")) == b"a?"


def test_all_are_asked_at_once(desks: dict[str, Desk], clock: Clock) -> None:
    assert result(desks["b"].calls.ask_all("echo", b"?")) == [b"a?", b"b?", b"c?"]
    assert clock.getDelayedCalls() == []


def test_an_answer_may_take_its_time(desks: dict[str, Desk], clock: Clock) -> None:
    later: Deferred[bytes] = Deferred()
    desks["b"].calls.answers["later"] = lambda args: later
    asked = desks["a"].calls.ask("b", "later", b"")
    clock.advance(1.9)
    later.callback(b"at last")
    assert result(asked) == b"at last"
    clock.advance(1)


def test_who_does_not_answer_is_named(desks: dict[str, Desk], clock: Clock) -> None:
    desks["b"].is_deaf = True
    asked, all_asked = desks["a"].calls.ask("b", "echo", b""), desks["a"].calls.ask_all("echo", b"")
    clock.advance(1.9)
    assert not asked.called and not all_asked.called
    clock.advance(0.2)
    for failed in (result(asked), result(all_asked)):
        assert isinstance(failed, NoAnswer) and str(failed) == "The node b does not answer."


def test_an_answer_that_comes_too_late_is_of_no_use(desks: dict[str, Desk], clock: Clock) -> None:
    later: Deferred[bytes] = Deferred()
    desks["b"].calls.answers["later"] = lambda args: later
    asked = desks["a"].calls.ask("b", "later", b"")
    clock.advance(2)
    assert isinstance(result(asked), NoAnswer)
    later.callback(b"too late")


def test_a_node_that_is_gone_is_not_waited_for(desks: dict[str, Desk], clock: Clock) -> None:
    desks["b"].is_deaf = desks["c"].is_deaf = True
    lost, waiting = desks["a"].calls.ask("b", "echo", b""), desks["a"].calls.ask("c", "echo", b"")
    desks["a"].calls.gone(frozenset("b"))
    assert str(result(lost)) == "The node b is gone." and not waiting.called
    clock.advance(2)
    assert isinstance(result(waiting), NoAnswer)


def test_a_refusal_is_told(desks: dict[str, Desk]) -> None:
    def refuse(args: bytes) -> bytes:
        raise Refused("The room is not here.")

    desks["b"].calls.answers["refuse"] = refuse
    failed = result(desks["a"].calls.ask("b", "refuse", b""))
    assert isinstance(failed, Refused) and str(failed) == "The room is not here."


def test_what_a_node_does_not_know_it_refuses(desks: dict[str, Desk]) -> None:
    failed = result(desks["a"].calls.ask("b", "fly", b""))
    assert isinstance(failed, Refused) and "'fly'" in str(failed) and "version" in str(failed)


def test_a_bug_in_an_answer_is_in_the_log_and_no_secret(desks: dict[str, Desk], log: list[LogEvent]) -> None:
    def fail(args: bytes) -> bytes:
        raise ValueError("s3cret")

    desks["b"].calls.answers["fail"] = fail
    failed = result(desks["a"].calls.ask("b", "fail", b""))
    assert isinstance(failed, Refused) and "s3cret" not in str(failed)
    assert [event["log_format"] for event in log] == ["a bug in answering another node"]
    log.clear()


def test_who_is_only_told_does_not_answer(desks: dict[str, Desk], clock: Clock) -> None:
    told: list[bytes] = []
    desks["b"].calls.answers["note"] = lambda args: told.append(args) or b""  # type: ignore[func-returns-value]
    desks["a"].calls.tell("b", "note", b"!")
    assert told == [b"!"]
    assert clock.getDelayedCalls() == []
