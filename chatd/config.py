"""The configuration: one TOML file, every key optional, read into frozen typed sections.

A mistake is one line that names the file, the key and what is expected there:

    etc/chatd.toml: heartbeat.interval: expected a number > 0, got "x"
"""

import json
import re
import tomllib
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from chatd.addresses import checked_chat, checked_networks, checked_pages, checked_url
from chatd.notices import IN_TEXT, OUT_TEXT, checked_template


class ConfigError(Exception):
    """A mistake of the operator's, in one line."""


MOST = 1_000_000_000
"""Seconds, days, whatever: what is more, infinity too, can be reckoned with nowhere."""
_BARE_KEY = re.compile("[A-Za-z0-9_-]+")


class Secret(str):
    """A text that no repr shows."""

    def __repr__(self) -> str:
        return "<secret>"


Count = Annotated[int, Meta(ge=0, description="a whole number >= 0")]
Positive = Annotated[int, Meta(ge=1, description="a whole number > 0")]
AboveZero = Annotated[float, Meta(gt=0, description="a number > 0")]
AtLeastZero = Annotated[float, Meta(ge=0, description="a number >= 0")]
Flag = Annotated[bool, Meta(description="true or false")]
Text = Annotated[str, Meta(description="a text")]
Texts = Annotated[tuple[str, ...], Meta(description="a list of texts")]
SecretText = Annotated[str, Meta(description="a text", extra={"check": Secret})]
Networks = Annotated[
    tuple[str, ...], Meta(description="a list of addresses or networks", extra={"check": checked_networks})
]
Url = Annotated[str, Meta(description="a URL", extra={"check": checked_url})]
UrlOrNone = Annotated[
    str, Meta(description="a URL", extra={"check": lambda text: checked_url(text) if text else ""})
]
PagesUrl = Annotated[str, Meta(description="a URL", extra={"check": checked_pages})]
ChatUrl = Annotated[str, Meta(description="a URL", extra={"check": checked_chat})]
Template = Annotated[str, Meta(description="a text", extra={"check": checked_template})]
TimeFormat = Annotated[
    Literal["iso", "datetime", "epoch_ms"], Meta(description='"iso", "datetime" or "epoch_ms"')
]
Level = Annotated[
    Literal["debug", "info", "warn", "error", "critical"],
    Meta(description='"debug", "info", "warn", "error" or "critical"'),
]


Reported = Annotated[
    tuple[Literal["online", "offline", "createContainer", "addContainer", "removeContainer", "message"], ...],
    Meta(
        description='a list of "online", "offline", "createContainer", "addContainer", "removeContainer", '
        '"message"'
    ),
]
Verdict = Annotated[Literal["allow", "deny"], Meta(description='"allow" or "deny"')]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the file; a key that is left out has its default."""


class Server(Section, frozen=True, kw_only=True):
    """``[server]``: where connections come in, and which."""

    listen: Texts = ("tcp:9326",)
    origins: Texts = ()
    no_origin: Flag = True
    max_connections: Count = 20_000
    max_per_address: Count = 0
    max_per_user: Count = 0
    connect_rate: AtLeastZero = 0.0
    connect_burst: Positive = 20
    proxies: Networks = ()
    displace: Flag = False
    drain_seconds: AtLeastZero = 0.0
    direct_send: Flag = True


class Heartbeat(Section, frozen=True, kw_only=True):
    """``[heartbeat]``: when a silent client is given up (H1, H2)."""

    interval: AboveZero = 30.0
    misses: Positive = 3
    reply: Flag = True


class Notices(Section, frozen=True, kw_only=True, rename={"into": "in"}):
    """``[notices]``: the texts of notices, and how times are written (N5, D2)."""

    into: Template = IN_TEXT
    out: Template = OUT_TEXT
    out_all: Template = OUT_TEXT
    time_format: TimeFormat = "iso"
    coalesce_above: Count = 0
    coalesce_window: AboveZero = 1.0


class Limits(Section, frozen=True, kw_only=True):
    """``[limits]``: what one client may cost."""

    message_size: Positive = 65_536
    errors_in_a_row: Positive = 20
    rate: AboveZero = 50.0
    burst: Positive = 200
    send_buffer: Positive = 1_048_576


class Logs(Section, frozen=True, kw_only=True):
    """``[log]``: what is written to the log."""

    level: Level = "info"


class Store(Section, frozen=True, kw_only=True):
    """``[store]``: where messages are kept (M5, M6)."""

    url: Text = "sqlite:chatd.sqlite"
    flush: Flag = False
    keep_days: AtLeastZero = 0.0
    repeat_window: AboveZero = 300.0
    queue: Positive = 10_000


class Containers(Section, frozen=True, kw_only=True):
    """``[containers]``: customers' conversations (K1, D4)."""

    idle_timeout: AboveZero = 1800.0
    deserted_size: Positive = 100_000_000
    replay: Count = 100


class Project(Section, frozen=True, kw_only=True):
    """``[auth.CLIENTTYPE]``: the accounts of one project. Each kind of checker adds its own keys.

    ``rooms``: patterns of the rooms its users may be in; empty for all.
    """

    kind: Text
    rooms: Texts = ()


class Auth(Section, frozen=True, kw_only=True):
    """``[auth]``: who may connect (C3)."""

    anonymous: Flag = True
    default: Text = ""
    failures: Positive = 10
    failures_per_address: Positive = 100
    failure_window: AboveZero = 300.0
    remember: AtLeastZero = 60.0
    timeout: AboveZero = 15.0
    projects: dict[str, Project] = msgspec.field(default_factory=dict, name="")
    """By clientType: in the file, every table below ``[auth]``."""


class Webhook(Section, frozen=True, kw_only=True):
    """``[webhook]``: what the business's backend is told of."""

    url: UrlOrNone = ""
    events: Reported = ("online", "offline", "createContainer", "addContainer", "removeContainer")
    secret: SecretText = Secret("")
    ca_file: Text = ""
    timeout: AboveZero = 5.0
    concurrency: Positive = 8
    retry: AboveZero = 1.0
    retry_most: AboveZero = 60.0
    keep_hours: AboveZero = 72.0
    most: Positive = 1_000_000


class BeforeMessage(Section, frozen=True, kw_only=True):
    """``[before_message]``: what the business's backend is asked before a message is stored."""

    url: UrlOrNone = ""
    secret: SecretText = Secret("")
    ca_file: Text = ""
    timeout: AboveZero = 1.0
    on_failure: Verdict = "allow"
    concurrency: Positive = 64


class Manhole(Section, frozen=True, kw_only=True):
    """``[manhole]``: a Python prompt in the running server, by SSH. Without ``listen`` there is none."""

    listen: Text = ""
    authorized_keys: Text = ""
    host_key: Text = ""


class Admin(Section, frozen=True, kw_only=True):
    """``[admin]``: the HTTP API for who runs the server, and metrics."""

    listen: Text = ""
    token_file: Text = ""


class Web(Section, frozen=True, kw_only=True):
    """``[web]``: the pages for browsers. Without ``listen`` there are none."""

    listen: Text = "tcp:9327:interface=127.0.0.1"
    url: PagesUrl = ""
    websocket: ChatUrl = ""


class Cluster(Section, frozen=True, kw_only=True):
    """``[cluster]``: other nodes that serve the same rooms. Without ``redis`` there are none."""

    redis: SecretText = Secret("")
    name: Text = ""
    lease: AboveZero = 10.0
    wait: AboveZero = 2.0
    prefix: Text = "chatd"


class Config(Section, frozen=True, kw_only=True):
    """The whole file."""

    server: Server = Server()
    heartbeat: Heartbeat = Heartbeat()
    notices: Notices = Notices()
    limits: Limits = Limits()
    log: Logs = Logs()
    store: Store = Store()
    containers: Containers = Containers()
    autoreply: dict[str, Text] = msgspec.field(default_factory=dict)
    admin: Admin = Admin()
    web: Web = Web()
    auth: Auth = Auth()
    webhook: Webhook = Webhook()
    before_message: BeforeMessage = BeforeMessage()
    manhole: Manhole = Manhole()
    cluster: Cluster = Cluster()


def load(path: Path, kinds: Mapping[str, type[Project]] = types.MappingProxyType({})) -> Config:
    """Read a configuration file.

    :param kinds: the keys of a project's table, by its ``kind``.
    :raises ConfigError: with the one line to print.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: the file is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # a number or a nest that is too deep is no TOMLDecodeError
        raise ConfigError(f"{path}: {error}") from None
    try:
        projects = _projects(raw, kinds)
        config: Config = _section(Config, raw, ())
        auth = msgspec.structs.replace(config.auth, projects=projects)
        _check_default(auth)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    return msgspec.structs.replace(config, auth=auth)


def _projects(raw: dict[str, Any], kinds: Mapping[str, type[Project]]) -> Mapping[str, Project]:
    """Take the tables below ``[auth]`` out of what was read."""
    auth = raw.get("auth")
    projects: dict[str, Project] = {}
    if isinstance(auth, dict):
        settings = {field.encode_name for field in msgspec.structs.fields(Auth)}
        tables = [name for name, value in auth.items() if isinstance(value, dict)]
        for name in (name for name in tables if name not in settings):
            projects[name] = _project(auth.pop(name), ("auth", name), kinds)
    return types.MappingProxyType(projects)


def _project(raw: dict[str, Any], path: tuple[str, ...], kinds: Mapping[str, type[Project]]) -> Project:
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        known = " or ".join(f'"{known}"' for known in sorted(kinds))
        raise ConfigError(f"{_dotted((*path, 'kind'))}: expected {known}, got {_shown(kind)}")
    project: Project = _section(kinds[kind], raw, path)
    return project


def _check_default(auth: Auth) -> None:
    if auth.default and auth.default not in auth.projects:
        expected = "expected the name of a table below [auth]"
        raise ConfigError(f"auth.default: {expected}, got {_shown(auth.default)}")


def _section(kind: type[msgspec.Struct], raw: object, path: tuple[str, ...]) -> Any:
    """A table as a section, key by key, so that a mistake's key is known."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{_dotted(path)}: expected a table, got {_shown(raw)}")
    types_of = get_type_hints(kind, include_extras=True)
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(kind) if field.encode_name}
    for key in raw:
        if key not in fields:
            raise ConfigError(f"{_dotted((*path, key))}: unknown key; known here: {', '.join(fields)}")
    values = {fields[key]: _value(types_of[fields[key]], value, (*path, key)) for key, value in raw.items()}
    for field in msgspec.structs.fields(kind):
        if field.required and field.name not in values:
            raise ConfigError(f"{_dotted((*path, field.encode_name))}: is required")
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
    if isinstance(value, float) and value > MOST:
        raise ConfigError(f"{_dotted(path)}: expected a number of at most {MOST:,}, got {_shown(raw)}")
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
