"""What a server holds in memory while nothing happens, and how soon it is ready."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from statistics import median

from bench import data, processes
from bench.figures import Figure
from bench.machine import resident_megabytes
from bench.rounds import Watch
from bench.sections import Bench

IDLE_SECONDS = 3.0
IMPORTS = (
    "import time; began = time.process_time(); import tocsin.cli.server; print(time.process_time() - began)"
)


async def measure(bench: Bench) -> list[Figure]:
    """Start it several times over the same data; then once over none, which makes the schema first."""
    path = bench.directory / "footprint"
    with data.prepared(path):
        pass
    ready: list[float] = []
    taken: list[float] = []
    for _ in range(bench.rounds):
        async with processes.tocsin(path, bench.cores.server) as server:
            ready.append(server.ready_seconds)
            taken.append(server.taken_seconds)
    async with processes.tocsin(path, bench.cores.server) as server:
        watch = Watch(server)
        await asyncio.sleep(IDLE_SECONDS)
        resident = resident_megabytes(server.pid)
        idle_share = watch.used / watch.seconds
    imports = [_import_seconds() for _ in range(bench.rounds)]
    start = median(seconds - others for seconds, others in zip(ready, taken, strict=True))
    note = f"of which importing takes {median(imports):.2f} s of the core"
    if median(taken) > 0.1:
        note += f"; others had it for {median(taken):.2f} s more, and that is taken out"
    return [
        Figure("footprint", "resident memory, idle", resident, "MiB", 160),
        Figure("footprint", "start to ready", start, "s", 2, note=note),
        Figure("footprint", "share of a core, idle", idle_share * 100, "%"),
    ]


def _import_seconds() -> float:
    command = [sys.executable, "-c", IMPORTS]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
