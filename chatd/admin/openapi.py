"""The description of the admin API (OpenAPI 3.1), made of its routes."""

from http import HTTPStatus
from typing import Any

import msgspec

from chatd import __version__
from chatd.admin.answers import JSON, Error
from chatd.admin.routes import Route, Routes
from chatd.admin.shapes import Id

_REF = "#/components/schemas/{name}"
_TEXT = "text/plain"


def describe(routes: Routes) -> dict[str, Any]:
    """The whole description."""
    bodies = [kind for route in routes for kind in _kinds(route)]
    schemas, components = msgspec.json.schema_components([Error, Id, *bodies], ref_template=_REF)
    schema_of = dict(zip([repr(kind) for kind in (Error, Id, *bodies)], schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "chatd's admin API",
            "version": __version__,
            "description": "For who runs the server. Names in paths are percent-encoded UTF-8.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _kinds(route: Route) -> list[Any]:
    kinds = [kind for kind in route.answers.values() if _is_json(kind)]
    return kinds if route.body is None else [*kinds, route.body]


def _is_json(kind: Any) -> bool:
    return kind is not None and kind is not bytes


def _operation(route: Route, schema_of: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.act.__name__,
        "summary": route.summary,
        "parameters": [_name(name, schema_of) for name in route.names] + _query(route),
        "responses": {
            **{str(int(status)): _error(status, schema_of) for status in route.errors()},
            **{str(int(status)): _answer(status, kind, schema_of) for status, kind in route.answers.items()},
        },
    }
    if route.body is not None:
        content = {JSON: {"schema": schema_of[repr(route.body)]}}
        operation["requestBody"] = {"required": True, "content": content}
    if not route.needs_token:
        operation["security"] = []
    return operation


def _name(name: str, schema_of: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema_of[repr(Id)]}


def _query(route: Route) -> list[dict[str, Any]]:
    """The query's parameters."""
    properties = msgspec.json.schema(route.query)["$defs"][route.query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": schema} for name, schema in properties.items()]


def _answer(status: int, kind: Any, schema_of: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if kind is bytes:
        answer["content"] = {_TEXT: {"schema": {"type": "string"}}}
    elif kind is not None:
        answer["content"] = {JSON: {"schema": schema_of[repr(kind)]}}
    return answer


def _error(status: int, schema_of: dict[str, Any]) -> dict[str, Any]:
    answer = _answer(status, Error, schema_of)
    if status == HTTPStatus.UNAUTHORIZED:
        answer["headers"] = {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}
    return answer
