"""What guard costs, measured against the bare thing in the same run: `python -m guard.bench
[seconds per part]`.

Wants an otherwise idle machine. Bare and guarded take turns, so that a busy moment hits both.
"""

import asyncio
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import obstore
from obstore.store import MemoryStore

from tocsin_guard import CloudStore, Guard, GuardedStore, LocalFiles, Schedule, Token

SMALL = os.urandom(4096)
TOKEN = "bench-0123456789abcdefghij"


Call = Callable[[], Awaitable[object]]


async def paired(what: str, bare: Call, guarded: Call, seconds: float) -> None:
    """Microseconds of one call, both ways in turns of 50: the median, and the tenth percentile (a
    quiet moment).
    """
    times: tuple[list[float], list[float]] = ([], [])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for call, taken in zip((bare, guarded), times, strict=True):
            for _ in range(50):
                started = time.perf_counter()
                await call()
                taken.append((time.perf_counter() - started) * 1e6)
    parts = []
    for name, at in (("median", 50), ("10th percentile", 10)):
        plain, ours = (statistics.quantiles(t, n=100)[at - 1] for t in times)
        share = (ours / plain - 1) * 100
        more = f"{ours - plain:+.0f} us, {share:+.0f} %"
        parts.append(f"{name} bare {plain:.0f} us, guarded {ours:.0f} us ({more})")
    print(f"healthy {what}, 4 KB: {'; '.join(parts)}")


async def small_calls(folder: Path, seconds: float) -> None:
    inner = MemoryStore()
    guard = Guard(folder / "guard-memory")
    files = guard.objects(CloudStore(inner))
    async with guard.running():
        await files.put("k", SMALL)
        await paired("read, memory", lambda: bare_read(inner), lambda: guarded_read(files), seconds)
        bare = partial(obstore.put_async, inner, "k", SMALL)
        await paired("write, memory", bare, lambda: files.put("k", SMALL), seconds)
    local = LocalFiles(folder / "small")
    guard = Guard(folder / "guard-local")
    on_disk = guard.objects(local)
    async with guard.running():
        await on_disk.put("k", SMALL)
        await paired("read, local files", lambda: local_read(local), lambda: guarded_read(on_disk), seconds)
        write = partial(local.put, "k", SMALL, {})
        await paired("write, local files", write, lambda: on_disk.put("k", SMALL), seconds)


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


async def queueing(folder: Path, seconds: float) -> None:
    guard = Guard(folder / "guard-queue")
    files = guard.objects(CloudStore(MemoryStore()))
    async with guard.running():
        await guard.find("R2_STORAGE").degrade("bench", "bench")
        limit = fsyncs(folder, seconds)
        for writers in (1, 16):
            count, end = 0, time.perf_counter() + seconds

            async def writer(number: int, end: float = end) -> None:
                nonlocal count
                while time.perf_counter() < end:
                    await files.put(f"k{number}-{count}", SMALL)
                    count += 1

            await asyncio.gather(*(writer(n) for n in range(writers)))
            rate, of = count / seconds, f"of {limit:.0f} fsyncs/s"
            print(f"queued writes, 4 KB, {writers} at a time: {rate:.0f}/s, {rate / limit:.2f} {of}")
        waiting = len(guard.queue.book.waiting)
        started = time.perf_counter()
        await guard.find("R2_STORAGE").restore("bench", "")
        await guard.queue.drain()
        print(f"drain: {waiting / (time.perf_counter() - started):.0f} operations/s ({waiting} waiting)")


async def checking(folder: Path) -> None:
    store = LocalFiles(folder / "check")
    guard = Guard(folder / "guard-check")
    files = guard.objects(store)
    async with guard.running():
        for n in range(16):
            await files.put(f"k{n}", os.urandom(8_000_000))
        best = [0.0, 0.0, 0.0]
        for _ in range(3):
            started = time.perf_counter()
            for n in range(16):
                async for _chunk in (await store.get(f"k{n}")).chunks:
                    pass
            best[0] = max(best[0], 128 / (time.perf_counter() - started))
            started = time.perf_counter()
            for n in range(16):
                digest = hashlib.sha256()
                async for chunk in (await store.get(f"k{n}")).chunks:
                    digest.update(chunk)
            best[1] = max(best[1], 128 / (time.perf_counter() - started))
            started = time.perf_counter()
            report = guard.integrity["R2_STORAGE"].begin()
            await guard.integrity["R2_STORAGE"].ended()
            assert report.ok
            best[2] = max(best[2], 128 / (time.perf_counter() - started))
        plain, hashed, checked = best
        print(f"integrity check: {checked:.0f} MB/s ({checked / plain:.2f} of a plain read from memory,")
        print(
            f"  {plain:.0f} MB/s; {checked / hashed:.2f} of read and hashed on one core, {hashed:.0f} MB/s)"
        )


async def asking(folder: Path, seconds: float) -> None:
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
    print(f"GET /health/status in process: {count / seconds:.0f} requests/s")


async def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="guard-bench-") as name:
        folder = Path(name)
        await small_calls(folder, seconds)
        await queueing(folder, seconds)
        await checking(folder)
        await asking(folder, seconds)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0))
