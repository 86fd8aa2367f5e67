"""Both written plans, whole: every section has its place in the plan that came of it, with every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.plan import seed_abada, seed_listcutter
from tocsin.plan.files import load_directory
from tocsin.plan.handbook import Plan
from tocsin.plan.read import read_plan

ROOT = Path(__file__).parents[2]
WRITTEN = ROOT.parent / "shared" / "seeds"
SEEDS = {
    "abada": (seed_abada, "000_5da5a50e919652e7.txt"),
    "listcutter": (seed_listcutter, "001_f9d3d8697fd0d3e8.txt"),
}
ROWS = [(name, heading, check) for name, (seed, _) in SEEDS.items() for heading, check in seed.TABLE.items()]


@cache
def plan_of(name: str) -> Plan:
    return read_plan(load_directory(ROOT / "plans" / name))


@pytest.mark.parametrize(("name", "heading", "check"), ROWS, ids=[f"{name} {head}" for name, head, _ in ROWS])
def test_a_section_stands_in_the_plan(name: str, heading: str, check: Callable[[Plan], None]) -> None:
    check(plan_of(name))


def headings(path: Path) -> Iterator[str]:
    """Of a Markdown file, those in fenced blocks left out."""
    fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip().startswith("```"):
            fenced = not fenced
        elif line.startswith("#") and not fenced:
            yield line.strip()


@pytest.mark.skipif(not WRITTEN.exists(), reason="the written plans are not on this machine")
@pytest.mark.parametrize("name", SEEDS)
def test_no_section_of_the_written_plan_is_missing(name: str) -> None:
    seed, file = SEEDS[name]
    known = set(seed.TABLE) | seed.CHAPTERS
    assert not seed.CHAPTERS & set(seed.TABLE)
    assert [heading for heading in headings(WRITTEN / file) if heading not in known] == []
    assert known - set(headings(WRITTEN / file)) == set()
