"""An adversary: a store that fails and loses answers, a disk that takes no more in the middle of any file,
ends without warning; and a list of what guard has said, which must be true at the end.

Run as a program, because the kernel's file size limit, which stands for the full disk, is the process's own:
`python -m guard.tests.adversary FOLDER FIRST LAST` plays the seeds from FIRST up to, without, LAST.
"""

import asyncio
import random
import resource
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from guard.tests.support import Breakable
from tocsin_guard import (
    BreakerPolicy,
    DegradedRule,
    Guard,
    GuardedStore,
    GuardError,
    LocalFiles,
    NotFound,
    ObjectStore,
    Schedule,
    Settings,
    Unavailable,
    memory,
)
from tocsin_guard.operations import State

KEYS, ACTS, LIVES = 6, 60, 4
NO_LIMIT = resource.RLIM_INFINITY
BRISK = Settings(
    breaker=BreakerPolicy(open_seconds=0.01, open_seconds_max=0.02, probe_seconds=0.5),
    degraded=DegradedRule(settle_seconds=0.0),
    retry_seconds=0.0001,
    check_every_seconds=0.05,
)
Content = bytes | None  # None: there is no object


@dataclass
class Game:
    seed: int
    folder: Path
    store: Breakable = field(default_factory=lambda: Breakable(memory()))
    # What a key may hold: the last that was acknowledged, and since then what was refused. A refusal says
    # that guard did not keep it; the store may have taken it, and only its answer was lost.
    allowed: dict[str, set[Content]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    async def play(self) -> None:
        for life in range(LIVES):
            guard, files = self._make()
            await guard.start()
            for number in range(ACTS):
                await self._act(files, f"{self.seed}-{life}-{number} ".encode())
            limit_files(NO_LIMIT)
            await (guard.stop() if self.chance.random() < 0.5 else forget(guard))
        self.store.down = self.store.lose_answers = False
        guard, files = self._make()
        async with guard.running():
            await self._drain(guard)
            await self._judge(guard, files)

    def _make(self) -> tuple[Guard, GuardedStore]:
        guard = Guard(self.folder / "guard", reserve_bytes=0)
        guard.journal.compact_min_bytes = self.chance.choice([2000, 50_000, 1 << 24])
        files = guard.objects(
            self.store,
            backup=LocalFiles(self.folder / "backup"),
            schedule=Schedule(0, 0),
            cache_bytes_max=self.chance.choice([0, 1 << 20]),
            settings=BRISK,
        )
        return guard, files

    async def _act(self, files: GuardedStore, mark: bytes) -> None:
        """One upload or deletion, in this weather."""
        chance = self.chance
        self.store.down, self.store.lose_answers = chance.random() < 0.5, chance.random() < 0.1
        key = f"k{chance.randrange(KEYS)}"
        body: Content = mark * chance.choice([0, 1, 50, 3000, 6000])
        kind = chance.choice(["bytes", "stream", "path", "delete"])
        path = self.folder / "mine"
        if kind == "path":
            limit_files(NO_LIMIT)
            path.write_bytes(body or b"")
        limit_files(chance.choice([NO_LIMIT, NO_LIMIT, 200, 3000, 15_000, 40_000]))
        body = None if kind == "delete" else body
        try:
            if body is None:
                await files.delete(key)
            else:
                source: bytes | Path | AsyncIterator[bytes] = body
                if kind != "bytes":
                    source = path if kind == "path" else pieces(body)
                await files.put(key, source)
            self.allowed[key] = {body}
        except GuardError as error:
            self.refused[type(error).__name__] += 1
            self.allowed.setdefault(key, {None}).add(body)
        if chance.random() < 0.3:
            await asyncio.sleep(0.002)

    async def _drain(self, guard: Guard) -> None:
        for _ in range(300):
            await guard.find("R2_STORAGE").force_recovery("adversary", "")
            guard.queue.wake("R2_STORAGE")
            await guard.queue.drain()
            for operation in list(guard.queue.book.operations(State.FAILED)):
                await guard.queue.retry(operation.id)
            if not guard.queue.book.waiting:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"seed {self.seed}: the queue does not empty")

    async def _judge(self, guard: Guard, files: GuardedStore) -> None:
        for key, allowed in self.allowed.items():
            stored = await content(self.store.inner, key)
            assert stored in allowed, f"seed {self.seed}: {key} holds {stored and stored[:20]!r}"
            assert await content(files, key) == stored, f"seed {self.seed}: {key} is read otherwise"
        twice = [mark for mark, count in self.store.puts.items() if count > 1]
        assert not twice, f"seed {self.seed}: {len(twice)} writes took effect twice"
        left = [p.name for name in ("incoming", "spool") for p in (guard.folder / name).iterdir()]
        assert not left, f"seed {self.seed}: {left} was left behind"


async def content(store: ObjectStore | GuardedStore, key: str) -> Content:
    try:
        return await (await store.get(key)).read()
    except (NotFound, Unavailable):
        return None


async def pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 7000):
        yield body[start : start + 7000]


async def forget(guard: Guard) -> None:
    """End without a word: whatever runs is dropped where it stands."""
    for task in (guard._loop, *guard._tasks.values(), *guard._kept):
        if task is not None:
            task.cancel()
    await asyncio.sleep(0)
    await guard.journal.stop()
    guard._lock.free()


def limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, NO_LIMIT))


def main(folder: Path, first: int, last: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    refused: Counter[str] = Counter()
    for seed in range(first, last):
        game = Game(seed, folder / str(seed))
        game.folder.mkdir()
        asyncio.run(game.play())
        refused += game.refused
        shutil.rmtree(game.folder)
    print(f"{last - first} games, {(last - first) * LIVES * ACTS} acts, refused: {dict(refused)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
