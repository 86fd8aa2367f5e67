"""The clock's turn: carry out every deadline of an incident that has come."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import Incident, commands, deadlines, decide
from tocsin.core.incident.events import Recorded
from tocsin.core.model import SYSTEM, Deadline, DeadlineState, Effect, Refused, SubjectId
from tocsin.core.policy import Policy
from tocsin.engine.apply import Applied, keep
from tocsin.engine.context import Context
from tocsin.store import subjects
from tocsin.store.transaction import Transaction

DEADLINES_MAX = 1_000
"""More than this at once for one incident is a bug of ours: it would mean that one is never used up."""


def wake(tx: Transaction, context: Context, incident: SubjectId, now: datetime) -> Applied | None:
    """Everything of this incident that is due by `now`, oldest first, in one commit; None: nothing is."""
    stored = subjects.claim_due(tx, incident, now)
    if stored is None:
        return None
    policy = context.policy(tx, stored.state.policy_version)
    view = context.view(tx, now)
    state = stored.state
    first = first_due(state, policy, now)
    if first is not None:
        context.meters.lateness.observe((now - first.due_at).total_seconds())
    recorded: list[Recorded] = []
    effects: list[Effect] = []
    for _ in range(DEADLINES_MAX):
        deadline = first_due(state, policy, now)
        if deadline is None:
            return keep(tx, stored, state, recorded, effects, policy, now)
        asked = commands.Asked(SYSTEM, commands.Due(deadline.id))
        decision = decide(state, asked, policy, view, now)
        assert not isinstance(decision, Refused), f"{incident}: {deadline.id} is due and was refused"
        state = decision.state
        recorded += decision.events
        effects += decision.effects
    raise AssertionError(f"{incident}: {DEADLINES_MAX} deadlines due at once")


def first_due(state: Incident, policy: Policy, now: datetime) -> Deadline | None:
    """The oldest deadline that has come and is neither kept nor broken."""
    return next(
        (one for one in deadlines(state, policy) if one.state is DeadlineState.DUE and one.due_at <= now),
        None,
    )
