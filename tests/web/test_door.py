"""Where the pages are: what the operator and a page are told, and who is sent there from the chat."""

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import LogEvent, LogLevel

from chatd.config import Config, Server, Web
from chatd.errors import StartError
from tests.building import Building
from tests.client import Client
from tests.web.shop_window import Window


def tcp(host: str, port: int) -> Any:
    """An address."""
    return (IPv6Address if ":" in host else IPv4Address)("TCP", host, port)


def told(log: list[LogEvent], level: Any = LogLevel.info) -> list[str]:
    """The lines of the pages' door."""
    return [
        event["log_format"].format(**event)
        for event in log
        if event["log_namespace"] == "chatd.web.door" and event["log_level"] is level
    ]


# -- the operator -----------------------------------------------------------------------------------

ADDRESSES = [
    (tcp("127.0.0.1", 50001), tcp("127.0.0.1", 50002), "http://127.0.0.1:50001/", "ws://127.0.0.1:50002/"),
    (tcp("0.0.0.0", 80), tcp("0.0.0.0", 81), "http://localhost:80/", "ws://localhost:81/"),
    (tcp("::", 80), tcp("::1", 81), "http://localhost:80/", "ws://[::1]:81/"),
    (tcp("192.0.2.1", 80), tcp("2001:db8::1", 81), "http://192.0.2.1:80/", "ws://[2001:db8::1]:81/"),
    (UNIXAddress(b"/p"), UNIXAddress(b"/c"), "pages", "door"),
]


@pytest.mark.parametrize(("address", "chat", "pages", "websocket"), ADDRESSES)
def test_the_log_says_what_to_open(
    open_window, log: list[LogEvent], address: Any, chat: Any, pages: str, websocket: str
):
    open_window(address=address, chat=chat)
    assert told(log) == [f"pages: {pages}", f"chat: {websocket}"]


def test_the_log_says_what_the_configuration_calls_them(open_window, log: list[LogEvent]):
    open_window(web=Web(url="https://chat.example/", websocket="wss://chat.example/"))
    assert told(log) == ["pages: https://chat.example/", "chat: wss://chat.example/"]


@pytest.mark.parametrize(
    ("url", "address", "origins", "warned"),
    [
        ("", "127.0.0.1", ("https://shop.example",), "http://127.0.0.1:9327"),
        ("", "127.0.0.1", ("https://shop.example", "http://127.0.0.1:9327"), None),
        ("", "127.0.0.1", ("http://localhost:9327",), None),
        ("", "127.0.0.1", ("http://localhost:9328",), "http://127.0.0.1:9327"),
        ("", "127.0.0.1", (), None),
        ("", "0.0.0.0", ("https://shop.example",), None),  # who knows what people call it
        ("https://chat.example/", "0.0.0.0", ("https://shop.example",), "https://chat.example"),
        ("https://chat.example/", "0.0.0.0", ("https://chat.example",), None),
    ],
)
def test_who_forgets_the_pages_own_origin_is_warned(
    open_window, log: list[LogEvent], url: str, address: str, origins: tuple[str, ...], warned: str | None
):
    open_window(address=tcp(address, 9327), web=Web(url=url), server=Server(origins=origins))
    line = f"server.origins leaves out {warned}: the pages may not connect"
    assert told(log, LogLevel.warn) == ([line] if warned else [])


def test_pages_that_cannot_be_read_are_one_line(monkeypatch: pytest.MonkeyPatch):
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "/x/index.html")

    monkeypatch.setattr("chatd.web.files.read", refuse)
    with pytest.raises(StartError, match=r"the pages cannot be read: .*'/x/index.html'$"):
        Window()


# -- pages ------------------------------------------------------------------------------------------


def test_a_page_finds_a_chat_behind_the_same_proxy_where_it_has_no_port(open_window):
    window = open_window(chat=UNIXAddress(b"/run/chat.sock"))
    assert window.get("/config.json", Host="chat.example:81").json["websocket"] == "ws://chat.example:81/"


# -- browsers at the chat's port --------------------------------------------------------------------


ANY = tcp("0.0.0.0", 8080)
HERE = tcp("127.0.0.1", 9327)


def look(building: Building, host: str = "127.0.0.1:9326", path: str = "/", **headers: str) -> Client:
    """Somebody who asks the chat's port for no WebSocket; an empty Host is left out."""
    protocol = building.factory.buildProtocol(tcp("127.0.0.1", 50000))
    client = Client(building.clock, protocol, building.settle)
    lines = [f"GET {path} HTTP/1.1", *([f"Host: {host}"] if host else [])]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    client.send_bytes(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    assert not client.is_connected
    return client


def location(client: Client) -> str | None:
    """Where an answer leads, if anywhere; if not, it must be the 426 that everybody gets."""
    if client.status == 307:
        fields = dict(line.split(": ", 1) for line in client.head.split("\r\n")[1:])
        assert fields["Cache-Control"] == "no-store"
        assert client.body == "This is a WebSocket server; its pages are elsewhere.\n"
        return fields["Location"]
    assert client.status == 426
    assert "Location" not in client.head
    assert client.body == "This is a WebSocket server: connect to it with a WebSocket client.\n"
    return None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.1.2.3", "LocalHost"])
@pytest.mark.parametrize("port", [":9326", ":80", ""])
def test_a_browser_on_this_machine_is_sent_to_the_pages(window: Window, host: str, port: str):
    assert location(look(window, host + port)) == f"http://{host}:9327/"


@pytest.mark.parametrize(
    "host",
    [
        "chat.example",
        "192.0.2.1:9326",
        "[2001:db8::1]",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
    ],
)
def test_a_browser_elsewhere_is_not_sent_to_pages_that_it_cannot_reach(window: Window, host: str):
    assert location(look(window, host)) is None


@pytest.mark.parametrize("host", ["chat.example", "192.0.2.1", "[2001:db8::1]", "127.0.0.1"])
def test_pages_for_all_are_at_the_host_that_was_asked_for(open_window, host: str):
    assert location(look(open_window(address=ANY), f"{host}:9326")) == f"http://{host}:8080/"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example/@", "//evil.example", "x@evil.example", "x\\evil.example", "x#", "x?y", "x:y", "x y"),
        *(
            "x\tSet-Cookie: a",
            "[evil.example]",
            "javascript:alert(1)",
            "-",
            "ü.example",
            "x:1:1",
            "x,y",
            "x" * 300,
        ),
    ],
)
def test_a_host_that_is_no_name_leads_nowhere(open_window, host: str):
    assert location(look(open_window(address=ANY), host)) is None


@pytest.mark.parametrize("host", ["chat.example", "127.0.0.1:9326", "evil.example/@", ""])
def test_where_the_configuration_names_the_pages_all_are_sent_there(open_window, host: str):
    window = open_window(web=Web(url="https://chat.example/"))
    assert location(look(window, host)) == "https://chat.example/"


@pytest.mark.parametrize(
    "path", ["/?name=Ann&password=secret", "//evil.example/", "/room", "http://evil.example/"]
)
def test_nothing_of_what_was_asked_for_is_in_the_way(window: Window, log: list[LogEvent], path: str):
    assert location(look(window, path=path)) == "http://127.0.0.1:9327/"
    assert "secret" not in repr(log)


def test_without_pages_nobody_is_sent_there():
    assert location(look(Building(Config()))) is None


def test_pages_on_a_unix_socket_are_nowhere_that_a_browser_could_go(open_window):
    assert location(look(open_window(address=UNIXAddress(b"/p")))) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "7"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
    ],
)
def test_who_wants_a_websocket_is_told_as_ever(window: Window, headers: dict[str, str]):
    assert location(look(window, **headers)) is None
    assert window.connect(userId="ann").status == 101


def test_it_is_counted_and_logged_as_a_refusal(window: Window, log: list[LogEvent]):
    look(window)
    assert window.factory.counts.refusals[307] == 1
    assert "refused 127.0.0.1:50000: HTTP 307" in [
        event["log_format"].format(**event) for event in log if "status" in event
    ]


# -- a reload ---------------------------------------------------------------------------------------


def test_origins_and_proxies_that_are_new_hold_at_once_and_addresses_at_the_next_start(
    open_window, opening, log: list[LogEvent]
):
    new = [Config()]
    window = open_window(admin=opening, read=lambda: new[0])
    new[0] = Config(
        server=Server(origins=("https://shop.example",), proxies=("192.0.2.7",)),
        web=Web(url="https://chat.example/"),
    )
    assert window.house.reload() is None
    assert told(log, LogLevel.warn) == [
        "server.origins leaves out http://127.0.0.1:9327: the pages may not connect"
    ]
    wrong = {"Authorization": "Bearer not-the-token-at-all"}
    for number in range(20):
        told_by_proxy = f"198.51.100.{number}"
        assert window.get("/admin/api/v1/rooms", X_Forwarded_For=told_by_proxy, **wrong).status == 401
    lines = [event["log_format"].format(**event) for event in log if event["log_namespace"] == "chatd.reload"]
    assert "at the next start, not before: web.url" in lines
    assert location(look(window)) == "http://127.0.0.1:9327/"


def test_a_page_is_told_the_automatic_replies_as_they_are_now(open_window):
    new = [Config(autoreply={"hours": "day and night", "hello": "您好"})]
    window = open_window(autoreply={"hours": "nine to five"}, read=lambda: new[0])
    assert window.get("/config.json").json["replies"] == {"hours": "nine to five"}
    assert window.house.reload() is None
    assert window.get("/config.json").json["replies"] == {"hours": "day and night", "hello": "您好"}


def test_the_door_stays_open_to_the_end(window: Window):
    window.stop()
    window.settle()
    assert window.door.closing and not window.has_ended
    window.door.closed.callback(None)
    window.settle()
    assert window.get("/").status == 200
