"""The widget, and what holds for the console too: keyboard, phones, languages, barriers."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import Axe
from tests.browser.pages import Pages, settle
from tests.browser.support import PHONE, Agent, Customer, Support
from tests.processes.servers import PAGES, Server


def test_a_page_that_stores_files_itself_sends_them_through_its_hook(
    support: Support, server: Server
) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    customer.page.evaluate(
        """(address) => {
          document.querySelector("chatd-widget").onAttach = async (file) => {
            window.stored = [file.name, file.type, await file.text()];
            return {kind: "picture", file: address, previewUrl: address};
          };
        }""",
        f"{server.web}icon.svg",
    )
    customer.panel.get_by_role("button", name="Attach").click()
    with customer.page.expect_file_chooser() as chosen:
        customer.panel.get_by_role("menuitem", name="Picture").click()
    chosen.value.set_files({"name": "cat.png", "mimeType": "image/png", "buffer": b"a cat"})
    expect(pane.root.locator(".row.said img[alt='Picture']")).to_have_attribute(
        "src", f"{server.web}icon.svg"
    )
    expect(customer.panel.locator(".row.said:not(.pending) img")).to_have_count(1)
    assert customer.page.evaluate("window.stored") == ["cat.png", "image/png", "a cat"]
    customer.page.evaluate(
        """() => {
          document.querySelector("chatd-widget").onAttach = async () => { throw new Error("full"); };
        }"""
    )
    customer.panel.get_by_role("button", name="Attach").click()
    customer.panel.get_by_role("menuitem", name="Video").click()
    expect(customer.panel.get_by_text("The file could not be sent.")).to_be_visible()
    customer.say("two")
    expect(pane.said).to_have_text(["one", "two"])


def test_without_a_hook_a_dialog_asks_for_the_address(support: Support, server: Server) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    customer.panel.get_by_role("button", name="Attach").click()
    customer.panel.get_by_role("menuitem", name="Voice message").click()
    customer.page.get_by_label("Address of the file").fill(f"{server.web}voice.mp3")
    customer.dialog_answer("Send")
    expect(pane.root.locator(".voice")).to_have_count(1)
    expect(customer.panel.locator(".voice")).to_have_count(1)


def test_everything_can_be_done_by_the_keyboard(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    keys = customer.page.keyboard
    expect(customer.launcher).to_be_enabled()
    customer.launcher.focus()
    keys.press("Enter")
    expect(customer.field).to_be_focused()
    keys.type("Hello")
    keys.press("Shift+Enter")
    keys.type("there")
    keys.press("Enter")
    expect(customer.said).to_have_text(["Hello\nthere"], use_inner_text=True)
    keys.press("Escape")
    expect(customer.panel).to_be_hidden()
    expect(customer.launcher).to_be_focused()
    keys.press("Enter")
    expect(customer.field).to_be_focused()
    keys.press("Shift+Tab")
    keys.press("Enter")  # the menu to attach something
    expect(customer.panel.get_by_role("menuitem", name="Picture")).to_be_focused()
    keys.press("ArrowDown")
    expect(customer.panel.get_by_role("menuitem", name="Video")).to_be_focused()
    keys.press("Escape")  # closes the menu, and not the widget
    expect(customer.panel.get_by_role("menu")).to_be_hidden()
    expect(customer.panel).to_be_visible()
    keys = agent.page.keyboard
    accept = agent.requests.get_by_role("button")
    expect(accept).to_be_visible()
    for _ in range(10):
        keys.press("Tab")
        if accept.evaluate("element => element === document.activeElement"):
            break
    keys.press("Enter")
    pane = agent.page.locator(".pane:visible")
    expect(pane.locator("textarea")).to_be_focused()
    keys.type("Hi")
    keys.press("Enter")
    expect(customer.said.last).to_have_text("Hi")
    keys.press("Alt+ArrowDown")
    expect(agent.pane("Room").field).to_be_focused()


def test_on_a_phone_the_widget_covers_the_page_and_the_console_shows_one_thing_at_a_time(
    support: Support, pages: Pages
) -> None:
    agent, customer = support.agent(viewport=PHONE), support.customer(viewport=PHONE)
    customer.ask("A rather long question " * 8 + "w" * 200, "Mara")
    expect(customer.panel).to_have_attribute("aria-modal", "true")
    settle(customer.page)
    assert customer.panel.bounding_box() == {"x": 0, "y": 0, **PHONE}
    expect(customer.launcher).to_be_hidden()
    pane = agent.accept("Mara")
    expect(agent.list).to_be_hidden()
    pane.say("Yes")
    expect(customer.said.last).to_have_text("Yes")
    pages.shot(agent.page, "agent-phone")
    pages.shot(customer.page, "customer-phone")
    for page in (customer.page, agent.page):
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    for _ in range(12):  # the focus stays within
        customer.page.keyboard.press("Tab")
        assert customer.page.evaluate("document.activeElement.localName") == "chatd-widget"
    customer.page.keyboard.press("Escape")
    expect(customer.launcher).to_be_focused()
    pane.root.get_by_role("button", name="Back to the list").click()
    expect(agent.list).to_be_visible()
    expect(pane.root).to_be_hidden()
    customer.launcher.click()
    customer.say("Thanks")
    expect(agent.entry("Mara")).to_contain_text("1 unread message")
    agent.entry("Mara").click()
    expect(pane.said.last).to_have_text("Thanks")


def test_both_pages_speak_chinese_to_who_prefers_it(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    open = pages_of(start(PAGES)).open
    agent = Agent(open("agent", locale="zh-CN"))
    expect(agent.page.get_by_role("heading", name="客服工作台")).to_be_visible()
    agent.page.get_by_role("button", name="开始").click()
    customer = Customer(open("customer", locale="zh-CN"))
    customer.ask("你好", "张三")
    expect(customer.note).to_contain_text("客服")
    for element in (customer.page.locator("html"), customer.widget.locator(".frame")):
        expect(element).to_have_attribute("lang", "zh-CN")
    agent.page.get_by_role("button", name="接入 张三").click()
    expect(agent.page.locator("html")).to_have_attribute("lang", "zh-CN")
    english = Customer(open("customer?lang=en", locale="zh-CN"))
    english.open()
    expect(english.panel.get_by_text("Hello! How can we help?")).to_be_visible()


def test_a_dialog_of_the_widget_has_the_keys_to_itself(support: Support) -> None:
    customer = support.customer(viewport=PHONE)
    customer.ask("one", "Mara")
    customer.panel.get_by_role("button", name="Attach").click()
    customer.panel.get_by_role("menuitem", name="Picture").click()
    address = customer.page.get_by_label("Address of the file")
    expect(address).to_be_focused()
    customer.page.keyboard.press("Tab")
    expect(customer.page.get_by_label("Address of a preview")).to_be_focused()
    customer.page.keyboard.press("Escape")
    expect(address).to_have_count(0)
    expect(customer.panel).to_be_visible()


def test_what_came_while_the_page_was_out_of_sight_is_read_when_it_is_back(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    customer.page.evaluate(SEEN, "hidden")
    pane.say("two", "three")
    expect(customer.said).to_have_count(3)
    assert customer.page.evaluate("document.querySelector('chatd-widget').unread") == 2
    customer.page.evaluate(SEEN, "visible")
    customer.panel.get_by_role("button", name="Close the chat").click()
    expect(customer.launcher).to_have_accessible_name("Open the chat")


def test_a_widget_that_is_taken_out_of_the_page_and_put_back_goes_on(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    pane.say("two")
    expect(customer.said).to_have_text(["one", "two"])
    customer.page.evaluate("window.parts = document.querySelector('chatd-widget'); parts.remove()")
    expect(pane.happened.last).to_have_text("Mara left")
    pane.say("three")
    customer.page.evaluate("document.body.append(window.parts)")
    expect(customer.said).to_have_text(["one", "two", "three"])
    expect(customer.progress).to_have_text("Online")
    customer.say("four")
    expect(pane.said.last).to_have_text("four")


def test_the_focus_stays_in_the_widget_when_a_picture_was_pasted_and_when_the_conversation_ends(
    support: Support, server: Server
) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    agent.accept("Mara")
    customer.page.evaluate(
        """(file) => {
          document.querySelector("chatd-widget").onAttach = async (given) => ({ kind: "picture", file });
        }""",
        f"{server.web}icon.svg",
    )
    customer.field.focus()
    customer.field.evaluate(PASTE)
    expect(customer.panel.locator(".row.said:not(.pending) img")).to_have_count(1)
    expect(customer.field).to_be_focused()
    customer.panel.get_by_role("button", name="End the conversation").click()
    customer.dialog_answer("End it")
    expect(customer.note.get_by_text("ended this conversation")).to_be_focused()
    customer.page.keyboard.press("Tab")
    expect(customer.panel.get_by_role("button", name="Start a new conversation")).to_be_focused()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_widget_follows_the_reader_or_the_page(support: Support, theme: str) -> None:
    def ground(customer: Customer) -> Any:
        customer.open()
        return customer.panel.evaluate("panel => getComputedStyle(panel).backgroundColor")

    light, dark = "rgb(245, 246, 244)", "rgb(18, 22, 21)"
    assert ground(support.customer(color_scheme=theme)) == (dark if theme == "dark" else light)
    other = "light" if theme == "dark" else "dark"
    assert ground(support.customer({"theme": other}, color_scheme=theme)) == (
        dark if other == "dark" else light
    )


def test_a_customer_has_the_same_conversation_in_two_windows(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    window = customer.page.context.new_page()
    window.goto(customer.page.url)
    second = Customer(window)
    second.open()
    expect(second.said).to_have_text(["one"])
    pane = agent.accept("Mara")
    pane.say("two")
    second.say("three")
    for said in (customer.said, second.said, pane.said):
        expect(said).to_have_text(["one", "two", "three"])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_neither_page_has_grave_barriers(
    support: Support, axe: Axe, theme: str, open: Callable[..., Page], pages: Pages
) -> None:
    axe.check(open("agent", color_scheme=theme))
    agent, customer = support.agent(color_scheme=theme), support.customer(color_scheme=theme)
    expect(customer.launcher).to_be_enabled()
    axe.check(customer.page)
    customer.open()
    axe.check(customer.page)
    customer.name.fill("Mara")
    customer.say("one")
    expect(agent.requests).to_have_count(1)
    axe.check(agent.page)
    axe.check(customer.page)
    pane = agent.accept("Mara")
    pane.say("two")
    agent.entry("Room").click()
    expect(customer.said).to_have_text(["one", "two"])
    axe.check(agent.page)
    axe.check(customer.page)
    pages.shot(agent.page, f"agent-{theme}")
    pages.shot(customer.page, f"customer-{theme}")
    pane.root.locator(".pane-end").click()
    axe.check(agent.page)
    agent.dialog_answer("End")
    expect(pane.over).to_be_visible()
    expect(customer.note).to_contain_text("ended")
    axe.check(agent.page)
    axe.check(customer.page)


SEEN = """(state) => {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  Object.defineProperty(document, "hidden", { value: state === "hidden", configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

PASTE = """(field) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File(["a cat"], "cat.png", { type: "image/png" }));
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
}"""
