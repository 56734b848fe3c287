"""The token: which file will do, and which request."""

from pathlib import Path

import pytest

from chatd.admin.access import Token

TEXT = "0123456789abcdef"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a token."""
    path = tmp_path / "token"
    path.write_text(TEXT + "\n")
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ([b"Bearer 0123456789abcdef"], True),
        ([b"bearer  0123456789abcdef "], True),
        ([], False),
        ([b""], False),
        ([b"Bearer"], False),
        ([b"Bearer "], False),
        ([b"Bearer 0123456789abcdeF"], False),
        ([b"Bearer 0123456789abcdef0"], False),
        ([b"Bearer 0123456789abcde"], False),
        ([b"Bearer \xff\x00"], False),
        ([b"Basic 0123456789abcdef"], False),
        ([b"0123456789abcdef"], False),
        ([b"Bearer 0123456789abcdef", b"Bearer 0123456789abcdef"], False),
    ],
)
def test_a_request_brings_the_token_in_one_header(file: Path, headers: list[bytes], known: bool) -> None:
    assert Token(file).matches(headers) is known


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o601, 0o644])
def test_a_file_that_others_may_read_or_write_will_not_do(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(ValueError, match=r"others may read or write the token: chmod o= it$"):
        Token(file)


@pytest.mark.parametrize("text", ["", "\n", "short", "0123456789 abcdef", f"{TEXT}\n{TEXT}\n", "é" * 16])
def test_a_file_without_a_token_will_not_do_and_is_not_quoted(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(ValueError) as mistake:
        Token(file)
    expected = "expected one line of 16 or more printable characters, no spaces"
    assert str(mistake.value) == f"{file}: {expected}"


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as mistake:
        Token(tmp_path / "none")
    assert str(mistake.value) == f"{tmp_path / 'none'}: No such file or directory"


def test_a_file_that_is_read_again_and_will_not_do_changes_nothing(file: Path) -> None:
    token = Token(file)
    file.write_text("short")
    with pytest.raises(ValueError):
        token.read()
    assert token.matches([f"Bearer {TEXT}".encode()])


def test_the_new_token_of_a_file_that_is_read_again_replaces_the_old(file: Path) -> None:
    token = Token(file)
    file.write_text("fedcba9876543210")
    token.read()
    assert token.matches([b"Bearer fedcba9876543210"])
    assert not token.matches([f"Bearer {TEXT}".encode()])
