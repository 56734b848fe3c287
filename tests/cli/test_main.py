"""``python -m chatd``: help, statuses, and the commands that others have too."""

import pytest

from chatd.__main__ import main
from chatd.checkers.file import parse
from tests.cli.command import run

COMMANDS = ["connect", "tail", "rooms", "check", "passwd"]


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    output = capsys.readouterr().out
    assert all(f"\n    {name} " in output for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert "usage: python -m chatd" in capsys.readouterr().out


def test_tail_says_that_it_is_visible(capsys):
    with pytest.raises(SystemExit):
        main(["tail", "--help"])
    assert "is visible there" in capsys.readouterr().out


def test_without_a_command_it_is_the_help_and_status_2(capsys):
    assert main([]) == 2
    assert "usage: python -m chatd" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nope"], "invalid choice"),
        (["connect"], "required: URL, --room, --user"),
        (["connect", "x", "--room", "", "--user", "u"], "--room: must be 1 to 128 characters long"),
        (["connect", "x", "--room", "r", "--user", "a\x07"], "--user: must not hold a control character"),
        (["connect", "x", "--room", "r", "--user", "u", "--password", "x"], "unrecognized arguments"),
        (["connect", "x", "--room", "r", "--user", "u", "--give-up", "-1"], "expected a number >= 0"),
        (["connect", "http://x", "--room", "r", "--user", "u"], "expected a URL that begins with ws://"),
        (["tail"], "required: ROOM"),
        (["rooms"], "required: --token-file"),
        (["check"], "required: CONFIG"),
        (["passwd"], "required: FILE, ACCOUNT"),
    ],
)
def test_wrong_usage_is_status_2(arguments, why, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert why in capsys.readouterr().err


def test_a_password_in_the_url_is_refused_and_not_quoted(capsys):
    with pytest.raises(SystemExit):
        main(["connect", "ws://x/?account=a&password=s3cret", "--room", "r", "--user", "u"])
    assert "s3cret" not in capsys.readouterr().err


def test_check_says_ok_of_a_sound_file(tmp_path):
    (tmp_path / "c.toml").write_text("[server]\n")
    done = run("check", tmp_path / "c.toml")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ok\n", "")


def test_check_says_in_one_line_what_is_wrong(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text("[heartbeat]\ninterval = 'x'\n")
    done = run("check", path)
    line = f'chatd: {path}: heartbeat.interval: expected a number > 0, got "x"\n'
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_passwd_adds_an_account(tmp_path):
    path = tmp_path / "staff"
    done = run("passwd", path, "ann", "--user-id", "u-1", said="pw\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "added the account\n", "")
    entries, mistakes = parse(path.read_bytes())
    assert (entries["ann"].user_id, mistakes) == ("u-1", [])
