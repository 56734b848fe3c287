"""The examples for operators, as they are in ``etc``."""

import fcntl
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import chatd
from tests.cluster.nodes import TOKEN, Cluster, PatientClient, merged
from tests.cluster.redis import PASSWORD, Redis
from tests.durability.balancer import HAPROXY
from tests.durability.postgres import Cluster as Postgres
from tests.ports import free_port
from tests.processes.frames import notice
from tests.processes.servers import PATIENCE, Front, Server, given

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


def test_two_nodes_share_a_port(tmp_path: Path, several: None, redis: Redis, postgres: Postgres) -> None:
    """As with etc/chatd@.socket, by which systemd opens the port once for each."""
    listen = '[server]\nlisten = ["systemd:domain=INET:index=0"]\n'
    place = f"redis://default:{PASSWORD}@127.0.0.1:{redis.port}/0"
    config = merged(listen, {"store": {"url": postgres.database()}, "cluster": {"redis": place}})
    front = Front()
    front.client = PatientClient
    front.port = free_port()
    with ExitStack() as stack:
        nodes = []
        for name in ("one", "two"):
            folder = tmp_path / name
            folder.mkdir()
            with socket.create_server(("127.0.0.1", front.port), reuse_port=True) as share:
                descriptor = fcntl.fcntl(share.fileno(), fcntl.F_DUPFD_CLOEXEC, 100)
            node = Server(folder, config, **given("chatd.socket", descriptor))
            os.close(descriptor)  # the node's alone
            nodes.append(stack.enter_context(node))
        stack.callback(front.hang_up)
        ann = front.join("ann")
        for number in range(PATIENCE):
            front.join(f"guest{number}")
            assert ann.receive() == notice("in", f"guest{number}", number + 2)
            if all("joined as" in node.log for node in nodes):
                break
        assert all("joined as" in node.log for node in nodes)


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
