"""Stores by their URL: ``sqlite:PATH``, ``postgresql://…``."""

from chatd.store.adbapi import DatabaseStore
from chatd.store.sqlite import SqliteStore
from chatd.turn import StoreError


def database(url: str, repeat_window: float, flush: bool) -> DatabaseStore:
    """The database that a URL names, not yet open.

    :param repeat_window: seconds for which a clientMessageId is remembered (M6).
    :param flush: see :class:`chatd.store.sqlite.SqliteStore`.
    :raises StoreError: if it names none; what follows the scheme is not shown, for it may hold a password.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        return SqliteStore(rest, repeat_window, flush)
    if scheme in ("postgresql", "postgres"):
        try:
            from chatd.store.postgres import PostgresStore
        except ImportError as error:
            raise StoreError(f"{error}: pip install 'chatd[postgres]'") from None
        return PostgresStore(url, repeat_window)
    raise StoreError(f'expected "sqlite:PATH", "postgresql://…" or "none", got "{scheme[:20]}…"')
