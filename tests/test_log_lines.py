"""The operator's manual has every line that the log may have."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import chatd

PACKAGE = Path(chatd.__file__).parent
MANUAL = PACKAGE.parent / "docs" / "operations.rst"
LEVELS = ("info", "warn", "error", "critical", "failure")


def logged() -> Iterator[tuple[str, str]]:
    """The level and format of every line that the code logs."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LEVELS
                and ast.unparse(node.func.value) in ("log", "self.log")
            ):
                (format, *_) = node.args
                assert isinstance(format, ast.Constant), f"{path}: a line is a text"
                yield ("critical" if node.func.attr == "failure" else node.func.attr), format.value


def documented() -> Iterator[tuple[str, str]]:
    """The level and format of every line in the manual's table."""
    for level, format in re.findall(r"^(\w+) +``(.+?)``", MANUAL.read_text(encoding="utf-8"), re.MULTILINE):
        if level in LEVELS:
            yield level, format


def test_every_line_of_the_log_is_in_the_manual_and_no_other() -> None:
    assert sorted(set(documented())) == sorted(set(logged()))
