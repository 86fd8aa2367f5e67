"""Whatever stands in a file, `tocsin plan check` takes bounded memory, measured where it runs alone."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.plan.test_read import HARBOUR

MOST_MEGABYTES = 150
"""Above what a sound plan takes: a file of a megabyte, the largest that is read, stays within it."""
CHECK = """
import atexit, re, sys
from pathlib import Path
from tocsin.cli import main
peak = lambda: print(re.search(r"VmHWM:(.*)", Path("/proc/self/status").read_text())[1], file=sys.stderr)
atexit.register(peak)
main(["plan", "check", sys.argv[1]])
"""
STRANGE = {
    "ten megabytes": b"# " + b"x" * 10_000_000,
    "an alias bomb": b"a: &a [x]\n"
    + b"".join(b"%c: &%c [%s*%c]\n" % (n, n, b"*%c, " % (n - 1) * 9, n - 1) for n in range(98, 118)),
    "deep lists": b"[" * 1_000_000,
    "deep dashes": b"- " * 500_000,
    "garbage": os.urandom(1_000_000),
    "text that is garbage": bytes(33 + one % 90 for one in os.urandom(1_000_000)),
    "keys that mean nothing": b"".join(b"key%d: x\n" % n for n in range(20_000)),
    "lists that mean nothing": b"levels: [" + b"{a: b}," * 140_000 + b"]\n",
    "one long line": b"plan: " + b"long " * 200_000,
}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count memory in other units")
@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_file_takes_bounded_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / "plan.yaml").write_bytes(STRANGE[name])
    code, megabytes = _checked(tmp_path)
    assert code == 2
    assert megabytes < _sound() + MOST_MEGABYTES


@cache
def _sound() -> int:
    return _checked(HARBOUR)[1]


def _checked(directory: Path) -> tuple[int, int]:
    """The exit code, and the most memory that it held, in MiB."""
    command = [sys.executable, "-c", CHECK, str(directory)]
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return ended.returncode, int(ended.stderr.split()[-2]) // 1024
