"""From an alert's first byte to the moment its page reaches the channel: idle, and inside a storm."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from bench import data, load, processes
from bench.figures import Figure, quantile, spread
from bench.load import Caller
from bench.processes import Running
from bench.rounds import triaged
from bench.sections import Bench
from bench.sink import Sink, sink

IDLE_ALERTS = 100
IDLE_EVERY_SECONDS = 0.03
STORM_ALERTS = 10_000
STORM_SERVICES = 10
FRESH_EVERY_SECONDS = 0.04
SERVICES = 3_000


async def measure(bench: Bench) -> list[Figure]:
    """Every fresh alert is of another service, so that each opens an incident and pages."""
    path = bench.directory / "latency"
    async with sink() as receiver:
        with data.prepared(path, services=SERVICES, sink=receiver.url):
            pass
        async with processes.tocsin(path, bench.cores.server) as server, load.calling(server.port) as caller:
            fresh = _Fresh(caller, receiver)
            await fresh.some(20, IDLE_EVERY_SECONDS)
            figures = await _idle(bench, fresh)
            for name, storm in (("one a request", _storm_of_singles), ("100 a request", _storm_of_batches)):
                figures.append(await _inside(bench, server, path, fresh, name, storm))
            return figures


class _Fresh:
    """Sends critical alerts of services that nothing was heard of before, and times their pages."""

    def __init__(self, caller: Caller, receiver: Sink) -> None:
        self._caller = caller
        self._receiver = receiver
        self._numbers = iter(range(STORM_SERVICES, SERVICES))

    async def some(
        self, most: int, every_seconds: float, until: asyncio.Future[Any] | None = None
    ) -> list[float]:
        """Seconds from sending to page, for so many alerts or until something is done."""
        timed: list[asyncio.Task[float]] = []
        while len(timed) < most and not (until and until.done()):
            number = next(self._numbers)
            body = (
                f'{{"routing_key":"{data.service_key(number)}","event_action":"trigger","dedup_key":"{number}",'
                f'"payload":{{"summary":"fresh-{number} is down","source":"bench","severity":"critical"}}}}'
            )
            began = time.perf_counter()
            status, answer = await self._caller.call(load.request("POST", "/v2/enqueue", body.encode()))
            assert status == 202, answer
            timed.append(asyncio.create_task(self._page(f"fresh-{number}", began)))
            await asyncio.sleep(max(0.0, every_seconds - (time.perf_counter() - began)))
        return list(await asyncio.gather(*timed))

    async def _page(self, name: str, began: float) -> float:
        return await self._receiver.arrival(name) - began


async def _idle(bench: Bench, fresh: _Fresh) -> list[Figure]:
    rounds = [await fresh.some(IDLE_ALERTS, IDLE_EVERY_SECONDS) for _ in range(bench.rounds)]
    worst = [quantile(one, 0.99) * 1e3 for one in rounds]
    note = f"of {IDLE_ALERTS} alerts a round: {_milliseconds(worst)}"
    return [
        Figure("latency", "alert to send, idle, p50", median(map(median, rounds)) * 1e3, "ms"),
        Figure("latency", "alert to send, idle, p99", median(worst), "ms", 20, note=note),
    ]


Storm = Callable[[int], Awaitable[load.Tally]]


async def _inside(
    bench: Bench, server: Running, path: Path, fresh: _Fresh, name: str, storm: Storm
) -> Figure:
    rounds: list[list[float]] = []
    rates: list[float] = []
    for _ in range(bench.rounds):
        began = time.perf_counter()
        raging = asyncio.ensure_future(storm(server.port))
        rounds.append(await fresh.some(1_000, FRESH_EVERY_SECONDS, raging))
        (await raging).all_good()
        rates.append(STORM_ALERTS / (time.perf_counter() - began))
        await triaged(path)
    # A round of the fast storm holds only a few fresh alerts: all rounds together have a p99.
    times = [one for some in rounds for one in some]
    note = f"{len(times)} in {bench.rounds} storms of {spread(rates)}/s, p50 {median(times) * 1e3:.0f} ms"
    return Figure(
        "latency",
        f"critical alert in a storm, {name}, p99",
        quantile(times, 0.99) * 1e3,
        "ms",
        200,
        note=note,
    )


async def _storm_of_singles(port: int) -> load.Tally:
    sources = cycle([load.singles(data.service_key(one), "error") for one in range(STORM_SERVICES)])
    return await load.push(port, map(next, sources), connections=64, requests_most=STORM_ALERTS)


async def _storm_of_batches(port: int) -> load.Tally:
    sources = cycle([load.batches(data.service_key(one), "error") for one in range(STORM_SERVICES)])
    return await load.push(port, map(next, sources), connections=16, requests_most=STORM_ALERTS // 100)


def _milliseconds(values: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in values) + " ms"
