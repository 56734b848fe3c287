"""Collects samples and takes medians."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from bench.measure import Sample

REFERENCE = "chatd"


@dataclass
class Results:
    """All samples and failures, by scenario and server."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))

    def values(self, scenario: str, server: str, metric: str) -> list[float]:
        """The numbers measured, in the order of the runs."""
        found = (sample.get(metric) for sample in self.samples.get((scenario, server), ()))
        return [float(value) for value in found if isinstance(value, (int, float))]

    def median(self, scenario: str, server: str, metric: str) -> float | None:
        """The median of the runs; None when nothing was measured or a run failed."""
        if (scenario, server) in self.failures:
            return None
        values = self.values(scenario, server, metric)
        return statistics.median(values) if values else None

    def words(self, scenario: str, server: str, metric: str) -> str:
        """What the runs said where it is not a number, without repetitions."""
        samples = self.samples.get((scenario, server), ())
        found = (str(sample[metric]) for sample in samples if metric in sample)
        return ", ".join(dict.fromkeys(found))

    def spread(self, scenario: str, server: str, metric: str) -> float | None:
        """(largest - smallest) / median of the runs."""
        values = self.values(scenario, server, metric)
        middle = statistics.median(values) if values else 0
        return (max(values) - min(values)) / middle if middle else None

    def ratio(self, scenario: str, server: str, metric: str) -> float | None:
        """The server's median as a multiple of chatd's."""
        own, base = self.median(scenario, server, metric), self.median(scenario, REFERENCE, metric)
        return own / base if own is not None and base else None

    def plain(self) -> dict[str, Any]:
        """For JSON: scenario -> server -> samples, and the failures."""
        samples: dict[str, dict[str, list[Sample]]] = defaultdict(dict)
        for (scenario, server), measured in self.samples.items():
            samples[scenario][server] = measured
        failures = [
            {"scenario": scenario, "server": server, "reasons": reasons}
            for (scenario, server), reasons in self.failures.items()
        ]
        return {"samples": samples, "failures": failures}
