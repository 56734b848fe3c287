"""What the admin API answers: JSON, or a sentence in JSON about what is wrong."""

import re
from http import HTTPStatus
from typing import Any

import msgspec

JSON = "application/json"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer. ``body`` is what becomes JSON, or bytes of ``content_type``; None: there is none."""

    status: int = 200
    body: Any = None
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    def content(self) -> bytes:
        """The body as it is sent."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else msgspec.json.encode(self.body)


class Error(msgspec.Struct, frozen=True):
    """What every answer with a status of 400 or more holds, but for that of /readyz."""

    error: str
    message: str


class Refusal(Exception):
    """A request that is not done, and has changed nothing.

    :param code: for programs.
    :param sentence: for people.
    """

    def __init__(
        self, status: int, code: str, sentence: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(status, code, sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.headers = headers

    def answer(self) -> Answer:
        """The answer that tells of it."""
        return Answer(status=self.status, body=Error(self.code, self.sentence), headers=self.headers)


def not_found(what: str) -> Refusal:
    """There is no such thing."""
    return Refusal(HTTPStatus.NOT_FOUND, "not_found", f"There is no such {what}.")


def unavailable(code: str, sentence: str) -> Refusal:
    """It cannot be done now."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, code, sentence)


def said_of(error: msgspec.ValidationError) -> str:
    """What msgspec finds wrong, as ``field: what is expected``."""
    what, _, path = str(error).partition(" - at `$")
    what = re.sub(r" \| null|`", "", what).replace("Expected", "expected")
    field = path.strip("`").lstrip(".")
    return f"{field}: {what}." if field else f"{what[:1].upper()}{what[1:]}."
