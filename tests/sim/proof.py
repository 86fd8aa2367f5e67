"""The long run: many seeds, then `kill -9` on a real server; figures to docs/proof.md.

    python -m tests.sim.proof --seeds 500 --hours 2
    python -m tests.sim.proof --database sqlite --first 7 --seeds 1

Ends with 1 at the first seed that fails and prints it; the same seed fails the same way again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.proof import kill, on_call
from tests.sim.broken import BROKEN
from tests.sim.databases import KINDS
from tests.sim.play import Outcome, play
from tests.sim.verdict import Violation
from tests.support import powerloss
from tests.support.postgres import Cluster, PostgresMissing, find_programs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/proof.md"
YEAR_SECONDS = 365.25 * 86_400
HEAD = """\
# Proof

Written by `make proof`, and only when everything held. The production store and engine run in virtual time
against everything that can go wrong, chosen from a seed, and invariants are judged after every step: no
accepted event and no page is lost, late, or doubled unawares. The same seed gives the same bytes. A failure
prints its seed and ends the run; seeds that once failed stand in `tests/sim/seeds.txt` and run for ever.

Plans and what people ask come from the seed too, in the whole language: ladders with all four clocks,
warnings and the extension, promises, updates, tasks with times, roles and hand-overs, teams, triggers,
thresholds over facts that people say and alerts measure, both rules of reclassifying, merges, and next
versions of a plan for incidents that run. What is due is worked out a second time, by hand, from events and
plan alone, and must agree with the engine after every commit.
"""
ON_CALL = """\
## Who is on call when the clocks change

Every change of every zone's clocks from 2020 to 2037, with hourly, daily, weekly, restricted and layered
rotas that change inside the odd hour. The resolver is held against a second one that shares nothing with
it: a clock on the wall that is never turned back, and counting on a calendar.
"""


@dataclass(slots=True)
class Totals:
    """What all seeds on one kind of database came to."""

    seeds: int = 0
    seconds: float = 0.0
    judged: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """One more seed that held."""
        self.seeds += 1
        self.seconds += outcome.seconds
        self.judged += outcome.judged
        self.counts += outcome.counts
        self.faults.update({str(fault): count for fault, count in outcome.faults.items()})


def main() -> int:
    """Run it; 0 when everything held."""
    options = _options()
    began, ends = time.monotonic(), time.monotonic() + options.hours * 3_600
    totals: dict[str, Totals] = {kind: Totals() for kind in options.kinds}
    with _cluster(options.kinds) as cluster:
        for seed in range(options.first, options.first + options.seeds):
            if time.monotonic() > ends:
                break
            for kind in options.kinds:
                try:
                    totals[kind].add(play(seed, kind, cluster, steps=options.steps))
                except Violation as violation:
                    print(f"\nFAILED: --database {kind} --first {seed} --seeds 1\n{violation}")
                    return 1
                years = sum(one.seconds for one in totals.values()) / YEAR_SECONDS
                print(f"\rseed {seed} on {kind}: {years:.2f} years simulated ", end="", file=sys.stderr)
        caught = {name: BROKEN[name].first_caught(cluster) for name in BROKEN} if options.page else {}
        kills = list(_kills(options.kills, cluster)) if options.kills else []
    if options.page:
        clocks = on_call.prove()
        PAGE.write_text(_page(totals, caught, kills, clocks, time.monotonic() - began), encoding="utf-8")
        print(f"\nEverything held. Figures are in {PAGE.relative_to(ROOT)}.")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.proof", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds on each database")
    parser.add_argument("--first", type=int, default=1_000, help="the first seed")
    parser.add_argument("--hours", type=float, default=24.0, help="begin no further seed after this long")
    parser.add_argument("--steps", type=int, default=60, help="how long a run is")
    parser.add_argument("--kills", type=int, default=30, help="how often a server is killed, per database")
    parser.add_argument("--database", choices=KINDS, help="only this kind; then no page is written")
    options = parser.parse_args()
    options.page = options.database is None
    options.kinds = [options.database] if options.database else [kind for kind in KINDS if _here(kind)]
    if not options.page:
        options.kills = 0
    return options


def _here(kind: str) -> bool:
    why = powerloss.supported() if kind == "powerloss" else None
    if kind == "postgresql":
        try:
            find_programs()
        except PostgresMissing as missing:
            why = str(missing)
    if why:
        print(f"Left out: {kind}. {why}", file=sys.stderr)
    return why is None


@contextmanager
def _cluster(kinds: list[str]) -> Iterator[Cluster | None]:
    if "postgresql" not in kinds:
        yield None
        return
    with Cluster() as cluster:
        yield cluster


def _kills(times: int, cluster: Cluster | None) -> Iterator[tuple[str, kill.Figures]]:
    def progress(words: str) -> None:
        print(f"\r{words}   ", end="", file=sys.stderr)

    yield "SQLite", kill.prove(times, "", 7, progress, patience=3.0)
    if cluster is not None:
        with cluster.database() as url:
            yield "PostgreSQL", kill.prove(times, url, 7, progress, patience=3.0)


def _page(
    totals: dict[str, Totals],
    caught: dict[str, tuple[int, str]],
    kills: list[tuple[str, kill.Figures]],
    clocks: str,
    wall_seconds: float,
) -> str:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    lines = [
        *HEAD.splitlines(),
        "",
        f"Commit {commit}, {datetime.now(UTC):%Y-%m-%d}, {wall_seconds / 60:.0f} minutes on shared cores.",
        "",
        "| database | seeds | simulated years | commits | messages | marked repeats | judgements |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for kind, one in totals.items():
        numbers = (one.counts["commits"], one.counts["messages"], one.counts["repeats"], one.judged)
        cells = " | ".join(f"{number:,}" for number in numbers)
        lines.append(f"| {kind} | {one.seeds:,} | {one.seconds / YEAR_SECONDS:.1f} | {cells} |")
    lines += [
        "",
        "`powerloss` is SQLite on a disk that forgets what was not synced.",
        "",
        "## Faults survived",
        "",
    ]
    lines += ["| fault | times |", "| --- | --: |"]
    faults = sum((one.faults for one in totals.values()), Counter[str]())
    lines += [f"| {fault} | {count:,} |" for fault, count in faults.most_common()]
    lines += [
        "",
        "## Broken engines, caught",
        "",
        "| broken | caught by seed | rule |",
        "| --- | --: | --- |",
    ]
    lines += [f"| {name} | {seed} | {rule.replace('_', ' ')} |" for name, (seed, rule) in caught.items()]
    lines += ["", "## A real server, killed under load", ""]
    lines += [f"- {name}: {figures}. Nothing accepted was lost." for name, figures in kills] or ["Not run."]
    lines += ["", *ON_CALL.splitlines(), "", clocks]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
