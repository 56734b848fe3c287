"""Accounts in a text file (C3), which ``python -m chatd.passwd`` writes. Each line is one account::

    account:argon2-hash-of-the-MD5-of-the-password[:userId[:role]]

Blank lines are allowed, and lines that begin with ``#``. An empty userId: the client may say who it is.
"""

import os
import re
from pathlib import Path
from typing import Any

import msgspec
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, fail, maybeDeferred
from zope.interface import implementer

from chatd.accounts import AGENT, ROLES, Account, Login, Means, Unavailable
from chatd.checkers.hashes import checked_hash
from chatd.config import Project, Text
from chatd.interfaces import IAccountChecker, ILogin
from chatd.logs import Log

log = Log()

_FORM = "expected account:hash, account:hash:userId or account:hash:userId:role"
# What no field can hold: control characters, the separator, a byte order mark, bytes that were no UTF-8.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f:\ufeff\ud800-\udfff]")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line with an account. An empty ``user_id``: it is not bound."""

    account: str
    hash: str
    user_id: str = ""
    role: str = ""


def checked_account(text: str) -> str:
    """An account that a line can hold. :raises ValueError: if none can; the message does not quote it."""
    if not text or text.startswith("#") or _UNFIT.search(text):
        raise ValueError('an account may not be empty, begin with "#", or hold ":" or a control character')
    return text


def checked_user_id(text: str) -> str:
    """A userId that a line can hold, or none. :raises ValueError: as :func:`checked_account` does."""
    if _UNFIT.search(text):
        raise ValueError('a userId may not hold ":" or a control character')
    return text


def parse_line(line: bytes) -> Entry | None:
    """One line, without its end; None if it holds no account.

    :raises ValueError: with what is expected; nothing of the line is quoted.
    """
    try:
        text = line.decode("utf-8-sig")  # editors may write a byte order mark before the first
    except UnicodeDecodeError:
        raise ValueError("expected UTF-8 text") from None
    if not text.strip() or text.startswith("#"):
        return None
    account, separator, rest = text.partition(":")
    hash, *more = rest.split(":")
    if not separator or len(more) > 2:
        raise ValueError(_FORM)
    user_id, role = (*more, "", "")[:2]
    if role not in ROLES:
        raise ValueError(f'expected the role "{AGENT}" or none')
    return Entry(
        account=checked_account(account), hash=checked_hash(hash), user_id=checked_user_id(user_id), role=role
    )


def parse(content: bytes) -> tuple[dict[str, Entry], list[tuple[int, str]]]:
    """A whole file: the entries by account, and of each bad line its number and what is expected there."""
    entries: dict[str, Entry] = {}
    numbers: dict[str, int] = {}
    mistakes = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            entry = parse_line(line)
            if entry is None:
                continue
            if entry.account in entries:
                raise ValueError(f"the account of line {numbers[entry.account]} again; keep one of the two")
        except ValueError as error:
            mistakes.append((number, str(error)))
        else:
            entries[entry.account], numbers[entry.account] = entry, number
    return entries, mistakes


class FileSection(Project, frozen=True, kw_only=True):
    """``[auth.CLIENTTYPE]`` with ``kind = "file"``."""

    path: Text


@implementer(IAccountChecker)
class FileChecker:
    """Checks against a file, which is read again when it has changed."""

    credentialInterfaces = (ILogin,)
    Section = FileSection
    by_user = False

    def __init__(self, section: FileSection, means: Means) -> None:
        self._path = Path(section.path)
        self._hashes = means.hashes
        self._entries: dict[str, Entry] = {}
        self._stamp: tuple[int, ...] = ()
        self._trouble = ""

    def start(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`."""
        if self._load().st_mode & 0o007:
            log.warn("{path}: others may read or write the accounts: chmod o= it", path=str(self._path))

    def reload(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`. The next login reads a file that has changed anyway,
        and leaves its bad lines out."""
        self._load()

    def _load(self) -> os.stat_result:
        try:
            status, content = self._read()
        except OSError as error:
            raise ValueError(
                f"{self._path}: {error.strerror}; python -m chatd.passwd makes a file of accounts"
            ) from None
        entries, mistakes = parse(content)
        for number, expected in mistakes:
            raise ValueError(f"{self._path}: line {number}: {expected}")
        self._take(status, entries)
        return status

    def stop(self) -> None:
        """There is nothing to let go."""

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See :class:`chatd.interfaces.IAccountChecker`. An unknown account costs what a known one does."""
        try:
            self._catch_up()
        except OSError as error:
            return fail(Unavailable(self._cannot_be_read(error)))
        entry = self._entries.get(login.account)
        if entry is None:
            like = next((other.hash for other in self._entries.values()), None)
            checked = maybeDeferred(self._hashes.verify, None, login.password, like=like)
        else:
            checked = maybeDeferred(self._hashes.verify, entry.hash, login.password)
        return checked.addCallback(_answer, entry)

    def _catch_up(self) -> None:
        """Read the file again if it is not the one that was read. :raises OSError: if nobody can."""
        if _stamp(os.stat(self._path)) == self._stamp and not self._trouble:
            return
        status, content = self._read()
        entries, mistakes = parse(content)
        for number, expected in mistakes:
            log.error(
                "{path}: line {number} is left out: {expected}",
                path=str(self._path), number=number, expected=expected,
            )  # fmt: skip
        self._take(status, entries)

    def _read(self) -> tuple[os.stat_result, bytes]:
        with open(self._path, "rb") as file:
            status = os.fstat(file.fileno())  # before the content, so that no later change is missed
            return status, file.read()

    def _take(self, status: os.stat_result, entries: dict[str, Entry]) -> None:
        self._stamp, self._entries = _stamp(status), entries
        if self._trouble:
            self._trouble = ""
            log.info("{path}: can be read again", path=str(self._path))

    def _cannot_be_read(self, error: OSError) -> str:
        """Why, which is logged when it is news."""
        trouble = f"{self._path}: {error.strerror}"
        if trouble != self._trouble:
            self._trouble = trouble
            log.error("{trouble}: nobody gets in until it can be read", trouble=trouble)
        return trouble


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """What differs between two states of a file; the time of a change of its mode or owner does too."""
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _answer(is_right: bool, entry: Entry | None) -> Account:
    if not is_right or entry is None:
        raise UnauthorizedLogin
    return Account(user_id=entry.user_id or None, role=entry.role)
