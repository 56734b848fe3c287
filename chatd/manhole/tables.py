"""Results for people: short tables, whatever the number of rooms and users behind them. Pure."""

from collections.abc import Iterable, Sequence
from unicodedata import combining, east_asian_width

LINES = 20
"""How many lines a result has unless it is asked for more."""
WIDTH = 40  # of a cell, in columns


class Line(str):
    """A result of one line; its repr is the line itself."""

    def __repr__(self) -> str:
        return str(self)


class Table:
    """A result of several lines; its repr is a table.

    :param rows: as many as are to be shown.
    :param title: what stands above it; empty: nothing.
    :param more: what stands below it; empty: nothing.
    """

    def __init__(
        self, head: Sequence[str], rows: Iterable[Sequence[object]], title: str = "", more: str = ""
    ) -> None:
        self.head = tuple(head)
        self.rows = [tuple(row) for row in rows]
        self.title = title
        self.more = more

    def __repr__(self) -> str:
        if not self.rows:
            return "\n".join(filter(None, (self.title, "none", self.more)))
        lines = [list(self.head)] if any(self.head) else []
        lines += [[shown(cell) for cell in row] for row in self.rows]
        columns = list(zip(*lines, strict=True))
        widths = [max(map(width, column)) for column in columns]
        right = [all(isinstance(cell, int) for cell in column) for column in zip(*self.rows, strict=True)]
        text = [self.title] if self.title else []
        for line in lines:
            cells = zip(line, widths, right, strict=True)
            text.append("  ".join(padded(*cell) for cell in cells).rstrip())
        text += [self.more] if self.more else []
        return "\n".join(text)


def counted(number: int, what: str) -> str:
    """So many of what has this name in the singular."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def and_more(total: int, rows: int, what: str) -> str:
    """What stands below a table that does not show all."""
    return f"… and {counted(total - rows, f'more {what}')}" if total > rows else ""


def shown(cell: object) -> str:
    """A cell's text: short, and without a character that a terminal would act upon."""
    if isinstance(cell, int):
        return f"{cell:,}"
    text = str(cell)[: WIDTH + 1]
    text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def padded(text: str, columns: int, right: bool) -> str:
    """A text as wide as its column."""
    padding = " " * (columns - width(text))
    return padding + text if right else text + padding


def width(text: str) -> int:
    """The columns that a terminal needs for a text: a Chinese character takes two."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
