"""What Redis has against a URL, before the server starts; who is away is waited for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import chatd
from chatd.bus.redis import RedisUrl, Script, mistake
from chatd.cluster import scripts
from tests.bus.servers import Server, with_tls
from tests.certificates import Authority
from tests.ports import free_port

Start = Callable[..., Server]

MANUAL = Path(chatd.__file__).parents[1] / "docs" / "operations.rst"
RIGHTS = re.findall(r" (\+[a-z]+)", MANUAL.read_text(encoding="utf-8").partition("user chatd on >")[2][:500])


def found(url: str) -> str | None:
    return mistake(RedisUrl.parse(url), "chatd", 5.0)


def test_nothing_is_wrong_with_one_that_lets_us_in(start: Start) -> None:
    server = start("--requirepass", "right")
    assert found(f"redis://:right@127.0.0.1:{server.port}/1") is None


@pytest.mark.parametrize("login", [":s3cret@", "default:s3cret@", "nobody:s3cret@", ""])
def test_who_is_not_let_in_is_told_so_without_the_password(start: Start, login: str) -> None:
    server = start("--requirepass", "right")
    said = found(f"redis://{login}127.0.0.1:{server.port}")
    assert said is not None and said.startswith(f"Redis at 127.0.0.1:{server.port}: ")
    assert "NOAUTH" in said or "WRONGPASS" in said
    assert "the user and the password" in said
    assert "s3cret" not in said and "\n" not in said


def test_a_password_where_none_is_asked_for_is_a_mistake(start: Start) -> None:
    said = found(f"redis://:s3cret@127.0.0.1:{start().port}")
    assert said is not None and "the user and the password" in said and "s3cret" not in said


def test_a_database_that_is_not_there_is_a_mistake(start: Start) -> None:
    said = found(f"redis://127.0.0.1:{start().port}/99")
    assert said is not None and "number of the database" in said


def test_each_of_the_rights_that_the_manual_lists_is_needed_and_no_other(start: Start) -> None:
    server = start()
    for missing in ("", *RIGHTS):
        rights = [right for right in RIGHTS if right != missing]
        to = ("reset", "on", ">right", "~chatd:*", "&chatd:*", "-@all", *rights)
        assert server.ask("ACL", "SETUSER", "chatd", *to) == "OK"
        said = found(f"redis://chatd:right@127.0.0.1:{server.port}")
        assert (said is not None and "rights" in said) == bool(missing), (missing, said)


def test_the_rights_are_those_that_scripts_need() -> None:
    texts = [value.text for value in vars(scripts).values() if isinstance(value, Script)]
    needed = {f"+{name.lower()}" for text in texts for name in re.findall(r"redis.call\('(\w+)'", text)}
    assert needed and needed <= set(RIGHTS)


@pytest.mark.parametrize("where", [["~others:*", "&chatd:*"], ["~chatd:*", "&others:*"]])
def test_keys_and_channels_must_be_allowed(start: Start, where: list[str]) -> None:
    server = start("--user", "chatd", "on", ">right", *where, "+@all")
    said = found(f"redis://chatd:right@127.0.0.1:{server.port}")
    assert said is not None and "rights" in said


def test_nothing_is_left_behind(start: Start) -> None:
    server = start()
    url = f"redis://127.0.0.1:{server.port}"
    assert found(url) is None
    assert server.ask("DBSIZE") == "0"


def test_one_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    assert found(f"redis://:s3cret@127.0.0.1:{free_port()}") is None
    assert found(f"unix:{tmp_path}/none.sock") is None


def test_it_is_asked_with_tls_and_on_a_socket_too(start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    port = free_port()
    tls = with_tls(authority.issue("localhost"))
    server = start(*tls, "--tls-port", str(port), "--requirepass", "right")
    for password, is_right in (("right", True), ("wrong", False)):
        assert (found(f"rediss://:{password}@localhost:{port}?ca_file={authority.file}") is None) == is_right
        assert (found(f"unix://:{password}@{server.socket}") is None) == is_right
