"""Accounts of projects (C3): what is checked, what a right one is, and why a check may come to nothing.

The words of twisted.cred: :class:`Login` is credentials, :class:`Account` is what a checker answers (the
avatar's id), and wrong credentials are :exc:`twisted.cred.error.UnauthorizedLogin`.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.cred.error import LoginFailed, UnauthorizedLogin
from zope.interface import implementer

from chatd.interfaces import ILogin
from chatd.model import checked_icon, checked_id, checked_name

AGENT = "agent"
ROLES = ("", AGENT)


@implementer(ILogin)
class Login:
    """Credentials as a client sent them. Its repr tells nothing.

    :param client_type: the project.
    :param account: as it came.
    :param password: the MD5 of the password, 32 lower-case hexadecimal digits.
    :param user_id: who the client says it is.
    :param address: the client's address.
    """

    __slots__ = ("account", "address", "client_type", "password", "user_id")

    def __init__(self, client_type: str, account: str, password: str, user_id: str, address: str) -> None:
        self.client_type = client_type
        self.account = account
        self.password = password
        self.user_id = user_id
        self.address = address

    def __repr__(self) -> str:
        return "<Login>"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a project knows of an account whose credentials were right. None: the client may say.

    ``role`` is ``agent`` for who may add itself to any container of its room (M3), or empty.
    """

    user_id: str | None = None
    name: str | None = None
    icon: str | None = None
    role: str = ""
    rooms: tuple[str, ...] = ()
    """Patterns of the rooms it may be in, which the project's section names; empty: all."""


class TooManyFailures(UnauthorizedLogin):
    """Too many logins of this account, or from this address, have failed of late."""


class Unavailable(LoginFailed):
    """The credentials cannot be checked now, so nobody gets in; the text says why, for the log. It never
    quotes what a client sent."""


def known(user_id: str | None, name: str | None, icon: str | None, role: str | None) -> Account:
    """What a project knows of an account, within the limits of C1.

    :raises Unavailable: naming what is not within.
    """
    if (role or "") not in ROLES:
        raise Unavailable(f"role: expected one of {', '.join(map(repr, ROLES))}")
    return Account(
        user_id=_checked("userId", user_id, checked_id),
        name=_checked("name", name, checked_name),
        icon=_checked("icon", icon, checked_icon),
        role=role or "",
    )


def _checked(field: str, text: str | None, check: Callable[[str], str]) -> str | None:
    try:
        return check(text) if text is not None else None
    except ValueError as error:
        raise Unavailable(f"{field}: {error}") from None


class Means(msgspec.Struct, frozen=True):
    """What a checker is made with, beside its section of the configuration.

    :param reactor: for connections and timers.
    :param hashes: verifies argon2 hashes: see :class:`chatd.checkers.hashes.Hashes`.
    """

    reactor: Any
    hashes: Any
