"""What is typed, evaluated; what comes of it, as text."""

import ast
import reprlib
from collections.abc import Coroutine
from contextlib import redirect_stdout
from io import StringIO
from traceback import format_exception_only
from typing import Any

from twisted.internet.defer import Deferred

from chatd.manhole.tables import LINES, Line, Table

TEXT = 2000  # characters of any other result

_short = reprlib.Repr()
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = _short.maxfrozenset = LINES
_short.maxdeque = _short.maxarray = LINES
_short.maxstring = _short.maxother = _short.maxlong = TEXT


async def evaluate(source: str, namespace: dict[str, Any]) -> str:
    """The value of an expression, and what it printed, as text with its newline; of None, nothing.

    A Deferred or a coroutine is waited for.

    :raises BaseException: whatever the expression raises, or the parser.
    """
    code = compile(source.strip(), "<ssh>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    printed = StringIO()
    with redirect_stdout(printed):
        value = eval(code, namespace)
    value = await resolved(value)
    return printed.getvalue() + ("" if value is None else f"{result(value)}\n")


def is_awaited(value: object) -> bool:
    """Whether a value is not yet the result."""
    return isinstance(value, Deferred | Coroutine)


async def resolved(value: Any) -> Any:
    """A value, or what a Deferred or a coroutine comes to."""
    while is_awaited(value):
        value = await value
    return value


def result(value: object) -> str:
    """A result's repr. Large collections are cut before they are formatted."""
    return repr(value) if isinstance(value, Table | Line) else _short.repr(value)


def last_line(error: BaseException | None) -> str:
    """What a traceback ends with."""
    return format_exception_only(error)[-1].strip()
