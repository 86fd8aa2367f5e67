"""Power cuts at any request, on a disk that tears writes and refuses some: what was called kept is found."""

import asyncio
import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from guard.tests.torn import TornDisk
from tocsin_guard.errors import GuardError
from tocsin_guard.growing import GrowingFile
from tocsin_guard.journal import Journal
from tocsin_guard.lines import Record, recover


@dataclass
class Writers:
    """Many at once, some of whom go away; each record is a number with a body of its own kind."""

    journal: Journal
    chance: random.Random
    live: list[Record]
    asked: int = 0
    kept: list[int] = field(default_factory=list)

    def _record(self) -> Record:
        self.asked += 1
        size = self.chance.randint(0, 1500)
        bodies = (
            b"x",
            b"x" + bytes(size),
            b"\n" * size,
            b"\x1b\0\n" * (size // 3),
            self.chance.randbytes(size),
        )
        return {"kind": "n", "n": self.asked, "body": self.chance.choice(bodies)}

    def _applied(self, record: Record) -> None:
        self.live.append(record)
        self.kept.append(record["n"])

    async def write(self, turns: int) -> None:
        for _ in range(turns):
            record = self._record()
            if self.chance.random() < 0.3:
                self.live.append(record)
                self.journal.note(record)
                await asyncio.sleep(0.001)
                continue
            asking = asyncio.ensure_future(
                self.journal.append(record, applied=partial(self._applied, record))
            )
            await asyncio.sleep(0)
            if self.chance.random() < 0.1:
                asking.cancel()
            done = await asyncio.gather(asking, return_exceptions=True)
            assert isinstance(done[0], None | GuardError | asyncio.CancelledError), done


@pytest.mark.parametrize("seed", range(12))
async def test_who_was_told_that_it_is_kept_finds_it_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    torn = TornDisk(tmp_path / "journal", chance)
    torn.install(monkeypatch)
    monkeypatch.setattr("tocsin_guard.limits.JOURNAL_ROOM_BYTES", 4096)
    monkeypatch.setattr("tocsin_guard.limits.JOURNAL_LAZY_SECONDS", 0.004)
    live: list[Record] = []
    journal = Journal(torn.path, lambda: list(live), compact_min_bytes=chance.choice((3_000, 20_000, 10**9)))
    writers = Writers(journal, chance, live)
    problems: list[str] = []

    def power_cut() -> None:
        if chance.random() > 0.3:
            return
        kept = list(writers.kept)
        image = tmp_path / "image"
        image.write_bytes(torn.after_a_power_cut())
        found = [record["n"] for record in recover(image).records]
        for copy in tmp_path.glob("image.damaged-*"):
            copy.unlink()
        lost = set(kept) - set(found)
        if lost or len(set(found)) < len(found) or not set(found) <= set(range(writers.asked + 1)):
            problems.append(f"seed {seed}: {len(kept)} were kept, lost {sorted(lost)}, found {found}")

    journal.start()
    torn.seen, torn.refuses = power_cut, chance.choice((0.0, 0.02, 0.1))
    await asyncio.gather(*(writers.write(30) for _ in range(chance.choice((1, 4, 12)))))
    torn.refuses = 0.0
    await journal.append({"kind": "n", "n": 0})
    await journal.stop()
    assert problems == []
    (tmp_path / "end").write_bytes(torn.inode.now)
    found = recover(tmp_path / "end")
    assert set(writers.kept) <= {record["n"] for record in found.records}
    assert (found.damaged_lines, found.torn_bytes) == (0, 0)


async def test_the_disk_of_these_tests_finds_a_journal_that_says_kept_too_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GrowingFile, "sync", lambda file: None)
    with pytest.raises(AssertionError, match=r"seed 4: .* were kept, lost"):
        await test_who_was_told_that_it_is_kept_finds_it_after_a_power_cut(tmp_path, monkeypatch, 4)
