"""The admin API of a real twistd: over TCP and a UNIX socket, against Schemathesis, and through a reload."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.admin.prometheus import Samples
from tests.processes.servers import ANY_PORT, LISTENING, Server

TOKEN = "the-token-of-a-process"
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
HELLO = {"messageType": "text", "messageContent": "hello"}


class Admin:
    """A server with an admin API, for a ``with`` block.

    :param listen: where the API is.
    """

    def __init__(self, directory: Path, listen: str = ANY_PORT) -> None:
        self.token_file = directory / "token"
        self.token_file.write_text(TOKEN)
        self.token_file.chmod(0o600)
        self.server = Server(directory, f'[admin]\nlisten = "{listen}"\ntoken_file = "{self.token_file}"\n')

    def __enter__(self) -> "Admin":
        self.server.__enter__()
        self.port = int(self.server.wait_for(LISTENING + "|listening on UNIX", times=2).group(1) or 0)
        return self

    def __exit__(self, *how: Any) -> None:
        self.server.__exit__(*how)

    def connect(self) -> HTTPConnection:
        """A connection to the API."""
        return HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> tuple[int, bytes]:
        """A request. :returns: status and body of the answer."""
        with closing(self.connect()) as connection:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def get(self, path: str) -> Any:
        """The JSON of what there is."""
        status, body = self.ask("GET", path)
        assert status == 200
        return json.loads(body)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    """One server for the tests of this module that leave it as it was."""
    with Admin(tmp_path_factory.mktemp("admin")) as admin:
        yield admin


@pytest.fixture
def admin(shared: Admin) -> Iterator[Admin]:
    """A server whose clients are the test's own."""
    yield shared
    shared.server.hang_up()


def test_a_message_is_stored_and_heard_by_real_clients(admin):
    ann = admin.server.join("ann", "lobby")
    status, body = admin.ask("POST", "/v1/rooms/lobby/messages", HELLO)
    heard = ann.receive()
    assert status == 201
    assert json.loads(body) == {"messageId": heard["messageId"], "repeated": False}
    assert (heard["createUser"], heard["messageContent"]) == ("system", "hello")
    ann.ask("history", limit=1)
    assert ann.receive()["messages"] == [heard]


def test_a_kick_closes_real_connections(admin):
    ann = admin.server.join("ann", "lobby")
    assert admin.ask("POST", "/v1/users/ann/kick", {"reason": "spam"}) == (200, b'{"closed":1}')
    assert ann.closed() == (1008, "spam")


def test_names_are_percent_encoded(admin):
    admin.server.join("ann", "商/店 ?#%")
    room = admin.get("/v1/rooms/%E5%95%86%2F%E5%BA%97%20%3F%23%25")
    assert (room["name"], room["online"]) == ("商/店 ?#%", 1)


def test_without_the_token_nothing_but_healthz_answers_anything_but_401(admin):
    paths = admin.get("/openapi.json")["paths"]
    found = [(method.upper(), path) for path in paths for method in paths[path]]
    assert len(found) == 19
    answers = {(method, path): admin.ask(method, path, token="not-" + TOKEN)[0] for method, path in found}
    assert {request for request, status in answers.items() if status != 401} == {("GET", "/healthz")}
    assert admin.ask("GET", "/healthz", token="")[0] == 200


def test_prometheus_can_read_the_metrics(admin):
    admin.server.join("ann", "lobby"), admin.server.join("bob", "lobby")
    before = Samples(admin.ask("GET", "/metrics")[1])
    admin.ask("POST", "/v1/rooms/lobby/messages", HELLO)
    after = Samples(admin.ask("GET", "/metrics")[1])
    assert after("chatd_users") == 2
    assert after("chatd_deliveries_total") - before("chatd_deliveries_total") == 2
    assert after("process_open_fds") > 5


def test_what_a_client_does_not_read_is_told_in_bytes(admin):
    with admin.server.dial() as slow:
        slow.join(userId="slow", roomName="lobby")
        for _ in range(300):
            admin.ask("POST", "/v1/rooms/lobby/messages", HELLO | {"messageContent": "x" * 60_000})
            unsent = Samples(admin.ask("GET", "/metrics")[1])("chatd_unsent_bytes")
            if unsent > 60_000:
                break
        assert unsent > 60_000


def test_bytes_that_are_no_http_end_that_connection_alone(admin):
    with socket.create_connection(("127.0.0.1", admin.port), 30) as stranger:
        stranger.sendall(b"\x16\x03\x01\x00\xff" * 10 + b"\r\n\r\n")
        assert b"HTTP/1.1 4" in stranger.recv(4096)
    assert admin.get("/readyz") == {"ready": True, "reasons": {}}


def schemathesis(admin: Admin, directory: Path, *options: str) -> str:
    """Let Schemathesis ask each operation what fits its description and what does not, the same every time.

    :returns: what it says, when it has found nothing wrong.
    """
    url = f"http://127.0.0.1:{admin.port}/openapi.json"
    how = ("--checks", "all", "--max-examples", "10", "--generation-deterministic", "--no-color")
    ended = subprocess.run(
        [SCHEMATHESIS, "run", url, "--header", f"Authorization: Bearer {TOKEN}", *how, *options],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert 'status="500"' not in admin.ask("GET", "/metrics")[1].decode()
    return ended.stdout


def test_schemathesis_finds_no_answer_that_is_not_described(admin, tmp_path):
    said = schemathesis(admin, tmp_path)
    assert "18 selected / 18 total" in said  # all but the description itself


def test_schemathesis_finds_none_where_there_is_what_it_asks_for_either(admin, tmp_path):
    agent, customer = admin.server.join("agnes", "shop"), admin.server.customer("carl", "shop")
    customer.ask("createContainer", acceptId="agnes")
    assert agent.receive()["action"] == "in"
    assert agent.receive()["eventType"] == "createContainer"
    names = '"path.room" = "shop"\n"path.container" = "carl"\n"path.user" = "agnes"\n'
    (tmp_path / "schemathesis.toml").write_text(f"[parameters]\n{names}")
    spared = ("--exclude-operation-id", "kick", "--exclude-operation-id", "close_container")
    said = schemathesis(admin, tmp_path, "--phases", "fuzzing", *spared)
    assert "16 selected / 18 total" in said
    assert admin.get("/v1/rooms/shop")["online"] == 2
    assert admin.get("/v1/rooms/shop/containers/carl")["members"] == ["carl"]


def test_a_unix_socket_will_do_and_its_clients_have_no_address(tmp_path):
    path = tmp_path / "admin.sock"
    with Admin(tmp_path, f"unix:{path}:mode=600") as admin, socket.socket(socket.AF_UNIX) as client:
        assert path.stat().st_mode & 0o777 == 0o600
        client.connect(str(path))
        client.sendall(b"GET /v1/rooms HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 401 ")
        admin.server.wait_for(r"unix GET /v1/rooms: 401")


def test_a_new_token_is_asked_for_after_a_reload(tmp_path):
    with Admin(tmp_path) as admin:
        assert admin.get("/readyz")["ready"]
        admin.token_file.write_text("another-token-altogether")
        admin.server.process.send_signal(signal.SIGHUP)
        admin.server.wait_for("read again")
        assert admin.ask("GET", "/readyz")[0] == 401
        assert admin.ask("GET", "/readyz", token="another-token-altogether")[0] == 200


def test_at_the_end_the_api_answers_until_the_last_connection_is_gone(tmp_path):
    with Admin(tmp_path) as admin, admin.server.dial() as slow, closing(admin.connect()) as watcher:
        slow.join(userId="slow")
        admin.server.signal(signal.SIGTERM)
        assert slow.closed()[0] == 1001
        watcher.request("GET", "/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
        answer = watcher.getresponse()
        assert (answer.status, json.loads(answer.read())["ready"]) == (503, False)
        slow.hang_up()
