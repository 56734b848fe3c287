"""The log: a level below which nothing is written, and an observer that writes JSON, one line an event.

    twistd -n --logger=chatd.logs.json_observer chatd
"""

import json
import sys
from datetime import UTC, datetime
from math import isfinite
from typing import TextIO

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from zope.interface import implementer

# What Twisted itself puts into an event, beside what begins with log_.
_INTERNAL = frozenset({"message", "time", "system", "isError", "why", "format", "logLevel", "failure"})

_too_low: frozenset[object] = frozenset({LogLevel.debug})


def set_level(name: str) -> None:
    """Write nothing below a level: ``debug``, ``info``, ``warn``, ``error`` or ``critical``."""
    global _too_low
    least = LogLevel.levelWithName(name)
    _too_low = frozenset(level for level in LogLevel.iterconstants() if level < least)


class Log(Logger):
    """A module's log: ``log = Log()``. A line below the level costs next to nothing."""

    def emit(self, level: object, format: str | None = None, **kwargs: object) -> None:
        """See :class:`twisted.logger.Logger`."""
        if level not in _too_low:
            super().emit(level, format, **kwargs)  # type: ignore[arg-type]


@implementer(ILogObserver)
class JsonObserver:
    """Writes each event as one JSON object with time, level, logger, message and the event's own fields.

    :param output: where the lines go; each is flushed.
    """

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def __call__(self, event: LogEvent) -> None:
        """Write one event. All but printable ASCII is escaped, so a line is one event, whoever reads it."""
        level = event.get("log_level")
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
            "level": level.name if level is not None else "info",
            "logger": event.get("log_namespace", ""),
            "message": formatEvent(event),
        }
        for key, value in event.items():
            if not key.startswith("log_") and key not in _INTERNAL and key not in line:
                line[key] = value if _is_json(value) else repr(value)
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = failure.getTraceback()
        self._output.write(json.dumps(line) + "\n")
        self._output.flush()


def _is_json(value: object) -> bool:
    return isfinite(value) if isinstance(value, float) else value is None or isinstance(value, (str, int))


def json_observer() -> JsonObserver:
    """For ``twistd --logger``: events go to standard output, which a supervisor collects."""
    return JsonObserver(sys.__stdout__ or sys.stdout)
