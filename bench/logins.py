"""``python -m bench.logins``: what a storm of logins costs a room on the same server.

A room of 100 hears 20 messages a second while 200 clients a second log in with accounts of a file and leave.
Each login is checked by argon2 (``auth.remember = 0``).
The server, its threads for hashes included, has one CPU; load and clients have the other.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from bench import generator, procfs
from bench.machine import describe
from bench.processes import Cores, running
from bench.servers import ALL
from bench.tables import Table, number
from chatd.checkers.hashes import HASHER
from tests.ports import free_port

ACCOUNTS = 10_000
CONFIG = """
[limits]
rate = 1e9
burst = 1000000000
[log]
level = "error"
[store]
url = "none"
[auth]
remember = {remember}
failures_per_address = 1000000
[auth.shop]
kind = "file"
path = "{path}"
"""
HEADER = ["logins", "in/s", "1013/s", "slowest ms", "p50 ms", "p99 ms", "CPU"]


PASSWORD = hashlib.md5(b"password", usedforsecurity=False).hexdigest()


def write_accounts(path: Path) -> None:
    """A file of accounts, hashed as new ones are; all have one password, which saves the time to hash it."""
    hash = HASHER.hash(PASSWORD)
    path.write_text("".join(f"account-{at}:{hash}\n" for at in range(ACCOUNTS)))
    path.chmod(0o600)


class Storm:
    """Clients that log in and leave, so many a second, until they are told to stop."""

    def __init__(self, port: int, rate: float) -> None:
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        self._port = port
        self._rate = rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._blow()))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, when the last login has been answered."""
        self._stop.set()
        self._thread.join()

    async def _blow(self) -> None:
        begun, tasks = time.monotonic(), set()
        at = 0
        while not self._stop.is_set():
            task = asyncio.create_task(self._login(at))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            at += 1
            await asyncio.sleep(max(0.0, begun + at / self._rate - time.monotonic()))
        await asyncio.gather(*tasks)

    async def _login(self, at: int) -> None:
        begun = time.monotonic()
        account = at % ACCOUNTS
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        query = (
            f"name=x&senderType=GROUP&userId=u{at}&roomName=storm-{at}&icon="
            f"&clientType=shop&account=account-{account}&password={PASSWORD}"
        )
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /?{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        frame = await reader.readuntil(b"}")
        if b'"action":"in"' in frame:
            self.outcomes["in"] += 1
            self.slowest = max(self.slowest, time.monotonic() - begun)
        elif b"storage_unavailable" in frame:
            self.outcomes["1013"] += 1
        else:
            raise AssertionError(frame)
        writer.close()


def measure(remember: float, rate: float, seconds: float, cores: Cores) -> list[str]:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        write_accounts(folder / "accounts")
        command = ALL["chatd"].command(port, folder)
        (folder / "chatd.toml").write_text(CONFIG.format(remember=remember, path=folder / "accounts"))
        with running(command, {"PYTHONUNBUFFERED": "1"}, port, folder, cores.server) as process:
            storm = Storm(port, rate)
            seen: dict[str, float] = {}

            def at(barrier: str) -> None:
                if barrier == "begin" and rate:
                    storm.start()
                if barrier in ("begin", "end"):
                    seen[barrier] = procfs.cpu_seconds(process.pid)
                    seen[f"{barrier} in"] = storm.outcomes["in"]
                    seen[f"{barrier} 1013"] = storm.outcomes["1013"]

            options = {"mode": "paced", "members": 100, "rate": 20, "seconds": seconds, "join": "frame"}
            try:
                report = generator.run(options, port, cores.load, at)
            finally:
                if rate:
                    storm.stop()
    cpu = (seen["end"] - seen["begin"]) / seconds
    return [
        f"{rate:g}/s, {'remembered' if remember else 'each checked'}" if rate else "none",
        number((seen["end in"] - seen["begin in"]) / seconds),
        number((seen["end 1013"] - seen["begin 1013"]) / seconds),
        number(storm.slowest * 1000),
        number(report["p50_us"] / 1000),
        number(report["p99_us"] / 1000),
        f"{cpu:.0%}",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("python -m bench.logins", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="logins a second (200)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement (10)")
    given = parser.parse_args()
    cores = Cores.pick()
    os.sched_setaffinity(0, {cores.load})
    storms = ((60.0, 0.0), (0.0, given.rate))
    rows = [measure(remember, rate, given.seconds, cores) for remember, rate in storms]
    print(Table("Logins beside a room of 100", "", HEADER, rows).text(), "", sep="\n")
    print(*(f"{what}: {which}" for what, which in describe([])), sep="\n")


if __name__ == "__main__":
    main()
