"""Plans as a seed invents them, in the whole language: sound, but as odd as the checker lets pass."""

from __future__ import annotations

import random

from tests.sim import clauses, ladders
from tests.sim.cast import CHANNELS, FAST, PEOPLE, SLOW, STRANGER
from tests.sim.conditions import FACTS
from tests.sim.ladders import Means

INTEGRATIONS = ("prometheus", "uptime", "logs", "stray")
"""What sends alerts. No plan names the last one."""

ZONES = ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland")


def plan(chance: random.Random, number: int, *, slow: bool, change: random.Random | None = None) -> str:
    """A whole plan.yaml. The same chance with a `change` gives a next version of the same plan."""
    times = SLOW if slow else FAST
    rotas = [f"rota{index}" for index in range(chance.randint(1, 3))]
    levels = [f"L{index}" for index in range(1, chance.choice((1, 2, 3, 3, 4, 4)) + 1)]
    services = [f"service{index}" for index in range(1, chance.randint(1, 3) + 1)]
    targets = [*(f'"on call: {one}"' for one in rotas * 3)]
    targets += [
        *(f'"role: {one}"' for one in clauses.ROLES),
        '"team: ops"',
        '"next of: ops"',
        '"next of: bosses"',
    ]
    staged = chance.random() < 0.5
    lines = [f"plan: Plan {number}", f"zone: {chance.choice(ZONES)}", *FACTS, "levels:"]
    means = Means(times, tuple(targets), staged, change)
    # The checker wants the levels that page before those that do not.
    paging = chance.randint(1, len(levels)) if chance.random() < 0.3 else len(levels)
    for index, level in enumerate(levels):
        lines += ladders.level(chance, level, means, pages=index < paging)
    lines += clauses.classify(chance, levels, times)
    lines += clauses.reclassify(chance, targets) if chance.random() < 0.5 else []
    lines += clauses.progress(chance, times)
    lines += clauses.stages(chance, targets) if staged else []
    lines += clauses.triggers(chance, levels, targets) if chance.random() < 0.5 else []
    lines += [*clauses.roles(chance, levels), *clauses.teams(chance)]
    lines += clauses.promises(chance, levels, times) if chance.random() < 0.6 else []
    lines += ["services:", *(f"  {one}: {one.title()}" for one in services), "integrations:"]
    lines += [f"  {one}: {chance.choice(services)}" for one in INTEGRATIONS[:-1]]
    lines.append("rotas:")
    for rota in rotas:
        lines.append(_rota(chance, rota))
    lines.append(f"catch_all: [{chance.choice((*PEOPLE, STRANGER))}]")
    lines += ["notify:", *_notify(chance, times)]
    return "\n".join(lines) + "\n"


def _rota(chance: random.Random, rota: str) -> str:
    if rota != "rota0" and chance.random() < 0.2:
        return f"  {rota}: {{follows: rota0, ahead: {chance.randint(1, 2)}}}"
    layers = [_layer(chance, rested=chance.random() < 0.3) for _ in range(chance.choice((1, 1, 1, 2)))]
    if chance.random() < 0.2:
        layers.insert(0, f"people: [{chance.choice(PEOPLE)}], dates: [2026-04-03 to 2026-04-06, 2026-05-01]")
    return f"  {rota}: {{layers: [{', '.join(f'{{{one}}}' for one in layers)}]}}"


def _layer(chance: random.Random, *, rested: bool) -> str:
    size = chance.choice((1, 1, 2, 3, 3, 4))
    people = chance.sample((*PEOPLE, STRANGER), size)
    starts = chance.choice(("2026-01-05 09:00", "2026-03-29 01:30", "2026-12-01 00:00"))
    shift = chance.choice(("8h", "1d", "2d", "1w", "2w"))
    seats = chance.randint(1, min(2, size))
    text = f'people: [{", ".join(people)}], shift: {shift}, starts: "{starts}", seats: {seats}'
    hours = chance.choice(("Mon-Fri 09:00-17:00", "22:00-06:00", "Sat-Sun")) if rested else ""
    return f"{text}, zone: {chance.choice(ZONES)}" + (f", hours: {hours}" if hours else "")


def _notify(chance: random.Random, times: tuple[int, ...]) -> list[str]:
    rules = [(0, chance.sample(CHANNELS, chance.choice((1, 1, 2))))]
    rules += [(chance.choice(times), [chance.choice(CHANNELS)]) for _ in range(chance.randint(0, 2))]
    return [f"  - {{after: {after}s, by: [{', '.join(by)}]}}" for after, by in sorted(rules)]
