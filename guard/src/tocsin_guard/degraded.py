"""Degraded mode of one service, as a pure decision: writes queue, reads go on.

It is entered by hand with a reason, or by rule when the breaker opens. Entered by hand it is left by hand
only: whoever stabilised the service decides when it is over. Entered by rule it is left by rule, when the
breaker has been closed for `settle_seconds`, unless the rule says that a person decides.
"""

from dataclasses import dataclass
from enum import StrEnum


class Cause(StrEnum):
    HAND = "hand"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Degraded:
    """Why, since when and by whom; None stands for normal operation."""

    cause: Cause
    reason: str
    by: str
    since: float


@dataclass(frozen=True, slots=True)
class Rule:
    """`automatic`: enter when the breaker opens. `leave`: whether the rule may also end what it began."""

    automatic: bool = True
    leave: bool = True
    settle_seconds: float = 5.0


def by_rule(
    mode: Degraded | None, rule: Rule, *, closed: bool, closed_seconds: float, now: float
) -> Degraded | None:
    """What the mode should be now, judged from the breaker alone."""
    if mode is None:
        if rule.automatic and not closed:
            return Degraded(Cause.RULE, "the circuit breaker is open", "guard", now)
        return None
    over = mode.cause is Cause.RULE and rule.leave and closed and closed_seconds >= rule.settle_seconds
    return None if over else mode


def by_hand(mode: Degraded | None, reason: str, by: str, now: float) -> Degraded:
    """Take the mode into a person's hands; the time it began is kept."""
    return Degraded(Cause.HAND, reason, by, mode.since if mode else now)
