"""The log: a level below which nothing is written, and an observer that writes JSON, one line an event.

    twistd -n --logger=chatd.logs.json_observer chatd
"""

import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from zope.interface import implementer

_INTERNAL = ("log_", "message", "time", "system", "isError", "why", "format", "logLevel", "failure")
_encode = msgspec.json.Encoder(enc_hook=repr).encode

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
        """Write one event. JSON escapes control characters, so a line is always one event."""
        level = event.get("log_level")
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(event["log_time"], UTC).isoformat(timespec="milliseconds"),
            "level": level.name if level is not None else "info",
            "logger": event.get("log_namespace", ""),
            "message": formatEvent(event),
        }
        for key, value in event.items():
            if not key.startswith(_INTERNAL):
                line[key] = value if isinstance(value, (str, int, float, bool)) else repr(value)
        failure = event.get("log_failure")
        if failure is not None:
            line["traceback"] = failure.getTraceback()
        self._output.write(_encode(line).decode() + "\n")
        self._output.flush()


def json_observer() -> JsonObserver:
    """For ``twistd --logger``: events go to standard output, which a supervisor collects."""
    return JsonObserver(sys.__stdout__ or sys.stdout)
