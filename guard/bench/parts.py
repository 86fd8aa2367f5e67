"""What guard costs, measured against the bare thing in the same run. Bare and guarded take turns, so that a
busy moment hits both.
"""

import asyncio
import hashlib
import os
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import obstore
from obstore.store import MemoryStore

from tocsin_guard import CloudStore, Guard, GuardedStore, LocalFiles, Schedule, Token

SMALL = os.urandom(4096)
TOKEN = "bench-0123456789abcdefghij"


COST_SHARE, COST_MICROSECONDS = 0.05, 60.0  # what a healthy call may cost more: whichever is more
QUEUED_SHARE = 0.7  # of the fsync limit: appends of the same bodies, an fsync each
CHECK_SHARE = 0.8  # of a plain read
TURN_WRITES = 10  # of each writer
CHECK_TURNS = 7

Call = Callable[[], Awaitable[object]]
Work = Callable[[LocalFiles, Guard], Awaitable[None]]


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
    """What one call costs more through guard: calls both ways in turns of 50, medians of core time.

    Core time of the event loop's thread, where all that guard adds to a healthy call is done: what others
    do on the machine does not count. The time on the wall stands beside it.
    """
    core: tuple[list[float], list[float]] = ([], [])
    wall: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for call, in_core, on_wall in zip((bare, guarded), core, wall, strict=True):
            for _ in range(50):
                started, thread = time.perf_counter(), time.thread_time()
                await call()
                in_core.append((time.thread_time() - thread) * 1e6)
                on_wall.append((time.perf_counter() - started) * 1e6)
    plain, ours = (statistics.median(one) for one in core)
    slow, slower = (statistics.median(one) for one in wall)
    return Measured(
        f"cost of a healthy {what}, 4 KB",
        ours - plain,
        "us",
        max(slow * COST_SHARE, COST_MICROSECONDS),
        note=f"core time {ours:.0f} against {plain:.0f}; on the wall {slower:.0f} against {slow:.0f}",
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


def appends(folder: Path, count: int, room: bool) -> float:
    """Seconds for so many 4 KB appends with an fsync each and nothing else; with `room`, into a file that is
    as long before.
    """
    handle = os.open(folder / "appends", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    if room:
        os.write(handle, bytes(count * len(SMALL)))
        os.fsync(handle)
    started = time.perf_counter()
    for number in range(count):
        os.pwrite(handle, SMALL, number * len(SMALL))
        os.fdatasync(handle)
    taken = time.perf_counter() - started
    os.close(handle)
    return taken


async def put_many(files: GuardedStore, writers: int, each: int) -> None:
    """So many writers, each waiting for its answer before it writes again."""

    async def writer() -> None:
        for _ in range(each):
            await files.put(uuid.uuid4().hex, SMALL)

    await asyncio.gather(*(writer() for _ in range(writers)))


async def queueing(folder: Path, seconds: float) -> list[Measured]:
    guard = Guard(folder / "guard-queue")
    files = guard.objects(CloudStore(MemoryStore()))
    async with guard.running():
        await guard.find("R2_STORAGE").degrade("bench", "bench")
        found = [await against_the_disk(guard, files, folder, writers, seconds) for writers in (1, 16)]
        waiting = len(guard.queue.book.waiting)
        started = time.perf_counter()
        await guard.find("R2_STORAGE").restore("bench", "")
        await guard.queue.drain()
        rate = waiting / (time.perf_counter() - started)
        found.append(Measured("drain of the queue", rate, "/s", note=f"{waiting} waiting"))
    return found


async def against_the_disk(
    guard: Guard, files: GuardedStore, folder: Path, writers: int, seconds: float
) -> Measured:
    """Queued writes, and then the fsync limit: how many such bodies the disk alone appends in that time with
    an fsync each. In short turns, because a disk that others use too is not the same from one second to the
    next.

    What guard writes besides the bodies counts against it, and so does its rewriting of the journal. Writes
    that wait together share an fsync, so that many at a time pass the limit. The disk is faster where a file
    has its room already, as guard's journal has: told beside it.
    """
    ratios, rates, groups, limits, rooms, cores = [], [], [], [], [], []
    end = time.perf_counter() + 3 * seconds
    while time.perf_counter() < end:
        syncs, core, started = guard.journal.syncs, time.thread_time(), time.perf_counter()
        await put_many(files, writers, TURN_WRITES)
        ours, core = time.perf_counter() - started, time.thread_time() - core
        syncs = guard.journal.syncs - syncs
        count = writers * TURN_WRITES
        cores.append(core / count * 1e6)
        rates.append(count / ours)
        groups.append(count / syncs)
        limits.append(TURN_WRITES / appends(folder, TURN_WRITES, room=False))
        rooms.append(TURN_WRITES / appends(folder, TURN_WRITES, room=True))
        ratios.append(rates[-1] / limits[-1])
    rate, group, limit, room, core = map(statistics.median, (rates, groups, limits, rooms, cores))
    return Measured(
        f"queued writes, 4 KB, {writers} at a time, against the fsync limit",
        statistics.median(ratios),
        "x",
        QUEUED_SHARE,
        least=True,
        note=f"{rate:.0f}/s, {group:.1f} to an fsync, {core:.0f} us of the loop's core each; "
        f"the disk alone {limit:.0f}/s, {room:.0f}/s where the file has its room already",
    )


async def checking(folder: Path) -> list[Measured]:
    """The integrity check against a plain read from the disk, and against what must be done at least: a read
    from memory that hashes, on one core.
    """
    store = LocalFiles(folder / "check")
    guard = Guard(folder / "guard-check")
    files = guard.objects(store)
    async with guard.running():
        for n in range(16):
            await files.put(f"k{n}", os.urandom(8_000_000))
        from_disk = await turns(store, guard, (plain_read, hashed_read, checked), cold=True)
        from_memory = await turns(store, guard, (plain_read, hashed_read, checked), cold=False)
    return [
        _share("integrity check from the disk, against a plain read", from_disk, 0, CHECK_SHARE),
        _share("integrity check from memory, against a read that hashes", from_memory, 1, CHECK_SHARE),
    ]


async def turns(store: LocalFiles, guard: Guard, works: Iterable[Work], *, cold: bool) -> list[list[float]]:
    """MB/s of each work, in turns; `cold` has the kernel read the files from the disk each time."""
    rates: list[list[float]] = []
    for _ in range(CHECK_TURNS):
        rates.append([])
        for work in works:
            if cold:
                forget(Path(store.folder))
            started = time.perf_counter()
            await work(store, guard)
            rates[-1].append(128 / (time.perf_counter() - started))
    return rates


def _share(name: str, rates: list[list[float]], limit: int, goal: float) -> Measured:
    plain, hashed, ours = (statistics.median(column) for column in zip(*rates, strict=True))
    share = statistics.median(row[2] / row[limit] for row in rates)
    note = f"{ours:.0f} MB/s; plain {plain:.0f}, read and hashed on one core {hashed:.0f}"
    return Measured(name, share, "x", goal, least=True, note=note)


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
