"""kill -9 in a loop while uploads are queued and drained: 0 lost, 0 applied twice, order per key kept.

The tests run a sample. The whole proof: `python -m guard.tests.test_kill 10000` goes on until so many
uploads were acknowledged, and prints how many kills that took.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from guard.tests.killed import KEYS, effects, numbers

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, seed: int, *, life_seconds: float | None) -> str:
    """One life of the service: killed without warning after so many seconds, or left to drain and end."""
    more = [] if life_seconds is not None else ["drain"]
    process = subprocess.Popen(
        [sys.executable, "-m", "guard.tests.killed", str(folder), str(seed), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "guard" / "src")])},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate(timeout=20)[1]
        if life_seconds is not None:
            time.sleep(life_seconds)
            assert process.poll() is None, process.communicate(timeout=20)[1]
            process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=60 if life_seconds is not None else 900)
        assert life_seconds is not None or process.returncode == 0, err
        return out
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def check(folder: Path) -> tuple[int, int]:
    """The promises, read from the two files; gives how many uploads were acknowledged and took effect."""
    done = effects(folder / "effects")
    marks = [int(mark) for _, mark in done]
    acknowledged = numbers(folder / "acknowledged")
    twice = sorted(mark for mark, count in Counter(marks).items() if count > 1)
    assert not twice, f"applied twice: {twice[:5]}"
    assert not set(acknowledged) - set(marks), f"lost: {sorted(set(acknowledged) - set(marks))[:5]}"
    assert set(marks) <= set(numbers(folder / "tried")), "something took effect that nobody sent"
    for key in range(KEYS):
        of_key = [m for k, m in zip([k for k, _ in done], marks, strict=True) if k == f"k{key}"]
        assert of_key == sorted(of_key), f"the order of k{key} was not kept"
    return len(acknowledged), len(marks)


def test_killed_at_any_moment_nothing_is_lost_doubled_or_reordered(tmp_path: Path) -> None:
    chance = random.Random(4)
    for life in range(5):
        run(tmp_path, life, life_seconds=chance.uniform(0.05, 0.7))
    assert run(tmp_path, 99, life_seconds=None) == "drained\n"
    acknowledged, _ = check(tmp_path)
    assert acknowledged > 200


def main(wanted: int) -> None:
    chance = random.Random()
    with tempfile.TemporaryDirectory(prefix="guard-kill-") as name:
        folder, kills = Path(name), 0
        while len(numbers(folder / "acknowledged")) < wanted:
            run(folder, chance.randrange(1 << 30), life_seconds=chance.uniform(0.01, 0.5))
            kills += 1
        ended = run(folder, 0, life_seconds=None)
        assert ended == "drained\n", ended
        acknowledged, done = check(folder)
    text = (
        f"{kills} kills, {acknowledged} uploads acknowledged, {done} took effect: 0 lost, 0 twice, order kept"
    )
    print(text)  # noqa: T201 - the outcome of a long run


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
