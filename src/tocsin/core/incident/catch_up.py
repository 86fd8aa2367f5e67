"""The clock's turn: whatever has fallen due, carried out in the order in which it fell due."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import commands, events
from tocsin.core.incident.deadlines import deadlines
from tocsin.core.incident.decide import Decision, decide
from tocsin.core.incident.state import Incident
from tocsin.core.model import SYSTEM, Deadline, DeadlineState, Effect, Refused
from tocsin.core.policy import Policy, View

DEADLINES_MAX = 1_000
"""More than this at once for one incident is a bug of ours: it would mean that one is never used up."""


def catch_up(state: Incident, policy: Policy, view: View, now: datetime) -> Decision:
    """Everything of this incident that is due by `now`, oldest first, as one decision."""
    recorded: list[events.Recorded] = []
    effects: list[Effect] = []
    for _ in range(DEADLINES_MAX):
        deadline = first_due(state, policy, now)
        if deadline is None:
            return Decision(state, tuple(recorded), tuple(effects))
        asked = commands.Asked(SYSTEM, commands.Due(deadline.id))
        decision = decide(state, asked, policy, view, now)
        assert not isinstance(decision, Refused), f"{state.id}: {deadline.id} is due and was refused"
        state = decision.state
        recorded += decision.events
        effects += decision.effects
    raise AssertionError(f"{state.id}: {DEADLINES_MAX} deadlines due at once")


def first_due(state: Incident, policy: Policy, now: datetime) -> Deadline | None:
    """The oldest deadline that has come and is neither kept nor broken."""
    return next(
        (one for one in deadlines(state, policy) if one.state is DeadlineState.DUE and one.due_at <= now),
        None,
    )
