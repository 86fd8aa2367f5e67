"""Facts and conditions of the simulated plans, each condition with its meaning said once more by hand.

A meaning takes what is known, as values, and says whether the condition certainly holds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

Known = Mapping[str, float | str | bool]
"""Lengths of time are seconds."""

FACTS = (
    "facts:",
    "  errors: {is: percent, ask: How many requests fail?}",
    "  users: {is: number, ask: How many users are affected?}",
    "  data_loss: {is: yes or no, ask: Has data been lost?}",
    "  bucket: {is: [reachable, partly, unreachable], ask: Can the bucket be reached?}",
    "  slow: {is: duration, usual: 400ms}",
    "  impact: {low: users < 10, medium: users >= 10, high: users > 100}",
)

VALUES: Mapping[str, tuple[str, ...]] = {
    "errors": ("1%", "5%", "20%", "21%", "60%"),
    "users": ("0", "9", "10", "101"),
    "data_loss": ("yes", "no"),
    "bucket": ("reachable", "partly", "unreachable"),
    "slow": ("400ms", "900ms", "2s"),
}
"""What may be said of each."""


def _more(known: Known, fact: str, than: float) -> bool:
    value = known.get(fact)
    return isinstance(value, float) and value > than


DECIDING: Mapping[str, Callable[[Known], bool]] = {
    "data_loss": lambda known: known.get("data_loss") is True,
    "errors > 20%": lambda known: _more(known, "errors", 20),
    "users > 100": lambda known: _more(known, "users", 100),
    "impact == high": lambda known: _more(known, "users", 100),
    "bucket == unreachable": lambda known: known.get("bucket") == "unreachable",
    "bucket in [partly, unreachable] or data_loss": lambda known: (
        known.get("bucket") in ("partly", "unreachable") or known.get("data_loss") is True
    ),
    "errors >= 5% and not data_loss": lambda known: (
        _more(known, "errors", 4.99) and known.get("data_loss") is False
    ),
    "slow > 2 * usual(slow)": lambda known: _more(known, "slow", 0.8),
    "services_failing > 1": lambda known: _more(known, "services_failing", 1),
}
"""Those by which the level may be judged."""

STANDING: Mapping[str, Callable[[Known], bool]] = {
    "alerts > 2": lambda known: _more(known, "alerts", 2),
    "level == L1": lambda known: known["level"] == "L1",
    "level in [L1, L2] and data_loss": lambda known: (
        known["level"] in ("L1", "L2") and known.get("data_loss") is True
    ),
    "status == acknowledged": lambda known: known["status"] == "acknowledged",
}
"""Those that look at how it stands."""

MEANS = {**DECIDING, **STANDING}


def deciding(chance: random.Random) -> str:
    """A condition for the level."""
    return chance.choice(tuple(DECIDING))


def condition(chance: random.Random, levels: list[str]) -> str:
    """A condition for anything else; the plan has these levels."""
    fitting = [text for text in MEANS if all(one in levels for one in ("L1", "L2") if one in text)]
    return chance.choice(fitting)


def said(chance: random.Random) -> dict[str, str]:
    """What somebody says, or measures."""
    names = chance.sample(tuple(VALUES), chance.choice((1, 1, 2)))
    return {name: chance.choice(VALUES[name]) for name in names}


def value(fact: str, text: str) -> float | str | bool:
    """A value that was recorded, as a meaning takes it."""
    match fact:
        case "errors":
            return float(text.removesuffix("%"))
        case "users" | "services_failing":
            return float(text)
        case "data_loss":
            return text == "yes"
        case "slow":
            return float(text.removesuffix("ms")) / 1_000 if text.endswith("ms") else _seconds(text)
        case _:
            return text


def _seconds(text: str) -> float:
    return float(text.removesuffix("s"))
