"""How long the plan's own commands take, start of Python included: they need no server, and CI runs them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.figures import Figure
from bench.machine import busy_seconds, pin
from bench.sections import Bench

PLANS = ("abada", "listcutter", "nis2", "startup")
NIGHT = ("--at", "2026-11-22T03:00", "--nobody-answers", "--for", "2h")
YEAR = ("--plan", "plans/nis2", "--from", "2026-01-01", "--to", "2027-01-01")
BARE = ("-c", "import yaml; yaml.load(open('plans/abada/plan.yaml'), yaml.CSafeLoader)")
"""What any program must do at least: start Python and parse one plan."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One run: how long it took without what others had of its core meanwhile, and how long it ran itself."""

    seconds: float
    core: float


async def measure(bench: Bench) -> list[Figure]:
    """Every command in turn, each round with a bare start beside it."""
    commands: dict[str, tuple[Sequence[str], float]] = {
        f"rehearse two hours, {plan}": (("rehearse", f"plans/{plan}", *NIGHT), 0.5) for plan in PLANS
    }
    commands["on call for a year, its turns"] = (("oncall", "calendar", "sun", *YEAR), 2)
    commands["on call for a year, its gaps"] = (("oncall", "gaps", *YEAR), 2)
    commands["on call for a year, its load"] = (("oncall", "load", *YEAR), 2)
    runs: dict[str, list[_Run]] = {name: [] for name in commands}
    bare: list[_Run] = []
    pin(bench.cores.generator)
    for _ in range(bench.rounds):
        bare.append(_run(BARE, bench.cores.generator))
        for name, (arguments, _) in commands.items():
            runs[name].append(_run(("-m", "tocsin", *arguments), bench.cores.generator))
    return [_figure(name, runs[name], goal, bare) for name, (_, goal) in commands.items()]


def _figure(name: str, runs: Sequence[_Run], goal: float, bare: Sequence[_Run]) -> Figure:
    times = median(one.core / limit.core for one, limit in zip(runs, bare, strict=True))
    core, least = median(one.core for one in runs), median(one.core for one in bare)
    note = f"{core:.2f} s of the core: {times:.1f} times a bare start that parses a plan ({least:.2f} s)"
    return Figure("plans", name, median(one.seconds for one in runs), "s", goal, note=note)


def _run(arguments: Sequence[str], core: int | None) -> _Run:
    busy, began = busy_seconds(core), time.perf_counter()
    with subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took, ours = time.perf_counter() - began, used.ru_utime + used.ru_stime
    # Gaps and load say by their exit code what they have found; 2 would be a mistake of ours.
    assert process.returncode in (0, 1), f"{' '.join(arguments)} ended with {process.returncode}"
    others = max(0.0, busy_seconds(core) - busy - ours)
    return _Run(max(took - others, ours), ours)
