"""argon2 hashes of passwords, in threads of their own.

What is hashed is the MD5 of the password that clients send (C1), 32 lower-case hexadecimal digits.
"""

import os
import re
import threading
from contextlib import suppress

import argon2
from argon2.exceptions import InvalidHashError, VerificationError
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from chatd.accounts import Unavailable

HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""How new hashes are made: the least that OWASP's Password Storage Cheat Sheet allows, in KiB."""

_HASH = re.compile(
    r"\$argon2(?:id|i|d)(?:\$v=(?:16|19))?"
    r"\$m=(?P<memory>[0-9]{1,9}),t=(?P<time>[0-9]{1,9}),p=(?P<lanes>[0-9]{1,9})"
    r"\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)
THREADS = max(1, min(4, (os.cpu_count() or 1) - 1))
QUEUE = 500
NICENESS = 10


class Hashes:
    """Verifies hashes. Its threads give way to the reactor's, which has chats to serve.

    :param reactor: which is told of the results.
    """

    def __init__(self, reactor: IReactorThreads) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(0, THREADS, "hashes")
        self._waiting = 0

    def start(self) -> None:
        """Begin."""
        self._pool.start()

    def stop(self) -> None:
        """End; waits for what is under way."""
        self._pool.stop()

    def verify(self, hash: str | None, password: str, like: str | None = None) -> "Deferred[bool]":
        """Whether a password is the one of a hash.

        :param hash: None for an unknown account: that takes as long as any other, and is never right.
        :param password: the MD5 in hexadecimal digits.
        :param like: a hash of another account, whose cost one of an unknown account is to have.
        :returns: fails with :exc:`chatd.accounts.Unavailable` if too many wait.
        """
        if self._waiting >= QUEUE:
            return fail(Unavailable(f"{QUEUE} logins wait for their hash to be verified"))
        self._waiting += 1
        done = deferToThreadPool(self._reactor, self._pool, _verify, hash, password, like)
        return done.addBoth(self._done)

    def _done(self, result: bool) -> bool:
        self._waiting -= 1
        return result


_niced = threading.local()


def _verify(hash: str | None, password: str, like: str | None) -> bool:
    if not hasattr(_niced, "done"):
        _niced.done = True
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
    if hash is None:
        _hasher_like(like).hash(password)
        return False
    try:
        return HASHER.verify(hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _hasher_like(hash: str | None) -> argon2.PasswordHasher:
    if hash is None:
        return HASHER
    return argon2.PasswordHasher.from_parameters(argon2.extract_parameters(hash))


def checked_hash(text: str) -> str:
    """An argon2 hash in its usual form, with parameters that argon2 takes (RFC 9106 section 3.1).

    :raises ValueError: if it is none.
    """
    match = _HASH.fullmatch(text)
    if match:
        memory, time, lanes = int(match["memory"]), int(match["time"]), int(match["lanes"])
        if time >= 1 and 1 <= lanes < 1 << 24 and 8 * lanes <= memory < 1 << 24:
            return text
    raise ValueError('expected an argon2 hash such as "$argon2id$v=19$m=19456,t=2,p=1$…"')
