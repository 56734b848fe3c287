"""Print what is said in a room, until Ctrl-C."""

import argparse
import os
import socket
import sys
from datetime import datetime
from typing import Any

from chatd.cli import options
from chatd.cli.address import parse_address
from chatd.cli.running import live, name_of, new_id, run, session_of
from chatd.cli.shown import line as shown
from chatd.cli.shown import safe, safe_json
from chatd.cli.talk import Talk
from chatd.model import Identity
from chatd.parameters import Credentials

MORE = """\
It joins the room, and so is visible there: the room is told when it comes and goes, and it is one of the
online count. It hears what the room hears, not the conversations of customers with agents. A lost connection
is made again, and what was said meanwhile is told. Who it is and what becomes of the connection goes to
standard error.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    user = f"tail-{socket.gethostname()}-{os.getpid()}"[:64]
    parser.description, parser.epilog = __doc__, MORE
    parser.add_argument("room", metavar="ROOM", type=options.identifier, help="roomName")
    parser.add_argument(
        "--url", dest="address", metavar="URL", type=options.address, default=parse_address("localhost"),
        help="HOST, HOST:PORT, ws://HOST:PORT or wss://HOST:PORT; localhost if left out",
    )  # fmt: skip
    parser.add_argument(
        "--user", metavar="U", type=options.identifier, default=user, help="tail-HOST-PID if left out"
    )
    parser.add_argument("--name", metavar="N", type=options.nickname, help="nickname; the userId if left out")
    parser.add_argument("--json", action="store_true", help="print the frames as they come, one a line")
    parser.add_argument(
        "--since", metavar="MESSAGEID", help='also what was said after that message; "": all that is stored'
    )
    options.add_account(parser)


def main(given: argparse.Namespace) -> None:
    """The command. It ends by SystemExit. :raises CommandError: if it cannot begin."""
    identity = Identity(given.user, name_of(given), "", given.room)
    credentials = options.credentials(given, os.environ)
    run(lambda reactor: _tail(reactor, given, identity, credentials))


async def _tail(
    reactor: Any, given: argparse.Namespace, identity: Identity, credentials: Credentials | None
) -> str | None:
    def note(sentence: str) -> None:
        print(f"chatd: {sentence}", file=sys.stderr, flush=True)

    def show(line: str) -> None:
        if not _printed(line):
            session.stop()

    talk = Talk(
        identity,
        show=lambda frame: None if given.json else show(shown(frame, datetime.now())),
        note=note,
        new_id=new_id,
        since=given.since,
    )
    look = (lambda text: show(safe_json(text))) if given.json else (lambda text: None)
    session = session_of(reactor, given, talk, credentials, note, look=look)
    note(f"listens as {safe(identity.user_id)}, and is visible in the room as such")
    return await live(reactor, session)


def _printed(line: str) -> bool:
    """Print a line at once. :returns: False if nobody reads it, as after head(1)."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.buffer.write(f"{line}\n".encode(encoding, "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return False
    return True
