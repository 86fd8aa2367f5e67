"""From an alert's first byte to the moment its page reaches the channel: idle, and inside a storm."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from bench import data, load, processes
from bench.figures import Figure, quantile, spread
from bench.processes import Running
from bench.rounds import Watch, triaged
from bench.sections import Bench
from bench.sink import Sink, sink

IDLE_ALERTS = 100
IDLE_EVERY_SECONDS = 0.03
STORM_ALERTS = 10_000
STORM_SERVICES = 10
FRESH_EVERY_SECONDS = 0.02
SERVICES = 5_000


async def measure(bench: Bench) -> list[Figure]:
    """Every fresh alert is of another service, so that each opens an incident and pages."""
    path = bench.directory / "latency"
    async with sink() as receiver:
        with data.prepared(path, services=SERVICES, sink=receiver.url):
            pass
        async with processes.tocsin(path, bench.cores.server) as server:
            fresh = _Fresh(server, receiver)
            await fresh.some(20, IDLE_EVERY_SECONDS)
            figures = await _idle(bench, server, fresh)
            for name, storm in (("one a request", _storm_of_singles), ("100 a request", _storm_of_batches)):
                figures.append(await _inside(bench, server, path, fresh, name, storm))
            return figures


class _Fresh:
    """Sends critical alerts of services that nothing was heard of before, and times their pages."""

    def __init__(self, server: Running, receiver: Sink) -> None:
        self._port = server.port
        self._receiver = receiver
        self._numbers = iter(range(STORM_SERVICES, SERVICES))

    async def some(
        self, most: int, every_seconds: float, until: asyncio.Future[Any] | None = None
    ) -> list[float]:
        """Seconds from sending to page, for so many alerts or until something is done.

        None waits for the one before it: a server that is late would else be asked less.
        """
        timed: list[asyncio.Task[float]] = []
        while len(timed) < most and not (until and until.done()):
            timed.append(asyncio.create_task(self._one(next(self._numbers))))
            await asyncio.sleep(every_seconds)
        return list(await asyncio.gather(*timed))

    async def _one(self, number: int) -> float:
        body = (
            f'{{"routing_key":"{data.service_key(number)}","event_action":"trigger","dedup_key":"{number}",'
            f'"payload":{{"summary":"fresh-{number} is down","source":"bench","severity":"critical"}}}}'
        )
        async with load.calling(self._port) as caller:
            began = time.perf_counter()
            status, answer = await caller.call(load.request("POST", "/v2/enqueue", body.encode()))
            assert status == 202, answer
            return await self._receiver.arrival(f"fresh-{number}") - began


async def _idle(bench: Bench, server: Running, fresh: _Fresh) -> list[Figure]:
    rounds: list[_Timed] = []
    with _disk(bench.directory / "fsync") as synced:
        for _ in range(bench.rounds):
            watch = Watch(server)
            rounds.append(_Timed(await fresh.some(IDLE_ALERTS, IDLE_EVERY_SECONDS), watch.disturbed))
    times, note = _calmer(rounds)
    bare = quantile(synced, 0.99) * 1e3
    return [
        Figure("latency", "a bare append and fsync beside it, p99", bare, "ms", note="the disk's own share"),
        Figure("latency", "alert to send, idle, p50", median(times) * 1e3, "ms"),
        Figure("latency", "alert to send, idle, p99", quantile(times, 0.99) * 1e3, "ms", 20, note=note),
    ]


@contextmanager
def _disk(path: Path) -> Iterator[list[float]]:
    """What the disk alone takes in the same seconds, written by a thread as often as alerts come."""
    synced: list[float] = []
    ended = threading.Event()

    def append() -> None:
        with path.open("ab", buffering=0) as file:
            while not ended.wait(IDLE_EVERY_SECONDS):
                began = time.perf_counter()
                file.write(b"x" * 4_096)
                os.fsync(file.fileno())
                synced.append(time.perf_counter() - began)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        yield synced
    finally:
        ended.set()
        thread.join()


Storm = Callable[[int], Awaitable[load.Tally]]


async def _inside(
    bench: Bench, server: Running, path: Path, fresh: _Fresh, name: str, storm: Storm
) -> Figure:
    rounds: list[_Timed] = []
    rates: list[float] = []
    for _ in range(bench.rounds):
        watch = Watch(server)
        raging = asyncio.ensure_future(storm(server.port))
        times = await fresh.some(1_000, FRESH_EVERY_SECONDS, raging)
        (await raging).all_good()
        rates.append(STORM_ALERTS / watch.seconds)
        rounds.append(_Timed(times, watch.disturbed))
        await triaged(path)
    times, note = _calmer(rounds)
    note = f"{note}, p50 {median(times) * 1e3:.0f} ms, storms of {spread(rates)}/s"
    p99 = quantile(times, 0.99) * 1e3
    return Figure("latency", f"critical alert in a storm, {name}, p99", p99, "ms", 200, note=note)


async def _storm_of_singles(port: int) -> load.Tally:
    sources = cycle([load.singles(data.service_key(one), "error") for one in range(STORM_SERVICES)])
    return await load.push(port, map(next, sources), connections=64, requests_most=STORM_ALERTS)


async def _storm_of_batches(port: int) -> load.Tally:
    sources = cycle([load.batches(data.service_key(one), "error") for one in range(STORM_SERVICES)])
    return await load.push(port, map(next, sources), connections=16, requests_most=STORM_ALERTS // 100)


@dataclass(frozen=True, slots=True)
class _Timed:
    """The times of one round, and which share of the server's core others had meanwhile."""

    times: list[float]
    disturbed: float


def _calmer(rounds: list[_Timed]) -> tuple[list[float], str]:
    """The times of the half of the rounds that others disturbed least: what they take cannot be taken out."""
    calm = sorted(rounds, key=lambda one: one.disturbed)[: (len(rounds) + 1) // 2]
    times = [time for one in calm for time in one.times]
    words = f"{len(times)} alerts in the {len(calm)} calmer of {len(rounds)} rounds"
    most = max(one.disturbed for one in calm)
    return times, f"{words}, others had up to {most:.0%} of the core" if most >= 0.05 else words
