"""The people of customer service before their browsers: a customer at the widget, an agent at the console."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PATIENCE

expect.set_options(timeout=PATIENCE)

PHONE = {"width": 360, "height": 640}
WIDE = {"width": 1600, "height": 900}


class Person:
    """Somebody before a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.url = page.url

    def dialog_answer(self, words: str) -> None:
        """Press one of the buttons of the dialog that is open."""
        self.page.locator("dialog[open]").get_by_role("button", name=words, exact=True).click()


class Customer(Person):
    """A customer on a page with the widget in it."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.widget = self.page.locator("chatd-widget")
        self.launcher = self.widget.locator("button.launcher")
        self.panel = self.widget.locator("section.panel")
        self.field = self.panel.locator("textarea")
        self.said = self.panel.locator(".row.said .text")
        self.note = self.panel.locator(".panel-note")
        self.title = self.panel.locator(".panel-title")
        self.progress = self.panel.locator(".panel-progress")
        self.name = self.panel.locator(".welcome input")
        self.pending = self.panel.locator(".row.pending")

    def open(self) -> None:
        """Press the button in the corner."""
        expect(self.launcher).to_be_enabled()
        self.launcher.click()
        expect(self.panel).to_be_visible()

    def say(self, *texts: str) -> None:
        """Write in the field and press Enter, without waiting for anything."""
        for text in texts:
            self.field.fill(text)
            self.field.press("Enter")

    def ask(self, text: str, name: str | None = None) -> None:
        """Open the widget, and begin a conversation."""
        self.open()
        if name is not None:
            self.name.fill(name)
        self.say(text)
        expect(self.said.last).to_have_text(text)
        expect(self.pending).to_have_count(0)


class Pane:
    """One conversation on the agent's screen."""

    def __init__(self, agent: "Agent", name: str) -> None:
        self.agent = agent
        self.root = agent.page.get_by_role("region", name=name, exact=True).and_(agent.page.locator(".pane"))
        self.said = self.root.locator(".row.said .text")
        self.happened = self.root.locator(".row.happening p")
        self.field = self.root.locator("textarea")
        self.pending = self.root.locator(".row.pending")
        self.over = self.root.locator(".pane-over")

    def say(self, *texts: str) -> None:
        """Write in the field and press Enter, without waiting for anything."""
        for text in texts:
            self.field.fill(text)
            self.field.press("Enter")

    def reply(self, code: str) -> None:
        """Press a canned reply."""
        self.root.locator(".chip", has_text=code).click()

    def end(self) -> None:
        """Close the conversation."""
        self.root.locator(".pane-end").click()
        self.agent.dialog_answer("End")


class Agent(Person):
    """An agent at the console."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        self.waiting = self.page.locator(".desk-group").filter(
            has=self.page.get_by_role("heading", name="Waiting")
        )
        self.requests = self.waiting.locator("li")
        self.list = self.page.locator(".desk-list")

    def here(self) -> None:
        """Wait until the server has let the agent in."""
        expect(self.page.locator(".app-bar .badge")).to_contain_text("online")

    def accept(self, name: str) -> Pane:
        """Take a request; the conversation is then to be seen."""
        self.page.get_by_role("button", name=f"Accept {name}", exact=True).click()
        pane = self.pane(name)
        expect(pane.root).to_be_visible()
        return pane

    def pane(self, name: str) -> Pane:
        """The conversation with somebody."""
        return Pane(self, name)

    def entry(self, name: str) -> Locator:
        """A conversation in the list."""
        exactly = self.page.get_by_text(name, exact=True)
        return self.list.locator(".entry-button").filter(has=exactly)


class Support:
    """Customer service in one room: opens the pages for it.

    :param open: opens a page of the server.
    :param room: which is the agent's userId too; "": as the pages have it by themselves.
    """

    def __init__(self, open: Callable[..., Page], room: str = "") -> None:
        self._open = open
        self._room = {"room": room} if room else {}

    def customer(self, query: Mapping[str, str] | None = None, **options: Any) -> Customer:
        """A customer, on the shop's page."""
        return Customer(self._open(f"customer?{urlencode({**self._room, **(query or {})})}", **options))

    def agent(self, name: str = "Ines", user: str | None = None, **options: Any) -> Agent:
        """An agent who is there."""
        query = {"name": name, **self._room, **({"user": user} if user else {})}
        agent = Agent(self._open(f"agent?{urlencode(query)}", **{"viewport": WIDE} | options))
        agent.here()
        return agent
