"""``python -m chatd.passwd``: in process, as a process with a pipe, and at a terminal."""

import hashlib
import io
import os
import stat
import subprocess
import sys
from pathlib import Path

import argon2
import pytest

from chatd.accounts import AGENT
from chatd.checkers.file import Entry, parse
from chatd.passwd import main

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASH = CHEAP.hash("x").encode()
PATIENCE = 30


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatd.passwd.HASHER", CHEAP)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "accounts"


@pytest.fixture
def passwd(path, monkeypatch):
    """Runs the command on the file, with a password on standard input; returns its status."""

    def passwd(*arguments: str, password: bytes = b"pw\n") -> int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(password), encoding="utf-8"))
        return main([str(path), *arguments])

    return passwd


def entries(path: Path) -> dict[str, Entry]:
    """The accounts of a file without mistakes."""
    found, mistakes = parse(path.read_bytes())
    assert mistakes == []
    return found


def is_password(entry: Entry, password: bytes) -> bool:
    """Whether it is the one of an entry."""
    try:
        return CHEAP.verify(entry.hash, hashlib.md5(password).hexdigest())
    except argon2.exceptions.VerifyMismatchError:
        return False


def mistake(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr."""
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    return captured.err.removesuffix("\n")


def test_a_file_is_made_for_its_owner_alone(passwd, path, capsys):
    assert passwd("ann") == 0
    assert capsys.readouterr().out == "added the account\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(entries(path)) == ["ann"]
    assert path.read_bytes().count(b":") == 1


@pytest.mark.parametrize("sent", ["pw\n", "pw", "pw\r\n", "pw\nmore\n"])
def test_the_password_is_the_first_line_of_standard_input(passwd, path, sent):
    assert passwd("ann", password=sent.encode()) == 0
    assert is_password(entries(path)["ann"], b"pw")


def test_the_hash_is_of_the_md5_of_the_passwords_utf_8(passwd, path):
    assert passwd("安", password="密 码 \n".encode()) == 0
    assert is_password(entries(path)["安"], "密 码 ".encode())


def test_user_id_and_role_are_written(passwd, path):
    assert passwd("ann", "--user-id", "u-7", "--role", AGENT) == 0
    assert passwd("bob", "--role", AGENT) == 0
    found = entries(path)
    assert (found["ann"].user_id, found["ann"].role) == ("u-7", AGENT)
    assert (found["bob"].user_id, found["bob"].role) == ("", AGENT)


def test_a_new_password_replaces_the_old_one_and_keeps_user_id_and_role(passwd, path, capsys):
    passwd("ann", "--user-id", "u-7", "--role", AGENT)
    capsys.readouterr()
    assert passwd("ann", password=b"new\n") == 0
    assert capsys.readouterr().out == "changed the account\n"
    (ann,) = entries(path).values()
    assert (ann.user_id, ann.role) == ("u-7", AGENT)
    assert (is_password(ann, b"new"), is_password(ann, b"pw")) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--user-id", "u-8"), ("u-8", AGENT)),
        (("--user-id", ""), ("", AGENT)),
        (("--role", ""), ("u-7", "")),
        (("--user-id", "", "--role", ""), ("", "")),
    ],
)
def test_what_is_given_changes_and_the_rest_stays(passwd, path, arguments, expected):
    passwd("ann", "--user-id", "u-7", "--role", AGENT)
    assert passwd("ann", *arguments) == 0
    ann = entries(path)["ann"]
    assert (ann.user_id, ann.role) == expected


def content(*, end: bytes = b"\n") -> list[bytes]:
    """Lines of which none but one account's may change."""
    return [
        b"# staff, \xe5\xae\x89\r\n", b"\n", b"ann:" + HASH + b"::\r\n", b"  \n",
        b"bob:" + HASH + b":u-2:agent\n", b"#end" + end,
    ]  # fmt: skip


def test_all_other_lines_stay_to_the_byte_when_one_changes(passwd, path):
    lines = content()
    path.write_bytes(b"".join(lines))
    assert passwd("ann") == 0
    now = path.read_bytes().splitlines(keepends=True)
    assert now[:2] + now[3:] == lines[:2] + lines[3:]
    assert now[2].startswith(b"ann:$argon2id$") and now[2].endswith(b"\r\n") and now[2] != lines[2]


@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_new_account_is_a_line_of_its_own_after_all_others(passwd, path, end):
    path.write_bytes(b"".join(content(end=end)))
    assert passwd("carl") == 0
    now = path.read_bytes().splitlines(keepends=True)
    assert now[:-1] == content()
    assert now[-1].startswith(b"carl:$argon2id$") and now[-1].endswith(b"\n")


def test_delete_takes_one_line_out_and_asks_for_no_password(passwd, path, capsys):
    lines = content()
    path.write_bytes(b"".join(lines))
    assert passwd("bob", "--delete", password=b"") == 0
    assert capsys.readouterr().out == "deleted the account\n"
    assert path.read_bytes() == b"".join(lines[:4] + lines[5:])


@pytest.mark.parametrize("mode", [0o640, 0o600, 0o604])
def test_the_files_mode_stays(passwd, path, mode):
    path.touch()
    path.chmod(mode)
    assert passwd("ann") == 0
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_the_files_owner_stays(passwd, path):
    path.touch()
    os.chown(path, 12, 34)
    assert passwd("ann") == 0
    assert (path.stat().st_uid, path.stat().st_gid) == (12, 34)


def test_who_has_the_old_file_open_goes_on_reading_it_whole(passwd, path):
    before = b"".join(content())
    path.write_bytes(before)
    with path.open("rb") as reader:
        assert passwd("ann") == 0
        assert reader.read() == before


def test_a_link_stays_one_and_the_file_behind_it_changes(passwd, path, tmp_path):
    real = tmp_path / "elsewhere" / "real"
    real.parent.mkdir()
    path.symlink_to(real)
    assert passwd("ann") == 0
    assert path.is_symlink() and list(entries(real)) == ["ann"]


def test_nothing_is_left_beside_the_file(passwd, path, tmp_path):
    passwd("ann"), passwd("ann"), passwd("ann", "--delete")
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_alone_and_nothing_beside_it(
    passwd, path, tmp_path, monkeypatch, capsys
):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    path.write_bytes(b"".join(content()))
    monkeypatch.setattr(os, "fsync", full)
    assert passwd("ann") == 1
    assert mistake(capsys) == f"chatd.passwd: {path}: No space left on device"
    assert path.read_bytes() == b"".join(content())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("account", ["", "#ann", "a:b", "a\nb", "a\0b", "a\x7f", "\ufeffann", "\udcff"])
def test_an_account_that_no_line_can_hold_is_a_mistake(passwd, path, capsys, account):
    assert passwd(account) == 1
    assert mistake(capsys).startswith("chatd.passwd: an account may not be empty")
    assert not path.exists()


@pytest.mark.parametrize("user_id", ["a:b", "a\nb", "\udcff"])
def test_a_user_id_that_no_line_can_hold_is_a_mistake(passwd, path, capsys, user_id):
    assert passwd("ann", "--user-id", user_id) == 1
    assert mistake(capsys) == 'chatd.passwd: a userId may not hold ":" or a control character'
    assert not path.exists()


@pytest.mark.parametrize("sent", [b"", b"\n", b"\r\n"])
def test_an_empty_password_is_a_mistake(passwd, path, capsys, sent):
    assert passwd("ann", password=sent) == 1
    assert mistake(capsys) == "chatd.passwd: the password is empty"
    assert not path.exists()


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_a_password_that_is_no_text_is_a_mistake_and_not_quoted(path, monkeypatch, capsys, errors):
    stdin = io.TextIOWrapper(io.BytesIO(b"p\xffw\n"), encoding="utf-8", errors=errors)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main([str(path), "ann"]) == 1
    assert mistake(capsys) == "chatd.passwd: the password is not text in this locale's encoding"


def test_to_delete_an_account_that_is_not_there_is_a_mistake(passwd, path, capsys):
    path.write_bytes(b"".join(content()))
    assert passwd("carl", "--delete") == 1
    assert mistake(capsys) == f"chatd.passwd: {path}: there is no such account"
    assert path.read_bytes() == b"".join(content())


def test_a_bad_line_is_named_and_the_file_left_alone(passwd, path, capsys):
    path.write_text("# staff\nsecret\n")
    assert passwd("ann") == 1
    message = mistake(capsys)
    assert message.startswith(f"chatd.passwd: {path}: line 2: expected") and "secret" not in message
    assert path.read_text() == "# staff\nsecret\n"


def test_a_directory_that_is_not_there_is_a_mistake(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("pw\n"))
    assert main([str(tmp_path / "none" / "accounts"), "ann"]) == 1
    assert mistake(capsys) == f"chatd.passwd: {tmp_path / 'none'}: No such file or directory"


@pytest.mark.parametrize(
    "arguments", [("--role", "boss"), ("--delete", "--role", AGENT), ("--delete", "--user-id", "")]
)
def test_wrong_usage_changes_nothing(passwd, path, capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        passwd("ann", *arguments)
    assert caught.value.code == 2
    assert "usage: python -m chatd.passwd" in capsys.readouterr().err
    assert not path.exists()


def command(path: Path, *arguments: str) -> list[str]:
    """The command as an operator gives it."""
    return [sys.executable, "-m", "chatd.passwd", str(path), *arguments]


def test_as_a_process_it_takes_the_password_from_a_pipe_and_hashes_as_owasp_asks(path):
    done = subprocess.run(command(path, "ann"), input=b"pw\n", capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"added the account\n", b"")
    ann = entries(path)["ann"]
    assert ann.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$") and is_password(ann, b"pw")


def test_commands_at_the_same_time_lose_no_account(path):
    names = [f"u-{number}" for number in range(4)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command(path, name), stdin=pipe, stdout=pipe) for name in names]
    for process in running:
        process.communicate(b"pw\n", timeout=PATIENCE)
    assert sorted(entries(path)) == names


class Terminal:
    """The command at a terminal of its own, whose every output is noted."""

    def __init__(self, path: Path) -> None:
        self._end, terminal = os.openpty()
        name = os.ttyname(terminal)
        # Who leads a session and opens a terminal has it as its own: where getpass looks for it.
        code = "import os, runpy, sys; os.open(sys.argv.pop(1), os.O_RDWR); "
        code += "runpy.run_module('chatd.passwd', run_name='__main__')"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, name, str(path), "ann"],
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self.shown = b""

    def answer(self, prompt: bytes, text: bytes) -> None:
        """Wait for a prompt, then type."""
        seen = len(self.shown)
        while prompt not in self.shown[seen:]:
            self.shown += os.read(self._end, 1000)
        os.write(self._end, text)

    def wait(self) -> int:
        """Its status, when it has ended."""
        try:
            while more := os.read(self._end, 1000):
                self.shown += more
        except OSError:  # how Linux tells that nobody has the other end any more
            pass
        os.close(self._end)
        return self._process.wait(PATIENCE)


def test_at_a_terminal_it_asks_twice_and_shows_nothing(path):
    terminal = Terminal(path)
    terminal.answer(b"Password: ", "sesam-密\n".encode())
    terminal.answer(b"Again: ", "sesam-密\n".encode())
    assert terminal.wait() == 0
    assert b"added the account" in terminal.shown and b"sesam" not in terminal.shown
    assert is_password(entries(path)["ann"], "sesam-密".encode())


def test_two_answers_that_differ_are_a_mistake(path):
    terminal = Terminal(path)
    terminal.answer(b"Password: ", b"sesam\n")
    terminal.answer(b"Again: ", b"sesame\n")
    assert terminal.wait() == 1
    assert b"chatd.passwd: the two passwords differ" in terminal.shown
    assert not path.exists()


@pytest.mark.parametrize("key", [b"\x03", b"\x04"])
def test_who_thinks_better_of_it_at_the_prompt_changes_nothing(path, key):
    terminal = Terminal(path)
    terminal.answer(b"Password: ", key)
    assert terminal.wait() == 1
    assert b"chatd.passwd: nothing was changed" in terminal.shown
    assert not path.exists()
