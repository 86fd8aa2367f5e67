"""What simulated plans say beside levels and rotas: roles, teams, promises, escalation by impact, reviews."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.sim.cast import PEOPLE
from tests.sim.conditions import condition, deciding
from tests.sim.ladders import STAGES, target

ROLES = ("Lead", "Deputy", "Scribe")
TEAMS = ("ops", "bosses")
SEVERITIES = ("critical", "error", "warning", "info")
MILESTONES = ("opened", "acknowledged", "verified", "mitigating", "mitigated", "resolved", "closed")


def classify(chance: random.Random, levels: list[str], times: tuple[int, ...]) -> list[str]:
    """Which level an alert has, and what facts make of it."""
    lines = ["classify:"]
    for severity in SEVERITIES:
        if chance.random() < 0.85:
            # Mostly mild, so that there is something left for facts to make worse.
            level = chance.choice((*levels, levels[-1], levels[-1]))
            lines.append(f"  - {{severity: {severity}, level: {level}}}")
    lines.append(f"  - {{source: uptime, level: {chance.choice(levels)}}}")
    for _ in range(chance.choice((0, 1, 2, 3, 4))):
        lasts = f", for: {chance.choice(times[1:4])}s" if chance.random() < 0.5 else ""
        lines.append(f'  - {{when: "{deciding(chance)}", level: {chance.choice(levels)}{lasts}}}')
    if chance.random() < 0.35:
        rows = [[chance.choice(levels) for _ in range(3)] for _ in range(3)]
        lines += ["matrix:", "  impact: [low, medium, high]", "  bucket:"]
        choices = ("reachable", "partly", "unreachable")
        lines += [f"    {one}: [{', '.join(row)}]" for one, row in zip(choices, rows, strict=True)]
    return lines


def reclassify(chance: random.Random, targets: Sequence[str]) -> list[str]:
    """What a change of level does."""
    lower = f", lower: [{target(chance, targets)}, {chance.choice(PEOPLE)}]" if chance.random() < 0.3 else ""
    return [f"reclassify: {{clocks: {chance.choice(('opened', 'change'))}{lower}}}"]


def progress(chance: random.Random, times: tuple[int, ...]) -> list[str]:
    """What counts as progress, the warning before a stall, and the one extension."""
    if chance.random() < 0.3:
        return []
    kinds = ("update", "level", "milestone", "task", "note", "estimate")
    counts = chance.sample(kinds, chance.randint(1, len(kinds)))
    parts = [f"is: [{', '.join(counts)}]"]
    if chance.random() < 0.6:
        parts.append(f"warn_before: {chance.choice((30, times[1], times[2]))}s")
    if chance.random() < 0.6:
        parts.append(f"extend_once_by: {chance.choice(times[1:4])}s")
    return [f"progress: {{{', '.join(parts)}}}"]


def stages(chance: random.Random, targets: Sequence[str]) -> list[str]:
    """What an escalation brings besides."""
    lines = ["stages:"]
    for stage in STAGES:
        tell = f"tell: {target(chance, targets)}, " if chance.random() < 0.5 else ""
        lines.append(f"  {stage}: {{{tell}tasks: [Call {stage}], updates_every: 50%}}")
    return lines


def triggers(chance: random.Random, levels: list[str], targets: Sequence[str]) -> list[str]:
    """Escalation by impact."""
    lines = ["escalate_when:"]
    for number in range(1, chance.randint(1, 3) + 1):
        does = [f"page: {target(chance, targets)}"] if chance.random() < 0.8 else ["tasks: [Count the cost]"]
        if chance.random() < 0.3:
            does.append(f"tell: {target(chance, targets)}")
        if chance.random() < 0.2:
            does.append(f"restrict_to: [{target(chance, targets)}, {chance.choice(PEOPLE)}]")
        lines.append(f'  Trigger {number}: {{when: "{condition(chance, levels)}", {", ".join(does)}}}')
    return lines


def roles(chance: random.Random, levels: list[str]) -> list[str]:
    """Three roles, two of which one person may not have together."""
    defaults = dict(zip(ROLES, ('"on call: rota0"', *chance.sample(PEOPLE, 2)), strict=True))
    lines = ["roles:"]
    for role in ROLES:
        parts = [f"for: {defaults[role]}"] if chance.random() < 0.5 else []
        if chance.random() < 0.5:
            parts.append(f"at: [{chance.choice(levels)}]")
        if role != "Lead" and chance.random() < 0.6:
            parts.append("not_with: [Lead]")
        lines.append(f"  {role}: {{{', '.join(parts)}}}" if parts else f"  {role}: {{duties: [Be there]}}")
    return lines


def teams(chance: random.Random) -> list[str]:
    """Two teams, one with whoever is on call."""
    ops = ", ".join(chance.sample(PEOPLE, 2))
    return [
        "teams:",
        f'  ops: [{ops}, "on call: rota0"]',
        f"  bosses: [{', '.join(chance.sample(PEOPLE, 2))}]",
    ]


def promises(chance: random.Random, levels: list[str], times: tuple[int, ...]) -> list[str]:
    """What is due by a time: by hand or by a state, always or under a condition, the same or by level."""
    lines = ["promises:"]
    for number in range(1, chance.randint(1, 3) + 1):
        lines.append(f"  Promise {number}: {{{_promise(chance, levels, times)}}}")
    if chance.random() < 0.3:
        ends = chance.choice(("acknowledged", "mitigating", "mitigated"))
        lines += ["phases:", f"  Look at it: {{window: 0s to {chance.choice(times[2:])}s, ends: {ends}}}"]
    if chance.random() < 0.3:
        step = _promise(chance, levels, times)
        lines += ["review:", f'  due_when: ["{condition(chance, levels)}"]']
        lines.append(f"  steps: [{{do: Meeting held, {step}}}]")
    return lines


def _promise(chance: random.Random, levels: list[str], times: tuple[int, ...]) -> str:
    first = chance.choice((0, 0, 0, 1, 2, 4, 5))
    parts = [f"from: {MILESTONES[first]}"]
    if chance.random() < 0.4:
        some = chance.sample(levels, chance.randint(1, len(levels)))
        parts.append(f"within: {{{', '.join(f'{one}: {chance.choice(times[2:])}s' for one in some)}}}")
    else:
        parts.append(f"within: {chance.choice(times[2:])}s")
    if chance.random() < 0.3:
        parts.append(f"not_before: {times[1]}s")
    if chance.random() < 0.5:
        parts.append(f"kept_by: {chance.choice(MILESTONES[first + 1 :])}")
    if chance.random() < 0.3:
        parts.append(f'when: "{condition(chance, levels)}"')
    if chance.random() < 0.3:
        parts.append(f"tell: {chance.choice(PEOPLE)}")
    if chance.random() < 0.3:
        parts.append(f"warn: [{times[1] // 2}s]")
    return ", ".join(parts)
