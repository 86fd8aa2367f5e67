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

from tests.sim.broken import BROKEN, Break
from tests.sim.databases import KINDS
from tests.sim.play import play
from tests.sim.verdict import Violation
from tests.support import powerloss
from tests.support.postgres import Cluster

STEPS = 40
SEEDS = {"sqlite": range(1, 9), "powerloss": range(101, 107), "postgresql": range(201, 205)}
CAUGHT_WITHIN = 12
"""A broken engine that survives this many seeds counts as not caught."""


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
    break_it, kind, rules = BROKEN[name]
    cluster = cluster_for(kind, request)
    seed, rule = first_caught(break_it, kind, cluster)
    assert rule in rules
    # The same seed holds for the engine as it is: it was the fault that was caught.
    play(seed, kind, cluster, steps=30)


def first_caught(break_it: Break, kind: str, cluster: Cluster | None) -> tuple[int, str]:
    """The first seed that sees the fault, and the rule that it breaks."""
    for seed in range(1, CAUGHT_WITHIN):
        try:
            with break_it():
                play(seed, kind, cluster, steps=30)
        except Violation as caught:
            return seed, caught.rule
    pytest.fail(f"{CAUGHT_WITHIN} seeds saw nothing wrong")
