"""A child that the service forked lives longer than guard: the folder is free all the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tocsin_guard import Guard, GuardError

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def forked(folder: Path, how: str) -> Iterator[tuple["subprocess.Popen[str]", IO[str], IO[str]]]:
    """A service that has forked, with what goes in and out of it. Nothing of it is left afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "guard.tests.forked", str(folder), how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "guard" / "src")])},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin as told, process.stdout as said:
        child = int(said.readline())
        try:
            yield process, told, said
            os.kill(child, 0)  # it lives still, so it is not its end that freed the folder
        finally:
            process.kill()
            process.wait()
            os.kill(child, signal.SIGKILL)


async def test_the_folder_is_free_when_the_parent_was_killed(tmp_path: Path) -> None:
    with forked(tmp_path, "python") as (process, _, _):
        with pytest.raises(GuardError, match="is in use by another process"):
            await Guard(tmp_path).start()  # the child closed its copy, and the parent has the folder still
        process.kill()
        process.wait()
        async with Guard(tmp_path).running():
            pass


@pytest.mark.parametrize("how", ["python", "c"])
async def test_the_folder_is_free_when_the_parent_has_stopped_guard(tmp_path: Path, how: str) -> None:
    with forked(tmp_path, how) as (_, told, said):
        told.write("\n")
        told.flush()
        assert said.readline() == "stopped\n"
        async with Guard(tmp_path).running():
            pass


async def test_a_fork_that_python_does_not_hear_of_keeps_the_folder_of_a_killed_parent(
    tmp_path: Path,
) -> None:
    """What docs/guard/start.md says of it."""
    with forked(tmp_path, "c") as (process, _, _):
        process.kill()
        process.wait()
        with pytest.raises(GuardError, match="is in use by another process"):
            await Guard(tmp_path).start()
