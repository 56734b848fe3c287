"""Barriers on a page, as axe-core finds them: https://github.com/dequelabs/axe-core."""

from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Page

from tests.browser.pages import settle

# what it would preload it writes into the page as a style, which the Content-Security-Policy refuses
RUN = "() => axe.run({resultTypes: ['violations'], preload: false}).then((result) => result.violations)"
GRAVE = ("serious", "critical")


class Axe:
    """Checks pages."""

    SOURCE: ClassVar[Path] = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"

    def __init__(self) -> None:
        self._source = self.SOURCE.read_text(encoding="utf-8")

    def violations(self, page: Page) -> list[dict[str, Any]]:
        """What it finds, of any weight."""
        # not as a script element, which the pages' Content-Security-Policy would refuse
        page.evaluate(self._source)
        settle(page)  # what is still fading in has other colours than people will see
        found = page.evaluate(RUN)
        assert isinstance(found, list)
        return found

    def check(self, page: Page) -> None:
        """:raises AssertionError: if a page has a serious or critical violation."""
        grave = [violation for violation in self.violations(page) if violation["impact"] in GRAVE]
        assert not grave, "\n".join(_told(violation) for violation in grave)


def _told(violation: dict[str, Any]) -> str:
    nodes = "\n".join(f"    {node['html']}\n        {node['failureSummary']}" for node in violation["nodes"])
    return f"{violation['impact']}: {violation['id']}: {violation['help']}\n{nodes}"
