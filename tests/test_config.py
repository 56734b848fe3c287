"""The configuration file: its defaults, and the one line for each mistake."""

import tomllib
import types
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest

from chatd.config import Config, ConfigError, load

EXAMPLE = Path(__file__).parents[1] / "etc" / "chatd.toml"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Reads a file of a text, which is named c.toml."""
    monkeypatch.chdir(tmp_path)

    def read(text: str | bytes) -> Config:
        path = Path("c.toml")
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(path)

    return read


def sections() -> dict[str, type[msgspec.Struct]]:
    """The tables of the file that have keys of their own."""
    return {
        name: kind
        for name, kind in get_type_hints(Config).items()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    }


def keys(kind: type[msgspec.Struct]) -> list[str]:
    """The keys of a table, as the file writes them."""
    return [field.encode_name for field in msgspec.structs.fields(kind) if field.encode_name]


TOO_MUCH = "a number of at most 1,000,000,000"
EVERY_KEY = [(section, key) for section, kind in sections().items() for key in keys(kind)]


# -- the example ------------------------------------------------------------------------------------


def test_the_example_names_every_key_there_is() -> None:
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    assert list(example) == keys(Config)
    assert [(section, key) for section in sections() for key in example[section]] == EVERY_KEY


def test_the_examples_values_are_the_defaults() -> None:
    assert load(EXAMPLE) == Config()


def test_every_key_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    explained = True
    for line in lines:
        if line.startswith("#"):
            explained = True
        elif line == "" or line.startswith("["):
            explained = False
        else:  # keys that follow each other share an explanation
            assert explained, line


def test_an_empty_file_is_all_defaults(read: Any) -> None:
    assert read("") == Config()


# -- what is said -----------------------------------------------------------------------------------


def test_what_the_file_says_is_what_is_read(read: Any) -> None:
    config = read(
        '[server]\nlisten = ["tcp:1", "tcp:2"]\norigins = ["https://a.example"]\n'
        "max_connections = 0\ndisplace = true\n"
        '[heartbeat]\ninterval = 5\n[notices]\nin = "hello {name}"\ntime_format = "epoch_ms"\n'
        '[autoreply]\nhours = "nine to five"\n"上班" = "九点到五点"\n'
    )
    assert config.server.listen == ("tcp:1", "tcp:2")
    assert config.server.origins == ("https://a.example",)
    assert config.server.max_connections == 0
    assert config.server.displace is True
    assert config.heartbeat.interval == 5.0
    assert config.heartbeat.misses == 3
    assert config.notices.into == "hello {name}"
    assert config.notices.time_format == "epoch_ms"
    assert config.autoreply == {"hours": "nine to five", "上班": "九点到五点"}


@pytest.mark.parametrize(
    ("given", "read_as"),
    [("", ""), ("https://chat.example", "https://chat.example/"), ("http://[::1]:81/", "http://[::1]:81/")],
)
def test_the_address_of_the_pages_ends_with_a_slash(read: Any, given: str, read_as: str) -> None:
    assert read(f'[web]\nurl = "{given}"\n').web.url == read_as


def test_the_address_of_the_chat_may_have_a_path(read: Any) -> None:
    assert read('[web]\nwebsocket = "wss://chat.example/chat"\n').web.websocket == "wss://chat.example/chat"


def test_nothing_in_it_can_be_changed(read: Any) -> None:
    config = read('[autoreply]\nhours = "nine to five"\n')
    assert isinstance(config.autoreply, types.MappingProxyType)
    with pytest.raises(AttributeError):
        config.server.displace = True


# -- mistakes ---------------------------------------------------------------------------------------

SECTIONS = (
    "server, heartbeat, notices, limits, log, store, containers, autoreply, admin, web, auth, webhook, "
    "before_message, manhole, cluster"
)
PLACEHOLDERS = "placeholders are {count}, {name}, {room}, {user}"

MISTAKES = {
    "servers = 1": f"servers: unknown key; known here: {SECTIONS}",
    "[servers]": f"servers: unknown key; known here: {SECTIONS}",
    '"a\\nb" = 1': f'"a\\nb": unknown key; known here: {SECTIONS}',
    "[heartbeat]\nintervall = 1": "heartbeat.intervall: unknown key; known here: interval, misses, reply",
    "[notices]\ninto = 'x'": "notices.into: unknown key; known here: in, out, out_all, time_format, "
    "coalesce_above, coalesce_window",
    "server = 1": "server: expected a table, got 1",
    "[[server]]\ndisplace = true": 'server: expected a table, got [{"displace": true}]',
    "autoreply = 'hello'": 'autoreply: expected a table, got "hello"',
    "[server]\nlisten = 'tcp:9326'": 'server.listen: expected a list of texts, got "tcp:9326"',
    "[server]\norigins = ['a', 1]": 'server.origins: expected a list of texts, got ["a", 1]',
    "[server]\nmax_connections = -1": "server.max_connections: expected a whole number >= 0, got -1",
    "[server]\nmax_connections = 1.0": "server.max_connections: expected a whole number >= 0, got 1.0",
    "[server]\nmax_connections = true": "server.max_connections: expected a whole number >= 0, got true",
    "[server]\ndisplace = 1": "server.displace: expected true or false, got 1",
    "[server]\ndisplace = 'true'": 'server.displace: expected true or false, got "true"',
    "[heartbeat]\ninterval = 'x'": 'heartbeat.interval: expected a number > 0, got "x"',
    "[heartbeat]\ninterval = 0": "heartbeat.interval: expected a number > 0, got 0",
    "[heartbeat]\ninterval = nan": "heartbeat.interval: expected a number > 0, got NaN",
    "[heartbeat]\ninterval = inf": f"heartbeat.interval: expected {TOO_MUCH}, got Infinity",
    "[store]\nrepeat_window = inf": f"store.repeat_window: expected {TOO_MUCH}, got Infinity",
    "[webhook]\nkeep_hours = 1e300": f"webhook.keep_hours: expected {TOO_MUCH}, got 1e+300",
    "[store]\nkeep_days = 1000000001": f"store.keep_days: expected {TOO_MUCH}, got 1000000001",
    "[heartbeat]\ninterval = 2026-11-23": 'heartbeat.interval: expected a number > 0, got "2026-11-23"',
    "[heartbeat]\nmisses = 0": "heartbeat.misses: expected a whole number > 0, got 0",
    "[notices]\nin = 1": "notices.in: expected a text, got 1",
    "[notices]\nin = '{who}'": f'notices.in: {PLACEHOLDERS}, got "{{who}}"',
    "[notices]\nout = '{name.x}'": f'notices.out: {PLACEHOLDERS}, got "{{name.x}}"',
    "[notices]\nout_all = '{name!r:>9}'": f'notices.out_all: {PLACEHOLDERS}, got "{{name!r:>9}}"',
    "[notices]\nin = '{}'": f'notices.in: {PLACEHOLDERS}, got "{{}}"',
    "[notices]\nin = '{'": "notices.in: Single '{' encountered in format string, got \"{\"",
    "[notices]\ntime_format = 'x'": 'notices.time_format: expected "iso", "datetime" or "epoch_ms", got "x"',
    "[log]\nlevel = 'loud'": 'log.level: expected "debug", "info", "warn", "error" or "critical", got "loud"',
    "[webhook]\nurl = 'http://shop.example/'": "webhook.url: expected a URL that begins with https://, since "
    'secrets are sent there, got "http://shop.example/"',
    "[webhook]\nevents = ['online', 'x']": 'webhook.events: expected a list of "online", "offline", '
    '"createContainer", "addContainer", "removeContainer", "message", got ["online", "x"]',
    "[before_message]\nurl = 'x'": "before_message.url: expected a URL such as "
    '"https://shop.example/chat", without a user in it, got "x"',
    "[before_message]\non_failure = 'x'": 'before_message.on_failure: expected "allow" or "deny", got "x"',
    **{
        f"[web]\nurl = '{url}'": f'web.url: expected a URL such as "https://chat.example/", got "{url}"'
        for url in ("chat.example", "ws://chat.example/", "https://", "https://a b/", "https://chat.example/x")
    },
    **{
        f"[web]\nwebsocket = '{url}'": "web.websocket: expected a URL such as "
        f'"wss://chat.example/", got "{url}"'
        for url in ("https://chat.example/", "wss://x;script-src *", "wss://u@x/", "wss://x/?a", "wss://x:y/")
    },
    "[admin]\nlisten = ['tcp:1']": 'admin.listen: expected a text, got ["tcp:1"]',
    "[admin]\ntoken = 'x'": "admin.token: unknown key; known here: listen, token_file",
    "[autoreply]\nhours = 9": "autoreply.hours: expected a text, got 9",
    "[autoreply.hours]\nmonday = 'x'": 'autoreply.hours: expected a text, got {"monday": "x"}',
    "[autoreply]\n'a b' = 9": 'autoreply."a b": expected a text, got 9',
    f"[server]\ndisplace = '{'x' * 99}'": f'server.displace: expected true or false, got "{"x" * 59}…',
    "[server]\ndisplace = 'a\\nb'": 'server.displace: expected true or false, got "a\\\\nb"',
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_file_key_and_what_is_expected(read: Any, text: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        read(text)
    assert str(mistake.value) == f"c.toml: {MISTAKES[text]}"


@pytest.mark.parametrize(("section", "key"), EVERY_KEY)
def test_every_key_refuses_a_value_of_another_kind(read: Any, section: str, key: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        read(f"[{section}]\n{key} = {{}}\n")
    assert str(mistake.value).startswith(f"c.toml: {section}.{key}: expected ")
    assert str(mistake.value).endswith(", got {}")


@pytest.mark.parametrize("text", ["[server", "a", "a = 1\na = 2", "a = [\n1,\n", 'a = "\x1b"', "a = 1979-99"])
def test_what_is_not_toml_is_one_line_with_the_place(read: Any, text: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as error:
        tomllib.loads(text)
    with pytest.raises(ConfigError) as mistake:
        read(text)
    assert str(mistake.value) == f"c.toml: {error.value}"
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize("text", ["a = " + "[" * 5000 + "]" * 5000, "a = " + "1" * 5000])
def test_what_toml_cannot_take_is_one_line(read: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=r"^c\.toml: [^\n]+$"):
        read(text)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(ConfigError) as mistake:
        load(path)
    assert str(mistake.value) == f"{path}: No such file or directory"


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as mistake:
        load(tmp_path)
    assert str(mistake.value) == f"{tmp_path}: Is a directory"


def test_a_file_that_is_not_utf8_is_one_line(read: Any) -> None:
    with pytest.raises(ConfigError) as mistake:
        read("[notices]\nin = 'schön'".encode("latin-1"))
    assert str(mistake.value) == "c.toml: the file is not UTF-8 text"
