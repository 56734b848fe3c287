"""HTTP: the token first, then paths, methods and bodies; whatever comes, an answer in JSON."""

import json
from urllib.parse import quote

import pytest
from twisted.logger import LogEvent

from tests.admin.office import TOKEN, Line, Office
from tests.stores import HeldStore, PromptStore

HELLO = {"messageType": "text", "messageContent": "hello"}


def described(office: Office) -> list[tuple[str, str]]:
    """Every method and path there is."""
    paths = office.description["paths"]
    return [(method.upper(), path) for path in paths for method in paths[path]]


# -- the token --------------------------------------------------------------------------------------


@pytest.mark.parametrize("authorization", ["", "Bearer not-the-token-at-all", f"Basic {TOKEN}"])
@pytest.mark.parametrize("body", [None, b"{}", b"{", b"x" * 3_000_000])
def test_without_the_token_nothing_but_healthz_is_answered(
    office: Office, authorization: str, body: bytes | None
) -> None:
    office.connect(roomName="shop")
    found = described(office)
    assert len(found) == 19
    nowhere = [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("TRACE", "/v1/rooms"),
        ("GET", "/v1/rooms/%ff"),
        ("OPTIONS", "*"),
    ]
    for method, path in [*found, *nowhere]:
        if path == "/healthz":
            continue
        line = Line(office)
        line.ask(method, path.replace("{room}", "shop") + "?x=1", body, Authorization=authorization)
        answer = line.answer()
        assert answer.error[:2] == (401, "unauthorized"), path
        assert answer.headers["www-authenticate"] == 'Bearer realm="chatd"'


def test_healthz_is_answered_without_the_token(office: Office) -> None:
    assert office.get("/healthz", Authorization="").json == {"alive": True}


def test_the_token_is_in_no_answer_and_in_no_line_of_the_log(office: Office, log: list[LogEvent]) -> None:
    bodies = [office.ask(method, path, b"{}").body for method, path in described(office)]
    assert TOKEN.encode() not in b"".join(bodies)
    assert TOKEN not in repr(log)


def test_who_changes_something_or_has_no_token_stands_in_the_log_without_the_query(
    office: Office, log: list[LogEvent]
) -> None:
    log.clear()
    office.get("/v1/rooms")
    office.get("/v1/rooms?secret=1", Authorization="")
    office.post("/v1/rooms/shop%0A/messages?secret=1", HELLO)
    lines = [event["log_format"].format(**event) for event in log if "method" in event]
    peer = "192.168.1.1:54321"
    assert lines == [f"{peer} GET /v1/rooms: 401", f"{peer} POST /v1/rooms/shop%0A/messages: 400"]
    assert "hello" not in repr(log)


# -- paths and methods ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/", "/v1/rooms/", "/healthz/", "/v1/rooms//messages", "//healthz", "*"]
)
def test_a_path_that_is_not_there_is_404(office: Office, path: str) -> None:
    assert office.get(path).error == (404, "not_found", "There is nothing here.")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/v1/rooms", "GET, HEAD"),
        ("OPTIONS", "/v1/online", "POST"),
        ("get", "/healthz", "GET, HEAD"),
        ("PATCH", "/v1/autoreplies/x", "PUT, DELETE"),
        ("TRACE", "/v1/rooms/a/containers/b", "GET, HEAD, DELETE"),
    ],
)
def test_a_method_that_is_not_there_is_405_and_told_which_are(
    office: Office, method: str, path: str, allow: str
) -> None:
    answer = office.ask(method, path)
    assert answer.error == (405, "method_not_allowed", f"Only {allow} can be done here.")
    assert answer.headers["allow"] == allow


def test_head_is_get_without_the_body(office: Office) -> None:
    got, headed = office.get("/v1/rooms"), office.ask("HEAD", "/v1/rooms")
    assert headed.body == b""
    assert headed.headers == got.headers
    assert int(headed.headers["content-length"]) == len(got.body)


@pytest.mark.parametrize(
    "name",
    ["a/b", "a b", "ünï", "商店", "?", "#", "%", "a&b=c", "..", ".", "😀" * 128, "+", "\\", '"', "{room}"],
)
def test_a_name_may_hold_any_character(office: Office, name: str) -> None:
    office.connect(roomName=name)
    assert office.get(f"/v1/rooms/{quote(name, safe='')}").json["name"] == name


@pytest.mark.parametrize("segment", ["%00", "a%0A", "%C2%80", "x" * 129])
def test_what_can_be_no_name_is_400(office: Office, segment: str) -> None:
    status, code, sentence = office.get(f"/v1/rooms/{segment}").error
    assert (status, code) == (400, "bad_parameter")
    assert sentence.startswith("room: must ")


def test_a_path_that_is_no_utf8_is_400(office: Office) -> None:
    sentence = "The path is not percent-encoded UTF-8."
    assert office.get("/v1/rooms/%FF").error == (400, "bad_parameter", sentence)


# -- queries ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("limit=0", "limit: expected int >= 1."),
        ("limit=1001", "limit: expected int <= 1000."),
        ("limit=ten", "limit: expected int, got str."),
        ("limit=", "limit: expected int, got str."),
        ("limit=1&limit=2", "A parameter is given twice."),
        ("sort=name", "Object contains unknown field sort."),
        ("after=" + "x" * 258, "after: expected str of length <= 257."),
        ("after=%FF", "The query is not percent-encoded UTF-8, or too long."),
        (
            "&".join(f"a{number}=" for number in range(30)),
            "The query is not percent-encoded UTF-8, or too long.",
        ),
    ],
)
def test_a_query_that_is_not_sound_is_400(office: Office, query: str, sentence: str) -> None:
    assert office.get(f"/v1/rooms?{query}").error == (400, "bad_parameter", sentence)


# -- bodies -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "ü/ü"],
)
def test_a_body_that_is_not_called_json_is_415(office: Office, kind: str) -> None:
    answer = office.post("/v1/online", {"rooms": []}, Content_Type=kind)
    assert answer.error == (
        415,
        "unsupported_media_type",
        "The body must be application/json, not compressed.",
    )


def test_a_compressed_body_is_415(office: Office) -> None:
    assert office.post("/v1/online", {"rooms": []}, Content_Encoding="gzip").status == 415


def test_json_may_be_called_by_its_charset(office: Office) -> None:
    assert (
        office.post("/v1/online", {"rooms": []}, Content_Type="Application/JSON; charset=utf-8").status == 200
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b'{"rooms":["\xff"]}', b"[" * 100_000, b"{}{}", b'"\\ud800"']
)
def test_what_is_no_json_is_400(office: Office, body: bytes) -> None:
    status, code, sentence = office.ask("POST", "/v1/online", body).error
    assert (status, code) in [(400, "bad_json"), (422, "bad_body")]
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Object missing required field rooms."),
        ([], "Expected object, got array."),
        ({"rooms": [], "users": []}, "Object contains unknown field users."),
        ({"rooms": [1]}, "rooms[0]: expected str, got int."),
        ({"rooms": [""]}, "rooms[0]: expected str of length >= 1."),
        ({"rooms": ["x"] * 1001}, "rooms: expected array of length <= 1000."),
    ],
)
def test_a_body_of_another_shape_is_422(office: Office, body: object, sentence: str) -> None:
    assert office.post("/v1/online", body).error == (422, "bad_body", sentence)


def test_a_body_where_there_is_none_to_say_is_400(office: Office) -> None:
    sentence = "There is nothing to say in a body here."
    assert office.ask("GET", "/v1/rooms", b"{}").error == (400, "bad_parameter", sentence)


def test_a_thousand_long_names_are_not_too_large(office: Office) -> None:
    names = [f"{number:03}" + "😀" * 125 for number in range(1000)]
    assert len(office.post("/v1/online", {"rooms": names}).json["online"]) == 1000


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 10_000_000])
def test_a_body_that_is_too_large_is_413(office: Office, size: int) -> None:
    answer = office.ask("POST", "/v1/online", b" " * size)
    assert answer.error == (413, "too_large", "The body may have at most 2097152 bytes.")


def test_a_message_may_be_no_larger_than_a_clients(office: Office) -> None:
    answer = office.post("/v1/rooms/shop/messages", HELLO | {"messageContent": "x" * 65_536})
    assert answer.error == (413, "too_large", "The body may have at most 65536 bytes.")


def test_a_body_in_chunks_is_a_body(office: Office) -> None:
    line = Line(office)
    line.ask("POST", "/v1/online", Transfer_Encoding="chunked", Content_Type="application/json")
    line.send(b'9\r\n{"rooms":\r\n')
    assert not line.has_answer
    line.send(b"3\r\n[]}\r\n0\r\n\r\n")
    assert line.answer().json == {"online": {}}


def test_who_sends_without_end_is_cut_off(office: Office) -> None:
    line = Line(office)
    line.ask("POST", "/v1/online", Transfer_Encoding="chunked")
    for _ in range(33):
        assert not line.transport.disconnecting
        line.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
    assert line.transport.disconnecting


# -- answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/autoreplies/x", 404),
    ],
)
def test_every_answer_says_that_it_is_not_to_be_kept_or_guessed_at(
    office: Office, method: str, path: str, status: int
) -> None:
    answer = office.ask(method, path)
    assert answer.status == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["server"] == "chatd"


def test_several_requests_may_share_a_connection(office: Office) -> None:
    line = Line(office)
    line.ask("GET", "/healthz")
    assert line.answer().status == 200
    line.ask("GET", "/v1/rooms")
    assert line.answer().status == 200


def test_a_client_that_is_gone_is_not_answered(open_office) -> None:
    store = HeldStore(PromptStore())
    office = open_office(store)
    line = Line(office)
    line.ask("POST", "/v1/rooms/shop/messages", json.dumps(HELLO).encode())
    line.hang_up()
    office.settle()
    store.keep()
    assert not line.has_answer
    assert 'chatd_admin_answers_total{status="201"} 1.0' in office.get("/metrics").body.decode()


def test_an_idle_connection_is_ended(office: Office) -> None:
    line = Line(office)
    office.clock.advance(61)
    assert line.transport.disconnecting


def test_a_bug_is_500_and_in_the_log_and_tells_nothing(
    office: Office, log: list[LogEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.house.readiness, "reasons", lambda: 1 / 0)
    line = Line(office)
    line.ask("GET", "/readyz")
    assert line.answer().error == (500, "internal_error", "This is a bug. The log has more.")
    (failure,) = [event["log_failure"] for event in log if "log_failure" in event]
    assert failure.type is ZeroDivisionError
    log.clear()
