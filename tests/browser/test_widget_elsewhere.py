"""The widget on pages of others, which know nothing of it and have policies and styles of their own."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from chatd.web import files
from tests.browser.foreign import HOSTILE, Foreign
from tests.browser.pages import Pages
from tests.browser.support import Customer
from tests.processes.servers import PAGES, Server

LOOKS = """(element) => {
  const style = getComputedStyle(element);
  const names = [...style].filter((name) => !name.startsWith("--"));
  return Object.fromEntries(names.map((name) => [name, style[name]]));
}"""


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    """A site of somebody else's."""
    with Foreign() as site:
        yield site


@pytest.fixture
def chatd_for(start: Callable[..., Server]) -> Callable[..., Server]:
    """Starts a server that lets pages of an origin connect, and no others."""
    return lambda origin: start(f'[server]\norigins = ["{origin}"]\n' + PAGES)


def chat(server: Server) -> str:
    """Its WebSocket's address."""
    return f"ws://127.0.0.1:{server.port}/"


def scripts(server: Server) -> str:
    """The origin of its pages."""
    return server.web.rstrip("/")


def test_two_lines_in_a_page_of_an_allowed_origin_are_enough_under_a_strict_policy(
    foreign: Foreign, chatd_for: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = chatd_for(foreign.origin)
    foreign.embed(scripts(server), chat(server))
    customer = Customer(pages_of(server).open("/", base=foreign.origin))
    agent = server.join("support", "support", name="Ines")
    customer.ask("Is the lamp in stock?", "Mara")
    while (asked := agent.receive()).get("eventType") != "createContainer":
        pass
    agent.ask("addContainer", containerId=asked["containerId"])
    agent.say("It is.", containerId=asked["containerId"])
    expect(customer.said).to_have_text(["Is the lamp in stock?", "It is."])
    assert asked["targetId"] == foreign.origin.removeprefix("http://") + "/"


def test_a_page_of_a_refused_origin_shows_what_stands_between_the_tags(
    foreign: Foreign, chatd_for: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = chatd_for("https://shop.example")
    foreign.embed(scripts(server), chat(server), within="Write to us: help@shop.example")
    page: Page = pages_of(server).open("/", base=foreign.origin, expected="CORS policy|net::ERR_FAILED")
    expect(page.get_by_text("Write to us")).to_be_visible()
    expect(page.locator("chatd-widget button")).to_have_count(0)


def test_a_widget_that_the_server_does_not_let_in_says_so(
    foreign: Foreign, chatd_for: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = chatd_for("https://shop.example")
    foreign.serve(files.read())
    foreign.embed(foreign.origin, chat(server))
    customer = Customer(pages_of(server).open("/", base=foreign.origin, expected="WebSocket connection to"))
    customer.open()
    customer.name.fill("Mara")
    customer.say("Hello?")
    expect(customer.note).to_contain_text("The chat cannot be reached from this page")
    expect(customer.panel.get_by_text("Hello?")).to_be_visible()


def test_no_style_leaks_into_the_widget_or_out_of_it(
    foreign: Foreign, chatd_for: Callable[..., Server], pages_of: Callable[..., Pages]
) -> None:
    server = chatd_for(foreign.origin)
    pages = pages_of(server)

    def customer(style: str) -> Customer:
        foreign.embed(scripts(server), chat(server), style)
        customer = Customer(pages.open("/", base=foreign.origin, reduced_motion="reduce"))
        customer.open()
        customer.name.fill("Mara")
        return customer

    plain, hostile = customer(" "), customer(HOSTILE)
    for selector in (
        ".launcher",
        ".panel",
        ".panel-title",
        ".welcome-line",
        ".input",
        "textarea",
        ".field > label",
    ):
        looks = [one.widget.locator(selector).first.evaluate(LOOKS) for one in (plain, hostile)]
        assert looks[0] == looks[1], selector
    within = hostile.page.locator("#own").evaluate(LOOKS)
    foreign.embed(scripts(server), chat(server), HOSTILE, widget=False)
    without = pages.open("/", base=foreign.origin, reduced_motion="reduce")
    assert without.locator("#own").evaluate(LOOKS) == within
    assert hostile.page.evaluate("[document.title, document.documentElement.lang]") == [
        "Somebody else's",
        "en",
    ]
    assert (
        hostile.page.evaluate("document.body.children.length") == 3
    )  # the page's own, the script, the widget
