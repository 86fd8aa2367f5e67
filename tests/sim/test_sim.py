"""The production engine against everything that can go wrong, from seeds. `make proof` runs many more.

A failure names its seed; the same seed fails the same way again:

    python -m tests.sim.proof --database sqlite --first 7 --seeds 1
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.broken import BROKEN
from tests.sim.databases import KINDS
from tests.sim.play import play
from tests.support import powerloss
from tests.support.postgres import Cluster

STEPS = 30
SEEDS = {"sqlite": range(1, 7), "powerloss": range(101, 105), "postgresql": range(203, 205)}


def kept() -> Iterator[tuple[str, int]]:
    """Seeds that once failed."""
    for line in (Path(__file__).parent / "seeds.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, seed, _ = line.split(maxsplit=2)
            yield kind, int(seed)


def cluster_for(kind: str, request: pytest.FixtureRequest) -> Cluster | None:
    """What the kind of database needs; skips where this Python cannot have its power cut."""
    if kind == "powerloss" and (why := powerloss.supported()) is not None:
        pytest.skip(why)
    if kind != "postgresql":
        return None
    cluster: Cluster = request.getfixturevalue("postgres")
    return cluster


ALL = [(kind, seed) for kind in KINDS for seed in SEEDS[kind]]


@pytest.mark.parametrize(("kind", "seed"), ALL)
def test_no_page_is_lost_late_or_doubled(kind: str, seed: int, request: pytest.FixtureRequest) -> None:
    assert play(seed, kind, cluster_for(kind, request), steps=STEPS).judged > 0


@pytest.mark.parametrize(("kind", "seed"), list(kept()))
def test_what_once_failed_holds(kind: str, seed: int, request: pytest.FixtureRequest) -> None:
    play(seed, kind, cluster_for(kind, request))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_bytes(kind: str, request: pytest.FixtureRequest) -> None:
    cluster = cluster_for(kind, request)
    first = play(7, kind, cluster, steps=20)
    assert play(7, kind, cluster, steps=20).digest == first.digest
    assert first.lines > 0


def test_another_process_with_other_hashes_writes_the_same_bytes() -> None:
    program = "from tests.sim.play import play; print(play(7, 'sqlite', steps=20).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hashes, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashes in ("1", "2")
    }
    assert len(digests) == 1


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_engine_is_caught(name: str, request: pytest.FixtureRequest) -> None:
    broken = BROKEN[name]
    _, rule = broken.first_caught(cluster_for(broken.kind, request))
    assert rule in broken.rules
