"""The log as JSON, one line an event: ``twistd -n --logger=chatd.logs.json_observer chatd``."""

import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec
from twisted.logger import ILogObserver, LogEvent, formatEvent
from zope.interface import implementer

_INTERNAL = ("log_", "message", "time", "system", "isError", "why", "format", "logLevel", "failure")
_encode = msgspec.json.Encoder(enc_hook=repr).encode


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
