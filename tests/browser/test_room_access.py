"""The group room and the first page for all: by keyboard, on a phone, in both languages, light and dark."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import Axe
from tests.browser.pages import KEEP_NOTHING, Pages
from tests.browser.talking import Talker
from tests.processes.servers import Server

Open = Callable[..., Page]

DESK = {"viewport": {"width": 1180, "height": 820}}
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
LOOKS: dict[str, dict[str, Any]] = {
    "light": DESK,
    "dark": {**DESK, "color_scheme": "dark"},
    "phone": PHONE,
    "phone-dark-zh": {**PHONE, "color_scheme": "dark", "locale": "zh-CN"},
}


def furnish(server: Server, room: str, web: str) -> None:
    """Let others say one of each kind in a room, with names and words that are hard to lay out."""
    bob = server.join("bob", room, name="Bob Li", icon=f"{web}icon.svg")
    mei = server.join("mei", room, name="梅" * 30)
    bob.say("Good morning! Did the parcel go out? https://parcels.example/track?id=7")
    mei.say("早上好，今天下午三点可以开会吗？" * 6)
    bob.say("x" * 300)
    event = {"eventType": "order.paid", "eventDescription": "Order 7 was paid", "customContent": {"order": 7}}
    bob.send({"messageType": "event", "accessoryContent": event})
    event = {"eventType": "stock", "customContent": [{"article": "a" * 80, "left": 3}]}
    mei.send({"messageType": "event", "accessoryContent": event})
    bob.send({"messageType": "picture", "accessoryContent": {"file": f"{web}icon.svg"}})
    mei.send({"messageType": "voice", "accessoryContent": {"file": f"{web}hi.wav", "duration": 12.4}})
    bob.ask("updateUserInfo", messageContent="Robert Li")
    mei.say("OK")
    while mei.receive().get("messageContent") != "OK":
        pass


def states(page: Page, options: dict[str, Any]) -> Iterator[str]:
    """Bring the group room's page from state to state, and tell which it is in."""
    yield "room"
    page.locator("#more button").first.click()
    yield "menu"
    page.keyboard.press("Escape")
    page.locator(".composer-attach").click()
    yield "attach"
    page.get_by_role("menuitem").last.click()
    yield "event"
    page.keyboard.press("Escape")
    page.locator(".log .picture").click()
    yield "picture"
    page.keyboard.press("Escape")
    if "is_mobile" in options:
        page.locator("#people").click()
        expect(page.locator("#side-close")).to_be_focused()
        yield "people"
        page.locator("#side-close").click()
        expect(page.locator("#side")).to_be_hidden()


@pytest.mark.parametrize("look", LOOKS)
def test_no_state_of_the_room_has_a_barrier_or_scrolls_sideways(
    look: str, pages: Pages, server: Server, room: str, axe: Axe
) -> None:
    options = LOOKS[look]
    furnish(server, room, pages.web)
    entry = pages.open(f"room?room={room}", **options)
    expect(entry.locator("#entry input").first).to_be_focused()
    check(pages, entry, axe, f"entry-{look}")
    lang = "zh" if "zh" in look else "en"
    ann = Talker(pages.open, "Ann", room, lang=lang, **options)
    ann.say("Thank you, I will tell them.\nIt should be there by Friday.")
    expect(ann.messages).to_have_count(9)
    for state in states(ann.page, options):
        check(pages, ann.page, axe, f"{state}-{look}")


@pytest.mark.parametrize("look", LOOKS)
def test_the_first_page_has_no_barrier_and_does_not_scroll_sideways(
    look: str, pages: Pages, axe: Axe
) -> None:
    page = pages.open("", **LOOKS[look])
    expect(page.locator("#version")).not_to_be_empty()
    check(pages, page, axe, f"index-{look}")


def check(pages: Pages, page: Page, axe: Axe, name: str) -> None:
    """A state of a page: a picture of it, no barrier, and nothing beside the window."""
    page.evaluate("Promise.all(document.getAnimations().map((animation) => animation.finished))")
    pages.shot(page, name)
    axe.check(page)
    wide = page.evaluate(
        "[document.scrollingElement.scrollWidth, document.querySelector('.scroller')?.scrollWidth ?? 0]"
    )
    width = page.evaluate("innerWidth")
    assert max(wide) <= width, f"{name} is {wide} wide, the window {width}"


def test_the_first_page_leads_to_the_others_and_shows_two_lines_for_a_site(
    pages: Pages, server: Server
) -> None:
    page = pages.open("?lang=en")
    snippet = page.locator("#snippet")
    expect(snippet).to_have_text(
        f'<script type="module" src="{pages.web}widget.js"></script>\n'
        f'<chatd-widget server="ws://127.0.0.1:{server.port}/"></chatd-widget>'
    )
    links = page.get_by_role("navigation").get_by_role("link").all()
    targets = [str(link.evaluate("(link) => link.pathname")) for link in links]
    assert targets == ["/room", "/customer", "/agent", "/admin"]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == snippet.text_content()
    page.get_by_role("link", name="Group room").click()
    expect(page.get_by_role("heading", name="Join a group room")).to_be_visible()


def test_the_room_can_be_used_by_keyboard_alone(open: Open, room: str) -> None:
    bob = Talker(open, "Bob", room)
    page = open(f"room?room={room}&lang=en", **LOOKS["phone"])
    keys = page.keyboard
    expect(page.get_by_label("Your name")).to_be_focused()
    keys.type("Ann")  # over the name that was suggested
    keys.press("Enter")
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_focused()
    keys.type("one line")
    keys.press("Shift+Enter")
    keys.type("and another")
    keys.press("Enter")
    bob.hears("one line\nand another")

    keys.press("Shift+Tab")
    expect(page.get_by_role("button", name="Attach")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("menuitem", name="Picture")).to_be_focused()
    keys.press("ArrowUp")
    expect(page.get_by_role("menuitem", name="Custom event")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_label("Event type")).to_be_focused()
    keys.type("ping")
    keys.press("Enter")
    expect(bob.page.locator(".event-kind")).to_have_text("ping")
    expect(field).to_be_focused()

    keys.press("Shift+Tab")
    keys.press("Shift+Tab")
    expect(page.locator(".scroller")).to_be_focused()  # so that the arrows scroll
    keys.press("Shift+Tab")
    expect(page.get_by_role("button", name="More")).to_be_focused()
    keys.press("Enter")
    keys.press("Escape")
    expect(page.get_by_role("button", name="More")).to_be_focused()
    keys.press("Shift+Tab")
    people = page.get_by_role("button", name="Who is online")
    expect(people).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#side-close")).to_be_focused()
    expect(page.locator("#online .name")).to_have_text(["Bob", "Ann"])
    keys.press("Escape")
    expect(people).to_be_focused()
    expect(page.locator("#side")).to_be_hidden()
    keys.press("Shift+Tab")
    expect(page.get_by_role("link", name="All pages")).to_be_focused()
    keys.press("Shift+Tab")
    expect(page.get_by_role("link", name="To the message field")).to_be_focused()
    keys.press("Enter")
    expect(field).to_be_focused()


def test_the_enter_that_ends_a_chinese_word_sends_nothing(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    ann.field.focus()
    session = ann.page.context.new_cdp_session(ann.page)
    session.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    ann.field.evaluate(
        """(field) => field.dispatchEvent(
             new KeyboardEvent("keydown", { key: "Enter", isComposing: true, cancelable: true }))"""
    )
    session.send("Input.insertText", {"text": "你好"})
    expect(ann.field).to_have_value("你好")
    expect(ann.page.locator(".said")).to_have_count(0)
    ann.field.press("Enter")
    ann.hears("你好")


def test_what_arrives_is_read_out_and_what_is_old_is_not(open: Open, server: Server, room: str) -> None:
    ann = Talker(open, "Ann", room)
    log = ann.page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")
    assert ann.page.locator("[role=log] .waiting, [role=log] .earlier").count() == 0
    ann.page.evaluate(
        """() => {
          window.lives = [];
          const log = document.querySelector("[role=log]");
          const note = () => window.lives.push(log.getAttribute("aria-live"));
          new MutationObserver(note).observe(log, { childList: true });
        }"""
    )
    server.join("bob", room).say("read this")
    ann.hears("read this")
    assert set(ann.page.evaluate("window.lives")) <= {"polite"}


def test_what_was_missed_is_not_read_out(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    assert ann.page.evaluate(MISSED) == ["polite", "off", "polite"]


MISSED = """async () => {
  const { Transcript } = await import("/parts/transcript.js");
  const place = document.createElement("div");
  const transcript = new Transcript(place, { me: "ann" });
  const bob = { messageType: "text", eventType: "ordinary", createUser: "bob", nickName: "Bob" };
  const live = () => place.querySelector("[role=log]").getAttribute("aria-live");
  transcript.add({ ...bob, messageId: "1", messageContent: "new" }, { recovered: false });
  const lives = [live()];
  transcript.add({ ...bob, messageId: "2", messageContent: "missed" }, { recovered: true });
  lives.push(live());
  await new Promise(requestAnimationFrame);
  lives.push(live());
  return lives;
}"""


@pytest.mark.parametrize("path", ["room?name=Ann", "agent?name=Ines"])
def test_a_page_works_in_a_browser_that_keeps_nothing(
    open: Open, server: Server, room: str, path: str
) -> None:
    page = open("")
    page.context.add_init_script(KEEP_NOTHING)
    page.goto(f"{server.web}{path}&room={room}")
    field = page.locator("textarea:visible")
    if path.startswith("agent"):
        page.locator(".entry-button", has_text="Room").click()
    field.fill("kept by the server")
    field.press("Enter")
    expect(page.locator(".log .said .text")).to_have_text(["kept by the server"])


def test_a_chinese_reader_reads_chinese(open: Open, room: str) -> None:
    page = open(f"room?room={room}", locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.get_by_role("heading")).to_have_text("进入群聊房间")
    page.get_by_label("昵称").fill("小王")
    page.get_by_role("button", name="进入").click()
    expect(page.locator("#count")).to_have_text("1 人在线")
    expect(page.locator(".log .happening")).to_have_text("小王 进来了，现在共有【1】人在线")
    page.get_by_role("textbox", name="消息").fill("你好")
    page.get_by_role("button", name="发送").click()
    expect(page.locator(".log .own .text")).to_have_text("你好")
    english = open(f"room?room={room}&lang=en", locale="zh-CN")
    expect(english.get_by_role("heading")).to_have_text("Join a group room")


def test_both_languages_have_the_same_words_in_the_same_order(open: Open) -> None:
    page = open("")
    words = "import('/parts/words.{}.js').then((words) => Object.keys(words.default))"
    english, chinese = (page.evaluate(words.format(lang)) for lang in ("en", "zh"))
    for keys in (english, chinese):
        assert keys == sorted(keys)
    assert [key for key in english if not key.endswith(".one")] == chinese
