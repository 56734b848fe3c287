"""The group room: two pages talk, look back, take other names and go elsewhere."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import PATIENCE, Pages
from tests.browser.talking import Talker
from tests.processes.servers import PAGES, Server

Open = Callable[..., Page]


def test_two_pages_talk_at_once(open: Open, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    ann.say("hello, Bob")
    bob.hears("hello, Bob")
    bob.say("hello, Ann")
    ann.say("How are you?\nIt has been long.")
    for talker in (ann, bob):
        expect(talker.messages).to_have_count(3)
        talker.has_sent_all()
    assert ann.texts() == bob.texts()
    assert sorted(ann.texts()) == ["How are you?\nIt has been long.", "hello, Ann", "hello, Bob"]


def test_ones_own_messages_stand_apart_and_others_under_their_names(open: Open, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    ann.say("one")
    ann.say("two")
    bob.hears("one", "two")
    expect(ann.page.locator(".log .own")).to_have_count(2)
    expect(bob.page.locator(".log .own")).to_have_count(0)
    expect(bob.page.locator(".author:visible")).to_have_text(["Ann"])  # once, above both
    expect(bob.page.locator(".said .avatar:visible")).to_have_text(["A"])


def test_who_comes_is_greeted_and_listed_and_who_goes_is_not(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    expect(ann.page.locator("#count")).to_have_text("1 person online")
    bob = Talker(open, "Bob", room)
    for talker in (ann, bob):
        expect(talker.page.locator("#count")).to_have_text("2 people online")
        expect(talker.online).to_have_text(["Ann", "Bob"])
    expect(ann.happenings).to_have_text(["Ann came in", "Bob came in"])
    bob.page.close()
    expect(ann.happenings).to_have_text(["Ann came in", "Bob came in", "Bob left"])
    expect(ann.online).to_have_text(["Ann"])
    expect(ann.page.locator("#count")).to_have_text("1 person online")


def test_who_looks_for_a_list_gets_at_most_two_hundred_names_and_the_rest_as_a_number(
    open: Open, server: Server, room: str
) -> None:
    for number in range(205):
        server.join(f"guest-{number}", room)
    ann = Talker(open, "Ann", room)
    expect(ann.online).to_have_count(200)
    expect(ann.page.locator("#others")).to_have_text("and 6 more")
    expect(ann.page.locator("#count")).to_have_text("206 people online")


def test_a_message_is_pending_until_its_receipt(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    # what the page shows at once, before the server can have answered
    ann.page.evaluate(
        """() => new Promise((done) => {
          const waiting = document.querySelector(".waiting");
          new MutationObserver(() => done()).observe(waiting, { childList: true });
          const field = document.querySelector("#write textarea");
          field.value = "wait for it";
          field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", cancelable: true }));
          if (!waiting.querySelector(".pending")) throw new Error("it is not shown at once");
        })"""
    )
    ann.hears("wait for it")


def test_scrolling_up_brings_what_was_said_before(open: Open, server: Server, room: str) -> None:
    carol = server.join("carol", room)
    for number in range(180):
        carol.say(f"message {number}")
        carol.receive()
    ann = Talker(open, "Ann", room)
    expect(ann.messages.last).to_have_text(re.compile("message 179"))
    assert 0 < ann.messages.count() < 180
    scroller = ann.page.locator(".scroller")
    scroller.hover()
    while ann.page.locator(".earlier").text_content() != "This is where the conversation begins":
        first = ann.texts()[0]
        ann.page.mouse.wheel(0, -100_000)
        # either further ones have come above it, or that was all
        ann.page.wait_for_function(
            """(first) => document.querySelector(".log .said .text").textContent !== first
                 || document.querySelector(".earlier").textContent.includes("begins")""",
            arg=first,
        )
    assert ann.texts() == [f"message {number}" for number in range(180)]


def test_the_reader_stays_where_he_is_when_earlier_messages_come(
    open: Open, server: Server, room: str
) -> None:
    carol = server.join("carol", room)
    for number in range(120):
        carol.say(f"message {number}")
        carol.receive()
    ann = Talker(open, "Ann", room)
    expect(ann.messages.last).to_have_text(re.compile("message 119"))
    moved = ann.page.evaluate(
        """async (patience) => {
          const frame = () => new Promise(requestAnimationFrame);
          const scroller = document.querySelector(".scroller");
          const end = performance.now() + patience;
          await frame();
          // at one go, for earlier ones come as soon as the page can ask for them
          scroller.scrollTop = 0;
          const row = document.querySelector(".log .said");
          const before = row.getBoundingClientRect().bottom;
          while (row === document.querySelector(".log .said")) {
            if (performance.now() > end) throw new Error("no earlier messages have come");
            await frame();
          }
          await frame();
          return row.getBoundingClientRect().bottom - before;
        }""",
        PATIENCE,
    )
    assert abs(moved) < 3


def test_who_has_scrolled_up_is_told_how_much_is_new_and_sees_where_it_begins(
    open: Open, server: Server, room: str
) -> None:
    carol = server.join("carol", room)
    for number in range(45):
        carol.say(f"message {number}")
        carol.receive()
    ann = Talker(open, "Ann", room)
    expect(ann.messages.last).to_be_in_viewport()
    ann.page.locator(".scroller").hover()
    ann.page.mouse.wheel(0, -600)
    expect(ann.page.get_by_role("button", name="Newest")).to_be_visible()
    carol.say("first of the new ones")
    carol.say("second of the new ones")
    expect(ann.messages).to_have_count(47)
    expect(ann.messages.last).not_to_be_in_viewport()
    button = ann.page.get_by_role("button", name="2 new messages")
    button.focus()
    ann.page.keyboard.press("Enter")
    expect(ann.messages.last).to_be_in_viewport()
    expect(button).to_be_hidden()
    expect(ann.page.locator(".scroller")).to_be_focused()
    marked = ann.page.locator(".said", has=ann.page.get_by_role("separator", name="New", exact=True))
    expect(marked.locator(".text")).to_have_text("first of the new ones")
    ann.say("I have read them")
    expect(ann.page.get_by_role("separator", name="New", exact=True)).to_have_count(0)


def test_a_day_stands_above_its_first_message(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room)
    ann.say("one")
    ann.say("two")
    ann.hears("one", "two")
    expect(ann.page.get_by_role("separator", name="Today")).to_have_count(1)
    ann.page.clock.set_fixed_time(datetime.now() + timedelta(days=1))
    ann.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(ann.page.get_by_role("separator", name="Yesterday")).to_have_text("Yesterday")


def test_times_are_of_the_readers_zone(open: Open, room: str) -> None:
    ann = Talker(open, "Ann", room, timezone_id="Asia/Shanghai")
    bob = Talker(open, "Bob", room, timezone_id="America/New_York")
    ann.say("What time is it?")
    bob.hears("What time is it?")
    hours = []
    for talker, zone in ((ann, "Asia/Shanghai"), (bob, "America/New_York")):
        time = talker.page.locator(".log time")
        shown = talker.page.evaluate(
            """([at, timeZone]) => new Date(at)
                 .toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" })""",
            [time.get_attribute("datetime"), zone],
        )
        expect(time).to_have_text(shown)
        hours.append(shown)
    assert hours[0] != hours[1]


def test_another_name_and_picture_are_told_and_listed(open: Open, pages: Pages, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    ann.choose("Name and picture")
    ann.fill("Save", name="Anna Wu", icon=f"{pages.web}icon.svg")
    for talker in (ann, bob):
        expect(talker.happenings.last).to_have_text(re.compile("Anna Wu"))
        expect(talker.online).to_have_text(["Anna Wu", "Bob"])
        expect(talker.page.locator("#online .avatar img")).to_have_count(1)
    ann.say("it is me")
    expect(bob.page.locator(".log .author")).to_have_text("Anna Wu")
    ann.page.reload()
    ann.joined()
    expect(bob.online.last).to_have_text("Anna Wu")  # who came back last, under the new name
    ann.choose("Name and picture")
    ann.fill("Save", icon="")
    expect(bob.happenings.last).to_have_text("Anna Wu has a new name")
    expect(bob.page.locator("#online .avatar img")).to_have_count(0)


def test_a_rename_says_what_the_name_was(open: Open, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    ann.say("hi")
    bob.hears("hi")
    ann.choose("Name and picture")
    ann.fill("Save", name="Anna")
    expect(bob.happenings.last).to_have_text("Ann is now called Anna")


def test_another_room_is_another_conversation(open: Open, room: str) -> None:
    ann, bob, carol = Talker(open, "Ann", room), Talker(open, "Bob", room), Talker(open, "Carol", f"{room}-2")
    carol.say("said elsewhere before")
    ann.say("said here")
    bob.hears("said here")
    bob.choose("Change room")
    bob.fill("Go there", room=f"{room}-2")
    expect(bob.page.get_by_role("heading", level=1)).to_have_text(f"{room}-2")
    bob.hears("said elsewhere before")
    expect(bob.online).to_have_text(["Carol", "Bob"])
    expect(ann.happenings.last).to_have_text("Bob left")
    expect(ann.online).to_have_text(["Ann"])
    bob.say("I am here now")
    carol.hears("said elsewhere before", "I am here now")
    ann.hears("said here")
    bob.page.reload()  # and stays there
    bob.joined()
    expect(bob.page.get_by_role("heading", level=1)).to_have_text(f"{room}-2")
    bob.hears("said elsewhere before", "I am here now")


def test_a_reload_keeps_who_one_is_and_what_was_said(open: Open, room: str) -> None:
    page = open(f"room?room={room}&lang=en")
    page.get_by_label("Your name").fill("Dora")
    page.get_by_role("button", name="Join").click()
    field = page.get_by_role("textbox", name="Message")
    field.fill("before the reload")
    field.press("Enter")
    expect(page.locator(".log .own .text")).to_have_text("before the reload")
    page.reload()
    expect(page.locator(".log .own .text")).to_have_text("before the reload")  # still one's own
    expect(page.locator("#online .name")).to_have_text(["Dora"])


def test_who_leaves_is_out_and_may_come_again(open: Open, room: str) -> None:
    ann, bob = Talker(open, "Ann", room), Talker(open, "Bob", room)
    bob.choose("Leave")
    expect(ann.happenings.last).to_have_text("Bob left")
    bob.page.get_by_label("Your name").fill("Bobby")
    bob.page.get_by_role("button", name="Join").click()
    expect(ann.happenings.last).to_have_text("Bobby came in")
    bob.say("back again")
    ann.hears("back again")


def test_a_refused_message_says_why_and_the_others_go_on(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    # the server reads 1,000 bytes at most: this closes the connection, and the page comes back by itself
    server = start(f"{PAGES}[limits]\nmessage_size = 1000\n")
    ann = Talker(pages_of(server).open, "Ann", "lobby")
    ann.say("x" * 2000)
    alert = ann.page.get_by_role("alert")
    expect(alert).to_have_text("Not sent. The message is too long.")
    ann.say("shorter")
    expect(ann.messages.locator(".text")).to_have_text(["shorter"])


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("Ann", "[auth]\nanonymous = false\n", "Account or password is not right, or this server wants one."),
        ("x" * 65, "", "The server does not accept this: name"),
    ],
)
def test_a_refusal_at_coming_in_is_told_in_the_form(
    name: str, settings: str, sentence: str, start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = start(PAGES + settings)
    page = pages_of(server).open(f"room?lang=en&name={name}")
    expect(page.get_by_role("alert")).to_contain_text(sentence)
    expect(page.get_by_label("Your name")).to_be_focused()


def test_without_a_store_there_is_no_earlier_but_all_else(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    open = pages_of(start(f'{PAGES}[store]\nurl = "none"\n')).open
    ann, bob = Talker(open, "Ann", "lobby"), Talker(open, "Bob", "lobby")
    ann.say("hello")
    bob.hears("hello")
    expect(bob.page.locator(".earlier")).to_have_text("Earlier messages are not kept here.")
