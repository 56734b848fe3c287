"""What nobody may write into the log: lines of their own, and their secrets."""

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.abuse.conftest import write_accounts
from tests.client import CLOSE, TEXT
from tests.house import target
from tests.processes.servers import Server

LOUDEST = "--logger=tests.processes.loudest.observer"
JSON = "--logger=chatd.logs.json_observer"

# -- injection --------------------------------------------------------------------------------------

BREAKS = [
    "\n",
    "\r",
    "\r\n",
    "\v",
    "\f",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\x1b[2K\x1b[1G",
    "\0",
]
FORGED = "2026-11-25T08:15:30+0000 [chatd.protocol#info] FORGED joined as 'root' in 'vault'"
FIELDS = [
    "name",
    "senderType",
    "userId",
    "roomName",
    "icon",
    "containerId",
    "targetId",
    "clientType",
    "account",
]
HEADERS = [
    "Host",
    "Origin",
    "User_Agent",
    "X_Forwarded_For",
    "Sec_WebSocket_Protocol",
    "Sec_WebSocket_Extensions",
]
MEMBERS = ["messageContent", "messageType", "eventType", "acceptId", "userIcon", "containerId", "targetId"]
MORE_MEMBERS = ["clientMessageId", "after", "before", "limit", "userIconUpdate"]


def inject(server: Server, line_break: str) -> None:
    """Put a forged line into everything that a client can say."""
    forged = f"x{line_break}{FORGED}"
    for field in (*FIELDS, "password", "after", "unknown"):
        with server.dial() as client:
            client.send_request(target(**{field: forged}))
            client.shut()
            client.remains()
    for header in HEADERS:
        with server.dial() as client:
            client.send_request(target(), **{header: forged})
            client.shut()
            client.remains()
    with server.dial() as client:
        client.send_bytes(f"GET /{forged} HTTP/1.1\r\n\r\n".encode())
        client.shut()
        client.remains()
    with server.dial().join() as client:
        for member in (*MEMBERS, *MORE_MEMBERS):
            message = {"messageType": "text", "messageContent": "x", member: forged}
            client.send_frame(TEXT, json.dumps(message).encode())
            client.hear_all()
        for event in ("updateUserInfo", "updateRoomName", "autoReturn", "removeContainer", forged):
            client.send_frame(TEXT, json.dumps({"eventType": event, "messageContent": forged}).encode())
            client.hear_all()
        client.send_frame(CLOSE, (1000).to_bytes(2) + forged.encode()[:100])
        client.remains()


CONFIG = '[server]\nproxies = ["127.0.0.1"]\n[log]\nlevel = "debug"\n'


def test_no_line_of_the_log_is_a_clients(start: Callable[..., Server]) -> None:
    server = start(CONFIG, options=(LOUDEST,))
    for line_break in BREAKS:
        inject(server, line_break)
    log = server.stop()
    assert "FORGED" in log, "nothing of it was logged, so nothing was tested"
    for line in log.splitlines():  # str's, at whatever may count as the end of a line
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} \[", line), repr(line)
        assert not line.startswith(FORGED)
        assert line.replace("\t", "").isprintable(), repr(line)


def test_no_event_of_the_json_log_is_a_clients(start: Callable[..., Server]) -> None:
    server = start(CONFIG, options=(JSON,))
    for line_break in BREAKS:
        inject(server, line_break)
    log = server.stop()
    assert "FORGED" in log
    for line in log.splitlines():
        event = json.loads(line)
        assert line.isascii()
        assert {"time", "level", "logger", "message"} <= event.keys()
        assert not event["message"].startswith(FORGED)
        assert event["message"].isprintable()


# -- secrets ----------------------------------------------------------------------------------------

ACCOUNT = "0wner.of.the.shop"
UNKNOWN = "o'wner ä.of%the shop"
WRONG = "deadbeefdeadbeefdeadbeefdeadbeef"
RIGHT = "5f4dcc3b5aa765d61d8327deb882cf99"


class Gossip(BaseHTTPRequestHandler):
    """An endpoint that repeats whatever it is told, with each request another way of being no answer."""

    answers: Iterator[tuple[int, Callable[[bytes], bytes]]]

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        status, body = next(self.answers)
        answer = body(asked)
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1/" + quote(asked))
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Nothing of it in the tests' output."""


ANSWERS: list[tuple[int, Callable[[bytes], bytes]]] = [
    (200, lambda asked: asked),
    (200, lambda asked: b"no JSON: " + asked),
    (200, lambda asked: json.dumps({"ok": asked.decode()}).encode()),
    (200, lambda asked: json.dumps({"ok": True, "userId": 1, "name": asked.decode()}).encode()),
    (200, lambda asked: json.dumps({"ok": True, "name": asked.decode()}).encode()),
    (200, lambda asked: json.dumps({"ok": False, "error": asked.decode()}).encode()),
    (302, lambda asked: asked),
    (500, lambda asked: asked),
    (401, lambda asked: asked),
]


@pytest.fixture
def gossip() -> Iterator[str]:
    """Such an endpoint's URL; each way twice, for a request is tried twice."""
    Gossip.answers = iter([answer for answer in ANSWERS for _ in range(2)] + ANSWERS * 20)
    with HTTPServer(("127.0.0.1", 0), Gossip) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}/login"
        web.shutdown()
        thread.join()


PROJECTS = """
[log]
level = "debug"
[auth]
remember = 0.001
failures = 1000
[auth.file]
kind = "file"
path = "accounts"
[auth.http]
kind = "http"
url = "{url}"
secret = "the-secret-of-the-endpoint"
[auth.sql]
kind = "sql"
url = "sqlite:staff.sqlite"
query = "{query}"
"""
QUERIES = [
    "SELECT password, userid FROM staff WHERE login = :account",
    "SELECT json(:account) AS password",
    "SELECT json(:password) AS userid WHERE :account IS NOT NULL",
    "SELECT :account || :password AS password",
    "SELECT :account AS password, :password AS role FROM nowhere",
    "SELECT zeroblob(length(:account) * 1000000000) AS password",
    "SELECT :account AS password UNION SELECT :password",
    "SELECT x'ff' || :password AS name WHERE :account IS NOT NULL",
]


def staff(folder: Path) -> None:
    """The database of one of the projects."""
    with closing(sqlite3.connect(folder / "staff.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE staff (login TEXT, password TEXT, userid TEXT)")
        connection.execute("INSERT INTO staff VALUES (?, ?, NULL)", (ACCOUNT, RIGHT))


@pytest.mark.parametrize("query", QUERIES)
def test_no_secret_is_in_any_output_or_answer(
    start: Callable[..., Server], tmp_path: Path, gossip: str, query: str
) -> None:
    """Right and wrong, known and unknown, at checkers that work, fail and repeat what they hear."""
    write_accounts(tmp_path, ACCOUNT)
    staff(tmp_path)
    server = start(PROJECTS.format(url=gossip, query=query), options=(LOUDEST,))
    heard = b""
    logins = [(account, password) for account in (ACCOUNT, UNKNOWN) for password in (RIGHT, WRONG)]
    times = {"file": 1, "sql": 1, "http": 3}
    for project in times:
        for _ in range(times[project]):
            for account, password in logins:
                with server.dial() as client:
                    client.request(target(clientType=project, account=account, password=password, userId="u"))
                    client.shut()
                    heard += client.remains()
    (tmp_path / "accounts").write_text(f"{ACCOUNT}:{RIGHT}\n")  # a mistake of the operator's: no hash
    with server.dial() as client:
        client.request(target(clientType="file", account=ACCOUNT, password=RIGHT))
        client.shut()
        heard += client.remains()
    log = server.stop()
    assert "cannot be checked" in log or query == QUERIES[0]
    for secret in (ACCOUNT, UNKNOWN, quote(UNKNOWN, safe=""), RIGHT, WRONG, "the-secret-of-the-endpoint"):
        assert secret not in log, secret
        assert secret.encode() not in heard, secret
