"""Customer service in real browsers: the way of conversations, between the widget and the agent's console."""

import signal
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.pages import Pages
from tests.browser.support import Agent, Customer, Support
from tests.processes.servers import PAGES, Server

REPLIES = '[autoreply]\nhours = "We are here from nine to five."\nhello = "您好"\n'


def test_a_customer_reaches_an_agent_without_any_configuration(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    open = pages_of(start(PAGES)).open
    agent, customer = Agent(open("agent")), Customer(open("customer"))
    agent.page.get_by_label("Your name").fill("Ines")
    agent.page.get_by_role("button", name="Start").click()
    agent.here()
    customer.ask("Is the lamp in stock?", "Mara")
    expect(customer.note).to_contain_text("Somebody will be with you")
    pane = agent.accept("Mara")
    expect(pane.said).to_have_text(["Is the lamp in stock?"])
    pane.say("It is.")
    expect(customer.title).to_have_text("Ines")
    expect(customer.progress).to_have_text("Online")
    expect(customer.note).to_be_hidden()
    expect(customer.said).to_have_text(["Is the lamp in stock?", "It is."])


def test_a_customer_who_finds_nobody_is_told_so_and_is_found_by_the_agent_who_comes(support: Support) -> None:
    customer = support.customer()
    customer.ask("Anybody here?", "Mara")
    expect(customer.note).to_contain_text("Nobody is here at the moment")
    customer.say("I will wait.")
    agent = support.agent()
    expect(agent.page).to_have_title("(1) Agent console")
    pane = agent.accept("Mara")
    expect(pane.said).to_have_text(["Anybody here?", "I will wait."])
    expect(customer.note).to_be_hidden()
    expect(agent.page).to_have_title("Agent console")


def test_nothing_connects_before_the_first_message_and_a_reload_goes_on_with_the_conversation(
    support: Support, server: Server, room: str
) -> None:
    customer = support.customer()
    customer.open()
    customer.name.fill("Mara")
    assert room not in server.log
    agent = support.agent()
    server.wait_for(room)
    customer.say("one")
    expect(customer.pending).to_have_count(0)
    pane = agent.accept("Mara")
    pane.say("two")
    expect(customer.said).to_have_text(["one", "two"])
    customer.page.keyboard.press("Escape")
    customer.page.reload()
    pane.say("three")
    expect(customer.launcher).to_have_accessible_name("Open the chat, 1 unread message")
    customer.open()
    expect(customer.said).to_have_text(["one", "two", "three"])
    expect(customer.title).to_have_text("Ines")
    expect(customer.progress).to_have_text("Online")
    customer.say("four")
    expect(pane.said).to_have_text(["one", "two", "three", "four"])
    customer.page.reload()  # on the next page of the shop it is open again, and everything is read
    expect(customer.said).to_have_text(["one", "two", "three", "four"])
    expect(customer.launcher).to_have_accessible_name("Close the chat")


def test_several_conversations_side_by_side_with_marks_for_what_is_unread(support: Support) -> None:
    agent = support.agent(viewport={"width": 1000, "height": 800})
    customers = {name: support.customer() for name in ("Mara", "Tom", "Ola")}
    for name, customer in customers.items():
        customer.ask(f"I am {name}", name)
    expect(agent.requests).to_have_count(3)
    panes = {name: agent.accept(name) for name in customers}
    expect(panes["Mara"].root).to_be_hidden()
    customers["Mara"].say("hello", "hello?")
    customers["Tom"].say("hey")
    expect(agent.entry("Mara")).to_contain_text("2 unread messages")
    expect(agent.entry("Tom")).to_contain_text("1 unread message")
    expect(agent.entry("Ola")).not_to_contain_text("unread")
    expect(agent.page).to_have_title("(3) Agent console")
    agent.entry("Mara").click()
    expect(panes["Mara"].said).to_have_text(["I am Mara", "hello", "hello?"])
    expect(agent.entry("Mara")).not_to_contain_text("unread")
    expect(agent.page).to_have_title("(1) Agent console")
    panes["Mara"].say("for Mara")
    expect(customers["Mara"].said.last).to_have_text("for Mara")
    for name in ("Tom", "Ola"):
        expect(customers[name].said.filter(has_text="for Mara")).to_have_count(0)
    agent.page.set_viewport_size({"width": 1900, "height": 900})
    for pane in panes.values():
        expect(pane.root).to_be_visible()
    expect(agent.page).to_have_title("Agent console")
    panes["Tom"].say("for Tom")
    expect(customers["Tom"].said.last).to_have_text("for Tom")


def test_a_canned_reply_by_a_click_and_those_that_a_reload_of_the_configuration_brings(
    start: Callable[..., Server], pages_of: Callable[..., Pages], tmp_path: Path
) -> None:
    server = start(REPLIES + PAGES)
    support = Support(pages_of(server).open)
    agent, customer = support.agent(), support.customer()
    customer.ask("When?", "Mara")
    pane = agent.accept("Mara")
    expect(pane.root.locator(".chip b")).to_have_text(["hours", "hello"])
    pane.root.locator(".chip").first.focus()
    for _ in range(2):  # the answer to the first has been looked at when the second comes
        with agent.page.expect_response("**/config.json"):
            agent.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(pane.root.locator(".chip").first).to_be_focused()
    pane.reply("hours")
    expect(customer.said).to_have_text(["When?", "We are here from nine to five."])
    expect(pane.said).to_have_text(["When?", "We are here from nine to five."])
    (tmp_path / "chatd.toml").write_text('[autoreply]\nhours = "Day and night."\n' + PAGES, encoding="utf-8")
    server.process.send_signal(signal.SIGHUP)
    server.wait_for("changed: autoreply")
    agent.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(pane.root.locator(".chip b")).to_have_text(["hours"])
    pane.reply("hours")
    expect(customer.said.last).to_have_text("Day and night.")
    expect(pane.said).to_have_count(3)


def test_a_conversation_that_is_closed_can_be_begun_anew(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    pane.end()
    expect(customer.note).to_contain_text("Ines ended this conversation.")
    expect(customer.field).to_be_hidden()
    expect(pane.over).to_be_visible()
    customer.panel.get_by_role("button", name="Start a new conversation").click()
    expect(customer.name).to_have_value("Mara")
    expect(customer.said).to_have_count(0)
    expect(customer.field).to_be_focused()
    customer.say("two")
    pane = agent.accept("Mara")
    expect(pane.said).to_have_text(["one", "two"])
    pane.say("three")
    expect(customer.said).to_have_text(["two", "three"])


def test_who_asks_again_waits_on_when_the_old_conversation_is_put_away(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    pane.end()
    customer.panel.get_by_role("button", name="Start a new conversation").click()
    customer.say("two")
    expect(agent.requests).to_have_count(1)
    pane.over.get_by_role("button", name="Remove from the list").click()
    expect(pane.root).to_have_count(0)
    pane = agent.accept("Mara")
    expect(pane.said.last).to_have_text("two")
    pane.say("three")
    expect(customer.said).to_have_text(["two", "three"])


def test_a_request_that_was_taken_back_leaves_nothing_of_an_earlier_conversation(
    support: Support, server: Server, room: str
) -> None:
    agent, customer = support.agent(), server.customer("mara", room)

    def ask(text: str) -> None:
        customer.send({"eventType": "createContainer", "acceptId": room})
        customer.say(text)
        expect(agent.requests).to_have_count(1)

    ask("one")
    pane = agent.accept("Mara")
    pane.end()
    expect(pane.over).to_be_visible()
    ask("two")
    customer.send({"eventType": "removeContainer", "containerId": "mara"})
    # she is told of it alone: the agent learns it by trying
    agent.page.get_by_role("button", name="Accept Mara", exact=True).click()
    expect(agent.requests).to_have_count(0)
    ask("three")
    pane = agent.accept("Mara")
    expect(pane.over).to_be_hidden()
    pane.say("four")
    expect(pane.said.last).to_have_text("four")


def test_a_customer_ends_the_conversation(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    customer.panel.get_by_role("button", name="End the conversation").click()
    customer.dialog_answer("End it")
    expect(customer.note).to_contain_text("Mara ended this conversation.")
    expect(pane.over).to_be_visible()
    customer.page.reload()
    customer.open()
    expect(customer.name).to_have_value("Mara")


def test_a_conversation_that_was_closed_while_the_customer_was_away_is_over(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    customer.page.goto("about:blank")
    expect(pane.happened.last).to_have_text("Mara left")
    pane.end()
    expect(pane.over).to_be_visible()
    customer.page.goto(customer.url)
    expect(customer.note).to_contain_text("This conversation has ended.")


def test_customers_who_come_and_go_are_told_of_in_their_conversation(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    expect(pane.root.locator(".pane-presence")).to_have_text("online")
    customer.page.goto("about:blank")
    expect(pane.happened.last).to_have_text("Mara left")
    expect(pane.root.locator(".pane-presence")).to_have_text("offline")
    expect(agent.list.get_by_text("customer", exact=True)).to_have_count(0)
    customer.page.goto(customer.url)
    expect(pane.root.locator(".pane-presence")).to_have_text("online")


def test_an_agent_who_goes_is_away_and_comes_back_to_all_conversations(support: Support) -> None:
    agent, mara, tom = support.agent(), support.customer(), support.customer()
    mara.ask("I am Mara", "Mara")
    tom.ask("I am Tom", "Tom")
    agent.accept("Mara").say("Hello Mara")
    agent.accept("Tom").say("Hello Tom")
    expect(tom.said.last).to_have_text("Hello Tom")
    agent.page.goto("about:blank")
    expect(mara.progress).to_have_text("Away for the moment")
    expect(mara.note).to_contain_text("What you write will be read")
    mara.say("Are you there?")
    expect(mara.pending).to_have_count(0)
    agent.page.goto(agent.url)
    agent.here()
    expect(agent.pane("Mara").said).to_have_text(["I am Mara", "Hello Mara", "Are you there?"])
    expect(agent.pane("Tom").said).to_have_text(["I am Tom", "Hello Tom"])
    expect(mara.progress).to_have_text("Online")
    agent.pane("Mara").say("I am.")
    expect(mara.said.last).to_have_text("I am.")


def test_what_was_said_earlier_comes_by_scrolling_back(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    customer.ask("number 0", "Mara")
    pane = agent.accept("Mara")
    lines = [f"number {number}" for number in range(130)]
    customer.say(*lines[1:])
    expect(pane.said.last).to_have_text(lines[-1])
    agent.page.reload()
    agent.here()
    expect(pane.said.last).to_have_text(lines[-1])
    pane.root.hover()
    for _ in range(40):
        agent.page.mouse.wheel(0, -4000)
        if pane.said.first.text_content() == lines[0]:
            break
        agent.page.wait_for_function("() => new Promise(requestAnimationFrame)")
    expect(pane.said).to_have_text(lines)


def test_agents_talk_in_the_room_and_no_customer_hears(support: Support) -> None:
    ines, jo, customer = support.agent(), support.agent("Jo", "jo"), support.customer()
    customer.ask("one", "Mara")
    pane = ines.accept("Mara")
    jo.entry("Room").click()
    jo.pane("Room").say("Who takes Mara?")
    expect(ines.entry("Room")).to_be_visible()
    ines.entry("Room").click()
    expect(ines.pane("Room").said).to_have_text(["Who takes Mara?"])
    pane.say("two")
    expect(customer.said).to_have_text(["one", "two"])
