"""Customer service in real browsers, in a crowd, while servers are killed and people write scripts."""

import re
import signal
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.cable import Cable
from tests.browser.conftest import reached_by
from tests.browser.pages import NO_NETWORK, Pages
from tests.browser.support import Support
from tests.processes.servers import PAGES, Server

ROUNDS = 2


def started_again(server: Server, config: str) -> tuple[Any, ...]:
    """How to start a server at the ports of one that was there before."""
    pages = config.replace("tcp:0:", f"tcp:{server.web.rsplit(':', 1)[1].rstrip('/')}:")
    return pages, (), (), f"tcp:{server.port}:interface=127.0.0.1"


def test_a_server_that_is_killed_and_started_again_costs_no_word_on_either_page(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = start(PAGES)
    again = started_again(server, PAGES)
    support = Support(pages_of(server).open)
    agent = support.agent(expected=NO_NETWORK)
    customers = [support.customer({"name": name}, expected=NO_NETWORK) for name in ("Mara", "Tom")]
    for customer in customers:
        customer.ask("hello")
    panes = [agent.accept(name) for name in ("Mara", "Tom")]
    expected: list[list[str]] = [["hello"], ["hello"]]
    for round in range(ROUNDS):
        for pane, customer, texts in zip(panes, customers, expected, strict=True):
            customer.say(f"c{round} before")
            pane.say(f"a{round} before")
            texts += [f"c{round} before", f"a{round} before"]
        server.signal(signal.SIGKILL)
        server.wait()
        for pane, customer, texts in zip(panes, customers, expected, strict=True):
            customer.say(f"c{round} meanwhile", f"c{round} still")
            pane.say(f"a{round} meanwhile", f"a{round} still")
            texts += [f"c{round} meanwhile", f"c{round} still", f"a{round} meanwhile", f"a{round} still"]
        server = start(*again)
        for pane, customer, texts in zip(panes, customers, expected, strict=True):
            for said in (customer.said, pane.said):
                expect(said).to_have_count(len(texts), timeout=60_000)
            expect(customer.pending).to_have_count(0)
            expect(pane.pending).to_have_count(0)
            on_both = [customer.said.all_text_contents(), pane.said.all_text_contents()]
            assert on_both[0] == on_both[1], "both see one order"
            for who in "ca":
                in_order = [text for text in texts if text.startswith(who)]
                assert [text for text in on_both[0] if text.startswith(who)] == in_order
            assert sorted(on_both[0]) == sorted(texts)


def test_without_a_store_a_conversation_goes_on_after_a_restart(
    start: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    config = '[store]\nurl = "none"\n' + PAGES
    server = start(config)
    again = started_again(server, config)
    support = Support(pages_of(server).open)
    agent, customer = (
        support.agent(expected=NO_NETWORK),
        support.customer({"name": "Mara"}, expected=NO_NETWORK),
    )
    customer.ask("one")
    pane = agent.accept("Mara")
    pane.say("two")
    expect(customer.said).to_have_text(["one", "two"])
    server.signal(signal.SIGKILL)
    server.wait()
    start(*again)
    expect(agent.requests).to_have_count(1, timeout=60_000)  # nobody remembers: the customer asks again
    pane = agent.accept("Mara")
    pane.say("three")
    expect(customer.said).to_have_text(["one", "two", "three"])
    customer.say("four")
    expect(pane.said.last).to_have_text("four")


def test_what_a_customer_writes_while_the_conversation_is_closed_reaches_an_agent(
    start: Callable[..., Server], pages_of: Callable[..., Pages], cable: Cable
) -> None:
    server = start(reached_by(cable))
    cable.lead_to(server.port)
    pages = pages_of(server, f"127.0.0.1:{cable.port}")
    customer, agent = Support(pages.open).customer(expected=NO_NETWORK), server.join("support", "support")

    def asked() -> str:
        while (frame := agent.receive()).get("eventType") != "createContainer":
            pass
        return str(frame["containerId"])

    customer.ask("one", "Mara")
    agent.ask("addContainer", containerId=(container := asked()))
    agent.say("two", containerId=container)
    expect(customer.said).to_have_text(["one", "two"])
    expect(customer.note).to_be_hidden()
    cable.cut()
    while (frame := agent.receive()).get("action") != "out" or frame["userId"] != container:
        pass
    customer.say("still there?")
    agent.ask("removeContainer", containerId=container)
    cable.mend()
    assert asked() == container
    expect(customer.note).to_contain_text("Somebody will be with you", timeout=60_000)
    agent.ask("addContainer", containerId=container)
    agent.say("I am", containerId=container)
    expect(customer.said).to_have_text(["one", "two", "still there?", "I am"])
    expect(customer.progress).to_have_text("Online")


def test_a_store_that_answers_late_ends_no_conversation_that_has_just_begun(support: Support) -> None:
    assert support.customer().page.evaluate(BEGIN) == "waiting"


# A server whose answer to "what was said first?" comes after what was said then, of which it does not know.
BEGIN = """async () => {
  const { Support } = await import("/parts/support.js");
  const mara = { nickName: "Mara", userId: "mara", createUser: "mara", roomName: "support" };
  const page = { messageType: "history", roomName: "support", messages: [], more: false };
  let last = 0;
  return await new Promise((resolve) => {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => {
          this.onopen({});
          this.say({ ...mara, messageType: "notice", action: "in", count: 1, messageContent: "" }, page);
        });
      }
      send(text) {
        setTimeout(() => this.answer(JSON.parse(text)));
      }
      answer(frame) {
        const { eventType = "ordinary" } = frame;
        if (eventType === "online") resolve(support.progress);
        if (eventType === "history" || eventType === "online") return;
        this.say({ ...mara, messageType: "text", ...frame, eventType, messageId: String((last += 1)) });
        if (eventType === "ordinary") this.say(page);
      }
      say(...frames) {
        for (const frame of frames) this.onmessage({ data: JSON.stringify(frame) });
      }
      close() {}
    };
    const view = { connected() {}, said() {}, noticed() {} };
    view.progressed = () => support.progress === "closed" && resolve("closed");
    const where = { url: "ws://chat.example/", room: "support", agent: "support", target: "" };
    const support = new Support(where, { userId: "mara" }, view);
    support.begin("Mara");
    support.client.say("hello");
  });
}"""


def test_a_pane_that_is_put_away_leaves_nothing_on_the_page_that_holds_it(support: Support) -> None:
    agent, customer = support.agent(), support.customer()
    agent.page.context.add_init_script(LISTENING)
    agent.page.reload()
    agent.here()
    before = agent.page.evaluate("listening.size")
    customer.ask("one", "Mara")
    pane = agent.accept("Mara")
    pane.end()
    assert agent.page.evaluate("listening.size") > before
    pane.over.get_by_role("button", name="Remove from the list").click()
    expect(pane.root).to_have_count(0)
    assert agent.page.evaluate("listening.size") == before


def test_a_customer_is_not_away_because_a_list_of_very_many_is_not_whole(support: Support) -> None:
    assert support.agent().page.evaluate(MANY) == {"whole": False, "cut": True, "asked": 1_700_000_000_000}


# The listeners of the document that hear that the page is seen again.
LISTENING = """
window.listening = new Set();
const { addEventListener, removeEventListener } = document;
document.addEventListener = (type, act, how) => {
  if (type === "visibilitychange") listening.add(act);
  addEventListener.call(document, type, act, how);
};
document.removeEventListener = (type, act, how) => {
  listening.delete(act);
  removeEventListener.call(document, type, act, how);
};
"""

# Whether a customer counts as being here whom a list of 1,500 people leaves out, and when she asked.
MANY = """async () => {
  const { Roster } = await import("/parts/roster.js");
  const told = async (online) => {
    const roster = new Roster(() => {});
    const request = { containerId: "mara", createUser: "mara", messageId: "1", createTime: "1700000000000" };
    roster.asked(request, false);
    await new Promise((resolve) => {
      roster.changed = resolve;
      roster.ask({ online });
    });
    return roster.get("mara");
  };
  const people = Array.from({ length: 1500 }, (_, number) => ({ userId: `u${number}`, nickName: "U" }));
  const whole = await told(async () => ({ users: people.slice(0, 300), count: 300 }));
  const cut = await told(async ({ limit = 200 } = {}) => ({ users: people.slice(0, limit), count: 1500 }));
  return { whole: whole.here, cut: cut.here, asked: whole.asked };
}"""


def test_nothing_that_people_write_becomes_a_script_on_any_page(
    support: Support, server: Server, room: str
) -> None:
    evil = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'
    short = "<img src=x onerror=window.evil=1>"
    bad = "javascript:window.evil=1"
    agent = support.agent()
    client = server.connect(
        userId=short, name=short, roomName=room, containerId=short, targetId=short, icon=bad
    )
    assert client.receive()["action"] == "in"
    client.send({"eventType": "createContainer", "acceptId": room, "targetId": short})
    client.say(evil)
    media = {"file": bad, "previewUrl": bad, "duration": 1}
    for kind in ("picture", "video", "voice"):
        client.send({"messageType": kind, "messageContent": evil, "accessoryContent": media})
    custom = {"eventType": evil, "eventDescription": evil, "customContent": {evil: evil}}
    client.send({"messageType": "event", "messageContent": evil, "accessoryContent": custom})
    client.send({"eventType": "updateUserInfo", "messageContent": short, "userIconUpdate": bad})
    pane = agent.accept(short)
    expect(pane.root.locator(".row.said")).to_have_count(5)
    customer = support.customer({"target": short})
    customer.ask(evil, short)
    hostile = server.join(room, room, name=short, icon=bad)
    customer_id = customer.page.evaluate("JSON.parse(localStorage.getItem(localStorage.key(0))).userId")
    hostile.send({"eventType": "addContainer", "containerId": customer_id})
    for kind in ("picture", "video", "voice"):
        hostile.send(
            {
                "messageType": kind,
                "containerId": customer_id,
                "messageContent": evil,
                "accessoryContent": media,
            }
        )
    hostile.send({"messageType": "event", "containerId": customer_id, "accessoryContent": custom})
    expect(customer.title).to_have_text(short)
    expect(customer.panel.locator(".row.said")).to_have_count(5)
    for person in (agent, customer):
        assert person.page.evaluate("window.evil") is None
        addresses = person.page.evaluate(ADDRESSES)
        assert [address for address in addresses if not re.match(r"https?://", address)] == []


ADDRESSES = """() => {
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      for (const name of ["src", "href", "poster"]) {
        if (element.getAttribute(name) && !(element instanceof SVGElement)) found.push(element[name]);
      }
      for (const { name } of element.attributes) if (name.startsWith("on")) found.push(name);
      if (element.shadowRoot) look(element.shadowRoot);
    }
  };
  look(document.body);
  return found;
}"""
