"""The configuration read again, while everybody stays connected."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import txaio
from twisted.logger import LogEvent, LogLevel

from chatd.checkers.hashes import HASHER
from chatd.config import Auth, BeforeMessage, Config, Limits, Project
from chatd.logs import set_level
from chatd.reload import AT_START, changes
from chatd.tap import Options
from tests.building import Building
from tests.client import Client

MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"


class Operator:
    """Who changes the file, and sends SIGHUP."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "chatd.toml"
        self.accounts = folder / "accounts"
        self.accounts.write_text(f"ann:{HASHER.hash(MD5)}:ann\n")
        self._file.write_text("")
        self._options = Options()
        self._options["config"] = str(self._file)
        self.building = Building(Config(), read=self._options.read)

    def reload(self, text: str) -> str | None:
        """:returns: what was wrong with it."""
        self._file.write_text(text.replace("ACCOUNTS", str(self.accounts)))
        return self.building.house.reload()

    def connect(self, **parameters: str) -> Client:
        """A client that has asked for its handshake."""
        return self.building.connect(**parameters)

    def asks_accounts_of(self, client_type: str) -> bool:
        """Whether there is such a project, by what one who leaves out the password is told."""
        error = self.connect(clientType=client_type, account="ann").frames()[0]
        return bool(error["messageContent"] == "Account and password are required.")


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    operator = Operator(tmp_path)
    monkeypatch.setattr(txaio.config, "loop", operator.building.clock)
    yield operator
    operator.building.house.projects.stopService()
    set_level("info")


def lines(log: list[LogEvent], level: Any) -> list[str]:
    return [event["log_format"].format(**event) for event in log if event["log_level"] is level]


# -- what changes -----------------------------------------------------------------------------------


def test_notices_have_their_new_texts(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    ann.texts()
    assert operator.reload('[notices]\nin = "{name}!"\nout = "{name}?"') is None
    operator.connect(userId="bob", name="Bob").leave()
    assert [frame["messageContent"] for frame in ann.frames()] == ["Bob!", "Bob?"]


def test_a_reply_that_is_new_is_known(operator: Operator) -> None:
    agent, _ = operator.building.conversation()
    agent.ask("addContainer", containerId="carl")
    operator.reload('[autoreply]\nhours = "nine to five"')
    agent.texts()
    agent.ask("autoReturn", messageContent="hours", containerId="carl")
    assert agent.contents() == ["nine to five"]


def test_a_message_may_be_as_long_as_is_allowed_now(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    operator.reload("[limits]\nmessage_size = 100")
    ann.say("x" * 100)
    assert ann.closed == 1009


def test_what_a_backend_puts_in_a_messages_place_may_be_as_long_as_is_allowed_now() -> None:
    config = Config(before_message=BeforeMessage(url="https://shop.example/chat"))
    new = msgspec.structs.replace(config, limits=Limits(message_size=100))
    building = Building(config, read=lambda: new)
    assert building.house.reload() is None
    assert building.factory.verdicts.message_size == 100


def test_an_agent_is_told_as_much_as_is_replayed_now_though_nothing_is_stored(operator: Operator) -> None:
    """(D4)"""
    agent, customer = operator.building.conversation()
    customer.say("before")
    operator.reload("[containers]\nreplay = 150")
    for number in range(149):
        customer.say(str(number))
    agent.texts()
    agent.ask("addContainer", containerId="carl")
    assert agent.contents()[1:] == ["before", *map(str, range(149))]


def test_who_is_connected_may_be_as_fast_as_is_allowed_now(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    operator.reload("[limits]\nrate = 0.001\nburst = 1\nerrors_in_a_row = 1")
    ann.say("one")
    ann.say("two")
    assert ann.closed == 4429


def test_a_foreign_page_is_refused_from_now_on_and_who_is_there_stays(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    operator.reload('[server]\norigins = ["https://shop.example"]\nno_origin = false')
    assert operator.connect(userId="bob").status == 403
    assert ann.is_connected


def test_a_server_is_full_when_there_are_more_than_may_be_now(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    operator.reload("[server]\nmax_connections = 1")
    assert operator.connect(userId="bob").status == 503
    assert ann.is_connected


@pytest.mark.parametrize("limit", ["max_per_address", "max_per_user"])
def test_who_is_there_counts_towards_a_limit_that_is_new(operator: Operator, limit: str) -> None:
    there = [operator.connect(userId="ann"), operator.connect(userId="ann")]
    operator.reload(f"[server]\n{limit} = 2")
    assert operator.connect(userId="ann").closed == 4429
    there[0].leave()
    assert operator.connect(userId="ann").closed is None
    assert operator.connect(userId="ann").closed == 4429
    assert there[1].is_connected


def test_who_was_counted_may_go_when_a_limit_is_no_more(operator: Operator) -> None:
    operator.reload("[server]\nmax_per_address = 1\nmax_per_user = 1")
    ann = operator.connect(userId="ann")
    operator.reload("")
    ann.leave()
    operator.reload("[server]\nmax_per_address = 1\nmax_per_user = 1")
    assert operator.connect(userId="ann").closed is None
    assert operator.connect(userId="ann").closed == 4429


def test_a_silent_client_is_pinged_as_early_as_is_said_now(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    operator.reload("[heartbeat]\ninterval = 1\nmisses = 2")
    operator.building.wait(2.5)
    assert ann.closed == 4408


def test_accounts_that_are_new_are_asked_for(operator: Operator) -> None:
    ann = operator.connect(userId="ann")
    assert operator.asks_accounts_of("shop") is False
    assert operator.reload('[auth]\nanonymous = false\n[auth.shop]\nkind = "file"\npath = "ACCOUNTS"') is None
    assert operator.asks_accounts_of("shop") is True
    assert operator.connect(userId="bob").closed == 4401
    assert ann.is_connected
    operator.reload("")
    assert operator.asks_accounts_of("shop") is False


def test_the_log_has_its_new_level(operator: Operator, log: list[LogEvent]) -> None:
    operator.reload('[log]\nlevel = "error"')
    before = len(log)
    operator.connect(userId="ann")
    assert len(log) == before
    operator.reload("")
    operator.connect(userId="bob")
    assert len(log) > before


# -- what does not ----------------------------------------------------------------------------------

BAD = [
    ("[limits", "Expected ']'"),
    ("[limits]\nrate = 0", "limits.rate: expected a number > 0, got 0"),
    ("[limit]\nrate = 1", "limit: unknown key"),
    ('[auth.shop]\nkind = "file"\npath = "/nowhere"', "auth.shop: /nowhere: No such file"),
    ('[auth.shop]\nkind = "sql"\nurl = "x"\nquery = "SELECT :account"', "auth.shop: url: expected"),
]


@pytest.mark.parametrize(("text", "line"), BAD)
def test_a_file_with_a_mistake_changes_nothing(
    operator: Operator, log: list[LogEvent], text: str, line: str
) -> None:
    operator.reload('[notices]\nin = "{name}!"\n[auth.shop]\nkind = "file"\npath = "ACCOUNTS"')
    trouble = operator.reload('[log]\nlevel = "error"\n' + text)
    assert trouble is not None and line in trouble
    (logged,) = lines(log, LogLevel.error)
    assert logged.startswith("not read again, nothing has changed: ") and line in logged
    assert operator.connect(userId="ann").frames()[0]["messageContent"] == "Ann!"
    assert operator.asks_accounts_of("shop") is True


def test_a_file_that_is_gone_changes_nothing(operator: Operator, tmp_path: Path, log: list[LogEvent]) -> None:
    (tmp_path / "chatd.toml").unlink()
    assert "No such file" in str(operator.building.house.reload())
    assert len(lines(log, LogLevel.error)) == 1


def test_what_is_read_at_start_alone_is_named(operator: Operator, log: list[LogEvent]) -> None:
    operator.reload(
        '[server]\nlisten = ["tcp:1"]\n[store]\nkeep_days = 1\n[limits]\nrate = 9\n[autoreply]\nx = "y"'
    )
    assert lines(log, LogLevel.warn) == ["at the next start, not before: server.listen, store.keep_days"]
    assert "read again; changed: limits.rate, autoreply.x" in lines(log, LogLevel.info)


def test_where_nothing_has_changed_that_is_said(operator: Operator, log: list[LogEvent]) -> None:
    operator.reload("# nothing")
    assert "read again; changed: nothing" in lines(log, LogLevel.info)


AT_ONCE = {
    "server": "origins no_origin max_connections max_per_address max_per_user connect_rate connect_burst "
    "proxies displace drain_seconds",
    "heartbeat": "interval misses reply",
    "notices": "in out out_all coalesce_above coalesce_window",
    "limits": "message_size errors_in_a_row rate burst send_buffer",
    "log": "level",
    "containers": "idle_timeout deserted_size replay",
    "auth": "anonymous default failures failures_per_address failure_window remember timeout",
}


def test_every_key_either_changes_at_once_or_is_named() -> None:
    """A key that is new must be thought of: see AT_START, and ``apply`` in tap.py."""
    for section in msgspec.structs.fields(Config):
        value = getattr(Config(), section.name)
        if isinstance(value, msgspec.Struct) and section.name not in AT_START:
            keys = {field.encode_name for field in msgspec.structs.fields(value)} - {""}
            later = {key for key in keys if f"{section.name}.{key}" in AT_START}
            assert keys - later == set(AT_ONCE[section.name].split()), section.name


def test_a_secret_that_changes_is_named_and_not_told(log: list[LogEvent]) -> None:
    old = Auth(projects={"crm": Project(kind="http"), "shop": Project(kind="file")})
    new = msgspec.structs.replace(old, projects={"crm": Project(kind="sql")})
    assert list(changes(Config(auth=old), Config(auth=new))) == ["auth.crm.kind", "auth.shop"]


def test_a_configuration_of_no_file_is_that_of_the_defaults() -> None:
    assert Options().read() == Config()
