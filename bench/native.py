"""Builds the C programs: the load generator and the limit server."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / ".build"
FLAGS = ["-O2", "-std=gnu11", "-Wall", "-Wextra"]


class BuildError(Exception):
    """The C compiler failed or is missing; the text is its output."""


def build(name: str, folder: Path) -> Path:
    """Compile a folder of C files into one program, unless it is newer than all of them."""
    program = BUILD / name
    sources = sorted(folder.glob("*.c"))
    newest = max(path.stat().st_mtime for path in folder.glob("*.[ch]"))
    if program.exists() and program.stat().st_mtime >= newest:
        return program
    BUILD.mkdir(exist_ok=True)
    command = ["cc", *FLAGS, "-o", str(program), *map(str, sources)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildError("there is no C compiler (cc)") from None
    if done.returncode:
        raise BuildError(done.stderr)
    return program


def load_generator() -> Path:
    """The load generator's program."""
    return build("load", HERE / "load")


def limit_server() -> Path:
    """The limit server's program."""
    return build("limit", HERE / "peers" / "limit")
