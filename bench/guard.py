"""What tocsin-guard costs, against the bare store, the disk's fsyncs and a plain read in the same run."""

from __future__ import annotations

from statistics import median

from bench.figures import Figure
from bench.sections import Bench
from guard.bench import parts

SECONDS = 1.0
"""For each part of each round."""


async def measure(bench: Bench) -> list[Figure]:
    """Every part once a round; the median of each figure counts, with the note of the round it is from."""
    rounds = []
    for number in range(bench.rounds):
        folder = bench.directory / str(number)
        folder.mkdir()
        rounds.append(await parts.measure(folder, SECONDS))
    return [_middle(list(some)) for some in zip(*rounds, strict=True)]


def _middle(found: list[parts.Measured]) -> Figure:
    values = [one.value for one in found]
    one = min(found, key=lambda each: abs(each.value - median(values)))
    note = f"{one.note}; {min(values):.3g} to {max(values):.3g} in {len(found)} rounds".removeprefix("; ")
    return Figure("guard", one.name, one.value, one.unit, one.goal, least=one.least, note=note)
