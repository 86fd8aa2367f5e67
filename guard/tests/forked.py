"""A service that forks while guard runs. Run as a program: `python -m guard.tests.forked FOLDER HOW`; HOW is
python or c, for a fork that no hook of Python's hears of. It says the child's id, stops guard when told, and
stays."""

import asyncio
import ctypes
import os
import sys
import time
from pathlib import Path

from tocsin_guard import Guard


async def main(folder: Path, how: str) -> None:
    guard = Guard(folder, reserve_bytes=0)
    async with guard.running():
        child = os.fork() if how == "python" else ctypes.CDLL(None).fork()
        if child == 0:
            print(os.getpid(), flush=True)  # by then it has let go what it does not keep
            time.sleep(60)  # noqa: ASYNC251 - it is no service any more
            os._exit(0)
        sys.stdin.readline()
    print("stopped", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
