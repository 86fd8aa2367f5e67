"""Programs of the system that tests drive: found, started on ports of their own, and ended again."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

START_SECONDS_MAX = 30


def program(*names: str) -> str:
    """The path of the first of these that is here; without one the test is left out (CI=true: it fails)."""
    for name in names:
        if found := shutil.which(name):
            return found
    missing = f"{names[0]} is not on this machine. Remedy: scripts/system-programs as root, or install it."
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def running(words: Sequence[str], ready_url: str, log: Path) -> Iterator[None]:
    """The program, from when `ready_url` answers 200 until the block ends."""
    with log.open("wb") as out:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        _wait_ready(process, ready_url, log)
        yield
    finally:
        process.kill()
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < ends and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{url} does not answer: {log.read_text(errors='replace')[-2_000:]}")
