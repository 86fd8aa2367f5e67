"""What guard costs, measured against the bare thing in the same run. Bare and guarded take turns, so that a
busy moment hits both.
"""

import asyncio
import hashlib
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import obstore
from obstore.store import MemoryStore

from tocsin_guard import CloudStore, Guard, GuardedStore, LocalFiles, Schedule, Token

SMALL = os.urandom(4096)
TOKEN = "bench-0123456789abcdefghij"


COST_SHARE, COST_MICROSECONDS = 0.05, 60.0  # what a healthy call may cost more: whichever is more
QUEUED_SHARE = 0.7  # of the disk's fsyncs
CHECK_SHARE = 0.8  # of a plain read
TURNS = 5

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure. `goal` None: told for comparison. `least`: the goal is the least, else the most."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    least: bool = False
    note: str = ""


async def paired(what: str, bare: Call, guarded: Call, seconds: float) -> Measured:
    """What one call costs more through guard: medians of calls both ways in turns of 50."""
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for call, taken in zip((bare, guarded), times, strict=True):
            for _ in range(50):
                started = time.perf_counter()
                await call()
                taken.append((time.perf_counter() - started) * 1e6)
    plain, ours = (statistics.median(one) for one in times)
    quiet = [statistics.quantiles(one, n=10)[0] for one in times]
    return Measured(
        f"cost of a healthy {what}, 4 KB",
        ours - plain,
        "us",
        max(plain * COST_SHARE, COST_MICROSECONDS),
        note=f"median {ours:.0f} against {plain:.0f}; 10th percentile {quiet[1]:.0f} against {quiet[0]:.0f}",
    )


async def small_calls(folder: Path, seconds: float) -> list[Measured]:
    inner = MemoryStore()
    guard = Guard(folder / "guard-memory")
    files = guard.objects(CloudStore(inner))
    async with guard.running():
        await files.put("k", SMALL)
        read = await paired("read, memory", lambda: bare_read(inner), lambda: guarded_read(files), seconds)
        bare = partial(obstore.put_async, inner, "k", SMALL)
        write = await paired("write, memory", bare, lambda: files.put("k", SMALL), seconds)
    local = LocalFiles(folder / "small")
    guard = Guard(folder / "guard-local")
    on_disk = guard.objects(local)
    async with guard.running():
        await on_disk.put("k", SMALL)
        one = await paired(
            "read, local files", lambda: local_read(local), lambda: guarded_read(on_disk), seconds
        )
        put = partial(local.put, "k", SMALL, {})
        other = await paired("write, local files", put, lambda: on_disk.put("k", SMALL), seconds)
    return [read, write, one, other]


async def bare_read(store: MemoryStore) -> object:
    return await (await obstore.get_async(store, "k")).bytes_async()


async def local_read(store: LocalFiles) -> object:
    return await (await store.get("k")).read()


async def guarded_read(files: GuardedStore) -> object:
    return await (await files.get("k")).read()


def fsyncs(folder: Path, seconds: float) -> float:
    """Appends of 4 KB, each synced, one after another."""
    handle = os.open(folder / "fsync", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        os.write(handle, SMALL)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    return count / seconds


async def queued(files: GuardedStore, writers: int, seconds: float) -> float:
    """Queued writes a second, by so many writers, each waiting for its answer."""
    count, end = 0, time.perf_counter() + seconds

    async def writer(number: int) -> None:
        nonlocal count
        while time.perf_counter() < end:
            await files.put(f"k{number}-{count}", SMALL)
            count += 1

    await asyncio.gather(*(writer(n) for n in range(writers)))
    return count / seconds


async def queueing(folder: Path, seconds: float) -> list[Measured]:
    found = []
    guard = Guard(folder / "guard-queue")
    files = guard.objects(CloudStore(MemoryStore()))
    async with guard.running():
        await guard.find("R2_STORAGE").degrade("bench", "bench")
        for writers in (1, 16):
            # In turns, because a shared disk is not the same from one second to the next.
            turns = [
                (fsyncs(folder, seconds / TURNS), await queued(files, writers, seconds / TURNS))
                for _ in range(TURNS)
            ]
            limit, rate = (statistics.mean(one) for one in zip(*turns, strict=True))
            name = f"queued writes, 4 KB, {writers} at a time, against fsync"
            note = f"{rate:.0f}/s against {limit:.0f} fsyncs/s, in {TURNS} turns"
            found.append(Measured(name, rate / limit, "x", QUEUED_SHARE, least=True, note=note))
        waiting = len(guard.queue.book.waiting)
        started = time.perf_counter()
        await guard.find("R2_STORAGE").restore("bench", "")
        await guard.queue.drain()
        rate = waiting / (time.perf_counter() - started)
        found.append(Measured("drain of the queue", rate, "/s", note=f"{waiting} waiting"))
    return found


async def checking(folder: Path) -> list[Measured]:
    store = LocalFiles(folder / "check")
    guard = Guard(folder / "guard-check")
    files = guard.objects(store)
    async with guard.running():
        for n in range(16):
            await files.put(f"k{n}", os.urandom(8_000_000))
        best = [0.0, 0.0, 0.0]
        for _ in range(3):
            for place, work in enumerate((plain_read, hashed_read, checked)):
                forget(folder / "check")
                started = time.perf_counter()
                await work(store, guard)
                best[place] = max(best[place], 128 / (time.perf_counter() - started))
    plain, hashed, ours = best
    note = f"{ours:.0f} MB/s; plain {plain:.0f}, read and hashed on one core {hashed:.0f}"
    share = ours / plain
    return [Measured("integrity check, against a plain read", share, "x", CHECK_SHARE, least=True, note=note)]


def forget(folder: Path) -> None:
    """Have the kernel drop what it holds of the files, so that they are read from the disk."""
    for path in folder.rglob("*"):
        if path.is_file() and hasattr(os, "posix_fadvise"):
            handle = os.open(path, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)


async def plain_read(store: LocalFiles, guard: Guard) -> None:
    for n in range(16):
        async for _chunk in (await store.get(f"k{n}")).chunks:
            pass


async def hashed_read(store: LocalFiles, guard: Guard) -> None:
    for n in range(16):
        digest = hashlib.sha256()
        async for chunk in (await store.get(f"k{n}")).chunks:
            digest.update(chunk)


async def checked(store: LocalFiles, guard: Guard) -> None:
    report = guard.integrity["R2_STORAGE"].begin()
    await guard.integrity["R2_STORAGE"].ended()
    assert report.ok


async def asking(folder: Path, seconds: float) -> list[Measured]:
    guard = Guard(folder / "guard-ask", tokens=[Token.of("bench", TOKEN, ["read"])])
    guard.objects(CloudStore(MemoryStore()), backup=CloudStore(MemoryStore()), schedule=Schedule(0, 0))
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/health/status",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {TOKEN}".encode())],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: object) -> None:
        return

    async with guard.running():
        for _ in range(1000):
            guard.metrics.record("R2_STORAGE", "read", 0.001, failed=False)
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            await guard.app(scope, receive, send)
            count += 1
    return [Measured("GET /health/status in process", count / seconds, "/s")]


async def measure(folder: Path, seconds: float) -> list[Measured]:
    """Everything, with so many seconds for each part."""
    return [
        *await small_calls(folder, seconds),
        *await queueing(folder, seconds),
        *await checking(folder),
        *await asking(folder, seconds),
    ]
