"""Who started the server, as far as it is told how that fares: the other end of NOTIFY_SOCKET."""

import socket
from pathlib import Path

PATIENCE = 30


class Notified:
    """A socket for a ``with`` block, on which each datagram is one telling.

    :param address: a path, or ``@`` and an abstract name.
    """

    def __init__(self, address: Path | str) -> None:
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(PATIENCE)
        self._socket.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)

    def __enter__(self) -> "Notified":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self) -> dict[str, str]:
        """The next telling, which may have to be waited for."""
        return self._parsed(self._socket.recv(4096))

    def heard(self) -> list[dict[str, str]]:
        """All that has been told and not been heard yet."""
        found = []
        self._socket.setblocking(False)
        try:
            while True:
                found.append(self._parsed(self._socket.recv(4096)))
        except BlockingIOError:
            return found
        finally:
            self._socket.settimeout(PATIENCE)

    @staticmethod
    def _parsed(telling: bytes) -> dict[str, str]:
        return dict(line.split("=", 1) for line in telling.decode().split("\n"))
