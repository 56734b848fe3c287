"""Ports for servers that have to be told one, as they start again on it or cannot say which they have."""

import random
import socket
from collections import deque
from contextlib import ExitStack

PORTS = range(10_000, 32_000)  # below those that Linux takes for outgoing connections
_chance = random.SystemRandom()
_taken: deque[ExitStack] = deque()
_MOST = 500  # that are remembered; by then the first ones are listened on, or not needed any more


def free_port(beside: int = 0) -> int:
    """A port of 127.0.0.1 on which nobody listens, and which nobody else is given.

    Tests run in several processes, and it takes a server a while to begin to listen. So who is given a port
    holds a socket in Linux's abstract namespace that has its name, until the process ends.

    :param beside: with so many more there is another such port.
    """
    while True:
        port = _chance.choice(PORTS[: len(PORTS) - beside])
        with ExitStack() as holding:
            try:
                for each in {port, port + beside}:
                    _hold(each, holding)
            except OSError:
                continue
            _taken.append(holding.pop_all())
            if len(_taken) > _MOST:
                _taken.popleft().close()
            return port


def _hold(port: int, holding: ExitStack) -> None:
    holding.enter_context(socket.socket(socket.AF_UNIX)).bind(_name(port))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def _name(port: int) -> str:
    return f"\0chatd-port-{port}"
