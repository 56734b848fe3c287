"""The admin API's section of the configuration: what will do, and the one line where it will not."""

from pathlib import Path
from typing import Any

import pytest

from chatd.admin.door import AdminDoor
from chatd.house import House
from chatd.tap import Options, makeService
from tests.admin.office import TOKEN


@pytest.fixture
def refused(tmp_path: Path) -> Any:
    """Checks an ``[admin]`` section. :returns: what is said of it."""

    def refused(section: str) -> object:
        path = tmp_path / "c.toml"
        path.write_text(f"[admin]\n{section}\n")
        with pytest.raises(SystemExit) as end:
            Options().parseOptions(["--config", str(path), "--check"])
        assert "\n" not in str(end.value.code)
        return str(end.value.code).removeprefix(f"chatd: {path}: ")

    return refused


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A file with a token."""
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


def test_a_place_and_a_token_will_do(refused: Any, token: Path) -> None:
    assert refused(f'listen = "tcp:0"\ntoken_file = "{token}"') == "0"


def test_without_a_place_the_token_is_not_looked_for(refused: Any) -> None:
    assert refused('token_file = "/none"') == "0"


def test_a_place_without_a_token_is_one_line(refused: Any) -> None:
    assert refused('listen = "tcp:0"') == "admin.token_file: is required where admin.listen is set"


def test_a_token_that_is_not_there_is_one_line(refused: Any) -> None:
    line = "admin.token_file: /none: No such file or directory"
    assert refused('listen = "tcp:0"\ntoken_file = "/none"') == line


def test_a_token_that_others_may_read_is_one_line(refused: Any, token: Path) -> None:
    token.chmod(0o644)
    line = f"admin.token_file: {token}: others may read or write the token: chmod o= it"
    assert refused(f'listen = "tcp:0"\ntoken_file = "{token}"') == line


def test_a_place_that_is_none_is_one_line(refused: Any, token: Path) -> None:
    line = "admin.listen: expected an endpoint such as tcp:9326, got 'tcp:http' "
    assert refused(f'listen = "tcp:http"\ntoken_file = "{token}"').startswith(line)


@pytest.mark.parametrize("listen", ["", "tcp:0:interface=127.0.0.1"])
def test_the_door_is_there_if_the_file_says_so(
    tmp_path: Path, token: Path, listen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_raise_file_limit", "_spare_the_garbage_collector"):
        monkeypatch.setattr(f"chatd.tap.{name}", lambda *_: None)
    monkeypatch.setattr("sys.excepthook", None)
    path = tmp_path / "c.toml"
    path.write_text(f'[admin]\nlisten = "{listen}"\ntoken_file = "{token}"\n')
    options = Options()
    options.parseOptions(["--config", str(path)])
    house = makeService(options)
    assert isinstance(house, House)
    doors = [child.description for child in house if isinstance(child, AdminDoor)]
    assert doors == [listen] * bool(listen)
