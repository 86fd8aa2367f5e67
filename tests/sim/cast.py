"""Who there is in a run, how they can be reached, and the lengths of time that everything is made of."""

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

FAST = (0, 60, 120, 300, 600, 900, 1_800)
SLOW = (0, 3_600, 2 * 3_600, 6 * 3_600, 12 * 3_600, 86_400, 3 * 86_400)
"""Lengths of time in seconds that a plan is made of: one for minutes of work, one for years of it."""


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
