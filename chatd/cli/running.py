"""What the commands that connect have in common: a session as the command line wants it, on the reactor."""

import argparse
import random
import sys
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from chatd.cli.address import resource
from chatd.cli.link import Link, endpoint
from chatd.cli.options import CommandError
from chatd.cli.session import Session
from chatd.cli.talk import Talk
from chatd.parameters import Credentials


def new_id() -> str:
    """A clientMessageId."""
    return uuid.uuid4().hex


def name_of(given: argparse.Namespace) -> str:
    """The nickname; one may have 64 characters only, and a userId 128."""
    return given.name or (given.user.strip() or "-")[:64]


def run(command: Callable[[Any], Coroutine[Any, Any, str | None]]) -> None:
    """Run a command on the reactor. It returns why it failed, or None; that ends the process."""

    async def status(reactor: Any) -> None:
        try:
            failed = await command(reactor)
        except CommandError as error:
            failed = str(error)
        if failed is not None:
            with suppress(OSError):
                print(f"chatd: {failed}", file=sys.stderr, flush=True)
            raise SystemExit(1)

    react(status)


def session_of(
    reactor: Any,
    given: argparse.Namespace,
    talk: Talk,
    credentials: Credentials | None,
    note: Callable[[str], None],
    give_up: float = 0,
    look: Callable[[str], None] = lambda text: None,
) -> Session:
    """A session as the command line wants it.

    :param look: called with each text before the session is.
    :raises CommandError: if it cannot be.
    """
    if credentials is not None and not given.address.is_secure and not given.address.is_loopback:
        print("chatd: the password's MD5 goes unencrypted: use wss://", file=sys.stderr)
    try:
        way = endpoint(reactor, given.address, given.ca_file)
    except ValueError as error:
        raise CommandError(str(error)) from None

    def heard(text: str) -> None:
        look(text)
        session.heard(text)

    def asked() -> str:
        return resource(given.address, talk.identity, credentials)

    link = Link(reactor, given.address, way, asked, heard)
    session = Session(reactor, link, talk, note, random.random, give_up)
    return session


async def _nothing(reactor: Any) -> None:
    pass


async def live(
    reactor: Any, session: Session, close: Callable[[Any], Awaitable[None]] = _nothing
) -> str | None:
    """Let a session live until it is over; SIGINT and SIGTERM end it, and the process waits for that.

    :param close: what is to be waited for then.
    :returns: why it ended badly.
    """
    ended: Deferred[None] = Deferred()

    def stop() -> "Deferred[None]":
        session.stop()
        return ended

    reactor.addSystemEventTrigger("before", "shutdown", stop)
    try:
        failed = await session.run()
        await close(reactor)
    finally:
        ended.callback(None)
    return failed
