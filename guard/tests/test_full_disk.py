"""A disk that is really full (a small tmpfs, mounted for the test): refused clearly, nothing lost,
then drained.
"""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from guard.tests.support import World, world
from tocsin_guard import DiskFull, ObjectStore, Settings
from tocsin_guard.operations import State

QUICK = Settings(retry_seconds=0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small disk wants root; test_journal shows the refusal by a file size limit")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    """Our own uploads fill it to the last block."""
    w = world(small_disk / "guard", settings=QUICK)
    async with w.guard.running():
        w.store.down = True
        kept = await fill(w, 40_000)
        for key, body in kept.items():
            assert await (await w.files.get(key)).read() == body
        assert await w.guard.find("R2_STORAGE").degrade("a person can still act", "ana")
    await drained(small_disk, w.store.inner, kept, reserve_bytes=0)


async def test_a_disk_that_others_filled(small_disk: Path) -> None:
    """Not one block is left for the journal; the ballast makes room to finish what was taken."""
    w = world(small_disk / "guard", settings=QUICK, reserve_bytes=400_000)
    async with w.guard.running():
        w.store.down = True
        await w.pass_time(2)
        kept = await fill(w, 700)  # about 500 operations: the ballast has room to finish 600
        with (small_disk / "somebody's log").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"x" * 100):
                continue
        w.store.down = False
        await w.pass_time(90, step=5)
        assert w.guard.queue.book.total(State.QUEUED) == 0
        assert len(w.store.log) == len(kept)
    again = world(small_disk / "guard", store=w.store.inner, settings=QUICK, reserve_bytes=400_000)
    async with again.guard.running():
        await again.pass_time(10)
        assert again.store.log == [], "what was done is written down"


async def fill(w: World, size: int) -> dict[str, bytes]:
    """Upload until refused for good; gives what was taken."""
    kept: dict[str, bytes] = {}
    refusals: list[str] = []
    while len(refusals) < 20:
        key = f"k{len(kept) + len(refusals)}"
        body = f"{key} ".encode() * (size // 5)
        try:
            assert (await w.files.put(key, body)).queued
            kept[key] = body
        except DiskFull as error:
            refusals.append(str(error))
    assert all("is full: refused, and nothing was stored. Free some space there." in r for r in refusals)
    assert len(kept) > 3
    return kept


async def drained(folder: Path, store: ObjectStore, kept: dict[str, bytes], reserve_bytes: int) -> None:
    """After a restart everything that was taken goes to the store, once."""
    w = world(folder / "guard", store=store, settings=QUICK, reserve_bytes=reserve_bytes)
    async with w.guard.running():
        assert w.guard.queue.book.total(State.QUEUED) == len(kept)
        await w.guard.find("R2_STORAGE").force_recovery("ana", "")
        await w.pass_time(30)
        assert w.guard.queue.book.total(State.QUEUED) == 0
        for key, body in kept.items():
            assert await (await store.get(key)).read() == body
        assert len(w.store.log) == len(kept)
