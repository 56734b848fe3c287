"""An expression, and what comes of it."""

import sys
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.manhole.evaluation import evaluate, last_line


def come_of(source: str, **names: Any) -> list[Any]:
    """What an expression comes to, once it has."""
    come: list[Any] = []
    Deferred.fromCoroutine(evaluate(source, names)).addBoth(come.append)
    return come


def failed(source: str, **names: Any) -> str:
    """The last line of an expression's traceback."""
    (failure,) = come_of(source, **names)
    assert isinstance(failure, Failure)
    return last_line(failure.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("1 + 1", "2\n"),
        (" 'x' ", "'x'\n"),
        ("None", ""),
        ("print('printed')", "printed\n"),
        ("[print('printed'), 3]", "printed\n[None, 3]\n"),
        ("'你好'", "'你好'\n"),
    ],
)
def test_the_value_of_an_expression_is_its_repr(source: str, text: str) -> None:
    assert come_of(source) == [text]


def test_what_is_printed_does_not_go_to_the_servers_output(capsys: pytest.CaptureFixture[str]) -> None:
    output = sys.stdout
    come_of("print('secret')")
    assert capsys.readouterr().out == ""
    assert sys.stdout is output


def test_a_deferred_is_waited_for() -> None:
    later: Deferred[int] = Deferred()
    come = come_of("later", later=later)
    assert come == []
    later.callback(3)
    assert come == ["3\n"]


def test_a_coroutine_is_waited_for_with_and_without_await() -> None:
    async def three() -> int:
        return 3

    assert come_of("three()", three=three) == ["3\n"]
    assert come_of("await three() + 1", three=three) == ["4\n"]


def test_a_deferred_that_fails_is_an_error() -> None:
    later: Deferred[int] = Deferred()
    (come, _) = come_of("later", later=later), later.errback(ValueError("no"))
    assert last_line(come[0].value) == "ValueError: no"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("1/0", "ZeroDivisionError: division by zero"),
        ("nothing", "NameError: name 'nothing' is not defined"),
        ("x = 1", "SyntaxError: invalid syntax"),
        ("", "SyntaxError: invalid syntax"),
        ("exit()", "SystemExit"),
        ("'\udcff'", "UnicodeEncodeError: "),
    ],
)
def test_an_error_is_the_last_line_of_its_traceback(source: str, line: str) -> None:
    assert failed(source, exit=sys.exit).startswith(line)  # Python's versions differ in the rest
