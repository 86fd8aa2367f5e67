"""The integrity check: every injected damage is found, nothing sound is accused, and progress can be
watched.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guard.tests.support import World, world
from tocsin_guard import LocalFiles, Refused, Settings
from tocsin_guard.integrity import Report
from tocsin_guard.objects.local import TAIL


@pytest.fixture
async def w(tmp_path: Path) -> AsyncIterator[World]:
    made = world(tmp_path / "guard", store=LocalFiles(tmp_path / "store"), settings=Settings(retry_seconds=0))
    async with made.guard.running():
        yield made


async def check(w: World, sample: int = 0) -> Report:
    integrity = w.guard.integrity["R2_STORAGE"]
    report = integrity.begin(sample)
    await integrity.ended()
    return report


def damage(path: Path, how: str, chance: random.Random) -> None:
    """One bit, a lost end, a zeroed block, swapped content: what disks and people do."""
    data = bytearray(path.read_bytes())
    body = len(data) - TAIL.size - TAIL.unpack(data[-TAIL.size :])[0]
    if how == "bit":
        data[chance.randrange(body)] ^= 1 << chance.randrange(8)
    elif how == "cut":
        del data[chance.randrange(body) :]
    elif how == "zeros":
        start = chance.randrange(body)
        data[start : start + 16] = bytes(len(data[start : start + 16]))
    elif how == "trailer":
        data[body + chance.randrange(len(data) - body)] ^= 0xFF
    elif how == "swapped":
        data = bytearray(b"another file entirely")
    path.write_bytes(data)


async def test_all_injected_corruptions_are_found_and_nothing_else(w: World, tmp_path: Path) -> None:
    chance = random.Random(7)
    for n in range(400):
        await w.files.put(f"o{n:03}", os.urandom(chance.randrange(1, 5000)))
    paths = {f"o{n:03}": tmp_path / "store" / "objects" / f"o{n:03}" for n in range(400)}
    hurt = chance.sample(sorted(paths), 200)
    for place, key in enumerate(hurt):
        before = paths[key].read_bytes()
        while paths[key].read_bytes() == before:
            damage(paths[key], ("bit", "cut", "zeros", "swapped")[place % 4], chance)
    report = await check(w)
    assert sorted(report.corrupt) == sorted(hurt)
    assert (report.missing, report.stray, report.unreadable) == ([], [], [])
    assert report.checked == report.total == 400
    event = next(iter(w.guard.events.select(1)))
    assert (event.type, event.level) == ("integrity_broken", "critical")


async def test_damage_to_a_trailer_is_not_overlooked(w: World, tmp_path: Path) -> None:
    chance = random.Random(8)
    for n in range(50):
        await w.files.put(f"o{n}", b"content")
        damage(tmp_path / "store" / "objects" / f"o{n}", "trailer", chance)
    report = await check(w)
    # The bytes of an object whose trailer only lost its attributes are sound, and are not accused.
    for n in range(50):
        content = await (await w.store.inner.get(f"o{n}")).read()
        assert (f"o{n}" in report.corrupt) == (content != b"content")


async def test_missing_and_stray_objects_are_found_and_waiting_ones_are_not(w: World, tmp_path: Path) -> None:
    for n in range(10):
        await w.files.put(f"o{n}", b"content")
    await w.store.inner.delete("o3")
    await w.store.inner.put("stray", b"?", {})
    await w.guard.find("R2_STORAGE").degrade("test", "ana")
    await w.files.put("queued", b"later")
    report = await check(w)
    assert (report.missing, report.stray, report.corrupt) == (["o3"], ["stray"], [])
    assert not report.ok


async def test_a_store_that_does_not_answer_makes_objects_unreadable_not_corrupt(w: World) -> None:
    for n in range(10):
        await w.files.put(f"o{n}", b"content")
    w.store.broken_keys = "o4"
    report = await check(w)
    assert (report.unreadable, report.corrupt, report.ok) == (["o4"], [], False)
    w.store.down = True
    report = await check(w)
    assert (report.state, len(report.unreadable)) == ("FAILED", 10)


async def test_a_newer_object_that_a_crash_kept_out_of_the_catalogue_proves_itself(w: World) -> None:
    await w.files.put("k", b"old")
    old = w.files.catalogue.entries["k"]
    await w.files.put("k", b"new")
    w.files.catalogue.entries["k"] = old._replace(at=0.0)
    report = await check(w)
    assert (report.ok, report.learned) == (True, 1)
    assert w.files.catalogue.entries["k"].size == 3
    assert (await check(w)).learned == 0


async def test_objects_written_and_deleted_while_it_runs_are_not_accused(w: World) -> None:
    for n in range(60):
        await w.files.put(f"o{n}", os.urandom(20_000))
    integrity = w.guard.integrity["R2_STORAGE"]
    report = integrity.begin()
    with pytest.raises(Refused, match=r"Integrity check 1 is under way"):
        integrity.begin()
    for n in range(60):
        await w.files.put(f"o{n}", os.urandom(20_000))
        if n % 5 == 0:
            await w.files.delete(f"o{n}")
        await asyncio.sleep(0)
    await integrity.ended()
    assert (report.corrupt, report.missing) == ([], [])


async def test_a_sample_looks_at_so_many(w: World) -> None:
    for n in range(30):
        await w.files.put(f"o{n}", b"content")
    report = await check(w, sample=7)
    assert (report.checked, report.total, report.sample, report.ok) == (7, 7, True, True)
    assert report.shown()["progress"] == 1.0
