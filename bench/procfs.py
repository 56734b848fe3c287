"""Readings of a process tree from /proc: CPU time and memory."""

import contextlib
from pathlib import Path

_PROC = Path("/proc")


def tree(pid: int) -> list[int]:
    """The process and all its descendants that live now."""
    found = [pid]
    for parent in found:
        for children in (_PROC / str(parent) / "task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """CPU time of the tree so far, user and system, all threads: seconds.

    The scheduler's own count (nanoseconds), not the one in clock ticks. It includes what the kernel does
    on the process's behalf, which on loopback is the receiving side's TCP work too.
    """
    total = 0
    for member in tree(pid):
        for task in (_PROC / str(member) / "task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(task.read_text().split()[0])
    return total / 1e9


def memory(pid: int, field: str = "VmRSS") -> int:
    """Resident memory of the tree in bytes; with ``VmHWM`` its peak. Sockets' buffers are not in it."""
    total = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            for line in (_PROC / str(member) / "status").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1]) * 1024
    return total


def reset_peak(pid: int) -> None:
    """Let the peak of the memory start again at what is used now."""
    for member in tree(pid):
        with contextlib.suppress(OSError):
            (_PROC / str(member) / "clear_refs").write_text("5")
