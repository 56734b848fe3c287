"""The admin API in memory: a whole house, and HTTP bytes to and from its side door.

office = Office(tmp_path)
assert office.get("/v1/rooms").json == {"rooms": [], "next": None}

Every answer that comes with the token must be one that the API's own description has.
"""

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema_rs
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from chatd.admin.access import Token
from chatd.admin.door import Opening
from chatd.config import Config
from chatd.interfaces import IMessageStore
from tests.building import Building, Doorway

TOKEN = "a-token-of-a-test"


class Answer:
    """An answer's status, headers (their names in lower case) and body."""

    def __init__(self, received: bytes) -> None:
        head, _, self.body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        self.status = int(status.split()[1])
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def json(self) -> Any:
        """The body's JSON."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Of a refusal: status, code and sentence."""
        assert self.json.keys() == {"error", "message"}
        return self.status, self.json["error"], self.json["message"]


class Office(Building):
    """A house with an admin API.

    :param folder: for the file of the token.
    :param kept_by: the store; where there is none, nothing is stored.
    :param sections: of the configuration.
    """

    def __init__(self, folder: Path, kept_by: IMessageStore | None = None, /, **sections: Any) -> None:
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.token_file.chmod(0o600)
        self.side = Doorway()
        opening = Opening("side", self.side, Token(self.token_file))
        super().__init__(Config(**sections), kept_by, admin=opening)
        line = Line(self)
        line.ask("GET", "/openapi.json")
        self.description = _parsed(line.answer().body)
        """The API's description of itself."""

    # -- requests -----------------------------------------------------------------------------------

    def get(self, path: str, **headers: str) -> Answer:
        """What there is."""
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Do something."""
        return self.ask("POST", path, json.dumps(body).encode(), **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        """Set something."""
        return self.ask("PUT", path, json.dumps(body).encode(), **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        """Make an end of something."""
        return self.ask("DELETE", path, **headers)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """A request with the token; ``Content_Type`` stands for the header so named."""
        line = Line(self)
        line.ask(method, path, body, **headers)
        answer = line.answer()
        self.check(method, path, answer)
        return answer

    # -- the description ----------------------------------------------------------------------------

    def check(self, method: str, path: str, answer: Answer) -> None:
        """The description has such an answer."""
        described = self.description["paths"]
        paths = [known for known in described if _is_of(known, path.partition("?")[0])]
        if answer.status == 404 and not paths:
            return
        operations = described[paths[0]]
        if answer.status == 405:
            assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == {
                name.upper() for name in operations
            }
            return
        response = operations["get" if method == "HEAD" else method.lower()]["responses"][str(answer.status)]
        assert all(name.lower() in answer.headers for name in response.get("headers", ()))
        if "content" not in response:
            assert answer.body == b""
        elif method != "HEAD":
            ((kind, media),) = response["content"].items()
            assert answer.headers["content-type"].partition(";")[0] == kind
            if kind == "application/json":
                root = {"components": self.description["components"], **media["schema"]}
                jsonschema_rs.Draft202012Validator(root).validate(answer.json)


class Line:
    """One connection to the side door, on which a request may be sent in pieces."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.transport = StringTransport()
        self._channel = office.side.factory.buildProtocol(self.transport.getPeer())
        self._channel.makeConnection(self.transport)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> None:
        """A whole request; with the token, unless ``Authorization`` says otherwise: empty, there is none."""
        fields = {"Host": "chatd", "Authorization": f"Bearer {TOKEN}"}
        if body is not None:
            fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items() if value]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""])
        self.send(head.encode("latin-1") + (body or b""))

    def send(self, data: bytes) -> None:
        """Bytes, and the end of the turn."""
        self._channel.dataReceived(data)
        self._office.settle()

    def hang_up(self) -> None:
        """The client is gone."""
        self._channel.connectionLost(Failure(ConnectionDone()))

    @property
    def has_answer(self) -> bool:
        """Whether anything has come back."""
        return bool(self.transport.value())

    def answer(self) -> Answer:
        """The answer that has come, whole."""
        answer = Answer(self.transport.value())
        self.transport.clear()
        return answer


def _is_of(described: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", described), path) is not None


@lru_cache(maxsize=1)
def _parsed(description: bytes) -> Any:
    return json.loads(description)
