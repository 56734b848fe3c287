"""A client that does not read, on a real server's sockets, sent to in either way (C2: 1013, M7)."""

from collections.abc import Callable

import pytest

from tests.processes.frames import notice, text
from tests.processes.servers import Server

CONFIG = """
[server]
direct_send = {direct}
[limits]
rate = 1e6
burst = 1000000
send_buffer = 100000
"""
MESSAGES = 250  # of 60 KB: several times what the kernel keeps for who does not read


@pytest.mark.parametrize("direct", ["true", "false"])
def test_it_is_closed_and_announced_and_the_others_hear_everything_in_order(
    start: Callable[..., Server], direct: str
) -> None:
    server = start(CONFIG.format(direct=direct))
    server.dial().join(userId="slow", name="Slow")
    ann, bob = server.join("ann"), server.join("bob")
    assert ann.receive() == notice("in", "bob", 3)
    announced = []
    for number in range(MESSAGES):
        content = f"{number} " + "x" * 60_000
        ann.say(content)
        for client in (ann, bob):
            frame = client.receive()
            if frame == notice("out", "slow", 2):
                announced.append(client)
                frame = client.receive()
            assert frame == text("ann", content)
    assert announced in ([ann, bob], [bob, ann])
    assert ann.hears_nothing() and bob.hears_nothing()
    server.wait_for("left as 'slow' from 'lobby': closed with 1013: reads too slowly")
