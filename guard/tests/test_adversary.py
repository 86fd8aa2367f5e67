"""What guard has said stays true against an adversary; more seeds: `python -m guard.tests.adversary`."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_that_was_said_is_untrue_in_the_end(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "guard.tests.adversary", str(tmp_path), "0", "6"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "guard" / "src")])},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 games, 1440 acts, refused: {'DiskFull': ")
