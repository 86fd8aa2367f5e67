"""How long a person who acknowledges waits for the answer, with 15,000 alerts open and more coming in."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from statistics import median

from bench import data, load, processes
from bench.figures import Figure, quantile
from bench.sections import Bench
from bench.sink import sink

INCIDENTS = 300
ALERTS_EACH = 50
EVERY_SECONDS = 0.03
CONNECTIONS = 64


async def measure(bench: Bench) -> list[Figure]:
    """Each incident is acknowledged once, by the API, while events come in as fast as they are taken."""
    path = bench.directory / "acknowledge"
    async with sink() as receiver:
        with data.prepared(path, services=INCIDENTS, sink=receiver.url) as store:
            await data.open_incidents(store, ["critical"] * INCIDENTS, ALERTS_EACH, datetime.now(UTC))
            incidents = store.read_now(data.incident_ids)
        async with processes.tocsin(path, bench.cores.server) as server, load.calling(server.port) as caller:
            await asyncio.sleep(1)
            pushing = asyncio.ensure_future(
                load.push(server.port, load.singles(data.SHOP_KEY), connections=CONNECTIONS, seconds=3600)
            )
            took: list[float] = []
            for incident in incidents:
                began = time.perf_counter()
                path_of_it = f"/api/v1/incidents/{incident}/acknowledge"
                status, answer = await caller.call(load.request("POST", path_of_it, token=data.API_TOKEN))
                took.append(time.perf_counter() - began)
                assert status == 200, answer
                await asyncio.sleep(EVERY_SECONDS)
            pushing.cancel()
            await asyncio.gather(pushing, return_exceptions=True)
    note = f"{len(took)} of them, p50 {median(took) * 1e3:.0f} ms, p99 {quantile(took, 0.99) * 1e3:.0f} ms"
    name = f"API p95, {INCIDENTS * ALERTS_EACH:,} alerts open, under load"
    return [Figure("acknowledge", name, quantile(took, 0.95) * 1e3, "ms", 500, note=note)]
