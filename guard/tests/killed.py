"""A service that is killed: uploads, an unreliable store, and nothing in memory that a test could trust.

The store is one append-only file: a line is an upload that took effect. Uploads that guard acknowledged
are lines of another file. Run as a program: `python -m guard.tests.killed FOLDER SEED [drain]`.
"""

import asyncio
import base64
import hashlib
import os
import random
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tocsin_guard import (
    BreakerPolicy,
    Conditional,
    Expect,
    Guard,
    Info,
    NotFound,
    Opened,
    Rejected,
    Settings,
    Unavailable,
)
from tocsin_guard.handlers import Body
from tocsin_guard.limits import INLINE_BYTES_MAX
from tocsin_guard.objects.catalogue import OPERATION, SHA256
from tocsin_guard.objects.port import one_chunk
from tocsin_guard.operations import State

KEYS = 20


def content(number: int) -> bytes:
    """What upload `number` holds; some lie in the journal, some in the spool."""
    return f"upload {number} ".encode() * (1 if number % 3 else INLINE_BYTES_MAX // 8)


@dataclass
class FileOfEffects:
    """A store whose every put is one write to one file; `down` and `lossy` as the seed wants."""

    path: Path
    chance: random.Random
    down: bool = False
    conditional: Conditional = Conditional.NONE
    _marks: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for line in effects(self.path):
            self._marks[line[0]] = line[1]
        self._handle = os.open(self.path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def _shaken(self) -> None:
        await asyncio.sleep(self.chance.choice([0, 0, 0.001, 0.01]))
        if self.down or self.chance.random() < 0.05:
            raise Unavailable("down")

    async def put(
        self, key: str, body: Body, attributes: Mapping[str, str], expect: Expect | str = Expect.ANY
    ) -> str:
        await self._shaken()
        data = body if isinstance(body, bytes) else body.read_bytes()
        mark = attributes[OPERATION]
        if data != content(int(mark)):
            raise Rejected(f"upload {mark} has other bytes")
        os.write(self._handle, f"{key} {mark}\n".encode())
        self._marks[key] = mark
        if self.chance.random() < 0.05:
            raise Unavailable("the answer was lost")
        return mark

    async def head(self, key: str) -> Info:
        await self._shaken()
        if key not in self._marks:
            raise NotFound(key)
        mark = self._marks[key]
        sha256 = hashlib.sha256(content(int(mark))).hexdigest()
        return Info(key, 0, mark, 0.0, {OPERATION: mark, SHA256: sha256})

    async def get(self, key: str, start: int = 0, length: int | None = None) -> Opened:
        return Opened(await self.head(key), one_chunk(base64.b64encode(b"")))

    async def delete(self, key: str) -> None:
        raise Rejected("nothing is deleted here")

    async def list(self, folder: str = "") -> AsyncIterator[Info]:
        for key in self._marks:
            yield await self.head(key)


def effects(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    return [(key, mark) for key, mark in (line.split() for line in path.read_text().splitlines())]


async def main(folder: Path, seed: int, drain: bool) -> None:
    chance = random.Random(seed)
    store = FileOfEffects(folder / "effects", chance)
    guard = Guard(folder / "guard", reserve_bytes=0)
    policy = BreakerPolicy(failures_in_a_row=3, open_seconds=0.05, open_seconds_max=0.1, probe_seconds=1)
    guard.journal.compact_min_bytes = 200_000
    files = guard.objects(store, settings=Settings(breaker=policy, retry_seconds=0.001))
    acknowledged = os.open(folder / "acknowledged", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    tried = os.open(folder / "tried", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    async with guard.running():
        print("ready", flush=True)
        if drain:
            await _drain(guard)
            return

        async def uploader(key: int) -> None:
            number = next_number(folder, key)
            while True:
                os.write(tried, f"{number}\n".encode())
                await files.put(f"k{key}", content(number), idempotency_key=str(number))
                os.write(acknowledged, f"{number}\n".encode())
                number += KEYS
                await asyncio.sleep(chance.random() * 0.02)

        async def weather() -> None:
            while True:
                store.down = chance.random() < 0.5
                await asyncio.sleep(chance.random() * 0.3)

        await asyncio.gather(weather(), *(uploader(key) for key in range(KEYS)))


def next_number(folder: Path, key: int) -> int:
    """The next upload of a key: after all that were ever tried, answered or not."""
    tried = [n for n in numbers(folder / "tried") if n % KEYS == key]
    return max(tried, default=key - KEYS) + KEYS


def numbers(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


async def _drain(guard: Guard) -> None:
    """Until nothing waits; gives up when ten seconds bring no progress."""
    least, idle = len(guard.queue.book.waiting), 0
    while guard.queue.book.waiting and idle < 200:
        for name in guard.services:
            guard.queue.wake(name)
        for operation in list(guard.queue.book.operations(State.FAILED)):
            await guard.queue.retry(operation.id)
        guard.wake()
        await asyncio.sleep(0.05)
        waiting = len(guard.queue.book.waiting)
        least, idle = (waiting, 0) if waiting < least else (least, idle + 1)
    print("stuck" if guard.queue.book.waiting else "drained", flush=True)
    for operation in list(guard.queue.book.waiting.values())[:3]:
        print(operation, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), "drain" in sys.argv[3:]))
