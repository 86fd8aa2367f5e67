"""One round of load on one server, and what it cost.

Machines are shared. What others took of the server's core is measured and taken out, so that a figure says
what the server does with the time it gets; on a quiet machine there is nothing to take out.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import load
from bench.figures import quantile, spread
from bench.machine import busy_seconds
from bench.processes import Running

ROUND_SECONDS = 2.0


class Watch:
    """What has happened on a server's core since the watch began."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._began = time.perf_counter()
        self._used = server.used_seconds()
        self._busy = busy_seconds(server.core)

    @property
    def seconds(self) -> float:
        """How long ago it began."""
        return time.perf_counter() - self._began

    @property
    def used(self) -> float:
        """How long the server has run."""
        return self._server.used_seconds() - self._used

    @property
    def others(self) -> float:
        """How long others have had its core; 0 when it has none of its own."""
        if self._server.core is None:
            return 0.0
        return max(0.0, busy_seconds(self._server.core) - self._busy - self.used)

    @property
    def disturbed(self) -> float:
        """Which share of the time others have had its core."""
        return self.others / self.seconds


@dataclass(frozen=True, slots=True)
class Round:
    """`events` done in `seconds`, of which the server ran `used` and others had its core `others`."""

    events: int
    seconds: float
    used: float
    others: float
    p99: float

    @property
    def per_second(self) -> float:
        """Events a second of the time that others left."""
        return self.events / max(self.seconds - self.others, self.used, 1e-9)

    @property
    def microseconds(self) -> float:
        """Of the core, for one event."""
        return self.used / self.events * 1e6

    @property
    def disturbed(self) -> float:
        """Which share of the time others had the core."""
        return self.others / self.seconds


async def run_round(
    server: Running,
    requests: Iterator[bytes],
    connections: int,
    events_each: int = 1,
    until_triaged: Path | None = None,
) -> Round:
    """Push for ROUND_SECONDS; raises when anything but a good answer came.

    With the data directory as `until_triaged` the round ends when every alert has its incident.
    """
    watch = Watch(server)
    tally = await load.push(server.port, requests, connections=connections, seconds=ROUND_SECONDS)
    if until_triaged is not None:
        await triaged(until_triaged)
    return Round(
        events=tally.all_good() * events_each,
        seconds=watch.seconds,
        used=watch.used,
        others=watch.others,
        p99=quantile(tally.took, 0.99),
    )


def told(rounds: Sequence[Round]) -> str:
    """Rate and disturbance of some rounds, in words."""
    rates = spread([one.per_second for one in rounds])
    words = f"{rates}/s at {median(one.microseconds for one in rounds):.0f} us"
    disturbed = median(one.disturbed for one in rounds)
    return f"{words}, {disturbed:.0%} taken by others" if disturbed >= 0.05 else words


async def triaged(path: Path) -> None:
    """Wait until triage has seen every alert."""
    connection = sqlite3.connect(f"file:{path / 'tocsin.db'}?mode=ro", uri=True)
    look = "SELECT EXISTS (SELECT 1 FROM alerts WHERE dirty = 1)"
    while connection.execute(look).fetchone()[0]:  # noqa: ASYNC110  # another process does it
        await asyncio.sleep(0.01)
    connection.close()
