"""What /metrics says, as Prometheus's own parser reads it."""

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families


class Samples:
    """All values of one scrape."""

    def __init__(self, text: bytes) -> None:
        self.families: list[Metric] = list(text_string_to_metric_families(text.decode()))
        self._values = {
            (sample.name, *sample.labels.values()): sample.value
            for family in self.families
            for sample in family.samples
        }

    def __call__(self, name: str, *labels: str) -> float:
        """One value; the labels' values in the order of the text."""
        return self._values[(name, *labels)]

    def by_label(self, name: str) -> dict[str, float]:
        """A name's values that are not 0, by its one label."""
        return {key[1]: value for key, value in self._values.items() if key[0] == name and value}

    @property
    def names(self) -> set[str]:
        """What can be asked for: a counter has ``_total`` at its end, a histogram none of its own."""
        return {_name(family) for family in self.families}

    @property
    def series(self) -> Iterable[str]:
        """The names of all samples."""
        return {key[0] for key in self._values}


def _name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name
