"""A server that is ended and started again, on the same port and with the same store."""

import asyncio
import signal
from pathlib import Path

from tests.ports import free_port
from tests.processes.servers import LISTENING, Server


class Phoenix:
    """A server with many lives.

    :param directory: where it runs.
    :param config: the text of its configuration.
    """

    def __init__(self, directory: Path, config: str) -> None:
        self._directory = directory
        self._config = config
        self._server: Server | None = None
        self.port = free_port()
        self.up = asyncio.Event()
        self.lives = 0
        self.log = ""
        """What it said in the lives before this one."""

    async def start(self) -> None:
        """Start it. Returns when it listens."""
        where = f"tcp:{self.port}:interface=127.0.0.1"
        server = Server(self._directory, self._config, arguments=("--listen", where))
        await asyncio.to_thread(server.__enter__)
        self._server = server
        await asyncio.to_thread(server.wait_for, LISTENING, 2)
        self.lives += 1
        self.up.set()

    async def end(self, number: signal.Signals) -> None:
        """End it by a signal. Returns when it is no more; its log may not tell of a bug."""
        self.up.clear()
        server, self._server = self._server, None
        if server is not None:
            server.signal(number)
            await asyncio.to_thread(server.__exit__)
            self.log += server.log

    async def crash(self) -> None:
        """kill -9, and a new life."""
        await self.end(signal.SIGKILL)
        await self.start()

    async def restart(self) -> None:
        """An orderly end, and a new life."""
        await self.end(signal.SIGTERM)
        await self.start()
