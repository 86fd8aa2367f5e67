"""A restore that is killed or fails: each object is old or new, never a mix; guard says what stands; asked
again it goes to the end."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from guard.tests.restored import KEYS, content, make
from guard.tests.support import Breakable, world
from tocsin_guard import LocalFiles, NotFound, Refused, Schedule, Settings, Unavailable, api
from tocsin_guard.requests import Request

ROOT = Path(__file__).resolve().parents[2]
ASKED = Request((), {}, {}, "test")
AGAIN = "Each object is whole, as it was or as restored. Restore it again to go to the end."


async def changed(folder: Path) -> str:
    """A store whose objects were backed up, and then all written anew, but for one that was deleted."""
    guard = make(folder)
    async with guard.running():
        files, backups = guard.store(), guard.backups["R2_STORAGE"]
        for key in KEYS:
            await files.put(key, content(key, "old"))
        backup = backups.ask("full")
        guard.wake()
        await backups.ended(backup)
        for key in KEYS:
            await files.put(key, content(key, "new"))
        await files.delete("lists/7.csv")
    return backup.id


def life(folder: Path, backup: str, key: str, seconds: float | None, held: bool) -> bool:
    """One restore, killed without warning after so many seconds. True: it came to its end before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "guard.tests.restored", str(folder), backup, key],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "guard" / "src")]),
            "HELD": "1" if held else "",
        },
    )
    assert process.stdout is not None
    with process.stdout as said:
        try:
            assert said.readline() == "ready\n"
            if seconds is not None:
                time.sleep(seconds)
                process.send_signal(signal.SIGKILL)
            return "'ok': True" in said.read()
        finally:
            process.kill()
            process.wait()


async def versions(folder: Path) -> dict[str, str]:
    """What is in the store itself, read past guard."""
    store, found = LocalFiles(folder / "store"), {}
    for key in KEYS:
        try:
            data = await (await store.get(key)).read()
        except NotFound:
            found[key] = "gone"
            continue
        of = {content(key, version): version for version in ("old", "new")}
        found[key] = of.get(data, f"a mix: {len(data)} bytes")
    return found


async def check(folder: Path, restored: str) -> tuple[list[str], str]:
    """Nothing is a mix, or has changed that was not to be restored; gives guard's warnings, and its word of
    what was broken off last, unless something came to its end since."""
    for key, version in (await versions(folder)).items():
        kept = "gone" if key == "lists/7.csv" else "new"
        assert version in ({kept, "old"} if restored in ("", key) else {kept}), key
    guard = make(folder)
    async with guard.running():
        report = guard.integrity["R2_STORAGE"].begin()
        await guard.integrity["R2_STORAGE"].ended()
        assert not report.corrupt + report.missing
        ends = ("restore_broken_off", "backup_restored")
        last = next((event for event in guard.events.select(999) if event.type in ends), None)
        status = await api.status(guard, ASKED)
    return status["warnings"], last.message if last and last.type == "restore_broken_off" else ""


@pytest.mark.parametrize("held", [False, True], ids=["straight to the store", "into the queue"])
@pytest.mark.parametrize("key", ["", "large"], ids=["everything", "one object"])
async def test_killed_at_any_moment_each_object_is_old_or_new(tmp_path: Path, key: str, held: bool) -> None:
    backup = await changed(tmp_path)
    chance, killed = random.Random(7), 0
    for _ in range(6):
        life(tmp_path, backup, key, chance.uniform(0.0, 0.5 if not key else 0.12), held)
        warnings, said = await check(tmp_path, key)
        what = f"{key or 'Everything'} from backup {backup}"
        if said:  # else it came to its end, or was killed before it began
            killed += 1
            assert f"{what} was not restored to the end; restore it again." in warnings
            assert said == f"{what} was not restored to the end: guard ended meanwhile. {AGAIN}"
    assert killed
    assert life(tmp_path, backup, key, None, held)
    guard = make(tmp_path)
    async with guard.running():
        assert not [w for w in (await api.status(guard, ASKED))["warnings"] if "restore" in w]
        if held:
            await guard.find("R2_STORAGE").force_recovery("test", "drill over")
        async with asyncio.timeout(60):
            while guard.queue.book.waiting:
                guard.wake()
                await asyncio.sleep(0.02)
    found = await versions(tmp_path)
    assert {found[k] for k in KEYS if key in ("", k)} == {"old"}
    if key:
        assert {found[k] for k in KEYS if k not in (key, "lists/7.csv")} == {"new"}


async def test_one_that_fails_half_way_says_how_far_it_came(tmp_path: Path) -> None:
    target = Breakable(LocalFiles(tmp_path / "backup"))
    w = world(
        tmp_path / "guard", backup=target, schedule=Schedule(0, 0, kept=3), settings=Settings(retry_seconds=0)
    )
    async with w.guard.running():
        for n in range(4):
            await w.files.put(f"k{n}", b"%d" % n)
        backups = w.guard.backups["R2_STORAGE"]
        backup = backups.ask("full")
        await backups.run_next()
        _, items = await backups.load(backup.id)
        target.broken_keys = f"blobs/{items[2].sha256[:2]}/{items[2].sha256}"
        restoring = asyncio.create_task(backups.restore(backup.id, by="ana", reason="a drill"))
        await asyncio.sleep(0.05)
        with pytest.raises(Refused) as twice:
            await backups.restore(backup.id, "k0")
        what = f"Everything from backup {backup.id}"
        assert str(twice.value) == f"{what} is being restored; wait for the end of that."
        for _ in range(20):
            w.clock.advance(1)
            await asyncio.sleep(0.01)
        with pytest.raises(Unavailable):
            await restoring
        event = next(w.guard.events.select(1))
        why = "(The backup store does not work: the store is down)"
        assert event.message == f"{what} was not restored to the end: 2 of 4 objects are {why}. {AGAIN}"
        target.broken_keys = ""
        await backups.restore(backup.id, "k0")  # one object is not everything
        assert f"{what} was not restored to the end; restore it again." in api.warnings(w.guard)
    again = world(tmp_path / "guard", backup=target, schedule=Schedule(0, 0, kept=3), store=w.store.inner)
    async with again.guard.running():
        assert f"{what} was not restored to the end; restore it again." in api.warnings(again.guard)
        assert (await again.guard.backups["R2_STORAGE"].restore(backup.id))["ok"]
        assert not api.warnings(again.guard)
        said = next(again.guard.events.select(1)).message
        assert said == f"{what} was restored: 4 objects, 0 of them queued."
