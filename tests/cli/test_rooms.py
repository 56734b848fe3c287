"""``python -m chatd rooms``: against a real HTTP server that answers as the admin API does."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from chatd.__main__ import main
from tests.certificates import Authority

TOKEN = "s3cret-token"
Answer = tuple[int, dict[str, str], bytes]


class Api(ThreadingHTTPServer):
    """An HTTP server for a ``with`` block; ``answers`` makes the answer to each target."""

    def __init__(self, answers: Callable[[str], Answer]) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.answers = answers
        self.asked: list[tuple[str, str | None]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "Api":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go as they like."""


class _Request(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"]))
        status, headers, content = self.server.answers(self.path)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def as_json(value: object, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def serve() -> Iterator[Callable[..., Api]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda answers: stack.enter_context(Api(answers))


def rooms(api: Api, token_file: Path, *more: str) -> int:
    return main(["rooms", "--admin", api.url, "--token-file", str(token_file), *more])


def failed(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a failure, without its beginning."""
    captured = capsys.readouterr()
    assert captured.out == "" and TOKEN not in captured.err and captured.err.count("\n") == 1
    return captured.err.removeprefix("chatd: ").removesuffix("\n")


def test_rooms_are_a_table(serve, token_file, capsys):
    page = {
        "rooms": [
            {"name": "lobby", "count": 12, "containers": 0},
            {"name": "a shop", "count": 3, "containers": 2},
        ]
    }
    api = serve(lambda target: as_json(page))
    assert rooms(api, token_file) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ROOM    ONLINE  CONTAINERS",
        "lobby       12           0",
        "a shop       3           2",
    ]
    assert api.asked == [("/v1/rooms?limit=100", f"Bearer {TOKEN}")]


def test_all_pages_are_asked_for(serve, token_file, capsys):
    pages = {"": (["a", "b"], "b & c"), "b & c": (["c"], None)}

    def answers(target: str) -> Answer:
        names, following = pages[parse_qs(urlsplit(target).query).get("after", [""])[0]]
        found = [{"name": name, "online": 1, "connections": 2, "containers": ["x"]} for name in names]
        return as_json({"rooms": found, "next": following})

    assert rooms(serve(answers), token_file) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["a", "1", "1"],
        ["b", "1", "1"],
        ["c", "1", "1"],
    ]


def test_json_is_a_line_a_room(serve, token_file, capsys):
    found = [{"name": "a\nb", "count": 1, "containers": 0, "more": [1]}, {"name": "\x9b"}]
    assert rooms(serve(lambda _: as_json({"rooms": found})), token_file, "--json") == 0
    output = capsys.readouterr().out
    assert [json.loads(line) for line in output.splitlines()] == found and "\x9b" not in output


def test_names_do_not_act_on_the_terminal(serve, token_file, capsys):
    found = [{"name": "\x1b[2J", "count": "\x1b", "containers": None}, {}, 7]
    assert rooms(serve(lambda _: as_json({"rooms": found})), token_file) == 0
    output = capsys.readouterr().out
    assert "\x1b" not in output and r"\x1b[2J" in output


def test_a_next_that_leads_nowhere_ends(serve, token_file, capsys):
    api = serve(lambda _: as_json({"rooms": [{"name": "a"}], "next": "a"}))
    assert rooms(api, token_file) == 0
    assert len(api.asked) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (as_json({"error": "no"}, 401), "--admin: HTTP 401 Unauthorized"),
        (as_json([]), "--admin: what answers there is no admin API of chatd"),
        (as_json({"rooms": {}}), "--admin: what answers there is no admin API of chatd"),
        ((200, {}, b"<html>"), "--admin: what answers there is no admin API of chatd"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "--admin: HTTP 302 Found"),
    ],
)
def test_any_other_answer_is_one_line(serve, token_file, capsys, answer, why):
    api = serve(lambda _: answer)
    assert rooms(api, token_file) == 1
    assert failed(capsys) == why
    assert len(api.asked) == 1


def test_nobody_who_answers_is_one_line(token_file, capsys):
    assert main(["rooms", "--admin", "http://127.0.0.1:1", "--token-file", str(token_file)]) == 1
    assert failed(capsys) == "--admin: [Errno 111] Connection refused"


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:1", "ftp://x", "http://", "http://ann:s3cret-token@x", "http://[bad", "http://x:port"],
)
def test_what_is_no_url_is_one_line(token_file, capsys, url):
    assert main(["rooms", "--admin", url, "--token-file", str(token_file)]) == 1
    assert failed(capsys) == "--admin: expected a URL such as http://127.0.0.1:9329"


@pytest.mark.parametrize("content", ["", "\n", "a\nb", "é"])
def test_a_file_without_a_token_is_one_line(tmp_path, capsys, content):
    path = tmp_path / "token"
    path.write_text(content)
    assert main(["rooms", "--token-file", str(path)]) == 1
    assert failed(capsys) == f"{path}: expected one line, the token"


def test_a_token_file_that_is_not_there_is_one_line(tmp_path, capsys):
    assert main(["rooms", "--token-file", str(tmp_path / "none")]) == 1
    assert failed(capsys) == f"{tmp_path / 'none'}: No such file or directory"


def test_by_https_the_certificate_is_verified(serve, token_file, tmp_path, capsys):
    authority = Authority(tmp_path)
    files = authority.issue("localhost")
    api = serve(lambda _: as_json({"rooms": []}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.certificate, files.key)
    api.socket = context.wrap_socket(api.socket, server_side=True)
    where = ["rooms", "--admin", f"https://localhost:{api.server_port}", "--token-file", str(token_file)]
    assert main(where) == 1
    assert "certificate verify failed" in failed(capsys)
    assert api.asked == []
    assert main([*where, "--ca-file", str(authority.file)]) == 0
