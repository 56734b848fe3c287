"""The administration in a real browser: who may look, what is shown, and what is said when it cannot be."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import Axe
from tests.browser.cable import Cable
from tests.browser.conftest import CONFIG
from tests.browser.pages import KEEP_NOTHING, PATIENCE, Pages
from tests.processes.servers import Server

expect.set_options(timeout=PATIENCE)

TOKEN = "the-token-of-a-test"
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an admin API, for the whole module."""
    folder = tmp_path_factory.mktemp("chatd")
    with Server(folder, config(folder)) as server:
        yield server


def config(folder: Path) -> str:
    """Pages, and an admin API."""
    token = folder / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    return f'{CONFIG}[admin]\nlisten = "unix:{folder}/admin.sock"\ntoken_file = "{token}"\n'


def enter(page: Page, token: str = TOKEN) -> None:
    """Give the token."""
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Show").click()


def figure(page: Page, name: str) -> Locator:
    """One of the large numbers."""
    return page.locator("#tiles .tile").filter(has_text=re.compile(f"^{name}")).locator(".figure")


def rows(page: Page, table: str) -> list[list[str]]:
    """What a table says."""
    return [row.locator("th, td").all_text_contents() for row in page.locator(f"#{table} tbody tr").all()]


@pytest.fixture
def board(open: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the administration and gives the token."""

    def board(query: str = "", **options: Any) -> Page:
        page = open(f"admin{query}", **options)
        enter(page)
        expect(page.locator("#ready")).to_have_text("Ready")
        return page

    return board


# -- the gate ---------------------------------------------------------------------------------------


def test_the_token_is_asked_for_once_a_tab(board, open):
    page = board()
    page.reload()
    expect(page.locator("#ready")).to_have_text("Ready")
    expect(open("admin").get_by_label("Token")).to_be_focused()


def test_who_logs_out_is_asked_again(board):
    page = board()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#board")).to_be_hidden()
    expect(page.get_by_label("Token")).to_be_focused()
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"


@pytest.mark.parametrize("token", ["not-the-token-at-all", "ünïcode", "two words"])
def test_a_wrong_token_is_said_to_be_one(open, token: str):
    page = open("admin", expected="401")
    enter(page, token)
    expect(page.get_by_role("alert")).to_have_text("This token is not right.")
    expect(page.get_by_label("Token")).to_be_focused()
    expect(page.get_by_label("Token")).to_have_attribute("aria-invalid", "true")
    enter(page)
    expect(page.locator("#ready")).to_have_text("Ready")


def test_the_token_is_nowhere_but_in_the_tab_and_the_header(board):
    page = board()
    assert TOKEN not in page.url and TOKEN not in page.content()
    assert page.evaluate("document.cookie + JSON.stringify(localStorage)") == "{}"
    assert page.evaluate("sessionStorage['chatd.admin.token']") == TOKEN


def test_a_browser_that_keeps_nothing_asks_for_the_token_each_time(open, server: Server):
    page = open("")
    page.context.add_init_script(KEEP_NOTHING)
    for _ in range(2):
        page.goto(f"{server.web}admin")
        enter(page)
        expect(page.locator("#ready")).to_have_text("Ready")


def test_where_the_admin_api_is_off_it_is_said_how_to_turn_it_on(start, pages_of):
    page = pages_of(start(CONFIG)).open("admin")
    expect(page.get_by_role("heading", name="The admin API is off")).to_be_visible()
    expect(page.locator("#none-how")).to_contain_text("token_file")


def test_a_token_that_is_replaced_is_asked_for(start, pages_of, tmp_path: Path):
    server = start(config(tmp_path))
    page = pages_of(server).open("admin", expected="401")
    enter(page)
    expect(page.locator("#ready")).to_have_text("Ready")
    (tmp_path / "token").write_text("another-token-altogether")
    server.process.send_signal(signal.SIGHUP)
    expect(page.get_by_role("alert")).to_have_text("The token is no longer valid.")
    enter(page, "another-token-altogether")
    expect(page.locator("#ready")).to_have_text("Ready")


def test_who_guesses_is_told_to_wait(start, pages_of, tmp_path: Path):
    page = pages_of(start(config(tmp_path))).open("admin", expected="401|429")
    for _ in range(10):
        enter(page, "not-the-token-at-all")
        expect(page.get_by_role("alert")).to_have_text("This token is not right.")
        expect(page.get_by_label("Token")).to_have_value("")
    enter(page)
    expect(page.get_by_role("alert")).to_contain_text("Too many wrong tokens")


# -- what is shown ----------------------------------------------------------------------------------


def test_it_shows_who_is_there_and_keeps_up(start, pages_of, tmp_path: Path):
    server = start(config(tmp_path))
    page = pages_of(server).open("admin")
    enter(page)
    expect(figure(page, "Users online")).to_have_text("0")
    expect(page.locator("#rooms-rest")).to_have_text("Nobody is in any room.")
    server.join("ann", "商店"), server.join("ann", "商店"), server.join("bob", "lobby")
    agent, customer = server.join("agnes", "商店"), server.customer("carl", "商店")
    customer.ask("createContainer", acceptId="agnes")
    expect(figure(page, "Users online")).to_have_text("4")
    expect(figure(page, "Connections")).to_have_text("5")
    expect(figure(page, "Rooms")).to_have_text("2")
    expect(page.locator("#tile-containers-note")).to_have_text("1 waiting")
    expect(page.locator("#rooms tbody tr")).to_have_count(2)
    expect(page.locator("#containers tbody tr")).to_have_count(1)
    assert rows(page, "rooms") == [["商店", "3", "1"], ["lobby", "1", "0"]]
    assert rows(page, "containers") == [["carl", "商店", "waiting", "carl", "1"]]
    agent.ask("addContainer", containerId="carl")
    expect(page.locator("#containers tbody td").nth(1)).to_have_text("open")
    expect(page.locator("#tile-containers-note")).to_be_empty()
    server.hang_up()
    expect(figure(page, "Users online")).to_have_text("0")
    expect(page.locator("#rooms tbody tr").filter(has_text="lobby")).to_have_count(0)


def test_it_draws_how_much_is_said(board, server: Server, room: str, pages: Pages):
    page = board()
    ann = server.join("ann", room)
    expect(page.locator("#rate")).to_have_text("0 / s")
    for number in range(60):
        ann.say(f"word {number}")
        ann.receive()
    expect(page.locator("#rate")).not_to_have_text("0 / s")
    most = page.locator("#chart svg").get_attribute("aria-label")
    assert most is not None and not most.endswith(" 0 / s at most.")
    expect(page.locator("#rate")).to_have_text("0 / s")
    assert page.locator("#chart .chart-line").get_attribute("d").count("L") >= 2
    page.locator("#chart svg").hover(position={"x": 5, "y": 5})
    expect(page.locator("#chart .chart-readout")).to_have_text(re.compile(r"\d\d:\d\d:\d\d: .* / s"))


def test_it_says_how_the_server_is(board):
    page = board()
    facts = page.locator("#facts")
    patterns = r"Ready", r"(≤|>) [\d.,]+ ms", r"[\d.]+ %", r"\d+ MiB", r"0 waiting", r"\d+:\d\d", r"0\.1\.0"
    for pattern in patterns:
        expect(facts.locator("dd").filter(has_text=re.compile(f"^{pattern}")).first).to_be_visible()


def test_rooms_are_sorted_and_found(board, server: Server, room: str):
    for name, people in (("a10", 1), ("a9", 3), ("b", 2)):
        for number in range(people):
            server.join(f"user{number}", f"{room}-{name}")
    page = board()
    page.get_by_role("searchbox", name="Find a room").fill(room.upper())
    expect(page.locator("#rooms tbody tr")).to_have_count(3)

    def order() -> list[str]:
        return [name.removeprefix(f"{room}-") for name, *_ in rows(page, "rooms")]

    assert order() == ["a9", "b", "a10"]
    expect(page.locator("#rooms th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="Online").press("Enter")
    assert order() == ["a10", "b", "a9"]
    page.get_by_role("button", name="Room", exact=True).press("Enter")
    assert order() == ["a9", "a10", "b"]
    expect(page.locator("#rooms th[aria-sort]")).to_have_text("Room")
    page.get_by_role("searchbox").fill("no room is called so")
    expect(page.locator("#rooms-rest")).to_have_text("No room is called so.")


def test_a_room_opens_by_the_keyboard_and_what_has_the_focus_keeps_it(board, server: Server, room: str):
    server.join("ann", room)
    page = board()
    page.get_by_role("searchbox").fill(room)
    button = page.get_by_role("button", name=room, exact=True)
    button.focus()
    others = [server.join(f"user{number}", f"{room} {number}") for number in range(3) for _ in range(2)]
    expect(page.locator("#rooms tbody tr")).to_have_count(4)
    for other in others[:2]:
        other.leave()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name=room)
    expect(dialog.get_by_role("listitem")).to_have_text(["Annann"])
    expect(dialog).to_contain_text("1 online, 1 connections")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(button).to_be_focused()


def test_a_name_of_any_kind_is_a_text(board, server: Server):
    names = ["<img src=x onerror=alert(1)>", "a/b?c#d%", "‮evil", "😀" * 30]
    for number, name in enumerate(names):
        server.join(f"<b>{number}</b>", name, name="<i>x</i>")
    page = board()
    for number, name in enumerate(names):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.locator("#who-list li")).to_have_text([f"<i>x</i><b>{number}</b>"])
        page.keyboard.press("Escape")


# -- without an answer ------------------------------------------------------------------------------


def test_a_server_that_is_away_is_said_to_be_and_is_found_again(start, pages_of, tmp_path: Path):
    server = start(config(tmp_path))
    with Cable() as cable:
        cable.lead_to(int(server.web.rstrip("/").rpartition(":")[2]))
        base = f"http://127.0.0.1:{cable.port}/"
        page = pages_of(server).open("admin", base=base, expected="ERR_|Failed to load resource")
        enter(page)
        expect(page.locator("#ready")).to_have_text("Ready")
        cable.cut()
        expect(page.get_by_role("status")).to_contain_text("The server does not answer.")
        server.join("ann", "lobby")
        cable.mend()
        expect(page.get_by_role("status")).to_be_empty()
        expect(figure(page, "Users online")).to_have_text("1")


def test_a_page_that_nobody_sees_asks_nothing(board):
    page = board()
    page.clock.install()
    with page.expect_request("**/readyz"):
        page.reload()
    with page.expect_request("**/readyz"):
        page.clock.run_for(60_000)  # so it asks again where nothing is done
    expect(page.locator("#ready")).to_have_text("Ready")
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#ready")).to_have_text("Ready")
    with page.expect_request("**/readyz"):
        pass


# -- for everybody ----------------------------------------------------------------------------------


def busy(server: Server, room: str) -> None:
    """People in rooms, and customers."""
    long = "a-room-with-a-very-long-name-" * 3
    for name, people in ((f"{room}-shop", 6), (f"{room}-lobby", 5), (long, 1)):
        for number in range(people):
            server.join(f"user{number}", name)
    for number in range(4):
        server.customer(f"customer-{number}", f"{room}-shop").ask("createContainer", acceptId="user0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, {"width": 1280, "height": 900}], ids=["phone", "desk"])
def test_there_are_no_barriers_in_any_size_or_light(
    board, open, server: Server, pages: Pages, axe: Axe, room: str, scheme: str, size: dict[str, int]
):
    name = f"admin-{'phone' if size is PHONE else 'desk'}-{scheme}"
    gate = open("admin", color_scheme=scheme, viewport=size)
    expect(gate.get_by_label("Token")).to_be_focused()
    pages.shot(gate, f"{name}-gate")
    axe.check(gate)
    busy(server, room)
    page = board(color_scheme=scheme, viewport=size)
    expect(page.locator("#containers tbody tr")).not_to_have_count(0)
    expect(page.locator("#rate")).not_to_be_empty()
    pages.shot(page, name)
    axe.check(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the screen"
    page.locator("#rooms button").nth(3).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    axe.check(page)
    pages.shot(page, f"{name}-who")


def test_it_speaks_chinese_to_who_reads_it(open, server: Server, pages: Pages, room: str):
    busy(server, room)
    page = open("admin", locale="zh-CN", viewport=PHONE)
    expect(page.get_by_label("令牌")).to_be_focused()
    page.get_by_label("令牌").fill(TOKEN)
    page.get_by_role("button", name="查看").click()
    expect(page.locator("#ready")).to_have_text("就绪")
    expect(page).to_have_title("管理 · chatd")
    pages.shot(page, "admin-zh")
    assert not re.search(r"admin\.[a-z-]+", page.locator("body").inner_text())
