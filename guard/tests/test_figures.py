"""Figures of each minute: nothing doubled, nothing lost, over restarts and a clock that is set."""

from pathlib import Path

from guard.tests.support import World, world
from tocsin_guard.clock import iso


def call(w: World, seconds: float = 0.1) -> None:
    w.guard.metrics.record("R2_STORAGE", "read", seconds, failed=False)


def rows(w: World) -> list[tuple[str, int]]:
    """By the minute, oldest first; guard's own looks at the store left out."""
    return [
        (iso(60 * minute)[11:16], samples["R2_STORAGE", "read"].count)
        for minute, samples in w.guard.metrics.select(3600)
        if ("R2_STORAGE", "read") in samples
    ]


async def test_an_orderly_stop_keeps_the_minute_that_is_not_over(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    for ends in range(1, 4):  # the same guard, started again within the minute
        async with w.guard.running():
            call(w)
        assert rows(w) == [("22:30", ends)]
    again = world(tmp_path / "guard")
    assert again.clock.now() == w.clock.now()
    async with again.guard.running():
        call(again)
        assert rows(again) == [("22:30", 4)]
        await again.guard.journal.compact()
        call(again)
    third = world(tmp_path / "guard")
    async with third.guard.running():
        assert rows(third) == [("22:30", 5)]
        (_, samples), *_ = third.guard.metrics.select(60)
        assert samples["R2_STORAGE", "read"].buckets == {132: 5}


async def test_a_clock_set_back_a_little_makes_no_second_row_for_a_minute(tmp_path: Path) -> None:
    w = world(tmp_path / "guard")
    async with w.guard.running():
        w.clock.set(60 - w.clock.now() % 60 + 0.05)
        for back in range(3):
            call(w)
            w.clock.set(-0.1 if back % 2 == 0 else 0.1)
            w.guard.metrics.roll()
        assert rows(w) == [("22:30", 1)]
        w.clock.set(0.1)
        assert rows(w) == [("22:30", 1), ("22:31", 2)]
        totals = w.guard.metrics.totals()
        assert totals["R2_STORAGE", "read"].count == 3
    again = world(tmp_path / "guard")
    again.clock.set(60)
    async with again.guard.running():
        assert rows(again) == [("22:30", 1), ("22:31", 2)]
