"""Events a second, one a request and a hundred a request, every answer given after a durable commit."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from itertools import count, islice
from pathlib import Path
from statistics import median

from bench import data, load, processes
from bench.figures import Figure, ratio, spread
from bench.processes import Running
from bench.rounds import ROUND_SECONDS, run_round, told, triaged
from bench.sections import Bench
from tocsin import limits

CONNECTIONS = 64
BATCH_CONNECTIONS = 16
BATCH_EVENTS = 100


async def measure(bench: Bench) -> list[Figure]:
    """Tocsin and its limits in turn, the same generator for all."""
    path = bench.directory / "intake"
    with data.prepared(path):
        pass
    async with (
        processes.echo(bench.cores.server) as echo,
        processes.tocsin(path, bench.cores.server) as server,
    ):
        for one in (echo, server):
            await run_round(one, load.singles(data.SHOP_KEY), CONNECTIONS)
        return [*await _single(bench, echo, server, path), *await _batched(bench, server, path)]


async def _single(bench: Bench, echo: Running, server: Running, path: Path) -> list[Figure]:
    bare, ours = [], []
    for _ in range(bench.rounds):
        bare.append(await run_round(echo, load.singles(data.SHOP_KEY), CONNECTIONS))
        ours.append(await run_round(server, load.singles(data.SHOP_KEY), CONNECTIONS))
        await triaged(path)
    share = ratio([one.per_second for one in ours], [one.per_second for one in bare])
    cost = ratio([one.microseconds for one in bare], [one.microseconds for one in ours])
    return [
        Figure("intake", "single, against a bare echo", share, "x", 0.3, least=True, note=f"{told(ours)}"),
        Figure("intake", "the same by the core's time alone", cost, "x", note=f"bare echo {told(bare)}"),
        Figure("intake", "single, p99 of an answer", median(one.p99 for one in ours) * 1e3, "ms"),
    ]


async def _batched(bench: Bench, server: Running, path: Path) -> list[Figure]:
    bare, ours, through = [], [], []
    for _ in range(bench.rounds):
        bare.append(await asyncio.to_thread(_bare_inserts_per_second, path, bench.directory / "bare.db"))
        requests = load.batches(data.SHOP_KEY, events=BATCH_EVENTS)
        ours.append(await run_round(server, requests, BATCH_CONNECTIONS, BATCH_EVENTS))
        await triaged(path)
        through.append(await run_round(server, requests, BATCH_CONNECTIONS, BATCH_EVENTS, path))
    rates = [one.per_second for one in ours]
    limit = f"executemany and commit of the same rows: {spread(bare)}/s"
    return [
        Figure("intake", "batched", median(rates), "events/s", 25_000, least=True, note=told(ours)),
        Figure(
            "intake",
            "batched, until all are triaged too",
            median(one.per_second for one in through),
            "events/s",
        ),
        Figure("intake", "batched, against bare sqlite3 inserts", ratio(rates, bare), "x", note=limit),
    ]


_KEYS = count()


def _bare_inserts_per_second(like: Path, file: Path) -> float:
    """A row as intake has written it, with other keys, in commits of the same size and nothing around."""
    source = sqlite3.connect(like / "tocsin.db")
    schema = source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'alerts' AND sql NOT NULL")
    found = source.execute("SELECT * FROM alerts LIMIT 1")
    row = dict(zip((column[0] for column in found.description), found.fetchone(), strict=True))
    del row["id"], row["dedup_key"]
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    insert = f"INSERT INTO alerts (dedup_key, {names}) VALUES (?, {marks})"  # noqa: S608  # names of columns
    rows = ((f"{number:012d}", *row.values()) for number in _KEYS)
    database = sqlite3.connect(file, isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000"):
        database.execute(f"PRAGMA {pragma}")
    if not database.execute("SELECT 1 FROM sqlite_master").fetchall():
        for (statement,) in schema:
            database.execute(statement)
    events, began = 0, time.perf_counter()
    while (seconds := time.perf_counter() - began) < ROUND_SECONDS / 2:
        commit = list(islice(rows, limits.INTAKE_COMMIT_SIGNALS))
        database.execute("BEGIN IMMEDIATE")
        database.executemany(insert, commit)
        database.execute("COMMIT")
        events += len(commit)
    source.close()
    database.close()
    return events / seconds
