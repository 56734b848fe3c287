"""What strangers leave behind is bounded too."""

import json
from collections.abc import Callable

from bench import procfs
from tests.client import TEXT
from tests.processes.servers import Server

CONFIG = "[heartbeat]\ninterval = 0.2\nmisses = 100\n[containers]\ndeserted_size = 1000000\n"
REQUEST, REQUESTS = 60_000, 800
GROWTH = 24 * 1024 * 1024
"""Bytes: half of what is asked."""


def test_requests_that_nobody_answers_do_not_fill_the_memory(start: Callable[..., Server]) -> None:
    """Each of another customer, who goes at once, and for an agent of its own (D3, K1)."""
    server = start(CONFIG)
    procfs.reset_peak(server.process.pid)
    before = procfs.memory(server.process.pid)
    for number in range(REQUESTS):
        with server.dial() as stranger:
            stranger.join(userId=f"c{number}", roomName="shop", containerId=f"c{number}", targetId="order-1")
            request = {"acceptId": f"nobody-{number}", "messageContent": "x" * REQUEST}
            stranger.send_frame(TEXT, json.dumps({"eventType": "createContainer", **request}).encode())
            assert stranger.receive()["eventType"] == "createContainer"
            assert stranger.receive()["code"] == "agent_offline"
    assert server.wait_for("deserted containers are gone early")
    grown = procfs.memory(server.process.pid, "VmHWM") - before
    assert grown < GROWTH, f"the server's memory has grown by {grown >> 20} MiB"
    late = server.join("nobody-0", "shop")
    assert late.hears_nothing()  # its request was one of the oldest
