"""Ten thousand incidents whose next step is due in the same second: how soon is each decided?"""

from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench import data, processes
from bench.figures import Figure
from bench.rounds import Watch
from bench.sections import Bench
from bench.sink import Sink, sink
from tocsin.store.schema import to_micros

INCIDENTS = 10_000
WORST = 100
TRIAL_INCIDENTS = 300
FIRST_STEP_SECONDS = 60
LOOK_EVERY_SECONDS = 0.01
WAIT_SECONDS_MOST = 60.0


async def measure(bench: Bench) -> list[Figure]:
    """Open them all with a first step that is due later, start the server, and look as that time comes."""
    async with sink() as receiver:
        return await _measure(bench, receiver)


async def _measure(bench: Bench, receiver: Sink) -> list[Figure]:
    trial = await _open(bench.directory / "trial", receiver, TRIAL_INCIDENTS, datetime.now(UTC))
    # Opening all takes about this long, and starting the server some seconds more.
    due_at = datetime.now(UTC) + timedelta(seconds=trial / TRIAL_INCIDENTS * INCIDENTS * 1.3 + 6)
    path = bench.directory / "ladder"
    await _open(path, receiver, INCIDENTS, due_at - timedelta(seconds=FIRST_STEP_SECONDS))
    async with processes.tocsin(path, bench.cores.server) as server:
        if (ahead := (due_at - datetime.now(UTC)).total_seconds()) < 1:
            raise RuntimeError("the incidents were due before the server was ready; the machine is too busy")
        await asyncio.sleep(ahead - 0.1)
        watch = Watch(server)
        left = await _watch(path / "tocsin.db", due_at)
        others = watch.others
    (worst_p99, worst_all), (_, all_decided) = _when(left, 0, WORST), _when(left, None, INCIDENTS)
    disturbed = f"others had the core for {others:.1f} s of {all_decided:.1f}, and that is taken out"
    first = f"{WORST} of {INCIDENTS:,}; the last of them after {worst_all:.2f} s"
    return [
        Figure(
            "ladder",
            f"{INCIDENTS:,} steps due at once, all decided",
            all_decided - others,
            "s",
            10,
            note=disturbed if others > all_decided * 0.05 else "",
        ),
        Figure("ladder", "the same, highest level first, p99", worst_p99, "s", 1, note=first),
    ]


async def _open(path: Path, receiver: Sink, incidents: int, at: datetime) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    severities = [
        "critical" if number % (INCIDENTS // WORST) == 0 else "error" for number in range(incidents)
    ]
    with data.prepared(path, sink=receiver.url, first_step=f"{FIRST_STEP_SECONDS}s") as store:
        await data.open_incidents(store, severities, 1, at)
    return time.perf_counter() - began


Look = tuple[float, dict[int, int]]
"""Seconds since they fell due, and how many of each level are still undecided then."""


async def _watch(database: Path, due_at: datetime) -> list[Look]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    looks: list[Look] = []
    while True:
        since = (datetime.now(UTC) - due_at).total_seconds()
        rows = connection.execute(
            "SELECT priority, count(*) FROM subjects WHERE due_at <= ? GROUP BY priority",
            (to_micros(due_at),),
        )
        looks.append((since, dict(rows.fetchall())))
        if not looks[-1][1]:
            connection.close()
            return looks
        if since > WAIT_SECONDS_MOST:
            raise RuntimeError(f"after {since:.0f} seconds still undecided, by level: {looks[-1][1]}")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def _when(looks: list[Look], level: int | None, of: int) -> tuple[float, float]:
    """When 99 % and when all of a level (None: of all) were decided."""
    left = [(at, sum(found.values()) if level is None else found.get(level, 0)) for at, found in looks]
    nearly = of - math.ceil(of * 0.99)
    return next(at for at, some in left if some <= nearly), next(at for at, some in left if not some)
