"""Options that several commands have: where to connect, as whom, with which account."""

import argparse
import getpass
from collections.abc import Callable, Mapping

from chatd.cli.address import Address, parse_address
from chatd.model import checked_id, checked_name
from chatd.parameters import Credentials
from chatd.passwd import md5

PASSWORD = "CHATD_PASSWORD"


class CommandError(Exception):
    """Why a command failed, in one line."""


def checked(check: Callable[[str], str]) -> Callable[[str], str]:
    """A check of ours as a type of argparse's."""

    def typed(text: str) -> str:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


identifier = checked(checked_id)
nickname = checked(checked_name)


def address(text: str) -> Address:
    """An address, as a type of argparse's."""
    try:
        return parse_address(text)
    except ValueError as error:  # which does not quote it: there may be a password in it
        raise argparse.ArgumentTypeError(str(error)) from None


def seconds(text: str) -> float:
    """A number of seconds, as a type of argparse's."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError("expected a number >= 0")
    return value


def add_account(parser: argparse.ArgumentParser) -> None:
    """The options about accounts and certificates."""
    group = parser.add_argument_group("accounts and TLS")
    group.add_argument("--client-type", metavar="P", type=identifier, help="the project whose account it is")
    group.add_argument(
        "--account",
        metavar="A",
        type=identifier,
        help=f"the password is asked for, or taken from the environment variable {PASSWORD}; "
        "it is sent as its MD5, so use wss:// where others could listen",
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        help="for wss://: the authorities to trust, in PEM, instead of the system's",
    )


def credentials(given: argparse.Namespace, environment: Mapping[str, str]) -> Credentials | None:
    """The account's, with the password that is asked for unless the environment has it.

    :raises CommandError: if there is none.
    """
    if given.account is None:
        if given.client_type is not None:
            raise CommandError("--client-type goes with --account")
        return None
    try:
        password = environment.get(PASSWORD) or _asked()
        return Credentials(given.client_type, given.account, md5(password))
    except ValueError as error:
        raise CommandError(str(error)) from None


def _asked() -> str:
    """At the terminal, not on standard input: that is for messages."""
    try:
        with open("/dev/tty", "rb"):
            pass
    except OSError:
        raise ValueError(f"there is no terminal to ask for the password: set {PASSWORD}") from None
    try:
        password = getpass.getpass()
    except (EOFError, KeyboardInterrupt):
        password = ""
    if not password:
        raise ValueError("the password is empty")
    return password
