"""Which request is whose: paths, what they take, and what they may answer."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from twisted.internet.defer import Deferred

from chatd.admin.answers import JSON, Answer, Refusal, said_of
from chatd.admin.shapes import Query
from chatd.model import checked_id

BODY_LIMIT = 2 * 1024 * 1024
"""Bytes that any body may have."""


class Call(msgspec.Struct, frozen=True):
    """A request that is sound: the names in its path, its query, and its body, also as it came."""

    names: Mapping[str, str]
    query: Any
    body: Any = None
    raw: bytes = b""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A method and a path, ``{name}`` standing for any one segment.

    :param query: a :class:`chatd.admin.shapes.Query`.
    :param body: the type of the JSON body; None: there may be none.
    :param answers: type of the body by status (None: no body), without the errors that many have in common.
    :param misses: whether what is named may not be there (404).
    :param changes: whether it changes something, so that it may not be possible now (503).
    """

    method: str
    path: str
    summary: str
    act: Callable[[Call], Answer | Deferred[Answer]]
    query: type[Query] = Query
    body: Any = None
    answers: Mapping[int, Any]
    misses: bool = False
    changes: bool = False
    needs_token: bool = True
    body_limit: Callable[[], int] = lambda: BODY_LIMIT

    @property
    def segments(self) -> list[str]:
        """The path's."""
        return self.path.split("/")

    @property
    def names(self) -> list[str]:
        """What stands for any segment."""
        return re.findall(r"{(\w+)}", self.path)

    def errors(self) -> Iterator[int]:
        """The statuses with an error's body that it may answer, beside its own."""
        yield HTTPStatus.BAD_REQUEST
        if self.needs_token:
            yield HTTPStatus.UNAUTHORIZED
        if self.misses:
            yield HTTPStatus.NOT_FOUND
        if self.body is not None:
            yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            yield HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            yield HTTPStatus.UNPROCESSABLE_ENTITY
        if self.changes:
            yield HTTPStatus.SERVICE_UNAVAILABLE

    def call(self, names: Mapping[str, str], query: bytes, kinds: Sequence[str], raw: bytes) -> Call:
        """What is asked.

        :param kinds: Content-Type and Content-Encoding, or empty texts.
        :raises Refusal: if it is not sound.
        """
        for name, value in names.items():
            try:
                checked_id(value)
            except ValueError as error:
                raise _bad_parameter(f"{name}: {error}.") from None
        return Call(names, self._query(query), self._body(kinds, raw), raw)

    def _query(self, query: bytes) -> Query:
        try:
            pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=20)
        except ValueError:
            raise _bad_parameter("The query is not percent-encoded UTF-8, or too long.") from None
        given = dict(pairs)
        if len(given) < len(pairs):
            raise _bad_parameter("A parameter is given twice.")
        try:
            return msgspec.convert(given, self.query, strict=False)
        except msgspec.ValidationError as error:
            raise _bad_parameter(said_of(error)) from None

    def _body(self, kinds: Sequence[str], raw: bytes) -> Any:
        if self.body is None:
            if raw:
                raise _bad_parameter("There is nothing to say in a body here.")
            return None
        content_type, content_encoding = kinds
        if content_type.partition(";")[0].strip().lower() != JSON or content_encoding:
            sentence = f"The body must be {JSON}, not compressed."
            raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", sentence)
        try:
            return msgspec.json.decode(raw, type=self.body)
        except msgspec.ValidationError as error:
            raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_body", said_of(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refusal(
                HTTPStatus.BAD_REQUEST, "bad_json", f"The body is not valid JSON: {error}."
            ) from None


class Routes:
    """All of them."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = [(route, route.segments) for route in routes]

    def __iter__(self) -> Iterator[Route]:
        return (route for route, _ in self._routes)

    def find(self, method: str, path: bytes) -> tuple[Route, dict[str, str]]:
        """The route of a request, and the names in its path.

        :param path: as it came, percent-encoded.
        :raises Refusal: 404, 405, or 400 for a path that is not percent-encoded UTF-8.
        """
        try:
            segments = [unquote_to_bytes(segment).decode() for segment in path.split(b"/")]
        except UnicodeDecodeError:
            raise _bad_parameter("The path is not percent-encoded UTF-8.") from None
        allowed = []
        for route, wanted in self._routes:
            names = _matched(wanted, segments)
            if names is not None:
                if method == route.method or (method == "HEAD" and route.method == "GET"):
                    return route, names
                allowed += ["GET", "HEAD"] if route.method == "GET" else [route.method]
        if allowed:
            allow = ", ".join(allowed)
            sentence = f"Only {allow} can be done here."
            raise Refusal(405, "method_not_allowed", sentence, (("Allow", allow),))
        raise Refusal(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")


def too_large(limit: int) -> Refusal:
    """More than a body may have."""
    sentence = f"The body may have at most {limit} bytes."
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", sentence)


def _bad_parameter(sentence: str) -> Refusal:
    return Refusal(HTTPStatus.BAD_REQUEST, "bad_parameter", sentence)


def _matched(wanted: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    if len(wanted) != len(segments):
        return None
    names = {}
    for pattern, segment in zip(wanted, segments, strict=True):
        if pattern.startswith("{") and segment:
            names[pattern[1:-1]] = segment
        elif pattern != segment:
            return None
    return names
