"""Accounts in the business's own database (C3), SQLite or PostgreSQL, found by a query of the configuration.

The query names what the client sent as ``:account``, ``:password`` (the MD5), ``:userId``, ``:clientType``.
Of an unknown account it yields no row, else one. Of its columns these are known, in upper or lower case:
``password``, an argon2 hash of the MD5, or the MD5 itself; ``userId``, ``name``, ``icon`` and ``role``. One
without a column ``password`` must compare ``:password`` itself.
"""

import hmac
import re
from pathlib import Path
from typing import Any

import msgspec
from twisted.cred.error import UnauthorizedLogin
from twisted.enterprise.adbapi import ConnectionPool
from twisted.internet.defer import Deferred, TimeoutError
from zope.interface import implementer

from chatd.accounts import Account, Login, Means, Unavailable, known
from chatd.checkers.hashes import checked_hash
from chatd.config import AboveZero, Project, SecretText, Text
from chatd.database import PooledConnection, interrupt
from chatd.interfaces import IAccountChecker, ILogin

_VALUES = ("account", "password", "userId", "clientType")
# A value's place; before it, what only looks like one: literals, quoted names, comments, casts.
_PLACE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/|::\w+)|:(\w+)""", re.DOTALL)
_MD5 = re.compile("[0-9A-Fa-f]{32}")
_THREADS = 2


class SqlSection(Project, frozen=True, kw_only=True):
    """``[auth.CLIENTTYPE]`` with ``kind = "sql"``."""

    url: SecretText
    query: Text
    timeout: AboveZero = 5.0


class _Found(msgspec.Struct):
    """What a query found: column names in lower case, and the rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


@implementer(IAccountChecker)
class SqlChecker:
    """Asks a database, in threads of its own. While it is away, nobody gets in."""

    credentialInterfaces = (ILogin,)
    Section = SqlSection

    def __init__(self, section: SqlSection, means: Means) -> None:
        self._section = section
        self._reactor = means.reactor
        self._hashes = means.hashes
        self._values = frozenset(match[2] for match in _PLACE.finditer(section.query) if match[2])
        self.by_user = "userId" in self._values
        self._query = section.query
        self._pool: ConnectionPool | None = None
        self._like: str | None = None

    # -- IAccountChecker ----------------------------------------------------------------------------

    def start(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`."""
        unknown = sorted(self._values - set(_VALUES))
        if unknown:
            raise ValueError(f"query: unknown value :{unknown[0]}; known: :{', :'.join(_VALUES)}")
        if "account" not in self._values:
            raise ValueError("query: expected it to ask for :account")
        scheme, _, rest = self._section.url.partition(":")
        if scheme == "sqlite" and rest:
            self._pool = _sqlite_pool(rest, self._section.timeout)
        elif scheme in ("postgresql", "postgres"):
            self._query = _PLACE.sub(_postgres_place, self._section.query.replace("%", "%%"))
            self._pool = _postgres_pool(self._section.url, self._section.timeout)
        else:
            raise ValueError('url: expected "sqlite:PATH" or "postgresql://…"')
        self._pool.start()

    def reload(self) -> None:
        """There is nothing to read again."""

    def stop(self) -> None:
        """See :class:`chatd.interfaces.IAccountChecker`."""
        pool, self._pool = self._pool, None
        if pool is not None:
            for connection in tuple(pool.connections.values()):  # nobody waits for a database to stop
                interrupt(connection)
            pool.close()

    def requestAvatarId(self, login: Login) -> "Deferred[Any]":
        """See :class:`chatd.interfaces.IAccountChecker`."""
        return Deferred.fromCoroutine(self._check(login))

    # -- the check ----------------------------------------------------------------------------------

    async def _check(self, login: Login) -> Account:
        found = await self._found(login)
        has_password = "password" in found.columns
        if not has_password and "password" not in self._values:
            raise Unavailable('query: expected a column "password", or that it asks for :password')
        if len(found.rows) > 1:
            raise Unavailable("query: several rows for one account")
        row = dict(zip(found.columns, found.rows[0], strict=True)) if found.rows else {}
        if has_password:
            right = await self._is_right(row.get("password"), login.password)
        else:
            right = bool(row)
        if not right:
            raise UnauthorizedLogin
        values = (row.get(column) for column in ("userid", "name", "icon", "role"))
        return known(*(None if value is None else str(value) for value in values))

    async def _found(self, login: Login) -> _Found:
        assert self._pool is not None
        values = {name: value for name, value in _sent(login).items() if name in self._values}
        for attempt in (1, 2):
            asked = self._pool.runInteraction(_run, self._query, values)
            asked.addTimeout(self._section.timeout, self._reactor)
            try:
                return await asked  # type: ignore[no-any-return]
            except TimeoutError:
                raise Unavailable(f"no answer in {self._section.timeout:g} seconds") from None
            except Exception as error:  # the driver's; what it says may quote what the client sent
                if attempt == 2 or not _is_lost(error):
                    raise Unavailable(_named(error)) from None
        raise AssertionError

    async def _is_right(self, kept: object, password: str) -> bool:
        """Whether a password is the kept one; that of an unknown account takes the time of a known one's."""
        if kept is None:
            return await self._hashes.verify(None, password, self._like) and False
        kept = str(kept).strip()
        if _MD5.fullmatch(kept):
            return hmac.compare_digest(kept.lower(), password)
        try:
            self._like = checked_hash(kept)
        except ValueError:
            raise Unavailable("password: expected an argon2 hash, or an MD5 in hexadecimal digits") from None
        return await self._hashes.verify(kept, password)  # type: ignore[no-any-return]


def _sent(login: Login) -> dict[str, str]:
    return {
        "account": login.account,
        "password": login.password,
        "userId": login.user_id,
        "clientType": login.client_type,
    }


def _run(cursor: Any, query: str, values: dict[str, str]) -> _Found:
    cursor.execute(query, values)
    columns = [column[0].lower() for column in cursor.description or ()]
    return _Found(columns, cursor.fetchmany(2) if columns else [])


def _named(error: Exception) -> str:
    state = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    return f"the database: {type(error).__name__}" + (f" {state}" if state else "")


def _is_lost(error: Exception) -> bool:
    """Whether it was the connection, so that another may do better."""
    return type(error).__name__ in ("OperationalError", "InterfaceError", "ConnectionLost", "AdminShutdown")


# -- the databases ----------------------------------------------------------------------------------


def _sqlite_pool(path: str, timeout: float) -> ConnectionPool:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"url: {path}: there is no such file")
    uri = f"{file.absolute().as_uri()}?mode=ro"
    return _pool("sqlite3", uri, uri=True, check_same_thread=False, timeout=timeout)


def _postgres_pool(url: str, timeout: float) -> ConnectionPool:
    try:
        from psycopg import Error
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise ValueError(f"url: {error}: pip install 'chatd[postgres]'") from None
    try:
        conninfo_to_dict(url)
    except Error:  # which may quote a part of the password
        raise ValueError("url: expected postgresql://user:password@host:port/database") from None
    options = f"-c default_transaction_read_only=on -c statement_timeout={int(timeout * 1000)}"
    return _pool("psycopg", url, options=options, connect_timeout=max(2, int(timeout)), cp_reconnect=True)


def _pool(driver: str, target: str, **settings: Any) -> ConnectionPool:
    pool = ConnectionPool(
        driver, target, cp_min=0, cp_max=_THREADS, cp_name="accounts", cp_noisy=False, **settings
    )
    pool.connectionFactory = PooledConnection
    return pool


def _postgres_place(match: "re.Match[str]") -> str:
    return match[1] or f"%({match[2]})s"


