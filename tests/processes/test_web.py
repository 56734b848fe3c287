"""The pages of a real twistd: over TCP by an ordinary HTTP client, beside a chat that they lead to."""

import json
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from websockets.sync.client import connect

from chatd.web.files import read
from tests.certificates import Authority
from tests.house import target
from tests.processes.servers import ANY_PORT, PAGES, PATIENCE, Server, twistd

TOKEN = "the-token-of-a-process"


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """What is at a URL, redirects followed: status, headers (their names in lower case) and body."""
    request = Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, _lower(answer.headers), answer.read()
    except HTTPError as error:
        with error:
            return error.code, _lower(error.headers), error.read()


def _lower(headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.fixture
def server(start: Callable[..., Server]) -> Server:
    """A server with pages."""
    return start(PAGES)


def test_every_file_is_there(server: Server):
    for path, file in read().items():
        status, headers, body = get(server.web.removesuffix("/") + path)
        assert (status, body, headers["content-type"]) == (200, file.content, file.content_type), path


def test_a_page_finds_the_chat_where_it_is_told_to(server: Server):
    config = json.loads(get(f"{server.web}config.json")[2])
    assert config["websocket"] == f"ws://127.0.0.1:{server.port}/"
    with connect(config["websocket"].removesuffix("/") + target(), compression=None) as client:
        assert json.loads(client.recv(PATIENCE))["action"] == "in"


def test_what_a_browser_has_is_not_sent_again(server: Server):
    etag = get(server.web)[1]["etag"]
    assert get(server.web, If_None_Match=etag)[0] == 304


def test_who_opens_the_chats_port_comes_to_the_pages(server: Server):
    status, _, body = get(f"http://127.0.0.1:{server.port}/?name=Ann")
    assert (status, body) == (200, read()["/"].content)
    with server.dial() as somebody:
        assert somebody.request("/", Upgrade=None, Host="chat.example").startswith("HTTP/1.1 426 ")


def test_without_pages_there_is_no_second_port(start: Callable[..., Server]):
    server = start()
    assert get(f"http://127.0.0.1:{server.port}/")[0] == 426
    assert server.log.count("listening on") == 1


def test_the_admin_api_is_behind_its_token_there_too(start: Callable[..., Server], tmp_path: Path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    server = start(f'{PAGES}[admin]\nlisten = "unix:{tmp_path}/admin.sock"\ntoken_file = "{token}"\n')
    server.join("ann", "shop")
    url = f"{server.web}admin/api/v1/rooms"
    assert get(url)[0] == 401
    rooms = json.loads(get(url, Authorization=f"Bearer {TOKEN}")[2])["rooms"]
    assert [(room["name"], room["online"]) for room in rooms] == [("shop", 1)]
    server.wait_for(r"127\.0\.0\.1:\d+ GET /admin/api/v1/rooms: 401")
    token.write_text("another-token-altogether")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("read again: certificates")
    assert get(url, Authorization=f"Bearer {TOKEN}")[0] == 401


def test_pages_may_speak_tls(start: Callable[..., Server], tmp_path: Path):
    authority = Authority(tmp_path)
    server = start(f'[web]\nlisten = "ssl:0:interface=127.0.0.1:{authority.issue("localhost").endpoint}"\n')
    url = server.web.replace("127.0.0.1", "localhost")
    assert url.startswith("https://localhost:")
    with urlopen(url, timeout=PATIENCE, context=ssl.create_default_context(cafile=authority.file)) as answer:
        assert answer.read() == read()["/"].content


def test_a_chat_that_speaks_tls_is_told_so(start: Callable[..., Server], tmp_path: Path):
    authority = Authority(tmp_path)
    endpoint = f"ssl:0:interface=127.0.0.1:{authority.issue('localhost').endpoint}"
    server = start(f'[server]\nlisten = ["{endpoint}"]\n{PAGES}', listen=None)
    config = json.loads(get(server.web.replace("127.0.0.1", "localhost") + "config.json")[2])
    assert config["websocket"] == f"wss://localhost:{server.port}/"
    context = ssl.create_default_context(cafile=authority.file)
    address = config["websocket"].removesuffix("/") + target()
    with connect(address, ssl=context, compression=None) as client:
        assert json.loads(client.recv(PATIENCE))["action"] == "in"


def test_bytes_that_are_no_http_end_that_connection_alone(server: Server):
    port = int(server.web.rstrip("/").rpartition(":")[2])
    for data in (
        b"\x16\x03\x01\x00\xff" * 10 + b"\r\n\r\n",
        b"\x00" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"x" * 50_000,
    ):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as stranger:
            try:
                stranger.sendall(data)
                assert stranger.recv(4096)[:12] in (b"HTTP/1.1 400", b"")
            except ConnectionError:
                pass  # it was not even read
    assert get(server.web)[0] == 200


def test_a_port_that_is_taken_is_one_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "c.toml").write_text(f'[web]\nlisten = "tcp:{port}:interface=127.0.0.1"\n')
        ended = twistd("-n", "--pidfile=", "chatd", "--listen", ANY_PORT, "-c", "c.toml", cwd=tmp_path)
    line = f"chatd: Couldn't listen on 127.0.0.1:{port}: [Errno 98] Address already in use.\n"
    assert (ended.returncode, ended.stderr) == (1, line)


def test_check_says_what_is_wrong_with_an_address_in_one_line(tmp_path: Path):
    (tmp_path / "c.toml").write_text('[web]\nwebsocket = "https://chat.example/"\n')
    ended = twistd("-n", "--pidfile=", "chatd", "-c", "c.toml", "--check", cwd=tmp_path)
    line = 'web.websocket: expected a URL such as "wss://chat.example/", got "https://chat.example/"'
    assert (ended.returncode, ended.stderr) == (1, f"chatd: c.toml: {line}\n")
