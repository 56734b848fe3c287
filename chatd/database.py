"""What all have in common who reach a database through Twisted's adbapi."""

import os
import socket
import sqlite3
from contextlib import suppress
from typing import Any

from twisted.enterprise.adbapi import Connection


class PooledConnection(Connection):
    """A pool's connection. One that cannot even roll back is lost, and the next transaction gets a new one;
    that is no bug, and the failure of the transaction tells of it."""

    def rollback(self) -> None:
        connection: Any = self._connection
        try:
            connection.rollback()
        except Exception:
            self._pool.disconnect(connection)


def interrupt(connection: Any) -> None:
    """Make what waits in another thread for a database server give up. SQLite has none, and goes on."""
    if isinstance(connection, sqlite3.Connection):
        return
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
