"""The attacks: each is one bounded round, and raises if the server does not answer as its docstring says.

``python -m tests.abuse.attacks NAME PORT SECONDS RATE`` repeats one, for the benchmark.
"""

import sys
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count

from tests.processes.clients import RawClient

ACCOUNT, PASSWORD = "owner", "5f4dcc3b5aa765d61d8327deb882cf99"
"""An account that there is, bound to the userId ``owner``."""

ORIGIN = "https://shop.example"
MESSAGE_SIZE = 65_536
CONNECTIONS, PER_ADDRESS, PER_USER = 300, 100, 20

CONFIG = f"""
[server]
origins = ["{ORIGIN}"]
max_connections = {CONNECTIONS}
max_per_address = {PER_ADDRESS}
max_per_user = {PER_USER}
connect_rate = 1000.0
connect_burst = 1000
[auth.shop]
kind = "file"
path = "accounts"
"""
"""Everything else as it is by default."""


class Target:
    """A server under attack, as its attacker sees it. Each round comes from an address of its own.

    :param round: its number.
    """

    def __init__(self, port: int, round: int = 0) -> None:
        self.port = port
        self.round = round

    def address(self, number: int = 0) -> str:
        """One of this round's addresses: the whole of 127/8 is this machine.

        :param number: 0 to 249.
        """
        return f"127.{1 + self.round // 250}.{self.round % 250}.{1 + number}"

    def dial(self, number: int = 0, receive_buffer: int | None = None) -> RawClient:
        """A connection on which nothing has been said, from one of this round's addresses."""
        return RawClient(self.port, self.address(number), receive_buffer)

    @property
    def room(self) -> str:
        """A room of this round's own."""
        return f"den {self.round}"

    def join(self, user: str = "mallory", **parameters: str | None) -> RawClient:
        """A connection to this round's room that has heard its own ``in``."""
        return self.dial().join(userId=user, name=user.capitalize(), roomName=self.room, **parameters)

    def closed_with(self, code: int) -> str:
        """What the server's log says of who was closed so: who floods may lose the close frame itself."""
        return f"left as '[a-z]+' from '{self.room}': closed with {code}"


Attack = Callable[[Target], str | None]
"""Its result is a pattern that a line of the server's log must hold afterwards."""
MODULES = ("handshakes", "frames", "messages", "crowds", "rights")


def attacks() -> dict[str, Attack]:
    """All of them by their names: the public functions of the modules."""
    return {
        name: function
        for module in (import_module(f"tests.abuse.{name}") for name in MODULES)
        for name, function in vars(module).items()
        if callable(function) and getattr(function, "__module__", "") == module.__name__
        if not name.startswith("_")
    }


def main() -> None:
    """Repeat one attack, so often a second at most, from the first line of standard input on until its time
    is over.

    One round comes before, for what need be done once; then a line is printed, and at the end the number of
    rounds.
    """
    name, port = sys.argv[1], int(sys.argv[2])
    seconds, rate = float(sys.argv[3]), float(sys.argv[4])
    attack = attacks()[name]
    attack(Target(port, 9999))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    for round in count():
        if time.monotonic() > began + seconds:
            print(round)
            return
        attack(Target(port, round))
        time.sleep(max(0.0, began + (round + 1) / rate - time.monotonic()))


if __name__ == "__main__":
    main()
