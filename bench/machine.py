"""The machine: its cores, who runs on which, and what a process has used. It needs Linux' /proc."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the server runs on, and which the generator; None where they cannot be told apart."""

    server: int | None
    generator: int | None


def cores() -> Cores:
    """Two cores of those this process may use."""
    if sys.platform == "linux":
        ours = sorted(os.sched_getaffinity(0))
        if len(ours) > 1:
            return Cores(ours[0], ours[1])
    return Cores(None, None)


def pin(core: int | None) -> None:
    """Keep this process, and whatever it starts, on that core."""
    if core is not None and sys.platform == "linux":
        os.sched_setaffinity(0, {core})


def used_seconds(pid: int) -> float:
    """How long all threads of a process have run until now."""
    nanoseconds = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            nanoseconds += int((thread / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            continue  # the thread has just ended
    return nanoseconds / 1e9


def busy_seconds(core: int | None) -> float:
    """How long that core has run anything until now; 0 where nobody is kept on it."""
    for line in _lines("/proc/stat"):
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, ticks[:8])
            return (user + nice + system + interrupts + soft_interrupts + stolen) / _TICKS_PER_SECOND
    return 0.0


def resident_megabytes(pid: int) -> float:
    """How much memory a process holds, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("every process says how much memory it holds")


def described() -> str:
    """The machine in a line: which figures may be compared."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.release()}, {versions}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
