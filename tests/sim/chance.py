"""What a seed decides: which faults there are, how often they strike, and every choice of the run.

Swarm style: each seed enables a random part of the faults, so that rare combinations are not drowned by
common ones, and some seeds enable none, so that what must never happen without a fault is seen not to.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """Everything that can go wrong, by the name under which the proof counts it."""

    CRASH_BEFORE_COMMIT = "crash before commit"
    CRASH_AFTER_COMMIT = "crash after commit"
    CRASH_BEFORE_SEND = "crash before send"
    CRASH_AFTER_SEND = "crash after send, before its answer was recorded"
    COMMIT_FAILS = "commit fails"
    COMMIT_ANSWER_LOST = "commit done, its answer lost"
    POWER_CUT_IN_COMMIT = "power cut in the middle of a commit"
    REFUSED = "provider refuses for now"
    REFUSED_FOR_GOOD = "provider refuses for good"
    TIMED_OUT = "provider times out, nothing delivered"
    ANSWER_LOST = "provider delivers, then times out"
    UNKNOWN = "provider's answer cannot be understood"
    RAISED = "channel raises"
    SLOW = "provider takes seconds"
    LATE = "process stops after sending, answers after its lease"
    STALLED = "process stops after leasing, goes on after its lease"
    DOUBLE_ANSWER = "the same answer comes twice"
    PROVIDER_DOWN = "provider refuses everything for a while"
    KILLED = "process killed between two steps"
    FROZEN = "process stopped for a while, then goes on"
    ENGINE_OUTAGE = "engine does not turn for hours, signals still come in"
    OUTAGE = "whole server down for hours"
    CLOCK_FORWARD = "clock jumps forward"
    CLOCK_BACK = "clock jumps back"
    DATABASE_RESTART = "database restarts"
    BACKEND_KILLED = "database connection cut in a transaction"
    DISK_FULL = "disk full"
    POWER_CUT = "power cut between two steps"
    CHANNEL_REMOVED = "server restarts without a channel"
    INTERFERENCE = "another node commits in the middle of a transaction"


LOST_ANSWERS = frozenset({Fault.COMMIT_ANSWER_LOST, Fault.BACKEND_KILLED})
"""After these nobody knows whether a commit was done, so it is done again."""

COMMIT_FAULTS = (Fault.CRASH_BEFORE_COMMIT, Fault.COMMIT_FAILS, Fault.BACKEND_KILLED)
COMMITTED_FAULTS = (Fault.CRASH_AFTER_COMMIT, Fault.COMMIT_ANSWER_LOST)
SEND_FAULTS = (
    Fault.CRASH_BEFORE_SEND,
    Fault.CRASH_AFTER_SEND,
    Fault.REFUSED,
    Fault.REFUSED_FOR_GOOD,
    Fault.TIMED_OUT,
    Fault.ANSWER_LOST,
    Fault.UNKNOWN,
    Fault.RAISED,
    Fault.SLOW,
    Fault.LATE,
)
DISASTERS = (
    Fault.PROVIDER_DOWN,
    Fault.KILLED,
    Fault.FROZEN,
    Fault.ENGINE_OUTAGE,
    Fault.OUTAGE,
    Fault.CLOCK_FORWARD,
    Fault.CLOCK_BACK,
    Fault.DATABASE_RESTART,
    Fault.DISK_FULL,
    Fault.POWER_CUT,
    Fault.CHANNEL_REMOVED,
)
ONLY_ON = {
    Fault.POWER_CUT: "powerloss",
    Fault.POWER_CUT_IN_COMMIT: "powerloss",
    Fault.DISK_FULL: "sqlite",
    Fault.BACKEND_KILLED: "postgresql",
    Fault.INTERFERENCE: "postgresql",
}
"""Faults that only one kind of database can have."""

QUIET_ODDS = 0.12
"""How many seeds have no fault at all."""


@dataclass(slots=True)
class Chaos:
    """The faults of one seed. `calm` holds them off; `counts` says how often each has struck."""

    rates: dict[Fault, float]
    random: random.Random
    calm: bool = False
    counts: Counter[Fault] = field(default_factory=Counter)

    def strikes(self, *faults: Fault) -> Fault | None:
        """One of the faults, or mostly none."""
        if self.calm:
            return None
        for fault in faults:
            rate = self.rates.get(fault)
            if rate is not None and self.random.random() < rate:
                self.counts[fault] += 1
                return fault
        return None


def stream(seed: int, name: str) -> random.Random:
    """A source of chance of its own: drawing more from one leaves the others as they were."""
    return random.Random(f"{seed}/{name}")


def chaos(seed: int, database: str, faults: Sequence[Fault] | None = None) -> Chaos:
    """The faults that a seed enables on a kind of database; with `faults`, just these."""
    chance = stream(seed, "faults")
    quiet = chance.random() < QUIET_ODDS
    share = chance.choice((0.15, 0.3, 0.5, 0.8))
    rates = {}
    for fault in Fault:
        enabled, rate = chance.random() < share, _rate(fault, chance)
        if ONLY_ON.get(fault, database) != database:
            continue
        if fault in faults if faults is not None else enabled and not quiet:
            rates[fault] = rate
    return Chaos(rates, stream(seed, "strikes"))


def _rate(fault: Fault, chance: random.Random) -> float:
    if fault in (Fault.CRASH_BEFORE_SEND, Fault.CRASH_AFTER_SEND):
        return chance.choice((0.01, 0.03, 0.1))
    if fault in SEND_FAULTS:
        return chance.choice((0.02, 0.1, 0.3))
    if fault in DISASTERS:
        return chance.choice((0.01, 0.04, 0.1))
    if fault is Fault.INTERFERENCE:
        return chance.choice((0.01, 0.05))
    if fault is Fault.STALLED:
        return chance.choice((0.02, 0.1))
    if fault is Fault.DOUBLE_ANSWER:
        return chance.choice((0.05, 0.3))
    return chance.choice((0.001, 0.004, 0.015))
