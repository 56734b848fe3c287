"""Each attack is answered as its docstring says, while a room goes on and memory is bounded."""

from itertools import count

import pytest

from tests.abuse.attacks import Target, attacks
from tests.processes.servers import Server

ALL = attacks()
rounds = count()


@pytest.mark.parametrize("name", ALL)
def test_an_attack_is_refused_and_a_room_goes_on(server: Server, name: str) -> None:
    logged = ALL[name](Target(server.port, next(rounds)))
    if logged is not None:
        server.wait_for(logged)
