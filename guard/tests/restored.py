"""A service that is killed while it restores. Run as a program: `python -m guard.tests.restored FOLDER BACKUP
KEY`; without a key everything is restored, and with HELD in the environment into the queue."""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from tocsin_guard import Guard, LocalFiles, Schedule
from tocsin_guard.limits import INLINE_BYTES_MAX

KEYS = {f"lists/{n}.csv": n * n * 700 for n in range(40)} | {"large": 20_000_000}


def content(key: str, version: str) -> bytes:
    """What a key holds; no two alike."""
    seed = hashlib.sha256(f"{version} of {key}".encode()).digest()
    return (seed * (KEYS[key] // len(seed) + 1))[: max(KEYS[key], 8)]


def make(folder: Path) -> Guard:
    guard = Guard(folder / "guard", reserve_bytes=0)
    guard.objects(
        LocalFiles(folder / "store"), backup=LocalFiles(folder / "backup"), schedule=Schedule(0, 0, kept=9)
    )
    return guard


async def main(folder: Path, backup: str, key: str) -> None:
    guard = make(folder)
    async with guard.running():
        if os.environ.get("HELD"):
            await guard.find("R2_STORAGE").degrade("a drill", "test")
        print("ready", flush=True)
        print(await guard.backups["R2_STORAGE"].restore(backup, key, by="test", reason="a drill"), flush=True)


assert min(KEYS.values()) < INLINE_BYTES_MAX < max(KEYS.values())

if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
