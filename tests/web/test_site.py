"""HTTP: the pages, and what every answer says that a browser may do with it."""

import pytest
from twisted.logger import LogEvent

from chatd import __version__
from chatd.config import Server, Web
from chatd.web.files import File, read
from chatd.web.site import MOST
from tests.web.shop_window import Window

SHOP = "https://shop.example"


@pytest.fixture
def shared() -> File:
    """What other sites' pages may use."""
    return File(b"export {}", "text/javascript; charset=utf-8", '"tag"', True)


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch):
    """Adds a file to those that are served from now on."""

    def add(path: str, file: File) -> None:
        files = {**read(), path: file}
        monkeypatch.setattr("chatd.web.files.read", lambda: files)

    return add


def policy(answer) -> dict[str, str]:
    """The directives of a Content-Security-Policy."""
    directives = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (directive.partition(" ") for directive in directives)}


# -- files ------------------------------------------------------------------------------------------


def test_every_file_is_served(window: Window):
    for path, file in read().items():
        answer = window.get(path)
        assert (answer.status, answer.body) == (200, file.content), path
        assert answer.headers["content-type"] == file.content_type
        assert answer.headers["content-length"] == str(len(file.content))


def test_a_query_makes_no_difference(window: Window):
    assert window.get("/?room=lobby&name=Ann").body == window.get("/").body


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/nothing",
            "/index",
            "/../site.py",
            "/parts/../../site.py",
            "/%2e%2e/site.py",
            "//",
            "*",
            "/config",
        ),
        *("/admin/api/v1/rooms", "http://127.0.0.1:9327/", "/index.html%00", "/parts", "/parts/", "/%ff"),
    ],
)
def test_what_is_not_there_is_404_in_plain_text(window: Window, path: str):
    answer = window.get(path)
    assert (answer.status, answer.body) == (404, b"There is nothing here.\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
@pytest.mark.parametrize("path", ["/", "/config.json", "/nothing"])
def test_another_method_is_405_in_plain_text(window: Window, method: str, path: str):
    answer = window.ask(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.body == b"Only GET and HEAD can be done here.\n"


@pytest.mark.parametrize("path", ["/", "/config.json", "/nothing"])
def test_head_is_get_without_the_body(window: Window, path: str):
    got, headed = window.get(path), window.ask("HEAD", path)
    assert headed.body == b""
    assert (headed.status, headed.headers) == (got.status, got.headers)


def test_several_requests_may_share_a_connection(window: Window):
    visit = window.dial()
    assert visit is not None
    assert [visit.ask("GET", path).status for path in ("/", "/nothing", "/config.json")] == [200, 404, 200]


def test_a_body_is_read_and_forgotten(window: Window):
    visit = window.dial()
    assert visit is not None
    visit.send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 999_999)
    assert visit.transport.value() == b""
    visit.send(b"x")
    assert visit.transport.value().startswith(b"HTTP/1.1 200 ")


# -- once more --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"other",W/{} , "more"', "*"])
def test_what_a_browser_has_is_not_sent_again(window: Window, form: str):
    first = window.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = window.get("/", If_None_Match=form.format(first.headers["etag"]))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]


@pytest.mark.parametrize("form", ['"other"', "{}x", "", "x*"])
def test_what_it_has_not_is_sent(window: Window, form: str):
    etag = window.get("/").headers["etag"].strip('"')
    assert window.get("/", If_None_Match=form.format(etag)).status == 200


def test_where_the_chat_is_is_asked_each_time(window: Window):
    assert window.get("/config.json").headers["cache-control"] == "no-store"


# -- what a browser may do --------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/config.json", "/nothing"])
def test_every_answer_says_what_its_page_may_do(window: Window, path: str):
    answer = window.get(path)
    assert policy(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' https: http: data: blob:",
        "media-src": "https: http: blob:",
        "connect-src": "'self' ws://127.0.0.1:9326",
        "form-action": "'none'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["server"] == "chatd"
    assert "access-control-allow-origin" not in answer.headers


def test_a_page_shares_its_process_with_no_page_that_opened_it(window: Window):
    assert window.get("/").headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("websocket", "source"),
    [
        ("wss://chat.example/", "wss://chat.example"),
        ("wss://chat.example:8443/chat/", "wss://chat.example:8443"),
        ("ws://[2001:db8::1]:9326/", "ws:"),  # CSP has no way to write it
    ],
)
def test_a_page_may_connect_to_where_the_chat_is(open_window, websocket: str, source: str):
    window = open_window(web=Web(websocket=websocket))
    assert policy(window.get("/"))["connect-src"] == f"'self' {source}"
    assert window.get("/config.json").json["websocket"] == websocket


@pytest.mark.parametrize(
    ("host", "chat"),
    [
        ("127.0.0.1:9327", "ws://127.0.0.1:9326/"),
        ("localhost:9327", "ws://localhost:9326/"),
        ("Chat_1.example", "ws://Chat_1.example:9326/"),
        ("[::1]:9327", "ws://[::1]:9326/"),
    ],
)
def test_a_page_is_told_where_the_chat_is_from_where_it_is(window: Window, host: str, chat: str):
    assert window.get("/config.json", Host=host).json == {
        "websocket": chat,
        "admin": False,
        "replies": {},
        "version": __version__,
    }


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            "x;script-src *",
            "x y",
            "x'",
            'x"',
            "a,b",
            "-x",
            ".x",
            "x:y",
            "x:",
            "x:123456",
            "x/y",
            "x@y",
            "ü",
        ),
        *("[::1", "[x]", "[]", "::1", "x" * 254, "x#", "x?", "x\\y", "*", "x%0a", "http://x", "[::1]x"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/config.json", "/nothing"])
def test_a_host_that_is_no_name_is_400_and_stands_nowhere(window: Window, path: str, host: str):
    answer = window.get(path, Host=host)
    assert (answer.status, answer.body) == (400, b"The header Host is missing, or has no sound name.\n")
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


# -- other sites ------------------------------------------------------------------------------------


def test_all_may_use_what_is_shared(add, shared, open_window):
    add("/widget.js", shared)
    answer = open_window().get("/widget.js", Origin="https://any.example")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SHOP, SHOP),
        ("", None),
        ("https://evil.example", None),
        ("null", None),
        (f"{SHOP}.evil", None),
        ("*", None),
    ],
)
def test_only_pages_that_may_connect_may_use_it(add, shared, open_window, origin: str, allowed: str | None):
    add("/widget.js", shared)
    answer = open_window(server=Server(origins=(SHOP, "http://a.example"))).get("/widget.js", Origin=origin)
    assert answer.headers.get("access-control-allow-origin") == allowed
    assert answer.headers["vary"] == "Origin"
    assert answer.status == 200


def test_what_is_not_shared_nobody_else_may_use(open_window):
    answer = open_window(server=Server(origins=(SHOP,))).get("/config.json", Origin=SHOP)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# -- too much ---------------------------------------------------------------------------------------


def test_one_visitor_too_many_is_closed_and_may_come_when_another_has_gone(window: Window):
    visits = [window.dial() for _ in range(MOST)]
    assert None not in visits
    assert window.dial() is None
    visits[0].hang_up()
    assert window.get("/").status == 200


def test_who_says_nothing_is_closed(window: Window):
    visit = window.dial()
    assert visit is not None
    window.clock.advance(16)
    assert visit.transport.disconnecting


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01" + bytes(100) + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400_or_the_end(window: Window, data: bytes):
    visit = window.dial()
    assert visit is not None
    visit.send(data)
    assert visit.transport.value().startswith(b"HTTP/1.1 400 ")
    assert visit.transport.disconnecting


def test_a_head_without_end_is_refused(window: Window):
    visit = window.dial()
    assert visit is not None
    visit.send(b"GET / HTTP/1.1\r\n" + b"X-Flood: y\r\n" * 2000)
    assert visit.transport.disconnecting


def test_a_bug_is_500_and_in_the_log_and_tells_nothing(
    window: Window, log: list[LogEvent], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("chatd.web.site._ETAG", None)
    assert window.get("/").body == b"This is a bug. The log has more.\n"
    (failure,) = [event["log_failure"] for event in log if "log_failure" in event]
    assert failure.type is AttributeError
    log.clear()
