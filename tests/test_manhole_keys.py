"""The manhole's keys, and the one line for each file that will not do."""

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytest.importorskip("twisted.conch.ssh.keys", reason="conch is not installed: pip install 'chatd[manhole]'")

from twisted.conch.ssh.keys import Key

from chatd.errors import StartError
from chatd.manhole.keys import AuthorizedKeys, fingerprint, host_key

PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIONzo8XW6Sy0gTCF4qtNKfnmuSTLRBSjXUV1YF+2jU+R ann@example"
FINGERPRINT = "SHA256:AwH/lqJELjIP++wmvQqHms0TUtqNhYH5xyIz2nSSOhw"  # by ssh-keygen -l


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file of public keys that others may not write."""
    path = tmp_path / "authorized_keys"
    path.write_text(f"# who may come in\n\n{PUBLIC}\n")
    path.chmod(0o644)
    return path


# -- the server's own -------------------------------------------------------------------------------


def test_the_first_time_a_key_is_made_that_nobody_else_may_read(tmp_path):
    before = os.umask(0)
    try:
        key = host_key(str(tmp_path / "host_key"))
    finally:
        os.umask(before)
    assert key.sshType() == b"ssh-ed25519"
    assert (tmp_path / "host_key").stat().st_mode & 0o777 == 0o600


def test_from_then_on_the_key_is_the_same(tmp_path):
    path = str(tmp_path / "host_key")
    assert fingerprint(host_key(path)) == fingerprint(host_key(path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path, mode):
    path = tmp_path / "host_key"
    host_key(str(path))
    path.chmod(mode)
    with pytest.raises(StartError) as refused:
        host_key(str(path))
    assert str(refused.value) == f"manhole.host_key: {path}: others may read it: chmod 600 {path}"


def with_passphrase() -> bytes:
    return Key(Ed25519PrivateKey.generate()).toString("openssh", passphrase="x")


@pytest.mark.parametrize("content", [b"", b"no key", PUBLIC.encode(), with_passphrase()])
def test_a_file_without_a_key_that_can_be_used_is_refused_and_left_as_it_is(tmp_path, content):
    path = tmp_path / "host_key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StartError) as refused:
        host_key(str(path))
    line = f"manhole.host_key: {path}: it holds no private key without a passphrase"
    assert str(refused.value) == line
    assert path.read_bytes() == content


def test_a_key_where_there_is_no_folder_is_refused(tmp_path):
    with pytest.raises(StartError, match=r"manhole.host_key: .*/no/key: No such file or directory"):
        host_key(str(tmp_path / "no" / "key"))


def test_a_key_that_is_a_folder_is_refused(tmp_path):
    with pytest.raises(StartError, match=r"manhole.host_key: .*: Is a directory"):
        host_key(str(tmp_path))


# -- those of operators -----------------------------------------------------------------------------


def test_comments_and_empty_lines_are_no_keys(keys):
    (key,) = AuthorizedKeys(str(keys)).getAuthorizedKeys(b"whoever")
    assert key.toString("openssh").startswith(PUBLIC.rsplit(" ", 1)[0].encode())


def test_the_file_is_read_at_each_login(keys):
    authorized = AuthorizedKeys(str(keys))
    assert len(authorized.getAuthorizedKeys(b"")) == 1
    keys.write_text(f"{PUBLIC}\n{PUBLIC}\n")
    assert len(authorized.getAuthorizedKeys(b"")) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "there is no public key in it"),
        ("# nothing\n", "there is no public key in it"),
        (f"{PUBLIC}\nssh-ed25519 AAAA\n", "line 2: expected a public key, as ssh-ed25519 AAAA…"),
        (f'from="10.0.0.1" {PUBLIC}\n', "line 1: expected a public key, as ssh-ed25519 AAAA…"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "line 1: expected a public key, as ssh-ed25519 AAAA…"),
    ],
)
def test_a_file_that_will_not_do_is_one_line_at_start_and_lets_nobody_in_later(keys, log, content, sentence):
    keys.write_text(content)
    authorized = AuthorizedKeys(str(keys))
    with pytest.raises(StartError) as refused:
        authorized.check()
    assert str(refused.value) == f"manhole.authorized_keys: {keys}: {sentence}"
    assert authorized.getAuthorizedKeys(b"") == []
    assert [event["error"].args[0] for event in log if "error" in event] in ([], [sentence])


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(StartError, match=r"^manhole.authorized_keys: .*/keys: No such file or directory$"):
        AuthorizedKeys(str(tmp_path / "keys")).check()


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_refused(keys, mode):
    keys.chmod(mode)
    with pytest.raises(StartError) as refused:
        AuthorizedKeys(str(keys)).check()
    assert str(refused.value) == f"manhole.authorized_keys: {keys}: others may write it: chmod 600 {keys}"


def test_a_fingerprint_is_written_as_openssh_writes_it():
    assert fingerprint(Key.fromString(PUBLIC, type="public_openssh")) == FINGERPRINT
