"""The command line for people: talk in a room, listen to one, list them, check a configuration."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from chatd import __version__
from chatd.cli.options import CommandError

_MORE = """\
"%(prog)s COMMAND --help" tells more. The server itself is started by "twistd chatd". The status is 0; 1 after
a failure, which is one line; 2 if the command is not as it must be.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. :returns: its status; some end by SystemExit, as a mistake in the usage does."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["passwd"]:  # which has a command line of its own
        from chatd import passwd

        return passwd.main(given[1:])
    parser, commands = _parser()
    if not given:
        parser.print_help(sys.stderr)
        return 2
    name = given[0]
    if name in commands:
        _add(name, commands[name])
    try:
        return _run(parser.parse_args(given))
    except CommandError as error:
        print(f"chatd: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # as of head(1)
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 1


_COMMANDS = {
    "connect": "talk in a room, as a customer or as an agent",
    "tail": "print what is said in a room",
    "rooms": "list rooms and who is online",
    "check": "check a configuration, as twistd chatd --config FILE --check does",
    "passwd": "add an account to a file of accounts, or change or delete one, as python -m chatd.passwd does",
}


def _parser() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = argparse.ArgumentParser("python -m chatd", description=__doc__, epilog=_MORE, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"chatd {__version__}")
    adding = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    return parser, {
        name: adding.add_parser(name, help=sentence, allow_abbrev=False)
        for name, sentence in _COMMANDS.items()
    }


def _add(name: str, parser: argparse.ArgumentParser) -> None:
    """Give a command its options; what it needs is imported for it alone."""
    if name == "connect":
        from chatd.cli import connect

        connect.add(parser)
    elif name == "tail":
        from chatd.cli import tail

        tail.add(parser)
    elif name == "rooms":
        from chatd.cli import rooms

        rooms.add(parser)
    elif name == "check":
        parser.description = 'Say "ok" of a configuration, or in one line what is wrong with it.'
        parser.add_argument("config", metavar="CONFIG", help="the file, such as /etc/chatd/chatd.toml")


def _run(given: argparse.Namespace) -> int:
    if given.command == "connect":
        from chatd.cli import connect

        connect.main(given)
    elif given.command == "tail":
        from chatd.cli import tail

        tail.main(given)
    elif given.command == "rooms":
        from chatd.cli import rooms

        return rooms.main(given)
    elif given.command == "check":
        from chatd.tap import Options

        Options().parseOptions(["--config", given.config, "--check"])  # ends by SystemExit
    return 0


if __name__ == "__main__":
    sys.exit(main())
