"""The configurations chatd is measured with. A new variant is one more entry in VARIANTS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# A benchmark's sender is no abuser: the limits are out of its way, everything else is the default.
LIMITS = {"rate": 1_000_000, "burst": 1_000_000}
LOG = {"level": "warn"}  # the peers write no line for each connection either

Settings = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True)
class Variant:
    """How one configuration differs from the default.

    :param settings: section -> key -> value; ``{folder}`` in a string becomes the server's folder.
    :param default: measured when no servers are named.
    """

    title: str
    note: str = ""
    settings: Settings = field(default_factory=dict)
    default: bool = True


VARIANTS: dict[str, Variant] = {
    "chatd": Variant("chatd", "Stores nothing, as the peers.", {"store": {"url": "none"}}),
    "chatd-sqlite": Variant(
        "chatd, SQLite", "Every message is stored first.", {"store": {"url": "sqlite:{folder}/chatd.sqlite"}}
    ),
}


def _literal(value: object, folder: Path) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        text = value.replace("{folder}", str(folder))
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def render(variant: str, folder: Path) -> str:
    """The variant's configuration file."""
    return written(VARIANTS[variant].settings, folder)


def written(settings: Settings, folder: Path) -> str:
    """A configuration file with these settings beside those of all benchmarks."""
    sections: dict[str, dict[str, object]] = {"limits": dict(LIMITS), "log": dict(LOG)}
    for name, values in settings.items():
        sections.setdefault(name, {}).update(values)
    lines: list[str] = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_literal(value, folder)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
