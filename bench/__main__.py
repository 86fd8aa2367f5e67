"""`python -m bench [SECTION ...] [--json]`: measure, and say what is reached."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from importlib import import_module
from pathlib import Path

import uvloop

from bench import machine
from bench.figures import Figure
from bench.sections import Bench, Section

SECTIONS = (
    "intake",
    "latency",
    "ladder",
    "growth",
    "footprint",
    "alertmanager",
    "acknowledge",
    "plans",
    "guard",
)


def main() -> None:
    """Measure the named sections, or all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"Any of: {', '.join(SECTIONS)}.")
    parser.add_argument("--json", action="store_true", help="Print JSON, for programs.")
    parser.add_argument("--rounds", type=int, default=5, help="Interleaved rounds whose median counts.")
    parser.add_argument("--directory", help="Where to keep data meanwhile; decides which disk is measured.")
    parsed = parser.parse_args()
    if unknown := set(parsed.sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")
    cores = machine.cores()
    machine.pin(cores.generator)
    found: list[Figure] = []
    if not parsed.json:
        print(machine.described())
    for name in parsed.sections or SECTIONS:
        section: Section = import_module(f"bench.{name}").measure
        with tempfile.TemporaryDirectory(prefix="tocsin-bench-", dir=parsed.directory) as directory:
            began = time.perf_counter()
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                figures = runner.run(section(Bench(Path(directory), cores, parsed.rounds)))
        found += figures
        if not parsed.json:
            print(f"\n{name} ({time.perf_counter() - began:.0f} s)")
            for figure in figures:
                print(figure.line(), flush=True)
    _conclude(found, as_json=parsed.json)


def _conclude(found: list[Figure], *, as_json: bool) -> None:
    missed = [f"{one.section}: {one.name}" for one in found if one.reached is False]
    if as_json:
        print(
            json.dumps(
                {"machine": machine.described(), "figures": [one.as_json() for one in found]}, indent=2
            )
        )
        return
    goals = sum(one.goal is not None for one in found)
    print(f"\n{goals - len(missed)} of {goals} goals reached.")
    for name in missed:
        print(f"  not reached: {name}")


main()
