"""The configuration: one TOML file, every key optional, read into frozen typed sections.

A mistake is one line that names the file, the key and what is expected there:

    etc/chatd.toml: heartbeat.interval: expected a number > 0, got "x"
"""

import json
import re
import tomllib
import types
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from chatd.notices import IN_TEXT, OUT_TEXT, checked_template


class ConfigError(Exception):
    """A mistake of the operator's, in one line."""


_BARE_KEY = re.compile("[A-Za-z0-9_-]+")

_Count = Annotated[int, Meta(ge=0, description="a whole number >= 0")]
_Positive = Annotated[int, Meta(ge=1, description="a whole number > 0")]
_AboveZero = Annotated[float, Meta(gt=0, description="a number > 0")]
_AtLeastZero = Annotated[float, Meta(ge=0, description="a number >= 0")]
_Flag = Annotated[bool, Meta(description="true or false")]
_Text = Annotated[str, Meta(description="a text")]
_Texts = Annotated[tuple[str, ...], Meta(description="a list of texts")]
_Template = Annotated[str, Meta(description="a text", extra={"check": checked_template})]
_TimeFormat = Annotated[
    Literal["iso", "datetime", "epoch_ms"], Meta(description='"iso", "datetime" or "epoch_ms"')
]
_Level = Annotated[
    Literal["debug", "info", "warn", "error", "critical"],
    Meta(description='"debug", "info", "warn", "error" or "critical"'),
]


class _Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file; a key that is left out has its default."""


class Server(_Section, frozen=True, kw_only=True):
    """``[server]``: where connections come in, and which."""

    listen: _Texts = ("tcp:9326",)
    origins: _Texts = ()
    max_connections: _Count = 20_000
    displace: _Flag = False
    direct_send: _Flag = True


class Heartbeat(_Section, frozen=True, kw_only=True):
    """``[heartbeat]``: when a silent client is given up (H1, H2)."""

    interval: _AboveZero = 30.0
    misses: _Positive = 3
    reply: _Flag = True


class Notices(_Section, frozen=True, kw_only=True, rename={"into": "in"}):
    """``[notices]``: the texts of notices, and how times are written (N5, D2)."""

    into: _Template = IN_TEXT
    out: _Template = OUT_TEXT
    out_all: _Template = OUT_TEXT
    time_format: _TimeFormat = "iso"


class Limits(_Section, frozen=True, kw_only=True):
    """``[limits]``: what one client may cost."""

    message_size: _Positive = 65_536
    errors_in_a_row: _Positive = 20
    rate: _AboveZero = 50.0
    burst: _Positive = 200
    send_buffer: _Positive = 1_048_576


class Logs(_Section, frozen=True, kw_only=True):
    """``[log]``: what is written to the log."""

    level: _Level = "info"


class Store(_Section, frozen=True, kw_only=True):
    """``[store]``: where messages are kept (M5, M6)."""

    url: _Text = "sqlite:chatd.sqlite"
    flush: _Flag = False
    keep_days: _AtLeastZero = 0.0
    repeat_window: _AboveZero = 300.0
    queue: _Positive = 10_000


class Containers(_Section, frozen=True, kw_only=True):
    """``[containers]``: customers' conversations (K1, D4)."""

    idle_timeout: _AboveZero = 1800.0
    replay: _Count = 100


class Auth(_Section, frozen=True, kw_only=True):
    """``[auth]``: who may connect (C3)."""

    anonymous: _Flag = True


class Config(_Section, frozen=True, kw_only=True):
    """The whole file."""

    server: Server = Server()
    heartbeat: Heartbeat = Heartbeat()
    notices: Notices = Notices()
    limits: Limits = Limits()
    log: Logs = Logs()
    store: Store = Store()
    containers: Containers = Containers()
    autoreply: dict[str, _Text] = msgspec.field(default_factory=dict)
    auth: Auth = Auth()


def load(path: Path) -> Config:
    """Read a configuration file. :raises ConfigError: with the one line to print."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the file is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # a number or a nest that is too deep is no TOMLDecodeError
        raise ConfigError(f"{path}: {error}") from None
    try:
        config: Config = _section(Config, raw, ())
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return config


def _section(kind: type[msgspec.Struct], raw: object, path: tuple[str, ...]) -> Any:
    """A table as a section, key by key, so that a mistake's key is known."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{_dotted(path)}: expected a table, got {_shown(raw)}")
    types_of = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(kind)}
    for key in raw:
        if key not in fields:
            raise ConfigError(f"{_dotted((*path, key))}: unknown key; known here: {', '.join(fields)}")
    values = {fields[key]: _value(types_of[fields[key]], value, (*path, key)) for key, value in raw.items()}
    return kind(**values)


def _value(kind: Any, raw: object, path: tuple[str, ...]) -> Any:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _section(kind, raw, path)
    if get_origin(kind) is dict:
        if not isinstance(raw, dict):
            raise ConfigError(f"{_dotted(path)}: expected a table, got {_shown(raw)}")
        item = get_args(kind)[1]
        return types.MappingProxyType({key: _value(item, value, (*path, key)) for key, value in raw.items()})
    return _scalar(kind, raw, path)


def _scalar(kind: Any, raw: object, path: tuple[str, ...]) -> Any:
    meta = next(part for part in get_args(kind) if isinstance(part, Meta))
    try:
        value = msgspec.convert(raw, kind)
    except msgspec.ValidationError:
        raise ConfigError(f"{_dotted(path)}: expected {meta.description}, got {_shown(raw)}") from None
    check = (meta.extra or {}).get("check")
    try:
        return value if check is None else check(value)
    except ValueError as error:
        raise ConfigError(f"{_dotted(path)}: {error}, got {_shown(raw)}") from None


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(key if _BARE_KEY.fullmatch(key) else _shown(key) for key in path)


def _shown(raw: object) -> str:
    text = json.dumps(raw, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
