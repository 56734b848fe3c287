"""The log's level, and the log as JSON."""

import io
import json
import math
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from chatd import logs
from chatd.errors import CloseCode
from chatd.logs import JsonObserver, Log, json_observer


def written(event: LogEvent) -> dict[str, Any]:
    """What is written of an event: one line, which is one object."""
    output = io.StringIO()
    JsonObserver(output)({"log_time": 0.25, **event})
    text = output.getvalue()
    assert text.endswith("\n")
    assert text[:-1].isascii() and text[:-1].isprintable()
    line = json.loads(text)
    assert isinstance(line, dict)
    return line


def logged(emit: Any) -> dict[str, Any]:
    """What is written of what a logger says."""
    events: list[LogEvent] = []
    emit(Logger("chatd.example", observer=events.append))
    (event,) = events
    return written(event)


# -- JSON -------------------------------------------------------------------------------------------


def test_an_event_is_an_object_with_time_level_logger_message_and_its_own_fields() -> None:
    event = {
        "log_level": LogLevel.warn,
        "log_namespace": "chatd.example",
        "log_format": "{user!r} came, {count} are here",
        "user": "安",
        "count": 2,
    }
    assert written(event) == {
        "time": "1970-01-01T00:00:00.250+00:00",
        "level": "warn",
        "logger": "chatd.example",
        "message": "'安' came, 2 are here",
        "user": "安",
        "count": 2,
    }


def test_an_event_without_a_level_is_an_info() -> None:
    assert written({})["level"] == "info"


@pytest.mark.parametrize(
    "odd", ["\n", "\r\n", "\x1b[2J", "\x00", "\x7f", "\x85", "\u2028", "\u2029", "\u202e", '"', "\\"]
)
def test_whatever_is_in_a_text_the_event_is_one_line(odd: str) -> None:
    line = written({"log_format": "{user}", "user": f"a{odd}b"})
    assert line["user"] == line["message"] == f"a{odd}b"


def test_a_text_that_is_no_unicode_is_written_all_the_same() -> None:
    assert written({"log_format": "x", "path": "\udcff"})["path"] == "\udcff"


def test_a_field_that_json_does_not_know_is_written_as_its_repr() -> None:
    line = written({"things": {1, 2}, "error": ValueError("no"), "endless": math.inf})
    assert (line["things"], line["error"], line["endless"]) == ("{1, 2}", "ValueError('no')", "inf")


def test_a_field_that_json_knows_is_written_as_it_is() -> None:
    fields = {"flag": True, "nothing": None, "seconds": 1.5, "code": CloseCode.TOO_BIG, "much": 2**70}
    assert written(fields).items() >= {**fields, "code": 1009}.items()


def test_a_field_cannot_pass_for_one_of_the_lines_own() -> None:
    line = written({"log_format": "true", "level": "none", "logger": "nobody"})
    assert (line["level"], line["logger"], line["message"]) == ("info", "", "true")


def test_a_field_that_only_begins_like_one_of_twisteds_is_written() -> None:
    line = written({"message_count": 3, "time_left": 1.5, "message": (), "time": 0.25, "system": "-"})
    assert (line["message_count"], line["time_left"]) == (3, 1.5)
    assert "system" not in line


def test_a_format_that_does_not_fit_its_event_is_no_error() -> None:
    assert "missing" in written({"log_format": "{missing}"})["message"]


def test_a_failure_is_written_with_its_traceback() -> None:
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        line = written({"log_format": "a bug", "log_failure": Failure()})
    assert line["message"] == "a bug"
    assert line["traceback"].startswith("Traceback (most recent call last):\n")
    assert line["traceback"].endswith("RuntimeError: broken\n")


def test_a_loggers_event_is_written_without_what_twisted_keeps_in_it() -> None:
    line = logged(lambda logger: logger.error("{what} broke", what="it"))
    del line["time"]
    assert line == {"level": "error", "logger": "chatd.example", "message": "it broke", "what": "it"}


def test_what_twistd_asks_for_is_an_observer_that_writes_to_standard_output(
    capfd: pytest.CaptureFixture[str],
) -> None:
    observer = json_observer()
    assert verifyObject(ILogObserver, observer)
    observer({"log_time": 0.0, "log_format": "hello"})
    assert json.loads(capfd.readouterr().out)["message"] == "hello"


def test_a_process_without_a_standard_output_of_its_own_has_one_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "__stdout__", None)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    json_observer()({"log_time": 0.0, "log_format": "hello"})
    assert json.loads(sys.stdout.getvalue())["message"] == "hello"  # type: ignore[attr-defined]


# -- the level --------------------------------------------------------------------------------------

LEVELS = ["debug", "info", "warn", "error", "critical"]


@pytest.fixture
def set_level() -> Iterator[Any]:
    """Sets the level for one test."""
    yield logs.set_level
    logs.set_level("info")


def heard(log: Log, events: list[LogEvent]) -> list[str]:
    """The levels at which something comes through."""
    for level in LEVELS:
        log.emit(LogLevel.levelWithName(level), "x")
    return [event["log_level"].name for event in events]


@pytest.mark.parametrize("least", LEVELS)
def test_what_is_below_the_level_is_not_written(set_level: Any, least: str) -> None:
    set_level(least)
    events: list[LogEvent] = []
    assert heard(Log(observer=events.append), events) == LEVELS[LEVELS.index(least) :]


def test_the_level_is_info_where_nothing_is_said() -> None:
    events: list[LogEvent] = []
    assert heard(Log(observer=events.append), events) == LEVELS[1:]


def test_a_failure_is_written_at_every_level(set_level: Any) -> None:
    set_level("critical")
    events: list[LogEvent] = []
    try:
        raise RuntimeError("broken")
    except RuntimeError:
        Log(observer=events.append).failure("a bug")
    assert [event["log_format"] for event in events] == ["a bug"]
