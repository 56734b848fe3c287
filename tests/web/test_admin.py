"""The admin API at the pages' port: what can be asked there, by whom, and how often."""

import pytest
from twisted.logger import LogEvent

from chatd.config import Server
from tests.admin.office import TOKEN
from tests.web.shop_window import Window

RIGHT = {"Authorization": f"Bearer {TOKEN}"}
WRONG = {"Authorization": "Bearer not-the-token-at-all"}


@pytest.fixture
def office(open_window, opening) -> Window:
    """A window whose house has an admin API."""
    return open_window(admin=opening)


def test_a_page_is_told_whether_there_is_an_admin_api(office: Window):
    assert office.get("/config.json").json["admin"] is True


def test_what_can_be_got_there_can_be_got_here(office: Window):
    office.connect(userId="ann", roomName="商店")
    assert office.get("/admin/api/v1/rooms?limit=1", **RIGHT).json["rooms"][0]["name"] == "商店"
    assert office.get("/admin/api/v1/rooms/%E5%95%86%E5%BA%97", **RIGHT).json["online"] == 1
    assert b"chatd_connections 1.0" in office.get("/admin/api/metrics", **RIGHT).body
    assert office.get("/admin/api/readyz", **RIGHT).json["ready"] is True
    assert office.get("/admin/api/healthz").json == {"alive": True}


def test_head_is_get_without_the_body(office: Window):
    headed = office.ask("HEAD", "/admin/api/v1/rooms", **RIGHT)
    assert (headed.status, headed.body) == (200, b"")


def test_it_is_not_to_be_kept_or_shown(office: Window):
    answer = office.get("/admin/api/v1/rooms", Origin="https://shop.example", **RIGHT)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/admin/api/nothing", "/admin/api/", "/admin/api//v1/rooms"])
def test_what_is_not_there_is_404(office: Window, path: str):
    assert office.get(path, **RIGHT).error[:2] == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/v1/reload", "/v1/users/ann/kick", "/v1/autoreplies/x", "/v1/rooms"])
def test_nothing_can_be_done_there(office: Window, method: str, path: str):
    ann = office.connect(userId="ann")
    assert office.ask(method, f"/admin/api{path}", **RIGHT).status == 405
    assert ann.is_connected


@pytest.mark.parametrize("headers", [WRONG, {}, {"Authorization": f"Basic {TOKEN}"}])
@pytest.mark.parametrize("path", ["/v1/rooms", "/metrics", "/readyz", "/nothing"])
def test_without_the_token_it_is_401_and_in_the_log(
    office: Window, log: list[LogEvent], headers: dict[str, str], path: str
):
    answer = office.get(f"/admin/api{path}?secret=1", **headers)
    assert answer.error[:2] == (401, "unauthorized")
    (line,) = [event["log_format"].format(**event) for event in log if "method" in event]
    assert line == f"192.0.2.7:50000 GET /admin/api{path}: 401"


def guess(office: Window, times: int, peer: str = "192.0.2.7", **headers: str) -> list[int]:
    """The statuses of so many wrong tokens."""
    return [office.get("/admin/api/v1/rooms", peer, **WRONG, **headers).status for _ in range(times)]


def test_after_ten_wrong_tokens_none_is_looked_at_for_a_while(office: Window):
    assert guess(office, 12) == [401] * 10 + [429] * 2
    refused = office.get("/admin/api/v1/rooms", **RIGHT)
    assert (refused.status, refused.headers["retry-after"]) == (429, "6")
    office.clock.advance(6)
    assert office.get("/admin/api/v1/rooms", **RIGHT).status == 200
    assert guess(office, 2) == [401, 429]


def test_who_guesses_keeps_nobody_out_elsewhere(office: Window):
    guess(office, 12)
    assert office.get("/admin/api/v1/rooms", peer="192.0.2.8", **RIGHT).status == 200
    assert guess(office, 12, "2001:db8::1")[-1] == 429
    assert office.get("/admin/api/v1/rooms", peer="2001:db8::ffff:1", **WRONG).status == 429
    assert office.get("/admin/api/v1/rooms", peer="2001:db8:1::1", **WRONG).status == 401


def test_right_tokens_and_requests_without_one_are_no_guesses(office: Window):
    for _ in range(20):
        assert office.get("/admin/api/v1/rooms", **RIGHT).status == 200
        assert office.get("/admin/api/v1/rooms").status == 401


def test_behind_a_proxy_who_guesses_is_whom_it_names(open_window, opening):
    office = open_window(admin=opening, server=Server(proxies=("192.0.2.7",)))
    assert guess(office, 11, X_Forwarded_For="198.51.100.1")[-1] == 429
    assert guess(office, 11, X_Forwarded_For="198.51.100.2") == [401] * 10 + [429]


def test_whom_no_trusted_proxy_names_is_who_connects(office: Window):
    assert guess(office, 11, X_Forwarded_For="198.51.100.1")[-1] == 429
    assert guess(office, 1, X_Forwarded_For="198.51.100.2") == [429]


def test_without_an_admin_api_there_is_nothing(window: Window):
    assert window.get("/admin/api/v1/rooms", **RIGHT).body == b"There is nothing here.\n"
    assert window.get("/admin/api/healthz").status == 404
