"""Plans and people as a seed invents them: sound, but as odd as the checker lets pass."""

from __future__ import annotations

import random
from datetime import timedelta

from tocsin.core.directory import Address, Contact
from tocsin.core.model import PersonId
from tocsin.core.policy import NotifyRule

CHANNELS = ("email", "webhook", "sms")
"""What the simulated server can use. People may have a fax too, which it cannot."""

PEOPLE = ("ana", "ben", "chloe", "dara", "eli", "fay")
STRANGER = "ghost"
"""Named by plans, never in the directory."""

INTEGRATIONS = ("prometheus", "uptime", "logs", "stray")
"""What sends alerts. No plan names the last one."""

SEVERITIES = ("critical", "error", "warning", "info")
ZONES = ("UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Auckland")

FAST = (0, 60, 120, 300, 600, 900, 1_800)
SLOW = (0, 3_600, 2 * 3_600, 6 * 3_600, 12 * 3_600, 86_400, 3 * 86_400)
"""Lengths of time in seconds that a plan is made of: one for minutes of work, one for years of it."""


def plan(chance: random.Random, number: int, *, slow: bool) -> str:
    """A whole plan.yaml."""
    times = SLOW if slow else FAST
    rotas = [f"rota{index}" for index in range(chance.randint(1, 3))]
    levels = [f"L{index}" for index in range(1, chance.randint(1, 4) + 1)]
    services = [f"service{index}" for index in range(1, chance.randint(1, 3) + 1)]
    lines = [f"plan: Plan {number}", f"zone: {chance.choice(ZONES)}", "levels:"]
    # The checker wants the levels that page before those that do not.
    paging = chance.randint(1, len(levels)) if chance.random() < 0.3 else len(levels)
    for index, level in enumerate(levels):
        lines += _level(chance, level, times, rotas if index < paging else [])
    lines.append("classify:")
    for severity in SEVERITIES:
        if chance.random() < 0.85:
            lines.append(f"  - {{severity: {severity}, level: {chance.choice(levels)}}}")
    lines.append(f"  - {{source: uptime, level: {chance.choice(levels)}}}")
    if chance.random() < 0.5:
        lines.append(f"reclassify: {{clocks: {chance.choice(('opened', 'change'))}}}")
    if chance.random() < 0.4:
        anchor, within = chance.choice(("opened", "resolved")), chance.choice(times[1:])
        kept_by = chance.choice(("", ", kept_by: closed"))
        lines.append(f"promises: {{Report: {{from: {anchor}, within: {within}s{kept_by}}}}}")
    lines += ["services:", *(f"  {one}: {one.title()}" for one in services), "integrations:"]
    lines += [f"  {one}: {chance.choice(services)}" for one in INTEGRATIONS[:-1]]
    lines.append("rotas:")
    for rota in rotas:
        lines.append(_rota(chance, rota))
    lines.append(f"catch_all: [{chance.choice((*PEOPLE, STRANGER))}]")
    lines += ["notify:", *_notify(chance, times)]
    return "\n".join(lines) + "\n"


def _level(chance: random.Random, level: str, times: tuple[int, ...], rotas: list[str]) -> list[str]:
    lines = [f"  {level}:", f"    urgent: {str(chance.random() < 0.7).lower()}"]
    if chance.random() < 0.6:
        lines.append(f"    acknowledge_within: {chance.choice(times[1:])}s")
    if not rotas:
        return lines
    if chance.random() < 0.5:
        lines.append(f"    acknowledgement_lasts: {chance.choice(times[2:])}s")
    lines += [f"    repeat_every: {chance.choice(times[2:])}s", "    ladder:"]
    first = 0 if chance.random() < 0.8 else chance.choice(times)
    for after in sorted([first, *(chance.choice(times) for _ in range(chance.randint(0, 4)))]):
        until = "resolved" if chance.random() < 0.25 else "acknowledged"
        targets = ", ".join(_target(chance, rotas) for _ in range(chance.choice((1, 1, 1, 2))))
        tell = f", tell: {_target(chance, rotas)}" if chance.random() < 0.25 else ""
        tasks = ", tasks: [Write it down]" if chance.random() < 0.2 else ""
        lines.append(f"      - {{after: {after}s, page: [{targets}]{tell}{tasks}, until: {until}}}")
    return lines


def _target(chance: random.Random, rotas: list[str]) -> str:
    if chance.random() < 0.6:
        return f'"on call: {chance.choice(rotas)}"'
    return chance.choice((*PEOPLE, STRANGER))


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


def people(chance: random.Random, *, slow: bool) -> list[Contact]:
    """Everybody, each with channels and perhaps rules of their own."""
    return [person(chance, name, slow=slow) for name in PEOPLE]


def person(chance: random.Random, name: str, *, slow: bool) -> Contact:
    """Somebody; now and then without any channel that this server can use."""
    times = SLOW if slow else FAST
    size = chance.choice((0, 1, 1, 2, 2, 3))
    names = [*chance.sample(CHANNELS, size), *(["fax"] if chance.random() < 0.3 else [])]
    rules: tuple[NotifyRule, ...] = ()
    if chance.random() < 0.4:
        rules = tuple(
            NotifyRule(timedelta(seconds=chance.choice(times)), tuple(chance.sample((*CHANNELS, "fax"), 2)))
            for _ in range(chance.randint(1, 3))
        )
    channels = {channel: Address(f"{channel}:{name}") for channel in names}
    return Contact(PersonId(name), name.title(), f"{name}@example.com", channels=channels, rules=rules)
