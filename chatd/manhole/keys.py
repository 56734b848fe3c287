"""The manhole's keys: the server's own, and those of who may come in."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twisted.conch.checkers import IAuthorizedKeysDB
from twisted.conch.ssh.keys import FingerprintFormats, Key
from zope.interface import implementer

from chatd.errors import StartError
from chatd.logs import Log

log = Log()


def host_key(path: str) -> Key:
    """The server's key; the first time, a new one is made.

    :raises StartError: if that cannot be done, or if others may read it.
    """
    try:
        return _made(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise StartError(f"manhole.host_key: {path}: {error.strerror}") from None
    try:
        with Path(path).open("rb") as file:
            others = os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            text = file.read()
    except OSError as error:
        raise StartError(f"manhole.host_key: {path}: {error.strerror}") from None
    if others:
        raise StartError(f"manhole.host_key: {path}: others may read it: chmod 600 {path}")
    try:
        key: Key | None = Key.fromString(text)
    except Exception:  # of conch, of cryptography, of binascii
        key = None
    if key is None or key.isPublic():
        raise StartError(f"manhole.host_key: {path}: it holds no private key without a passphrase")
    return key


def _made(path: str) -> Key:
    key = Key(Ed25519PrivateKey.generate())
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(file, "wb") as opened:
        opened.write(key.toString("openssh"))
    log.info("a host key for the manhole is made: {fingerprint}", fingerprint=fingerprint(key))
    return key


def fingerprint(key: Key) -> str:
    """A key's name, as ``ssh-keygen -l`` writes it."""
    name: str = key.fingerprint(FingerprintFormats.SHA256_BASE64)
    return "SHA256:" + name.rstrip("=")


@implementer(IAuthorizedKeysDB)
class AuthorizedKeys:
    """The file of public keys, one a line as in OpenSSH's, read at each login. Options before a key are not
    known, so its line is none.

    :param path: the file's.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def check(self) -> None:
        """:raises StartError: if the file will not do."""
        try:
            if not list(self._keys()):
                raise ValueError("there is no public key in it")
        except ValueError as error:
            raise StartError(f"manhole.authorized_keys: {self._path}: {error}") from None

    def getAuthorizedKeys(self, username: bytes) -> list[Key]:
        """Who may come in, whatever they call themselves. A file that will not do lets nobody in."""
        try:
            return list(self._keys())
        except ValueError as error:
            log.error("manhole: nobody gets in: {path}: {error}", path=self._path, error=error)
            return []

    def _keys(self) -> Iterator[Key]:
        """:raises ValueError: saying what is wrong with the file."""
        try:
            with Path(self._path).open("rb") as file:
                others = os.fstat(file.fileno()).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
                lines = file.read().splitlines()
        except OSError as error:
            raise ValueError(error.strerror) from None
        if others:
            raise ValueError(f"others may write it: chmod 600 {self._path}")
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.lstrip().startswith(b"#"):
                try:
                    yield Key.fromString(line.strip(), type="public_openssh")
                except Exception:  # of conch, of cryptography, of binascii
                    raise ValueError(f"line {number}: expected a public key, as ssh-ed25519 AAAA…") from None
