"""Barriers on a page, as axe-core finds them: https://github.com/dequelabs/axe-core."""

from pathlib import Path
from typing import Any, ClassVar

from playwright.sync_api import Page

# what it would preload it writes into the page as a style, which the Content-Security-Policy refuses
RUN = "() => axe.run({resultTypes: ['violations'], preload: false}).then((result) => result.violations)"
GRAVE = ("serious", "critical")
# what is still fading in has other colours than people will see; what never ends is looked at as it is
SETTLED = """() => {
  const within = (root) => [
    ...root.getAnimations(),
    ...[...root.querySelectorAll("*")].flatMap(
      (element) => element.shadowRoot ? within(element.shadowRoot) : []
    ),
  ];
  const passing = within(document).filter(
    (animation) => animation.effect.getComputedTiming().endTime !== Infinity
  );
  return Promise.allSettled(passing.map((animation) => animation.finished));
}"""


class Axe:
    """Checks pages."""

    SOURCE: ClassVar[Path] = Path(__file__).with_name("node_modules") / "axe-core" / "axe.min.js"

    def __init__(self) -> None:
        self._source = self.SOURCE.read_text(encoding="utf-8")

    def violations(self, page: Page) -> list[dict[str, Any]]:
        """What it finds, of any weight."""
        # not as a script element, which the pages' Content-Security-Policy would refuse
        page.evaluate(self._source)
        page.evaluate(SETTLED)
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
