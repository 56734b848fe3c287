"""The examples for operators, as they are in ``etc``."""

import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import chatd
from tests.cluster.nodes import TOKEN, Cluster, PatientClient
from tests.durability.balancer import HAPROXY
from tests.durability.phoenix import free_port
from tests.processes.frames import notice
from tests.processes.servers import PATIENCE, Front

ETC = Path(chatd.__file__).parents[1] / "etc"


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + PATIENCE
    while True:
        with socket.socket() as knocking:
            if knocking.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end


def test_two_nodes_behind_haproxy_as_in_the_example(build: Callable[..., Cluster], tmp_path: Path) -> None:
    config = '[server]\nproxies = ["127.0.0.1"]\n'
    cluster = build(count=2, config=config, balanced=False)
    front = Front()
    front.client = PatientClient
    front.port = free_port()
    text = (ETC / "haproxy.cfg").read_text(encoding="utf-8")
    text = text.replace("THE-TOKEN-OF-THE-ADMIN-API", TOKEN).replace("inter 1s fall 2", "inter 100ms fall 2")
    text = re.sub(r"bind :443 ssl .*", f"bind 127.0.0.1:{front.port}", text)
    for old, new in zip(("9326", "9327"), cluster.nodes, strict=True):
        admin = {"9326": "9329", "9327": "9330"}[old]
        line = f"127.0.0.1:{old} check port {admin}"
        assert line in text
        text = text.replace(line, f"127.0.0.1:{new.port} check port {new.admin_port}")
    file = tmp_path / "haproxy.cfg"
    file.write_text(text)
    assert HAPROXY is not None
    process = subprocess.Popen([HAPROXY, "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(front.port)
        clients = [front.join(user) for user in ("ann", "bob")]
        assert clients[0].receive() == notice("in", "bob", 2)
        assert all(client.hears_nothing() for client in clients)
        users = [node.ask("GET", "/v1/users/ann/connections")[1] for node in cluster.nodes]
        assert users[0] == users[1]
        assert {number for number, node in enumerate(cluster.nodes) if "joined as" in node.log} == {0, 1}
    finally:
        front.hang_up()
        process.terminate()
        process.wait()


def test_a_node_of_several_is_run_by_systemd_as_a_single_one_is() -> None:
    """But for where it reads and writes."""
    one = (ETC / "chatd.service").read_text(encoding="utf-8")
    many = (ETC / "chatd@.service").read_text(encoding="utf-8")

    def settings(text: str) -> list[str]:
        return [line for line in text.splitlines() if "=" in line and not line.startswith("#")]

    changed = [(a, b) for a, b in zip(settings(one), settings(many), strict=True) if a != b]
    assert [a.partition("=")[0] for a, _ in changed] == [
        "Description",
        "StateDirectory",
        "RuntimeDirectory",
        "WorkingDirectory",
        "ExecStart",
    ]
    assert all("%i" in b for _, b in changed)
