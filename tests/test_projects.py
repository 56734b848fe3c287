"""Projects in the configuration (C3): the house that is built with them, and an operator's mistakes."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import argon2
import pytest

from chatd import build
from chatd.config import Config, ConfigError, load
from chatd.errors import StartError
from chatd.tap import Options
from tests.building import Building
from tests.checkers.accounts import MD5, SlowChecker

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a configuration that a test writes."""

    def read(text: str) -> Config:
        file = tmp_path / "c.toml"
        file.write_text(text, encoding="utf-8")
        return load(file, {name: kind.Section for name, kind in build.kinds().items()})

    return read


MISTAKES = {
    "[auth.shop]": 'auth.shop.kind: expected "file" or "http" or "sql", got null',
    "[auth.shop]\nkind = 1": 'auth.shop.kind: expected "file" or "http" or "sql", got 1',
    "[auth.shop]\nkind = 'ldap'": 'auth.shop.kind: expected "file" or "http" or "sql", got "ldap"',
    "[auth.shop]\nkind = 'file'": "auth.shop.path: is required",
    "[auth.shop]\nkind = 'file'\nrooms = 'y'": 'auth.shop.rooms: expected a list of texts, got "y"',
    "[auth.shop]\nkind = 'file'\nurl = 'y'": "auth.shop.url: unknown key; known here: kind, rooms, path",
    "[auth.'a b']\nkind = 'file'": 'auth."a b".path: is required',
    "[auth.shop]\nkind = 'http'\nurl = 'http://shop.example'": (
        "auth.shop.url: expected a URL that begins with https://, since secrets are sent there, "
        'got "http://shop.example"'
    ),
    "[auth.shop]\nkind = 'sql'\nurl = 7": "auth.shop.url: expected a text, got 7",
    "[auth]\ndefault = 'shop'": 'auth.default: expected the name of a table below [auth], got "shop"',
    "[auth.anonymous]\nkind = 'file'": 'auth.anonymous: expected true or false, got {"kind": "file"}',
    "auth = 1": "auth: expected a table, got 1",
    "[server]\nproxies = ['localhost']": (
        'server.proxies: expected "127.0.0.1", "10.0.0.0/8", "unix" or the like: '
        "'localhost' does not appear to be an IPv4 or IPv6 network, got [\"localhost\"]"
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_with_file_key_and_what_is_expected(read, tmp_path, text):
    with pytest.raises(ConfigError) as mistake:
        read(text)
    assert str(mistake.value) == f"{tmp_path / 'c.toml'}: {MISTAKES[text]}"


def test_a_project_is_read_with_the_keys_of_its_kind(read):
    auth = read('[auth]\nanonymous = false\n[auth.shop]\nkind = "file"\npath = "x"\nrooms = ["a*"]\n').auth
    assert auth.anonymous is False
    assert (auth.projects["shop"].path, auth.projects["shop"].rooms) == ("x", ("a*",))


def test_no_repr_of_the_configuration_tells_a_secret(read):
    config = read('[auth.shop]\nkind = "http"\nurl = "https://shop.example"\nsecret = "hush"\n')
    assert config.auth.projects["shop"].secret == "hush"
    assert "hush" not in repr(config)


def test_a_house_refuses_a_login_of_its_file(read, tmp_path):
    (tmp_path / "accounts").write_text(f"ann:{CHEAP.hash(MD5)}\n")
    building = Building(read(f'[auth.shop]\nkind = "file"\npath = "{tmp_path / "accounts"}"\n'))
    client = building.connect(clientType="shop", account="ann")
    assert client.closed == 4401
    building.stop()


def test_a_house_does_not_start_with_accounts_that_cannot_be_read(read, tmp_path):
    with pytest.raises(StartError, match=r"^auth\.shop: .*/nothing: No such file or directory; python -m"):
        Building(read(f'[auth.shop]\nkind = "file"\npath = "{tmp_path / "nothing"}"\n'))


def test_a_file_that_cannot_be_read_again_is_named_in_the_log_and_all_is_as_before(read, tmp_path, log):
    accounts = tmp_path / "accounts"
    accounts.write_text("")
    building = Building(read(f'[auth.shop]\nkind = "file"\npath = "{accounts}"\n'))
    accounts.write_text("what is this\n")
    building.house.reload()
    errors = [event for event in log if event["log_level"].name == "error"]
    assert [str(event["error"]) for event in errors] == [
        f"{accounts}: line 1: expected account:hash, account:hash:userId or account:hash:userId:role"
    ]
    building.stop()


def test_installed_packages_bring_further_kinds(monkeypatch):
    mine = EntryPoint("mine", "tests.checkers.accounts:SlowChecker", "chatd.checkers")
    monkeypatch.setattr(build, "entry_points", lambda group: [mine])
    assert build.kinds()["mine"] is SlowChecker


def test_a_kind_that_cannot_be_imported_is_named(monkeypatch, tmp_path, capsys):
    broken = EntryPoint("broken", "nowhere:Checker", "chatd.checkers")
    monkeypatch.setattr(build, "entry_points", lambda group: [broken])
    (tmp_path / "c.toml").write_text("")
    with pytest.raises(SystemExit, match=r"chatd: auth: the kind 'broken', nowhere:Checker: No module"):
        Options().parseOptions(["--config", str(tmp_path / "c.toml")])
