"""Accounts in a file (C3), verified by argon2 in the real threads."""

import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import argon2
import pytest
from pytest_twisted import ensureDeferred
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, LogLevel, formatEvent
from zope.interface.verify import verifyObject

from chatd.accounts import AGENT, Account, Login, Means, Unavailable
from chatd.checkers.file import FileChecker, FileSection
from chatd.checkers.hashes import Hashes
from chatd.interfaces import IAccountChecker
from chatd.passwd import main

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def md5(password: str) -> str:
    """What a client sends for a password."""
    return hashlib.md5(password.encode()).hexdigest()


def line(account: str, password: str, *more: str) -> str:
    """A line of the file."""
    return ":".join((account, CHEAP.hash(md5(password)), *more)) + "\n"


class CountingHashes(Hashes):
    """Hashes that note what they were asked to verify."""

    asked: list[tuple[str | None, str | None]]

    def start(self) -> None:
        self.asked = []
        super().start()

    def verify(self, hash: str | None, password: str, like: str | None = None) -> "Deferred[bool]":
        self.asked.append((hash, like))
        return super().verify(hash, password, like)


@pytest.fixture
def hashes() -> Iterator[CountingHashes]:
    from twisted.internet import reactor

    hashes = CountingHashes(reactor)
    hashes.start()
    yield hashes
    hashes.stop()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def make(path: Path, hashes: CountingHashes) -> Callable[..., FileChecker]:
    """Makes a checker of a file with that content, as it is before its start."""

    def make(*lines: str) -> FileChecker:
        write(path, *lines)
        from twisted.internet import reactor

        return FileChecker(FileSection(kind="file", path=str(path)), Means(reactor, hashes))

    return make


@pytest.fixture
def started(make: Callable[..., FileChecker]) -> Callable[..., FileChecker]:
    """Makes a checker of a file with that content, and starts it."""

    def started(*lines: str) -> FileChecker:
        checker = make(*lines)
        checker.start()
        return checker

    return started


def write(path: Path, *lines: str) -> None:
    """Put a new file in place, as editors and passwd do: no clock's tick is too coarse to tell it apart."""
    new = path.with_suffix(".new")
    new.write_text("".join(lines), encoding="utf-8")
    new.chmod(0o600)
    new.replace(path)


def login(checker: FileChecker, account: str, password: str) -> "Deferred[Account]":
    """Log in as a client does."""
    return checker.requestAvatarId(Login("shop", account, md5(password), "u-1", "127.0.0.1"))


async def is_refused(checker: FileChecker, account: str, password: str) -> bool:
    """Whether a login is refused, as wrong and without a word."""
    try:
        await login(checker, account, password)
    except UnauthorizedLogin as error:
        return type(error) is UnauthorizedLogin and error.args == ()
    return False


def logged(log: list[LogEvent], level: Any) -> list[str]:
    """The lines of a level."""
    return [formatEvent(event) for event in log if event.get("log_level") is level]


def test_it_is_an_account_checker_whose_answer_no_user_id_changes(make):
    checker = make()
    assert verifyObject(IAccountChecker, checker)
    assert checker.by_user is False


@ensureDeferred
async def test_the_right_password_lets_an_account_in_that_is_bound_to_nothing(started):
    assert await login(started(line("ann", "pw")), "ann", "pw") == Account(user_id=None, role="")


@ensureDeferred
async def test_a_wrong_password_is_refused_without_a_word(started):
    assert await is_refused(started(line("ann", "pw")), "ann", "other")


@ensureDeferred
async def test_another_accounts_password_is_wrong(started):
    assert await is_refused(started(line("ann", "pw"), line("bob", "bob's")), "ann", "bob's")


@ensureDeferred
async def test_an_unknown_account_is_refused_as_a_wrong_password_is(started):
    assert await is_refused(started(line("ann", "pw")), "bob", "pw")


@ensureDeferred
async def test_an_unknown_account_costs_the_verification_of_a_hash_of_the_file(started, hashes):
    ann = line("ann", "pw")
    await is_refused(started(ann), "bob", "pw")
    assert hashes.asked == [(None, ann.strip().split(":")[1])]


@ensureDeferred
async def test_where_there_are_no_accounts_nobody_gets_in_and_that_costs_the_same(started, hashes):
    assert await is_refused(started("# none yet\n"), "ann", "pw")
    assert hashes.asked == [(None, None)]


@ensureDeferred
async def test_an_account_is_bound_to_the_user_id_of_its_line(started):
    assert (await login(started(line("ann", "pw", "u-7")), "ann", "pw")).user_id == "u-7"


@ensureDeferred
async def test_an_agents_line_makes_an_agent_bound_or_not(started):
    checker = started(line("ann", "pw", "", AGENT), line("bob", "pw", "u-7", AGENT))
    assert await login(checker, "ann", "pw") == Account(user_id=None, role=AGENT)
    assert await login(checker, "bob", "pw") == Account(user_id="u-7", role=AGENT)


@ensureDeferred
async def test_comments_blank_lines_a_byte_order_mark_and_windows_line_ends_are_allowed(started):
    first = line("安", "密码").replace("\n", "\r\n")
    checker = started("\ufeff# staff\r\n", "\r\n", first, " \t\n", line("bob", "pw"))
    assert await login(checker, "安", "密码") == Account()
    assert await login(checker, "bob", "pw") == Account()


BAD = {
    "no hash": "secret-account\n",
    "no argon2 hash": "secret-account:secret-hash\n",
    "too many fields": line("secret-account", "pw", "", "", ""),
    "no role": line("secret-account", "pw", "", "secret-role"),
    "no account": line("", "pw"),
    "a control character": line("secret-account\0", "pw"),
    "a control character in the userId": line("secret-account", "pw", "u\t"),
    "again": line("ann", "secret"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_line_at_start_is_named_and_what_is_expected_and_nothing_of_it_quoted(make, path, bad):
    checker = make("# staff\n", line("ann", "pw"), BAD[bad])
    with pytest.raises(ValueError, match=r"expected|may not|again; keep one of the two") as caught:
        checker.start()
    message = str(caught.value)
    assert message.startswith(f"{path}: line 3: ")
    assert "secret" not in message and "\n" not in message


def test_the_line_of_the_first_of_two_is_named(make):
    with pytest.raises(ValueError, match="line 3: the account of line 2 again; keep one of the two"):
        make("\n", line("ann", "pw"), line("ann", "pw")).start()


def test_a_line_that_is_no_utf_8_is_a_bad_one(make, path):
    checker = make()
    path.write_bytes(line("ann", "pw").encode() + b"\xe9ve:x\n")
    with pytest.raises(ValueError, match=r": line 2: expected UTF-8 text$"):
        checker.start()


def test_a_missing_file_at_start_is_named_and_what_makes_one(make, path):
    checker = make()
    path.unlink()
    with pytest.raises(ValueError) as caught:
        checker.start()
    assert str(caught.value) == (
        f"{path}: No such file or directory; python -m chatd.passwd makes a file of accounts"
    )


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o640, 0), (0o644, 1), (0o602, 1)])
def test_a_warning_says_at_start_if_others_may_read_or_write_the_file(make, path, log, mode, warnings):
    checker = make(line("ann", "pw"))
    path.chmod(mode)
    checker.start()
    assert len([text for text in logged(log, LogLevel.warn) if str(path) in text]) == warnings


@ensureDeferred
async def test_a_file_that_was_replaced_is_read_again(started, path):
    checker = started(line("ann", "old"), line("bob", "pw"))
    write(path, line("ann", "new"))
    assert await login(checker, "ann", "new") == Account()
    assert await is_refused(checker, "ann", "old")
    assert await is_refused(checker, "bob", "pw")


@ensureDeferred
async def test_a_file_that_was_written_in_place_is_read_again(started, path):
    checker = started(line("ann", "pw"))
    with path.open("a") as file:
        file.write(line("bob", "pw"))
    assert await login(checker, "bob", "pw") == Account()


@ensureDeferred
async def test_a_file_of_the_same_size_and_inode_and_another_time_is_read_again(started, path):
    checker = started(line("ann", "old"))
    before = path.stat()
    path.write_text(line("ann", "new"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    assert await login(checker, "ann", "new") == Account()


@ensureDeferred
async def test_a_file_that_did_not_change_is_not_read_again(started, path, monkeypatch):
    checker = started(line("ann", "pw"))
    reads = []
    monkeypatch.setattr(checker, "_read", lambda: reads.append(1))
    await login(checker, "ann", "pw")
    assert reads == []


@ensureDeferred
async def test_a_bad_line_later_is_left_out_and_logged_once_without_its_content(started, path, log):
    checker = started(line("ann", "pw"))
    write(path, "secret-account:secret-hash\n", line("ann", "pw"), line("bob", "pw"), line("ann", "secret"))
    assert await login(checker, "ann", "pw") == Account()
    assert await login(checker, "bob", "pw") == Account()
    assert await is_refused(checker, "secret-account", "pw")
    assert await is_refused(checker, "ann", "secret")
    first, second = logged(log, LogLevel.error)
    assert first.startswith(f"{path}: line 1 is left out: expected an argon2 hash")
    assert second == f"{path}: line 4 is left out: the account of line 2 again; keep one of the two"
    assert "secret" not in str(log)


@ensureDeferred
async def test_while_the_file_is_gone_nobody_gets_in_and_one_line_says_so(started, path, log):
    checker = started(line("ann", "pw"))
    path.unlink()
    for _ in range(2):
        with pytest.raises(Unavailable, match="No such file or directory"):
            await login(checker, "ann", "pw")
    assert logged(log, LogLevel.error) == [
        f"{path}: No such file or directory: nobody gets in until it can be read"
    ]


@ensureDeferred
async def test_when_the_file_is_back_so_are_the_accounts_even_if_it_is_the_very_same(started, path, log):
    checker = started(line("ann", "pw"))
    away = path.rename(path.with_name("away"))
    with pytest.raises(Unavailable):
        await login(checker, "ann", "pw")
    away.rename(path)
    assert await login(checker, "ann", "pw") == Account()
    assert f"{path}: can be read again" in logged(log, LogLevel.info)


@ensureDeferred
async def test_a_file_that_is_gone_once_more_is_news_once_more(started, path, log):
    checker = started(line("ann", "pw"))
    for _ in range(2):
        away = path.rename(path.with_name("away"))
        with pytest.raises(Unavailable):
            await login(checker, "ann", "pw")
        away.rename(path)
        await login(checker, "ann", "pw")
    assert len(logged(log, LogLevel.error)) == 2


@ensureDeferred
async def test_another_reason_is_news_too(started, path, log):
    checker = started(line("ann", "pw"))
    path.unlink()
    with pytest.raises(Unavailable):
        await login(checker, "ann", "pw")
    path.mkdir()
    with pytest.raises(Unavailable):
        await login(checker, "ann", "pw")
    assert [text.split(": ")[1] for text in logged(log, LogLevel.error)] == [
        "No such file or directory",
        "Is a directory",
    ]


@ensureDeferred
async def test_reload_reads_the_file_at_once(started, path, hashes):
    checker = started(line("ann", "pw"))
    write(path, line("bob", "pw"))
    checker.reload()
    assert await login(checker, "bob", "pw") == Account()


@ensureDeferred
async def test_a_reload_that_fails_for_a_bad_line_keeps_what_there_was(started, path):
    checker = started(line("ann", "pw"))
    before = path.read_text()
    write(path, "bad\n")
    with pytest.raises(ValueError, match="line 1: expected"):
        checker.reload()
    write(path, before)
    assert await login(checker, "ann", "pw") == Account()


def test_a_reload_that_fails_changes_no_account(started, path):
    checker = started(line("ann", "pw"))
    kept = checker._entries
    write(path, "bad\n")
    with pytest.raises(ValueError, match="line 1: expected"):
        checker.reload()
    assert checker._entries is kept and list(kept) == ["ann"]


def test_a_reload_of_a_missing_file_fails_as_start_does(started, path):
    checker = started(line("ann", "pw"))
    path.unlink()
    with pytest.raises(ValueError, match=r"No such file or directory; python -m chatd\.passwd"):
        checker.reload()


@ensureDeferred
async def test_what_passwd_wrote_logs_in(make, path, monkeypatch):
    checker = make()
    monkeypatch.setattr("chatd.passwd.HASHER", CHEAP)
    monkeypatch.setattr(sys, "stdin", io.StringIO("密码\n"))
    assert main([str(path), "ann", "--user-id", "u-7", "--role", AGENT]) == 0
    checker.start()
    assert await login(checker, "ann", "密码") == Account(user_id="u-7", role=AGENT)
    assert await is_refused(checker, "ann", "pw")


@ensureDeferred
async def test_nothing_of_account_or_password_is_logged(started, path, log):
    checker = started(line("secret-account", "pw"), line("bob", "pw"))
    path.chmod(0o604)
    checker.reload()
    await login(checker, "secret-account", "pw")
    await is_refused(checker, "secret-account", "wrong")
    await is_refused(checker, "secret-stranger", "wrong")
    path.unlink()
    with pytest.raises(Unavailable) as caught:
        await login(checker, "secret-account", "pw")
    told = "\n".join(map(str, log)) + str(caught.value)
    assert logged(log, LogLevel.error) != []
    assert not any(word in told for word in ("secret", md5("pw"), md5("wrong"), "argon2id", "u-1"))
