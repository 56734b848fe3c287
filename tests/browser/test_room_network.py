"""The group room where the network or the server goes away and comes back: it goes on by itself."""

import re
import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.cable import Cable
from tests.browser.conftest import reached_by
from tests.browser.pages import NO_NETWORK, Pages
from tests.browser.talking import Talker
from tests.processes.servers import Server

Start = Callable[..., Server]
COMING_BACK = 100_000  # ms: the pauses between tries grow, up to half a minute
LOST = "No connection. What you write is sent when it is back."
SAY_MANY = """async ([name, count]) => {
  const field = document.querySelector("#write textarea");
  for (let number = 0; number < count; number += 1) {
    field.value = `${name} ${number}`;
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", cancelable: true }));
    await new Promise((next) => setTimeout(next, 40));
  }
}"""


@pytest.fixture
def server(start: Start, cable: Cable) -> Server:
    """A server whose pages reach the chat by the cable."""
    server = start(reached_by(cable))
    cable.lead_to(server.port)
    return server


@pytest.fixture
def open(server: Server, cable: Cable, pages_of: Callable[..., Pages]) -> Callable[..., Page]:
    """Opens a page that may lose its connection."""
    pages = pages_of(server, f"127.0.0.1:{cable.port}")
    return lambda path, **options: pages.open(path, expected=NO_NETWORK, **options)


def test_what_is_said_meanwhile_is_there_when_the_network_is_back(
    server: Server, cable: Cable, open: Callable[..., Page]
) -> None:
    ann, bob = Talker(open, "Ann", "lobby"), server.join("bob")
    ann.say("before")
    ann.hears("before")
    status = ann.page.locator(".connection [role=status]")
    cable.cut()
    expect(status).to_have_text(re.compile(f"{re.escape(LOST)}|Connecting again"))
    for number in range(3):
        bob.say(f"Bob, meanwhile {number}")
        ann.say(f"Ann, meanwhile {number}")
    expect(ann.page.locator(".waiting .pending")).to_have_count(3)
    cable.mend()
    expected = ["before", *(f"Bob, meanwhile {number}" for number in range(3))]
    expected += [f"Ann, meanwhile {number}" for number in range(3)]
    ann.hears(*expected)
    expect(ann.page.locator(".connection")).to_be_hidden()
    expect(ann.online).to_have_text(["Bob", "Ann"])  # asked anew
    bob.say("after")
    ann.hears(*expected, "after")


def test_the_page_says_when_it_tries_again_and_tries_at_once_if_told_so(
    server: Server, cable: Cable, open: Callable[..., Page]
) -> None:
    ann = Talker(open, "Ann", "lobby")
    cable.cut()
    # after some tries the pauses are long enough to be read
    expect(ann.page.locator(".connection-seconds")).to_have_text(re.compile(r"Next try in \d+ seconds?\."))
    cable.mend()
    ann.page.evaluate("document.querySelector('.connection .button').focus()")
    ann.page.evaluate("document.querySelector('.connection .button').click()")
    expect(ann.page.locator(".connection")).to_be_hidden()
    expect(ann.field).to_be_focused()  # the bar had the focus, and is gone
    ann.say("here again")
    ann.hears("here again")


def test_a_browser_that_is_offline_comes_back(
    server: Server, cable: Cable, open: Callable[..., Page]
) -> None:
    ann, bob = Talker(open, "Ann", "lobby"), server.join("bob")
    cable.cut()  # as well: a browser that is told to be offline may leave open WebSockets alone
    expect(ann.page.locator(".connection")).to_be_visible()
    ann.page.context.set_offline(True)
    bob.say("are you there?")
    cable.mend()
    ann.page.context.set_offline(False)
    ann.hears("are you there?")


def test_the_last_messages_of_a_page_that_is_lost_are_not_sent_twice(
    server: Server, cable: Cable, open: Callable[..., Page]
) -> None:
    ann, bob = Talker(open, "Ann", "lobby"), Talker(open, "Bob", "lobby")
    for round in range(3):
        ann.page.evaluate(
            """(round) => {
              const field = document.querySelector("#write textarea");
              for (let number = 0; number < 5; number += 1) {
                field.value = `${round} ${number}`;
                field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", cancelable: true }));
              }
            }""",
            round,
        )
        cable.cut()  # somewhere between the messages and their receipts
        cable.mend()
    expected = [f"{round} {number}" for round in range(3) for number in range(5)]
    ann.hears(*expected)
    bob.hears(*expected)


@pytest.mark.timeout(240)
def test_a_killed_server_that_is_started_again_misses_and_doubles_nothing(
    start: Start, cable: Cable, server: Server, open: Callable[..., Page]
) -> None:
    ann, bob = Talker(open, "Ann", "lobby"), Talker(open, "Bob", "lobby")
    for talker, name in ((ann, "Ann"), (bob, "Bob")):
        # not waited for: it goes on while the server is killed
        talker.page.evaluate(f"(what) => {{ window.saying = ({SAY_MANY})(what); }}", [name, 60])
    expect(ann.page.get_by_text("Bob 9", exact=True)).to_be_attached()
    expect(bob.page.get_by_text("Ann 9", exact=True)).to_be_attached()
    server.signal(signal.SIGKILL)
    server.wait()
    for talker in (ann, bob):
        expect(talker.page.locator(".connection")).to_be_visible()
    web = server.web.removeprefix("http://").strip("/").rpartition(":")[2]
    config = reached_by(cable).replace("tcp:0:", f"tcp:{web}:")
    start(config, listen=f"tcp:{server.port}:interface=127.0.0.1")
    for talker in (ann, bob):
        talker.page.evaluate("window.saying")
        expect(talker.messages).to_have_count(120, timeout=COMING_BACK)
        talker.has_sent_all()
    assert ann.texts() == bob.texts()
    for name in ("Ann", "Bob"):
        assert [text for text in ann.texts() if text.startswith(name)] == [
            f"{name} {number}" for number in range(60)
        ]
    ann.page.reload()
    ann.joined()
    expect(ann.page.locator(".connection")).to_be_hidden()
    bob.say("and on")
    expect(ann.messages.last).to_contain_text("and on")
