"""Whatever anybody writes into any field is text on the page, and runs nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import CONFIG
from tests.browser.pages import Pages
from tests.browser.talking import Talker
from tests.processes.clients import Client
from tests.processes.servers import Server

IMG = "<img src=x onerror=hacked(1)>"
SCRIPT = '"><script>hacked(2)</script>'
TEMPLATE = "{{hacked(3)}}${hacked(4)}"
NOTICES = """[notices]
in = '<img src=x onerror="hacked(5)">{name} {count} {user} {room}'
out = '<svg onload="hacked(6)">{name}'
"""
LISTEN = "() => { window.hacked = (how) => console.error(`hacked: ${how}`); }"
ATTRIBUTES = """() => {
  const leads = ["src", "href", "poster", "srcset", "action", "data"];
  const bad = ({ name, value }) =>
    name.startsWith("on") || (leads.includes(name) && !/^(https?:|[./#a-z0-9-]*$)/.test(value));
  return [...document.querySelectorAll("*")].flatMap((element) =>
    [...element.attributes].filter(bad).map(({ name, value }) => `${element.tagName} ${name}=${value}`));
}"""  # those that run something, or lead to anything but the web
BAD_ADDRESSES = [
    "javascript:hacked(7)",
    " javascript:hacked(8)",
    "JaVaScRiPt:hacked(9)",
    "java\nscript:hacked(10)",
    "data:text/html,<script>parent.hacked(11)</script>",
    "vbscript:hacked(12)",
    "file:///etc/passwd",
    "//",
    '"><img src=x onerror=hacked(13)>',
]


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator has put markup into the notices."""
    with Server(tmp_path_factory.mktemp("chatd"), CONFIG + NOTICES) as server:
        yield server


@pytest.fixture
def ann(open: Callable[..., Page], room: str) -> Iterator[Talker]:
    """Ann's page in the test's room; nothing may have run on it at the end."""
    ann = Talker(open, "Ann", room)
    ann.page.evaluate(LISTEN)
    yield ann
    assert_harmless(ann.page)


@pytest.fixture
def mallory(server: Server, ann: Talker, room: str) -> Client:
    """A client of the protocol, in the same room, that sends what no page would."""
    return server.join("mallory", room)


def assert_harmless(page: Page) -> None:
    """No element of the page was made by markup, and none leads to anything but the web."""
    found = page.evaluate(ATTRIBUTES)
    assert found == []
    assert page.locator("img[src=x], #transcript script, #side script, svg[onload], iframe").count() == 0


def accessories(good: str) -> Iterator[dict[str, Any]]:
    """Messages whose every field of accessoryContent is hostile, but for one good address."""
    for address in BAD_ADDRESSES:
        for kind in ("picture", "video", "voice"):
            yield {"messageType": kind, "accessoryContent": {"file": address, "previewUrl": address}}
    for address in BAD_ADDRESSES:
        yield {"messageType": "video", "accessoryContent": {"file": good, "previewUrl": address}}
    yield {"messageType": "voice", "accessoryContent": {"file": good, "duration": 1e308}}
    event = {"eventType": IMG, "eventDescription": SCRIPT}
    hostile = [IMG, [IMG, SCRIPT], {IMG: SCRIPT}, {"a": {IMG: [SCRIPT]}}, {"__proto__": IMG}, {"": TEMPLATE}]
    for custom in (*hostile, 0, False, 1e308):
        yield {"messageType": "event", "accessoryContent": {**event, "customContent": custom}}


def test_a_name_an_avatar_and_a_room_are_text(
    server: Server, open: Callable[..., Page], ann: Talker, room: str
) -> None:
    mallory = server.join("mallory", room, name=IMG, icon="javascript:hacked(20)")
    mallory.say("hello")
    expect(ann.online).to_have_text(["Ann", IMG])
    expect(ann.page.locator(".log .author")).to_have_text(IMG)
    assert ann.page.locator(".avatar img").count() == 0

    bob = Talker(open, "Bob", SCRIPT, query={"icon": "javascript:hacked(21)", "target": IMG})
    bob.page.evaluate(LISTEN)
    expect(bob.page.get_by_role("heading", level=1)).to_have_text(SCRIPT)
    bob.choose("Change room")
    bob.fill("Go there", room=IMG)
    expect(bob.page.get_by_role("heading", level=1)).to_have_text(IMG)
    assert_harmless(bob.page)


def test_notices_are_text(server: Server, ann: Talker, room: str) -> None:
    mallory = server.join("mallory", room, name=SCRIPT)
    expect(ann.happenings.last).to_contain_text(f'<img src=x onerror="hacked(5)">{SCRIPT} 2')
    mallory.leave()
    expect(ann.happenings.last).to_have_text(f'<svg onload="hacked(6)">{SCRIPT}')


def test_what_is_said_is_text(ann: Talker, mallory: Client) -> None:
    texts = [IMG, SCRIPT, TEMPLATE, "javascript:hacked(1)", "<b>bold</b> &lt; &amp;"]
    for text in texts:
        mallory.say(text)
    ann.hears(*texts)
    for text in texts:
        ann.say(text)  # one's own, too
    ann.hears(*texts, *texts)
    assert ann.page.locator(".log .text a").count() == 0


def test_a_link_is_what_it_shows_and_nothing_more(ann: Talker, mallory: Client) -> None:
    mallory.say(
        'see https://example.org/"onmouseover=hacked(1)> and http://example.org/a?b=<c>, or HTTPS://EXAMPLE.ORG/x.'
        " https://bank.example/\u202emoc.live"  # turns the direction of what follows
    )
    links = ann.page.locator(".log .text a")
    shown = [
        "https://example.org/",
        "http://example.org/a?b=",
        "HTTPS://EXAMPLE.ORG/x",
        "https://bank.example/",
    ]
    expect(links).to_have_text(shown)
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer"
        assert link.get_attribute("target") == "_blank"
        assert link.get_attribute("onmouseover") is None
        assert link.evaluate("(link) => link.href.toLowerCase() === link.textContent.toLowerCase()")


def test_what_goes_with_a_message_is_text(pages: Pages, ann: Talker, mallory: Client) -> None:
    sent = list(accessories(f"{pages.web}icon.svg"))
    for message in sent:
        mallory.send(message)
    mallory.say("that was all")
    expect(ann.page.locator(".log .said .text").last).to_have_text("that was all")
    expect(ann.messages).to_have_count(len(sent) + 1)
    expect(ann.page.locator(".event-kind").first).to_have_text(IMG)
    expect(ann.page.locator(".event-description").first).to_have_text(SCRIPT)
    expect(ann.page.locator(".event-fields dt", has_text="onerror").first).to_have_text(IMG)
    for summary in ann.page.locator("details.fold summary").all():
        summary.click()
    expect(ann.page.locator(".event-json", has_text="onerror").first).to_contain_text(IMG)

    ann.page.reload()  # and what the history tells is text as well
    ann.joined()
    ann.page.evaluate(LISTEN)
    expect(ann.messages).to_have_count(len(sent) + 1)
    expect(ann.page.locator(".event-kind").first).to_have_text(IMG)


def test_an_icon_for_one_message_a_new_name_and_a_business_key_are_text(ann: Talker, mallory: Client) -> None:
    mallory.say("with an icon", userIcon="javascript:hacked(30)", targetId=SCRIPT, acceptId=IMG, unknown=IMG)
    mallory.ask("updateUserInfo", messageContent=IMG, userIconUpdate="data:text/html,hacked")
    expect(ann.happenings.last).to_have_text(f"Mallory is now called {IMG}")
    expect(ann.online.last).to_have_text(IMG)
    assert ann.page.locator(".avatar img").count() == 0


def test_a_customer_in_the_same_room_is_text(server: Server, ann: Talker, room: str) -> None:
    customer = server.customer("carol", room, name=SCRIPT, targetId=IMG)
    customer.ask("createContainer", acceptId="ann", targetId=IMG)
    expect(ann.online).to_have_text(["Ann", SCRIPT])
