"""Adds an account to a file of accounts, or changes or deletes one."""

import argparse
import fcntl
import getpass
import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from chatd.accounts import AGENT, ROLES
from chatd.checkers.file import Entry, checked_account, checked_user_id, parse, parse_line
from chatd.checkers.hashes import HASHER

_MORE = """\
The password is asked for twice; if standard input is no terminal, it is its first line. A running chatd reads
the file again at the next login. The file is made if there is none, for its owner alone; let that be the user
as whom chatd runs. What is not given of an account that is in the file stays as it is.
"""
_NO_TEXT = "the password is not text in this locale's encoding"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. :returns: its status; a mistake in the usage raises SystemExit."""
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.delete and (given.user_id is not None or given.role is not None):
        parser.error("--delete goes with neither --user-id nor --role")
    try:
        account = checked_account(given.account)
        if given.delete:
            print(delete(given.file, account))
        else:
            user_id = None if given.user_id is None else checked_user_id(given.user_id)
            print(put(given.file, account, HASHER.hash(md5(_password())), user_id, given.role))
    except OSError as error:
        return _failed(f"{error.filename or given.file}: {error.strerror}")
    except ValueError as error:
        return _failed(str(error))
    except (EOFError, KeyboardInterrupt):
        return _failed("nothing was changed")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m chatd.passwd", description=__doc__, epilog=_MORE)
    parser.add_argument("file", metavar="FILE", type=Path, help="the path of the project's section")
    parser.add_argument("account", metavar="ACCOUNT", help="as clients send it; case matters")
    parser.add_argument("--user-id", metavar="ID", help='the only userId it may have; "": any')
    parser.add_argument("--role", choices=ROLES, metavar="ROLE", help=f'"{AGENT}" or, for none, ""')
    parser.add_argument("--delete", action="store_true", help="delete the account")
    return parser


def _failed(sentence: str) -> int:
    print(f"chatd.passwd: {sentence}", file=sys.stderr)
    return 1


def _password() -> str:
    if sys.stdin.isatty():
        password = getpass.getpass()
        if getpass.getpass("Again: ") != password:
            raise ValueError("the two passwords differ")
    else:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:  # whose own message quotes a part of it, as that of encoding does
            raise ValueError(_NO_TEXT) from None
    if not password:
        raise ValueError("the password is empty")
    return password


def md5(password: str) -> str:
    """What a client sends for a password (C1). :raises ValueError: if it is not text."""
    try:
        return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
    except UnicodeEncodeError:
        raise ValueError(_NO_TEXT) from None


def put(path: Path, account: str, hash: str, user_id: str | None, role: str | None) -> str:
    """Add an account, or change it (C3); None leaves what there is.

    :returns: what was done.
    :raises ValueError: if the file has bad lines. Nor is it written then, or after an OSError.
    """
    with _alone(path):
        lines, entries = _read(path)
        old = entries.get(account)
        new = Entry(
            account=account,
            hash=hash,
            user_id=user_id if user_id is not None else old.user_id if old else "",
            role=role if role is not None else old.role if old else "",
        )
        if old is None:
            if lines:
                lines[-1] += b"" if lines[-1].endswith((b"\n", b"\r")) else b"\n"
            lines.append(_line(new) + b"\n")
        else:
            place = _place(lines, old)
            end = lines[place][len(lines[place].rstrip(b"\r\n")) :]
            lines[place] = _line(new) + end
        _write(path, lines)
    return "added the account" if old is None else "changed the account"


def delete(path: Path, account: str) -> str:
    """Delete an account; as :func:`put`, and a ValueError also if there is no such account."""
    with _alone(path):
        lines, entries = _read(path)
        if account not in entries:
            raise ValueError(f"{path}: there is no such account")
        del lines[_place(lines, entries[account])]
        _write(path, lines)
    return "deleted the account"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other of these commands changes a file in the directory; make a new name last."""
    directory = os.open(os.path.dirname(os.path.realpath(path)), os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
        os.fsync(directory)
    finally:
        os.close(directory)


def _read(path: Path) -> tuple[list[bytes], dict[str, Entry]]:
    """The lines with their ends, and what they mean."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    entries, mistakes = parse(content)
    for number, expected in mistakes:
        raise ValueError(f"{path}: line {number}: {expected}")
    return content.splitlines(keepends=True), entries


def _place(lines: list[bytes], entry: Entry) -> int:
    return next(place for place, line in enumerate(lines) if parse_line(line.rstrip(b"\r\n")) == entry)


def _line(entry: Entry) -> bytes:
    return ":".join((entry.account, entry.hash, entry.user_id, entry.role)).rstrip(":").encode()


def _write(path: Path, lines: list[bytes]) -> None:
    """Put a new file in the old one's place, with its mode and owner: who reads sees one of them, whole."""
    target = os.path.realpath(path)  # where the path is a link, that stays
    descriptor, new = tempfile.mkstemp(prefix=".passwd-", dir=os.path.dirname(target))
    try:
        with open(descriptor, "wb") as file:
            with suppress(FileNotFoundError):
                old = os.stat(target)
                os.fchown(descriptor, old.st_uid, old.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
            file.write(b"".join(lines))
            file.flush()
            os.fsync(descriptor)
        os.replace(new, target)
    except BaseException:
        os.unlink(new)
        raise


if __name__ == "__main__":
    sys.exit(main())
