"""The clock's turn: carry out every deadline of an incident that has come."""

from __future__ import annotations

from datetime import datetime

from tocsin.core.incident import catch_up
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
    caught_up = catch_up(stored.state, policy, context.view(tx, now), now)
    if caught_up.came_at is not None:
        context.meters.lateness.observe((now - caught_up.came_at).total_seconds())
    return keep(tx, stored, caught_up.decision, caught_up.next_due, policy, now)
