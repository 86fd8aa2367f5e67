"""A machine whose clock is set, far ahead or far back: nothing may come late or never because of it."""

from pathlib import Path

import pytest

from guard.tests.support import world
from tocsin_guard import LocalFiles, Schedule


@pytest.mark.parametrize("seconds", [86_400 * 400, -86_400 * 400], ids=["ahead", "back"])
async def test_figures_of_five_minutes_are_that_also_when_the_clock_was_wrong(
    tmp_path: Path, seconds: float
) -> None:
    w = world(tmp_path / "guard")
    w.clock.set(seconds)
    w.guard.metrics.record("R2_STORAGE", "read", 1.0, failed=True)
    w.clock.set(-seconds)
    for _ in range(20):
        w.clock.advance(60)
        w.guard.metrics.record("R2_STORAGE", "read", 0.001, failed=False)
    found = w.guard.metrics.summed(300)
    assert (found.count, found.errors) == (6, 0)


@pytest.mark.parametrize("seconds", [86_400 * 365, -86_400 * 365], ids=["ahead", "back"])
async def test_a_clock_that_was_wrong_puts_off_no_backup(tmp_path: Path, seconds: float) -> None:
    target = LocalFiles(tmp_path / "backup")
    w = world(tmp_path / "guard", backup=target, schedule=Schedule(86_400, 3600))
    async with w.guard.running():
        await w.pass_time(60, step=10)
        w.clock.set(seconds)
        await w.pass_time(7200, step=600)
        w.clock.set(-seconds)
        before = len(await w.guard.backups["R2_STORAGE"].ids())
        await w.pass_time(86_400 + 3600, step=600)
        stats = w.guard.backups["R2_STORAGE"].stats()
        assert 24 <= len(await w.guard.backups["R2_STORAGE"].ids()) - before <= 28
        assert 0 <= stats["last_backup_age_seconds"] <= 3600
        assert stats["healthy"]


async def test_a_backup_made_after_the_clock_was_set_back_is_kept(tmp_path: Path) -> None:
    """By its name it is the oldest; those of the wrong time give way to it."""
    w = world(tmp_path / "guard", backup=LocalFiles(tmp_path / "backup"), schedule=Schedule(0, 0, kept=2))
    async with w.guard.running():
        backups = w.guard.backups["R2_STORAGE"]
        w.clock.set(86_400)
        for _ in range(2):
            w.clock.advance(1)
            backups.ask("full")
            await backups.run_next()
        w.clock.set(-86_400)
        made = []
        for _ in range(2):
            w.clock.advance(1)
            backups.ask("full")
            await backups.run_next()
            made.append(backups.done[-1].id)
            assert made[-1] in await backups.ids()
        assert await backups.ids() == made
