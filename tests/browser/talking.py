"""What the tests do on the group room's page, and read there."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PATIENCE

expect.set_options(timeout=PATIENCE)


class Talker:
    """Somebody on the page of a group room.

    :param name: Ann's userId is ann.
    """

    def __init__(
        self, open: Callable[..., Page], name: str, room: str, lang: str = "en", **options: Any
    ) -> None:
        query = {"name": name, "user": name.lower(), "room": room, "lang": lang, **options.pop("query", {})}
        self.page = open(f"room?{urlencode(query)}", **options)
        self.joined()

    def joined(self) -> None:
        """Wait until he is in the room, and knows who else is."""
        expect(self.page.locator("#count")).not_to_be_empty()
        expect(self.page.locator("#online li").first).to_be_attached()

    @property
    def field(self) -> Locator:
        """Where he writes."""
        return self.page.locator("#write textarea")

    @property
    def messages(self) -> Locator:
        """What was said, and has arrived."""
        return self.page.locator(".log .said")

    @property
    def happenings(self) -> Locator:
        """Who came and went, and took another name."""
        return self.page.locator(".log .happening")

    @property
    def online(self) -> Locator:
        """The names in the list of who is online."""
        return self.page.locator("#online .name")

    def say(self, text: str) -> None:
        """Write a text and send it by Enter."""
        self.field.fill(text)
        self.field.press("Enter")

    def texts(self) -> list[str]:
        """What was said, in the order in which it stands there."""
        return self.page.locator(".log .said .text").all_text_contents()

    def hears(self, *texts: str) -> None:
        """Wait until exactly these texts stand there, in this order, and nothing is on its way."""
        expect(self.page.locator(".log .said .text")).to_have_text(list(texts))
        self.has_sent_all()

    def has_sent_all(self) -> None:
        """Wait until nothing is on its way."""
        expect(self.page.locator(".waiting .said")).to_have_count(0)

    def choose(self, text: str) -> None:
        """Choose from the page's menu."""
        self.page.locator("#more button").first.click()
        self.page.get_by_role("menuitem", name=text).click()

    def fill(self, submit: str, **fields: str) -> None:
        """Fill in the dialog that is open, and submit it."""
        dialog = self.page.get_by_role("dialog")
        for name, value in fields.items():
            dialog.locator(f"[name={name}]").fill(value)
        dialog.get_by_role("button", name=submit).click()
