"""The levels of simulated plans: ladders with every clock, updates, and a plan's next version of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.sim.cast import PEOPLE, STRANGER

STAGES = ("Second wave", "Third wave")
AUDIENCES = ("inside", "outside", "management")
_LATER = ("after", "after", "unanswered", "stalled", "stalled", "by_hand")


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of a ladder as the plan writes it; `seconds` by its clock."""

    clock: str
    seconds: int
    does: str

    def __str__(self) -> str:
        time = "true" if self.clock == "by_hand" else f"{self.seconds}s"
        return f"      - {{{self.clock}: {time}, {self.does}}}"


@dataclass(frozen=True, slots=True)
class Means:
    """What a plan has that a level may name. `change` makes a next version of it (None: as it was)."""

    times: tuple[int, ...]
    targets: tuple[str, ...]
    staged: bool
    change: random.Random | None = None


def level(chance: random.Random, name: str, means: Means, *, pages: bool) -> list[str]:
    """One level of the plan."""
    times = means.times
    lines = [f"  {name}:", f"    urgent: {str(chance.random() < 0.7).lower()}"]
    for within in ("acknowledge_within", "respond_within"):
        if chance.random() < 0.4:
            lines.append(f"    {within}: {chance.choice(times[1:])}s")
    updates = [_update(chance, one, means) for one in AUDIENCES if chance.random() < 0.3]
    if updates:
        lines += ["    updates:", *updates]
    if not pages:
        return lines
    if chance.random() < 0.5:
        lines.append(f"    acknowledgement_lasts: {chance.choice(times[2:])}s")
    lines += [f"    repeat_every: {chance.choice(times[2:])}s", "    ladder:"]
    rungs = _ladder(chance, means)
    if means.change is not None:
        rungs = _changed(means.change, rungs, means)
    return [*lines, *map(str, _in_order(rungs))]


def _ladder(chance: random.Random, means: Means) -> list[Rung]:
    times = means.times
    first = 0 if chance.random() < 0.8 else chance.choice(times)
    # Half of all ladders go by the incident's clock alone, as the first of the two example plans does.
    clocks = ("after",) if chance.random() < 0.5 else _LATER
    rungs = [Rung("after", first, _does(chance, "after", means))]
    for _ in range(chance.randint(0, 4)):
        clock = chance.choice(clocks)
        seconds = chance.choice(times if clock == "after" else times[1:])
        rungs.append(Rung(clock, seconds, _does(chance, clock, means)))
    return rungs


def _does(chance: random.Random, clock: str, means: Means) -> str:
    targets = ", ".join(target(chance, means.targets) for _ in range(chance.choice((1, 1, 1, 2))))
    does = [f"page: [{targets}]"] if chance.random() < 0.9 else []
    if chance.random() < 0.25 or not does:
        does.append(f"tell: {target(chance, means.targets)}")
    if chance.random() < 0.2:
        task = f"{{do: Write it down, within: {chance.choice(means.times[1:])}s}}"
        does.append(f"tasks: [{chance.choice(('Write it down', task))}]")
    if chance.random() < 0.2:
        does.append("promise: Somebody has looked")
    if means.staged and chance.random() < 0.2:
        does.append(f"stage: {chance.choice(STAGES)}")
    late = clock in ("stalled", "by_hand")
    untils = ("resolved", "mitigated") if late or chance.random() < 0.3 else ("acknowledged", "verified")
    does.append(f"until: {chance.choice((untils[0], untils[0], untils[1]))}")
    return ", ".join(does)


def _in_order(rungs: list[Rung]) -> list[Rung]:
    """Those of the incident's own clock must stand in the order of their times, and one of them first."""
    if rungs[0].clock != "after":
        rungs = [replace(rungs[0], clock="after"), *rungs[1:]]
    if "page: " not in rungs[0].does:
        rungs = [replace(rungs[0], does=f"page: {PEOPLE[0]}, {rungs[0].does}"), *rungs[1:]]
    times = iter(sorted(one.seconds for one in rungs if one.clock == "after"))
    return [replace(one, seconds=next(times)) if one.clock == "after" else one for one in rungs]


def _changed(change: random.Random, rungs: list[Rung], means: Means) -> list[Rung]:
    """A step more, a step less, or one at another time."""
    index = change.randrange(len(rungs))
    match change.randrange(4):
        case 0 if len(rungs) > 1:
            return [one for number, one in enumerate(rungs) if number != index]
        case 1:
            clock = change.choice(_LATER)
            more = Rung(clock, change.choice(means.times[1:]), _does(change, clock, means))
            return [*rungs[: index + 1], more, *rungs[index + 1 :]]
        case 2:
            other = replace(rungs[index], seconds=change.choice(means.times[1:]))
            return [*rungs[:index], other, *rungs[index + 1 :]]
        case _:
            return rungs


def _update(chance: random.Random, audience: str, means: Means) -> str:
    parts = []
    if chance.random() < 0.6:
        parts.append(f"first_within: {chance.choice(means.times)}s")
    if chance.random() < 0.7:
        parts.append(f"every: {chance.choice(means.times[3:])}s")
    elif chance.random() < 0.8 or not parts:
        parts.append(f"at: {chance.choice(('resolved', 'daily', 'change'))}")
    if chance.random() < 0.2:
        parts.append(f"warn: [{means.times[1] // 2}s]")
    to = f", to: [{target(chance, means.targets)}]" if chance.random() < 0.5 else ""
    return f"      {audience}: {{{', '.join(parts)}, by: [email]{to}}}"


def target(chance: random.Random, targets: Sequence[str]) -> str:
    """Whom the plan may mean."""
    return chance.choice(targets) if chance.random() < 0.6 else chance.choice((*PEOPLE, STRANGER))
