"""The clock's turn: carry out every deadline of an incident that has come."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import catch_up, first_due
from tocsin.core.model import SubjectId
from tocsin.engine.apply import Applied, keep
from tocsin.engine.context import Context
from tocsin.store import subjects
from tocsin.store.transaction import Transaction


def wake(tx: Transaction, context: Context, incident: SubjectId, now: datetime) -> Applied | None:
    """Everything of this incident that is due by `now`, oldest first, in one commit; None: nothing is."""
    stored = subjects.claim_due(tx, incident, now)
    if stored is None:
        return None
    policy = context.policy(tx, stored.state.policy_version)
    first = first_due(stored.state, policy, now)
    if first is not None:
        context.meters.lateness.observe((now - first.due_at).total_seconds())
    decision = catch_up(stored.state, policy, context.view(tx, now), now)
    return keep(tx, stored, decision.state, decision.events, decision.effects, policy, now)
