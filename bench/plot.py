"""Draws the picture of a benchmark, or of a soak: ``plot.py SAMPLES.json PICTURE``. Needs matplotlib."""

import json
import statistics
import sys
from typing import Any

import matplotlib  # type: ignore[import-not-found, unused-ignore]

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # type: ignore[import-not-found, unused-ignore]

PANELS = (
    ("closed-10", "cpu_us", 1.0, "CPU µs per delivery, room of 10"),
    ("closed-100", "cpu_us", 1.0, "CPU µs per delivery, room of 100"),
    ("closed-1000", "cpu_us", 1.0, "CPU µs per delivery, room of 1,000"),
    ("paced-100", "p99_us", 1e-3, "p99 latency in ms, 100 messages/s to 100"),
    ("idle", "rss_each", 1e-3, "kB of memory per idle connection"),
    ("handshakes", "cpu_us", 1.0, "CPU µs per handshake"),
)
OWN, LIMIT, OTHER = "#1b6ca8", "#9aa5b1", "#e0a458"


def colour(server: str) -> str:
    """By the kind of server."""
    if server.startswith("chatd"):
        return OWN
    return LIMIT if server.startswith("c-") else OTHER


def panel(axes: Any, data: dict[str, Any], scenario: str, metric: str, scale: float, title: str) -> None:
    """One bar per server, the smallest on top."""
    measured = data["samples"].get(scenario, {})
    values = {
        server: scale * statistics.median(sample[metric] for sample in samples if metric in sample)
        for server, samples in measured.items()
        if samples
    }
    names = sorted(values, key=values.__getitem__, reverse=True)
    bars = axes.barh(
        [data["titles"].get(name, name) for name in names],
        [values[name] for name in names],
        color=[colour(name) for name in names],
    )
    axes.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
    axes.set_title(title, fontsize=10)
    axes.tick_params(labelsize=8)
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def soaked(samples: list[dict[str, float]]) -> Any:
    """Memory, and what has happened meanwhile, by the minute."""
    minutes = [each["seconds"] / 60 for each in samples]
    figure, axes = plt.subplots(figsize=(9, 3.6))
    axes.plot(minutes, [each["rss"] / (1 << 20) for each in samples], color=OWN)
    axes.set_ylabel("resident memory, MiB", color=OWN)
    axes.set_xlabel("minutes")
    axes.set_ylim(bottom=0)
    others = axes.twinx()
    others.plot(minutes, [each["comings"] / 1000 for each in samples], color=OTHER)
    others.set_ylabel("clients that came, thousands", color=OTHER)
    others.set_ylim(bottom=0)
    axes.spines[["top"]].set_visible(False)
    others.spines[["top"]].set_visible(False)
    return figure


def main(source: str, target: str) -> None:
    """Reads the samples, writes the picture."""
    with open(source, encoding="utf-8") as file:
        data = json.load(file)
    save(soaked(data) if isinstance(data, list) else compared(data), target)


def save(figure: Any, target: str) -> None:
    """Writes the picture."""
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None} if target.endswith(".svg") else None)


def compared(data: dict[str, Any]) -> Any:
    """All servers side by side."""
    panels = [entry for entry in PANELS if data["samples"].get(entry[0])]
    rows = (len(panels) + 1) // 2
    figure, grid = plt.subplots(max(rows, 1), 2, figsize=(11, 3.2 * max(rows, 1)), squeeze=False)
    spots = [axes for row in grid for axes in row]
    for axes in spots[len(panels) :]:
        axes.set_visible(False)
    for axes, entry in zip(spots, panels, strict=False):
        panel(axes, data, *entry)
    figure.suptitle("Less is better", fontsize=9, x=0.99, ha="right")
    return figure


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
