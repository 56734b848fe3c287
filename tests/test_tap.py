"""``twistd chatd``: its options, and the service it makes."""

import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService, MultiService
from twisted.logger import LogEvent
from twisted.python.usage import UsageError
from zope.interface.verify import verifyObject

from chatd import logs
from chatd.config import Config, Heartbeat
from chatd.house import Listener, StartError
from chatd.logs import Log
from chatd.tap import Options, makeService

# -- options ----------------------------------------------------------------------------------------


def parsed(*arguments: str | Path) -> Options:
    """The options of a command line."""
    options = Options()
    options.parseOptions([str(argument) for argument in arguments])
    return options


def refused(*arguments: str | Path) -> object:
    """What a command line that is refused ends in: a text for standard error, and with it status 1."""
    with pytest.raises(SystemExit) as end:
        parsed(*arguments)
    return end.value.code


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration."""

    def write(text: str) -> Path:
        path = tmp_path / "c.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_without_options_everything_is_the_default() -> None:
    assert parsed().configuration == Config()


def test_config_names_the_file(file: Any) -> None:
    path = file("[heartbeat]\nmisses = 7\n")
    assert parsed("--config", path).configuration == Config(heartbeat=Heartbeat(misses=7))
    assert parsed("-c", path).configuration == parsed("--config", path).configuration


def test_check_says_ok_and_ends_well(file: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused("--config", file("[server]\n"), "--check") == 0
    assert capsys.readouterr().out == "ok\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[heartbeat]\ninterval = 'x'", 'heartbeat.interval: expected a number > 0, got "x"'),
        ("[heartbeat]\ninterva = 1", "heartbeat.interva: unknown key; known here: interval, misses, reply"),
        ("[server]\nlisten = []", "server.listen: expected at least one endpoint"),
        (
            "[store]\nurl = 'mysql://chatd:s3cret@db/chatd'",
            'store.url: expected "sqlite:PATH", "postgresql://…" or "none", got "mysql…"',
        ),
        (
            "[server]\nlisten = ['tcp:1', 'udp:2']",
            "server.listen: expected an endpoint such as tcp:9326, got 'udp:2' "
            "(Unknown endpoint type: 'udp')",
        ),
        (
            "[web]\nlisten = 'udp:2'",
            "web.listen: expected an endpoint such as tcp:9326, got 'udp:2' (Unknown endpoint type: 'udp')",
        ),
    ],
)
@pytest.mark.parametrize("more", [(), ("--check",)])
def test_a_mistake_in_the_file_is_one_line(file: Any, text: str, line: str, more: tuple[str, ...]) -> None:
    path = file(text)
    assert refused("--config", path, *more) == f"chatd: {path}: {line}"


def test_a_mistake_in_an_endpoint_of_the_command_line_is_one_line() -> None:
    line = "chatd: --listen: expected an endpoint such as tcp:9326, got 'tcp:http' "
    message = refused("--listen", "tcp:http")
    assert isinstance(message, str)
    assert message.startswith(line)
    assert "\n" not in message


def test_there_are_no_arguments() -> None:
    with pytest.raises(UsageError):
        parsed("9326")


# -- makeService ------------------------------------------------------------------------------------


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gives this process back what makeService changes of it."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    logs.set_level("info")


def listeners(service: MultiService) -> list[str]:
    """Where a house is to listen."""
    return [child.description for child in service if isinstance(child, Listener)]


@pytest.mark.usefixtures("process")
def test_it_makes_a_service_that_listens_on_9326() -> None:
    service = makeService(parsed())
    assert verifyObject(IService, service)
    assert listeners(service) == ["tcp:9326", "tcp:9327:interface=127.0.0.1"]


@pytest.mark.usefixtures("process")
def test_it_listens_where_the_file_says(file: Any) -> None:
    text = '[server]\nlisten = ["tcp:1", "unix:/tmp/x"]\n[web]\nlisten = "tcp:2"\n'
    service = makeService(parsed("--config", file(text)))
    assert listeners(service) == ["tcp:1", "unix:/tmp/x", "tcp:2"]


@pytest.mark.usefixtures("process")
def test_listen_may_be_repeated_and_overrides_the_file(file: Any) -> None:
    path = file('[server]\nlisten = ["tcp:1"]\n[web]\nlisten = ""\n')
    service = makeService(parsed("--config", path, "--listen", "tcp:2", "-l", "unix:/tmp/x"))
    assert listeners(service) == ["tcp:2", "unix:/tmp/x"]


@pytest.mark.usefixtures("process")
def test_it_opens_no_store_before_it_starts(
    file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    makeService(parsed())
    makeService(parsed("--config", file('[store]\nurl = "sqlite:other.sqlite"\n')))
    assert list(tmp_path.glob("*.sqlite")) == []


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(("days", "names"), [("30.0", ["retention"]), ("0", [])])
def test_old_messages_are_deleted_if_the_file_says_so(file: Any, days: str, names: list[str]) -> None:
    service = makeService(parsed("--config", file(f'[store]\nurl = "none"\nkeep_days = {days}\n')))
    assert [child.name for child in service if child.name == "retention"] == names


@pytest.mark.usefixtures("process")
def test_it_takes_as_many_open_files_as_the_system_lets_it() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    makeService(parsed())
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(
    ("connections", "level"), [(0, "info"), (100, "info"), (156, "info"), (157, "warn"), (20_000, "warn")]
)
def test_it_says_how_many_files_may_be_open_and_warns_where_they_do_not_suffice(
    file: Any, monkeypatch: pytest.MonkeyPatch, log: list[LogEvent], connections: int, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (128, 256))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    text = f'[server]\nmax_connections = {connections}\n[web]\nlisten = ""\n'
    makeService(parsed("--config", file(text)))
    (event,) = (event for event in log if "files" in event)
    assert (event["files"], event["max_connections"], event["log_level"].name) == (256, connections, level)


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize(("files", "level"), [(700, "info"), (699, "warn")])
def test_who_looks_at_the_pages_has_files_open_too(
    file: Any, monkeypatch: pytest.MonkeyPatch, log: list[LogEvent], files: int, level: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (128, files))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    makeService(parsed("--config", file("[server]\nmax_connections = 100\n")))
    (event,) = (event for event in log if "files" in event)
    assert event["log_level"].name == level


@pytest.mark.usefixtures("process")
def test_it_sets_the_level_of_the_log(file: Any) -> None:
    makeService(parsed("--config", file('[log]\nlevel = "warn"\n')))
    events: list[LogEvent] = []
    log = Log(observer=events.append)
    log.info("not this")
    log.warn("this")
    assert [event["log_format"] for event in events] == ["this"]


@pytest.mark.usefixtures("process")
def test_a_start_that_cannot_go_on_is_one_line_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    makeService(parsed())
    sys.excepthook(StartError, StartError("Couldn't listen."), None)
    assert capfd.readouterr().err == "chatd: Couldn't listen.\n"


@pytest.mark.usefixtures("process")
def test_any_other_end_shows_where_it_happened(capsys: pytest.CaptureFixture[str]) -> None:
    makeService(parsed())
    try:
        raise RuntimeError("a bug")
    except RuntimeError as error:
        sys.excepthook(type(error), error, error.__traceback__)
    assert "test_tap.py" in capsys.readouterr().err


@pytest.mark.usefixtures("process")
@pytest.mark.parametrize("nodaemon", [True, False])
def test_it_is_a_daemon_unless_twistd_was_told_not_to_be_one(nodaemon: bool) -> None:
    options = parsed()
    options.parent = {"nodaemon": nodaemon}
    assert makeService(options).daemon is not nodaemon
